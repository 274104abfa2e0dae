//! Facts about who leads others: what they did themselves, on deals of people
//! whom they lead.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::edit::Edit;
use super::facts::{PersonFacts, place};
use super::history::percent;
use super::standing::Standing;
use super::{EDITS_DAYS, PUSHES_DAYS, days_ago};
use crate::calendar::Calendar;
use crate::condition::Slot;
use crate::life::health::may_be_told;
use crate::time::UnixMs;

/// A share of fewer edits says nothing.
const EDITS_MIN: usize = 5;
/// Deals from this percentile of amounts on are large …
const LARGE_PERCENT: usize = 90;
/// … where there are at least so many to compare.
const LARGE_DEALS_MIN: usize = 10;
/// An improvement is shared when so many people took part.
const SHARED_BY_MIN: usize = 2;

/// What concerns somebody who leads others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Led {
    /// The leader's e-mail.
    pub by: String,
    /// How many people they lead.
    pub people: u32,
    /// Since when they lead, if anybody said.
    pub since: Option<Date>,
    /// The deals of those people.
    pub deals: Vec<Standing>,
    /// Edits on those deals, by whomever.
    pub edits: Vec<Edit>,
    /// What rules of the leader's own said to those people.
    pub pushes: Vec<Push>,
    /// How rules of the leader's own were answered.
    pub answers: Vec<RuleAnswers>,
}

/// A nudge of a leader's own rule to somebody they lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// E-mail of who got it.
    pub to: String,
    /// When.
    pub at: UnixMs,
}

/// How one rule was answered, without who said what.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleAnswers {
    /// How many answers.
    pub answers: u32,
    /// How many of these said that it is not true here.
    pub not_true: u32,
    /// How many people answered.
    pub people: u32,
}

pub(super) fn put(facts: &mut PersonFacts, led: &Led, now: UnixMs, calendar: &Calendar) {
    facts.number(place::LEADS, f64::from(led.people));
    let since = led.since.map_or(Slot::Unknown, |day| Slot::Time(calendar.start_of(day)));
    facts.set(place::MANAGER_SINCE, since);
    put_edits(facts, led, now, calendar);
    let from = days_ago(calendar, now, PUSHES_DAYS);
    let lately = led.pushes.iter().filter(|push| push.at >= from && push.at <= now);
    let most = most(lately.map(|push| push.to.as_str()));
    facts.number(place::PUSHES_SAME_SELLER, most as f64);
    let told = led.answers.iter().filter(|one| may_be_told(one.answers.into(), one.people.into()));
    let share = |one: &RuleAnswers| percent(one.not_true.into(), one.answers.into());
    let worst = told.map(share).reduce(f64::max);
    facts.set(place::RULE_NOT_TRUE, worst.map_or(Slot::Empty, Slot::Number));
    put_shared(facts, led, now, calendar);
}

fn put_edits(facts: &mut PersonFacts, led: &Led, now: UnixMs, calendar: &Calendar) {
    let from = days_ago(calendar, now, EDITS_DAYS);
    let lately: Vec<&Edit> =
        led.edits.iter().filter(|edit| edit.at >= from && edit.at <= now).collect();
    let is_own = |edit: &&Edit| edit.by == led.by;
    let own: Vec<&Edit> = lately.iter().copied().filter(is_own).collect();
    facts.number(place::EDITS, own.len() as f64);
    let begin = days_ago(calendar, now, 2 * EDITS_DAYS);
    let before = led.edits.iter().filter(|edit| edit.at >= begin && edit.at < from);
    facts.number(place::EDITS_BEFORE, before.filter(is_own).count() as f64);
    let most_of_one = most(own.iter().map(|edit| edit.owner.as_str()));
    facts.number(place::EDITS_ON_ONE_SELLER, most_of_one as f64);
    let on = |edit: &&Edit| (edit.deal.connection.clone(), edit.deal.id.clone());
    let mut deals: Vec<_> = own.iter().map(on).collect();
    facts.number(place::EDITS_ON_ONE_DEAL, most(deals.iter()) as f64);
    deals.sort();
    deals.dedup();
    facts.number(place::EDITED_DEALS, deals.len() as f64);
    let share = |part: usize, of: usize| match of {
        of if of < EDITS_MIN => Slot::Empty,
        of => Slot::Number(percent(part as f64, of as f64)),
    };
    facts.set(place::EDITS_SHARE, share(own.len(), lately.len()));
    let today = calendar.local_date(now);
    let this_month = |day: Date| (day.year(), day.month()) == (today.year(), today.month());
    let now_due = own.iter().filter(|edit| edit.close_on.is_some_and(this_month)).count();
    facts.set(place::EDITS_THIS_MONTH, share(now_due, own.len()));
    if let Some(large) = large_from(&led.deals) {
        let on_large = own.iter().filter(|edit| edit.amount.is_some_and(|it| it >= large)).count();
        facts.set(place::EDITS_LARGE, share(on_large, own.len()));
    }
}

/// The amount from which a deal is one of the largest tenth of the open ones.
fn large_from(deals: &[Standing]) -> Option<f64> {
    let open = deals.iter().filter(|deal| deal.is_open());
    let mut amounts: Vec<f64> = open.filter_map(|deal| deal.amount).collect();
    if amounts.len() < LARGE_DEALS_MIN {
        return None;
    }
    amounts.sort_unstable_by(f64::total_cmp);
    amounts.get((amounts.len() * LARGE_PERCENT).div_ceil(100).saturating_sub(1)).copied()
}

/// Open deals that got a dated next step in the last stretch of days, and in the
/// one before. Told only where several people took part: it is theirs together.
fn put_shared(facts: &mut PersonFacts, led: &Led, now: UnixMs, calendar: &Calendar) {
    let (middle, begin) =
        (days_ago(calendar, now, EDITS_DAYS), days_ago(calendar, now, 2 * EDITS_DAYS));
    let mut owners: Vec<&str> = Vec::new();
    let (mut lately, mut before) = (0_u32, 0_u32);
    for deal in led.deals.iter().filter(|deal| deal.is_open()) {
        let Some(told) = &deal.next_steps else { return };
        let dated_in = |from: UnixMs, until: UnixMs| {
            told.iter().any(|(at, day)| day.is_some() && *at >= from && *at < until)
        };
        if dated_in(middle, now.plus_ms(1)) {
            lately += 1;
            if !owners.contains(&deal.owner.as_str()) {
                owners.push(&deal.owner);
            }
        }
        before += u32::from(dated_in(begin, middle));
    }
    if owners.len() >= SHARED_BY_MIN {
        facts.number(place::TEAM_NEXT_STEPS, f64::from(lately));
        facts.number(place::TEAM_NEXT_STEPS_BEFORE, f64::from(before));
    } else {
        facts.set(place::TEAM_NEXT_STEPS, Slot::Empty);
        facts.set(place::TEAM_NEXT_STEPS_BEFORE, Slot::Empty);
    }
}

/// How often the most frequent one is there.
fn most<T: Ord>(all: impl Iterator<Item = T>) -> usize {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    all.for_each(|one| *counts.entry(one).or_default() += 1);
    counts.into_values().max().unwrap_or(0)
}
