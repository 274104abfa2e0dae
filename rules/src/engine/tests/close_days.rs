//! The close date is one day for the condition, the text and the reason, wherever
//! account, owner and reader are.

use insta::assert_snapshot;
use jiff::tz::TimeZone;

use super::fixtures::*;
use crate::calendar::Calendar;
use crate::engine::{reading, template_context};
use crate::facts::{Field, Metadata};
use crate::time::UnixMs;

const OVERDUE: &str = "on: state\nwhen: days_until(deal.close_date) < 0\ntip: { headline: '{{ deal.close_date | date }}, {{ deal.days_past_close }} ago', body: Do it }";

fn at(text: &str) -> UnixMs {
    UnixMs::from(text.parse::<jiff::Timestamp>().unwrap())
}

/// When the rule speaks of a deal that closes then, and all that it says.
fn told(close: &str, account: &str, owner: &str, reader: &str) -> String {
    let set_of = rules(&[("overdue", OVERDUE)]);
    let account = Metadata { time_zone: Some(account.to_owned()), ..metadata() };
    let calendar = Calendar::weekdays(TimeZone::get(owner).unwrap());
    let world = world(&set_of, &account, &calendar);
    let mut state = known_deal(&world);
    live(&mut state, &set(Field::CloseDate, time(at(close)), hours(1)), &world);
    let due = state.next_due.unwrap();
    let firing = tick(&mut state, due, &world).firings.remove(0);
    let zone = TimeZone::get(reader).unwrap();
    let context = template_context(&firing, &state, &account, "Sam Seller", &zone);
    let headline = set_of.rule("overdue").unwrap().tip.headline.render(&context).unwrap();
    let saw = reading(&firing, &state.facts, &account, &zone).saw.join("\n");
    format!("{}\n{headline}\n{saw}", firing.at)
}

#[test]
fn a_date_at_midnight_utc_is_not_the_evening_before() {
    let la = "America/Los_Angeles";
    assert_snapshot!(told("2026-04-01T00:00:00Z", la, la, la), @"
    2026-04-02T07:00:00Z
    1 Apr 2026, 1 ago
    Close date: 1 April 2026, 1 day ago (the rule speaks once it has passed)
    ");
}

#[test]
fn owner_and_reader_may_be_far_from_the_account() {
    let (london, la) = ("Europe/London", "America/Los_Angeles");
    assert_snapshot!(told("2026-04-01T00:00:00Z", london, la, london), @"
    2026-04-02T07:00:00Z
    1 Apr 2026, 1 ago
    Close date: 1 April 2026, 1 day ago (the rule speaks once it has passed)
    ");
    assert_snapshot!(told("2026-04-01T20:30:00Z", la, london, "Pacific/Auckland"), @"
    2026-04-01T23:00:00Z
    1 Apr 2026, 1 ago
    Close date: 1 April 2026, 1 day ago (the rule speaks once it has passed)
    ");
}
