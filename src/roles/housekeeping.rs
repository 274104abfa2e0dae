//! Housekeeping: what is old and settled goes away, in small steps.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;
use touchline_rules::UnixMs;
use touchline_rules::facts::DealKey;
use touchline_rules::time::{DAY_MS, HOUR_MS};

use super::{Progress, Role};
use crate::config::OrOff;
use crate::service::Service;
use crate::wake::News;

/// How often it looks what can be forgotten.
const INTERVAL_MS: i64 = HOUR_MS;
/// How often it deletes handled webhooks, which are kept for days. That begins
/// with a checkpoint, which costs syncs; the store makes its own under load.
const PURGE_EVERY_MS: i64 = 6 * HOUR_MS;
/// How often it goes through all histories, which are kept for years.
const HISTORIES_EVERY_MS: i64 = DAY_MS;
/// Keys, links and choices forgotten in one transaction.
const FORGET_MAX: usize = 1_000;
/// Firings forgotten in one transaction, each with all that came of it.
const FIRINGS_MAX: usize = 100;
/// Requests forgotten in one transaction, each with its dead letters.
const DEAD_REQUESTS_MAX: usize = 20;
/// Deals whose histories are looked at in one transaction.
const HISTORIES_MAX: usize = 200;
/// How long a pause or snooze that has ended is kept: longer than any message
/// that rests on it can still be on its way.
const ENDED_CHOICE_KEPT_MS: i64 = 14 * DAY_MS;

/// How long it is remembered what somebody changed lately: longer than any count
/// of a mass change looks back.
const TALLIES_KEPT_MS: i64 = 7 * DAY_MS;

/// The role.
pub struct Housekeeping {
    service: Arc<Service>,
    due: Mutex<Due>,
}

/// When it does what next.
struct Due {
    look: UnixMs,
    purge: UnixMs,
    histories: UnixMs,
    /// The deal behind which the present walk through the histories goes on.
    after: Option<DealKey>,
}

impl Housekeeping {
    /// For this service.
    #[must_use]
    pub fn new(service: Arc<Service>) -> Self {
        let (look, purge, histories) = (UnixMs::MIN, UnixMs::MIN, UnixMs::MIN);
        Housekeeping { service, due: Mutex::new(Due { look, purge, histories, after: None }) }
    }

    /// Forgets a step of everything that is looked at often; answers whether
    /// there may be more of it.
    async fn forget(&self, now: UnixMs) -> anyhow::Result<bool> {
        let Service { store, config, .. } = &*self.service;
        let seen_before = now.plus_ms(-config.ingest.dedupe_keep_days.saturating_mul(DAY_MS));
        let seen = store.forget_seen(seen_before, FORGET_MAX).await?;
        let links = store.forget_links(now, FORGET_MAX).await?;
        let ended_before = now.plus_ms(-ENDED_CHOICE_KEPT_MS);
        let choices = store.forget_preferences(ended_before, FORGET_MAX).await?;
        let (mut said, mut letters) = (0, 0);
        if let Some(before) = kept_from(config.retention.said_days, now) {
            said = store.forget_said(before, FIRINGS_MAX).await?;
        }
        if let Some(before) = kept_from(config.retention.dead_letters_days, now) {
            letters = store.forget_dead_letters(before, DEAD_REQUESTS_MAX).await?;
        }
        let counted_before = now.plus_ms(-TALLIES_KEPT_MS);
        let settled_before = kept_from(config.retention.said_days, now).unwrap_or(UnixMs::MIN);
        let mass = store.forget_mass(counted_before, settled_before, FORGET_MAX).await?;
        let cases = store.release_case().forget(settled_before, FORGET_MAX).await?;
        let is_full = [seen, links, choices, mass, cases].into_iter().max() >= Some(FORGET_MAX);
        Ok(is_full || said >= FIRINGS_MAX || letters >= DEAD_REQUESTS_MAX)
    }

    async fn purge(&self, now: UnixMs) -> anyhow::Result<()> {
        let Service { store, config, .. } = &*self.service;
        let kept_from = now.plus_ms(-i64::from(config.inbox.keep_days).saturating_mul(DAY_MS));
        // What lies below it is never handled again, not even after a power cut.
        let handled = store.checkpoint().await?;
        store.forget_tries(handled).await?;
        let purged = store.purge_inbox(kept_from).await?;
        if purged > 0 {
            tracing::debug!(purged, "handled webhooks were deleted");
        }
        Ok(())
    }

    /// Goes a step on through the histories.
    async fn histories(&self, due: &mut Due, now: UnixMs) -> anyhow::Result<()> {
        let Service { store, config, .. } = &*self.service;
        if let Some(before) = kept_from(config.retention.histories_days, now) {
            let after = due.after.take();
            let (forgotten, next) = store.forget_histories(after, before, HISTORIES_MAX).await?;
            due.after = next;
            if forgotten > 0 {
                tracing::debug!(forgotten, "changes of deals closed long ago were deleted");
            }
        }
        if due.after.is_none() {
            due.histories = now.plus_ms(HISTORIES_EVERY_MS);
        }
        Ok(())
    }
}

/// What is from before that instant has been kept long enough; `None` if it is
/// kept for ever.
fn kept_from(days: OrOff, now: UnixMs) -> Option<UnixMs> {
    days.limit().map(|days| now.plus_ms(-i64::from(days).saturating_mul(DAY_MS)))
}

#[async_trait]
impl Role for Housekeeping {
    fn name(&self) -> &'static str {
        "housekeeping"
    }

    fn woken_by(&self) -> News {
        News::NONE
    }

    /// Asks for no wake-up of its own: an idle role looks again every second
    /// anyway, and a simulation is not stopped every hour for it.
    async fn tick(&self, now: UnixMs) -> anyhow::Result<Progress> {
        let mut due = self.due.lock().await;
        if due.look <= now && !self.forget(now).await? {
            due.look = now.plus_ms(INTERVAL_MS);
        }
        if due.purge <= now {
            self.purge(now).await?;
            due.purge = now.plus_ms(PURGE_EVERY_MS);
        }
        if due.histories <= now {
            self.histories(&mut due, now).await?;
        }
        Ok(Progress::default())
    }
}
