//! Escalate: a coaching question to the owner's manager once the seller had a fair
//! chance. It rests on the deal and on when the seller was reached, and on nothing
//! else: what the seller answered, muted or chose is neither read nor told.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use touchline_rules::UnixMs;
use touchline_rules::attention::AttentionClass;
use touchline_rules::engine::{Firing, Holds, nudge_id, reason_holds};
use touchline_rules::facts::{DealKey, DealState};
use touchline_rules::ruleset::Audience;
use touchline_rules::time::DAY_MS;

use super::batching::{FETCH, asked, subject_key, understand};
use super::{Progress, Role};
use crate::coaching::deliveries::{CHAT, DeliveryBody};
use crate::coaching::nudges::{NudgeBody, reader_of};
use crate::service::Service;
use crate::store::{
    Batch, CommitClass, DeliveryRow, Fenced, NewWork, NudgeRow, NudgeState, WorkKey, WorkRow,
};
use crate::wake::News;

/// Work: see whether a nudge's reason still holds, and ask the manager; the key is
/// the seller's nudge.
pub const ESCALATE: &str = "escalate";

const KINDS: &[&str] = &[ESCALATE];
/// Pieces of work done in one tick.
const WORK_MAX: usize = 64;
/// One that was begun and not finished is begun again after that.
const LEASE_MS: i64 = 60_000;
/// A deal that cannot be read is looked at again after that.
const AGAIN_MS: i64 = DAY_MS;
/// How long an undecided question lives at most; attention's own expiry is shorter.
const LIFE_MS: i64 = 90 * DAY_MS;
/// Tries when settings move while something is written.
const TRIES_MAX: u32 = 4;

#[derive(Serialize, Deserialize)]
struct Heard {
    at: UnixMs,
}

/// The work of asking the manager, for each nudge of a delivery that reached its
/// seller at `at`, as far as rules want it.
///
/// # Errors
/// When it cannot be put into words to be stored.
pub fn fair_chance(
    service: &Service,
    sent: &DeliveryRow,
    at: UnixMs,
) -> Result<Vec<NewWork>, serde_json::Error> {
    if sent.channel != CHAT {
        return Ok(Vec::new());
    }
    let body = serde_json::to_vec(&Heard { at })?;
    let rules = service.rules.current();
    let calendar = service.people.calendar_of(Some(&sent.person), &service.account());
    let due = DeliveryBody::read(sent).items.into_iter().filter_map(|item| {
        let rule = rules.rule(&item.rule)?;
        let after = rule.escalate.as_ref().filter(|_| rule.audience == Audience::Owner)?.after;
        let connection = item.deal?.connection;
        let key = WorkKey { kind: ESCALATE.to_owned(), connection, key: item.nudge_id };
        Some(NewWork { key, next_at: after.after(at, &calendar), body: body.clone() })
    });
    Ok(due.collect())
}

/// The role.
pub struct Escalate {
    service: Arc<Service>,
}

impl Escalate {
    /// For this service.
    #[must_use]
    pub fn new(service: Arc<Service>) -> Self {
        Escalate { service }
    }

    /// Asks, if there is still something to ask. Answers when to look again, if at all.
    async fn look(&self, work: &WorkRow, now: UnixMs) -> anyhow::Result<Option<UnixMs>> {
        let store = &self.service.store;
        let Ok(Heard { at: heard_at }) = serde_json::from_slice(&work.body) else {
            return Ok(None);
        };
        let Some(nudge) = store.nudge(work.key.key.clone()).await? else { return Ok(None) };
        let Ok(body) = serde_json::from_slice::<NudgeBody>(&nudge.body) else { return Ok(None) };
        // A question of ours is not asked on; and what went out without this one
        // reached nobody.
        let reached = store.deliveries_of_nudge(nudge.id.clone()).await?;
        let is_reached = |row: &DeliveryRow| row.channel == CHAT && row.sent_at.is_some();
        if body.heard_at.is_some() || !reached.iter().any(is_reached) {
            return Ok(None);
        }
        let deal = body.firing.deal.clone();
        let Some(row) = store.load_subjects(vec![deal.clone()]).await?.pop() else {
            return Ok(None);
        };
        let Some(mut state) = understand(&row) else {
            self.read_again(&deal, now).await?;
            return Ok(Some(now.plus_ms(AGAIN_MS)));
        };
        let Some(question) = self.question(&nudge, &body.firing, heard_at, &mut state, now)? else {
            return Ok(None);
        };
        for firing in firings_of_episode(&state, &body.firing) {
            if store.nudge(nudge_id(&firing, &question.person)).await?.is_some() {
                return Ok(None);
            }
        }
        self.keep(question).await.map(|()| None)
    }

    async fn read_again(&self, deal: &DealKey, now: UnixMs) -> anyhow::Result<()> {
        let (kind, connection) = (FETCH.to_owned(), deal.connection.clone());
        let key = WorkKey { kind, connection, key: deal.id.clone() };
        self.service.store.ask_work(vec![NewWork { key, next_at: now, body: Vec::new() }]).await?;
        Ok(())
    }

    /// The manager's nudge; `None` when the reason has gone, the deal is another's
    /// by now, the rule asks nothing any more, or nobody leads the seller.
    fn question(
        &self,
        nudge: &NudgeRow,
        firing: &Firing,
        heard_at: UnixMs,
        state: &mut DealState,
        now: UnixMs,
    ) -> anyhow::Result<Option<NudgeRow>> {
        let (service, ground) = (&self.service, self.service.ground());
        let holds = ground.in_world(state, |state, world| reason_holds(firing, state, now, world));
        let (rules, metadata) = (ground.rules(), ground.metadata(&firing.deal.connection));
        let of = |audience| reader_of(audience, state, &metadata, &service.people).ok();
        let is_theirs = of(Audience::Owner).as_ref() == Some(&nudge.person);
        let (Some(rule), Some(manager)) = (rules.rule(&firing.rule_id), of(Audience::Manager))
        else {
            return Ok(None);
        };
        if holds == Holds::No || !is_theirs || manager == nudge.person {
            return Ok(None);
        }
        let said = asked(service, (rules, rule), (firing, heard_at), state, &metadata, &manager);
        let said = match said {
            Ok(Some(said)) => said,
            Ok(None) => return Ok(None),
            Err(error) => {
                let rule = &firing.rule_id;
                tracing::warn!(rule.id = rule, %error, "a rule's question could not be written");
                return Ok(None);
            }
        };
        Ok(Some(NudgeRow {
            id: nudge_id(&nudge.firing_id, &manager),
            firing_id: nudge.firing_id.clone(),
            person: manager,
            subject: subject_key(&firing.deal),
            rule_id: rule.id.clone(),
            rule_hash: rule.version_hash.clone(),
            attention: AttentionClass::Digest.name().to_owned(),
            priority: i64::from(rule.priority),
            created_at: now,
            due_at: now,
            expires_at: now.plus_ms(LIFE_MS),
            state: NudgeState::Pending,
            body: serde_json::to_vec(&said)?,
        }))
    }

    async fn keep(&self, nudge: NudgeRow) -> anyhow::Result<()> {
        for _ in 0..TRIES_MAX {
            let settings_version = self.service.settings.current().version;
            let nudges = vec![nudge.clone()];
            let batch = Batch { settings_version, nudges, ..Batch::default() };
            match self.service.store.commit_batch(batch, CommitClass::Original).await? {
                Fenced::Done(_) => return Ok(()),
                Fenced::SettingsChanged { .. } => drop(self.service.settings.refresh().await?),
            }
        }
        anyhow::bail!("settings keep changing")
    }
}

/// All firings of the episode that `firing` belongs to: of one episode the manager
/// is asked once.
fn firings_of_episode(state: &DealState, firing: &Firing) -> Vec<String> {
    let memory = state.rules.get(&firing.rule_id).filter(|_| firing.change.is_none());
    let episode = memory.and_then(|memory| memory.episode.as_ref());
    let mut all = episode.map_or_else(Vec::new, |episode| episode.firings.clone());
    all.push(firing.id.clone());
    all
}

#[async_trait]
impl Role for Escalate {
    fn name(&self) -> &'static str {
        "escalate"
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
            if let Some(next) = self.look(&work, now).await? {
                store.retry_work(work.key, next, String::new()).await?;
            } else {
                done.push(work);
            }
        }
        store.finish_work(done).await?;
        Ok(Progress::WORKED)
    }
}
