//! Reading the tests inside a rule file: a small story of one deal, and what
//! the rule is expected to do in it.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

use super::baseline::baseline;
use super::instant::instant;
use super::person::{self, PersonStory};
use super::phases::{default_phases, phases};
use super::{Expectation, ExpectedFiring, Given, RuleTest, StoryMove, StoryStep};
use crate::condition::Type;
use crate::facts::{ActivityKind, ChangedBy, Direction, Fact, Field, Value};
use crate::nearest::did_you_mean;
use crate::ruleset::diagnostic::Findings;
use crate::ruleset::keys::{self, Choice, Keys, shown};
use crate::ruleset::yaml::{Node, NodeKind};
use crate::time::{DAY_MS, MINUTE_MS, UnixMs};

/// The most steps of one story.
pub const STEPS_MAX: usize = 100;

/// The name in `unknown` for all facts that rest on activities.
const ACTIVITIES: &str = "activities";
/// The name of the number of people who took part, in `given` and in `unknown`.
const CONTACTS_ENGAGED: &str = "contacts_engaged";
/// Time between two steps of which the second does not say when it happens.
const STEP_MS: i64 = MINUTE_MS;
/// The id of the deal's owner, unless the test says so.
pub(super) const OWNER: &str = "seller";
/// The most people engaged as a story begins: those whom one activity keeps.
const ENGAGED_MAX: u32 = 8;
/// How long before the story the deal was created, unless the test says so.
const CREATED_BEFORE_MS: i64 = 30 * DAY_MS;

/// The activities a story can tell of.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
struct StoryActivity(ActivityKind, Direction);

impl Choice for StoryActivity {
    const WHAT: &'static str = "activity";
    const NAMES: &'static [(&'static str, Self)] = &[
        ("email_in", StoryActivity(ActivityKind::Email, Direction::Inbound)),
        ("email_out", StoryActivity(ActivityKind::Email, Direction::Outbound)),
        ("call_in", StoryActivity(ActivityKind::Call, Direction::Inbound)),
        ("call_out", StoryActivity(ActivityKind::Call, Direction::Outbound)),
        ("meeting", StoryActivity(ActivityKind::Meeting, Direction::Unknown)),
        ("note", StoryActivity(ActivityKind::Note, Direction::Unknown)),
    ];
}

impl Choice for ChangedBy {
    const WHAT: &'static str = "person or program";
    const NAMES: &'static [(&'static str, Self)] = &[
        ("owner", ChangedBy::Owner),
        ("manager", ChangedBy::Manager),
        ("colleague", ChangedBy::Colleague),
        ("integration", ChangedBy::Integration),
        ("import", ChangedBy::Import),
        ("touchline", ChangedBy::Touchline),
        ("unknown", ChangedBy::Unknown),
    ];
}

pub(super) fn activity_names() -> Vec<&'static str> {
    StoryActivity::NAMES.iter().map(|(name, _)| *name).collect()
}

/// Reads one test.
pub(in crate::ruleset) fn read(node: &Node, findings: &mut Findings) -> Option<RuleTest> {
    let mut test = Keys::of(node, "a test", findings)?;
    let name = test.required("name", findings).and_then(|it| keys::text(it, "name", findings));
    let stages = test.node("stages").and_then(|it| names(it, "stages", findings));
    let stages = stages.unwrap_or_else(|| DEFAULT_STAGES.map(str::to_owned).to_vec());
    let phases = test.node("phases").map(|it| phases(it, &stages, findings));
    let phases = phases.unwrap_or_else(|| default_phases(&stages));
    let baseline = test.node("baseline").map(|it| baseline(it, findings));
    let given_node = test.required("given", findings);
    let begin = given_node.and_then(|it| person::given(it, findings));
    let given = match &begin {
        Some((at, _)) => Some(Given::nothing(*at)),
        None => given_node.and_then(|it| given(it, &stages, findings)),
    };
    let steps = test.node("then").and_then(|it| keys::list(it, "then", findings));
    let steps = steps.unwrap_or_default();
    if steps.len() > STEPS_MAX {
        let message = format!("the story has {} steps", steps.len());
        findings.error(node.at, "too_many", message, format!("tell it in at most {STEPS_MAX}"));
    }
    let base = given.as_ref().map_or(UnixMs(0), |given| given.at);
    let (mut read, mut of_person) = (Vec::new(), Vec::new());
    for step in steps.iter().take(STEPS_MAX) {
        if begin.is_some() {
            of_person.extend(person::step(step, base, findings));
        } else {
            read.extend(story_step(step, base, &stages, findings));
        }
    }
    let person = begin.map(|(_, facts)| PersonStory { facts, then: of_person });
    let expect = test.required("expect", findings).and_then(|it| expect(it, base, findings));
    let at = test.at();
    test.finish(findings);
    Some(RuleTest {
        name: name?.value,
        stages,
        phases,
        person,
        baseline: baseline.map_or(Some(None), |it| it.map(Some))?,
        given: given?,
        then: read,
        expect: expect?,
        line: at.line,
    })
}

pub(super) const DEFAULT_STAGES: [&str; 4] =
    ["discovery", "qualification", "proposal", "negotiation"];

pub(super) fn names(node: &Node, key: &str, findings: &mut Findings) -> Option<Vec<String>> {
    let nodes = keys::list(node, key, findings)?;
    let read = nodes.iter().filter_map(|node| keys::text(node, key, findings));
    Some(read.map(|name| name.value).collect())
}

fn given(node: &Node, stages: &[String], findings: &mut Findings) -> Option<Given> {
    let mut map = Keys::of(node, "`given`", findings)?;
    let at = map.required("at", findings).and_then(|it| instant(it, None, findings))?;
    let new = match map.node("new") {
        None => false,
        Some(Node { kind: NodeKind::Bool(new), .. }) => *new,
        Some(other) => {
            findings.error(other.at, "wrong_shape", "`new` must be true or false", "write true");
            false
        }
    };
    let mut time =
        |key, findings: &mut Findings| map.node(key).and_then(|it| instant(it, Some(at), findings));
    let created = time("created_at", findings);
    let created_at = created.unwrap_or(if new { at } else { at.plus_ms(-CREATED_BEFORE_MS) });
    let stage_since = time("stage_since", findings).unwrap_or(created_at);
    let last_inbound_at = time("last_inbound_at", findings);
    let last_outbound_at = time("last_outbound_at", findings);
    let last_call_at = time("last_call_at", findings);
    let last_meeting_at = time("last_meeting_at", findings);
    let next_meeting_at = time("next_meeting_at", findings);
    // Stories of a person are read elsewhere; here it is a key like any other.
    map.node("person");
    let unknown = map.node("unknown").and_then(|it| unknown_facts(it, findings));
    let unknown = unknown.unwrap_or_default();
    let mut fields = BTreeMap::new();
    for field in Field::ALL.into_iter().filter(|field| *field != Field::CreatedAt) {
        let written = map.node(field.name());
        let value = match written {
            Some(node) => value(node, field, at, stages, findings),
            None if field == Field::Stage => {
                stages.first().map(|stage| Fact::Known(Value::Text(stage.clone())))
            }
            None if field == Field::Owner => Some(Fact::Known(Value::Text(OWNER.to_owned()))),
            None => None,
        };
        if !unknown.iter().any(|name| name == field.name()) {
            fields.insert(field, value.unwrap_or(Fact::Empty));
        }
    }
    let is_unknown = |what: &str| unknown.iter().any(|name| name == what);
    let activities_known = !is_unknown(ACTIVITIES);
    let logged = [last_inbound_at, last_outbound_at, last_call_at, last_meeting_at];
    let has_logged = logged.iter().flatten().any(|logged| *logged <= at);
    let contacts_engaged = match map.node(CONTACTS_ENGAGED) {
        Some(node) => engaged(node, has_logged, findings),
        None if is_unknown(CONTACTS_ENGAGED) => None,
        None => Some(u32::from(has_logged)),
    };
    map.finish(findings);
    Some(Given {
        at,
        new,
        created_at,
        stage_since,
        fields,
        last_inbound_at,
        last_outbound_at,
        last_call_at,
        last_meeting_at,
        next_meeting_at,
        contacts_engaged,
        activities_known,
    })
}

/// What nobody told us: fields, [`ACTIVITIES`] and [`CONTACTS_ENGAGED`].
fn unknown_facts(node: &Node, findings: &mut Findings) -> Option<Vec<String>> {
    let mut known = Field::ALL.map(Field::name).to_vec();
    known.extend([ACTIVITIES, CONTACTS_ENGAGED]);
    let mut facts = Vec::new();
    for node in keys::list(node, "unknown", findings)? {
        let Some(name) = keys::text(node, "unknown", findings) else { continue };
        if known.contains(&name.value.as_str()) {
            facts.push(name.value);
            continue;
        }
        let message = format!("a deal has no `{}` to be unknown", shown(&name.value));
        findings.error(name.at, "unknown_value", message, did_you_mean(&name.value, &known));
    }
    Some(facts)
}

fn engaged(node: &Node, has_logged: bool, findings: &mut Findings) -> Option<u32> {
    let count = keys::whole(node, CONTACTS_ENGAGED, 0..=ENGAGED_MAX, findings)?;
    if !has_logged && count > 0 {
        let message = "nobody was engaged where nothing was logged";
        let hint = "say when: last_inbound_at, last_outbound_at, last_call_at or last_meeting_at";
        findings.error(node.at, "wrong_shape", message, hint);
    }
    Some(count)
}

fn story_step(
    node: &Node,
    base: UnixMs,
    stages: &[String],
    findings: &mut Findings,
) -> Vec<StoryStep> {
    let Some(mut map) = Keys::of(node, "a step", findings) else { return Vec::new() };
    let at = map.node("at").and_then(|it| instant(it, Some(base), findings));
    let after = map.node("after").and_then(|it| keys::period(it, "after", findings));
    let mut moves = Vec::new();
    if let Some(set) = map.node("set") {
        moves.extend(set_fields(set, base, stages, findings).map(StoryMove::Set));
    }
    if let Some(activity) = map.node("activity") {
        let chosen = keys::choice::<StoryActivity>(activity, findings);
        moves.extend(chosen.map(|StoryActivity(kind, way)| StoryMove::Activity(kind, way)));
    }
    if let Some(wait) = map.node("wait") {
        moves.extend(keys::period(wait, "wait", findings).map(StoryMove::Wait));
    }
    let by = map.node("by").and_then(|it| keys::choice::<ChangedBy>(it, findings));
    let by = by.unwrap_or(ChangedBy::Owner);
    let contact = map.node("contact").and_then(|it| keys::whole(it, "contact", 1..=99, findings));
    let contact = contact.unwrap_or(1);
    let place = map.at();
    map.finish(findings);
    if moves.len() != 1 {
        let hint = "write one of: set: { stage: proposal }, activity: email_out, wait: 5bd";
        findings.error(place, "wrong_shape", "a step says one thing that happens", hint);
    }
    let make = |story_move| StoryStep { at, after, step_ms: STEP_MS, by, contact, story_move };
    moves.into_iter().map(make).collect()
}

fn set_fields(
    node: &Node,
    base: UnixMs,
    stages: &[String],
    findings: &mut Findings,
) -> Option<Vec<(Field, Fact<Value>)>> {
    let NodeKind::Map(entries) = &node.kind else {
        findings.error(
            node.at,
            "wrong_shape",
            "`set` must be fields with values",
            "{ stage: won }",
        );
        return None;
    };
    let mut set = Vec::new();
    for (key, at, node) in entries {
        let known = Field::ALL.map(Field::name);
        match Field::ALL.into_iter().find(|field| field.name() == key) {
            Some(field) => {
                set.push((field, value(node, field, base, stages, findings)?));
            }
            None => {
                let message = format!("a deal has no field `{}` to set", shown(key));
                findings.error(*at, "unknown_key", message, did_you_mean(key, &known));
            }
        }
    }
    Some(set)
}

fn value(
    node: &Node,
    field: Field,
    base: UnixMs,
    stages: &[String],
    findings: &mut Findings,
) -> Option<Fact<Value>> {
    match (&node.kind, field.value_type()) {
        (NodeKind::Null, _) => Some(Fact::Empty),
        (NodeKind::Text(text), _) if text.is_empty() => Some(Fact::Empty),
        (_, Type::Number) => {
            let number = keys::number(node, field.name(), -1e15..=1e15, findings)?;
            Some(
                Decimal::from_f64(number.value)
                    .map_or(Fact::Empty, |it| Fact::Known(Value::Number(it))),
            )
        }
        (_, Type::Time) => {
            instant(node, Some(base), findings).map(|at| Fact::Known(Value::Time(at)))
        }
        _ => {
            let text = keys::text(node, field.name(), findings)?.value;
            if field == Field::Stage && !stages.contains(&text) && text != "won" && text != "lost" {
                let mut known: Vec<&str> = stages.iter().map(String::as_str).collect();
                known.extend(["won", "lost"]);
                let message = format!("the story's pipeline has no stage `{}`", shown(&text));
                findings.error(node.at, "unknown_value", message, did_you_mean(&text, &known));
                return None;
            }
            Some(Fact::Known(Value::Text(text)))
        }
    }
}

fn expect(node: &Node, base: UnixMs, findings: &mut Findings) -> Option<Expectation> {
    const COUNT_MAX: u32 = 1_000;
    let mut map = Keys::of(node, "`expect`", findings)?;
    let fires = map.required("fires", findings)?;
    let mut expected = Expectation::default();
    if let NodeKind::List(nodes) = &fires.kind {
        for node in nodes {
            expected.firings.extend(expected_firing(node, base, findings));
        }
        expected.fires = u32::try_from(nodes.len()).unwrap_or(COUNT_MAX);
    } else {
        expected.fires = keys::whole(fires, "fires", 0..=COUNT_MAX, findings)?;
    }
    let mut count = |key, findings: &mut Findings| {
        map.node(key).and_then(|it| keys::whole(it, key, 0..=COUNT_MAX, findings))
    };
    expected.late = count("late", findings);
    expected.ended = count("ended", findings);
    expected.helped = count("helped", findings);
    map.finish(findings);
    Some(expected)
}

fn expected_firing(node: &Node, base: UnixMs, findings: &mut Findings) -> Option<ExpectedFiring> {
    let mut map = Keys::of(node, "an expected firing", findings)?;
    let at = map.node("at").and_then(|it| instant(it, Some(base), findings));
    let headline = map.node("headline").and_then(|it| keys::text(it, "headline", findings));
    map.finish(findings);
    Some(ExpectedFiring { at, headline: headline.map(|it| it.value) })
}
