//! How much there is of everything: for the demo and `touchline admin ledger`.

use rusqlite::Connection;

use super::Store;
use super::error::Result;
use super::statement::{all, number, statements};

statements! {
    DEALS(0) = "SELECT status, COUNT(*) FROM deal GROUP BY status ORDER BY status";
    CHANGES(0) = "SELECT COUNT(*) FROM change";
    FIRINGS(0) = "SELECT rule_id, COUNT(*) FROM firing GROUP BY rule_id ORDER BY rule_id";
    /// A firing has one nudge, and a second one where its manager was asked.
    QUESTIONS(0) = "SELECT COUNT(*) - COUNT(DISTINCT firing_id) FROM nudge";
    NUDGES(0) = "SELECT state, COUNT(*) FROM nudge GROUP BY state ORDER BY state";
    // A nudge that was sent and later held back, as one snoozed and then muted, was sent.
    FATES(0) = "SELECT fate, reason, COUNT(*) FROM (SELECT \
        CASE WHEN EXISTS (SELECT 1 FROM delivery_nudge AS l INNER JOIN delivery AS d \
            ON d.id = l.delivery_id WHERE l.nudge_id = n.id \
            AND d.state IN ('sent', 'accepted', 'unknown')) THEN 'sent' \
        WHEN s.reason IS NOT NULL THEN 'not_sent' \
        WHEN n.state = 'held' THEN 'held' \
        WHEN n.state = 'pending' OR EXISTS (SELECT 1 FROM delivery_nudge AS l \
            INNER JOIN delivery AS d ON d.id = l.delivery_id WHERE l.nudge_id = n.id \
            AND d.state IN ('waiting', 'claimed')) THEN 'waiting' \
        ELSE 'lost' END AS fate, COALESCE(s.reason, '') AS reason \
        FROM nudge AS n LEFT JOIN suppressed AS s ON s.nudge_id = n.id) AS fates \
        GROUP BY fate, reason ORDER BY COUNT(*) DESC, reason";
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
    /// Deliveries by channel and state.
    pub deliveries: Vec<(String, String, u64)>,
    /// Questions to managers: second nudges of firings that their sellers had heard of.
    pub questions: u64,
    /// What became of every nudge. A firing has one nudge for its one reader, also
    /// where nobody was found, so these add up to the firings and the questions.
    pub fates: Fates,
    /// Nudges that were never sent, by the ledger's reason, most frequent first.
    pub suppressed: Vec<(String, u64)>,
    /// Outcomes by kind.
    pub outcomes: Vec<(String, u64)>,
    /// Work waiting, by kind.
    pub work: Vec<(String, u64)>,
    /// Dead letters that nobody settled.
    pub dead_letters: u64,
}

/// What became of all nudges; each is counted once.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Fates {
    /// Sent to their readers, or perhaps sent.
    pub sent: u64,
    /// To be decided, or on their way.
    pub waiting: u64,
    /// Held back with a mass change until an admin decides.
    pub held: u64,
    /// In the ledger, with a reason.
    pub not_sent: u64,
    /// None of these. Always 0: anything else is a fault of Touchline's.
    pub lost: u64,
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
            let (fates, suppressed) = fates(main)?;
            Ok(Summary {
                cursor: super::cursor::read(main)?.unsigned_abs(),
                deals: grouped(&DEALS)?,
                changes: number(main, &CHANGES, [])?.unsigned_abs(),
                firings: grouped(&FIRINGS)?,
                nudges: grouped(&NUDGES)?,
                deliveries: all(main, &DELIVERIES, [], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?.unsigned_abs()))
                })?,
                questions: number(main, &QUESTIONS, [])?.unsigned_abs(),
                fates,
                suppressed,
                outcomes: grouped(&OUTCOMES)?,
                work: grouped(&WORK)?,
                dead_letters: number(main, &DEAD_LETTERS, [])?.unsigned_abs(),
            })
        })
        .await
    }
}

fn fates(main: &Connection) -> Result<(Fates, Vec<(String, u64)>)> {
    let rows: Vec<(String, String, i64)> =
        all(main, &FATES, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let (mut fates, mut suppressed) = (Fates::default(), Vec::new());
    for (fate, reason, count) in rows {
        let count = count.unsigned_abs();
        match fate.as_str() {
            "sent" => fates.sent += count,
            "waiting" => fates.waiting += count,
            "held" => fates.held += count,
            "not_sent" => {
                fates.not_sent += count;
                suppressed.push((reason, count));
            }
            _ => fates.lost += count,
        }
    }
    Ok((fates, suppressed))
}
