//! Privacy deletions: everything held about one deal, in one transaction.

use rusqlite::params;
use touchline_rules::facts::DealKey;

use super::Store;
use super::audit::{self, AuditEntry};
use super::error::Result;
use super::portfolio;
use super::setting;
use super::sqlite::overwrite_deleted;
use super::sqlite::writer::CommitClass;
use super::statement::{Statement, run, statements};
use super::work;

statements! {
    DEAL(2) = "DELETE FROM deal WHERE connection = $1 AND id = $2";
    CHANGES(2) = "DELETE FROM change WHERE connection = $1 AND deal = $2";
    TIMER(2) = "DELETE FROM timer WHERE kind = 'deal' AND connection = $1 AND id = $2";
    OUTCOMES(2) = "DELETE FROM outcome WHERE nudge_id IN (SELECT id FROM nudge \
        WHERE connection = $1 AND subject_kind = 'deal' AND subject_id = $2)";
    /// What was sent keeps its row and receipt, so that it can still be
    /// quietened, and so that the budget stays true; its text goes.
    DELIVERIES(2) = "UPDATE delivery SET body = COALESCE(substr(body, 1, 0), body), subject = '' WHERE id IN \
        (SELECT d.delivery_id FROM delivery_nudge AS d INNER JOIN nudge AS n ON n.id = d.nudge_id \
        WHERE n.connection = $1 AND n.subject_kind = 'deal' AND n.subject_id = $2)";
    /// Letters may name any deal, and nobody needs the text of one that was sent.
    LETTERS(0) = "UPDATE delivery SET body = COALESCE(substr(body, 1, 0), body) \
        WHERE channel IN ('weekly', 'notice', 'reply') AND state NOT IN ('waiting', 'claimed')";
    /// One that waits is written anew, or asked for again.
    WAITING_LETTERS(0) = "DELETE FROM delivery \
        WHERE channel IN ('weekly', 'notice', 'reply') AND state = 'waiting'";
    /// What waits in one digest with it is decided anew.
    RELEASE(2) = "UPDATE nudge SET state = 'pending' WHERE state = 'decided' AND id IN \
        (SELECT other.nudge_id FROM nudge AS n \
        INNER JOIN delivery_nudge AS d ON d.nudge_id = n.id \
        INNER JOIN delivery AS w ON w.id = d.delivery_id AND w.state = 'waiting' \
        INNER JOIN delivery_nudge AS other ON other.delivery_id = w.id \
        WHERE n.connection = $1 AND n.subject_kind = 'deal' AND n.subject_id = $2)";
    WAITING(2) = "DELETE FROM delivery WHERE state = 'waiting' AND id IN \
        (SELECT d.delivery_id FROM delivery_nudge AS d INNER JOIN nudge AS n ON n.id = d.nudge_id \
        WHERE n.connection = $1 AND n.subject_kind = 'deal' AND n.subject_id = $2)";
    LINKS(2) = "DELETE FROM delivery_nudge WHERE nudge_id IN (SELECT id FROM nudge \
        WHERE connection = $1 AND subject_kind = 'deal' AND subject_id = $2)";
    CAUSES(2) = "DELETE FROM nudge_cause WHERE nudge_id IN (SELECT id FROM nudge \
        WHERE connection = $1 AND subject_kind = 'deal' AND subject_id = $2)";
    CASES(2) = "DELETE FROM release_case WHERE connection = $1 AND deal = $2";
    NUDGES(2) = "DELETE FROM nudge \
        WHERE connection = $1 AND subject_kind = 'deal' AND subject_id = $2";
    FIRINGS(2) = "DELETE FROM firing \
        WHERE connection = $1 AND subject_kind = 'deal' AND subject_id = $2";
    LEDGER(2) = "DELETE FROM suppressed WHERE connection = $1 AND subject_id = $2";
}

/// In this order: the later ones are how the earlier ones are found.
const STEPS: [&Statement; 13] = [
    &OUTCOMES,
    &RELEASE,
    &WAITING,
    &DELIVERIES,
    &LINKS,
    &CAUSES,
    &CASES,
    &NUDGES,
    &FIRINGS,
    &LEDGER,
    &TIMER,
    &CHANGES,
    &DEAL,
];

impl Store {
    /// Erases a deal with its history, firings, nudges and texts, and writes the
    /// audit row. Stored requests that name it are the caller's to find
    /// ([`Store::inbox_after`]) and to empty ([`Store::blank_inbox`]). Answers
    /// how many rows were touched.
    pub async fn erase_deal(&self, deal: DealKey, audit: AuditEntry) -> Result<usize> {
        self.write(CommitClass::Original, move |tx| {
            overwrite_deleted(tx, true)?;
            let mut touched = 0;
            for step in STEPS {
                touched += run(tx, step, params![deal.connection, deal.id])?;
            }
            touched += portfolio::erase(tx, &deal.connection, &deal.id)?;
            run(tx, &LETTERS, [])?;
            run(tx, &WAITING_LETTERS, [])?;
            work::forget(tx, &deal.connection, &deal.id)?;
            audit::append(tx, &audit)?;
            setting::bump(tx)?;
            overwrite_deleted(tx, false)?;
            Ok(touched)
        })
        .await
    }
}
