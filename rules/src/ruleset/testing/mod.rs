//! Running the tests that rule files carry, through the engine that serves
//! live traffic.

mod baseline;
pub mod document;
mod instant;
pub mod person;
mod phases;
mod read;
mod story;
mod verdict;

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

pub use baseline::GivenBaseline;
pub(super) use read::read;

use super::{Period, Rule, RuleSet};
use crate::calendar::Calendar;
use crate::engine::{LIVE_MAX_AGE_MS, World, explain_rule};
use crate::facts::{ActivityKind, ChangedBy, Direction, Fact, Field, Managers, StagePhase, Value};
use crate::time::{HOUR_MS, UnixMs};
use person::PersonStory;
use story::Story;
use verdict::indented;

/// A story of one deal, and what a rule is to do in it.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleTest {
    /// What the story shows.
    pub name: String,
    /// Ids of the open stages; `won` and `lost` follow them.
    pub stages: Vec<String>,
    /// Where in the sale its stages stand; one that is not listed has no phase.
    pub phases: BTreeMap<String, StagePhase>,
    /// The story, if it is one of a person: then there is no deal in it.
    pub person: Option<PersonStory>,
    /// What is usual among won deals; `None` where there is no baseline.
    pub baseline: Option<GivenBaseline>,
    /// The deal as the story begins.
    pub given: Given,
    /// What happens, in order.
    pub then: Vec<StoryStep>,
    /// What the rule is to do.
    pub expect: Expectation,
    /// The line it stands at.
    pub line: usize,
}

/// The deal as the story begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// When the story begins.
    pub at: UnixMs,
    /// Its creation is part of the story.
    pub new: bool,
    /// When it was created.
    pub created_at: UnixMs,
    /// Since when it is in its stage.
    pub stage_since: UnixMs,
    /// Its fields; one that is not listed is not known.
    pub fields: BTreeMap<Field, Fact<Value>>,
    /// When the buyer last wrote.
    pub last_inbound_at: Option<UnixMs>,
    /// When somebody last wrote to the buyer.
    pub last_outbound_at: Option<UnixMs>,
    /// When somebody last called.
    pub last_call_at: Option<UnixMs>,
    /// When the last meeting was held.
    pub last_meeting_at: Option<UnixMs>,
    /// When the next meeting is booked.
    pub next_meeting_at: Option<UnixMs>,
    /// How many people took part in what was logged; `None` for not told.
    pub contacts_engaged: Option<u32>,
    /// Whether its activities were read.
    pub activities_known: bool,
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq)]
pub struct StoryStep {
    /// When, if it says.
    pub at: Option<UnixMs>,
    /// How long after the step before, if it says.
    pub after: Option<Period>,
    /// Milliseconds after the step before, if it says neither.
    pub step_ms: i64,
    /// Who does it, for what is set.
    pub by: ChangedBy,
    /// Which person of the buyer's takes part, counted from 1, for an activity.
    pub contact: u32,
    /// What.
    pub story_move: StoryMove,
}

/// What happens in a step.
#[derive(Clone, Debug, PartialEq)]
pub enum StoryMove {
    /// Fields take values.
    Set(Vec<(Field, Fact<Value>)>),
    /// Somebody does something.
    Activity(ActivityKind, Direction),
    /// Time passes.
    Wait(Period),
}

/// What the rule is to do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expectation {
    /// How often it fires.
    pub fires: u32,
    /// Each firing, if they are described.
    pub firings: Vec<ExpectedFiring>,
    /// How many late firings, if that matters.
    pub late: Option<u32>,
    /// How many episodes that spoke end, if that matters.
    pub ended: Option<u32>,
    /// How many firings are followed by the outcome, if that matters.
    pub helped: Option<u32>,
}

/// One expected firing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExpectedFiring {
    /// When.
    pub at: Option<UnixMs>,
    /// The headline as a person reads it.
    pub headline: Option<String>,
}

/// What came of one test.
#[derive(Clone, Debug, PartialEq)]
pub struct TestReport {
    /// The pack.
    pub pack: String,
    /// The rule.
    pub rule: String,
    /// The test.
    pub name: String,
    /// The file and line it stands at.
    pub place: String,
    /// What went otherwise than expected, and why; `None` if nothing did.
    pub failure: Option<String>,
}

/// Runs every test of every rule.
#[must_use]
pub fn run_tests(set: &RuleSet) -> Vec<TestReport> {
    let mut reports = Vec::new();
    for rule in set.rules() {
        for test in &rule.tests {
            reports.push(TestReport {
                pack: rule.pack.clone(),
                rule: rule.id.clone(),
                name: test.name.clone(),
                place: format!("{}:{}", rule.file, test.line),
                failure: run(set, rule, test),
            });
        }
    }
    reports
}

/// What each test's firings say they saw, for every rule.
#[cfg(test)]
pub(crate) fn readings(set: &RuleSet) -> Vec<(String, crate::engine::Reading)> {
    let mut readings = Vec::new();
    for rule in set.rules() {
        for test in &rule.tests {
            let said = match &test.person {
                Some(_) => person_readings(set, rule, test),
                None => tell(set, rule, test, |story, _, _| story.told.readings()),
            };
            readings.extend(said.into_iter().map(|reading| (rule.id.clone(), reading)));
        }
    }
    readings
}

/// What the firings of a story of a person say they saw.
#[cfg(test)]
pub(crate) fn person_readings(
    set: &RuleSet,
    rule: &Rule,
    test: &RuleTest,
) -> Vec<crate::engine::Reading> {
    let story = test.person.as_ref();
    story.map(|story| person::tell(set, rule, test, story).0.readings()).unwrap_or_default()
}

/// What the texts of each test's firings are made of, for every rule.
#[cfg(test)]
pub(crate) fn contexts(set: &RuleSet) -> Vec<(String, serde_json::Value)> {
    let mut contexts = Vec::new();
    for rule in set.rules() {
        for test in &rule.tests {
            let said = match &test.person {
                Some(story) => person::tell(set, rule, test, story).0.contexts(),
                None => tell(set, rule, test, |story, _, _| story.told.contexts()),
            };
            contexts.extend(said.into_iter().map(|context| (rule.id.clone(), context)));
        }
    }
    contexts
}

/// How every story of every rule about a deal ends: the deal, the world, the last instant.
#[cfg(test)]
pub(crate) fn endings(
    set: &RuleSet,
    mut look: impl FnMut(&Rule, &crate::facts::DealState, &World<'_>, UnixMs),
) {
    for rule in set.rules() {
        for test in rule.tests.iter().filter(|test| test.person.is_none()) {
            tell(set, rule, test, |story, world, now| look(rule, &story.state, world, now));
        }
    }
}

/// How long changes wait in a story; records are read at once, so never used up.
const HYDRATE_DEADLINE_MS: i64 = HOUR_MS;

/// Tells the story of a test, and lets `then` look at how it ended: the story,
/// the world it was told in, and the last instant.
fn tell<T>(
    set: &RuleSet,
    rule: &Rule,
    test: &RuleTest,
    then: impl FnOnce(&mut Story<'_>, &World<'_>, UnixMs) -> T,
) -> T {
    let metadata = story::account(test);
    let calendar = Calendar::weekdays(TimeZone::UTC);
    let managers = Managers::of([story::SELLER_AND_LEAD]);
    let baselines = baseline::baselines(rule, test);
    let world = World {
        rules: set,
        metadata: &metadata,
        calendar: &calendar,
        activity_trusted: true,
        hydrate_deadline_ms: HYDRATE_DEADLINE_MS,
        managers: &managers,
        live_max_age_ms: LIVE_MAX_AGE_MS,
        baselines: &baselines,
    };
    let mut story = Story::new(world, rule);
    story.begin(&test.given);
    let mut clock = test.given.at;
    for step in &test.then {
        clock = story.take(step, clock);
    }
    then(&mut story, &world, clock)
}

fn run(set: &RuleSet, rule: &Rule, test: &RuleTest) -> Option<String> {
    if let Some(story) = &test.person {
        return person::run(set, rule, test, story);
    }
    tell(set, rule, test, |story, world, clock| {
        let difference = story.told.compare(&test.expect)?;
        let (at, why) = match story.told.looked.take() {
            Some((at, why)) => (format!("at the last change it looked at, {at}"), why),
            // An event rule looks at nothing once its changes are over.
            None if rule.event().is_some() => return Some(difference),
            None => {
                let why = explain_rule(rule, &story.state, clock, world);
                (format!("at the end of the story, {clock}"), why)
            }
        };
        Some(format!("{difference}\n  {at}:\n    {}", indented(&why)))
    })
}
