//! Why a rule speaks or not, and whether a reason still holds.

use serde::{Deserialize, Serialize};

use crate::baseline::Quoted;
use crate::condition::{Explanation, Joint, Seen, SeenValue, Slot, Truth};
use crate::facts::schema::{DEAL_FIELDS, place};
use crate::facts::{ChangeView, DealState, StageKind};
use crate::ruleset::{AppliesTo, Rule, Scope};
use crate::time::UnixMs;

use super::firing::seen_by;
use super::rule_truth::Look;
use super::terms::Whose;
use super::thresholds::{Against, against};
use super::{Firing, World};

/// The name under which a missing threshold is told.
const THRESHOLD: &str = "threshold";

/// Whether a reason to speak still holds.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// It does.
    Yes,
    /// It is gone.
    No,
}

/// Whether the reason of `firing` still holds at `now`: for a state rule, while
/// its episode is open; for an event rule, while the rule over the change that
/// was stored and the present facts is not false. What is Unknown holds. A rule
/// that is gone or decides differently now takes its reasons along.
#[must_use]
pub fn reason_holds(firing: &Firing, state: &DealState, now: UnixMs, world: &World<'_>) -> Holds {
    let whose = Whose::deal(&state.facts, world);
    let rule = world.rules.rule(&firing.rule_id);
    let Some(rule) = rule.filter(|rule| whose.fits(rule, &firing.trigger)) else {
        return Holds::No;
    };
    let holds = match &firing.change {
        None => {
            let memory = state.rules.get(&firing.rule_id);
            let episode = memory.and_then(|memory| memory.episode.as_ref());
            !state.facts.is_gone() && episode.is_some_and(|open| open.firings.contains(&firing.id))
        }
        Some(change) => {
            let look = Look::at(&state.facts, now, world);
            look.with_change(change, &state.facts).truth(rule, firing.against()) != Truth::False
        }
    };
    if holds { Holds::Yes } else { Holds::No }
}

/// A firing as it would read at `now`: the same reason, with what its conditions
/// see by then and the ages of then. `None` when its rule is gone or has another
/// version: then the words of the version that spoke stay.
#[must_use]
pub fn as_of(firing: &Firing, state: &DealState, now: UnixMs, world: &World<'_>) -> Option<Firing> {
    let rule = world.rules.rule(&firing.rule_id);
    let rule = rule.filter(|rule| rule.version_hash == firing.rule_version)?;
    let look = Look::at(&state.facts, now, world);
    let mut look = match &firing.change {
        Some(change) => look.with_change(change, &state.facts),
        None => look,
    };
    Some(Firing {
        at: now.max(firing.at),
        seen: seen_by(rule, firing.against(), &mut look),
        explanation: explanation(rule, firing.against(), &mut look),
        ..firing.clone()
    })
}

/// Whether what `rule` hopes for is true of the deal at `now`, after its nudge
/// was sent at `sent_at`. False for a rule that hopes for nothing. What
/// Touchline itself writes is no activity, so it satisfies nothing.
#[must_use]
pub fn outcome_met(
    rule: &Rule,
    state: &DealState,
    sent_at: UnixMs,
    now: UnixMs,
    world: &World<'_>,
) -> bool {
    let Some(outcome) = &rule.outcome else { return false };
    let mut look = Look::at(&state.facts, now, world);
    look.slots[usize::from(place::NUDGE_SENT_AT)] = Slot::Time(sent_at);
    let held = against(rule, state.rules.get(&rule.id), &look);
    outcome.when.eval(&look.context(held)) == Truth::True
}

/// Whether each state rule is true of this deal as it is at `now`, in the order
/// of the files; whatever it said or did not say about it.
#[must_use]
pub fn present<'w>(state: &DealState, now: UnixMs, world: &World<'w>) -> Vec<(&'w Rule, Truth)> {
    let mut look = Look::at(&state.facts, now, world);
    let mut truths = Vec::new();
    for rule in world.rules.state_rules() {
        let held = against(rule, state.rules.get(&rule.id), &look);
        truths.push((rule, look.truth(rule, held)));
    }
    truths
}

/// State rules that cannot decide about this deal, each with the name of a fact
/// that nobody told of.
#[must_use]
pub fn inactive(state: &DealState, now: UnixMs, world: &World<'_>) -> Vec<(String, &'static str)> {
    let mut look = Look::at(&state.facts, now, world);
    let mut found = Vec::new();
    for rule in world.rules.state_rules() {
        let held = against(rule, state.rules.get(&rule.id), &look);
        if look.truth(rule, held) != Truth::Unknown {
            continue;
        }
        let applies = look.applies(rule);
        let context = look.context(held);
        let mut missing = rule.when.unknown_because(&context);
        missing.extend(rule.unless.iter().flat_map(|unless| unless.unknown_because(&context)));
        let named = missing.first().and_then(|slot| {
            let fact = DEAL_FIELDS.iter().find(|(_, _, at, _)| at == slot);
            fact.map(|(name, ..)| *name).or((*slot == place::THRESHOLD).then_some(THRESHOLD))
        });
        let fact = if applies == Truth::Unknown { Some("deal.stage_kind") } else { named };
        found.extend(fact.map(|fact| (rule.id.clone(), fact)));
    }
    found
}

/// Why `rule` is true of the deal at `now` or not, part by part. For an event
/// rule without its change, what it reads of the change is not known.
#[must_use]
pub fn explain_rule(rule: &Rule, state: &DealState, now: UnixMs, world: &World<'_>) -> Explanation {
    let mut look = Look::at(&state.facts, now, world);
    let held = against(rule, state.rules.get(&rule.id), &look);
    explanation(rule, held, &mut look)
}

/// As [`explain_rule`], for an event rule and one change.
#[must_use]
pub fn explain_change(
    rule: &Rule,
    change: &ChangeView,
    state: &DealState,
    now: UnixMs,
    world: &World<'_>,
) -> Explanation {
    let mut look = Look::at(&state.facts, now, world).with_change(change, &state.facts);
    let held = against(rule, None, &look);
    explanation(rule, held, &mut look)
}

/// What `rule` is held against on this deal, if that rests on won deals.
#[must_use]
pub fn threshold_of(
    rule: &Rule,
    state: &DealState,
    now: UnixMs,
    world: &World<'_>,
) -> Option<Quoted> {
    let look = Look::at(&state.facts, now, world);
    against(rule, state.rules.get(&rule.id), &look).quoted
}

pub(super) fn explanation(rule: &Rule, held: Against, look: &mut Look<'_>) -> Explanation {
    let truth = look.truth(rule, held);
    let applies = applies(rule, look);
    let context = look.context(held);
    let mut parts = vec![applies, rule.when.explain(&context)];
    if let Some(unless) = &rule.unless {
        let inner = unless.explain(&context);
        parts.push(Explanation {
            source: format!("!({})", unless.source()),
            truth: !inner.truth,
            joint: Joint::Not,
            values: Vec::new(),
            bound: None,
            parts: vec![inner],
        });
    }
    Explanation {
        source: rule.id.clone(),
        truth,
        joint: Joint::All,
        values: Vec::new(),
        bound: None,
        parts,
    }
}

fn applies(rule: &Rule, look: &Look<'_>) -> Explanation {
    if rule.scope == Scope::Person {
        return Explanation {
            source: "scope: person".to_owned(),
            truth: Truth::True,
            joint: Joint::Test,
            values: Vec::new(),
            bound: None,
            parts: Vec::new(),
        };
    }
    let wanted = match rule.applies_to {
        AppliesTo::Open => "open",
        AppliesTo::Closed => "closed",
    };
    let kind = match look.kind {
        _ if look.gone => Seen::Text("deleted or merged".to_owned()),
        Some(kind) => Seen::Text(StageKind::name(kind).to_owned()),
        None => Seen::Unknown,
    };
    Explanation {
        source: format!("applies_to: {wanted}"),
        truth: look.applies(rule),
        joint: Joint::Test,
        values: vec![SeenValue { name: "deal.stage_kind".to_owned(), value: kind }],
        bound: None,
        parts: Vec::new(),
    }
}
