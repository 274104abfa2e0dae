//! People, and who they are at each vendor.

use rusqlite::{Connection, Row, params};

use super::Store;
use super::error::{Result, StoreError};
use super::sqlite::writer::CommitClass;
use super::statement::{all, first, run, sql_limit, statements};
use super::{preference, setting};

statements! {
    GET(1) = "SELECT id, email, version, body FROM person WHERE id = $1";
    BY_EMAIL(1) = "SELECT id, email, version, body FROM person WHERE email = $1 AND email <> ''";
    BY_IDENTITY(3) = "SELECT p.id, p.email, p.version, p.body FROM person AS p \
        INNER JOIN identity AS i ON i.person = p.id \
        WHERE i.connection = $1 AND i.kind = $2 AND i.vendor_id = $3";
    LIST(2) = "SELECT id, email, version, body FROM person WHERE id > $1 ORDER BY id LIMIT $2";
    INSERT(3) = "INSERT INTO person (id, email, version, body) VALUES ($1, $2, 1, $3) \
        ON CONFLICT DO NOTHING";
    UPDATE(4) = "UPDATE person SET email = $1, version = version + 1, body = $2 \
        WHERE id = $3 AND version = $4";
    IDENTIFY(4) = "INSERT INTO identity (connection, kind, vendor_id, person) \
        VALUES ($1, $2, $3, $4) ON CONFLICT (connection, kind, vendor_id) \
        DO UPDATE SET person = excluded.person";
}

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonRow {
    /// Our own id.
    pub id: String,
    /// Lower case: who this is across connections; empty when unknown.
    pub email: String,
    /// As loaded; 0 for somebody new.
    pub version: i64,
    /// Everything else: name, zone, manager, roles.
    pub body: Vec<u8>,
}

/// Who a person is at a vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityRow {
    /// Slug of the connection.
    pub connection: String,
    /// Which sort of id, where a vendor has several: `owner`, `user`, `chat`.
    pub kind: String,
    /// The vendor's id.
    pub vendor_id: String,
    /// Our id of the person.
    pub person: String,
}

/// Under which name the choices of somebody are kept whom a vendor knows and we
/// do not, until [`Store::put_people`] says who it is.
#[must_use]
pub fn stranger(connection: &str, vendor_id: &str) -> String {
    // No e-mail has a slash before its @.
    format!("{connection}/{vendor_id}")
}

impl Store {
    /// One person.
    pub async fn person(&self, id: String) -> Result<Option<PersonRow>> {
        self.read(move |main| get(main, &id)).await
    }

    /// The person with this id at a vendor.
    pub async fn person_by_identity(
        &self,
        connection: String,
        kind: String,
        vendor_id: String,
    ) -> Result<Option<PersonRow>> {
        self.read(move |main| {
            first(main, &BY_IDENTITY, params![connection, kind, vendor_id], person_row)
        })
        .await
    }

    /// A page of people by id; an empty `after` begins.
    pub async fn people(&self, after: String, limit: usize) -> Result<Vec<PersonRow>> {
        self.read(move |main| all(main, &LIST, params![after, sql_limit(limit)], person_row)).await
    }

    /// Adds or changes people and who they are at vendors, all or nothing.
    /// Batches and claims under way notice it as one change of settings.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody else changed one of them, or an
    /// e-mail is another's.
    pub async fn put_people(
        &self,
        people: Vec<PersonRow>,
        known_as: Vec<IdentityRow>,
    ) -> Result<()> {
        self.write(CommitClass::Original, move |tx| {
            people.iter().try_for_each(|person| put(tx, person))?;
            for IdentityRow { connection, kind, vendor_id, person } in &known_as {
                run(tx, &IDENTIFY, params![connection, kind, vendor_id, person])?;
                preference::adopt(tx, person, &stranger(connection, vendor_id))?;
            }
            setting::bump(tx).map(drop)
        })
        .await
    }
}

pub(super) fn get(main: &Connection, id: &str) -> Result<Option<PersonRow>> {
    first(main, &GET, params![id], person_row)
}

fn put(main: &Connection, person: &PersonRow) -> Result<()> {
    let PersonRow { id, email, version, body } = person;
    let taken = first(main, &BY_EMAIL, params![email], person_row)?;
    if let Some(other) = taken.filter(|other| other.id != *id) {
        let detail = format!("has the e-mail of person {:?}", other.id);
        return Err(StoreError::conflict("person", id, detail));
    }
    let written = match version {
        0 => run(main, &INSERT, params![id, email, body])?,
        _ => run(main, &UPDATE, params![email, body, id, version])?,
    };
    if written == 0 {
        let detail = format!("is no longer at version {version}");
        return Err(StoreError::conflict("person", id, detail));
    }
    Ok(())
}

fn person_row(row: &Row<'_>) -> rusqlite::Result<PersonRow> {
    Ok(PersonRow { id: row.get(0)?, email: row.get(1)?, version: row.get(2)?, body: row.get(3)? })
}
