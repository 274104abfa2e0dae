//! How much there is of everything: for the demo, the console and the doctor.

use super::Store;
use super::error::Result;
use super::statement::{all, number, statements};

statements! {
    DEALS(0) = "SELECT status, COUNT(*) FROM deal GROUP BY status ORDER BY status";
    CHANGES(0) = "SELECT COUNT(*) FROM change";
    FIRINGS(0) = "SELECT rule_id, COUNT(*) FROM firing GROUP BY rule_id ORDER BY rule_id";
    NUDGES(0) = "SELECT state, COUNT(*) FROM nudge GROUP BY state ORDER BY state";
    FATES(0) = "SELECT fate, COUNT(*) FROM (SELECT CASE \
        WHEN EXISTS (SELECT 1 FROM delivery_nudge l JOIN delivery d ON d.id = l.delivery_id \
            WHERE l.nudge_id = n.id AND d.state IN ('sent', 'accepted')) THEN 'sent' \
        WHEN EXISTS (SELECT 1 FROM suppressed s WHERE s.nudge_id = n.id) THEN 'not_sent' \
        WHEN EXISTS (SELECT 1 FROM delivery_nudge l JOIN delivery d ON d.id = l.delivery_id \
            WHERE l.nudge_id = n.id AND d.state = 'unknown') THEN 'unknown' \
        WHEN EXISTS (SELECT 1 FROM delivery_nudge l JOIN delivery d ON d.id = l.delivery_id \
            WHERE l.nudge_id = n.id AND d.state = 'failed') THEN 'failed' \
        ELSE n.state END AS fate FROM nudge n) AS fates GROUP BY fate ORDER BY fate";
    SPARED(0) = "SELECT s.reason, COUNT(*) FROM suppressed s WHERE NOT EXISTS \
        (SELECT 1 FROM delivery_nudge l JOIN delivery d ON d.id = l.delivery_id \
            WHERE l.nudge_id = s.nudge_id AND d.state IN ('sent', 'accepted')) \
        GROUP BY s.reason ORDER BY COUNT(*) DESC, s.reason";
    DELIVERIES(0) = "SELECT channel, state, COUNT(*) FROM delivery GROUP BY channel, state \
        ORDER BY channel, state";
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
    /// What became of each nudge, exactly once: `sent` if any message with it
    /// was, else `not_sent`, `unknown`, `failed`, else the state it waits in.
    pub fates: Vec<(String, u64)>,
    /// Deliveries by channel and state.
    pub deliveries: Vec<(String, String, u64)>,
    /// Ledger rows of nudges that were never sent, by reason, most frequent first.
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
                fates: grouped(&FATES)?,
                deliveries: all(main, &DELIVERIES, [], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?.unsigned_abs()))
                })?,
                suppressed: grouped(&SPARED)?,
                outcomes: grouped(&OUTCOMES)?,
                work: grouped(&WORK)?,
                dead_letters: number(main, &DEAD_LETTERS, [])?.unsigned_abs(),
            })
        })
        .await
    }
}
