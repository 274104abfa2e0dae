//! Working time: a zone, the days one works, and holidays.

use std::collections::BTreeSet;

use jiff::{ToSpan, civil::Date, tz::TimeZone};

use crate::time::UnixMs;

/// The calendar by which one person, account or installation works.
///
/// Local times that a daylight-saving change skips or repeats resolve as jiff's
/// "compatible" rule says (RFC 5545): a skipped time moves forward by the gap,
/// a repeated one is the first of the two.
#[derive(Clone, Debug, PartialEq)]
pub struct Calendar {
    /// Where local dates are read.
    pub zone: TimeZone,
    /// Monday first: which weekdays are worked.
    pub working_weekdays: [bool; 7],
    /// Dates that are not worked although their weekday is.
    pub holidays: BTreeSet<Date>,
}

impl Calendar {
    /// Monday to Friday in `zone`, without holidays.
    #[must_use]
    pub fn weekdays(zone: TimeZone) -> Self {
        Calendar {
            zone,
            working_weekdays: [true, true, true, true, true, false, false],
            holidays: BTreeSet::new(),
        }
    }

    /// The date on this calendar's wall at `at`.
    #[must_use]
    pub fn local_date(&self, at: UnixMs) -> Date {
        self.zone.to_datetime(at.to_timestamp()).date()
    }

    /// The first instant of `date` here, which need not read 00:00 where a
    /// daylight-saving change skips midnight.
    #[must_use]
    pub fn start_of(&self, date: Date) -> UnixMs {
        self.zone
            .to_ambiguous_timestamp(date.at(0, 0, 0, 0))
            .compatible()
            .map_or(UnixMs::MAX, UnixMs::from)
    }

    /// The next local midnight strictly after `at`.
    #[must_use]
    pub fn next_midnight(&self, at: UnixMs) -> UnixMs {
        let mut date = self.local_date(at);
        loop {
            let Ok(next) = date.tomorrow() else {
                return UnixMs::MAX;
            };
            date = next;
            let midnight = self.start_of(date);
            if midnight > at {
                return midnight;
            }
        }
    }

    /// Whether one works on `date`.
    #[must_use]
    pub fn is_working(&self, date: Date) -> bool {
        self.works_weekday(date) && !self.holidays.contains(&date)
    }

    fn works_weekday(&self, date: Date) -> bool {
        self.working_weekdays[weekday_index(date)]
    }

    /// Working dates `d` with `from < d <= to`; 0 when `to <= from`.
    ///
    /// Takes time in the number of holidays between the two, not in days.
    #[must_use]
    pub fn working_days_between(&self, from: Date, to: Date) -> i64 {
        if to <= from {
            return 0;
        }
        let days = days_between(from, to);
        let per_week = self.working_weekdays.iter().filter(|works| **works).count() as i64;
        let first = weekday_index(from) + 1;
        let rest = (0..(days % 7) as usize)
            .filter(|day| self.working_weekdays[(first + day) % 7])
            .count() as i64;
        let Ok(after) = from.tomorrow() else { return 0 };
        let holidays = self.holidays.range(after..=to);
        let lost = holidays.filter(|date| self.works_weekday(**date)).count() as i64;
        days / 7 * per_week + rest - lost
    }

    /// Working dates between the local dates of two instants, as
    /// `business_days_since` counts them: flips at local midnight.
    #[must_use]
    pub fn business_days_since(&self, since: UnixMs, now: UnixMs) -> i64 {
        self.working_days_between(self.local_date(since), self.local_date(now))
    }

    /// Calendar days from the local date of `now` to that of `until`; negative
    /// once it has passed.
    #[must_use]
    pub fn days_until(&self, until: UnixMs, now: UnixMs) -> i64 {
        days_between(self.local_date(now), self.local_date(until))
    }

    /// The `n`th working date after `date`; `date` itself for 0. Gives up after
    /// ten years of days off and answers the last date looked at.
    #[must_use]
    pub fn add_working_days(&self, date: Date, n: u32) -> Date {
        const DAYS_OFF_IN_A_ROW_MAX: u32 = 3_653;
        let (mut date, mut left, mut idle) = (date, n, 0);
        while left > 0 && idle < DAYS_OFF_IN_A_ROW_MAX {
            let Ok(next) = date.tomorrow() else { break };
            date = next;
            if self.is_working(date) {
                left -= 1;
                idle = 0;
            } else {
                idle += 1;
            }
        }
        date
    }
}

fn weekday_index(date: Date) -> usize {
    date.weekday().to_monday_zero_offset() as usize
}

fn days_between(from: Date, to: Date) -> i64 {
    let span = from.until((jiff::Unit::Day, to)).unwrap_or_else(|_| 0.days());
    i64::from(span.get_days())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn london() -> Calendar {
        let mut calendar = Calendar::weekdays(TimeZone::get("Europe/London").unwrap());
        calendar.holidays.extend([date(2026, 12, 25), date(2026, 12, 26), date(2027, 1, 1)]);
        calendar
    }

    #[test]
    fn a_working_week_skips_weekend_and_holiday() {
        let calendar = london();
        assert_eq!(calendar.working_days_between(date(2026, 12, 23), date(2026, 12, 29)), 3);
        assert_eq!(calendar.add_working_days(date(2026, 12, 24), 1), date(2026, 12, 28));
        assert_eq!(calendar.working_days_between(date(2026, 12, 29), date(2026, 12, 23)), 0);
    }

    #[test]
    fn midnight_that_daylight_saving_skips_is_the_first_instant_of_the_day() {
        let santiago = Calendar::weekdays(TimeZone::get("America/Santiago").unwrap());
        let day = date(2026, 9, 6);
        let start = santiago.start_of(day);
        assert_eq!(
            start.to_zoned(&santiago.zone).to_string(),
            "2026-09-06T01:00:00-03:00[America/Santiago]"
        );
        assert_eq!(santiago.next_midnight(start.plus_ms(-1)), start);
    }

    #[test]
    fn nobody_works_and_it_still_ends() {
        let mut calendar = london();
        calendar.working_weekdays = [false; 7];
        assert!(calendar.add_working_days(date(2026, 1, 1), 1) > date(2035, 1, 1));
    }

    proptest! {
        #[test]
        fn counting_by_weeks_equals_counting_by_days(from in -20_000i64..20_000, len in 0i64..900, working: [bool; 7], off in proptest::collection::btree_set(0i64..900, 0..12)) {
            let base = date(2020, 1, 1);
            let from = base.checked_add(from.days()).unwrap();
            let to = from.checked_add(len.days()).unwrap();
            let mut calendar = Calendar::weekdays(TimeZone::UTC);
            calendar.working_weekdays = working;
            calendar.holidays = off.iter().map(|day| from.checked_add((*day).days()).unwrap()).collect();
            let mut day = from;
            let mut brute = 0;
            while day < to {
                day = day.tomorrow().unwrap();
                brute += i64::from(calendar.is_working(day));
            }
            prop_assert_eq!(calendar.working_days_between(from, to), brute);
        }
    }
}
