//! What the shipped rules must say of a company's past, worked out from the rows of its
//! CSV and a calendar alone: nothing of the engine, the baselines or the report is used.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Unit};

use crate::backtest::Row;

const DAY: i64 = 24 * 60 * 60 * 1_000;
/// `as_of` of the mapping: what the file tells ends as this day begins, or with the
/// last change.
pub const AS_OF: Date = Date::constant(2017, 12, 31);
/// `created.days_before_first_date` of the mapping.
const CREATED_BEFORE_DAYS: i64 = 14;
/// `created.otherwise` of the mapping.
const CREATED_OTHERWISE: Date = Date::constant(2017, 12, 1);
/// Won deals from which on a place can tell what is usual.
const ENOUGH: usize = 30;
pub const LONG_IN_STAGE: &str = "long-in-stage";
pub const OPEN_LONG: &str = "open-long";

pub static ZONE: LazyLock<TimeZone> = LazyLock::new(|| TimeZone::get("America/New_York").unwrap());

/// The instant at which a day begins in New York, in milliseconds.
pub fn midnight(day: Date) -> i64 {
    ZONE.to_ambiguous_timestamp(day.at(0, 0, 0, 0)).compatible().unwrap().as_millisecond()
}

pub fn day_of(at: i64) -> Date {
    ZONE.to_datetime(Timestamp::from_millisecond(at).unwrap()).date()
}

pub fn days(from: Date, to: Date) -> i64 {
    i64::from(to.since((Unit::Day, from)).unwrap().get_days())
}

pub fn works(day: Date) -> bool {
    !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// As the `count`th working day after the day of `at` begins.
pub fn working_days_after(at: i64, count: usize) -> i64 {
    let ahead = day_of(at).series(1.day()).skip(1).filter(|day| works(*day));
    midnight(ahead.take(count).last().unwrap())
}

/// Weeks from Monday on, numbered.
pub fn week(day: Date) -> i64 {
    days(Date::constant(1970, 1, 5), day).div_euclid(7)
}

/// The smallest value that at least `percent` of a hundred do not exceed.
pub fn rank(sorted: &[i64], percent: usize) -> i64 {
    sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
}

/// The sum of the largest tenth, at least one.
pub fn held_by_busiest_tenth(counts: impl Iterator<Item = u64>) -> u64 {
    let mut counts: Vec<u64> = counts.collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    counts.iter().take(counts.len().div_ceil(10)).sum()
}

impl Row {
    pub fn made(&self) -> Date {
        let dated = self.engaged.or(self.closed);
        dated.map_or(CREATED_OTHERWISE, |day| day - CREATED_BEFORE_DAYS.days())
    }

    /// From when to when it was in Prospecting, and in Engaging.
    pub fn stays(&self) -> Vec<(Date, Option<Date>)> {
        let engaging = self.engaged.map(|day| (day, self.closed));
        std::iter::once((self.made(), self.engaged)).chain(engaging).collect()
    }

    pub fn end(&self) -> Option<i64> {
        self.closed.map(midnight)
    }
}

/// Days of 24 hours, begun ones included.
fn whole_days(from: Date, to: Date) -> i64 {
    let ms = midnight(to) - midnight(from);
    ms / DAY + i64::from(ms % DAY > 0)
}

/// Lengths among the deals won so far, sorted.
#[derive(Default)]
struct Won {
    in_stage: [Vec<i64>; 2],
    longest: Vec<i64>,
    cycle: Vec<i64>,
}

/// After how long, in milliseconds, the rules speak of a deal that comes there on one
/// day: as soon as it is longer than usual.
pub struct Thresholds {
    in_stage: [i64; 2],
    open: i64,
}

impl Won {
    fn add(&mut self, row: &Row) {
        let put =
            |list: &mut Vec<i64>, days| list.insert(list.partition_point(|x| *x < days), days);
        let stays = row.stays().into_iter().map(|(from, until)| whole_days(from, until.unwrap()));
        let mut longest = 0;
        for (list, days) in self.in_stage.iter_mut().zip(stays) {
            put(list, days);
            longest = days.max(longest);
        }
        put(&mut self.longest, longest);
        put(&mut self.cycle, whole_days(row.made(), row.closed.unwrap()));
    }

    /// Three of four in the first place with enough won deals; there is one pipeline,
    /// so that it and all deals are the same place.
    fn thresholds(&self) -> Thresholds {
        let first = |places: &[&Vec<i64>], otherwise| {
            let place = places.iter().find(|place| place.len() >= ENOUGH);
            place.map_or(otherwise, |place| rank(place, 75))
        };
        let in_stage =
            |stage: &Vec<i64>| (first(&[stage, &self.longest], 21) * DAY + 1).max(5 * DAY);
        Thresholds {
            in_stage: self.in_stage.each_ref().map(in_stage),
            open: first(&[&self.cycle], 180) * DAY + 1,
        }
    }
}

/// What holds for a deal that comes somewhere as a day begins: it rests on what was
/// won before that day.
pub fn thresholds_by_day(rows: &[Row]) -> BTreeMap<Date, Thresholds> {
    let mut won: Vec<&Row> = rows.iter().filter(|row| row.stage == "Won").collect();
    won.sort_by_key(|row| row.closed);
    let mut left = won.into_iter().peekable();
    let mut known = Won::default();
    let mut by_day = BTreeMap::new();
    let first = rows.iter().map(Row::made).min().unwrap();
    for day in first.series(1.day()).take_while(|day| *day <= AS_OF) {
        while let Some(row) = left.next_if(|row| row.closed.unwrap() < day) {
            known.add(row);
        }
        by_day.insert(day, known.thresholds());
    }
    by_day
}

/// What became of a firing within its window, with nobody told.
#[derive(Copy, Clone, PartialEq)]
pub enum Became {
    Settled { at: i64 },
    Ended,
    Stayed,
    Unknown,
}

/// A firing as the rows say it must be.
pub struct Spoken<'r> {
    pub rule: &'static str,
    pub row: &'r Row,
    pub at: i64,
    /// When its reason went.
    pub gone: Option<i64>,
    pub became: Became,
}

/// Timers come before what happens at the same instant: a deal that moves as the
/// threshold is reached has been spoken of.
fn is_there(at: i64, gone: Option<i64>, end: i64) -> bool {
    at < end && gone.is_none_or(|gone| at <= gone)
}

/// One reminder after ten working days; 14 days between occasions. It hopes that the
/// deal moves within 14 days.
pub fn long_in_stage<'r>(
    row: &'r Row,
    by_day: &BTreeMap<Date, Thresholds>,
    end: i64,
) -> Vec<Spoken<'r>> {
    let mut all: Vec<Spoken> = Vec::new();
    for (stage, (from, until)) in row.stays().into_iter().enumerate() {
        let gone = until.map(midnight);
        let calm = all.last().map_or(i64::MIN, |before| before.at + 14 * DAY);
        let first = calm.max(midnight(from) + by_day[&from].in_stage[stage]);
        for at in [first, working_days_after(first, 10)] {
            if !is_there(at, gone, end) {
                break;
            }
            let until = at + 14 * DAY;
            let became = match gone {
                // It was closed at that very instant: it did not move after the nudge.
                Some(gone) if gone == at && Some(gone) == row.end() => Became::Ended,
                Some(gone) if gone <= until => Became::Settled { at: gone },
                _ if until < end => Became::Stayed,
                _ => Became::Unknown,
            };
            all.push(Spoken { rule: LONG_IN_STAGE, row, at, gone, became });
        }
    }
    all
}

/// Two reminders, each after twenty working days. It hopes that the deal ends within
/// as many.
pub fn open_long<'r>(
    row: &'r Row,
    by_day: &BTreeMap<Date, Thresholds>,
    end: i64,
) -> Vec<Spoken<'r>> {
    let gone = row.end();
    let first = midnight(row.made()) + by_day[&row.made()].open;
    let times = std::iter::successors(Some(first), |at| Some(working_days_after(*at, 20)));
    let times = times.take(3).take_while(|at| is_there(*at, gone, end));
    let spoken = |at| {
        let until = working_days_after(at, 20);
        let became = match gone {
            Some(gone) if gone <= until => Became::Settled { at: gone },
            _ if until < end => Became::Stayed,
            _ => Became::Unknown,
        };
        Spoken { rule: OPEN_LONG, row, at, gone, became }
    };
    times.map(spoken).collect()
}

/// A past as its rows tell it.
pub struct Past<'r> {
    pub rows: &'r [Row],
    pub lost: u64,
    pub seller_weeks: u64,
    /// Interruptions that all readers together may be sent.
    pub budget: u64,
}

pub fn past<'r>(rows: &'r [Row], leads: &BTreeMap<String, String>, end: i64) -> Past<'r> {
    let last = day_of(end - 1);
    let (mut sellers, mut readers) = (BTreeMap::new(), BTreeMap::new());
    for row in rows {
        let first = sellers.entry(&row.seller).or_insert(row.made());
        *first = row.made().min(*first);
        for reader in [&row.seller, &leads[&row.seller]] {
            let first = readers.entry(reader).or_insert(row.made());
            *first = row.made().min(*first);
        }
    }
    let working = |first: &Date| {
        first.series(1.day()).take_while(|day| *day <= last).filter(|day| works(*day)).count()
    };
    let weeks: i64 = sellers.values().map(|first| week(last) - week(*first) + 1).sum();
    Past {
        rows,
        lost: rows.iter().filter(|row| row.stage == "Lost").count() as u64,
        seller_weeks: weeks.unsigned_abs(),
        budget: 2 * readers.values().map(working).sum::<usize>() as u64,
    }
}
