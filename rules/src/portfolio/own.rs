//! Facts about a person's own deals.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::facts::{PersonFacts, place};
use super::history::{BEFORE_DAYS, dated_steps, percent, usual_open};
use super::standing::Standing;
use super::{Portfolio, days_ago};
use crate::calendar::Calendar;
use crate::condition::Slot;
use crate::facts::StageKind;
use crate::time::UnixMs;

/// Over how many days new deals are counted.
const NEW_DAYS: i64 = 14;
/// Over how many days wins are counted.
const WINS_DAYS: i64 = 30;
/// The last days of a month, in which deals should not all close.
const LAST_DAYS: i8 = 5;

/// What a person is to win.
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// How much, in the account's currency.
    pub amount: f64,
    /// In a quarter of the year and not in a month.
    pub quarterly: bool,
}

impl Target {
    /// The first day of the stretch that `day` is in, and of the next one.
    fn stretch(self, day: Date) -> Option<(Date, Date)> {
        let months: i8 = if self.quarterly { 3 } else { 1 };
        let first = (day.month() - 1) / months * months + 1;
        let begin = Date::new(day.year(), first, 1).ok()?;
        Some((begin, begin.checked_add(jiff::Span::new().months(months)).ok()?))
    }
}

pub(super) fn put(
    facts: &mut PersonFacts,
    portfolio: &Portfolio,
    now: UnixMs,
    calendar: &Calendar,
) {
    let deals = &portfolio.deals;
    let open: Vec<&Standing> = deals.iter().filter(|deal| deal.is_open()).collect();
    let today = calendar.local_date(now);
    facts.number(place::OPEN_DEALS, open.len() as f64);
    facts.maybe(place::USUAL_OPEN_DEALS, usual_open(deals, now, calendar));
    let newest = deals.iter().filter_map(|deal| deal.created_at).filter(|at| *at <= now).max();
    let since = days_ago(calendar, now, NEW_DAYS);
    let new =
        deals.iter().filter(|deal| deal.created_at.is_some_and(|at| at >= since && at <= now));
    facts.number(place::NEW_DEALS, new.count() as f64);
    facts.set(place::LAST_NEW_DEAL_AT, newest.map_or(Slot::Empty, Slot::Time));
    let overdue = open.iter().filter(|deal| deal.close_on.is_some_and(|day| day < today));
    facts.number(place::OVERDUE_DEALS, overdue.count() as f64);
    put_money(facts, portfolio, &open, today, calendar);
    put_month(facts, &open, today);
    put_wins(facts, deals, now, calendar);
    facts.maybe(place::NEXT_STEPS, dated_steps(deals, now, calendar));
    let before = days_ago(calendar, now, BEFORE_DAYS);
    facts.maybe(place::NEXT_STEPS_BEFORE, dated_steps(deals, before, calendar));
}

/// Amounts are summed in the account's currency only. Where a deal has another
/// one nobody can say how much it is all together.
fn put_money(
    facts: &mut PersonFacts,
    portfolio: &Portfolio,
    open: &[&Standing],
    today: Date,
    calendar: &Calendar,
) {
    let is_ours = |deal: &&&Standing| !deal.foreign;
    if open.iter().all(|deal| is_ours(&deal)) {
        let amounts = || open.iter().filter_map(|deal| deal.amount).filter(|it| *it > 0.0);
        let sum: f64 = amounts().sum();
        let largest = amounts().fold(0.0, f64::max);
        facts.number(place::OPEN_AMOUNT, sum);
        let share = if sum > 0.0 { Slot::Number(percent(largest, sum)) } else { Slot::Empty };
        facts.set(place::LARGEST_SHARE, share);
    }
    let Some(target) = portfolio.target else { return };
    facts.number(place::TARGET, target.amount);
    let Some((begin, end)) = target.stretch(today) else { return };
    let (from, until) = (calendar.start_of(begin), calendar.start_of(end));
    let won = portfolio.deals.iter().filter(|deal| {
        let closed = deal.closed_at.is_some_and(|at| at >= from && at < until);
        deal.kind == StageKind::Won && closed
    });
    let won: f64 = won.filter_map(|deal| deal.amount).sum();
    facts.number(place::WON_AMOUNT, won);
    let left = target.amount - won;
    let due = open.iter().filter(|deal| deal.close_on.is_some_and(|day| day < end));
    let due: f64 = due.filter_map(|deal| deal.amount).sum();
    // Whoever has reached the target needs no coverage.
    let coverage = if left > 0.0 { Slot::Number(due / left) } else { Slot::Empty };
    facts.set(place::COVERAGE, coverage);
}

fn put_month(facts: &mut PersonFacts, open: &[&Standing], today: Date) {
    let of_month = |day: &Date| (day.year(), day.month()) == (today.year(), today.month());
    let days: Vec<Date> = open.iter().filter_map(|deal| deal.close_on).filter(of_month).collect();
    facts.number(place::CLOSING_THIS_MONTH, days.len() as f64);
    let first_of_last = today.days_in_month() - LAST_DAYS + 1;
    let late = days.iter().filter(|day| day.day() >= first_of_last).count();
    let share = match days.len() {
        0 => Slot::Empty,
        all => Slot::Number(percent(late as f64, all as f64)),
    };
    facts.set(place::CLOSING_LATE, share);
}

fn put_wins(facts: &mut PersonFacts, deals: &[Standing], now: UnixMs, calendar: &Calendar) {
    let mut closed: Vec<(UnixMs, bool)> = deals
        .iter()
        .filter_map(|deal| Some((deal.closed_at?, deal.kind == StageKind::Won)))
        .filter(|(at, _)| *at <= now)
        .collect();
    closed.sort_unstable();
    let streak = closed.iter().rev().take_while(|(_, won)| *won).count();
    facts.number(place::WINS_IN_A_ROW, streak as f64);
    let since = days_ago(calendar, now, WINS_DAYS);
    let wins = closed.iter().filter(|(at, won)| *won && *at >= since).count();
    facts.number(place::WINS, wins as f64);
}
