//! What becomes of a nudge after it was sent: whether what its rule hopes for
//! came true in time, and whether the reason of an event rule has gone.
//!
//! A deal's sent nudges are looked at when the deal changes, and once a day
//! until its rule's time is over, for what becomes true by time alone. All
//! of it on local state. (That of a state rule ends with its episode, in ingest.)

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use touchline_rules::UnixMs;
use touchline_rules::engine::{Holds, outcome_met, reason_holds};
use touchline_rules::facts::{DealKey, DealState};
use touchline_rules::time::DAY_MS;

use super::batching::{FETCH, FOLLOW, id_of, subject_key, understand};
use super::{Progress, Role};
use crate::coaching::deliveries::DeliveryBody;
use crate::coaching::nudges::NudgeBody;
use crate::service::Service;
use crate::store::{
    Batch, CommitClass, DeliveryRow, EndedFiring, Fenced, NewWork, NudgeRow, NudgeState,
    OutcomeRow, WorkKey, WorkRow,
};
use crate::wake::News;

/// Work: see whether a nudge's outcome has come true; the key is the nudge.
pub const OUTCOME: &str = "outcome";
/// The kind of an outcome that came true.
pub const MET: &str = "outcome_met";
/// How often a nudge is looked at while its deal does not change.
pub const LOOK_EVERY_MS: i64 = DAY_MS;

const KINDS: &[&str] = &[FOLLOW, OUTCOME];
/// Pieces of work done in one tick.
const WORK_MAX: usize = 64;
/// A look that was begun and not finished is begun again after that.
const LEASE_MS: i64 = 60_000;
/// The ledger's word for a nudge that was not sent before its reason went.
const REASON_GONE: &str = "reason_gone";
/// Tries when settings move while something is written.
const TRIES_MAX: u32 = 4;

#[derive(Serialize, Deserialize)]
struct Watched {
    sent_at: UnixMs,
}

/// The work of looking out for the outcomes of a delivery's nudges, sent at `at`.
///
/// # Errors
/// When it cannot be put into words to be stored.
pub fn watch(
    service: &Service,
    sent: &DeliveryRow,
    at: UnixMs,
) -> Result<Vec<NewWork>, serde_json::Error> {
    let body = serde_json::to_vec(&Watched { sent_at: at })?;
    let items = DeliveryBody::read(sent).items.into_iter();
    let watched = items.filter_map(|item| {
        let connection = item.deal?.connection;
        service.connections.get(&connection)?;
        let key = WorkKey { kind: OUTCOME.to_owned(), connection, key: item.nudge_id };
        Some(NewWork { key, next_at: at.plus_ms(LOOK_EVERY_MS), body: body.clone() })
    });
    Ok(watched.collect())
}

/// The role.
pub struct Outcomes {
    service: Arc<Service>,
}

/// What one look at an outcome found.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Found {
    /// It came true.
    Met,
    /// Not yet; look again then.
    NotYet(UnixMs),
    /// There is nothing to look for, or no time left.
    Over,
}

/// The deal that a nudge is about, as stored.
enum Deal {
    Known(Box<DealState>),
    /// It cannot be read, and was asked for again.
    Unreadable,
    Gone,
}

impl Outcomes {
    /// For this service.
    #[must_use]
    pub fn new(service: Arc<Service>) -> Self {
        Outcomes { service }
    }

    /// The timed look at one nudge; answers when to look again.
    async fn look(&self, work: &WorkRow, now: UnixMs) -> anyhow::Result<Option<UnixMs>> {
        let Ok(Watched { sent_at }) = serde_json::from_slice(&work.body) else {
            return Ok(None);
        };
        let Some(nudge) = self.service.store.nudge(work.key.key.clone()).await? else {
            return Ok(None);
        };
        let mut state = match self.deal(&nudge).await? {
            Deal::Known(state) => state,
            Deal::Unreadable => return Ok(Some(now.plus_ms(LOOK_EVERY_MS))),
            Deal::Gone => return Ok(None),
        };
        match self.outcome(&nudge, &mut state, sent_at, now) {
            Found::Met => {
                self.keep(vec![outcome_row(&nudge, now)], Vec::new()).await.map(|()| None)
            }
            Found::NotYet(next) => Ok(Some(next)),
            Found::Over => Ok(None),
        }
    }

    /// Everything that a change of a deal may mean for what was said about it.
    async fn follow(&self, work: &WorkRow, now: UnixMs) -> anyhow::Result<()> {
        let store = &self.service.store;
        let WorkKey { connection, key, .. } = &work.key;
        let deal = DealKey { connection: connection.clone(), id: key.clone() };
        let (mut outcomes, mut ended) = (Vec::new(), Vec::new());
        for nudge in store.nudges_of(subject_key(&deal)).await? {
            let Deal::Known(mut state) = self.deal(&nudge).await? else { return Ok(()) };
            let sent = store.deliveries_of_nudge(nudge.id.clone()).await?;
            let first = sent.iter().filter_map(|delivery| delivery.sent_at).min();
            if let Some(sent_at) = first
                && self.outcome(&nudge, &mut state, sent_at, now) == Found::Met
            {
                outcomes.push(outcome_row(&nudge, now));
            }
            if nudge.state == NudgeState::Decided && self.is_over(&nudge, &mut state, now) {
                let (firing_id, reason) = (nudge.firing_id, REASON_GONE.to_owned());
                ended.push(EndedFiring { firing_id, at: now, reason });
            }
        }
        if outcomes.is_empty() && ended.is_empty() {
            return Ok(());
        }
        self.keep(outcomes, ended).await?;
        Ok(())
    }

    async fn deal(&self, nudge: &NudgeRow) -> anyhow::Result<Deal> {
        let (connection, id) = (nudge.subject.connection.clone(), nudge.subject.id.clone());
        let key = DealKey { connection, id };
        let Some(row) = self.service.store.load_subjects(vec![key]).await?.pop() else {
            return Ok(Deal::Gone);
        };
        if let Some(state) = understand(&row) {
            return Ok(Deal::Known(Box::new(state)));
        }
        // What is read of it goes through ingest, which begins it anew.
        let (kind, connection) = (FETCH.to_owned(), row.connection);
        let key = WorkKey { kind, connection, key: row.id };
        let next_at = self.service.now();
        self.service.store.ask_work(vec![NewWork { key, next_at, body: Vec::new() }]).await?;
        Ok(Deal::Unreadable)
    }

    fn outcome(
        &self,
        nudge: &NudgeRow,
        state: &mut DealState,
        sent_at: UnixMs,
        now: UnixMs,
    ) -> Found {
        let found = self.service.ground().in_world(state, |state, world| {
            let rule = world.rules.rule(&nudge.rule_id)?;
            let until = rule.outcome.as_ref()?.within.after(sent_at, world.calendar);
            // What came after the time was over does not count.
            let told_in_time = state.told_at.is_none_or(|told| told <= until);
            if told_in_time && outcome_met(rule, state, sent_at, now.min(until), world) {
                return Some(Found::Met);
            }
            (now < until).then(|| Found::NotYet(now.plus_ms(LOOK_EVERY_MS).min(until)))
        });
        found.unwrap_or(Found::Over)
    }

    /// Whether an event was behind the nudge and its reason has gone.
    fn is_over(&self, nudge: &NudgeRow, state: &mut DealState, now: UnixMs) -> bool {
        let Ok(body) = serde_json::from_slice::<NudgeBody>(&nudge.body) else { return false };
        body.is_event()
            && self.service.ground().in_world(state, |state, world| {
                reason_holds(&body.firing, state, now, world) == Holds::No
            })
    }

    async fn keep(&self, outcomes: Vec<OutcomeRow>, ended: Vec<EndedFiring>) -> anyhow::Result<()> {
        for _ in 0..TRIES_MAX {
            let settings_version = self.service.settings.current().version;
            let (outcomes, ended) = (outcomes.clone(), ended.clone());
            let batch = Batch { settings_version, outcomes, ended, ..Batch::default() };
            match self.service.store.commit_batch(batch, CommitClass::Original).await? {
                Fenced::Done(_) => return Ok(()),
                Fenced::SettingsChanged { .. } => drop(self.service.settings.refresh().await?),
            }
        }
        anyhow::bail!("settings keep changing")
    }
}

/// An outcome counts once for each nudge, whoever sees it first.
fn outcome_row(nudge: &NudgeRow, at: UnixMs) -> OutcomeRow {
    OutcomeRow {
        id: id_of(&format!("{}/{MET}", nudge.id)),
        nudge_id: nudge.id.clone(),
        person: nudge.person.clone(),
        kind: MET.to_owned(),
        at,
        body: Vec::new(),
    }
}

#[async_trait]
impl Role for Outcomes {
    fn name(&self) -> &'static str {
        "outcomes"
    }

    fn woken_by(&self) -> News {
        News::FOLLOW_UPS
    }

    async fn tick(&self, now: UnixMs) -> anyhow::Result<Progress> {
        let store = &self.service.store;
        let next = store.next_work_at(KINDS).await?;
        if next.is_none_or(|at| at > now) {
            return Ok(Progress::idle_until(next));
        }
        let claimed = store.claim_work(KINDS, now, WORK_MAX, LEASE_MS, Vec::new()).await?;
        let mut done = Vec::new();
        for work in claimed {
            if work.key.kind == FOLLOW {
                self.follow(&work, now).await?;
                done.push(work);
            } else if let Some(next) = self.look(&work, now).await? {
                store.retry_work(work.key, next, String::new()).await?;
            } else {
                done.push(work);
            }
        }
        store.finish_work(done).await?;
        Ok(Progress::WORKED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles::ingest::Ingest;
    use crate::roles::stand::{ADA, CRM, START, Stand, deal, read, resized};

    #[tokio::test]
    async fn a_deal_that_cannot_be_read_stops_no_other_look() {
        let stand = Stand::new("").await;
        stand.append_read(&[read("bad", ADA), read("good", ADA)]).await;
        stand.append_changes(&[resized("bad", 7, START), resized("good", 7, START)]).await;
        Ingest::new(Arc::clone(&stand.service)).tick(START).await.unwrap();
        stand.spoil("bad").await;
        let store = &stand.service.store;
        let nudge = store.nudges_of(subject_key(&deal("bad"))).await.unwrap().remove(0);
        let work = |kind: &str, key: &str, body: Vec<u8>| {
            let (kind, key) = (kind.to_owned(), key.to_owned());
            let key = WorkKey { kind, connection: CRM.to_owned(), key };
            NewWork { key, next_at: START, body }
        };
        let watched = serde_json::to_vec(&Watched { sent_at: START }).unwrap();
        let asked = vec![
            work(FOLLOW, "bad", Vec::new()),
            work(FOLLOW, "good", Vec::new()),
            work(OUTCOME, &nudge.id, watched),
        ];
        store.ask_work(asked).await.unwrap();
        let outcomes = Outcomes::new(Arc::clone(&stand.service));
        assert!(outcomes.tick(START).await.unwrap().worked);
        assert_eq!(stand.waiting(FOLLOW).await, 0);
        assert_eq!(stand.waiting(FETCH).await, 1, "it is read again");
        let rest = outcomes.tick(START).await.unwrap();
        assert!(!rest.worked);
        assert_eq!(rest.next, Some(START.plus_ms(LOOK_EVERY_MS)), "and looked at after that");
    }
}
