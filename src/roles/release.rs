//! Release: present cases of a published rule, a few of each seller's a day, worst
//! first. Shortly before a person's digest their next cases are looked at again;
//! those of which the rule is still true become nudges of that digest, the last in
//! its order, and the others are settled with the reason.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use async_trait::async_trait;
use touchline_rules::UnixMs;
use touchline_rules::attention::{Policy, Recipient, next_digest};
use touchline_rules::time::MINUTE_MS;

use super::batching::{Batching, Turn, id_of};
use super::{Progress, Role};
use crate::coaching::readers::{reader, unsent};
use crate::coaching::settings::{SendingTo, policy};
use crate::service::Service;
use crate::store::{
    CommitClass, Fenced, ReleaseCaseRow, ReleaseState, ReleaseStep, StoreError, SuppressedRow,
};
use crate::wake::News;

/// So long before a digest its cases are looked at.
const LEAD_MS: i64 = 5 * MINUTE_MS;
/// Cases written beside this process are found within that.
const LOOK_EVERY_MS: i64 = 10 * MINUTE_MS;
/// People looked at in one tick.
const PEOPLE_MAX: usize = 10_000;
/// Cases of one person looked at in one step; of most of them nothing may be left.
const CASES_MAX: usize = 50;
/// Steps for one person in one tick.
const STEPS_MAX: usize = 200;
/// Nudges of one person that are counted as waiting for a place.
const PENDING_MAX: usize = 1_000;

/// The role.
pub struct Release {
    service: Arc<Service>,
    next: AtomicI64,
    heard: AtomicU64,
}

/// One person at one instant.
struct Turns<'a> {
    policy: &'a Policy,
    reader: Recipient,
    settings_version: i64,
    now: UnixMs,
}

impl Release {
    /// For this service.
    #[must_use]
    pub fn new(service: Arc<Service>) -> Self {
        Release { service, next: AtomicI64::new(i64::MIN), heard: AtomicU64::new(u64::MAX) }
    }

    /// Releases what one person may have; answers when to look again, and whether
    /// anything was done.
    async fn look(
        &self,
        person: &str,
        (to, policy, settings_version): (&SendingTo, &Policy, i64),
        now: UnixMs,
    ) -> anyhow::Result<(UnixMs, bool)> {
        let service = &self.service;
        let chosen = service.store.preferences(person.to_owned()).await?;
        let reader = reader(service, to, person, &chosen, Vec::new());
        // Whoever is sent nothing keeps their cases.
        if unsent(policy, &reader).is_some() {
            return Ok((UnixMs::MAX, false));
        }
        let slot = next_digest(policy, &reader, now);
        if slot == UnixMs::MAX || slot.plus_ms(-LEAD_MS) > now {
            return Ok((slot.plus_ms(-LEAD_MS), false));
        }
        let turns = Turns { policy, reader, settings_version, now };
        let mut worked = false;
        for _ in 0..STEPS_MAX {
            match self.step(person, &turns).await? {
                Some(true) => worked = true,
                Some(false) => break,
                // Something moved meanwhile: look again at once.
                None => return Ok((now, worked)),
            }
        }
        Ok((slot.plus_ms(1), worked))
    }

    /// How many more the person may have with the next digest.
    async fn room(&self, person: &str, turns: &Turns<'_>) -> anyhow::Result<usize> {
        let store = &self.service.store;
        let calendar = &turns.reader.calendar;
        let today = calendar.start_of(calendar.local_date(turns.now));
        let given = store.release_case().given(person.to_owned(), today).await?;
        let most = usize::try_from(self.service.config.attention.present_per_day)?;
        let room = most.saturating_sub(given);
        let Some(places) = turns.policy.digest_items_max else { return Ok(room) };
        let waiting = store.pending_of(person.to_owned(), PENDING_MAX).await?;
        Ok(room.min(usize::try_from(places)?.saturating_sub(waiting)))
    }

    /// Settles the person's next cases as far as there is room. `Some(false)` when
    /// there is nothing more to do, `None` when it has to be done again.
    async fn step(&self, person: &str, turns: &Turns<'_>) -> anyhow::Result<Option<bool>> {
        let (service, now) = (&self.service, turns.now);
        let room = self.room(person, turns).await?;
        if room == 0 {
            return Ok(Some(false));
        }
        let cases = service.store.release_case().next_for(person.to_owned(), CASES_MAX).await?;
        if cases.is_empty() {
            return Ok(Some(false));
        }
        let deals: BTreeSet<_> = cases.iter().map(|case| case.deal.clone()).collect();
        let mut batching = Batching::load(service, deals).await?;
        batching.batch.settings_version = turns.settings_version;
        let mut spoken = 0;
        for case in cases {
            if spoken >= room {
                break;
            }
            let turn = batching.release(&case.deal, &case.rule_id, person, spoken, now);
            let settled = match turn {
                Turn::Spoke(nudge_id) => {
                    spoken += 1;
                    let state = ReleaseState::Released;
                    ReleaseCaseRow { state, nudge_id, settled_at: Some(now), ..case }
                }
                Turn::Belongs(to) => {
                    batching.batch.releases.push(ReleaseStep::HandOn(case, to));
                    continue;
                }
                Turn::Nothing(word) => {
                    batching.batch.suppressed.push(not_said(&case, word, now));
                    let (state, reason) = (ReleaseState::Dropped, word.to_owned());
                    ReleaseCaseRow { state, reason, settled_at: Some(now), ..case }
                }
            };
            batching.batch.releases.push(ReleaseStep::Settled(settled));
        }
        match service.store.commit_batch(batching.finish()?, CommitClass::Derived).await {
            Ok(Fenced::Done(_)) => Ok(Some(true)),
            Ok(Fenced::SettingsChanged { .. }) => {
                service.settings.refresh().await?;
                Ok(None)
            }
            Err(StoreError::Conflict { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

fn not_said(case: &ReleaseCaseRow, reason: &str, at: UnixMs) -> SuppressedRow {
    let ReleaseCaseRow { rule_hash, deal, rule_id, person, .. } = case;
    SuppressedRow {
        nudge_id: id_of(&format!("case/{rule_hash}/{}/{}", deal.connection, deal.id)),
        person: person.clone(),
        connection: deal.connection.clone(),
        subject_id: deal.id.clone(),
        rule_id: rule_id.clone(),
        reason: reason.to_owned(),
        at,
        body: Vec::new(),
    }
}

#[async_trait]
impl Role for Release {
    fn name(&self) -> &'static str {
        "release"
    }

    fn woken_by(&self) -> News {
        News::GROUND
    }

    async fn tick(&self, now: UnixMs) -> anyhow::Result<Progress> {
        let service = &self.service;
        let heard = service.wake.count(News::GROUND);
        let next = UnixMs(self.next.load(Ordering::Relaxed));
        let is_news = self.heard.swap(heard, Ordering::Relaxed) != heard;
        if !is_news && now < next {
            return Ok(Progress::idle_until(Some(next).filter(|at| *at < UnixMs::MAX)));
        }
        let people = service.store.release_case().people(PEOPLE_MAX).await?;
        let settings = service.settings.refresh().await?;
        let policy = policy(&service.config, &settings.to);
        let (mut soonest, mut worked) = (UnixMs::MAX, false);
        for person in &people {
            let under = (&settings.to, &policy, settings.version);
            let (at, did) = self.look(person, under, now).await?;
            soonest = soonest.min(at);
            worked |= did;
        }
        // What somebody else adds is not always told.
        let again = if people.is_empty() { now.plus_ms(LOOK_EVERY_MS) } else { soonest };
        self.next.store(again.min(now.plus_ms(LOOK_EVERY_MS)).0, Ordering::Relaxed);
        let next = Some(soonest).filter(|at| *at < UnixMs::MAX);
        Ok(if worked { Progress::done_until(next) } else { Progress::idle_until(next) })
    }
}
