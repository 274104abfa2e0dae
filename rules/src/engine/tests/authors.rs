//! Who made an edit, and that what Touchline writes is no reason to speak.

use super::fixtures::*;
use crate::engine::{Holds, explain_change};
use crate::engine::{Stimulus, World, reason_holds, step};
use crate::facts::{Actor, ActorKind, Change, ChangedBy, DealState, Field, Origin};

fn by(kind: ActorKind, user: Option<&str>, change: Change) -> Change {
    Change { actor: Actor { kind, user_id: user.map(Into::into) }, ..change }
}

/// What `change.by` is for a change of the amount.
fn said(kind: ActorKind, user: Option<&str>) -> ChangedBy {
    let rules = rules(&[("any", "on: deal.field_changed(amount)\nwhen: has(change.by)")]);
    let (account, calendar) = (metadata(), london());
    let world = world(&rules, &account, &calendar);
    let mut state = known_deal(&world);
    let change = by(kind, user, set(Field::Amount, number(9), hours(1)));
    let outcome = live(&mut state, &change, &world);
    assert_eq!(outcome.firings.len(), usize::from(kind != ActorKind::Touchline));
    outcome.applied[0].by
}

#[test]
fn an_edit_says_who_made_it() {
    assert_eq!(said(ActorKind::Person, Some("user 7")), ChangedBy::Owner);
    assert_eq!(said(ActorKind::Person, Some("user 8")), ChangedBy::Manager);
    assert_eq!(said(ActorKind::Bulk, Some("user 8")), ChangedBy::Manager);
    assert_eq!(said(ActorKind::Person, Some("user 9")), ChangedBy::Colleague);
    assert_eq!(said(ActorKind::Person, None), ChangedBy::Unknown);
    assert_eq!(said(ActorKind::Integration, None), ChangedBy::Integration);
    assert_eq!(said(ActorKind::Import, Some("user 7")), ChangedBy::Import);
    assert_eq!(said(ActorKind::Touchline, None), ChangedBy::Touchline);
}

/// What was true of the author stays true when the deal goes to somebody else.
#[test]
fn the_author_is_kept_with_the_firing() {
    let rules = rules(&[(
        "hovering",
        "on: deal.field_changed(next_step)\nwhen: change.by == \"manager\" && has(change.to)",
    )]);
    let (account, calendar) = (metadata(), london());
    let world = world(&rules, &account, &calendar);
    let mut state = known_deal(&world);
    let step = set(Field::NextStep, text("Call"), hours(1));
    let fired = live(&mut state, &by(ActorKind::Person, Some("user 8"), step), &world).firings;
    assert_eq!(fired[0].change.as_ref().unwrap().by, ChangedBy::Manager);
    live(&mut state, &set(Field::Owner, text("9"), hours(2)), &world);
    assert_eq!(reason_holds(&fired[0], &state, hours(3), &world), Holds::Yes);
    let stored = serde_json::to_string(&fired[0]).unwrap();
    assert_eq!(serde_json::from_str::<crate::engine::Firing>(&stored).unwrap(), fired[0]);
    let why = explain_change(
        world.rules.rule("hovering").unwrap(),
        fired[0].change.as_ref().unwrap(),
        &state,
        hours(3),
        &world,
    );
    assert!(format!("{why}").contains("manager"), "{why}");
}

#[test]
fn who_takes_a_deal_over_or_gives_it_away_is_its_owner() {
    let rules = rules(&[("handed", "on: deal.field_changed(owner)\nwhen: change.by == \"owner\"")]);
    let (account, calendar) = (metadata(), london());
    let world = world(&rules, &account, &calendar);
    let moved = |user: &str| {
        let mut state = known_deal(&world);
        let change = by(ActorKind::Person, Some(user), set(Field::Owner, text("9"), hours(1)));
        live(&mut state, &change, &world).applied[0].by
    };
    assert_eq!(moved("user 7"), ChangedBy::Owner, "gave it away");
    assert_eq!(moved("user 9"), ChangedBy::Owner, "took it over");
    assert_eq!(moved("user 8"), ChangedBy::Manager, "of the owner before");
}

/// Every sort of rule stays silent about every field that Touchline writes, and
/// a person's edit of the same sort is still heard afterwards.
#[test]
fn what_touchline_writes_triggers_nothing() {
    let rules = many_rules();
    let (account, calendar) = (metadata(), london());
    let world = world(&rules, &account, &calendar);
    let mut state = known_deal(&world);
    let touchline = |change| by(ActorKind::Touchline, None, change);
    let writes = [
        set(Field::Stage, text("c"), hours(1)),
        set(Field::Amount, number(100), hours(2)),
        set(Field::CloseDate, time(days(-3)), hours(3)),
        set(Field::NextStepDate, time(days(-3)), hours(4)),
        set(Field::Discount, number(30), hours(5)),
        set(Field::Competitor, text("Acme"), hours(6)),
        set(Field::Owner, text("8"), hours(7)),
    ];
    for write in writes {
        assert_eq!(told(&live(&mut state, &touchline(write), &world)), Vec::<String>::new());
    }
    assert_eq!(quiet_until(&mut state, &world), 0, "nor is it told later what was true at once");
    let change = by(ActorKind::Person, Some("user 7"), set(Field::Stage, text("b"), hours(9)));
    let outcome = live(&mut state, &change, &world);
    assert_eq!(told(&outcome), ["moved@2026-03-02T18:00:00Z"]);
}

/// A fact that is mapped later makes rules true that were held up by it: they
/// take that without a word.
#[test]
fn what_a_second_read_of_the_past_makes_known_fires_nothing() {
    let body = "on: state\nwhen: deal.amount > 50 && !has(deal.champion)";
    let rules = rules(&[("no-champion", body)]);
    let (account, calendar) = (metadata(), london());
    let world = world(&rules, &account, &calendar);
    let (mut state, mut changed) = (known_without_champion(&world), DealState::new(key()));
    live(&mut state, &set(Field::Amount, number(100), hours(1)), &world);
    assert_eq!(state.rules["no-champion"].truth, Some(false), "unknown keeps what was known");
    changed.clone_from(&state);
    let mut read = record(Origin::Backfill, hours(2), &[]);
    read.fields = vec![(Field::Champion, crate::facts::Fact::Empty)];
    let again = step(&mut state, Stimulus::Observation(&read), hours(2), &world);
    assert!(again.firings.is_empty() && state.rules["no-champion"].truth == Some(true));
    read.origin = Origin::Poll;
    let polled = step(&mut changed, Stimulus::Observation(&read), hours(2), &world);
    assert_eq!(polled.firings.len(), 1, "a poll finds news");
}

fn known_without_champion(world: &World<'_>) -> DealState {
    let mut read = record(
        Origin::Backfill,
        T0,
        &[
            (Field::CreatedAt, time(days(-30)), days(-30)),
            (Field::Pipeline, text("p"), days(-30)),
            (Field::Stage, text("a"), days(-30)),
            (Field::Amount, number(10), days(-30)),
        ],
    );
    read.fields.retain(|(field, _)| !field.is_named_fact());
    let mut state = DealState::new(key());
    step(&mut state, Stimulus::Observation(&read), T0, world);
    state
}

/// How many firings the hour after brings.
fn quiet_until(state: &mut DealState, world: &World<'_>) -> usize {
    step(state, Stimulus::Timer, hours(8), world).firings.len()
}
