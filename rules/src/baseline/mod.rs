//! Baselines: what is usual among the deals that a company has won.
//!
//! A rule may rest on a percentile of won deals instead of a number somebody
//! chose: `threshold: { won_percentile: 75, of: dwell_days }`. What the
//! percentiles are is worked out once a day: a [`Baseline`] is a snapshot at a
//! local midnight, of the history known then, and is never changed afterwards.
//! It counts from [`IN_FORCE_AFTER_MS`] later, so that there is time to work it
//! out and every place that asks at one instant gets the same answer.
//!
//! # A walk through it
//! [`samples`] reads what one won deal says of each [`Measure`]. A [`Builder`]
//! gathers the samples of many deals, one after the other; nothing of a deal
//! stays but counts. [`Builder::at`] makes the snapshot. A rule's
//! [`WonThreshold`] is then [resolved](Baselines::resolve) for one deal: in its
//! stage, else its pipeline, else everywhere, and where won deals are too few
//! it is the rule's own number.
//!
//! # Cost
//! `samples` is linear in the deal's kept history. Adding or removing a deal's
//! samples costs a few steps in ordered maps. A snapshot costs one pass over the
//! counts, and is as large as stages times measures times 99 numbers, however
//! many deals there are. So a replay may keep one builder, exchange a deal's
//! samples whenever it changes, and take a snapshot at every midnight.

mod builder;
mod measure;
mod sample;
#[cfg(test)]
mod tests;
mod threshold;

use serde::{Deserialize, Serialize};

pub use builder::{Builder, PERCENTILES};
pub use measure::Measure;
pub use sample::{Samples, samples};
pub use threshold::{MIN_N, Quoted, Rung, Threshold, WonThreshold};

use crate::time::{HOUR_MS, UnixMs};
use builder::Place;

/// How long after its midnight a baseline begins to count.
pub const IN_FORCE_AFTER_MS: i64 = HOUR_MS;

/// What was usual among won deals, as known at one midnight. Immutable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// The local midnight whose knowledge it holds.
    pub at: UnixMs,
    /// From when on thresholds are taken from it.
    pub in_force_from: UnixMs,
    /// How many won deals it rests on.
    pub won_deals: u32,
    /// What they show, place by place.
    places: Vec<builder::Shown>,
}

impl Baseline {
    /// One that tells nothing yet and counts at once, resting on `n` won deals:
    /// for stories, which say what is usual instead of telling of won deals.
    pub(crate) fn blank(at: UnixMs, n: u32) -> Baseline {
        Baseline { at, in_force_from: at, won_deals: n, places: Vec::new() }
    }

    /// The same with `value` for every percentile of a measure in one place; a
    /// blank pipeline or stage stands for all of them.
    #[must_use]
    pub(crate) fn with(mut self, of: Measure, pipeline: &str, stage: &str, value: i64) -> Baseline {
        self.places.push(builder::Shown::flat(of, (pipeline, stage), value, self.won_deals));
        self
    }

    /// The number below or at which `percentile` per cent of won deals stay, and
    /// how many deals that rests on; `None` where there is none.
    fn percentile(&self, measure: Measure, place: Place<'_>, percentile: u8) -> Option<(i64, u32)> {
        let shown = self.places.iter().find(|one| one.is_of(measure, place))?;
        Some((shown.percentile(percentile)?, shown.n))
    }
}

/// The baselines of one account that are still kept, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baselines(Vec<Baseline>);

impl Baselines {
    /// None yet.
    #[must_use]
    pub fn none() -> &'static Baselines {
        static NONE: Baselines = Baselines(Vec::new());
        &NONE
    }

    /// These, in whatever order.
    #[must_use]
    pub fn of(baselines: impl IntoIterator<Item = Baseline>) -> Baselines {
        let mut all: Vec<Baseline> = baselines.into_iter().collect();
        all.sort_by_key(|one| (one.in_force_from, one.at));
        Baselines(all)
    }

    /// The one that counts at `now`.
    #[must_use]
    pub fn in_force(&self, now: UnixMs) -> Option<&Baseline> {
        self.0.iter().rev().find(|one| one.in_force_from <= now)
    }

    /// The newest, whether or not it counts already.
    #[must_use]
    pub fn newest(&self) -> Option<&Baseline> {
        self.0.last()
    }

    /// Puts another one beside them and lets all but the newest `kept` go.
    pub fn push(&mut self, baseline: Baseline, kept: usize) {
        self.0.retain(|one| one.at != baseline.at);
        self.0.push(baseline);
        self.0.sort_by_key(|one| (one.in_force_from, one.at));
        let surplus = self.0.len().saturating_sub(kept.max(1));
        self.0.drain(..surplus);
    }

    /// What `threshold` is for a deal in this pipeline and stage at `now`: of the
    /// baseline in force, the narrowest place that rests on enough won deals,
    /// else the rule's own number. `None` if it has none either. The flag says
    /// whether a baseline was there to ask.
    #[must_use]
    pub fn resolve(
        &self,
        threshold: &WonThreshold,
        pipeline: Option<&str>,
        stage: Option<&str>,
        now: UnixMs,
    ) -> (Option<Quoted>, bool) {
        match self.in_force(now) {
            Some(baseline) => (baseline.resolve(threshold, pipeline, stage), true),
            None => (threshold.own_number(0), false),
        }
    }
}
