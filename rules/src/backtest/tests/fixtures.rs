//! A small company, its rules and its past.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use crate::attention::{Policy, Sending};
use crate::backtest::{Crew, Fate, Fired, Lacking, Observer, Pace, Player, Report, Setup, Trust};
use crate::calendar::Calendar;
use crate::engine::Firing;
use crate::facts::{
    Activity, ActivityKind, Actor, ActorKind, Change, ChangeKind, DealKey, Direction, Fact, Field,
    Managers, Metadata, Owner, Pipeline, Stage, StageKind, Value,
};
use crate::ruleset::{RuleSet, SourceFile};
use crate::time::{DAY_MS, HOUR_MS, UnixMs};

/// Monday, 2 March 2026, 00:00 in London.
pub const MONDAY: UnixMs = UnixMs(1_772_409_600_000);

pub const RULES: &str = r#"
pack: house
title: House
rules:
  - id: long-in-stage
    title: Long in one stage
    on: state
    when: days_since(deal.stage_entered_at) >= threshold
    threshold: 10
    attention: digest
    priority: 5
    repeat: { every: 5bd, max: 1 }
    tip: { headline: "{{ deal.name }} has been in {{ deal.stage }} for long", body: Do one thing. }
    outcome: { within: 5d, when: deal.stage_entered_at > nudge.sent_at }
  - id: no-next-step
    title: No next step
    on: deal.stage_changed
    when: '!has(deal.next_step)'
    attention: interrupt
    priority: 2
    tip: { headline: "{{ deal.name }} of {{ deal.owner }} has no next step", body: Write one. }
    outcome: { within: 3d, when: has(deal.next_step) }
  - id: lost
    title: Lost
    on: deal.closed
    when: deal.stage_kind == "lost"
    applies_to: closed
    attention: interrupt
    priority: 5
    tip: { headline: "{{ deal.name }} is lost", body: Note why. }
  - id: silent
    title: Nothing happens
    on: state
    when: business_days_since(deal.created_at) >= 4 && !has(deal.last_activity_at)
    unless: has(deal.next_meeting_at)
    attention: digest
    tip: { headline: "{{ deal.name }} is silent", body: Write to them. }
  - id: led
    title: For the manager
    on: deal.field_changed(amount)
    when: change.to > 100
    audience: manager
    attention: interrupt
    tip: { headline: "{{ deal.name }} grew", body: Say something kind. }
  - id: on-the-card
    title: For the card
    on: deal.reopened
    when: deal.stage_kind == "open"
    attention: card
    tip: { headline: "{{ deal.name }} is back", body: Have a look. }
"#;

pub fn rules(text: &str) -> RuleSet {
    let file = SourceFile { path: "house.yaml".to_owned(), text: text.to_owned() };
    let loaded = RuleSet::load(&[file], &[]);
    loaded.set.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))
}

pub fn metadata() -> Metadata {
    let stage =
        |id: &str, kind| Stage { id: id.to_owned(), label: id.to_owned(), kind, phase: None };
    let owner = |id: &str, name: &str| Owner {
        id: id.to_owned(),
        user_id: None,
        email: Some(format!("{}@example.com", name.to_lowercase())),
        name: format!("{name} Lee"),
        archived: false,
    };
    Metadata {
        account_id: None,
        time_zone: Some("Europe/London".to_owned()),
        currency: None,
        pipelines: vec![Pipeline {
            id: "sales".to_owned(),
            label: "Sales".to_owned(),
            stages: vec![
                stage("talk", StageKind::Open),
                stage("offer", StageKind::Open),
                stage("won", StageKind::Won),
                stage("lost", StageKind::Lost),
            ],
        }],
        owners: vec![owner("1", "Ann"), owner("2", "Bob"), owner("3", "Cat")],
        ..Metadata::default()
    }
}

pub fn crew() -> Crew {
    let led = [("ann@example.com", "mia@example.com"), ("bob@example.com", "mia@example.com")];
    Crew {
        managers: Managers::of(led),
        calendar: Calendar::weekdays(TimeZone::get("Europe/London").unwrap()),
        members: BTreeMap::new(),
        calendars: BTreeMap::new(),
    }
}

pub fn policy() -> Policy {
    Policy { sending: Sending::Everyone, ..Policy::default() }
}

/// So many days and hours after [`MONDAY`].
pub fn at(days: i64, hours: i64) -> UnixMs {
    MONDAY.plus_ms(days * DAY_MS + hours * HOUR_MS)
}

pub fn change(deal: &str, at: UnixMs, kind: ChangeKind) -> Change {
    Change {
        deal: DealKey { connection: "crm".to_owned(), id: deal.to_owned() },
        kind,
        occurred_at: at,
        actor: Actor { kind: ActorKind::Person, user_id: None },
        vendor_id: None,
        vendor_seq: 0,
    }
}

pub fn set(deal: &str, at: UnixMs, field: Field, to: Option<Value>) -> Change {
    change(deal, at, ChangeKind::FieldSet { field, to: to.map_or(Fact::Empty, Fact::Known) })
}

pub fn text(value: &str) -> Option<Value> {
    Some(Value::Text(value.to_owned()))
}

/// A deal made in the first stage, with blank fields.
pub fn created(deal: &str, at: UnixMs, owner: &str) -> Vec<Change> {
    vec![
        change(deal, at, ChangeKind::Created),
        set(deal, at, Field::Name, text(&format!("Deal {deal}"))),
        set(deal, at, Field::Pipeline, text("sales")),
        set(deal, at, Field::Owner, text(owner)),
        set(deal, at, Field::Stage, text("talk")),
        set(deal, at, Field::NextStep, None),
        set(deal, at, Field::Amount, None),
    ]
}

pub fn stage(deal: &str, at: UnixMs, stage: &str) -> Change {
    set(deal, at, Field::Stage, text(stage))
}

pub fn email(deal: &str, at: UnixMs) -> Change {
    let activity = Activity {
        id: at.0.to_string(),
        kind: ActivityKind::Email,
        direction: Direction::Outbound,
        at,
        by_touchline: false,
        people: None,
    };
    change(deal, at, ChangeKind::Activity(activity))
}

/// Everything that was told.
#[derive(Default, PartialEq, Debug)]
pub struct Heard {
    pub fired: Vec<(UnixMs, String, String)>,
    pub decided: Vec<(UnixMs, String, Fate)>,
}

impl Observer for Heard {
    fn fired(&mut self, fired: Fired<'_>) {
        let Firing { at, rule_id, deal, .. } = fired.firing;
        self.fired.push((*at, rule_id.clone(), deal.id.clone()));
    }

    fn decided(&mut self, firing: &Firing, at: UnixMs, fate: Fate) {
        self.decided.push((at, firing.rule_id.clone(), fate));
    }
}

pub fn setup<'a>(
    rules: &'a RuleSet,
    metadata: &'a Metadata,
    crew: &'a Crew,
    policy: &'a Policy,
) -> Setup<'a> {
    Setup {
        rules,
        metadata,
        crew,
        policy,
        trust: Trust::Everywhere,
        pace: Pace::AtOnce,
        since: UnixMs::MIN,
        until: UnixMs::MAX,
        estimated: false,
    }
}

/// Plays changes, sorted here, until `as_of`.
pub fn play(changes: Vec<Change>, as_of: UnixMs) -> (Report, Heard) {
    play_with(changes, as_of, |_| {})
}

pub fn play_with(
    mut changes: Vec<Change>,
    as_of: UnixMs,
    shape: impl FnOnce(&mut Setup<'_>),
) -> (Report, Heard) {
    let (rules, metadata, crew, policy) = (rules(RULES), metadata(), crew(), policy());
    let mut setup = setup(&rules, &metadata, &crew, &policy);
    shape(&mut setup);
    changes.sort_by_key(|change| change.occurred_at);
    let mut player = Player::new(setup, Heard::default());
    for change in changes {
        player.change(change.occurred_at, change);
    }
    player.finish(as_of, Vec::<Lacking>::new())
}
