//! Gathering samples into counts, and counts into a snapshot.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Baseline, IN_FORCE_AFTER_MS, Measure, Samples};
use crate::time::UnixMs;

/// How many percentiles a snapshot keeps of each place: 1 to 99.
pub const PERCENTILES: usize = 99;

/// Where something is usual.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Place<'a> {
    /// In a stage of a pipeline.
    Stage(&'a str, &'a str),
    /// In a pipeline.
    Pipeline(&'a str),
    /// Everywhere.
    All,
}

/// The same as an owned key; the empty text for a pipeline or stage stands for
/// all of them.
type Key = (Measure, String, String);

/// How often each value was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Counts {
    of: BTreeMap<i64, u32>,
    n: u32,
}

/// Samples of many won deals, as counts. Deals may come and go in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Builder {
    counts: BTreeMap<Key, Counts>,
    won_deals: u32,
}

/// The percentiles of one measure in one place, as a snapshot keeps them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Shown {
    measure: Measure,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pipeline: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    stage: String,
    pub n: u32,
    percentiles: Vec<i64>,
}

impl Shown {
    /// The same value for every percentile.
    pub(super) fn flat(measure: Measure, place: (&str, &str), value: i64, n: u32) -> Shown {
        let (pipeline, stage) = (place.0.to_owned(), place.1.to_owned());
        Shown { measure, pipeline, stage, n, percentiles: vec![value; PERCENTILES] }
    }

    pub(super) fn is_of(&self, measure: Measure, place: Place<'_>) -> bool {
        let (pipeline, stage) = match place {
            Place::Stage(pipeline, stage) => (pipeline, stage),
            Place::Pipeline(pipeline) => (pipeline, ""),
            Place::All => ("", ""),
        };
        self.measure == measure && self.pipeline == pipeline && self.stage == stage
    }

    pub(super) fn percentile(&self, percentile: u8) -> Option<i64> {
        let index = usize::from(percentile).checked_sub(1)?;
        self.percentiles.get(index).copied()
    }
}

impl Counts {
    /// For each percentile the smallest value at or below which at least that
    /// share of all lie (nearest rank).
    fn percentiles(&self) -> Vec<i64> {
        let mut shown = Vec::with_capacity(PERCENTILES);
        let mut below = 0_u64;
        let n = u64::from(self.n);
        for (value, count) in &self.of {
            below += u64::from(*count);
            while shown.len() < PERCENTILES && below * 100 >= (shown.len() as u64 + 1) * n {
                shown.push(*value);
            }
        }
        shown
    }
}

impl Builder {
    /// Adds what one won deal says.
    pub fn add(&mut self, samples: &Samples) {
        self.won_deals = self.won_deals.saturating_add(1);
        for (key, value) in keys(samples) {
            let counts = self.counts.entry(key).or_default();
            *counts.of.entry(value).or_default() += 1;
            counts.n += 1;
        }
    }

    /// Takes away what was added of one deal: it says something else now, or is
    /// won no more.
    pub fn remove(&mut self, samples: &Samples) {
        self.won_deals = self.won_deals.saturating_sub(1);
        for (key, value) in keys(samples) {
            let Some(counts) = self.counts.get_mut(&key) else { continue };
            if let Some(count) = counts.of.get_mut(&value) {
                *count -= 1;
                counts.n -= 1;
                if *count == 0 {
                    counts.of.remove(&value);
                }
            }
            if counts.n == 0 {
                self.counts.remove(&key);
            }
        }
    }

    /// The snapshot at the local midnight `at`. The caller has added exactly the
    /// deals that were won by then, with samples of the history known then.
    #[must_use]
    pub fn at(&self, at: UnixMs) -> Baseline {
        let places = self.counts.iter().map(|((measure, pipeline, stage), counts)| Shown {
            measure: *measure,
            pipeline: pipeline.clone(),
            stage: stage.clone(),
            n: counts.n,
            percentiles: counts.percentiles(),
        });
        Baseline {
            at,
            in_force_from: at.plus_ms(IN_FORCE_AFTER_MS),
            won_deals: self.won_deals,
            places: places.collect(),
        }
    }
}

fn keys(samples: &Samples) -> impl Iterator<Item = (Key, i64)> {
    let everywhere = |value: &i64| *value;
    let by_deal = samples.of_deal.iter().flat_map(move |(measure, value)| {
        let value = everywhere(value);
        [
            ((*measure, samples.pipeline.clone(), String::new()), value),
            ((*measure, String::new(), String::new()), value),
        ]
    });
    let by_stage = samples.of_stages.iter().map(|(measure, stage, value)| {
        ((*measure, samples.pipeline.clone(), stage.clone()), *value)
    });
    by_deal.chain(by_stage)
}
