//! When a subject must be looked at although nothing happened to it.

use rusqlite::{Connection, Row, params};
use touchline_rules::UnixMs;

use super::Store;
use super::error::Result;
use super::statement::{all, first, run, sql_limit, statements};

statements! {
    SET(4) = "INSERT INTO timer (kind, connection, id, due_at) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (kind, connection, id) DO UPDATE SET due_at = excluded.due_at \
        WHERE timer.due_at <> excluded.due_at";
    CLEAR(3) = "DELETE FROM timer WHERE kind = $1 AND connection = $2 AND id = $3";
    DUE(2) = "SELECT kind, connection, id, due_at FROM timer WHERE due_at <= $1 \
        ORDER BY due_at, kind, connection, id LIMIT $2";
    NEXT(0) = "SELECT due_at FROM timer ORDER BY due_at LIMIT 1";
}

/// What rules are evaluated on: a deal, or a person's portfolio.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectKey {
    /// `deal` or `person`.
    pub kind: String,
    /// Slug of the connection; empty where a subject has none.
    pub connection: String,
    /// The vendor's id of the deal, or the person's id.
    pub id: String,
}

/// The one timer of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimerRow {
    /// Whose.
    pub subject: SubjectKey,
    /// When; `None` takes it away.
    pub due_at: Option<UnixMs>,
}

impl Store {
    /// Timers due at or before `now`, in the order (time, subject).
    pub async fn due_timers(&self, now: UnixMs, limit: usize) -> Result<Vec<TimerRow>> {
        self.read(move |connection| {
            all(connection, &DUE, params![now.0, sql_limit(limit)], timer_row)
        })
        .await
    }

    /// When the next timer is due.
    pub async fn next_timer(&self) -> Result<Option<UnixMs>> {
        self.read(|connection| first(connection, &NEXT, [], |row| row.get(0).map(UnixMs))).await
    }
}

/// Sets a timer or takes it away; answers whether it was another before.
pub(super) fn put(main: &Connection, timer: &TimerRow) -> Result<bool> {
    let SubjectKey { kind, connection, id } = &timer.subject;
    let changed = match timer.due_at {
        Some(due_at) => run(main, &SET, params![kind, connection, id, due_at.0])?,
        None => run(main, &CLEAR, params![kind, connection, id])?,
    };
    Ok(changed > 0)
}

fn timer_row(row: &Row<'_>) -> rusqlite::Result<TimerRow> {
    let subject = SubjectKey { kind: row.get(0)?, connection: row.get(1)?, id: row.get(2)? };
    Ok(TimerRow { subject, due_at: Some(UnixMs(row.get(3)?)) })
}
