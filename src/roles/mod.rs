//! The loops that move work along. Each is a [`Role`]: one `tick` does one
//! bounded piece of work at a given instant. `serve` ticks each role in a task of
//! its own; tests, the demo and the simulation tick them one after another on a
//! manual clock, so that a run is a function of its seed.

pub mod attention;
pub mod backfill;
mod backoff;
pub mod baselines;
pub mod batching;
pub mod deliver;
pub mod edit;
pub mod erase;
pub mod escalate;
pub mod fetch;
mod flight;
pub mod housekeeping;
pub mod ingest;
pub mod letters;
mod lines;
pub mod outcomes;
pub mod poll;
pub mod portfolio;
pub mod refusals;
pub mod release;
pub mod rest;
pub mod rule_keeper;
#[cfg(test)]
mod stand;
pub mod sweep;
pub mod timers;

use async_trait::async_trait;
use touchline_rules::UnixMs;

use crate::wake::News;

/// Work: look a person up in a chat; the key is the e-mail.
pub const PERSON: &str = "person";

/// A loop that moves work along.
#[async_trait]
pub trait Role: Send + Sync {
    /// For log lines.
    fn name(&self) -> &'static str;

    /// The news that may have made work for this role. It looks by itself once
    /// a second anyway; one that waits for no news looks no sooner.
    fn woken_by(&self) -> News;

    /// Does one bounded piece of work as of `now`.
    ///
    /// # Errors
    /// When the store fails, or something that the next tick may get right. What
    /// concerns one deal, person or delivery only never fails a tick.
    async fn tick(&self, now: UnixMs) -> anyhow::Result<Progress>;
}

/// What came of a tick.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Something was done.
    pub worked: bool,
    /// There may be more to do at this instant: tick again at once.
    pub more: bool,
    /// When there will be something to do even if nothing arrives.
    pub next: Option<UnixMs>,
}

impl Progress {
    /// Something was done, and there may be more.
    pub const WORKED: Progress = Progress { worked: true, more: true, next: None };

    /// Something was done, and a look after it found nothing to do before `next`.
    #[must_use]
    pub fn done_until(next: Option<UnixMs>) -> Self {
        Progress { worked: true, more: false, next }
    }

    /// Nothing to do before `next`.
    #[must_use]
    pub fn idle_until(next: Option<UnixMs>) -> Self {
        Progress { worked: false, more: false, next }
    }

    /// Both: worked if either did, and the earlier of the next instants.
    #[must_use]
    pub fn and(self, other: Progress) -> Self {
        let next = match (self.next, other.next) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let (worked, more) = (self.worked || other.worked, self.more || other.more);
        Progress { worked, more, next }
    }
}
