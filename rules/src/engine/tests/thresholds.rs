//! Thresholds that rest on won deals: when they are resolved, what keeps them,
//! and how they are quoted.

use insta::assert_snapshot;

use super::fixtures::*;
use crate::baseline::{Baseline, Baselines, Measure, Rung};
use crate::engine::{
    Stimulus, World, explain_rule, inactive, reading, step, template_context, threshold_of,
};
use crate::facts::Field;
use crate::ruleset::RuleSet;
use crate::time::UnixMs;

const SLOW: &str = "on: state
when: days_since(deal.stage_entered_at) >= threshold
threshold: { won_percentile: 75, of: dwell_days, min_n: 30, fallback: 9 }
tip: { headline: '{{ threshold }} {{ threshold | plural(\"day\", \"days\") }}, {{ threshold.n }} deals', body: '{{ threshold.source }}' }";

fn slow() -> RuleSet {
    rules(&[("slow", SLOW)])
}

/// Won deals leave stage `b` within so many days.
fn in_b(at: UnixMs, days: i64) -> Baseline {
    Baseline::blank(at, 212).with(Measure::DwellDays, "p", "b", days)
}

fn told_in<'a>(
    rules: &'a RuleSet,
    baselines: &'a Baselines,
    account: &'a crate::facts::Metadata,
    calendar: &'a crate::Calendar,
) -> World<'a> {
    World { baselines, ..world(rules, account, calendar) }
}

#[test]
fn a_rule_speaks_on_the_day_the_baseline_says_and_quotes_it() {
    let (rules, account, calendar) = (slow(), metadata(), london());
    let known = Baselines::of([in_b(days(-9), 19)]);
    let world = told_in(&rules, &known, &account, &calendar);
    let mut state = known_deal(&world);
    live(&mut state, &set(Field::Stage, text("b"), hours(3)), &world);
    let due = hours(3).plus_ms(19 * crate::time::DAY_MS);
    assert_eq!(state.next_due, Some(due));
    assert!(tick(&mut state, due.plus_ms(-1), &world).firings.is_empty());
    let fired = tick(&mut state, due, &world).firings.remove(0);
    assert_eq!(fired.threshold, Some(19.0));
    let zone = jiff::tz::TimeZone::UTC;
    let texts = template_context(&fired, &state, &account, "Sam Seller", &zone);
    let tip = &rules.rule("slow").unwrap().tip;
    let said = [&tip.headline, &tip.body].map(|text| text.render(&texts).unwrap());
    assert_snapshot!(said.join("\n"), @"
    19 days, 212 deals
    your won deals leave this stage within 19 days in 3 of 4 cases; n = 212
    ");
    assert_snapshot!(reading(&fired, &state.facts, &account, &zone).saw.join("\n"), @"
    Days in this stage: 19 (the rule speaks from 19)
    Your won deals leave this stage within 19 days in 3 of 4 cases; n = 212
    ");
    assert_eq!(texts["seen"]["threshold"], 19);
}

#[test]
fn what_was_resolved_stays_until_the_state_is_left() {
    let (rules, account, calendar) = (slow(), metadata(), london());
    let mut known = Baselines::of([in_b(days(-9), 19)]);
    let mut state = {
        let world = told_in(&rules, &known, &account, &calendar);
        let mut state = known_deal(&world);
        live(&mut state, &set(Field::Stage, text("b"), hours(3)), &world);
        state
    };
    known.push(in_b(days(2), 4), 8);
    let world = told_in(&rules, &known, &account, &calendar);
    let rule = rules.rule("slow").unwrap();
    let at = |state: &_, now| threshold_of(rule, state, now, &world).unwrap().value;
    tick(&mut state, days(5), &world);
    assert_eq!(at(&state, days(5)), 19.0, "a newer baseline changes nothing");
    // History told late: it has been in `b` before, and when is known better.
    live(&mut state, &set(Field::Stage, text("b"), days(-20)), &world);
    live(&mut state, &set(Field::Amount, number(5), days(6)), &world);
    assert_eq!(at(&state, days(6)), 19.0);
    live(&mut state, &set(Field::Stage, text("c"), days(7)), &world);
    assert_eq!(at(&state, days(7)), 9.0, "few won deals were seen in `c`");
    live(&mut state, &set(Field::Stage, text("b"), days(8)), &world);
    assert_eq!(at(&state, days(8)), 4.0);
    assert_eq!(state.next_due, Some(days(12)));
}

/// Whatever its own rule says of a stage, an open episode keeps its number: what
/// was said must stay true of it.
#[test]
fn an_open_episode_keeps_its_threshold() {
    let rules = rules(&[(
        "old",
        "on: state\nwhen: days_since(deal.created_at) >= threshold\nthreshold: { won_percentile: 75, of: dwell_days, fallback: 99 }",
    )]);
    let (account, calendar) = (metadata(), london());
    let known = Baselines::of([in_b(days(-9), 19)]);
    let world = told_in(&rules, &known, &account, &calendar);
    let mut state = known_deal(&world);
    let fired = live(&mut state, &set(Field::Stage, text("b"), hours(3)), &world);
    assert_eq!(told(&fired), ["old@2026-03-02T12:00:00Z"]);
    let moved = live(&mut state, &set(Field::Stage, text("c"), hours(4)), &world);
    assert!(moved.ended.is_empty() && moved.firings.is_empty(), "{moved:?}");
    let held = state.rules["old"].held.as_ref().unwrap();
    assert_eq!((held.stage.as_str(), held.quoted.unwrap().value), ("b", 19.0));
}

#[test]
fn before_the_first_baseline_the_rule_s_own_number_stands_in_and_its_coming_is_no_news() {
    let (rules, account, calendar) = (slow(), metadata(), london());
    let none = Baselines::default();
    let world = told_in(&rules, &none, &account, &calendar);
    let mut state = known_deal(&world);
    live(&mut state, &set(Field::Stage, text("b"), hours(3)), &world);
    assert_eq!(state.next_due, Some(hours(3 + 9 * 24)));
    let first = Baselines::of([in_b(days(2), 3)]);
    let world = told_in(&rules, &first, &account, &calendar);
    let after = live(&mut state, &set(Field::Amount, number(5), days(6)), &world);
    assert!(after.firings.is_empty(), "it was so before anybody could tell: {after:?}");
    assert!(state.rules["slow"].episode.as_ref().is_some_and(|open| open.seeded));
    assert_eq!(state.rules["slow"].held.as_ref().unwrap().quoted.unwrap().rung, Rung::Stage);
}

#[test]
fn without_any_number_the_rule_is_inactive_and_says_why() {
    let rules = rules(&[(
        "slow",
        "on: state\nwhen: days_since(deal.stage_entered_at) >= threshold\nthreshold: { won_percentile: 75, of: dwell_days }",
    )]);
    let (account, calendar) = (metadata(), london());
    let few = Baselines::of([Baseline::blank(days(-9), 3)]);
    let world = told_in(&rules, &few, &account, &calendar);
    let mut state = known_deal(&world);
    let outcome = step(&mut state, Stimulus::Timer, days(99), &world);
    assert!(outcome.firings.is_empty());
    assert_eq!(inactive(&state, days(99), &world), [("slow".to_owned(), "threshold")]);
    let why = explain_rule(rules.rule("slow").unwrap(), &state, days(99), &world);
    assert_snapshot!(why.to_string(), @r#"
    ?    all of these:
      yes  applies_to: open
             deal.stage_kind is "open"
      ?    days_since(deal.stage_entered_at) >= threshold
             days_since(deal.stage_entered_at) is 129
             deal.stage_entered_at is 2026-01-31T09:00:00Z
             threshold is not known
    "#);
}
