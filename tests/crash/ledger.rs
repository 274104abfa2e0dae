//! What the database holds, read beside the service by plain SQL.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tokio::time::Instant;

/// How often a running service is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The files of one installation.
pub struct Ledger {
    main: PathBuf,
    inbox: PathBuf,
}

impl Ledger {
    pub fn of(database: &Path) -> Ledger {
        let inbox = database.with_file_name("touchline-inbox.db");
        Ledger { main: database.to_owned(), inbox }
    }

    /// Rows as text columns.
    pub fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        rows(&self.main, sql)
    }

    pub fn number(&self, sql: &str) -> i64 {
        self.rows(sql)[0][0].parse().unwrap()
    }

    fn ingested(&self) -> bool {
        let stored = &rows(&self.inbox, "SELECT COALESCE(MAX(seq), 0) FROM inbox")[0][0];
        let cursor = &self.rows("SELECT seq FROM cursor WHERE name = 'ingest'")[0][0];
        // What was handled long ago may be gone from the inbox.
        stored.parse::<i64>().unwrap() <= cursor.parse::<i64>().unwrap()
    }

    /// Waits until the first read of the account has taken effect.
    pub async fn connected(&self, deals: usize, patience: Duration) {
        let is_read = || {
            let read = "SELECT COUNT(*) FROM deal WHERE stage <> '' AND owner <> ''";
            let done = "SELECT COUNT(*) FROM connection_part WHERE part = 'backfill' \
                AND body LIKE '%\"phase\":\"done\"%'";
            self.number(read) == deals as i64 && self.number(done) == 1 && self.ingested()
        };
        self.wait("the first read of the account", patience, is_read).await;
    }

    /// Waits until nothing is left to be handled, decided, sent or sent once more.
    pub async fn drained(&self, patience: Duration) {
        let is_drained = || {
            self.ingested()
                && self.number("SELECT COUNT(*) FROM nudge WHERE state = 'pending'") == 0
                && self.number(
                    "SELECT COUNT(*) FROM delivery WHERE state IN ('waiting', 'claimed') \
                    OR (state = 'unknown' AND resends = 0)",
                ) == 0
        };
        self.wait("everything to be handled and sent", patience, is_drained).await;
    }

    async fn wait(&self, what: &str, patience: Duration, is_so: impl Fn() -> bool) {
        let until = Instant::now() + patience;
        while !is_so() {
            assert!(
                Instant::now() < until,
                "waited {patience:?} for {what}; nudges {:?}, deliveries {:?}, work {:?}, cursor {:?}",
                self.states("nudge"),
                self.rows("SELECT state, why, COUNT(*) FROM delivery GROUP BY state, why"),
                self.rows("SELECT kind, why, COUNT(*) FROM work GROUP BY kind, why"),
                self.rows("SELECT seq FROM cursor"),
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// How many rows of `table` are in which state.
    pub fn states(&self, table: &str) -> BTreeMap<String, i64> {
        let counted = self
            .rows(&format!("SELECT state, COUNT(*) FROM {table} GROUP BY state ORDER BY state"));
        counted.into_iter().map(|row| (row[0].clone(), row[1].parse().unwrap())).collect()
    }

    /// The changes that took effect: deal, field, instant.
    pub fn changes(&self) -> BTreeSet<(String, String, i64)> {
        let rows = self.rows("SELECT deal, field, occurred_at FROM change");
        let mut rows = rows.into_iter();
        let mut changes = BTreeSet::new();
        while let Some([deal, field, at]) =
            rows.next().map(|row| <[String; 3]>::try_from(row).unwrap())
        {
            changes.insert((deal, field, at.parse().unwrap()));
        }
        changes
    }

    /// Every nudge row by deal, instant of the change and reader.
    pub fn nudges(&self) -> Vec<(String, i64, String)> {
        let rows = self.rows(
            "SELECT nudge.subject_id, firing.body, nudge.person FROM nudge \
             JOIN firing ON firing.id = nudge.firing_id",
        );
        let nudge = |row: Vec<String>| {
            let firing: serde_json::Value = serde_json::from_str(&row[1]).unwrap();
            (row[0].clone(), firing["occurred_at"].as_i64().unwrap(), row[2].clone())
        };
        rows.into_iter().map(nudge).collect()
    }
}

fn rows(path: &Path, sql: &str) -> Vec<Vec<String>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let database = Connection::open_with_flags(path, flags).unwrap();
    database.busy_timeout(Duration::from_secs(10)).unwrap();
    let mut statement = database.prepare(sql).unwrap();
    let columns = statement.column_count();
    let text = |row: &rusqlite::Row<'_>| (0..columns).map(|n| column(row, n)).collect();
    let rows = statement.query_map([], text).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn column(row: &rusqlite::Row<'_>, n: usize) -> rusqlite::Result<String> {
    use rusqlite::types::ValueRef;
    Ok(match row.get_ref(n)? {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into(),
    })
}
