//! What a back-test adds up: bounded by rules times sellers, whatever is played.

use std::collections::BTreeMap;

use jiff::Unit;
use jiff::civil::Date;

use crate::attention::SendAs;
use crate::calendar::Calendar;
use crate::facts::StageKind;
use crate::time::UnixMs;

use super::Fate;
use super::people::PersonId;
use super::record::{Record, Touch};
use super::spread::Spread;

/// How long a firing is watched whose rule hopes for nothing: days.
pub const WINDOW_DAYS: u32 = 7;
/// A rule that first speaks this close to a loss speaks too late to help: days.
pub const LATE_DAYS: i64 = 7;

/// What became of a firing by itself within its window.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Its reason went, or what its rule hopes for came true.
    Fixed,
    /// The deal was closed, reopened or taken away.
    Closed,
    /// Neither.
    Over,
    /// The past ends before the window.
    Unknown,
}

/// One rule's numbers, or those of all rules together.
#[derive(Default)]
pub(super) struct RuleTally {
    pub(super) firings: u64,
    pub(super) deals: u64,
    /// Firings of one seller in one week; weeks without any are added at the end.
    pub(super) per_week: Spread,
    /// Firings of one deal that was touched.
    pub(super) per_deal: Spread,
    /// Firings of one seller who was spoken to about a deal.
    pub(super) per_seller: Vec<u64>,
    /// Days from a firing to the end of its deal.
    pub(super) lead_days: Spread,
    pub(super) spoke_before_loss: u64,
    pub(super) spoke_late: u64,
    pub(super) spoke_after_loss: u64,
    pub(super) fixed: u64,
    pub(super) fixed_while_waiting: u64,
    pub(super) closed: u64,
    pub(super) stayed: u64,
    pub(super) unknown: u64,
    pub(super) interruptions: u64,
    pub(super) digest_items: u64,
    pub(super) waited: u64,
    pub(super) kept: u64,
    pub(super) open: u64,
    pub(super) not_sent: BTreeMap<&'static str, u64>,
    this_week: Vec<u32>,
}

/// Everything that is added up.
pub(super) struct Tally {
    /// In the order of the rules, and all rules together at the end.
    pub(super) rules: Vec<RuleTally>,
    pub(super) deals: u64,
    pub(super) lost: u64,
    pub(super) seller_weeks: u64,
    /// Working days of all readers together.
    pub(super) reader_days: u64,
    since: UnixMs,
    calendar: Calendar,
    week: Week,
    /// The first week in which somebody owned a deal.
    first_owned: Vec<Option<i64>>,
    /// The first day on which somebody could be spoken to about a deal.
    first_read: Vec<Option<Date>>,
}

/// One week, Monday first, by its number.
struct Week {
    number: i64,
    from: UnixMs,
    until: UnixMs,
}

impl Tally {
    pub(super) fn new(rules: usize, people: usize, since: UnixMs, calendar: Calendar) -> Tally {
        let of_rule = || RuleTally {
            per_seller: vec![0; people],
            this_week: vec![0; people],
            ..RuleTally::default()
        };
        Tally {
            rules: std::iter::repeat_with(of_rule).take(rules + 1).collect(),
            deals: 0,
            lost: 0,
            seller_weeks: 0,
            reader_days: 0,
            since,
            calendar,
            week: Week { number: i64::MIN, from: UnixMs::MAX, until: UnixMs::MIN },
            first_owned: vec![None; people],
            first_read: vec![None; people],
        }
    }

    /// Changes the numbers of a rule and those of all rules together.
    fn both(&mut self, rule: u32, counted: bool, change: impl Fn(&mut RuleTally)) {
        if !counted {
            return;
        }
        let all = self.rules.len() - 1;
        for at in [rule as usize, all] {
            if let Some(tally) = self.rules.get_mut(at) {
                change(tally);
            }
        }
    }

    /// Somebody, led by somebody, owns a deal from now on.
    pub(super) fn owns(&mut self, owner: PersonId, manager: Option<PersonId>, at: UnixMs) {
        let place = owner as usize;
        if self.first_owned[place].is_some() {
            return;
        }
        self.first_owned[place] = Some(self.week_of(at));
        let date = self.calendar.local_date(at.max(self.since));
        for reader in [Some(owner), manager].into_iter().flatten() {
            self.first_read[reader as usize].get_or_insert(date);
        }
    }

    pub(super) fn fired(
        &mut self,
        rule: u32,
        owner: Option<PersonId>,
        at: UnixMs,
        counted: bool,
        record: &mut Record,
    ) {
        self.week_of(at);
        let all = u32::try_from(self.rules.len() - 1).unwrap_or(u32::MAX);
        let is_open = record.kind.is_none_or(StageKind::is_open);
        if counted && is_open {
            record.leads.push((rule, at));
        }
        for rule in [rule, all] {
            let tally = &mut self.rules[rule as usize];
            let touch = record.touches.iter().position(|touch| touch.rule == rule);
            let touch = touch.unwrap_or_else(|| {
                tally.spoke_after_loss += u64::from(record.is_loss_counted);
                record.touches.push(Touch { rule, first: at, count: 0 });
                record.touches.len() - 1
            });
            if !counted {
                continue;
            }
            record.touches[touch].count += 1;
            tally.firings += 1;
            if let Some(owner) = owner {
                tally.per_seller[owner as usize] += 1;
                tally.this_week[owner as usize] += 1;
            }
        }
    }

    /// The same where a rule spoke to a person about themselves.
    pub(super) fn fired_of_person(&mut self, rule: u32, who: PersonId, at: UnixMs, counted: bool) {
        self.week_of(at);
        self.both(rule, counted, |tally| {
            tally.firings += 1;
            tally.per_seller[who as usize] += 1;
            tally.this_week[who as usize] += 1;
        });
    }

    /// A deal was closed.
    pub(super) fn closed(&mut self, kind: StageKind, at: UnixMs, record: &mut Record) {
        let date = self.calendar.local_date(at);
        for (rule, fired_at) in std::mem::take(&mut record.leads) {
            let days = days_between(self.calendar.local_date(fired_at), date);
            self.both(rule, true, |tally| tally.lead_days.add(days, 1));
        }
        if kind != StageKind::Lost || record.is_loss_counted || at < self.since {
            return;
        }
        record.is_loss_counted = true;
        self.lost += 1;
        for touch in &record.touches {
            let tally = &mut self.rules[touch.rule as usize];
            tally.spoke_before_loss += 1;
            let days = days_between(self.calendar.local_date(touch.first), date);
            tally.spoke_late += u64::from(i64::from(days) <= LATE_DAYS);
        }
    }

    pub(super) fn settled(&mut self, rule: u32, counted: bool, end: End, is_waiting: bool) {
        self.both(rule, counted, |tally| match end {
            End::Fixed => {
                tally.fixed += 1;
                tally.fixed_while_waiting += u64::from(is_waiting);
            }
            End::Closed => tally.closed += 1,
            End::Over => tally.stayed += 1,
            End::Unknown => tally.unknown += 1,
        });
    }

    /// Something was decided for good. What is deferred is counted later.
    pub(super) fn decided(&mut self, rule: u32, counted: bool, fate: Fate, waited: bool) {
        self.both(rule, counted, |tally| match fate {
            Fate::Sent(sent_as) => {
                match sent_as {
                    SendAs::Interrupt => tally.interruptions += 1,
                    SendAs::Digest { .. } => tally.digest_items += 1,
                }
                tally.waited += u64::from(waited);
            }
            Fate::Kept => tally.kept += 1,
            Fate::Leaving(_) | Fate::Deferred { .. } => {}
            Fate::NotSent(word) => *tally.not_sent.entry(word).or_default() += 1,
        });
    }

    /// The past ended before it was decided.
    pub(super) fn left_open(&mut self, rule: u32, counted: bool) {
        self.both(rule, counted, |tally| tally.open += 1);
    }

    /// Adds up deals at the end.
    pub(super) fn touched<'r>(&mut self, records: impl Iterator<Item = &'r Record>) {
        for touch in records.flat_map(|record| &record.touches).filter(|touch| touch.count > 0) {
            let tally = &mut self.rules[touch.rule as usize];
            tally.deals += 1;
            tally.per_deal.add(touch.count, 1);
        }
    }

    /// Ends the last week. Weeks in which a seller heard nothing count, from the
    /// first one in which they owned a deal.
    pub(super) fn end(&mut self, end: UnixMs) {
        self.flush();
        let last = self.week_of(end.plus_ms(-1));
        let first = self.week_of(self.since);
        let weeks = self.first_owned.iter().flatten();
        let weeks = weeks.map(|owned| (last - first.max(*owned) + 1).max(0).unsigned_abs());
        self.seller_weeks = weeks.sum();
        let last_day = self.calendar.local_date(end.plus_ms(-1));
        let days = self.first_read.iter().flatten().map(|first| {
            let before = first.yesterday().unwrap_or(*first);
            self.calendar.working_days_between(before, last_day).max(0).unsigned_abs()
        });
        self.reader_days = days.sum();
        for tally in &mut self.rules {
            let silent = self.seller_weeks.saturating_sub(tally.per_week.total());
            tally.per_week.add(0, silent);
        }
    }

    /// The number of the week of `at`; ends the week before when it is another.
    fn week_of(&mut self, at: UnixMs) -> i64 {
        if self.week.from <= at && at < self.week.until {
            return self.week.number;
        }
        self.flush();
        let date = self.calendar.local_date(at);
        let monday = date
            .checked_sub(jiff::Span::new().days(i64::from(date.weekday().to_monday_zero_offset())))
            .unwrap_or(date);
        let next = monday.checked_add(jiff::Span::new().days(7)).unwrap_or(Date::MAX);
        let epoch = Date::constant(1970, 1, 5);
        let days = monday.since((Unit::Day, epoch)).map_or(0, |span| span.get_days());
        self.week = Week {
            number: i64::from(days).div_euclid(7),
            from: self.calendar.start_of(monday),
            until: self.calendar.start_of(next),
        };
        self.week.number
    }

    fn flush(&mut self) {
        for tally in &mut self.rules {
            for count in tally.this_week.iter_mut().filter(|count| **count > 0) {
                tally.per_week.add(std::mem::take(count), 1);
            }
        }
    }
}

/// Days between two local dates, 0 at least.
fn days_between(from: Date, to: Date) -> u32 {
    let span = to.since((Unit::Day, from));
    span.map_or(0, |span| u32::try_from(span.get_days()).unwrap_or(0))
}
