//! Counts by scope, name and bucket of time.

use rusqlite::{Connection, params};

use super::Store;
use super::error::Result;
use super::statement::{all, number, run, sql_limit, statements};

statements! {
    ADD(4) = "INSERT INTO counter (scope, name, bucket, value) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (scope, name, bucket) DO UPDATE SET value = counter.value + excluded.value";
    SUM(4) = "SELECT CAST(COALESCE(SUM(value), 0) AS BIGINT) FROM counter \
        WHERE scope = $1 AND name = $2 AND bucket >= $3 AND bucket <= $4";
    LIST(2) = "SELECT scope, name, bucket, value FROM counter WHERE scope = $1 \
        ORDER BY name, bucket LIMIT $2";
}

/// One count, or what is added to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// What it belongs to: a connection's slug, or empty.
    pub scope: String,
    /// What is counted.
    pub name: String,
    /// Which stretch of time, as the caller numbers it; 0 for ever.
    pub bucket: i64,
    /// How many.
    pub value: i64,
}

impl Store {
    /// The sum of a count over buckets `from` to `to`, both included.
    pub async fn count_of(&self, scope: String, name: String, from: i64, to: i64) -> Result<i64> {
        self.read(move |main| number(main, &SUM, params![scope, name, from, to])).await
    }

    /// The counts of a scope, by name and bucket.
    pub async fn counts(&self, scope: String, limit: usize) -> Result<Vec<Count>> {
        self.read(move |main| {
            all(main, &LIST, params![scope, sql_limit(limit)], |row| {
                Ok(Count {
                    scope: row.get(0)?,
                    name: row.get(1)?,
                    bucket: row.get(2)?,
                    value: row.get(3)?,
                })
            })
        })
        .await
    }
}

pub(super) fn add(main: &Connection, count: &Count) -> Result<()> {
    run(main, &ADD, params![count.scope, count.name, count.bucket, count.value]).map(drop)
}
