//! What has been kept long enough, taken away in bounded steps.

use rusqlite::{Connection, params};
use touchline_rules::UnixMs;
use touchline_rules::facts::DealKey;

use super::Store;
use super::error::Result;
use super::sqlite::writer::CommitClass;
use super::statement::{all, number, run, sql_limit, statements};
use crate::wake::News;

statements! {
    OLD_FIRINGS(2) = "SELECT id FROM firing WHERE fired_at < $1 ORDER BY fired_at LIMIT $2";
    NUDGES(1) = "SELECT id FROM nudge WHERE firing_id = $1";
    DELIVERIES(1) = "SELECT delivery_id FROM delivery_nudge WHERE nudge_id = $1";
    UNLINK(1) = "DELETE FROM delivery_nudge WHERE nudge_id = $1";
    CARRIES(1) = "SELECT COUNT(*) FROM delivery_nudge WHERE delivery_id = $1";
    DELIVERY(1) = "DELETE FROM delivery WHERE id = $1";
    OUTCOMES(1) = "DELETE FROM outcome WHERE nudge_id = $1";
    SUPPRESSED(1) = "DELETE FROM suppressed WHERE nudge_id = $1";
    CAUSE(1) = "DELETE FROM nudge_cause WHERE nudge_id = $1";
    NUDGE(1) = "DELETE FROM nudge WHERE id = $1";
    /// What carries no nudge goes by its own age; the introduction is made once.
    LETTERS(2) = "DELETE FROM delivery WHERE id IN (SELECT id FROM delivery \
        WHERE channel IN ('weekly', 'notice', 'reply', 'rule_notice') AND state NOT IN ('waiting', 'claimed') \
        AND created_at < $1 LIMIT $2)";
    FIRING(1) = "DELETE FROM firing WHERE id = $1";
    /// What the engine itself suppressed has no nudge to go with.
    LEDGER(2) = "DELETE FROM suppressed WHERE nudge_id IN (SELECT nudge_id FROM suppressed AS s \
        WHERE at < $1 AND NOT EXISTS (SELECT 1 FROM nudge AS n WHERE n.id = s.nudge_id) \
        ORDER BY at LIMIT $2)";
    NOTICES(1) = "DELETE FROM rule_notice WHERE at < $1";
    DEALS_AFTER(3) = "SELECT connection, id, status FROM deal WHERE (connection, id) > ($1, $2) \
        ORDER BY connection, id LIMIT $3";
    /// All of a deal's history or nothing: one without its beginning misleads.
    HISTORY(5) = "DELETE FROM change WHERE connection = $1 AND deal = $2 AND NOT EXISTS \
        (SELECT 1 FROM change AS newer WHERE newer.connection = $3 AND newer.deal = $4 \
        AND newer.occurred_at >= $5)";
}

/// The statuses of deals of which more history is to come, or may be.
const GOES_ON: [&str; 2] = ["open", "unknown"];

impl Store {
    /// Forgets at most `limit` firings from before an instant with everything
    /// that came of them: nudges, messages, answers, ledger. A digest goes with
    /// the last of its nudges; the introduction to a person stays, for it is made
    /// once. Answers how many firings and ledger rows went.
    pub async fn forget_said(&self, before: UnixMs, limit: usize) -> Result<usize> {
        self.write_news(CommitClass::Derived, News::NONE, move |tx| {
            let old = params![before.0, sql_limit(limit)];
            let firings: Vec<String> = all(tx, &OLD_FIRINGS, old, |row| row.get(0))?;
            for firing in &firings {
                forget_firing(tx, firing)?;
            }
            run(tx, &LETTERS, old)?;
            // These are few: a rule's owner is told of it twice a year.
            run(tx, &NOTICES, params![before.0])?;
            Ok(firings.len() + run(tx, &LEDGER, old)?)
        })
        .await
    }

    /// Forgets the histories of deals that are not open and of which nothing was
    /// heard since an instant, among the `limit` deals after `after`. Answers how
    /// many changes went, and where to go on; `None` at the end.
    pub async fn forget_histories(
        &self,
        after: Option<DealKey>,
        before: UnixMs,
        limit: usize,
    ) -> Result<(usize, Option<DealKey>)> {
        self.write_news(CommitClass::Derived, News::NONE, move |tx| {
            let (connection, id) =
                after.map_or_else(Default::default, |key| (key.connection, key.id));
            let page = params![connection, id, sql_limit(limit)];
            let deals: Vec<(DealKey, String)> = all(tx, &DEALS_AFTER, page, |row| {
                Ok((DealKey { connection: row.get(0)?, id: row.get(1)? }, row.get(2)?))
            })?;
            let mut forgotten = 0;
            for (DealKey { connection, id }, status) in &deals {
                if !GOES_ON.contains(&status.as_str()) {
                    let old = params![connection, id, connection, id, before.0];
                    forgotten += run(tx, &HISTORY, old)?;
                }
            }
            let is_all = deals.len() < limit;
            Ok((forgotten, deals.into_iter().next_back().map(|(key, _)| key).filter(|_| !is_all)))
        })
        .await
    }
}

fn forget_firing(tx: &Connection, firing: &str) -> Result<()> {
    let text = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
    for nudge in all(tx, &NUDGES, params![firing], text)? {
        let deliveries = all(tx, &DELIVERIES, params![nudge], text)?;
        run(tx, &UNLINK, params![nudge])?;
        for delivery in deliveries {
            if number(tx, &CARRIES, params![delivery])? == 0 {
                run(tx, &DELIVERY, params![delivery])?;
            }
        }
        for statement in [&OUTCOMES, &SUPPRESSED, &CAUSE, &NUDGE] {
            run(tx, statement, params![nudge])?;
        }
    }
    run(tx, &FIRING, params![firing]).map(drop)
}
