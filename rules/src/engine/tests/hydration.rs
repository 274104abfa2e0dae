//! Deals never read before, records that were read, and what may fire for them.

use super::fixtures::*;
use crate::engine::{Stimulus, step};
use crate::facts::deal::WAITING_MAX;
use crate::facts::{
    Activity, ActivityKind, Actor, ActorKind, ChangeKind, DealState, Direction, Fact, Field,
    Hydration, Origin, Stage, StageKind,
};
use crate::time::{HOUR_MS, UnixMs};

#[test]
fn a_change_of_an_unseen_deal_waits_for_its_record_and_then_fires_once() {
    let set_of = rules(&[
        ("moved", "on: deal.stage_changed\nwhen: change.stages_moved > 0"),
        ("pushed", "on: deal.field_changed(close_date)\nwhen: 'true'"),
    ]);
    let (account, calendar) = (metadata(), london());
    let world = world(&set_of, &account, &calendar);
    let mut state = DealState::new(key());
    let moved = set(Field::Stage, text("b"), hours(1));
    let outcome = live(&mut state, &moved, &world);
    assert!(outcome.firings.is_empty() && outcome.applied.is_empty());
    assert!(outcome.needs_fetch);
    assert_eq!(outcome.next_due, Some(hours(2)));

    let history = [
        (Field::CreatedAt, time(days(-9)), days(-9)),
        (Field::Pipeline, text("p"), days(-9)),
        (Field::Stage, text("a"), days(-9)),
        (Field::CloseDate, time(days(5)), days(-9)),
        (Field::CloseDate, time(days(8)), days(-2)),
        (Field::Stage, text("b"), hours(1)),
    ];
    let read = record(Origin::Hydrate, hours(1).plus_ms(500), &history);
    let outcome = step(&mut state, Stimulus::Observation(&read), hours(1).plus_ms(900), &world);
    assert_eq!(told(&outcome), ["moved@2026-03-02T10:00:00.9Z"]);
    assert!(!outcome.needs_fetch);
    let firing = &outcome.firings[0];
    assert_eq!(firing.occurred_at, hours(1));
    assert_eq!(state.facts.stage_entered_at(), Some(hours(1)));

    let again = live(&mut state, &moved, &world);
    assert!(again.firings.is_empty() && again.applied.is_empty());
}

#[test]
fn history_that_dates_a_change_a_moment_apart_takes_nothing_away() {
    let set_of = rules(&[("moved", "on: deal.stage_changed\nwhen: 'true'")]);
    let (account, calendar) = (metadata(), london());
    let world = world(&set_of, &account, &calendar);
    for apart_ms in [-900, -1, 0, 1, 900] {
        let mut state = DealState::new(key());
        live(&mut state, &set(Field::Stage, text("b"), hours(1)), &world);
        let history = [
            (Field::CreatedAt, time(days(-9)), days(-9)),
            (Field::Stage, text("a"), days(-9)),
            (Field::Stage, text("b"), hours(1).plus_ms(apart_ms)),
        ];
        let read = record(Origin::Hydrate, hours(2), &history);
        let outcome = step(&mut state, Stimulus::Observation(&read), hours(2), &world);
        assert_eq!(outcome.firings.len(), 1, "{apart_ms}");
        let again = record(Origin::Poll, hours(3), &history);
        let outcome = step(&mut state, Stimulus::Observation(&again), hours(3), &world);
        assert!(outcome.firings.is_empty() && outcome.late.is_empty(), "{apart_ms}");
        assert_eq!(state.facts.stage_moves(), Some(1), "{apart_ms}");
    }
}

#[test]
fn the_values_at_creation_are_no_changes_and_are_known_when_it_fires() {
    let set_of = rules(&[
        ("born", "on: deal.created\nwhen: deal.amount >= 100 && deal.stage == \"a\""),
        ("moved", "on: deal.stage_changed\nwhen: 'true'"),
        ("richer", "on: deal.field_changed(amount)\nwhen: 'true'"),
    ]);
    let (account, calendar) = (metadata(), london());
    let world = world(&set_of, &account, &calendar);
    let mut state = DealState::new(key());
    for change in [
        set(Field::Stage, text("a"), T0),
        set(Field::Amount, number(100), T0),
        change(ChangeKind::Created, T0),
    ] {
        assert!(live(&mut state, &change, &world).firings.is_empty());
    }
    let history = [
        (Field::CreatedAt, time(T0), T0),
        (Field::Pipeline, text("p"), T0),
        (Field::Stage, text("a"), T0),
        (Field::Amount, number(100), T0.plus_ms(20)),
    ];
    let read = record(Origin::Hydrate, hours(1), &history);
    let outcome = step(&mut state, Stimulus::Observation(&read), T0.plus_ms(60), &world);
    assert_eq!(told(&outcome), ["born@2026-03-02T09:00:00.06Z"]);

    let filled = live(&mut state, &set(Field::NextStep, text("call"), hours(2)), &world);
    assert_eq!(filled.applied[0].from, Fact::Empty);
    assert_eq!(filled.applied[0].moved, Some(Field::NextStep));
}

#[test]
fn a_creation_whose_record_does_not_come_knows_the_values_that_came_with_it() {
    let set_of = rules(&[
        ("born", "on: deal.created\nwhen: deal.amount >= 100 && deal.stage == \"a\""),
        ("moved", "on: deal.stage_changed\nwhen: 'true'"),
    ]);
    let (account, calendar) = (metadata(), london());
    let world = world(&set_of, &account, &calendar);
    let mut state = DealState::new(key());
    for change in [
        set(Field::Stage, text("a"), T0),
        change(ChangeKind::Created, T0),
        set(Field::Amount, number(100), T0),
        set(Field::Stage, text("b"), T0.plus_ms(90_000)),
    ] {
        live(&mut state, &change, &world);
    }
    let outcome = tick(&mut state, hours(9), &world);
    assert_eq!(told(&outcome), ["born@2026-03-02T10:00:00Z", "moved@2026-03-02T10:00:00Z"]);
    assert_eq!(outcome.firings[1].change.as_ref().unwrap().from, text("a"));
}

#[test]
fn a_record_that_does_not_come_leaves_facts_unknown_and_fires_nothing_twice() {
    let set_of = rules(&[
        ("moved", "on: deal.stage_changed\nwhen: change.to == \"b\""),
        ("rich", "on: deal.stage_changed\nwhen: deal.amount > 10"),
    ]);
    let (account, calendar) = (metadata(), london());
    let world = world(&set_of, &account, &calendar);
    let mut state = DealState::new(key());
    live(&mut state, &set(Field::Stage, text("b"), T0), &world);
    let outcome = tick(&mut state, hours(5), &world);
    assert_eq!(told(&outcome), ["moved@2026-03-02T10:00:00Z"]);
    assert_eq!(outcome.firings[0].change.as_ref().unwrap().from, Fact::Unknown);
    assert!(matches!(state.hydration, Hydration::Overdue { .. }));

    let history = [
        (Field::CreatedAt, time(days(-9)), days(-9)),
        (Field::Stage, text("a"), days(-9)),
        (Field::Stage, text("b"), T0),
        (Field::Amount, number(50), days(-9)),
    ];
    let read = record(Origin::Hydrate, hours(6), &history);
    let outcome = step(&mut state, Stimulus::Observation(&read), hours(6), &world);
    assert!(outcome.firings.is_empty(), "{:?}", told(&outcome));
    assert_eq!(state.hydration, Hydration::Done);
}

#[test]
fn the_queue_of_waiting_changes_has_an_end() {
    let set_of = rules(&[("moved", "on: deal.stage_changed\nwhen: 'true'")]);
    let (account, calendar) = (metadata(), london());
    let world = world(&set_of, &account, &calendar);
    let mut state = DealState::new(key());
    let mut fired = 0;
    for n in 0..=WAITING_MAX as i64 {
        let stage = if n % 2 == 0 { "a" } else { "b" };
        let change = set(Field::Stage, text(stage), T0.plus_ms(n));
        fired += step(&mut state, Stimulus::Change(&change), T0, &world).firings.len();
    }
    assert_eq!(fired, WAITING_MAX + 1);
    assert!(state.waiting.is_empty());
}

#[test]
fn a_poll_fires_what_it_finds_new_and_reading_on_connect_does_not() {
    let set_of = rules(&[
        ("moved", "on: deal.stage_changed\nwhen: 'true'"),
        ("logged", "on: deal.activity_logged\nwhen: 'true'"),
    ]);
    let (account, calendar) = (metadata(), london());
    let world = world(&set_of, &account, &calendar);
    let history = [(Field::Stage, text("a"), days(-30)), (Field::Stage, text("c"), hours(3))];
    for (origin, expected) in [
        (Origin::Backfill, vec![]),
        (Origin::Import, vec![]),
        (Origin::Poll, vec!["moved@2026-03-02T13:00:00Z", "logged@2026-03-02T13:00:00Z"]),
        (Origin::Refresh, vec!["moved@2026-03-02T13:00:00Z", "logged@2026-03-02T13:00:00Z"]),
        (Origin::Hydrate, vec!["moved@2026-03-02T13:00:00Z", "logged@2026-03-02T13:00:00Z"]),
    ] {
        let mut state = known_deal(&world);
        let mut read = record(origin, hours(4), &history);
        read.activities = Some(vec![Activity {
            id: "1".into(),
            kind: ActivityKind::Call,
            direction: Direction::Outbound,
            at: hours(2),
            by_touchline: false,
            people: None,
        }]);
        let mut outcome = step(&mut state, Stimulus::Observation(&read), hours(4), &world);
        let mut told = told(&outcome);
        told.sort_by(|a, b| b.cmp(a));
        assert_eq!(told, expected, "{origin:?}");
        assert_eq!(state.facts.text(Field::Stage), Some("c"));
        outcome = step(&mut state, Stimulus::Observation(&read), hours(5), &world);
        assert!(outcome.firings.is_empty() && outcome.applied.is_empty(), "{origin:?}");
    }
}

#[test]
fn a_late_change_mends_the_past_and_is_recorded_but_not_sent() {
    let set_of = rules(&[("pushed", "on: deal.field_changed(close_date)\nwhen: change.days >= 1")]);
    let (account, calendar) = (metadata(), london());
    let world = world(&set_of, &account, &calendar);
    let mut state = known_deal(&world);
    let second = set(Field::CloseDate, time(days(80)), hours(9));
    assert_eq!(live(&mut state, &second, &world).firings.len(), 1);
    let first = set(Field::CloseDate, time(days(70)), hours(5));
    let outcome = step(&mut state, Stimulus::Change(&first), hours(10), &world);
    assert!(outcome.firings.is_empty());
    assert_eq!(outcome.late.len(), 1);
    assert!(outcome.applied[0].late);
    assert_eq!(state.facts.pushes(&account), Some((2, 20)));
    assert_eq!(state.facts.value(Field::CloseDate), &time(days(80)));
}

#[test]
fn an_old_change_in_order_is_not_late() {
    let set_of = rules(&[("moved", "on: deal.stage_changed\nwhen: 'true'")]);
    let (account, calendar) = (metadata(), london());
    let world = world(&set_of, &account, &calendar);
    let mut state = known_deal(&world);
    let moved = set(Field::Stage, text("b"), hours(1));
    let outcome = step(&mut state, Stimulus::Change(&moved), days(9), &world);
    assert_eq!(told(&outcome), ["moved@2026-03-11T09:00:00Z"]);
}

#[test]
fn what_touchline_writes_fires_nothing() {
    let set_of = rules(&[
        ("stepped", "on: deal.field_changed(next_step)\nwhen: 'true'"),
        ("logged", "on: deal.activity_logged\nwhen: 'true'"),
    ]);
    let (account, calendar) = (metadata(), london());
    let world = world(&set_of, &account, &calendar);
    let mut state = known_deal(&world);
    let mut wrote = set(Field::NextStep, text("call"), hours(1));
    wrote.actor = Actor { kind: ActorKind::Touchline, user_id: None };
    assert!(live(&mut state, &wrote, &world).firings.is_empty());
    let mut task = mail("1", Direction::Outbound, hours(2));
    if let ChangeKind::Activity(activity) = &mut task.kind {
        activity.by_touchline = true;
    }
    assert!(live(&mut state, &task, &world).firings.is_empty());
    assert_eq!(state.facts.activities.last(None, hours(3)), None);
}

#[test]
fn a_move_to_a_new_stage_waits_until_the_account_was_read_again() {
    let set_of = rules(&[("moved", "on: deal.stage_changed\nwhen: change.stages_moved == 1")]);
    let (account, calendar) = (metadata(), london());
    let before = world(&set_of, &account, &calendar);
    let mut state = known_deal(&before);
    let moved = set(Field::Stage, text("a2"), hours(1));
    let outcome = live(&mut state, &moved, &before);
    assert!(outcome.needs_fetch && outcome.applied.is_empty());

    let mut account = metadata();
    let new = Stage { id: "a2".into(), label: "A2".into(), kind: StageKind::Open, phase: None };
    account.pipelines[0].stages.insert(1, new);
    let after = world(&set_of, &account, &calendar);
    let read = record(Origin::Hydrate, hours(2), &[(Field::Stage, text("a2"), hours(1))]);
    let outcome = step(&mut state, Stimulus::Observation(&read), hours(2), &after);
    assert_eq!(told(&outcome), ["moved@2026-03-02T11:00:00Z"]);
    assert!(!outcome.needs_metadata);
    assert!(live(&mut state, &moved, &after).firings.is_empty());
}

#[test]
fn a_stage_that_the_account_never_shows_is_taken_as_it_is() {
    let set_of = rules(&[("moved", "on: deal.stage_changed\nwhen: 'true'")]);
    let (account, calendar) = (metadata(), london());
    let world = world(&set_of, &account, &calendar);
    let mut state = known_deal(&world);
    live(&mut state, &set(Field::Stage, text("new"), hours(1)), &world);
    let read = record(Origin::Hydrate, hours(2), &[(Field::Stage, text("new"), hours(1))]);
    let outcome = step(&mut state, Stimulus::Observation(&read), hours(2), &world);
    assert!(outcome.needs_metadata && outcome.firings.is_empty());
    assert_eq!(state.facts.text(Field::Stage), Some("new"));
    assert_eq!(state.hydration, Hydration::Done);
}

#[test]
fn another_deals_change_is_ignored() {
    let set_of = many_rules();
    let (account, calendar) = (metadata(), london());
    let world = world(&set_of, &account, &calendar);
    let mut state = known_deal(&world);
    let before = state.clone();
    let mut other = set(Field::Stage, text("b"), hours(1));
    other.deal.id = "43".into();
    assert!(live(&mut state, &other, &world).firings.is_empty());
    assert_eq!(state.facts, before.facts);
}

#[test]
fn deals_have_a_bounded_past() {
    let set_of = many_rules();
    let (account, calendar) = (metadata(), london());
    let world = world(&set_of, &account, &calendar);
    let mut state = known_deal(&world);
    for n in 0..1_000i64 {
        let to = text(if n % 2 == 0 { "b" } else { "a" });
        let at = UnixMs(T0.0 + n * HOUR_MS / 10);
        live(&mut state, &set(Field::Stage, to, at), &world);
    }
    assert_eq!(state.facts.stage_moves(), Some(1_000));
    assert!(serde_json::to_vec(&state).unwrap().len() < 40_000);
}
