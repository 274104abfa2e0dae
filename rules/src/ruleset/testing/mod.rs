//! Running the tests that rule files carry, through the engine that serves
//! live traffic.

pub mod document;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::tz::TimeZone;

use super::compile::TIP_BODY_CHARS;
use super::{Period, Rule, RuleSet};
use crate::calendar::Calendar;
use crate::condition::Explanation;
use crate::engine::{
    Firing, Outcome, Stimulus, World, explain_change, explain_rule, step, template_context,
};
use crate::facts::{
    Activity, ActivityKind, Actor, ActorKind, Change, ChangeKind, DealKey, DealState, Direction,
    Fact, Field, HistoryItem, Metadata, Observation, Origin, Owner, Pipeline, Stage, StageKind,
    Value,
};
use crate::time::{HOUR_MS, UnixMs};

/// A story of one deal, and what a rule is to do in it.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleTest {
    /// What the story shows.
    pub name: String,
    /// Ids of the open stages; `won` and `lost` follow them.
    pub stages: Vec<String>,
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
    /// When the next meeting is booked.
    pub next_meeting_at: Option<UnixMs>,
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

/// How long changes wait in a story; records are read at once, so never used up.
const HYDRATE_DEADLINE_MS: i64 = HOUR_MS;

fn run(set: &RuleSet, rule: &Rule, test: &RuleTest) -> Option<String> {
    let metadata = account(test);
    let calendar = Calendar::weekdays(TimeZone::UTC);
    let world = World {
        rules: set,
        metadata: &metadata,
        calendar: &calendar,
        activity_trusted: true,
        hydrate_deadline_ms: HYDRATE_DEADLINE_MS,
    };
    let mut story = Story { world, state: DealState::new(key()), told: Told::default(), seq: 0 };
    story.begin(&test.given, rule);
    let mut clock = test.given.at;
    for step in &test.then {
        clock = story.take(step, clock, rule);
    }
    let difference = story.told.compare(&test.expect)?;
    let (at, why) = match story.told.looked.take() {
        Some((at, why)) => (format!("at the last change it looked at, {at}"), why),
        // An event rule looks at nothing once its changes are over.
        None if rule.event().is_some() => return Some(difference),
        None => {
            let why = explain_rule(rule, &story.state, clock, &world);
            (format!("at the end of the story, {clock}"), why)
        }
    };
    Some(format!("{difference}\n  {at}:\n    {}", indented(&why)))
}

fn indented(why: &Explanation) -> String {
    why.to_string().replace('\n', "\n    ")
}

fn key() -> DealKey {
    DealKey { connection: "story".into(), id: "1".into() }
}

fn account(test: &RuleTest) -> Metadata {
    let stage = |id: &str, kind| {
        let mut label = id.replace(['_', '-'], " ");
        if let Some(first) = label.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Stage { id: id.to_owned(), label, kind }
    };
    let mut stages: Vec<Stage> = test.stages.iter().map(|id| stage(id, StageKind::Open)).collect();
    stages.push(stage("won", StageKind::Won));
    stages.push(stage("lost", StageKind::Lost));
    let text = |field| match test.given.fields.get(&field) {
        Some(Fact::Known(Value::Text(text))) => Some(text.clone()),
        _ => None,
    };
    let owner = Owner {
        id: text(Field::Owner).unwrap_or_else(|| "seller".into()),
        user_id: None,
        email: Some("seller@example.com".into()),
        name: "Sam Seller".into(),
        archived: false,
    };
    Metadata {
        account_id: None,
        time_zone: None,
        currency: Some("EUR".into()),
        pipelines: vec![Pipeline {
            id: text(Field::Pipeline).unwrap_or_else(|| "sales".into()),
            label: "Sales".into(),
            stages,
        }],
        owners: vec![owner],
    }
}

/// A story as it unfolds.
struct Story<'a> {
    world: World<'a>,
    state: DealState,
    told: Told,
    seq: u32,
}

impl Story<'_> {
    fn begin(&mut self, given: &Given, rule: &Rule) {
        if given.new {
            let created = self.change(ChangeKind::Created, given.created_at);
            self.step(Stimulus::Change(&created), given.at, rule);
        }
        let observation = record(given);
        self.step(Stimulus::Observation(&observation), given.at, rule);
    }

    /// Takes one step and says what the clock then shows.
    fn take(&mut self, step: &StoryStep, clock: UnixMs, rule: &Rule) -> UnixMs {
        let next = match (step.at, step.after) {
            (Some(at), _) => at,
            (None, Some(after)) => after.after(clock, self.world.calendar),
            (None, None) if matches!(step.story_move, StoryMove::Wait(_)) => clock,
            (None, None) => clock.plus_ms(step.step_ms),
        };
        match &step.story_move {
            StoryMove::Wait(period) => {
                let until = period.after(next, self.world.calendar);
                self.step(Stimulus::Timer, until, rule);
                return until;
            }
            StoryMove::Set(values) => {
                for (field, to) in values {
                    let kind = ChangeKind::FieldSet { field: *field, to: to.clone() };
                    let change = self.change(kind, next);
                    self.step(Stimulus::Change(&change), next.max(clock), rule);
                }
            }
            StoryMove::Activity(kind, direction) => {
                let activity = activity(&format!("step {}", self.seq), *kind, *direction, next);
                let change = self.change(ChangeKind::Activity(activity), next);
                self.step(Stimulus::Change(&change), next.max(clock), rule);
            }
        }
        next.max(clock)
    }

    fn change(&mut self, kind: ChangeKind, occurred_at: UnixMs) -> Change {
        self.seq += 1;
        Change {
            deal: key(),
            kind,
            occurred_at,
            actor: Actor { kind: ActorKind::Person, user_id: None },
            vendor_id: Some(format!("story-{}", self.seq)),
            vendor_seq: i64::from(self.seq),
        }
    }

    fn step(&mut self, stimulus: Stimulus<'_>, at: UnixMs, rule: &Rule) {
        let outcome = step(&mut self.state, stimulus, at, &self.world);
        let event = rule.event();
        let change = event.and_then(|event| outcome.applied.last()?.view(event));
        if let Some(change) = change.filter(|_| outcome.firings.is_empty()) {
            let why = explain_change(rule, &change, &self.state, at, &self.world);
            self.told.looked = Some((at, why));
        }
        self.told.note(outcome, &self.state, self.world.metadata, rule);
    }
}

fn activity(id: &str, kind: ActivityKind, direction: Direction, at: UnixMs) -> Activity {
    Activity { id: id.to_owned(), kind, direction, at, by_touchline: false }
}

/// The record that a CRM shows as the story begins.
fn record(given: &Given) -> Observation {
    let mut fields = given.fields.clone();
    fields.insert(Field::CreatedAt, Fact::Known(Value::Time(given.created_at)));
    let known = fields.iter().filter(|(_, value)| value.known().is_some());
    let history = known.map(|(field, value)| HistoryItem {
        field: *field,
        value: value.clone(),
        at: if *field == Field::Stage { given.stage_since } else { given.created_at },
        actor: Actor::default(),
        vendor_seq: 0,
    });
    let history = history.collect();
    let listed = [
        ("in", ActivityKind::Email, Direction::Inbound, given.last_inbound_at),
        ("out", ActivityKind::Email, Direction::Outbound, given.last_outbound_at),
        ("next", ActivityKind::Meeting, Direction::Unknown, given.next_meeting_at),
    ];
    let listed = listed.into_iter().filter_map(|(id, kind, way, at)| {
        at.map(|at| activity(&format!("given {id}"), kind, way, at))
    });
    Observation {
        deal: key(),
        origin: if given.new { Origin::Hydrate } else { Origin::Backfill },
        observed_at: given.at,
        fields: fields.into_iter().collect(),
        history,
        activities: given.activities_known.then(|| listed.collect()),
        gone: false,
        url: None,
    }
}

/// What a rule did.
#[derive(Default)]
struct Told {
    firings: Vec<Said>,
    late: u32,
    ended: u32,
    /// The last change that did not make an event rule speak, and why.
    looked: Option<(UnixMs, Explanation)>,
}

/// A firing with its texts as they read at that moment.
struct Said {
    firing: Firing,
    headline: String,
}

impl Told {
    fn note(&mut self, outcome: Outcome, state: &DealState, metadata: &Metadata, rule: &Rule) {
        let of_rule = |firing: &Firing| firing.rule_id == rule.id;
        for firing in outcome.firings.into_iter().filter(of_rule) {
            let headline = texts(&firing, state, metadata, rule);
            self.firings.push(Said { firing, headline });
        }
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        self.late += count(outcome.late.iter().filter(|firing| of_rule(firing)).count());
        self.ended += count(outcome.ended.iter().filter(|end| end.rule_id == rule.id).count());
    }

    /// What differs from `expect`, one line for each.
    fn compare(&self, expect: &Expectation) -> Option<String> {
        let mut lines = String::new();
        let mut differs = |what: &str, expected: String, found: String| {
            let _ = write!(lines, "\n  {what}\n    expected: {expected}\n    found:    {found}");
        };
        if self.firings.len() != expect.fires as usize {
            let times = self.firings.iter().map(|said| said.firing.at.to_string());
            let found =
                format!("{} [{}]", self.firings.len(), times.collect::<Vec<_>>().join(", "));
            differs("number of firings", expect.fires.to_string(), found);
        }
        for (index, (wanted, said)) in expect.firings.iter().zip(&self.firings).enumerate() {
            let number = index + 1;
            if let Some(at) = wanted.at.filter(|at| *at != said.firing.at) {
                let what = format!("time of firing {number}");
                differs(&what, at.to_string(), said.firing.at.to_string());
            }
            if let Some(headline) = wanted.headline.as_ref().filter(|it| **it != said.headline) {
                let what = format!("headline of firing {number}");
                differs(&what, headline.clone(), said.headline.clone());
            }
        }
        for (what, wanted, found) in
            [("late firings", expect.late, self.late), ("ended episodes", expect.ended, self.ended)]
        {
            if let Some(wanted) = wanted.filter(|wanted| *wanted != found) {
                differs(what, wanted.to_string(), found.to_string());
            }
        }
        for said in self.firings.iter().filter(|said| said.headline.starts_with(FAULT)) {
            differs("text", "a text that can be written".to_owned(), said.headline.clone());
        }
        if let (true, Some(said)) = (!lines.is_empty(), self.firings.last()) {
            let why = indented(&said.firing.explanation);
            let _ = write!(lines, "\n  at the last firing, {}:\n    {why}", said.firing.at);
        }
        (!lines.is_empty()).then(|| lines.trim_start_matches('\n').to_owned())
    }
}

const FAULT: &str = "cannot write ";

/// The headline, or what keeps one of the texts from being written.
fn texts(firing: &Firing, state: &DealState, metadata: &Metadata, rule: &Rule) -> String {
    let context = template_context(firing, state, metadata, "Sam Seller");
    if let Some(Err(wrong)) = rule.tip.why.as_ref().map(|why| why.render(&context)) {
        return format!("{FAULT}{wrong}");
    }
    match rule.tip.body.render(&context) {
        Err(wrong) => return format!("{FAULT}{wrong}"),
        Ok(body) if body.chars().count() > TIP_BODY_CHARS => {
            return format!("{FAULT}the body in {TIP_BODY_CHARS} characters: {body}");
        }
        Ok(_) => {}
    }
    rule.tip.headline.render(&context).unwrap_or_else(|wrong| format!("{FAULT}{wrong}"))
}
