//! Stories of a person: facts that are so, change, and stay while time passes.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::instant::instant;
use super::verdict::{Told, indented};
use super::{Given, HYDRATE_DEADLINE_MS, RuleTest};
use crate::baseline::Baselines;
use crate::calendar::Calendar;
use crate::condition::{Slot, Type};
use crate::engine::{LIVE_MAX_AGE_MS, PersonState, World, explain_person, step_person};
use crate::facts::{Managers, Metadata};
use crate::nearest::did_you_mean;
use crate::portfolio::{PERSON_FIELDS, PersonFacts};
use crate::ruleset::diagnostic::Findings;
use crate::ruleset::keys::{self, shown};
use crate::ruleset::period::Period;
use crate::ruleset::yaml::{Node, NodeKind};
use crate::ruleset::{Rule, RuleSet};
use crate::time::{MINUTE_MS, UnixMs};

/// Who the stories are about.
const SELLER: &str = "seller@example.com";

/// Facts about a person by their names, blank or known. Others are not known.
pub type GivenFacts = BTreeMap<&'static str, Option<GivenFact>>;

/// A fact that a story gives.
#[derive(Copy, Clone, Debug, PartialEq)]
pub enum GivenFact {
    /// A number.
    Number(f64),
    /// An instant.
    Time(UnixMs),
}

/// What happens in the story of a person.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonStory {
    /// What is known as it begins.
    pub facts: GivenFacts,
    /// When each further thing happens, if it says, or how long after the one
    /// before; and what is known from then on.
    pub then: Vec<PersonStep>,
}

/// One step of such a story.
#[derive(Clone, Debug, PartialEq)]
pub enum PersonStep {
    /// Facts become others.
    Set {
        /// When, if it says.
        at: Option<UnixMs>,
        /// How long after the step before, if it says.
        after: Option<Period>,
        /// The facts.
        facts: GivenFacts,
    },
    /// Time passes.
    Wait(Period),
}

/// `{ open_deals: 30, manager_since: -20d }`
pub(super) fn facts(node: &Node, base: UnixMs, findings: &mut Findings) -> GivenFacts {
    let mut given = GivenFacts::new();
    let NodeKind::Map(entries) = &node.kind else {
        findings.error(node.at, "wrong_shape", "facts are `name: value`", "write `open_deals: 3`");
        return given;
    };
    let short = |name: &'static str| name.trim_start_matches("person.");
    for (key, at, value) in entries {
        let known = PERSON_FIELDS.iter().find(|(name, ..)| short(name) == key);
        let Some((name, ty, ..)) = known else {
            let names: Vec<&str> = PERSON_FIELDS.iter().map(|(name, ..)| short(name)).collect();
            let message = format!("there is no fact `person.{}`", shown(key));
            findings.error(*at, "unknown_field", message, did_you_mean(key, &names));
            continue;
        };
        let read = match (&value.kind, ty) {
            (NodeKind::Null, _) => Some(None),
            (_, Type::Time) => {
                instant(value, Some(base), findings).map(|at| Some(GivenFact::Time(at)))
            }
            _ => keys::number(value, key_of(name), -1e15..=1e15, findings)
                .map(|found| Some(GivenFact::Number(found.value))),
        };
        given.extend(read.map(|fact| (*name, fact)));
    }
    given
}

/// What is known of a person as a story of one begins; `None` for one of a deal.
pub(super) fn given(node: &Node, findings: &mut Findings) -> Option<(UnixMs, GivenFacts)> {
    let NodeKind::Map(entries) = &node.kind else { return None };
    entries.iter().find(|(key, ..)| key == "person")?;
    let mut map = keys::Keys::of(node, "`given`", findings)?;
    let at = map.required("at", findings).and_then(|it| instant(it, None, findings));
    let facts = map.node("person").map(|it| facts(it, at.unwrap_or(UnixMs(0)), findings));
    map.finish(findings);
    Some((at?, facts?))
}

impl Given {
    /// A story without a deal.
    pub(super) fn nothing(at: UnixMs) -> Given {
        Given {
            at,
            new: false,
            created_at: at,
            stage_since: at,
            fields: BTreeMap::new(),
            last_inbound_at: None,
            last_outbound_at: None,
            last_call_at: None,
            last_meeting_at: None,
            next_meeting_at: None,
            contacts_engaged: None,
            activities_known: false,
        }
    }
}

fn key_of(name: &'static str) -> &'static str {
    name.trim_start_matches("person.")
}

/// One step: `{ set: { open_deals: 31 } }` or `{ wait: 3d }`.
pub(super) fn step(node: &Node, base: UnixMs, findings: &mut Findings) -> Option<PersonStep> {
    let mut map = keys::Keys::of(node, "a step", findings)?;
    let at = map.node("at").and_then(|it| instant(it, Some(base), findings));
    let after = map.node("after").and_then(|it| keys::period(it, "after", findings));
    let set = map.node("set").map(|it| facts(it, base, findings));
    let wait = map.node("wait").and_then(|it| keys::period(it, "wait", findings));
    map.finish(findings);
    match (set, wait) {
        (Some(facts), None) => Some(PersonStep::Set { at, after, facts }),
        (None, Some(wait)) => Some(PersonStep::Wait(wait)),
        _ => {
            let message = "a step about a person says either `set` or `wait`";
            findings.error(node.at, "wrong_shape", message, "write `set: { open_deals: 31 }`");
            None
        }
    }
}

fn put(known: &mut PersonFacts, given: &GivenFacts) {
    for (name, _, slot, _) in PERSON_FIELDS {
        if let Some(fact) = given.get(name) {
            known.set(
                slot,
                match fact {
                    None => Slot::Empty,
                    Some(GivenFact::Number(number)) => Slot::Number(*number),
                    Some(GivenFact::Time(at)) => Slot::Time(*at),
                },
            );
        }
    }
}

/// Tells the story and says what differs from what was expected.
pub(super) fn run(
    set: &RuleSet,
    rule: &Rule,
    test: &RuleTest,
    story: &PersonStory,
) -> Option<String> {
    let (told, why) = tell(set, rule, test, story);
    let difference = told.compare(&test.expect)?;
    Some(format!("{difference}\n{why}"))
}

/// Tells the story: what the rule did, and why at its end.
pub(super) fn tell(
    set: &RuleSet,
    rule: &Rule,
    test: &RuleTest,
    story: &PersonStory,
) -> (Told, String) {
    let (metadata, calendar) = (Metadata::default(), Calendar::weekdays(TimeZone::UTC));
    let world = World {
        rules: set,
        metadata: &metadata,
        calendar: &calendar,
        activity_trusted: false,
        hydrate_deadline_ms: HYDRATE_DEADLINE_MS,
        managers: Managers::none(),
        live_max_age_ms: LIVE_MAX_AGE_MS,
        baselines: Baselines::none(),
    };
    let mut state = PersonState::new(SELLER);
    let (mut known, mut told, mut clock) = (PersonFacts::default(), Told::default(), test.given.at);
    put(&mut known, &story.facts);
    let mut look = |known: &PersonFacts, at: UnixMs, told: &mut Told| {
        let outcome = step_person(&mut state, |_| known.clone(), at, &world);
        told.note_person(outcome, known, rule);
    };
    look(&known, clock, &mut told);
    for step in &story.then {
        clock = match step {
            PersonStep::Wait(period) => period.after(clock, &calendar),
            PersonStep::Set { at, after, .. } => {
                let next = after.map_or(clock.plus_ms(MINUTE_MS), |it| it.after(clock, &calendar));
                at.unwrap_or(next).max(clock)
            }
        };
        // Until then everything was as before.
        look(&known, clock.plus_ms(-1), &mut told);
        if let PersonStep::Set { facts, .. } = step {
            put(&mut known, facts);
        }
        look(&known, clock, &mut told);
    }
    let why = indented(&explain_person(rule, SELLER, &known, clock, &world));
    (told, format!("  at the end of the story, {clock}:\n    {why}"))
}
