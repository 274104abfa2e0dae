//! Changes of rules that wait for a second person.

use rusqlite::{Connection, Row, params};
use touchline_rules::UnixMs;

use super::Store;
use super::error::Result;
use super::statement::{all, first, run, sql_limit, statements};

statements! {
    PUT(7) = "INSERT INTO rule_request (id, at, actor, state, settled_at, settled_by, body) \
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO UPDATE SET \
        state = excluded.state, settled_at = excluded.settled_at, settled_by = excluded.settled_by";
    GET(1) = "SELECT id, at, actor, state, settled_at, settled_by, body FROM rule_request WHERE id = $1";
    OPEN(1) = "SELECT id, at, actor, state, settled_at, settled_by, body FROM rule_request \
        WHERE state = 'open' ORDER BY at, id LIMIT $1";
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleRequestRow {
    /// What people type.
    pub id: String,
    /// When it was made.
    pub at: UnixMs,
    /// By whom.
    pub actor: String,
    /// `open`, `approved` or `refused`.
    pub state: String,
    /// When it was settled; `None` while it is open.
    pub settled_at: Option<UnixMs>,
    /// By whom.
    pub settled_by: String,
    /// What is to be done.
    pub body: Vec<u8>,
}

impl Store {
    /// One request.
    pub async fn rule_request(&self, id: String) -> Result<Option<RuleRequestRow>> {
        self.read(move |main| first(main, &GET, params![id], request_row)).await
    }

    /// Requests that wait, oldest first.
    pub async fn open_rule_requests(&self, limit: usize) -> Result<Vec<RuleRequestRow>> {
        self.read(move |main| all(main, &OPEN, params![sql_limit(limit)], request_row)).await
    }
}

pub(super) fn put(main: &Connection, row: &RuleRequestRow) -> Result<()> {
    let RuleRequestRow { id, at, actor, state, settled_at, settled_by, body } = row;
    let settled_at = settled_at.map_or(0, |at| at.0);
    run(main, &PUT, params![id, at.0, actor, state, settled_at, settled_by, body]).map(drop)
}

fn request_row(row: &Row<'_>) -> rusqlite::Result<RuleRequestRow> {
    let settled_at: i64 = row.get(4)?;
    Ok(RuleRequestRow {
        id: row.get(0)?,
        at: UnixMs(row.get(1)?),
        actor: row.get(2)?,
        state: row.get(3)?,
        settled_at: (settled_at != 0).then_some(UnixMs(settled_at)),
        settled_by: row.get(5)?,
        body: row.get(6)?,
    })
}
