//! Letters: messages without nudges, and what the ledger has to tell in them.

use rusqlite::{Connection, params};
use touchline_rules::UnixMs;

use super::Store;
use super::attention::NewDelivery;
use super::delivery;
use super::error::Result;
use super::ledger::{SuppressedRow, suppressed_row};
use super::nudge::{self, NudgeRow};
use super::sqlite::writer::CommitClass;
use super::statement::{all, sql_limit, statements};
use crate::wake::News;

statements! {
    SPARED_BY(4) = "SELECT rule_id, reason, COUNT(*) FROM suppressed \
        WHERE person = $1 AND at >= $2 AND at < $3 AND reason IN (SELECT value FROM json_each($4)) \
        GROUP BY rule_id, reason \
        ORDER BY COUNT(*) DESC, rule_id, reason";
    /// The most important first, and of these the newest.
    SPARED(5) = "SELECT s.nudge_id, s.person, s.connection, s.subject_id, s.rule_id, s.reason, \
        s.at, s.body FROM suppressed AS s INNER JOIN nudge AS n ON n.id = s.nudge_id \
        WHERE s.person = $1 AND s.at >= $2 AND s.at < $3 AND s.reason IN (SELECT value FROM json_each($4)) \
        ORDER BY n.priority, s.at DESC, s.nudge_id LIMIT $5";
}

/// What one person was spared in a stretch of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spared {
    /// By rule and reason, the most frequent first.
    pub counts: Vec<(String, String, u64)>,
    /// The most important ones, with their nudges.
    pub first: Vec<(SuppressedRow, NudgeRow)>,
}

impl Store {
    /// What the ledger has of one person from `since` up to but without `until`, and
    /// the `first_max` most important of it, where the reason is one of `reasons`.
    pub async fn spared(
        &self,
        person: String,
        (since, until): (UnixMs, UnixMs),
        reasons: Vec<&'static str>,
        first_max: usize,
    ) -> Result<Spared> {
        let reasons = serde_json::to_string(&reasons).unwrap_or_default();
        self.read(move |main| spared(main, &person, (since, until), &reasons, first_max)).await
    }

    /// Adds letters that wait to be sent. One that was ever made is not made again;
    /// answers how many are new.
    pub async fn add_letters(&self, letters: Vec<NewDelivery>) -> Result<usize> {
        self.write_news(CommitClass::Original, News::DELIVERIES, move |tx| {
            let mut added = 0;
            for letter in &letters {
                added += usize::from(delivery::add(tx, letter)?);
            }
            Ok(added)
        })
        .await
    }
}

fn spared(
    main: &Connection,
    person: &str,
    (since, until): (UnixMs, UnixMs),
    reasons: &str,
    first_max: usize,
) -> Result<Spared> {
    let of = params![person, since.0, until.0, reasons];
    let counts = all(main, &SPARED_BY, of, |row| {
        Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?.unsigned_abs()))
    })?;
    let of = params![person, since.0, until.0, reasons, sql_limit(first_max)];
    let mut first = Vec::new();
    for row in all(main, &SPARED, of, suppressed_row)? {
        if let Some(nudge) = nudge::get(main, &row.nudge_id)? {
            first.push((row, nudge));
        }
    }
    Ok(Spared { counts, first })
}
