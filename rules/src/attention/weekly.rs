//! When a person is told what was not sent in the week.

use jiff::ToSpan;
use jiff::civil::Weekday;

use super::hours::Hours;
use super::{Policy, Recipient};
use crate::time::{DAY_MS, UnixMs};

/// Days from one week to the next.
const WEEK_DAYS: i64 = 7;

/// A week of one person's ledger.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Week {
    /// From then on, up to but without [`Week::at`]: where the week before ended.
    pub since: UnixMs,
    /// When the person is told: a digest time of theirs.
    pub at: UnixMs,
}

/// The week, Monday to Sunday, in which `now` lies for this person: what is told
/// of at the last digest time of the policy's day, or where that is a day off, of
/// the last working day before it. `None` when the person is told nothing: by the
/// policy, by their own choice, or because no day of the week has a digest.
#[must_use]
pub fn week_of(policy: &Policy, recipient: &Recipient, now: UnixMs) -> Option<Week> {
    let at = told_at(policy, recipient, now)?;
    let before = now.plus_ms(-WEEK_DAYS * DAY_MS);
    let since = told_at(policy, recipient, before).filter(|since| *since < at);
    Some(Week { since: since.unwrap_or_else(|| at.plus_ms(-WEEK_DAYS * DAY_MS)), at })
}

fn told_at(policy: &Policy, recipient: &Recipient, now: UnixMs) -> Option<UnixMs> {
    let day = policy.weekly_on.filter(|_| !recipient.choice.no_weekly)?;
    let hours = Hours::new(policy, recipient);
    let today = recipient.calendar.local_date(now);
    let monday =
        today.checked_sub(i64::from(today.weekday().since(Weekday::Monday)).days()).ok()?;
    (0..=day as i64)
        .rev()
        .filter_map(|days| monday.checked_add(days.days()).ok())
        .find_map(|date| hours.slots_on(date).pop())
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{at, london, policy};
    use super::super::{Day, PersonalChoice};
    use super::*;
    use jiff::civil::{date, time};

    fn told(policy: &Policy, recipient: &Recipient, now: &str) -> String {
        let Some(week) = week_of(policy, recipient, at(recipient, now)) else {
            return "never".to_owned();
        };
        let wall = |at: UnixMs| {
            at.to_zoned(&recipient.calendar.zone).strftime("%a %d %b %H:%M").to_string()
        };
        format!("{} to {}", wall(week.since), wall(week.at))
    }

    #[test]
    fn a_week_is_told_of_on_friday_at_the_last_digest_time() {
        let mut policy = policy();
        policy.digest_at = vec![time(14, 0, 0, 0), time(9, 0, 0, 0)];
        let mut seller = london();
        for now in ["2026-10-05 00:00", "2026-10-09 14:00", "2026-10-11 23:59"] {
            assert_eq!(told(&policy, &seller, now), "Fri 02 Oct 14:00 to Fri 09 Oct 14:00");
        }
        seller.choice.digest_at = vec![time(10, 30, 0, 0)];
        assert_eq!(
            told(&policy, &seller, "2026-10-06 12:00"),
            "Fri 02 Oct 10:30 to Fri 09 Oct 10:30"
        );
    }

    #[test]
    fn a_day_off_moves_it_forward_and_no_day_is_lost_or_told_twice() {
        let mut seller = london();
        seller.calendar.holidays.insert(date(2026, 10, 9));
        let policy = policy();
        assert_eq!(
            told(&policy, &seller, "2026-10-06 12:00"),
            "Fri 02 Oct 09:00 to Thu 08 Oct 09:00"
        );
        assert_eq!(
            told(&policy, &seller, "2026-10-13 12:00"),
            "Thu 08 Oct 09:00 to Fri 16 Oct 09:00"
        );
        seller.calendar.holidays.extend((5..=8).map(|day| date(2026, 10, day)));
        assert_eq!(told(&policy, &seller, "2026-10-06 12:00"), "never", "a week of leave");
        assert_eq!(
            told(&policy, &seller, "2026-10-13 12:00"),
            "Fri 09 Oct 09:00 to Fri 16 Oct 09:00"
        );
    }

    #[test]
    fn who_does_not_want_it_is_told_nothing() {
        let mut seller = london();
        seller.choice = PersonalChoice { no_weekly: true, ..Default::default() };
        assert_eq!(told(&policy(), &seller, "2026-10-06 12:00"), "never");
        let off = Policy { weekly_on: None, ..policy() };
        assert_eq!(told(&off, &london(), "2026-10-06 12:00"), "never");
        let none = Policy { digest_at: Vec::new(), ..policy() };
        assert_eq!(told(&none, &london(), "2026-10-06 12:00"), "never");
        let monday = Policy { weekly_on: Some(Day::Mon), ..policy() };
        assert_eq!(
            told(&monday, &london(), "2026-10-06 12:00"),
            "Mon 28 Sep 09:00 to Mon 05 Oct 09:00"
        );
    }
}
