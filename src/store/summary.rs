//! How much there is of everything: for the demo and `touchline admin ledger`.

use touchline_rules::UnixMs;

use super::Store;
use super::error::Result;
use super::ledger;
use super::statement::{all, number, statements};

statements! {
    DEALS(0) = "SELECT status, COUNT(*) FROM deal GROUP BY status ORDER BY status";
    CHANGES(0) = "SELECT COUNT(*) FROM change";
    FIRINGS(0) = "SELECT rule_id, COUNT(*) FROM firing GROUP BY rule_id ORDER BY rule_id";
    NUDGES(0) = "SELECT state, COUNT(*) FROM nudge GROUP BY state ORDER BY state";
    DELIVERIES(0) = "SELECT state, COUNT(*) FROM delivery GROUP BY state ORDER BY state";
    OUTCOMES(0) = "SELECT kind, COUNT(*) FROM outcome GROUP BY kind ORDER BY kind";
    WORK(0) = "SELECT kind, COUNT(*) FROM work GROUP BY kind ORDER BY kind";
    DEAD_LETTERS(0) = "SELECT COUNT(*) FROM dead_letter WHERE state = 'waiting'";
}

/// Counts over the whole database. Walks whole tables: not for a hot path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The last inbox row whose effects are committed.
    pub cursor: u64,
    /// Deals by status.
    pub deals: Vec<(String, u64)>,
    /// Changes in all histories.
    pub changes: u64,
    /// Firings by rule.
    pub firings: Vec<(String, u64)>,
    /// Nudges by state.
    pub nudges: Vec<(String, u64)>,
    /// Deliveries by state.
    pub deliveries: Vec<(String, u64)>,
    /// Ledger rows by reason, most frequent first.
    pub suppressed: Vec<(String, u64)>,
    /// Outcomes by kind.
    pub outcomes: Vec<(String, u64)>,
    /// Work waiting, by kind.
    pub work: Vec<(String, u64)>,
    /// Dead letters that nobody settled.
    pub dead_letters: u64,
}

impl Store {
    /// Counts everything, in one moment.
    pub async fn summary(&self) -> Result<Summary> {
        self.read(|main| {
            let grouped = |statement| {
                all(main, statement, [], |row| {
                    Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs()))
                })
            };
            Ok(Summary {
                cursor: super::cursor::read(main)?.unsigned_abs(),
                deals: grouped(&DEALS)?,
                changes: number(main, &CHANGES, [])?.unsigned_abs(),
                firings: grouped(&FIRINGS)?,
                nudges: grouped(&NUDGES)?,
                deliveries: grouped(&DELIVERIES)?,
                suppressed: ledger::by_reason(main, UnixMs::MIN)?,
                outcomes: grouped(&OUTCOMES)?,
                work: grouped(&WORK)?,
                dead_letters: number(main, &DEAD_LETTERS, [])?.unsigned_abs(),
            })
        })
        .await
    }
}
