//! When one person can be reached.
//!
//! Quiet hours and digest times are wall-clock times in the person's zone. One
//! that a daylight-saving change skips or repeats resolves as in
//! [`Calendar`]: moved forward by the gap, or the first of the two.

use jiff::ToSpan;
use jiff::civil::{Date, Time};

use super::{DIGESTS_PER_DAY_MAX, Policy, Recipient, SEARCH_DAYS_MAX};
use crate::calendar::Calendar;
use crate::time::UnixMs;

/// The hours of one person under one policy.
pub(super) struct Hours<'a> {
    calendar: &'a Calendar,
    /// The company's, and the person's own beside them.
    quiet: Vec<(Time, Time)>,
    digest_times: Vec<Time>,
}

impl<'a> Hours<'a> {
    pub(super) fn new(policy: &Policy, recipient: &'a Recipient) -> Self {
        let both = policy.quiet_hours.into_iter().chain(recipient.choice.quiet_hours);
        let quiet: Vec<(Time, Time)> = both.filter(|(start, end)| start != end).collect();
        let chosen = match recipient.choice.digest_at.as_slice() {
            [] => &policy.digest_at,
            own => &own[..own.len().min(policy.digest_at.len())],
        };
        let mut digest_times: Vec<Time> = chosen
            .iter()
            .take(DIGESTS_PER_DAY_MAX)
            .filter_map(|time| loud_from(*time, &quiet))
            .collect();
        digest_times.sort();
        digest_times.dedup();
        if policy.digest_items_max == Some(0) {
            digest_times.clear();
        }
        Hours { calendar: &recipient.calendar, quiet, digest_times }
    }

    /// Whether this person gets digests at all.
    pub(super) fn has_digests(&self) -> bool {
        !self.digest_times.is_empty()
    }

    /// Whether `at` is on a day off.
    pub(super) fn is_day_off(&self, at: UnixMs) -> bool {
        !self.calendar.is_working(self.calendar.local_date(at))
    }

    /// Whether the person can be reached at `at`.
    pub(super) fn is_open(&self, at: UnixMs) -> bool {
        !self.is_day_off(at) && self.quiet_until(at).is_none()
    }

    /// The first instant from `from` on at which the person can be reached;
    /// [`UnixMs::MAX`] when there is none within [`SEARCH_DAYS_MAX`].
    pub(super) fn open_from(&self, from: UnixMs) -> UnixMs {
        // A day is left by its end or by the end of its quiet hours, of which there
        // are two; each twice where they begin and end on the same day.
        const STEPS_PER_DAY: u32 = 5;
        let mut at = from;
        for _ in 0..SEARCH_DAYS_MAX * STEPS_PER_DAY {
            if self.is_day_off(at) {
                at = self.calendar.next_midnight(at);
            } else if let Some(end) = self.quiet_until(at) {
                at = end;
            } else {
                return at;
            }
        }
        UnixMs::MAX
    }

    /// The end of the quiet hours that `at` lies in; of the later ones, if of both.
    fn quiet_until(&self, at: UnixMs) -> Option<UnixMs> {
        self.quiet.iter().filter_map(|(start, end)| self.end_of(*start, *end, at)).max()
    }

    fn end_of(&self, start: Time, end: Time, at: UnixMs) -> Option<UnixMs> {
        let today = self.calendar.local_date(at);
        // Only yesterday's can have begun before midnight and still last.
        let days = [today.yesterday().unwrap_or(today), today];
        days.into_iter().find_map(|day| {
            let last_day = if start < end { day } else { day.tomorrow().unwrap_or(day) };
            let (from, until) = (self.instant(day, start), self.instant(last_day, end));
            (from <= at && at < until).then_some(until)
        })
    }

    /// The latest digest time of the local day of `now` that is not after it.
    pub(super) fn slot_today(&self, now: UnixMs) -> Option<UnixMs> {
        let slots = self.slots_on(self.calendar.local_date(now));
        slots.into_iter().rev().find(|slot| *slot <= now)
    }

    /// The first digest time from `from` on; [`UnixMs::MAX`] when there is none
    /// within [`SEARCH_DAYS_MAX`].
    pub(super) fn slot_from(&self, from: UnixMs) -> UnixMs {
        let first = self.calendar.local_date(from);
        (0..SEARCH_DAYS_MAX)
            .map_while(|days| first.checked_add(i64::from(days).days()).ok())
            .find_map(|date| self.slots_on(date).into_iter().find(|slot| *slot >= from))
            .unwrap_or(UnixMs::MAX)
    }

    /// The digest times of a date, in order.
    pub(super) fn slots_on(&self, date: Date) -> Vec<UnixMs> {
        if !self.calendar.is_working(date) {
            return Vec::new();
        }
        let instants = self.digest_times.iter().map(|time| self.instant(date, *time));
        // A zone can skip a whole date, and a gap can move a time into the
        // quiet hours: such a digest does not take place.
        let mut slots: Vec<UnixMs> = instants
            .filter(|at| self.calendar.local_date(*at) == date && self.is_open(*at))
            .collect();
        slots.sort();
        slots.dedup();
        slots
    }

    fn instant(&self, date: Date, time: Time) -> UnixMs {
        let local = date.to_datetime(time);
        self.calendar
            .zone
            .to_ambiguous_timestamp(local)
            .compatible()
            .map_or(UnixMs::MAX, UnixMs::from)
    }
}

/// `time`, or the end of the quiet hours it lies in. `None` when these leave no
/// time of the day.
fn loud_from(mut time: Time, quiet: &[(Time, Time)]) -> Option<Time> {
    for _ in 0..=quiet.len() {
        match quiet.iter().find(|(start, end)| is_between(time, *start, *end)) {
            Some((_, end)) => time = *end,
            None => return Some(time),
        }
    }
    None
}

/// Whether `time` lies from `start` until before `end`, past midnight when
/// `start` is later.
fn is_between(time: Time, start: Time, end: Time) -> bool {
    if start < end { start <= time && time < end } else { time >= start || time < end }
}
