//! The calls of today, kept over restarts: a restart must not give a second
//! daily share.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use touchline_kit::quota::Usage;
use touchline_rules::UnixMs;
use touchline_rules::time::MINUTE_MS;

use crate::service::Service;
use crate::store::{Part, StoreError};

/// The least time between two writes of one connection's count.
const KEEP_GAP_MS: i64 = MINUTE_MS;

/// What was kept last, by connection.
#[derive(Debug, Default)]
pub(super) struct UsageKeeper(Mutex<BTreeMap<String, (UnixMs, Usage)>>);

impl UsageKeeper {
    /// Keeps what changed, each connection once a minute.
    pub(super) async fn keep(&self, service: &Service, now: UnixMs) -> anyhow::Result<()> {
        for connection in service.connections.iter() {
            let (slug, usage) = (&connection.slug, connection.session.usage());
            let is_kept = {
                let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                kept.get(slug)
                    .is_some_and(|(at, last)| *last == usage || now.since_ms(*at) < KEEP_GAP_MS)
            };
            if is_kept || usage.calls_today == 0 {
                continue;
            }
            let store = &service.store;
            let part = store.connection_part(slug.clone(), Part::Usage).await?;
            let version = part.map_or(0, |part| part.version);
            let body = serde_json::to_vec(&usage)?;
            match store.put_connection_part(slug.clone(), Part::Usage, version, body, now).await {
                Ok(_) | Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.insert(slug.clone(), (now, usage));
        }
        Ok(())
    }
}
