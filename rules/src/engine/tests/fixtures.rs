//! A small account, a few rules, and shorthand for changes and records.

use jiff::tz::TimeZone;

use crate::baseline::{Baseline, Baselines, Measure};
use crate::calendar::Calendar;
use crate::engine::{LIVE_MAX_AGE_MS, Outcome, Stimulus, World, step};
use crate::facts::StagePhase;
use crate::facts::{
    Activity, ActivityKind, Actor, ActorKind, Change, ChangeKind, DealKey, DealState, Direction,
    Fact, Field, HistoryItem, Managers, Metadata, Observation, Origin, Owner, Pipeline, Stage,
    StageKind, Value,
};
use crate::ruleset::{RuleSet, SourceFile};
use crate::time::{DAY_MS, HOUR_MS, UnixMs};

/// Monday 2026-03-02, 09:00 UTC.
pub const T0: UnixMs = UnixMs(1_772_442_000_000);

pub fn days(n: i64) -> UnixMs {
    T0.plus_ms(n * DAY_MS)
}

pub fn hours(n: i64) -> UnixMs {
    T0.plus_ms(n * HOUR_MS)
}

pub fn key() -> DealKey {
    DealKey { connection: "crm".into(), id: "42".into() }
}

pub fn text(value: &str) -> Fact<Value> {
    Fact::Known(Value::Text(value.into()))
}

pub fn time(at: UnixMs) -> Fact<Value> {
    Fact::Known(Value::Time(at))
}

pub fn number(value: i64) -> Fact<Value> {
    Fact::Known(Value::Number(value.into()))
}

pub fn metadata() -> Metadata {
    let stage =
        |id: &str, kind| Stage { id: id.into(), label: id.to_uppercase(), kind, phase: None };
    let open = |(id, phase): (&str, _)| Stage { phase, ..stage(id, StageKind::Open) };
    let phases = [
        ("a", Some(StagePhase::Early)),
        ("b", Some(StagePhase::Middle)),
        ("c", Some(StagePhase::Proposal)),
        ("d", None),
    ];
    let mut stages: Vec<Stage> = phases.map(open).to_vec();
    stages.push(stage("won", StageKind::Won));
    stages.push(stage("lost", StageKind::Lost));
    Metadata {
        account_id: None,
        time_zone: Some("Europe/London".into()),
        currency: Some("EUR".into()),
        pipelines: vec![Pipeline { id: "p".into(), label: "Sales".into(), stages }],
        owners: vec![
            owner("7", "sam@example.com", "Sam Seller"),
            owner("8", "lee@example.com", "Lee Lead"),
            owner("9", "cy@example.com", "Cy Colleague"),
        ],
        unmapped: Vec::new(),
    }
}

fn owner(id: &str, email: &str, name: &str) -> Owner {
    let (email, name) = (Some(email.into()), name.into());
    Owner { id: id.into(), user_id: Some(format!("user {id}")), email, name, archived: false }
}

/// Stays of 2 days in stage `a` and 5 elsewhere; from the ninth day on 4 and 7.
pub fn baselines() -> &'static Baselines {
    static KNOWN: std::sync::OnceLock<Baselines> = std::sync::OnceLock::new();
    let told = |at, in_a, elsewhere| {
        let told = Baseline::blank(at, 50).with(Measure::DwellDays, "p", "a", in_a);
        told.with(Measure::DwellDays, "p", "", elsewhere)
    };
    KNOWN.get_or_init(|| Baselines::of([told(days(-900), 2, 5), told(days(9), 4, 7)]))
}

/// Lee leads Sam.
pub fn managers() -> &'static Managers {
    static LED: std::sync::OnceLock<Managers> = std::sync::OnceLock::new();
    LED.get_or_init(|| Managers::of([("sam@example.com", "lee@example.com")]))
}

/// A rule file of rules given as `(id, body)`; the tip is always the same.
pub fn rules(bodies: &[(&str, &str)]) -> RuleSet {
    if bodies.is_empty() {
        return RuleSet::default();
    }
    let mut file = "pack: test\ntitle: Test\nrules:\n".to_owned();
    for (id, body) in bodies {
        file.push_str(&format!("  - id: {id}\n    title: {id}\n"));
        for line in body.lines().map(str::trim).filter(|line| !line.is_empty()) {
            file.push_str(&format!("    {line}\n"));
        }
        if !body.contains("tip:") {
            file.push_str("    tip: { headline: \"{{ deal.name }}\", body: Do it }\n");
        }
    }
    let loaded = RuleSet::load(&[SourceFile { path: "test.yaml".into(), text: file }], &[]);
    let found: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
    loaded.set.unwrap_or_else(|| panic!("{}", found.join("\n")))
}

/// Rules of every sort, for properties.
pub fn many_rules() -> RuleSet {
    rules(&[
        ("moved", "on: deal.stage_changed\nwhen: change.stages_moved != 0"),
        ("pushed", "on: deal.field_changed(close_date)\nwhen: deal.push_count >= 1\ncooldown: 3d"),
        ("closed", "on: deal.closed\nwhen: 'true'"),
        ("reopened", "on: deal.reopened\nwhen: 'true'"),
        ("born", "on: deal.created\nwhen: 'true'"),
        ("logged", "on: deal.activity_logged\nwhen: change.direction == \"inbound\""),
        ("richer", "on: deal.field_changed(amount)\nwhen: change.to > change.from"),
        (
            "slow",
            "on: state\nwhen: days_since(deal.stage_entered_at) >= 3\nrepeat: { every: 2bd, max: 2 }",
        ),
        (
            "silent",
            "on: state\nwhen: business_days_since(deal.last_inbound_at) >= 2\nunless: has(deal.next_meeting_at)\ncooldown: 4d",
        ),
        ("overdue", "on: state\nwhen: days_until(deal.close_date) < 0\ncooldown: 2bd"),
        ("by-lead", "on: deal.field_changed(amount)\nwhen: change.by == \"manager\""),
        ("rival", "on: deal.field_changed(competitor)\nwhen: has(change.to)"),
        ("step", "on: state\nwhen: days_until(deal.next_step_date) < 0"),
        ("discount", "on: state\nwhen: deal.discount >= 20 && deal.stage_phase != \"early\""),
        ("handed", "on: state\nwhen: deal.owner_changes >= 1 && days_since(deal.owner_since) >= 2"),
        (
            "re-priced",
            "on: state\nwhen: deal.amount_changes >= 2 && days_since(deal.amount_changed_at) >= 1",
        ),
        ("one-person", "on: state\nwhen: deal.contacts_engaged <= 1 && deal.meetings >= 1"),
        ("no-call", "on: state\nwhen: days_since(deal.last_call_at) >= 4 || deal.emails > 3"),
        (
            "unusual",
            "on: state\nwhen: days_since(deal.stage_entered_at) >= threshold\nthreshold: { won_percentile: 75, of: dwell_days }\nrepeat: { every: 1d, max: 1 }",
        ),
        (
            "unusual-jump",
            "on: deal.stage_changed\nwhen: change.stages_moved >= 2 && days_since(deal.created_at) >= threshold\nthreshold: { won_percentile: 50, of: dwell_days }",
        ),
        ("in-c", "on: state\nwhen: deal.stage == \"c\""),
        (
            "daily",
            "on: state\nwhen: days_since(deal.created_at) > 2 * days_since(deal.stage_entered_at)",
        ),
    ])
}

pub fn london() -> Calendar {
    Calendar::weekdays(TimeZone::get("Europe/London").unwrap())
}

pub fn world<'a>(rules: &'a RuleSet, metadata: &'a Metadata, calendar: &'a Calendar) -> World<'a> {
    World {
        rules,
        metadata,
        calendar,
        activity_trusted: true,
        hydrate_deadline_ms: HOUR_MS,
        managers: managers(),
        live_max_age_ms: LIVE_MAX_AGE_MS,
        baselines: baselines(),
    }
}

pub fn change(kind: ChangeKind, at: UnixMs) -> Change {
    Change {
        deal: key(),
        kind,
        occurred_at: at,
        actor: Actor { kind: ActorKind::Person, user_id: None },
        vendor_id: None,
        vendor_seq: 0,
    }
}

pub fn set(field: Field, to: Fact<Value>, at: UnixMs) -> Change {
    change(ChangeKind::FieldSet { field, to }, at)
}

pub fn mail(id: &str, direction: Direction, at: UnixMs) -> Change {
    let kind = ActivityKind::Email;
    let activity =
        Activity { id: id.into(), kind, direction, at, by_touchline: false, people: None };
    change(ChangeKind::Activity(activity), at)
}

/// A record with its history; activities are read and there are none.
pub fn record(origin: Origin, at: UnixMs, history: &[(Field, Fact<Value>, UnixMs)]) -> Observation {
    let mut fields: Vec<(Field, Fact<Value>)> = Vec::new();
    let mut items: Vec<&(Field, Fact<Value>, UnixMs)> = history.iter().collect();
    items.sort_by_key(|(.., at)| *at);
    for field in Field::ALL {
        let newest = items.iter().rev().find(|(of, ..)| *of == field);
        fields.push((field, newest.map_or(Fact::Empty, |(_, value, _)| value.clone())));
    }
    let item = |(field, value, at): &(Field, Fact<Value>, UnixMs)| HistoryItem {
        field: *field,
        value: value.clone(),
        at: *at,
        actor: Actor::default(),
        vendor_seq: 0,
    };
    Observation {
        deal: key(),
        origin,
        observed_at: at,
        fields,
        history: history.iter().map(item).collect(),
        activities: Some(Vec::new()),
        gone: false,
        url: None,
    }
}

/// An open deal in stage `a`, created thirty days before [`T0`] and read then.
pub fn known_deal(world: &World<'_>) -> DealState {
    let mut state = DealState::new(key());
    let created = days(-30);
    let history = [
        (Field::CreatedAt, time(created), created),
        (Field::Name, text("Harbour Foods"), created),
        (Field::Pipeline, text("p"), created),
        (Field::Stage, text("a"), created),
        (Field::Owner, text("7"), created),
        (Field::CloseDate, time(days(60)), created),
    ];
    let read = record(Origin::Backfill, T0, &history);
    let outcome = step(&mut state, Stimulus::Observation(&read), T0, world);
    assert!(outcome.firings.is_empty() && outcome.late.is_empty());
    state
}

/// Steps and shows each firing as `rule@time`.
pub fn told(outcome: &Outcome) -> Vec<String> {
    outcome.firings.iter().map(|firing| format!("{}@{}", firing.rule_id, firing.at)).collect()
}

/// A change received when it happened.
pub fn live(state: &mut DealState, change: &Change, world: &World<'_>) -> Outcome {
    step(state, Stimulus::Change(change), change.occurred_at, world)
}

pub fn tick(state: &mut DealState, at: UnixMs, world: &World<'_>) -> Outcome {
    step(state, Stimulus::Timer, at, world)
}
