//! Which changes were seen before.

use std::collections::HashSet;

use rusqlite::{Connection, params};
use touchline_rules::UnixMs;
use touchline_rules::time::HOUR_MS;

use super::Store;
use super::error::Result;
use super::sqlite::writer::CommitClass;
use super::statement::{number, run, sql_limit, statements};
use crate::wake::News;

statements! {
    SEEN(2) = "SELECT COUNT(*) FROM dedupe WHERE hour = $1 AND hash = $2";
    REMEMBER(3) = "INSERT INTO dedupe (hour, hash, received_hour) VALUES ($1, $2, $3) \
        ON CONFLICT DO NOTHING";
    /// What occurred after an hour was not received before it, so the primary
    /// key's own order finds what is old.
    FORGET(3) = "DELETE FROM dedupe WHERE (hour, hash) IN (SELECT hour, hash FROM dedupe \
        WHERE hour < $1 AND received_hour < $2 ORDER BY hour LIMIT $3)";
}

/// A change's content hash, under the hour in which it occurred.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct DedupeKey {
    /// Hours since 1970 of occurred_at.
    pub hour: i64,
    /// The first 128 bits of the content's hash.
    pub hash: [u8; 16],
}

impl DedupeKey {
    /// The key of content with this hash that occurred at `occurred_at`.
    #[must_use]
    pub fn new(occurred_at: UnixMs, hash: [u8; 16]) -> Self {
        DedupeKey { hour: hour(occurred_at), hash }
    }
}

fn hour(at: UnixMs) -> i64 {
    at.0.div_euclid(HOUR_MS)
}

impl Store {
    /// Those of `keys` that were committed before.
    pub async fn seen(&self, keys: Vec<DedupeKey>) -> Result<HashSet<DedupeKey>> {
        self.read(move |connection| {
            let mut seen = HashSet::new();
            for key in keys {
                if number(connection, &SEEN, params![key.hour, key.hash])? > 0 {
                    seen.insert(key);
                }
            }
            Ok(seen)
        })
        .await
    }

    /// Forgets at most `limit` keys received in the hours before `received_before`'s;
    /// answers how many.
    pub async fn forget_seen(&self, received_before: UnixMs, limit: usize) -> Result<usize> {
        let before = hour(received_before);
        self.write_news(CommitClass::Derived, News::NONE, move |tx| {
            run(tx, &FORGET, params![before, before, sql_limit(limit)])
        })
        .await
    }
}

pub(super) fn remember(main: &Connection, key: &DedupeKey, received_at: UnixMs) -> Result<()> {
    run(main, &REMEMBER, params![key.hour, key.hash, hour(received_at)]).map(drop)
}
