//! Rules about a person: the same truth, episodes, reminders and ids as rules
//! about a deal, over facts that are counted anew at each look.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::episodes::{self, Fresh, Seeding};
use super::explain::explanation;
use super::firing::seen_by;
use super::rule_truth::Look;
use super::terms::Whose;
use super::thresholds::against;
use super::timers::INSTANTS_MAX;
use super::{Firing, Holds, Outcome, World};
use crate::condition::{Explanation, Truth};
use crate::facts::DealKey;
use crate::facts::deal::RuleMemory;
use crate::portfolio::{PERSON_FIELDS, PersonFacts};
use crate::ruleset::{Rule, RuleSet, Scope};
use crate::time::UnixMs;

/// What the engine remembers of one person. The service stores it as one document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonState {
    /// E-mail, lower case.
    pub person: String,
    /// What is remembered of each rule, by rule id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rules: BTreeMap<String, RuleMemory>,
    /// Content hash of the rule set that `rules` was last brought in line with.
    #[serde(default)]
    pub rule_set: String,
    /// The latest engine time; it never runs back from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_engine_at: Option<UnixMs>,
    /// The next instant at which something can happen by time alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_due: Option<UnixMs>,
}

impl PersonState {
    /// Somebody of whom nothing is remembered.
    #[must_use]
    pub fn new(person: &str) -> Self {
        PersonState { person: person.to_owned(), ..PersonState::default() }
    }

    /// The person as the subject of a firing: no connection, and the e-mail.
    #[must_use]
    pub fn subject(&self) -> DealKey {
        DealKey { connection: String::new(), id: self.person.clone() }
    }
}

/// Looks at the rules about a person: at every instant that was due by time alone,
/// and at `at`. `facts` tells what is known of the person at an instant.
///
/// A rule's first known truth is taken without speaking, as is what is true when
/// a rule decides differently. The same look again changes nothing.
pub fn step_person(
    state: &mut PersonState,
    facts: impl Fn(UnixMs) -> PersonFacts,
    at: UnixMs,
    world: &World<'_>,
) -> Outcome {
    let mut outcome = Outcome::default();
    let at = at.plus_ms(0);
    let now = state.last_engine_at.map_or(at, |last| last.max(at));
    let mut fresh = Fresh::default();
    if state.rule_set != world.rules.hash() {
        world.rules.hash().clone_into(&mut state.rule_set);
        let (whose, rules) = (Whose::person(&state.person, world.rules), &mut state.rules);
        fresh = episodes::adopt_rules(rules, Scope::Person, &whose, now, world, &mut outcome);
        let known = state.last_engine_at.map(&facts);
        state.next_due = known.and_then(|known| next_due(state, &known, world));
    }
    for _ in 0..INSTANTS_MAX {
        let Some(due) = state.next_due.filter(|due| *due < now) else { break };
        let known = facts(due);
        // Rules that are new to the person were not there then.
        evaluate(state, &known, due, Seeding::Without(&fresh), world, &mut outcome);
        state.next_due = next_due(state, &known, world);
    }
    let known = facts(now);
    evaluate(state, &known, now, Seeding::Unknown, world, &mut outcome);
    state.next_due = next_due(state, &known, world);
    outcome.next_due = state.next_due;
    outcome
}

fn evaluate(
    state: &mut PersonState,
    facts: &PersonFacts,
    now: UnixMs,
    seeding: Seeding<'_>,
    world: &World<'_>,
    outcome: &mut Outcome,
) {
    state.last_engine_at = Some(now);
    let subject = state.subject();
    for rule in world.rules.person_rules() {
        let new = || RuleMemory { trigger: rule.trigger_hash.clone(), ..RuleMemory::default() };
        state.rules.entry(rule.id.clone()).or_insert_with(new);
    }
    let mut look = Look::of_person(&state.person, facts, now, world);
    for rule in world.rules.person_rules() {
        let Some(memory) = state.rules.get_mut(&rule.id) else { continue };
        episodes::look_at(rule, memory, &subject, seeding, false, &mut look, outcome);
    }
}

/// The next midnight, at which what is counted by days changes, or an earlier
/// instant at which a rule's truth does or a reminder is due.
fn next_due(state: &PersonState, known: &PersonFacts, world: &World<'_>) -> Option<UnixMs> {
    let from = state.last_engine_at?;
    let mut look = Look::of_person(&state.person, known, from, world);
    let mut next = None;
    for rule in world.rules.person_rules() {
        let memory = state.rules.get(&rule.id);
        let cooldown = look.terms(rule).cooldown;
        let speaks = memory.and_then(|memory| episodes::fire_at(rule, cooldown, memory, world));
        let held = against(rule, memory, &look);
        let midnight = Some(world.calendar.next_midnight(from));
        let instants = look.next_flip(rule, held).into_iter().chain(speaks).chain(midnight);
        next = next.into_iter().chain(instants.filter(|at| *at > from)).min();
    }
    next
}

/// Whether the reason of a firing about this person still holds: its episode is
/// open, and its rule still decides as it did.
#[must_use]
pub fn person_reason_holds(firing: &Firing, state: &PersonState, rules: &RuleSet) -> Holds {
    let rule = rules.rule(&firing.rule_id);
    let whose = Whose::person(&state.person, rules);
    let decides = rule.is_some_and(|rule| whose.fits(rule, &firing.trigger));
    let memory = state.rules.get(&firing.rule_id);
    let episode = memory.and_then(|memory| memory.episode.as_ref());
    let is_open = episode.is_some_and(|open| open.firings.contains(&firing.id));
    if decides && is_open { Holds::Yes } else { Holds::No }
}

/// Why `rule` is true of a person or not, part by part.
#[must_use]
pub fn explain_person(
    rule: &Rule,
    person: &str,
    facts: &PersonFacts,
    now: UnixMs,
    world: &World<'_>,
) -> Explanation {
    let mut look = Look::of_person(person, facts, now, world);
    let held = against(rule, None, &look);
    explanation(rule, held, &mut look)
}

/// Rules about people that cannot decide on this one, each with the name of a fact
/// that nobody told of.
#[must_use]
pub fn inactive_on_person(
    person: &str,
    facts: &PersonFacts,
    now: UnixMs,
    world: &World<'_>,
) -> Vec<(String, &'static str)> {
    let mut look = Look::of_person(person, facts, now, world);
    let mut found = Vec::new();
    for rule in world.rules.person_rules() {
        let held = against(rule, None, &look);
        if look.truth(rule, held) != Truth::Unknown {
            continue;
        }
        let seen = seen_by(rule, held, &mut look);
        let missing = PERSON_FIELDS.iter().find(|(name, ..)| {
            let short = name.trim_start_matches("person.");
            seen.iter()
                .any(|(known, value)| known == short && *value == crate::condition::Seen::Unknown)
        });
        found.extend(missing.map(|(name, ..)| (rule.id.clone(), *name)));
    }
    found
}
