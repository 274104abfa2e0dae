//! The ledger: what was not said, and why.

use rusqlite::{Connection, Row, params};
use touchline_rules::UnixMs;

use super::Store;
use super::error::Result;
use super::statement::{all, run, sql_limit, statements};

statements! {
    ADD(8) = "INSERT INTO suppressed (nudge_id, person, connection, subject_id, rule_id, reason, \
        at, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
    OF_PERSON(3) = "SELECT nudge_id, person, connection, subject_id, rule_id, reason, at, body \
        FROM suppressed WHERE person = $1 AND at < $2 AND reason <> 'watching' ORDER BY at DESC, nudge_id LIMIT $3";
    TAKE_BACK(2) = "DELETE FROM suppressed WHERE nudge_id = $1 AND reason = $2";
}

/// The reason of what a rule found that is only being watched.
pub const WATCHING: &str = "watching";

/// A nudge that was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuppressedRow {
    /// The nudge it would have been.
    pub nudge_id: String,
    /// Who would have read it; empty when nobody was found.
    pub person: String,
    /// Slug of the connection.
    pub connection: String,
    /// The vendor's id of the deal, or the person's id.
    pub subject_id: String,
    /// The rule.
    pub rule_id: String,
    /// A stable word: `late`, `muted`, `budget`, `sending_off`, `queue_full` …
    pub reason: String,
    /// When that was decided.
    pub at: UnixMs,
    /// Everything else.
    pub body: Vec<u8>,
}

impl Store {
    /// What one person was spared before `before`, newest first; nothing of rules that
    /// are only being watched.
    pub async fn suppressed_of(
        &self,
        person: String,
        before: UnixMs,
        limit: usize,
    ) -> Result<Vec<SuppressedRow>> {
        self.read(move |main| {
            all(main, &OF_PERSON, params![person, before.0, sql_limit(limit)], suppressed_row)
        })
        .await
    }
}

/// Adds a row; the first reason for a nudge stays.
pub(super) fn add(main: &Connection, row: &SuppressedRow) -> Result<()> {
    let SuppressedRow { nudge_id, person, connection, subject_id, rule_id, reason, at, body } = row;
    run(main, &ADD, params![nudge_id, person, connection, subject_id, rule_id, reason, at.0, body])
        .map(drop)
}

/// Removes a row, if it stands there for this reason: the nudge is tried again.
pub(super) fn take_back(main: &Connection, nudge_id: &str, reason: &str) -> Result<()> {
    run(main, &TAKE_BACK, params![nudge_id, reason]).map(drop)
}

pub(super) fn suppressed_row(row: &Row<'_>) -> rusqlite::Result<SuppressedRow> {
    Ok(SuppressedRow {
        nudge_id: row.get(0)?,
        person: row.get(1)?,
        connection: row.get(2)?,
        subject_id: row.get(3)?,
        rule_id: row.get(4)?,
        reason: row.get(5)?,
        at: UnixMs(row.get(6)?),
        body: row.get(7)?,
    })
}
