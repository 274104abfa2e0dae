//! Whether reasons hold, why rules speak or not, and what their texts can say.

use insta::assert_snapshot;

use super::fixtures::*;
use crate::engine::{
    Holds, delivery_id, explain_rule, inactive, nudge_id, reason_holds, template_context,
};
use crate::facts::{Direction, Field};

#[test]
fn the_reason_of_a_state_rule_holds_while_its_episode_is_open() {
    let set_of = rules(&[("in-b", "on: state\nwhen: deal.stage == \"b\"")]);
    let (account, calendar) = (metadata(), london());
    let world = world(&set_of, &account, &calendar);
    let mut state = known_deal(&world);
    let first = live(&mut state, &set(Field::Stage, text("b"), hours(1)), &world).firings.remove(0);
    assert_eq!(reason_holds(&first, &state, hours(2), &world), Holds::Yes);
    live(&mut state, &set(Field::Stage, text("a"), hours(3)), &world);
    assert_eq!(reason_holds(&first, &state, hours(3), &world), Holds::No);
    live(&mut state, &set(Field::Stage, text("b"), hours(4)), &world);
    assert_eq!(reason_holds(&first, &state, hours(4), &world), Holds::No, "another episode");
}

#[test]
fn the_reason_of_an_event_rule_holds_until_the_facts_refute_it() {
    let set_of = rules(&[(
        "bare",
        "on: deal.stage_changed\nwhen: change.stages_moved > 0 && !has(deal.amount)",
    )]);
    let (account, calendar) = (metadata(), london());
    let world = world(&set_of, &account, &calendar);
    let mut state = known_deal(&world);
    let moved = set(Field::Stage, text("b"), hours(1));
    let firing = live(&mut state, &moved, &world).firings.remove(0);
    assert_eq!(reason_holds(&firing, &state, hours(2), &world), Holds::Yes);
    let mut forgotten = state.clone();
    forgotten.facts.tracks.remove(&Field::Amount);
    assert_eq!(reason_holds(&firing, &forgotten, hours(2), &world), Holds::Yes, "unknown holds");
    live(&mut state, &set(Field::Amount, number(5), hours(3)), &world);
    assert_eq!(reason_holds(&firing, &state, hours(4), &world), Holds::No);
    let none = rules(&[]);
    let without = crate::engine::World { rules: &none, ..world };
    assert_eq!(reason_holds(&firing, &forgotten, hours(4), &without), Holds::No, "no such rule");
}

#[test]
fn closing_the_deal_takes_the_reason_along() {
    let set_of = rules(&[("moved", "on: deal.stage_changed\nwhen: change.stages_moved > 0")]);
    let (account, calendar) = (metadata(), london());
    let world = world(&set_of, &account, &calendar);
    let mut state = known_deal(&world);
    let moved = set(Field::Stage, text("b"), hours(1));
    let firing = live(&mut state, &moved, &world).firings.remove(0);
    live(&mut state, &set(Field::Stage, text("won"), hours(2)), &world);
    assert_eq!(reason_holds(&firing, &state, hours(3), &world), Holds::No);
}

#[test]
fn rules_that_miss_a_fact_name_it() {
    let set_of = rules(&[
        ("silent", "on: state\nwhen: days_since(deal.last_inbound_at) >= 3"),
        ("in-b", "on: state\nwhen: deal.stage == \"b\""),
        ("rich", "on: state\nwhen: deal.amount > 5"),
    ]);
    let (account, calendar) = (metadata(), london());
    let mut world = world(&set_of, &account, &calendar);
    world.activity_trusted = false;
    let mut state = known_deal(&world);
    state.facts.tracks.remove(&Field::Amount);
    let expected =
        [("silent".to_owned(), "deal.last_inbound_at"), ("rich".to_owned(), "deal.amount")];
    assert_eq!(inactive(&state, hours(1), &world), expected);
    state.facts.tracks.remove(&Field::Stage);
    assert_eq!(inactive(&state, hours(1), &world)[1], ("in-b".to_owned(), "deal.stage_kind"));
}

#[test]
fn a_rule_explains_itself() {
    let set_of = rules(&[(
        "silent",
        "on: state\nwhen: deal.stage == \"a\" && days_since(deal.last_inbound_at) >= threshold\nunless: has(deal.next_meeting_at)\nthreshold: 3",
    )]);
    let (account, calendar) = (metadata(), london());
    let world = world(&set_of, &account, &calendar);
    let mut state = known_deal(&world);
    live(&mut state, &mail("1", Direction::Inbound, hours(1)), &world);
    assert_snapshot!(explain_rule(&set_of.rules()[0], &state, hours(25), &world), @r#"
    no   all of these:
      yes  applies_to: open
             deal.stage_kind is "open"
      no   all of these:
        yes  deal.stage == "a"
               deal.stage is "a"
        no   days_since(deal.last_inbound_at) >= threshold
               days_since(deal.last_inbound_at) is 1
               deal.last_inbound_at is 2026-03-02T10:00:00Z
               threshold is 3
      yes  not:
        no   has(deal.next_meeting_at)
               deal.next_meeting_at is empty
    "#);
}

#[test]
fn texts_see_names_and_not_ids() {
    let set_of = rules(&[(
        "moved",
        "on: deal.stage_changed\nwhen: change.stages_moved > 0 && deal.amount > threshold\nthreshold: 5",
    )]);
    let (account, calendar) = (metadata(), london());
    let world = world(&set_of, &account, &calendar);
    let mut state = known_deal(&world);
    live(&mut state, &set(Field::Amount, number(12_500), hours(1)), &world);
    let mut moved = set(Field::Stage, text("b"), hours(2));
    moved.vendor_id = Some("evt-9".into());
    let firing = live(&mut state, &moved, &world).firings.remove(0);
    let context = template_context(&firing, &state, &account, "Sam Seller", &calendar.zone);
    for path in crate::engine::context::DEAL_PATHS
        .iter()
        .chain(&crate::engine::context::CHANGE_PATHS)
        .chain(&crate::engine::context::PERSON_PATHS)
    {
        let found = path.split('.').try_fold(&context, |at, part| at.get(part));
        assert!(found.is_some(), "{path}");
    }
    let mut deal = context["deal"].clone();
    let told = deal.as_object_mut().unwrap();
    let named = |name: &str| Field::named(name).is_some_and(Field::is_named_fact);
    assert!(told.iter().all(|(name, value)| !named(name) || value.is_null()), "none was told");
    told.retain(|name, _| !named(name));
    assert_snapshot!(deal, @r#"{"amount":"12500","amount_changes":0,"amount_text":"EUR 12,500","close_date":"2026-05-01","contacts_engaged":0,"currency":"EUR","days_in_stage":0,"days_open":30,"days_past_close":-60,"days_to_close":60,"days_with_owner":30,"id":"42","loss_reason":null,"meetings":0,"name":"Harbour Foods","next_step":null,"owner":"Sam Seller","owner_changes":0,"pipeline":"Sales","push_count":0,"pushed_days":0,"stage":"B","stage_phase":"middle","url":null}"#);
    assert_snapshot!(context["change"], @r#"{"by":"unknown","days":null,"field":"stage","from":"A","occurred_at":1772449200000,"source":"person","stages_moved":1,"to":"B","vendor_id":"evt-9"}"#);
    assert_snapshot!(context["seen"], @r#"{"amount":12500,"stages_moved":1,"threshold":5}"#);
    assert_eq!(context["person"]["first_name"], "Sam");
}

#[test]
fn ids_tell_reasons_apart_and_nothing_else() {
    let set_of = rules(&[("moved", "on: deal.stage_changed\nwhen: 'true'")]);
    let (account, calendar) = (metadata(), london());
    let world = world(&set_of, &account, &calendar);
    let fire = |received_ms: i64, to: &str| {
        let mut state = known_deal(&world);
        let moved = set(Field::Stage, text(to), hours(1));
        let at = hours(1).plus_ms(received_ms);
        let stimulus = crate::engine::Stimulus::Change(&moved);
        crate::engine::step(&mut state, stimulus, at, &world).firings.remove(0).id
    };
    assert_eq!(fire(0, "b"), fire(90_000, "b"));
    assert_ne!(fire(0, "b"), fire(0, "c"));
    let id = fire(0, "b");
    assert_eq!(id.len(), 32);
    assert_ne!(nudge_id(&id, "sam"), nudge_id(&id, "kim"));
    let nudge = nudge_id(&id, "sam");
    assert_ne!(delivery_id(&nudge, "slack", "dm"), delivery_id(&nudge, "slack", "card"));
}
