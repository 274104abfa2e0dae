//! Timers: what becomes true by time alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use touchline_rules::UnixMs;
use touchline_rules::engine::Stimulus;
use touchline_rules::facts::DealKey;

use super::batching::{Batching, DEAL};
use super::{Progress, Role};
use crate::service::Service;
use crate::store::{CommitClass, Fenced, StoreError, TimerRow};
use crate::wake::News;

/// The role.
pub struct Timers {
    service: Arc<Service>,
}

impl Timers {
    /// For this service.
    #[must_use]
    pub fn new(service: Arc<Service>) -> Self {
        Timers { service }
    }
}

#[async_trait]
impl Role for Timers {
    fn name(&self) -> &'static str {
        "timers"
    }

    fn woken_by(&self) -> News {
        News::TIMERS
    }

    async fn tick(&self, now: UnixMs) -> anyhow::Result<Progress> {
        let service = &self.service;
        let next = service.store.next_timer().await?;
        if next.is_none_or(|next| next > now) {
            return Ok(Progress::idle_until(next));
        }
        let due = service.store.due_timers(now, service.config.ingest.batch_events_max).await?;
        let keys: Vec<_> = due.iter().filter_map(deal_key).collect();
        let mut batching =
            Batching::load(service, keys.iter().cloned().collect::<BTreeSet<_>>()).await?;
        for key in &keys {
            // At `now` and not later: the deal itself goes through its own due instants.
            batching.watch_over(key, now, |it| it.step(key, Stimulus::Timer, now));
        }
        batching.count("timers", keys.len() as i64);
        // Derived from what is stored: after a power cut the timer is due again,
        // and makes the same firings.
        match service.store.commit_batch(batching.finish()?, CommitClass::Derived).await {
            Ok(Fenced::Done(_)) => {}
            Ok(Fenced::SettingsChanged { .. }) => drop(service.settings.refresh().await?),
            // Ingest changed one of these deals meanwhile: look again.
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Progress::WORKED)
    }
}

fn deal_key(timer: &TimerRow) -> Option<DealKey> {
    let subject = &timer.subject;
    (subject.kind == DEAL)
        .then(|| DealKey { connection: subject.connection.clone(), id: subject.id.clone() })
}
