//! A deal over which the engine panics keeps nobody else waiting.

use touchline_rules::UnixMs;
use touchline_rules::facts::DealKey;
use touchline_rules::time::HOUR_MS;

use super::{Batching, subject_key};
use crate::guard::guarded;
use crate::store::TimerRow;

/// How long a deal over which the engine panicked is left alone.
pub(super) const SET_ASIDE_MS: i64 = HOUR_MS;

impl Batching<'_> {
    /// Looks at a deal for which no event can be blamed. If that panics, the deal
    /// is set aside for a while: it keeps nobody else waiting.
    pub fn watch_over(&mut self, key: &DealKey, at: UnixMs, look: impl FnOnce(&mut Self)) {
        if let Err(panic) = guarded(|| look(self)) {
            tracing::error!(
                connection = key.connection,
                deal.id = key.id,
                panic,
                "a deal could not be looked at; it is tried again later"
            );
            self.count("deals_set_aside", 1);
            // Half-changed, perhaps: it stays as it was stored.
            self.deals.remove(key);
            let due_at = Some(at.plus_ms(SET_ASIDE_MS));
            self.batch.timers.push(TimerRow { subject: subject_key(key), due_at });
        }
    }
}
