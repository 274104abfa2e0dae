//! What a deal costs where it is stored.

use super::fixtures::*;
use crate::engine::{Stimulus, step};
use crate::facts::{DealState, Direction, Field, Origin, PersonMark};

/// A deal of three months: seven stages and dates moved, a dozen e-mails, a few
/// rules watching.
fn typical() -> DealState {
    let rules = rules(&[
        ("slow", "on: state\nwhen: days_since(deal.stage_entered_at) >= 3"),
        ("silent", "on: state\nwhen: business_days_since(deal.last_inbound_at) >= 2"),
        ("overdue", "on: state\nwhen: days_until(deal.close_date) < 0"),
    ]);
    let (account, calendar) = (metadata(), london());
    let world = world(&rules, &account, &calendar);
    let mut state = DealState::new(key());
    let at = |day: i64| days(day - 90);
    let history = [
        (Field::CreatedAt, time(at(0)), at(0)),
        (Field::Name, text("Harbour Foods - rollout"), at(0)),
        (Field::Pipeline, text("p"), at(0)),
        (Field::Owner, text("7"), at(0)),
        (Field::Currency, text("EUR"), at(0)),
        (Field::Stage, text("a"), at(0)),
        (Field::Stage, text("b"), at(20)),
        (Field::Stage, text("c"), at(50)),
        (Field::Amount, number(12_000), at(5)),
        (Field::Amount, number(9_000), at(55)),
        (Field::CloseDate, time(at(80)), at(5)),
        (Field::CloseDate, time(at(100)), at(70)),
        (Field::NextStep, text("Send the agreed plan"), at(60)),
    ];
    let told = |field: &Field| history.iter().any(|(of, ..)| of == field);
    let mut read = record(Origin::Backfill, T0, &history);
    read.fields.retain(|(field, _)| told(field) || *field == Field::LossReason);
    step(&mut state, Stimulus::Observation(&read), T0, &world);
    for n in 0..12 {
        let way = if n % 2 == 0 { Direction::Inbound } else { Direction::Outbound };
        live(&mut state, &mail(&format!("6500000{n:04}"), way, hours(n * 7 + 1)), &world);
    }
    state
}

/// Neither the derived facts nor those that nobody mapped leave a trace: what is
/// stored is as long as it was before rules could read them.
#[test]
fn what_no_rule_reads_costs_nothing() {
    let stored = serde_json::to_string(&typical()).unwrap();
    assert_eq!(stored.len(), 3_505);
}

/// What is mapped costs its own value once, and who took part a few digits.
#[test]
fn what_is_mapped_costs_what_it_holds() {
    let before = serde_json::to_string(&typical()).unwrap().len();
    let mut state = typical();
    let rules = rules(&[]);
    let (account, calendar) = (metadata(), london());
    let world = world(&rules, &account, &calendar);
    let four = [
        (Field::Competitor, text("Acme")),
        (Field::Discount, number(15)),
        (Field::NextStepDate, time(days(9))),
        (Field::Champion, text("Head of operations")),
    ];
    for (field, to) in four {
        live(&mut state, &set(field, to, hours(200)), &world);
    }
    state.rules.clear();
    let mapped = serde_json::to_string(&state).unwrap().len();
    assert!(mapped <= before + 4 * 100, "{before} {mapped}");
    for n in 0..12 {
        let mut change = mail(&format!("6600000{n:04}"), Direction::Inbound, hours(300 + n));
        if let crate::facts::ChangeKind::Activity(one) = &mut change.kind {
            one.people = Some(vec![PersonMark::of("1"), PersonMark::of(&n.to_string())]);
        }
        live(&mut state, &change, &world);
    }
    let met = serde_json::to_string(&state).unwrap().len();
    assert!(met <= mapped + 14 * 60, "{mapped} {met}");
}
