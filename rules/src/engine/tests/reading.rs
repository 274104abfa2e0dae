//! What a firing reads out, beyond what shipped rules show.

use jiff::tz::TimeZone;

use super::fixtures::*;
use crate::engine::reading;
use crate::facts::{DealState, Field};
use crate::time::HOUR_MS;

/// The lines of the one firing that `to` on the amount causes, for a reader in
/// `zone`.
fn read_out(body: &str, to: i64, zone: &str) -> String {
    let set_of = rules(&[("rule-under-test", body)]);
    let (account, calendar) = (metadata(), london());
    let world = world(&set_of, &account, &calendar);
    let mut state: DealState = known_deal(&world);
    live(&mut state, &set(Field::NextStep, text("Call\n<!channel>"), hours(1)), &world);
    // The beginning of 1 May in London, where the account is.
    let first_of_may = days(59).plus_ms(14 * HOUR_MS);
    live(&mut state, &set(Field::CloseDate, time(first_of_may), hours(2)), &world);
    let outcome = live(&mut state, &set(Field::Amount, number(to), hours(15)), &world);
    let zone = TimeZone::get(zone).unwrap();
    let read = reading(&outcome.firings[0], &state.facts, &account, &zone);
    assert!(!read.listened);
    read.saw.join("\n")
}

#[test]
fn money_people_and_stages_go_by_what_people_call_them() {
    let body = "on: state\nwhen: deal.amount >= threshold * 2 && deal.owner == \"7\" && deal.stage in [\"a\", \"b\"] && deal.pipeline != \"q\" && deal.next_step.contains(\"Call\")\nthreshold: 5000";
    insta::assert_snapshot!(read_out(body, 12_000, "Europe/London"), @"
    Amount: EUR 12,000 (the rule speaks from EUR 10,000)
    Owner: Sam Seller
    Stage: A
    Pipeline: Sales
    Next step: “Call <!channel>”
    ");
}

/// What keeps a rule silent is told from the side on which it speaks.
#[test]
fn a_bound_under_a_not_is_turned_round() {
    let body = "on: state\nwhen: deal.amount > 10 && !(deal.amount > 50)\nunless: days_since(deal.created_at) < 7 || deal.push_count > 3";
    insta::assert_snapshot!(read_out(body, 20, "Europe/London"), @"
    Amount: EUR 20 (the rule speaks above EUR 10)
    Days since it was created: 30 (the rule speaks from 7)
    Times the close date moved later: 0 (the rule speaks up to 3)
    ");
}

/// The change came at midnight in London: still the day before in New York. A
/// close date is the account's day wherever it is read.
#[test]
fn dates_are_the_reader_s_and_a_close_date_is_the_account_s() {
    let body = "on: deal.field_changed(amount)\nwhen: change.occurred_at > deal.created_at && has(deal.close_date) && days_until(deal.close_date) <= 90 && has(change.to)";
    insta::assert_snapshot!(read_out(body, 20, "America/New_York"), @"
    Happened on: 2 March 2026
    Created on: 31 January 2026
    Close date: 1 May 2026, in 59 days (the rule speaks from 90 days before)
    Amount now: EUR 20
    ");
    let in_tokyo = read_out(body, 20, "Asia/Tokyo");
    assert!(in_tokyo.starts_with("Happened on: 3 March 2026"), "{in_tokyo}");
    assert!(in_tokyo.contains("Close date: 1 May 2026"), "{in_tokyo}");
}

/// What nobody can read is left out, never shown as it is written.
#[test]
fn what_has_no_plain_name_is_left_out() {
    let body = "on: state\nwhen: 'days_since(has(deal.closed_at) ? deal.closed_at : deal.created_at) * 2 > 3 && deal.amount > 1'";
    let read = read_out(body, 20, "UTC");
    assert!(!read.contains(['_', '?', '*']), "{read}");
    insta::assert_snapshot!(read, @"
    Closed on: still open
    Created on: 31 January 2026
    Amount: EUR 20 (the rule speaks above EUR 1)
    ");
}
