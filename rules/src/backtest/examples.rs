//! A few firings of each rule, told in full. Which ones is decided by their ids:
//! as good as by lot, and the same in every run.

use serde::Serialize;

use crate::attention::SendAs;
use crate::calendar::Calendar;
use crate::engine::{Firing, World, as_of, reading, template_context};
use crate::facts::{DealState, Field, Metadata};
use crate::ruleset::Rule;
use crate::time::UnixMs;

use super::Fate;

/// Examples of one rule.
pub const EXAMPLES_MAX: usize = 3;
/// What stands in place of a seller's name.
const SELLER: &str = "the seller";

/// A firing, told in full. It names its deal and nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// The firing's id.
    pub firing: String,
    /// When.
    pub at: UnixMs,
    /// The deal's name, or its id.
    pub deal: String,
    /// What would have been said, as of when it would have been sent; `None` where
    /// its text cannot be written.
    pub headline: Option<String>,
    /// The facts that decided, a line each.
    pub saw: Vec<String>,
    /// What would have become of it: `interruption`, `digest`, `card`, a reason for
    /// not sending it, or `open`.
    pub fate: &'static str,
    /// When that was decided.
    pub decided_at: Option<UnixMs>,
}

/// The examples of all rules.
pub(super) struct Examples {
    of_rule: Vec<Vec<Example>>,
    /// The account without the names of its people.
    nameless: Metadata,
}

impl Examples {
    pub(super) fn new(rules: usize, metadata: &Metadata) -> Examples {
        let mut nameless = metadata.clone();
        for owner in &mut nameless.owners {
            SELLER.clone_into(&mut owner.name);
            owner.email = None;
        }
        Examples { of_rule: vec![Vec::new(); rules], nameless }
    }

    /// Keeps the firings with the smallest ids.
    pub(super) fn consider(
        &mut self,
        rule_at: u32,
        rule: &Rule,
        firing: &Firing,
        state: &DealState,
        calendar: &Calendar,
    ) {
        let Some(kept) = self.of_rule.get_mut(rule_at as usize) else { return };
        let place = kept.partition_point(|example| example.firing < firing.id);
        if place >= EXAMPLES_MAX {
            return;
        }
        let (headline, saw) = words(&self.nameless, rule, firing, state, calendar);
        let example = Example {
            firing: firing.id.clone(),
            at: firing.at,
            deal: state.facts.text(Field::Name).unwrap_or(&firing.deal.id).to_owned(),
            headline,
            saw,
            fate: "open",
            decided_at: None,
        };
        kept.insert(place, example);
        kept.truncate(EXAMPLES_MAX);
    }

    /// Its message leaves: it says how things are by now.
    pub(super) fn said(
        &mut self,
        rule_at: u32,
        firing: &Firing,
        state: &DealState,
        now: UnixMs,
        world: &World<'_>,
        calendar: &Calendar,
    ) {
        let kept = self.of_rule.get_mut(rule_at as usize);
        let example = kept.and_then(|kept| kept.iter_mut().find(|one| one.firing == firing.id));
        let rule = world.rules.rules().get(rule_at as usize);
        let (Some(example), Some(rule)) = (example.filter(|one| one.at < now), rule) else {
            return;
        };
        if let Some(fresh) = as_of(firing, state, now, world) {
            (example.headline, example.saw) = words(&self.nameless, rule, &fresh, state, calendar);
        }
    }

    pub(super) fn decided(&mut self, rule: u32, firing_id: &str, fate: Fate, at: UnixMs) {
        let kept = self.of_rule.get_mut(rule as usize);
        let example = kept.and_then(|kept| kept.iter_mut().find(|one| one.firing == firing_id));
        let Some(example) = example else { return };
        example.fate = match fate {
            Fate::Sent(SendAs::Interrupt) => "interruption",
            Fate::Sent(SendAs::Digest { .. }) => "digest",
            Fate::Kept => "card",
            Fate::NotSent(word) => word,
            Fate::Leaving(_) | Fate::Deferred { .. } => return,
        };
        example.decided_at = Some(at);
    }

    /// Those of one rule, oldest first.
    pub(super) fn of(&self, rule: usize) -> Vec<Example> {
        let mut examples = self.of_rule.get(rule).cloned().unwrap_or_default();
        examples.sort_by_key(|example| example.at);
        examples
    }
}

/// What a firing says, and the facts that decided.
fn words(
    nameless: &Metadata,
    rule: &Rule,
    firing: &Firing,
    state: &DealState,
    calendar: &Calendar,
) -> (Option<String>, Vec<String>) {
    let context = template_context(firing, state, nameless, SELLER, &calendar.zone);
    let read = reading(firing, &state.facts, nameless, &calendar.zone);
    (rule.tip.headline.render(&context).ok(), read.saw)
}
