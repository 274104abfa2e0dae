//! Credentials, encrypted before they come here.

use std::fmt;

use rusqlite::{Row, params};
use touchline_rules::UnixMs;

use super::Store;
use super::error::{Result, StoreError};
use super::sqlite::writer::CommitClass;
use super::statement::{all, first, run, sql_limit, statements};

/// Credentials listed at once, as key rotation needs them.
const CREDENTIALS_MAX: usize = 10_000;

statements! {
    GET(2) = "SELECT connection, name, version, updated_at, body FROM credential \
        WHERE connection = $1 AND name = $2";
    LIST(1) = "SELECT connection, name, version, updated_at, body FROM credential \
        ORDER BY connection, name LIMIT $1";
    INSERT(4) = "INSERT INTO credential (connection, name, updated_at, body, version) \
        VALUES ($1, $2, $3, $4, 1) ON CONFLICT DO NOTHING";
    UPDATE(5) = "UPDATE credential SET updated_at = $1, body = $2, version = version + 1 \
        WHERE connection = $3 AND name = $4 AND version = $5";
    DELETE(1) = "DELETE FROM credential WHERE connection = $1";
}

/// One encrypted credential.
#[derive(Clone, PartialEq, Eq)]
pub struct CredentialRow {
    /// Slug of the connection.
    pub connection: String,
    /// Which one, for example `refresh_token`.
    pub name: String,
    /// As loaded; 0 for a new one.
    pub version: i64,
    /// When it last changed.
    pub updated_at: UnixMs,
    /// Ciphertext.
    pub body: Vec<u8>,
}

/// Without the ciphertext: even that has no place in a log.
impl fmt::Debug for CredentialRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialRow")
            .field("connection", &self.connection)
            .field("name", &self.name)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// One credential.
    pub async fn credential(
        &self,
        connection: String,
        name: String,
    ) -> Result<Option<CredentialRow>> {
        self.read(move |main| first(main, &GET, params![connection, name], credential_row)).await
    }

    /// All credentials, for a rotation of the key.
    pub async fn credentials(&self) -> Result<Vec<CredentialRow>> {
        self.read(|main| all(main, &LIST, params![sql_limit(CREDENTIALS_MAX)], credential_row))
            .await
    }

    /// Writes a credential that still has the version in `row` (0: a new one).
    /// On the disk when it answers, so a rotated token may be used then.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody else wrote it: load theirs.
    pub async fn put_credential(&self, row: CredentialRow) -> Result<()> {
        self.write(CommitClass::Original, move |tx| {
            let CredentialRow { connection, name, version, updated_at, body } = &row;
            let at = updated_at.0;
            let written = match version {
                0 => run(tx, &INSERT, params![connection, name, at, body])?,
                _ => run(tx, &UPDATE, params![at, body, connection, name, version])?,
            };
            let id = format!("{connection}/{name}");
            let detail = || format!("is no longer at version {version}");
            match written {
                0 => Err(StoreError::conflict("credential", &id, detail())),
                _ => Ok(()),
            }
        })
        .await
    }

    /// Deletes a connection's credentials; answers how many.
    pub async fn delete_credentials(&self, connection: String) -> Result<usize> {
        self.write(CommitClass::Original, move |tx| run(tx, &DELETE, params![connection])).await
    }
}

fn credential_row(row: &Row<'_>) -> rusqlite::Result<CredentialRow> {
    Ok(CredentialRow {
        connection: row.get(0)?,
        name: row.get(1)?,
        version: row.get(2)?,
        updated_at: UnixMs(row.get(3)?),
        body: row.get(4)?,
    })
}
