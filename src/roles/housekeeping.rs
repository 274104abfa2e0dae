//! Housekeeping: what is old and settled goes away, in small steps.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;
use touchline_rules::UnixMs;
use touchline_rules::time::{DAY_MS, HOUR_MS};

use super::{Progress, Role};
use crate::service::Service;
use crate::wake::News;

/// How often it looks what can be forgotten.
const INTERVAL_MS: i64 = HOUR_MS;
/// How often it deletes handled webhooks, which are kept for days. That begins
/// with a checkpoint, which costs syncs; the store makes its own under load.
const PURGE_EVERY_MS: i64 = 6 * HOUR_MS;
/// Keys, links and choices forgotten in one transaction.
const FORGET_MAX: usize = 1_000;
/// How long a pause or snooze that has ended is kept: longer than any message
/// that rests on it can still be on its way.
const ENDED_CHOICE_KEPT_MS: i64 = 14 * DAY_MS;

/// The role.
pub struct Housekeeping {
    service: Arc<Service>,
    /// When it looks next, and when it purges next.
    next: Mutex<(UnixMs, UnixMs)>,
}

impl Housekeeping {
    /// For this service.
    #[must_use]
    pub fn new(service: Arc<Service>) -> Self {
        Housekeeping { service, next: Mutex::new((UnixMs::MIN, UnixMs::MIN)) }
    }
}

#[async_trait]
impl Role for Housekeeping {
    fn name(&self) -> &'static str {
        "housekeeping"
    }

    fn woken_by(&self) -> News {
        News::NONE
    }

    async fn tick(&self, now: UnixMs) -> anyhow::Result<Progress> {
        let mut due = self.next.lock().await;
        let (next, purge) = &mut *due;
        // It asks for no wake-up of its own: an idle role looks again every second
        // anyway, and a simulation is not stopped every hour for it.
        if now < *next {
            return Ok(Progress::default());
        }
        let Service { store, config, .. } = &*self.service;
        let seen_before = now.plus_ms(-config.ingest.dedupe_keep_days.saturating_mul(DAY_MS));
        let forgotten = store.forget_seen(seen_before, FORGET_MAX).await?;
        store.forget_links(now, FORGET_MAX).await?;
        let ended_before = now.plus_ms(-ENDED_CHOICE_KEPT_MS);
        let choices = store.forget_preferences(ended_before, FORGET_MAX).await?;
        if *purge <= now {
            let kept_from = now.plus_ms(-i64::from(config.inbox.keep_days).saturating_mul(DAY_MS));
            store.checkpoint().await?;
            let purged = store.purge_inbox(kept_from).await?;
            if purged > 0 {
                tracing::debug!(purged, "handled webhooks were deleted");
            }
            *purge = now.plus_ms(PURGE_EVERY_MS);
        }
        if forgotten.max(choices) < FORGET_MAX {
            *next = now.plus_ms(INTERVAL_MS);
        }
        Ok(Progress::default())
    }
}
