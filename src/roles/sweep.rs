//! Sweep: looks at every deal anew. It runs when something that all deals rest
//! on changed (rules, metadata, calendars, the trust in activities, a first read
//! that has come to its end), and each midnight of the account as a fallback.
//! What is true then is seeded and fires nothing. At its end it makes the data
//! check.

mod generation;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use touchline_rules::UnixMs;
use touchline_rules::engine::Stimulus;
use touchline_rules::facts::{DealKey, DealState};
use touchline_rules::time::{DAY_MS, SECOND_MS};

use super::backfill::{BackfillProgress, Phase};
use super::batching::Batching;
use super::fetch::metadata;
use super::{Progress, Role};
use crate::coaching::data_check::{Tally, load_verdicts, store_verdicts};
use crate::connection::Connection;
use crate::service::Service;
use crate::store::{CommitClass, Fenced, Part, StoreError};
use crate::wake::News;
use generation::Generations;

/// Deals looked at in one tick and one commit.
const PAGE: usize = 256;
/// How soon it looks again whether ingest has taken in all of a first read.
const SETTLES_LOOK_MS: i64 = SECOND_MS;

/// The role.
pub struct Sweep {
    service: Arc<Service>,
    generations: Generations,
    /// The settings' version at which overrides were read last.
    overrides_at: AtomicI64,
}

/// The present or the last sweep of one connection, as stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepState {
    /// What everything rested on when it began.
    pub generation: String,
    /// Nothing had changed: it is the nightly one.
    pub nightly: bool,
    /// It ends with a data check. Not while the first read is under way.
    pub measures: bool,
    /// When it began.
    pub started_at: UnixMs,
    /// The last deal it looked at.
    pub after: Option<String>,
    /// Deals looked at.
    pub deals: u64,
    /// Rules that a nightly sweep found otherwise than timers and changes had
    /// left them. It should be none.
    pub missed: u64,
    /// It has every deal tell what it means for people.
    #[serde(default)]
    pub tells: bool,
    /// Every deal has told that, and has since told what changed.
    #[serde(default)]
    pub portfolios: bool,
    /// What the data check counted.
    pub tally: Tally,
    /// When it ended; `None` while it runs.
    pub finished_at: Option<UnixMs>,
}

/// Puts what is stored of every connection in force: metadata, today's calls,
/// and the trust in activities.
///
/// # Errors
/// When the store cannot be read, or what is stored not be understood.
pub async fn restore(service: &Service) -> anyhow::Result<()> {
    metadata::restore(&service.store, &service.connections).await?;
    restore_verdicts(service).await
}

async fn restore_verdicts(service: &Service) -> anyhow::Result<()> {
    for connection in service.connections.crms() {
        let verdicts = load_verdicts(&service.store, &connection.slug).await?;
        if *service.verdicts(&connection.slug) != verdicts {
            service.set_verdicts(&connection.slug, verdicts);
        }
    }
    Ok(())
}

impl Sweep {
    /// For this service.
    #[must_use]
    pub fn new(service: Arc<Service>) -> Self {
        Sweep { service, generations: Generations::default(), overrides_at: AtomicI64::new(-1) }
    }

    /// Takes over what an admin decided since, perhaps by a command beside us.
    async fn follow_settings(&self) -> anyhow::Result<i64> {
        let version = self.service.store.settings_version().await?;
        if self.overrides_at.load(Ordering::Relaxed) != version {
            // Rules that were published or paused come with the settings.
            self.service.settings.refresh().await?;
            restore_verdicts(&self.service).await?;
            self.overrides_at.store(version, Ordering::Relaxed);
        }
        Ok(version)
    }

    async fn step(
        &self,
        connection: &Connection,
        settings_version: i64,
        now: UnixMs,
    ) -> anyhow::Result<Progress> {
        let (store, slug) = (&self.service.store, &connection.slug);
        let Some(first) = BackfillProgress::load(store, slug).await? else {
            return Ok(Progress::default());
        };
        let settled = first.phase == Phase::Done && store.cursor().await? >= first.last_seq;
        let generation = self.generations.of(&self.service, slug, settings_version, settled);
        let part = store.connection_part(slug.clone(), Part::Sweep).await?;
        let version = part.as_ref().map_or(0, |part| part.version);
        let last: Option<SweepState> =
            part.map(|part| serde_json::from_slice(&part.body)).transpose()?;
        let tells = self.service.rules.current().has_person_rules();
        let portfolios = tells && last.as_ref().is_some_and(|last| last.portfolios);
        let new = |nightly| SweepState {
            tells,
            portfolios,
            generation: generation.clone(),
            nightly,
            measures: settled,
            started_at: now,
            ..SweepState::default()
        };
        let state = match last {
            Some(state) if state.finished_at.is_none() => state,
            Some(state) if state.generation == generation => {
                let midnight = self.midnight_after(slug, state.started_at.min(now));
                if midnight > now {
                    // Ingest tells nobody how far it is: this looks again.
                    let settles = (first.phase == Phase::Done && !settled)
                        .then(|| now.plus_ms(SETTLES_LOOK_MS));
                    return Ok(
                        Progress::idle_until(Some(midnight)).and(Progress::idle_until(settles))
                    );
                }
                new(true)
            }
            _ => new(false),
        };
        let Some(state) = self.page(slug, state, now).await? else {
            // Somebody changed one of the deals or the settings: look again.
            return Ok(Progress::WORKED);
        };
        let body = serde_json::to_vec(&state)?;
        store.put_connection_part(slug.clone(), Part::Sweep, version, body, now).await?;
        if state.finished_at.is_some() {
            // Baselines and portfolios begin when every deal was looked at.
            self.service.wake.tell(News::GROUND.and(News::PEOPLE));
        }
        Ok(Progress::WORKED)
    }

    fn midnight_after(&self, slug: &str, at: UnixMs) -> UnixMs {
        let metadata = self.service.metadata(slug);
        self.service.people.calendar_of(None, &metadata).next_midnight(at)
    }

    /// Looks at one page of deals; `None` when it has to be done again.
    async fn page(
        &self,
        slug: &str,
        mut state: SweepState,
        now: UnixMs,
    ) -> anyhow::Result<Option<SweepState>> {
        let service = &self.service;
        let key = |id: String| DealKey { connection: slug.to_owned(), id };
        let after = key(state.after.clone().unwrap_or_default());
        let mut rows = service.store.deals_after(Some(after), PAGE).await?;
        rows.retain(|row| row.connection == slug);
        let is_last = rows.len() < PAGE;
        let keys: Vec<DealKey> = rows.iter().map(|row| key(row.id.clone())).collect();
        let mut batching = Batching::of(service, rows);
        let metadata = service.metadata(slug);
        let since = now.plus_ms(-service.config.crm.activity_share_days.saturating_mul(DAY_MS));
        let mut missed = 0;
        for key in &keys {
            // What is due fires first, as it would have by its timer.
            let mut before = BTreeMap::new();
            batching.watch_over(key, now, |it| {
                it.look(key, Stimulus::Timer, now);
                before = it.deal(key).map(truths).unwrap_or_default();
                it.look(key, Stimulus::Reseed, now);
                if state.tells {
                    it.tell(key);
                }
            });
            let Some(deal) = batching.deal(key) else { continue };
            if state.nightly {
                missed += differing(&before, &truths(deal));
            }
            if state.measures {
                state.tally.add(deal, &metadata, since, now);
            }
        }
        batching.count("nightly_missed", missed);
        if !keys.is_empty() {
            // Derived from what is stored: after a power cut the page is done again.
            match service.store.commit_batch(batching.finish()?, CommitClass::Derived).await {
                Ok(Fenced::Done(_)) => {}
                Ok(Fenced::SettingsChanged { .. }) => {
                    service.settings.refresh().await?;
                    return Ok(None);
                }
                Err(StoreError::Conflict { .. }) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        state.missed = state.missed.saturating_add(missed.unsigned_abs());
        state.deals = state.deals.saturating_add(keys.len() as u64);
        state.after = keys.last().map(|key| key.id.clone()).or(state.after);
        if is_last {
            self.finish(slug, &mut state, now).await?;
        }
        Ok(Some(state))
    }

    async fn finish(&self, slug: &str, state: &mut SweepState, now: UnixMs) -> anyhow::Result<()> {
        state.finished_at = Some(now);
        // Until the first read has taken effect there are deals that told nothing.
        let all_told = state.tells && state.measures;
        state.portfolios |= all_told && self.service.rules.current().has_person_rules();
        tracing::debug!(
            connection = slug,
            deals = state.deals,
            nightly = state.nightly,
            "looked at every deal"
        );
        if state.missed > 0 {
            tracing::warn!(
                connection = slug,
                rules = state.missed,
                "the nightly look found rules that timers and changes had left otherwise"
            );
        }
        if !state.measures {
            return Ok(());
        }
        let (service, metadata) = (&self.service, self.service.metadata(slug));
        let (needed, days) =
            (service.config.crm.activity_share_percent, service.config.crm.activity_share_days);
        let tally = std::mem::take(&mut state.tally);
        let before = service.verdicts(slug);
        let verdicts = tally.verdicts(&metadata, &before, needed);
        let report = tally.report(&metadata, &verdicts, (needed, days), now);
        report.store(&service.store, slug).await?;
        if *before != verdicts {
            store_verdicts(&service.store, slug, &verdicts, now).await?;
            tracing::info!(
                connection = slug,
                version = verdicts.version,
                trusted = verdicts.trusted.join(", "),
                "where activity can be trusted has changed"
            );
            service.set_verdicts(slug, verdicts);
            service.wake.tell(News::GROUND);
        }
        Ok(())
    }
}

#[async_trait]
impl Role for Sweep {
    fn name(&self) -> &'static str {
        "sweep"
    }

    fn woken_by(&self) -> News {
        News::GROUND
    }

    async fn tick(&self, now: UnixMs) -> anyhow::Result<Progress> {
        let settings_version = self.follow_settings().await?;
        let mut all = Progress::default();
        for connection in self.service.connections.crms() {
            all = all.and(self.step(connection, settings_version, now).await?);
        }
        Ok(all)
    }
}

/// The last known truth of each rule.
fn truths(deal: &DealState) -> BTreeMap<String, bool> {
    let known = deal.rules.iter().filter_map(|(id, memory)| Some((id.clone(), memory.truth?)));
    known.collect()
}

/// How many rules that were known are otherwise now.
fn differing(before: &BTreeMap<String, bool>, after: &BTreeMap<String, bool>) -> i64 {
    let turned = |(id, was): &(&String, &bool)| after.get(*id).is_some_and(|is| is != *was);
    before.iter().filter(turned).count() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_known_truth_that_turned_was_missed() {
        let of = |all: &[(&str, bool)]| {
            all.iter().map(|(id, truth)| ((*id).to_owned(), *truth)).collect::<BTreeMap<_, _>>()
        };
        let before = of(&[("same", true), ("turned", false), ("gone", true)]);
        let after = of(&[("same", true), ("turned", true), ("new", true)]);
        assert_eq!(differing(&before, &after), 1);
    }
}
