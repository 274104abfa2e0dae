//! What is usual among won deals, worked out at the same instants as live.
//!
//! One builder holds what won deals say by now. Whenever something is told of a
//! deal, what it said before is taken away and what it says now is added; at
//! midnight the builder is what was known then.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::baseline::{Baseline, Baselines, Builder, Samples, samples};
use crate::engine::Stimulus;
use crate::facts::{DealState, Field};
use crate::time::UnixMs;

use super::deals::DealId;
use super::{Lacking, Observer, Player};

/// Baselines that are kept: engine time never runs back behind the newest but one.
const KEPT: usize = 4;

/// The baselines of a back-test.
#[derive(Default)]
pub(super) struct Baselining {
    builder: Builder,
    /// The next midnight; `None` before anything was told.
    pub(super) midnight: Option<UnixMs>,
    /// Deals told something that is to happen after that.
    ahead: BTreeSet<DealId>,
    pub(super) baselines: Baselines,
    /// What was known at the last midnight, until live would look.
    taken: Option<Baseline>,
}

impl<O: Observer> Player<'_, O> {
    /// Takes away what a deal says of won deals, before something is told of it.
    pub(super) fn unsample(&mut self, id: DealId, state: &DealState) {
        if self.baselining.is_none() {
            return;
        }
        let Some(at) = self.deals.record(id).sampled_for.take() else { return };
        let said = self.samples_of(state, at);
        let Some(baselining) = &mut self.baselining else { return };
        match said {
            Some(said) => baselining.builder.remove(&said),
            // Its past was let go, and counts as it was.
            None => self.deals.record(id).sampled_for = Some(UnixMs::MAX),
        }
    }

    /// Adds what a deal says now.
    pub(super) fn sample(&mut self, id: DealId, state: &DealState) {
        let now = self.now;
        let calendar = self.people.calendar();
        let Some(baselining) = &mut self.baselining else { return };
        let at = *baselining.midnight.get_or_insert_with(|| calendar.next_midnight(now));
        if self.deals.record(id).sampled_for.is_some() {
            return;
        }
        if matches!(state.facts.as_known_at(at), Cow::Owned(_)) {
            baselining.ahead.insert(id);
        }
        let Some(said) = self.samples_of(state, at) else { return };
        if let Some(baselining) = &mut self.baselining {
            baselining.builder.add(&said);
            self.deals.record(id).sampled_for = Some(at);
        }
    }

    fn samples_of(&self, state: &DealState, at: UnixMs) -> Option<Samples> {
        let trusted = self.setup.trust.covers(state.facts.text(Field::Pipeline));
        samples(&state.facts, self.setup.metadata, trusted, self.people.calendar(), at)
    }

    /// The first baseline: of the midnight before, with all that was told of it by
    /// now. What is true by it is no news.
    pub(super) fn measure(&mut self) {
        let baselining = self.baselining.as_ref();
        let is_first = baselining.is_some_and(|it| it.baselines.newest().is_none());
        let is_due = is_first && self.has_begun;
        if !is_due {
            return;
        }
        let calendar = self.people.calendar();
        let midnight = calendar.start_of(calendar.local_date(self.now));
        let mut builder = Builder::default();
        let all = self.deals.all();
        for id in &all {
            let state = self.deals.lend(*id);
            if let Some(said) = self.samples_of(&state, midnight) {
                builder.add(&said);
            }
            self.deals.give_back(*id, state, self.now);
        }
        let mut first = builder.at(midnight);
        first.in_force_from = self.now;
        if let Some(baselining) = &mut self.baselining {
            baselining.baselines.push(first, KEPT);
        }
        let is_measured = |rule: &crate::ruleset::Rule| {
            rule.threshold.is_some_and(|threshold| threshold.won().is_some())
        };
        if self.setup.rules.state_rules().any(is_measured) {
            for id in all {
                self.step(id, Stimulus::Reseed, self.now);
            }
        }
    }

    /// At midnight: what is known now, and no more, is the next baseline.
    pub(super) fn end_day(&mut self) {
        let (now, is_told) = (self.now, self.is_told());
        let Some(baselining) = &mut self.baselining else { return };
        let Some(midnight) = baselining.midnight.filter(|midnight| *midnight <= now) else {
            return;
        };
        let baseline = baselining.builder.at(midnight);
        baselining.midnight = Some(self.people.calendar().next_midnight(midnight));
        let ahead = std::mem::take(&mut baselining.ahead);
        baselining.taken = Some(baseline);
        if !is_told {
            self.look_at_baseline();
        }
        for id in ahead {
            let state = self.deals.lend(id);
            self.unsample(id, &state);
            self.sample(id, &state);
            self.deals.give_back(id, state, now);
        }
    }

    /// Live works out what was known at the last midnight when it next looks
    /// around, once there was a first baseline.
    pub(super) fn look_at_baseline(&mut self) {
        let Some(baselining) = &mut self.baselining else { return };
        let (Some(taken), Some(newest)) = (baselining.taken.take(), baselining.baselines.newest())
        else {
            return;
        };
        if taken.at > newest.at {
            baselining.baselines.push(taken, KEPT);
        }
    }

    /// Rules that rest on more won deals than there ever were, and have no number
    /// of their own.
    pub(super) fn lacking_won_deals(&self) -> Vec<Lacking> {
        let newest = self.baselining.as_ref().and_then(|it| it.baselines.newest());
        let Some(newest) = newest else { return Vec::new() };
        let rules = self.setup.rules.rules().iter();
        let silent = rules.filter(|rule| {
            let won = rule.threshold.as_ref().and_then(|threshold| threshold.won());
            won.is_some_and(|won| newest.resolve(won, None, None).is_none())
        });
        let missing = || vec!["enough won deals for its threshold".to_owned()];
        silent.map(|rule| Lacking { rule: rule.id.clone(), missing: missing() }).collect()
    }
}
