//! Connections, and the parts of their state that change at their own pace.

use rusqlite::{Connection, Row, params};
use touchline_rules::UnixMs;

use super::Store;
use super::audit::{self, AuditEntry};
use super::error::{Result, StoreError};
use super::setting;
use super::sqlite::writer::CommitClass;
use super::statement::{all, first, number, run, sql_limit, statements};
use crate::wake::News;

/// The status of a connection that was never used.
pub const NEW: &str = "new";
/// The status of a connection whose calls are answered.
pub const WORKING: &str = "working";
/// The status of a connection whose credentials no longer work.
pub const BROKEN: &str = "broken";
/// Connections of one installation; it serves one company.
const CONNECTIONS_MAX: usize = 1_000;

statements! {
    GET(1) = "SELECT name, connector, status, reason, version, updated_at, body \
        FROM connection WHERE name = $1";
    LIST(1) = "SELECT name, connector, status, reason, version, updated_at, body \
        FROM connection ORDER BY name LIMIT $1";
    INSERT(6) = "INSERT INTO connection (name, connector, status, reason, updated_at, body, \
        version) VALUES ($1, $2, $3, $4, $5, $6, 1) ON CONFLICT DO NOTHING";
    UPDATE(7) = "UPDATE connection SET connector = $1, status = $2, reason = $3, updated_at = $4, \
        body = $5, version = version + 1 WHERE name = $6 AND version = $7";
    SET_STATUS(6) = "UPDATE connection SET status = $1, reason = $2, updated_at = $3, \
        version = version + 1 WHERE name = $4 AND (status <> $5 OR reason <> $6)";
    BROKEN_ONES(1) = "SELECT name FROM connection WHERE status = 'broken' ORDER BY name LIMIT $1";
    IS_BROKEN(1) = "SELECT COUNT(*) FROM connection WHERE name = $1 AND status = 'broken'";
    BREAK(5) = "INSERT INTO connection (name, connector, status, reason, updated_at, version, body) \
        VALUES ($1, $2, 'broken', $3, $4, 1, $5) ON CONFLICT (name) DO UPDATE SET \
        status = excluded.status, reason = excluded.reason, updated_at = excluded.updated_at, \
        version = connection.version + 1 \
        WHERE connection.status <> excluded.status OR connection.reason <> excluded.reason";
    GET_PART(2) = "SELECT version, updated_at, body FROM connection_part \
        WHERE connection = $1 AND part = $2";
    INSERT_PART(4) = "INSERT INTO connection_part (connection, part, updated_at, body, version) \
        VALUES ($1, $2, $3, $4, 1) ON CONFLICT DO NOTHING";
    UPDATE_PART(5) = "UPDATE connection_part SET updated_at = $1, body = $2, \
        version = version + 1 WHERE connection = $3 AND part = $4 AND version = $5";
}

/// A connected vendor account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionRow {
    /// Slug.
    pub name: String,
    /// The connector's name.
    pub connector: String,
    /// The caller's own word: `new`, `working`, `broken`, `disconnected` …
    pub status: String,
    /// Why it is broken; empty otherwise.
    pub reason: String,
    /// As loaded; 0 for a new one.
    pub version: i64,
    /// When it last changed.
    pub updated_at: UnixMs,
    /// Its settings, without secrets.
    pub body: Vec<u8>,
}

/// Which part of a connection's state.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Pipelines, stages, owners.
    Metadata,
    /// Where the catch-up poll or the stream goes on.
    PollCursor,
    /// How far the first read is.
    Backfill,
    /// Calls made today, and the share left.
    Usage,
    /// Which pipelines' activity facts can be trusted.
    ActivityVerdict,
    /// The webhooks that were last refused, and why.
    Refusals,
    /// How far the present look at every deal is, and when the last one was.
    Sweep,
    /// The latest data check.
    DataCheck,
    /// How many webhooks came of late, day by day, and how they were answered.
    Intake,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Part::Metadata => "metadata",
            Part::PollCursor => "poll_cursor",
            Part::Backfill => "backfill",
            Part::Usage => "usage",
            Part::ActivityVerdict => "activity_verdict",
            Part::Refusals => "refusals",
            Part::Sweep => "sweep",
            Part::DataCheck => "data_check",
            Part::Intake => "intake",
        }
    }

    /// Whom another one of it concerns. Where somebody stands who reads on
    /// concerns nobody else.
    fn news(self) -> News {
        match self {
            Part::Metadata | Part::Backfill | Part::ActivityVerdict => News::GROUND,
            Part::PollCursor
            | Part::Usage
            | Part::Refusals
            | Part::Sweep
            | Part::DataCheck
            | Part::Intake => News::NONE,
        }
    }

    /// What can be asked or counted again need not wait for the disk.
    fn class(self) -> CommitClass {
        match self {
            Part::Metadata
            | Part::Backfill
            | Part::Usage
            | Part::Sweep
            | Part::DataCheck
            | Part::Refusals
            | Part::Intake => CommitClass::Derived,
            Part::PollCursor | Part::ActivityVerdict => CommitClass::Original,
        }
    }
}

/// One part of a connection's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionPart {
    /// Counted up with each change; name it when changing the part.
    pub version: i64,
    /// When it last changed.
    pub updated_at: UnixMs,
    /// Its content.
    pub body: Vec<u8>,
}

impl Store {
    /// One connection.
    pub async fn connection(&self, name: String) -> Result<Option<ConnectionRow>> {
        self.read(move |main| first(main, &GET, params![name], connection_row)).await
    }

    /// All connections by name.
    pub async fn connections(&self) -> Result<Vec<ConnectionRow>> {
        self.read(|main| all(main, &LIST, params![sql_limit(CONNECTIONS_MAX)], connection_row))
            .await
    }

    /// Adds or changes a connection, with its audit row.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody else changed it.
    pub async fn put_connection(&self, row: ConnectionRow, audit: AuditEntry) -> Result<()> {
        self.write(CommitClass::Original, move |tx| {
            put(tx, &row)?;
            audit::append(tx, &audit)?;
            setting::bump(tx).map(drop)
        })
        .await
    }

    /// Notes that a connection broke or works again; answers whether that is
    /// news. Batches and claims under way notice it as a change of settings.
    pub async fn set_connection_status(
        &self,
        name: String,
        status: String,
        reason: String,
        now: UnixMs,
    ) -> Result<bool> {
        self.write(CommitClass::Original, move |tx| {
            let set = params![status, reason, now.0, name, status, reason];
            let news = run(tx, &SET_STATUS, set)? == 1;
            if news {
                setting::bump(tx)?;
            }
            Ok(news)
        })
        .await
    }

    /// Notes that a connection no longer works, also one that was only ever
    /// configured and has no row yet; answers whether that is news.
    pub async fn break_connection(
        &self,
        name: String,
        connector: String,
        reason: String,
        now: UnixMs,
    ) -> Result<bool> {
        self.write(CommitClass::Original, move |tx| {
            let news = run(tx, &BREAK, params![name, connector, reason, now.0, b"{}"])? == 1;
            if news {
                setting::bump(tx)?;
            }
            Ok(news)
        })
        .await
    }

    /// Names of the connections that are broken.
    pub async fn broken_connections(&self) -> Result<Vec<String>> {
        self.read(broken).await
    }

    /// One part of a connection's state.
    pub async fn connection_part(
        &self,
        connection: String,
        part: Part,
    ) -> Result<Option<ConnectionPart>> {
        self.read(move |main| {
            first(main, &GET_PART, params![connection, part.name()], |row| {
                Ok(ConnectionPart {
                    version: row.get(0)?,
                    updated_at: UnixMs(row.get(1)?),
                    body: row.get(2)?,
                })
            })
        })
        .await
    }

    /// Writes a part that still has this version (0: that is not there yet);
    /// answers the new one.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody else wrote it.
    pub async fn put_connection_part(
        &self,
        connection: String,
        part: Part,
        version: i64,
        body: Vec<u8>,
        now: UnixMs,
    ) -> Result<i64> {
        self.write_news(part.class(), part.news(), move |tx| {
            let name = part.name();
            let written = match version {
                0 => run(tx, &INSERT_PART, params![connection, name, now.0, body])?,
                _ => run(tx, &UPDATE_PART, params![now.0, body, connection, name, version])?,
            };
            let id = format!("{connection}/{name}");
            let detail = || format!("is no longer at version {version}");
            match written {
                0 => Err(StoreError::conflict("connection part", &id, detail())),
                _ => Ok(version + 1),
            }
        })
        .await
    }
}

/// The connections that are broken.
pub(super) fn broken(main: &Connection) -> Result<Vec<String>> {
    all(main, &BROKEN_ONES, params![sql_limit(CONNECTIONS_MAX)], |row| row.get(0))
}

/// Whether a connection is known to be broken.
pub(super) fn is_broken(main: &Connection, name: &str) -> Result<bool> {
    Ok(number(main, &IS_BROKEN, params![name])? > 0)
}

fn put(main: &Connection, row: &ConnectionRow) -> Result<()> {
    let ConnectionRow { name, connector, status, reason, version, updated_at, body } = row;
    let at = updated_at.0;
    let written = match version {
        0 => run(main, &INSERT, params![name, connector, status, reason, at, body])?,
        _ => run(main, &UPDATE, params![connector, status, reason, at, body, name, version])?,
    };
    if written == 0 {
        let detail = format!("is no longer at version {version}");
        return Err(StoreError::conflict("connection", name, detail));
    }
    Ok(())
}

fn connection_row(row: &Row<'_>) -> rusqlite::Result<ConnectionRow> {
    Ok(ConnectionRow {
        name: row.get(0)?,
        connector: row.get(1)?,
        status: row.get(2)?,
        reason: row.get(3)?,
        version: row.get(4)?,
        updated_at: UnixMs(row.get(5)?),
        body: row.get(6)?,
    })
}
