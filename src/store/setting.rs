//! Settings, and the version by which a batch or claim notices that one changed.

use rusqlite::{Connection, Transaction, params};
use touchline_rules::UnixMs;

use super::Store;
use super::audit::{self, AuditEntry};
use super::error::Result;
use super::sqlite::writer::CommitClass;
use super::statement::{all, first, number, run, statements};

statements! {
    VERSION(0) = "SELECT version FROM settings_version WHERE id = 1";
    BUMP(0) = "UPDATE settings_version SET version = version + 1 WHERE id = 1";
    GET(1) = "SELECT name, updated_at, body FROM setting WHERE name = $1";
    LIST(0) = "SELECT name, updated_at, body FROM setting ORDER BY name";
    PUT(3) = "INSERT INTO setting (name, updated_at, body) VALUES ($1, $2, $3) \
        ON CONFLICT (name) DO UPDATE SET updated_at = excluded.updated_at, body = excluded.body";
    PUT_FIRST(3) = "INSERT INTO setting (name, updated_at, body) VALUES ($1, $2, $3) \
        ON CONFLICT (name) DO NOTHING";
}

/// The outcome of an operation that was decided under some settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fenced<T> {
    /// It was committed.
    Done(T),
    /// Settings changed since: nothing was committed. Load them and decide anew.
    SettingsChanged {
        /// Their version now.
        version: i64,
    },
}

impl<T> Fenced<T> {
    /// The answer, if it was committed.
    pub fn done(self) -> Option<T> {
        match self {
            Fenced::Done(value) => Some(value),
            Fenced::SettingsChanged { .. } => None,
        }
    }
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingRow {
    /// Its name, for example `sending` or `rule_set`.
    pub name: String,
    /// When it was last set.
    pub updated_at: UnixMs,
    /// Its value.
    pub body: Vec<u8>,
}

impl Store {
    /// All settings and their version, read together.
    pub async fn settings(&self) -> Result<(i64, Vec<SettingRow>)> {
        self.read(|main| Ok((version(main)?, all(main, &LIST, [], setting_row)?))).await
    }

    /// The settings' version alone.
    pub async fn settings_version(&self) -> Result<i64> {
        self.read(version).await
    }

    /// One setting.
    pub async fn setting(&self, name: String) -> Result<Option<SettingRow>> {
        self.read(move |main| first(main, &GET, params![name], setting_row)).await
    }

    /// Sets one, with its audit row; answers the new version. A running `serve`
    /// notices at its next batch or claim.
    pub async fn put_setting(&self, name: String, body: Vec<u8>, audit: AuditEntry) -> Result<i64> {
        self.write(CommitClass::Original, move |tx| {
            run(tx, &PUT, params![name, audit.at.0, body])?;
            audit::append(tx, &audit)?;
            bump(tx)
        })
        .await
    }

    /// Sets one that was never set: the first value, as configuration gives it.
    /// Answers whether it did.
    pub async fn put_first_setting(
        &self,
        name: String,
        body: Vec<u8>,
        audit: AuditEntry,
    ) -> Result<bool> {
        self.write(CommitClass::Original, move |tx| {
            let first = run(tx, &PUT_FIRST, params![name, audit.at.0, body])? == 1;
            if first {
                audit::append(tx, &audit)?;
                bump(tx)?;
            }
            Ok(first)
        })
        .await
    }
}

/// Tells every batch and claim decided before that something it rests on moved.
pub(super) fn bump(tx: &Transaction<'_>) -> Result<i64> {
    run(tx, &BUMP, [])?;
    version(tx)
}

/// Runs `body` if the settings are still those it was decided under.
pub(super) fn fenced<T>(
    tx: &Transaction<'_>,
    decided_under: i64,
    body: impl FnOnce() -> Result<T>,
) -> Result<Fenced<T>> {
    match version(tx)? {
        version if version != decided_under => Ok(Fenced::SettingsChanged { version }),
        _ => Ok(Fenced::Done(body()?)),
    }
}

pub(super) fn version(main: &Connection) -> Result<i64> {
    number(main, &VERSION, [])
}

fn setting_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<SettingRow> {
    Ok(SettingRow { name: row.get(0)?, updated_at: UnixMs(row.get(1)?), body: row.get(2)? })
}
