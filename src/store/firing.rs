//! Firings: a rule that found its moment, and the end of its reason.

use rusqlite::{Connection, Row, params};
use touchline_rules::UnixMs;

use super::Store;
use super::delivery::{self, DeliveryState};
use super::delivery_claim::drop_one;
use super::error::Result;
use super::nudge::{self, NudgeRow, NudgeState};
use super::statement::{all, first, run, sql_limit, statements};
use super::timer::SubjectKey;
use super::work::{NewWork, WorkKey};

statements! {
    ADD(8) = "INSERT INTO firing (id, connection, subject_kind, subject_id, rule_id, rule_hash, \
        fired_at, ended_at, body) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8) \
        ON CONFLICT DO NOTHING";
    GET(1) = "SELECT id, connection, subject_kind, subject_id, rule_id, rule_hash, fired_at, \
        ended_at, body FROM firing WHERE id = $1";
    OF_SUBJECT(4) = "SELECT id, connection, subject_kind, subject_id, rule_id, rule_hash, \
        fired_at, ended_at, body FROM firing \
        WHERE connection = $1 AND subject_kind = $2 AND subject_id = $3 \
        ORDER BY fired_at DESC, id LIMIT $4";
    END(2) = "UPDATE firing SET ended_at = $1 WHERE id = $2 AND ended_at = 0";
}

/// One firing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiringRow {
    /// Derived from its cause: the same cause makes the same firing.
    pub id: String,
    /// What it is about.
    pub subject: SubjectKey,
    /// The rule.
    pub rule_id: String,
    /// The version of the rule that fired.
    pub rule_hash: String,
    /// The engine's `now`.
    pub fired_at: UnixMs,
    /// When its reason went away; `None` while it holds.
    pub ended_at: Option<UnixMs>,
    /// Everything else: the values seen, the threshold used.
    pub body: Vec<u8>,
}

/// A firing whose reason went away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedFiring {
    /// The firing.
    pub firing_id: String,
    /// When.
    pub at: UnixMs,
    /// The ledger's word for what was not said yet, for example `reason_gone`.
    pub reason: String,
}

impl Store {
    /// One firing.
    pub async fn firing(&self, id: String) -> Result<Option<FiringRow>> {
        self.read(move |main| first(main, &GET, params![id], firing_row)).await
    }

    /// A subject's firings, newest first.
    pub async fn firings_of(&self, subject: SubjectKey, limit: usize) -> Result<Vec<FiringRow>> {
        self.read(move |main| {
            let SubjectKey { kind, connection, id } = &subject;
            all(main, &OF_SUBJECT, params![connection, kind, id, sql_limit(limit)], firing_row)
        })
        .await
    }
}

/// Adds a firing and answers whether it is new.
pub(super) fn add(main: &Connection, firing: &FiringRow) -> Result<bool> {
    let FiringRow { id, subject, rule_id, rule_hash, fired_at, body, .. } = firing;
    let SubjectKey { kind, connection, id: subject_id } = subject;
    let row = params![id, connection, kind, subject_id, rule_id, rule_hash, fired_at.0, body];
    Ok(run(main, &ADD, row)? == 1)
}

/// Ends a firing: what was not said is dropped into the ledger, and for what
/// was, the work to quieten it is answered.
pub(super) fn end(main: &Connection, ended: &EndedFiring) -> Result<Vec<NewWork>> {
    if run(main, &END, params![ended.at.0, ended.firing_id])? == 0 {
        return Ok(Vec::new());
    }
    let mut work = Vec::new();
    for nudge in nudge::of_firing(main, &ended.firing_id)? {
        match nudge.state {
            NudgeState::Pending | NudgeState::Held => {
                super::ledger::add(main, &nudge.suppressed(&ended.reason, ended.at))?;
                nudge::set_state(main, &nudge.id, NudgeState::Ended, nudge.due_at)?;
                // One that was snoozed has been shown before.
                work.extend(quieten(main, &nudge, ended)?);
            }
            NudgeState::Decided => {
                nudge::set_state(main, &nudge.id, NudgeState::Ended, nudge.due_at)?;
                work.extend(quieten(main, &nudge, ended)?);
            }
            NudgeState::Suppressed | NudgeState::Ended | NudgeState::Answered => {}
        }
    }
    Ok(work)
}

fn quieten(main: &Connection, nudge: &NudgeRow, ended: &EndedFiring) -> Result<Vec<NewWork>> {
    let mut work = Vec::new();
    for delivery in delivery::of_nudge(main, &nudge.id)? {
        match delivery.state {
            DeliveryState::Waiting => {
                // A digest goes out without this one; alone it has nothing to say.
                let others = nudge::of_delivery(main, &delivery.id)?;
                if others.iter().all(|other| other.state == NudgeState::Ended) {
                    drop_one(main, &delivery, &ended.reason, ended.at)?;
                }
            }
            DeliveryState::Claimed
            | DeliveryState::Sent
            | DeliveryState::Accepted
            | DeliveryState::Unknown => {
                let key = WorkKey {
                    kind: delivery.on_end,
                    connection: delivery.connection,
                    key: delivery.id,
                };
                work.push(NewWork { key, next_at: ended.at, body: Vec::new() });
            }
            DeliveryState::Failed | DeliveryState::Dropped => {}
        }
    }
    Ok(work)
}

fn firing_row(row: &Row<'_>) -> rusqlite::Result<FiringRow> {
    let ended_at: i64 = row.get(7)?;
    Ok(FiringRow {
        id: row.get(0)?,
        subject: SubjectKey { connection: row.get(1)?, kind: row.get(2)?, id: row.get(3)? },
        rule_id: row.get(4)?,
        rule_hash: row.get(5)?,
        fired_at: UnixMs(row.get(6)?),
        ended_at: (ended_at != 0).then_some(UnixMs(ended_at)),
        body: row.get(8)?,
    })
}
