//! Outcomes: whether what a rule hopes for came true in time after its nudge.
//!
//! Each nudge that was sent is looked at now and then, on local state alone,
//! until its rule's time is over. So an outcome is seen up to
//! [`LOOK_EVERY_MS`] late, and one that was true for less than that may be missed.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use touchline_rules::UnixMs;
use touchline_rules::engine::outcome_met;
use touchline_rules::facts::DealState;
use touchline_rules::time::HOUR_MS;

use super::batching::hash16;
use super::{Progress, Role};
use crate::coaching::deliveries::DeliveryBody;
use crate::coaching::nudges::NudgeBody;
use crate::service::Service;
use crate::store::{
    Batch, CommitClass, DeliveryRow, Fenced, NewWork, NudgeRow, OutcomeRow, WorkKey, WorkRow,
};

/// Work: see whether a nudge's outcome has come true; the key is the nudge.
pub const OUTCOME: &str = "outcome";
/// The kind of an outcome that came true.
pub const MET: &str = "outcome_met";
/// How often a nudge is looked at.
pub const LOOK_EVERY_MS: i64 = HOUR_MS;

const KINDS: &[&str] = &[OUTCOME];
/// Nudges looked at in one tick.
const LOOKS_MAX: usize = 64;
/// A look that was begun and not finished is begun again after that.
const LEASE_MS: i64 = 60_000;

#[derive(Serialize, Deserialize)]
struct Watched {
    sent_at: UnixMs,
}

/// The work of looking out for the outcomes of a delivery's nudges, sent at `at`.
#[must_use]
pub fn watch(service: &Service, sent: &DeliveryRow, at: UnixMs) -> Vec<NewWork> {
    let body = serde_json::to_vec(&Watched { sent_at: at }).unwrap_or_default();
    let items = DeliveryBody::read(sent).items.into_iter();
    let watched = items.filter_map(|item| {
        let connection = item.deal?.connection;
        service.connections.get(&connection)?;
        let key = WorkKey { kind: OUTCOME.to_owned(), connection, key: item.nudge_id };
        Some(NewWork { key, next_at: at.plus_ms(LOOK_EVERY_MS), body: body.clone() })
    });
    watched.collect()
}

/// The role.
pub struct Outcomes {
    service: Arc<Service>,
}

/// What one look found.
enum Found {
    /// It came true.
    Met(Box<NudgeRow>),
    /// Not yet; look again then.
    NotYet(UnixMs),
    /// There is nothing to look for, or no time left.
    Over,
}

impl Outcomes {
    /// For this service.
    #[must_use]
    pub fn new(service: Arc<Service>) -> Self {
        Outcomes { service }
    }

    async fn look(&self, work: &WorkRow, now: UnixMs) -> anyhow::Result<Found> {
        let service = &self.service;
        let Ok(Watched { sent_at }) = serde_json::from_slice(&work.body) else {
            return Ok(Found::Over);
        };
        let Some(nudge) = service.store.nudge(work.key.key.clone()).await? else {
            return Ok(Found::Over);
        };
        let Ok(body) = serde_json::from_slice::<NudgeBody>(&nudge.body) else {
            return Ok(Found::Over);
        };
        let deal = body.firing.deal;
        let Some(row) = service.store.load_subjects(vec![deal]).await?.pop() else {
            return Ok(Found::Over);
        };
        let mut state: DealState = serde_json::from_slice(&row.body)?;
        let found = service.in_world(&mut state, |state, world| {
            let rule = world.rules.rule(&nudge.rule_id)?;
            let until = rule.outcome.as_ref()?.within.after(sent_at, world.calendar);
            // A look that comes late sees what was true when the time was over.
            let at = now.min(until);
            if outcome_met(rule, state, sent_at, at, world) {
                return Some(Ok(()));
            }
            (now < until).then(|| Err(now.plus_ms(LOOK_EVERY_MS).min(until)))
        });
        Ok(match found {
            Some(Ok(())) => Found::Met(Box::new(nudge)),
            Some(Err(next)) => Found::NotYet(next),
            None => Found::Over,
        })
    }

    async fn keep(&self, nudge: &NudgeRow, at: UnixMs) -> anyhow::Result<()> {
        let id: String = hash16(format!("{}/{MET}", nudge.id).as_bytes())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let outcome = OutcomeRow {
            id,
            nudge_id: nudge.id.clone(),
            person: nudge.person.clone(),
            kind: MET.to_owned(),
            at,
            body: Vec::new(),
        };
        const TRIES_MAX: u32 = 4;
        for _ in 0..TRIES_MAX {
            let settings_version = self.service.settings.current().version;
            let outcomes = vec![outcome.clone()];
            let batch = Batch { settings_version, outcomes, ..Batch::default() };
            match self.service.store.commit_batch(batch, CommitClass::Original).await? {
                Fenced::Done(_) => return Ok(()),
                Fenced::SettingsChanged { .. } => drop(self.service.settings.refresh().await?),
            }
        }
        anyhow::bail!("settings keep changing")
    }
}

#[async_trait]
impl Role for Outcomes {
    fn name(&self) -> &'static str {
        "outcomes"
    }

    async fn tick(&self, now: UnixMs) -> anyhow::Result<Progress> {
        let store = &self.service.store;
        let next = store.next_work_at(KINDS).await?;
        if next.is_none_or(|at| at > now) {
            return Ok(Progress::idle_until(next));
        }
        let claimed = store.claim_work(KINDS, now, LOOKS_MAX, LEASE_MS, Vec::new()).await?;
        let mut done = Vec::new();
        for work in claimed {
            match self.look(&work, now).await? {
                Found::Met(nudge) => {
                    self.keep(&nudge, now).await?;
                    done.push(work);
                }
                Found::NotYet(next) => store.retry_work(work.key, next, String::new()).await?,
                Found::Over => done.push(work),
            }
        }
        store.finish_work(done).await?;
        Ok(Progress::WORKED)
    }
}
