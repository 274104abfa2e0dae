//! Watching firings: which of them were settled by themselves within their window.

use std::rc::Rc;

use crate::engine::{EndCause, EpisodeEnd, Firing, Holds, outcome_met, reason_holds};
use crate::facts::DealState;
use crate::ruleset::{Period, PeriodUnit, Rule};
use crate::time::UnixMs;

use super::deals::DealId;
use super::player::world;
use super::record::{Subject, Watch};
use super::tally::{End, WINDOW_DAYS};
use super::{Observer, Player};

impl<O: Observer> Player<'_, O> {
    /// Watches a firing from now on.
    pub(super) fn watch(
        &mut self,
        about: Subject,
        known: &Rule,
        rule: u32,
        firing: Rc<Firing>,
        counted: bool,
    ) {
        let who = match about {
            Subject::Deal(id) => self.deals.owner(id),
            Subject::Person(id) => Some(id),
        };
        let until = window_of(known).after(firing.at, self.people.calendar_of(who));
        self.watch_ends.insert((until, about));
        self.notes(about).watches.push(Watch { firing, rule, counted, until });
    }

    /// An episode ended: what was not said of it is not said any more.
    pub(super) fn ended(&mut self, about: Subject, state: Option<&DealState>, end: &EpisodeEnd) {
        let (word, is_fixed) = match end.cause {
            EndCause::NoLongerTrue => ("no_longer_true", true),
            EndCause::StageKind => ("stage_kind", false),
            EndCause::DealGone => ("deal_gone", false),
            EndCause::RuleChanged => ("rule_changed", false),
        };
        for firing_id in &end.firing_ids {
            let record = self.notes(about);
            let reader = record.settle(firing_id);
            let watch = record.watches.iter().position(|watch| watch.firing.id == *firing_id);
            let watch = watch.map(|at| record.watches.swap_remove(at));
            if let Some(watch) = watch {
                let is_met = || match (about, state) {
                    (Subject::Deal(id), Some(state)) => self.is_met(&watch, id, state, end.at),
                    _ => false,
                };
                let end = if is_fixed || is_met() { End::Fixed } else { End::Closed };
                self.tally.settled(watch.rule, watch.counted, end, reader.is_some());
                self.forget_watch(about, watch.until);
            }
            let taken = reader.map(|reader| self.people.take_back(reader, firing_id));
            for pending in taken.into_iter().flatten() {
                self.not_sent(pending.rule, pending.counted, &pending.firing, word);
            }
        }
    }

    fn is_met(&self, watch: &Watch, id: DealId, state: &DealState, now: UnixMs) -> bool {
        let rule = self.setup.rules.rules().get(watch.rule as usize);
        let calendar = self.people.calendar_of(self.deals.owner(id));
        let world = world(&self.setup, self.baselining.as_deref(), calendar, state);
        let now = now.min(watch.until);
        rule.is_some_and(|rule| outcome_met(rule, state, watch.firing.at, now, &world))
    }

    /// Looks whether the reasons of a deal's firings have gone by themselves.
    pub(super) fn look(&mut self, id: DealId, state: &DealState, now: UnixMs, ends: bool) {
        let watches = std::mem::take(&mut self.deals.record(id).watches);
        let mut kept = Vec::with_capacity(watches.len());
        for watch in watches {
            let end = self.end_of(&watch, id, state, now);
            let end = end.or((ends && watch.until <= now).then_some(End::Over));
            let Some(end) = end else {
                kept.push(watch);
                continue;
            };
            let is_waiting = self.deals.record(id).is_pending(&watch.firing.id);
            self.tally.settled(watch.rule, watch.counted, end, is_waiting);
            self.watch_ends.remove(&(watch.until, Subject::Deal(id)));
        }
        for watch in &kept {
            // Two firings of one instant share an entry.
            self.watch_ends.insert((watch.until, Subject::Deal(id)));
        }
        self.deals.record(id).watches = kept;
    }

    fn end_of(&self, watch: &Watch, id: DealId, state: &DealState, now: UnixMs) -> Option<End> {
        if self.is_met(watch, id, state, now) {
            return Some(End::Fixed);
        }
        watch.firing.change.as_ref()?;
        let calendar = self.people.calendar_of(self.deals.owner(id));
        let world = world(&self.setup, self.baselining.as_deref(), calendar, state);
        if reason_holds(&watch.firing, state, now, &world) == Holds::Yes {
            return None;
        }
        let rule = self.setup.rules.rules().get(watch.rule as usize)?;
        let kind = state.facts.stage_kind(self.setup.metadata);
        let still_applies = kind.is_none_or(|kind| rule.applies_to.covers(kind));
        let is_fixed = still_applies && !state.facts.is_gone();
        Some(if is_fixed { End::Fixed } else { End::Closed })
    }

    fn forget_watch(&mut self, about: Subject, until: UnixMs) {
        if self.notes(about).watches.iter().all(|watch| watch.until != until) {
            self.watch_ends.remove(&(until, about));
        }
    }

    pub(super) fn end_watches(&mut self, about: Subject) {
        if self.notes(about).watches.is_empty() {
            return;
        }
        let id = match about {
            Subject::Deal(id) => id,
            Subject::Person(_) => return self.end_watches_of_person(about),
        };
        let state = self.deals.lend(id);
        self.look(id, &state, self.now, true);
        self.deals.give_back(id, state, self.now);
    }

    /// What was said of a person hopes for nothing but that its reason goes.
    fn end_watches_of_person(&mut self, about: Subject) {
        let now = self.now;
        let all = std::mem::take(&mut self.notes(about).watches);
        let (over, kept): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.until <= now);
        self.notes(about).watches = kept;
        for watch in over {
            let is_waiting = self.notes(about).is_pending(&watch.firing.id);
            self.tally.settled(watch.rule, watch.counted, End::Over, is_waiting);
        }
    }
}

/// How long a firing is watched.
fn window_of(rule: &Rule) -> Period {
    let usual = Period { count: WINDOW_DAYS, unit: PeriodUnit::Days };
    rule.outcome.as_ref().map_or(usual, |outcome| outcome.within)
}
