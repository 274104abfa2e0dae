//! A day, as the close date, is one day for the condition, the text and the reason,
//! wherever account, owner and reader are.

use insta::assert_snapshot;
use jiff::tz::TimeZone;

use super::fixtures::*;
use crate::calendar::Calendar;
use crate::engine::{reading, template_context};
use crate::facts::{Field, Metadata};
use crate::ruleset::RuleSet;
use crate::time::UnixMs;

const OVERDUE: &str = "on: state\nwhen: days_until(deal.close_date) < 0\ntip: { headline: '{{ deal.close_date | date }}, {{ deal.days_past_close }} ago', body: Do it }";

fn at(text: &str) -> UnixMs {
    UnixMs::from(text.parse::<jiff::Timestamp>().unwrap())
}

/// The zones of the account, the owner and the reader.
type Zones = (&'static str, &'static str, &'static str);

/// When the rule `overdue` speaks of a deal whose `field` is then, and all that it
/// says.
fn told(
    set_of: &RuleSet,
    (field, value): (Field, &str),
    (account, owner, reader): Zones,
) -> String {
    let account = Metadata { time_zone: Some(account.to_owned()), ..metadata() };
    let calendar = Calendar::weekdays(TimeZone::get(owner).unwrap());
    let world = world(set_of, &account, &calendar);
    let mut state = known_deal(&world);
    let mut firings = live(&mut state, &set(field, time(at(value)), hours(1)), &world).firings;
    if firings.is_empty() {
        let due = state.next_due.unwrap();
        firings = tick(&mut state, due, &world).firings;
    }
    let firing = firings.remove(0);
    let zone = TimeZone::get(reader).unwrap();
    let context = template_context(&firing, &state, &account, "Sam Seller", &zone);
    let headline = set_of.rule("overdue").unwrap().tip.headline.render(&context).unwrap();
    let saw = reading(&firing, &state.facts, &account, &zone).saw.join("\n");
    format!("{}\n{headline}\n{saw}", firing.at)
}

fn close(value: &str, zones: Zones) -> String {
    told(&rules(&[("overdue", OVERDUE)]), (Field::CloseDate, value), zones)
}

#[test]
fn a_date_at_midnight_utc_is_not_the_evening_before() {
    let la = "America/Los_Angeles";
    assert_snapshot!(close("2026-04-01T00:00:00Z", (la, la, la)), @"
    2026-04-02T07:00:00Z
    1 Apr 2026, 1 ago
    Close date: 1 April 2026, 1 day ago (the rule speaks once it has passed)
    ");
}

#[test]
fn owner_and_reader_may_be_far_from_the_account() {
    let (london, la) = ("Europe/London", "America/Los_Angeles");
    assert_snapshot!(close("2026-04-01T00:00:00Z", (london, la, london)), @"
    2026-04-02T07:00:00Z
    1 Apr 2026, 1 ago
    Close date: 1 April 2026, 1 day ago (the rule speaks once it has passed)
    ");
    assert_snapshot!(close("2026-04-01T20:30:00Z", (la, london, "Pacific/Auckland")), @"
    2026-04-01T23:00:00Z
    1 Apr 2026, 1 ago
    Close date: 1 April 2026, 1 day ago (the rule speaks once it has passed)
    ");
}

const STEP: &str = "on: state\nwhen: days_until(deal.next_step_date) < 0\ntip: { headline: '{{ deal.next_step_date | date }}, {{ seen.next_step_date | date }}', body: Do it }";

#[test]
fn named_days_are_days_too() {
    let (auckland, la) = ("Pacific/Auckland", "America/Los_Angeles");
    let step =
        |value, zones| told(&rules(&[("overdue", STEP)]), (Field::NextStepDate, value), zones);
    assert_snapshot!(step("2026-04-01T00:00:00Z", (la, auckland, la)), @"
    2026-04-01T11:00:00Z
    1 Apr 2026, 1 Apr 2026
    Date of the next step: 1 April 2026, 1 day ago (the rule speaks once it has passed)
    ");
    assert_snapshot!(step("2026-04-01T20:30:00Z", (la, la, auckland)), @"
    2026-04-02T07:00:00Z
    1 Apr 2026, 1 Apr 2026
    Date of the next step: 1 April 2026, 1 day ago (the rule speaks once it has passed)
    ");
}

#[test]
fn a_change_of_a_day_tells_days() {
    let la = "America/Los_Angeles";
    let set_of = rules(&[(
        "overdue",
        "on: deal.field_changed(renewal_date)\nwhen: days_until(change.to) > 20 && !has(change.from)\ntip: { headline: '{{ change.to | date }}', body: Do it }",
    )]);
    assert_snapshot!(told(&set_of, (Field::RenewalDate, "2026-04-01T00:00:00Z"), (la, la, la)), @"
    2026-03-02T10:00:00Z
    1 Apr 2026
    Renewal date before: empty
    ");
}

#[test]
fn a_proposal_is_opened_at_an_hour() {
    let (auckland, la) = ("Pacific/Auckland", "America/Los_Angeles");
    let set_of = rules(&[(
        "overdue",
        "on: state\nwhen: hours_since(deal.proposal_opened_at) >= 3\ntip: { headline: '{{ deal.proposal_opened_at | date }}', body: Do it }",
    )]);
    let opened = |value, zones| told(&set_of, (Field::ProposalOpenedAt, value), zones);
    assert_snapshot!(opened("2026-03-02T09:30:00Z", (la, la, auckland)), @"
    2026-03-02T12:30:00Z
    2 Mar 2026
    Hours since the proposal was opened: 3 (the rule speaks from 3)
    ");
    // Where the account keeps the date only, the day began at the owner's midnight.
    assert_snapshot!(opened("2026-03-03T00:00:00Z", (la, la, auckland)), @"
    2026-03-03T11:00:00Z
    3 Mar 2026
    Hours since the proposal was opened: 3 (the rule speaks from 3)
    ");
}
