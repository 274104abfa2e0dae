//! Vendor limits, enforced before a call is made, and the pauses a vendor asks for.
//!
//! Nothing here waits: a call that does not conform is told when it would.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock as GovernorClock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use touchline_rules::UnixMs;
use touchline_rules::time::HOUR_MS;

use crate::manifest::Limit;
use crate::session::{Clock, SessionError};

/// Keys (methods, channels) that one limit keeps count of. Those that are full
/// again are forgotten first; beyond this, new keys wait.
pub const LIMIT_KEYS_MAX: usize = 65_536;
/// The longest that a vendor's word may pause a limit, in milliseconds: a day
/// of 25 hours, so that "until midnight" always fits.
pub const PAUSE_MAX_MS: i64 = 25 * HOUR_MS;

/// How configuration changes a limit of the manifest.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Override {
    /// The limit is not enforced. What the vendor itself asks for still is.
    Off,
    /// So many calls in the limit's own period.
    Calls(u32),
    /// So many calls in another period.
    Rate {
        /// Calls per period.
        calls: u32,
        /// The period, in milliseconds.
        period_ms: i64,
    },
}

/// The limit a call ran into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OverLimit {
    /// When it would conform.
    pub(crate) retry_at: UnixMs,
    /// Which limit, for people.
    pub(crate) detail: String,
}

/// All limits of one session.
pub(crate) struct Limits {
    buckets: Vec<Bucket>,
    pauses: Mutex<HashMap<(&'static str, String), UnixMs>>,
}

struct Bucket {
    name: &'static str,
    /// Time in which one call becomes free again; `None` when switched off.
    interval: Option<Duration>,
    limiter: Option<KeyedLimiter>,
}

type KeyedLimiter =
    RateLimiter<String, HashMapStateStore<String>, SessionClock, NoOpMiddleware<Tick>>;

impl Limits {
    /// # Errors
    /// [`SessionError`] for an override of an unknown limit, or one of nothing.
    pub(crate) fn new(
        declared: &'static [Limit],
        overrides: &BTreeMap<String, Override>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, SessionError> {
        if let Some(name) = overrides.keys().find(|name| declared.iter().all(|l| l.name != **name))
        {
            let known: Vec<&str> = declared.iter().map(|limit| limit.name).collect();
            return Err(SessionError::UnknownLimit {
                name: name.clone(),
                known: if known.is_empty() { "none".into() } else { known.join(", ") },
            });
        }
        let buckets = declared
            .iter()
            .map(|limit| Bucket::new(limit, overrides.get(limit.name).copied(), clock))
            .collect::<Result<_, _>>()?;
        Ok(Limits { buckets, pauses: Mutex::default() })
    }

    /// Takes one call from each of `keys`, or from none that is paused.
    ///
    /// The slowest limit is asked first, because it is the likeliest to refuse:
    /// what a faster one gave before that would be lost. A refusal is kept as a
    /// pause, so that asking again takes nothing.
    pub(crate) fn take(
        &self,
        keys: &[(&'static str, String)],
        now: UnixMs,
    ) -> Result<(), OverLimit> {
        for (name, key) in keys {
            if let Some(until) = self.paused(name, key, now) {
                return Err(OverLimit { retry_at: until, detail: describe(name, key) });
            }
        }
        let mut asked = Vec::with_capacity(keys.len());
        for (name, key) in keys {
            let bucket = self.buckets.iter().find(|bucket| bucket.name == *name);
            asked.extend(bucket.map(|bucket| (bucket, key)));
        }
        asked.sort_by_key(|(bucket, _)| std::cmp::Reverse(bucket.interval));
        for (bucket, key) in asked {
            if let Err(retry_at) = bucket.take(key, now) {
                self.pause(bucket.name, key, retry_at, now);
                return Err(OverLimit { retry_at, detail: describe(bucket.name, key) });
            }
        }
        Ok(())
    }

    /// The first of these names that the manifest does not declare.
    pub(crate) fn undeclared(&self, keys: &[(&'static str, String)]) -> Option<&'static str> {
        let unknown = keys.iter().find(|(name, _)| self.buckets.iter().all(|b| b.name != *name));
        unknown.map(|(name, _)| *name)
    }

    /// Holds one key back until then; a longer pause stays.
    pub(crate) fn pause(&self, name: &'static str, key: &str, until: UnixMs, now: UnixMs) {
        let until = until.min(now.plus_ms(PAUSE_MAX_MS));
        let mut pauses = self.pauses.lock().unwrap_or_else(PoisonError::into_inner);
        if pauses.len() >= LIMIT_KEYS_MAX {
            pauses.retain(|_, end| *end > now);
        }
        if until > now && pauses.len() < LIMIT_KEYS_MAX {
            let end = pauses.entry((name, key.to_owned())).or_insert(until);
            *end = until.max(*end);
        }
    }

    fn paused(&self, name: &'static str, key: &str, now: UnixMs) -> Option<UnixMs> {
        let mut pauses = self.pauses.lock().unwrap_or_else(PoisonError::into_inner);
        // The map's key is owned; a call has at most a handful of short keys.
        let entry = (name, key.to_owned());
        let until = *pauses.get(&entry)?;
        if until > now {
            return Some(until);
        }
        pauses.remove(&entry);
        None
    }
}

impl Bucket {
    fn new(
        limit: &'static Limit,
        change: Option<Override>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, SessionError> {
        let (calls, period_ms) = match change {
            Some(Override::Off) => {
                return Ok(Bucket { name: limit.name, interval: None, limiter: None });
            }
            Some(Override::Calls(calls)) => (calls, limit.period_ms),
            Some(Override::Rate { calls, period_ms }) => (calls, period_ms),
            None => (limit.calls, limit.period_ms),
        };
        let empty = || SessionError::EmptyLimit { name: limit.name.into() };
        let period = u64::try_from(period_ms).map(Duration::from_millis).map_err(|_| empty())?;
        let interval = period.checked_div(calls).ok_or_else(empty)?;
        let quota = Quota::with_period(interval).ok_or_else(empty)?;
        let quota = quota.allow_burst(burst(limit, calls, period_ms));
        let limiter = RateLimiter::hashmap_with_clock(quota, SessionClock(Arc::clone(clock)));
        Ok(Bucket { name: limit.name, interval: Some(interval), limiter: Some(limiter) })
    }

    /// Takes one call of this key; `Err` tells when there will be one.
    fn take(&self, key: &String, now: UnixMs) -> Result<(), UnixMs> {
        let (Some(limiter), Some(interval)) = (&self.limiter, self.interval) else {
            return Ok(());
        };
        if limiter.len() >= LIMIT_KEYS_MAX {
            limiter.retain_recent();
            if limiter.len() >= LIMIT_KEYS_MAX {
                return Err(Tick::at(now).later(interval).ceil_ms());
            }
        }
        match limiter.check_key(key) {
            Ok(()) => Ok(()),
            Err(not_until) => Err(not_until.earliest_possible().ceil_ms()),
        }
    }
}

/// A changed rate changes the burst in proportion, and leaves at least one.
fn burst(limit: &Limit, calls: u32, period_ms: i64) -> NonZeroU32 {
    let declared = i128::from(limit.burst);
    let scaled = (declared * i128::from(calls) * i128::from(limit.period_ms))
        .checked_div(i128::from(limit.calls) * i128::from(period_ms))
        .unwrap_or(declared);
    u32::try_from(scaled).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN)
}

fn describe(name: &str, key: &str) -> String {
    if key.is_empty() { name.to_owned() } else { format!("{name} of {key}") }
}

/// The service's clock, as governor wants it.
#[derive(Clone)]
struct SessionClock(Arc<dyn Clock>);

impl GovernorClock for SessionClock {
    type Instant = Tick;

    fn now(&self) -> Tick {
        Tick::at(self.0.now())
    }
}

/// Nanoseconds since 1970: enough until the year 2554.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Tick(u64);

/// Nanoseconds in a millisecond.
const NANOS_PER_MS: u64 = 1_000_000;

impl Tick {
    fn at(now: UnixMs) -> Self {
        Tick(u64::try_from(now.0).unwrap_or(0).saturating_mul(NANOS_PER_MS))
    }

    fn later(self, by: Duration) -> Self {
        Tick(self.0.saturating_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// The first whole millisecond that is not before this.
    fn ceil_ms(self) -> UnixMs {
        UnixMs(i64::try_from(self.0.div_ceil(NANOS_PER_MS)).unwrap_or(i64::MAX))
    }
}

impl std::ops::Add<Nanos> for Tick {
    type Output = Tick;

    fn add(self, nanos: Nanos) -> Tick {
        Tick(self.0.saturating_add(nanos.as_u64()))
    }
}

impl Reference for Tick {
    fn duration_since(&self, earlier: Self) -> Nanos {
        Nanos::new(self.0.saturating_sub(earlier.0))
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Tick(self.0.checked_sub(duration.as_u64()).unwrap_or(self.0))
    }
}

#[cfg(test)]
#[path = "limits_tests.rs"]
mod tests;
