//! When a rule has to be confirmed, and what happens if nobody does.

use crate::calendar::Calendar;
use crate::ruleset::Period;
use crate::time::{DAY_MS, UnixMs};

/// How long before the end a rule's owner is told.
pub const NOTICE_MS: i64 = 7 * DAY_MS;

/// When a rule ends unless somebody confirms it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// From then on its owner is told.
    pub notice_at: UnixMs,
    /// Then it pauses itself.
    pub ends_at: UnixMs,
}

/// What is to be done about it at some instant.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum ExpiryStep {
    /// Nothing before that.
    Wait(UnixMs),
    /// Tell its owner that it is about to end.
    Notice,
    /// It has ended: pause it, and tell its owner.
    End,
}

impl Expiry {
    /// Of a rule that was put on, or confirmed, at `from`.
    #[must_use]
    pub fn of(expires: Period, from: UnixMs, calendar: &Calendar) -> Expiry {
        let ends_at = expires.after(from, calendar);
        // A rule that lives for less than that is told of at once.
        Expiry { notice_at: ends_at.plus_ms(-NOTICE_MS).max(from), ends_at }
    }

    /// What is to be done at `now`.
    #[must_use]
    pub fn at(self, now: UnixMs) -> ExpiryStep {
        if now >= self.ends_at {
            ExpiryStep::End
        } else if now >= self.notice_at {
            ExpiryStep::Notice
        } else {
            ExpiryStep::Wait(self.notice_at)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    #[test]
    fn a_week_before_and_on_the_day() {
        let calendar = Calendar::weekdays(TimeZone::UTC);
        let from = UnixMs(1_772_442_000_000);
        let expiry = Expiry::of(Period::parse("30d").unwrap(), from, &calendar);
        let day = |n: i64| from.plus_ms(n * DAY_MS);
        assert_eq!(expiry.at(from), ExpiryStep::Wait(day(23)));
        assert_eq!(expiry.at(day(23)), ExpiryStep::Notice);
        assert_eq!(expiry.at(day(30).plus_ms(-1)), ExpiryStep::Notice);
        assert_eq!(expiry.at(day(30)), ExpiryStep::End);
        let short = Expiry::of(Period::parse("2d").unwrap(), from, &calendar);
        assert_eq!(short.at(from), ExpiryStep::Notice);
    }
}
