//! What the CRM last told, and what a rule hopes for after its nudge.

use super::fixtures::*;
use crate::engine::outcome_met;
use crate::facts::{Activity, ActivityKind, ChangeKind, Direction};

#[test]
fn time_alone_tells_nothing_new_of_a_deal() {
    let (rules, metadata, calendar) = (many_rules(), metadata(), london());
    let world = world(&rules, &metadata, &calendar);
    let mut state = known_deal(&world);
    assert_eq!(state.told_at, Some(T0));
    tick(&mut state, days(5), &world);
    assert_eq!(state.told_at, Some(T0), "a timer is no news");
    live(&mut state, &mail("1", Direction::Inbound, days(6)), &world);
    assert_eq!(state.told_at, Some(days(6)));
}

#[test]
fn an_outcome_is_met_by_what_comes_after_the_nudge_and_not_by_ourselves() {
    let rules = rules(&[
        (
            "silent",
            "on: state\nwhen: business_days_since(deal.last_inbound_at) >= 2\noutcome: { within: 10d, when: deal.last_inbound_at > nudge.sent_at }",
        ),
        ("hopeless", "on: state\nwhen: days_until(deal.close_date) < 0"),
    ]);
    let (metadata, calendar) = (metadata(), london());
    let world = world(&rules, &metadata, &calendar);
    let mut state = known_deal(&world);
    let (silent, hopeless) = (rules.rule("silent").unwrap(), rules.rule("hopeless").unwrap());
    let sent_at = days(2);
    live(&mut state, &mail("1", Direction::Inbound, days(1)), &world);
    assert!(!outcome_met(silent, &state, sent_at, days(3), &world), "older than the nudge");
    let ours = Activity {
        id: "2".into(),
        kind: ActivityKind::Email,
        direction: Direction::Inbound,
        at: days(3),
        by_touchline: true,
        people: None,
    };
    live(&mut state, &change(ChangeKind::Activity(ours), days(3)), &world);
    assert!(!outcome_met(silent, &state, sent_at, days(3), &world), "our own writing");
    live(&mut state, &mail("3", Direction::Inbound, days(4)), &world);
    assert!(outcome_met(silent, &state, sent_at, days(4), &world));
    assert!(!outcome_met(hopeless, &state, sent_at, days(4), &world));
}
