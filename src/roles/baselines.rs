//! Baselines: each local midnight of an account, what is usual among its won
//! deals is worked out anew, a page of deals a tick, and kept as a snapshot that
//! never changes. The first one is made as soon as the first read has taken
//! effect.
//!
//! A snapshot holds what was known at its midnight, whenever it is worked out:
//! what deals were told afterwards is taken back first. After a restart a walk
//! begins anew, and ends in the same snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;
use touchline_rules::baseline::{Baseline, Builder, samples};
use touchline_rules::facts::{DealKey, DealState, Field, Metadata};
use touchline_rules::{Calendar, UnixMs};

use super::batching::understand;
use super::sweep::SweepState;
use super::{Progress, Role};
use crate::coaching::baselines::KEPT;
use crate::connection::Connection;
use crate::service::{Service, Verdicts};
use crate::store::{BaselineRow, DealRow, Part};
use crate::wake::News;

/// Deals read in one tick.
const PAGE: usize = 256;
/// Changes of one deal that are looked through for what was told too late.
const CHANGES_MAX: usize = 2_000;

/// The role.
pub struct BaselinesRole {
    service: Arc<Service>,
    walks: Mutex<BTreeMap<String, Walk>>,
}

/// A snapshot that is being worked out.
struct Walk {
    /// The midnight whose knowledge it is to hold.
    at: UnixMs,
    /// It is the account's first: what was read of the past is known now, and
    /// counts at once.
    is_first: bool,
    after: String,
    builder: Builder,
}

impl BaselinesRole {
    /// For this service.
    #[must_use]
    pub fn new(service: Arc<Service>) -> Self {
        BaselinesRole { service, walks: Mutex::default() }
    }

    async fn step(
        &self,
        connection: &Connection,
        walks: &mut BTreeMap<String, Walk>,
        now: UnixMs,
    ) -> anyhow::Result<Progress> {
        let (service, slug) = (&self.service, connection.slug.as_str());
        let metadata = service.metadata(slug);
        let calendar = service.people.calendar_of(None, &metadata);
        let midnight = calendar.start_of(calendar.local_date(now));
        let newest = service.baselines(slug).newest().map(|baseline| baseline.at);
        if newest.is_some_and(|newest| newest >= midnight) {
            return Ok(Progress::idle_until(Some(calendar.next_midnight(now))));
        }
        if newest.is_none() && !self.has_settled(slug).await? {
            return Ok(Progress::default());
        }
        let new = || Walk {
            at: midnight,
            is_first: newest.is_none(),
            after: String::new(),
            builder: Builder::default(),
        };
        let walk = walks.entry(slug.to_owned()).or_insert_with(new);
        if walk.at != midnight {
            *walk = new();
        }
        let store = &service.store;
        let page = store.deals_won_or_since(slug.to_owned(), walk.after.clone(), walk.at, PAGE);
        let rows = page.await?;
        let verdicts = service.verdicts(slug);
        for row in &rows {
            self.take(walk, row, &metadata, &verdicts, &calendar).await?;
        }
        match rows.last() {
            Some(last) if rows.len() == PAGE => walk.after.clone_from(&last.id),
            _ => {
                if let Some(walk) = walks.remove(slug) {
                    self.keep(slug, &walk, now).await?;
                }
            }
        }
        Ok(Progress::WORKED)
    }

    /// Whether the first read has taken effect and where activity can be trusted
    /// was looked at. The sweep that sees to it tells when it has ended.
    async fn has_settled(&self, slug: &str) -> anyhow::Result<bool> {
        let part = self.service.store.connection_part(slug.to_owned(), Part::Sweep).await?;
        let Some(part) = part else { return Ok(false) };
        let state: SweepState = serde_json::from_slice(&part.body)?;
        Ok(state.measures && state.finished_at.is_some())
    }

    async fn take(
        &self,
        walk: &mut Walk,
        row: &DealRow,
        metadata: &Metadata,
        verdicts: &Verdicts,
        calendar: &Calendar,
    ) -> anyhow::Result<()> {
        let Some(mut deal) = understand(row) else { return Ok(()) };
        if row.engine_at > walk.at && !walk.is_first {
            self.untell(&mut deal, walk.at).await?;
        }
        let pipeline = deal.facts.text(Field::Pipeline).unwrap_or_default();
        let trusted = verdicts.trusts(pipeline);
        if let Some(said) = samples(&deal.facts, metadata, trusted, calendar, walk.at) {
            walk.builder.add(&said);
        }
        Ok(())
    }

    /// Takes back what was told of a deal after `at`, though it had happened before.
    async fn untell(&self, deal: &mut DealState, at: UnixMs) -> anyhow::Result<()> {
        let key: DealKey = deal.facts.key.clone();
        for change in self.service.store.changes_of(key, CHANGES_MAX).await? {
            let was_told_later = change.engine_at > at && change.occurred_at <= at;
            if let Some(field) = Field::named(&change.field).filter(|_| was_told_later) {
                deal.facts.untell(field, change.occurred_at, change.vendor_seq);
            }
        }
        Ok(())
    }

    async fn keep(&self, slug: &str, walk: &Walk, now: UnixMs) -> anyhow::Result<()> {
        let service = &self.service;
        let mut baseline = walk.builder.at(walk.at);
        if walk.is_first {
            baseline.in_force_from = now;
        }
        let row = BaselineRow {
            connection: slug.to_owned(),
            at: baseline.at,
            in_force_from: baseline.in_force_from,
            body: serde_json::to_vec(&baseline)?,
        };
        service.store.add_baseline(row, KEPT).await?;
        let Baseline { won_deals, at, .. } = baseline;
        tracing::debug!(connection = slug, won_deals, %at, "what is usual was worked out");
        let mut all = (*service.baselines(slug)).clone();
        all.push(baseline, KEPT);
        service.set_baselines(slug, all);
        service.wake.tell(News::GROUND);
        Ok(())
    }
}

#[async_trait]
impl Role for BaselinesRole {
    fn name(&self) -> &'static str {
        "baselines"
    }

    fn woken_by(&self) -> News {
        News::GROUND
    }

    async fn tick(&self, now: UnixMs) -> anyhow::Result<Progress> {
        let mut walks = self.walks.lock().await;
        let mut all = Progress::default();
        for connection in self.service.connections.crms() {
            all = all.and(self.step(connection, &mut walks, now).await?);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests;
