//! Lengths of time as rule files write them: `12h`, `14d`, `5bd`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::calendar::Calendar;
use crate::time::{DAY_MS, HOUR_MS, UnixMs};

/// The longest period taken: ten years of days.
pub const PERIOD_MAX: u32 = 3_650;

/// A length of time.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period {
    /// How many.
    pub count: u32,
    /// Of what.
    pub unit: PeriodUnit,
}

/// What a [`Period`] counts.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum PeriodUnit {
    /// Hours.
    Hours,
    /// Days of 24 hours.
    Days,
    /// Working days by a calendar; ends at the start of the last one.
    WorkingDays,
}

impl Period {
    /// The period that `text` writes, such as `5bd`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Period> {
        let digits = text.find(|letter: char| !letter.is_ascii_digit())?;
        let (count, unit) = text.split_at(digits);
        let unit = match unit {
            "h" => PeriodUnit::Hours,
            "d" => PeriodUnit::Days,
            "bd" => PeriodUnit::WorkingDays,
            _ => return None,
        };
        let count = count.parse().ok().filter(|count| (1..=PERIOD_MAX).contains(count))?;
        Some(Period { count, unit })
    }

    /// The instant this much after `at`. Working days end when the last of
    /// them begins, just as `business_days_since` counts them.
    #[must_use]
    pub fn after(self, at: UnixMs, calendar: &Calendar) -> UnixMs {
        match self.unit {
            PeriodUnit::Hours => at.plus_ms(i64::from(self.count) * HOUR_MS),
            PeriodUnit::Days => at.plus_ms(i64::from(self.count) * DAY_MS),
            PeriodUnit::WorkingDays => {
                let date = calendar.add_working_days(calendar.local_date(at), self.count);
                calendar.start_of(date).max(at.plus_ms(1))
            }
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            PeriodUnit::Hours => "h",
            PeriodUnit::Days => "d",
            PeriodUnit::WorkingDays => "bd",
        };
        write!(f, "{}{unit}", self.count)
    }
}

impl TryFrom<String> for Period {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Period::parse(&text).ok_or_else(|| format!("`{text}` is no period such as 12h, 14d or 5bd"))
    }
}

impl From<Period> for String {
    fn from(period: Period) -> String {
        period.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    #[test]
    fn periods_read_as_written() {
        for text in ["1h", "14d", "5bd", "3650d"] {
            assert_eq!(Period::parse(text).map(|period| period.to_string()).as_deref(), Some(text));
        }
        for text in ["", "5", "d", "0d", "-1d", "5 d", "3651d", "99999999999d", "5w", "é"] {
            assert_eq!(Period::parse(text), None, "{text}");
        }
    }

    #[test]
    fn working_days_end_at_a_local_midnight() {
        let calendar = Calendar::weekdays(TimeZone::get("Europe/London").unwrap());
        let friday: jiff::Timestamp = "2026-06-05T15:00:00Z".parse().unwrap();
        let due = Period::parse("1bd").unwrap().after(friday.into(), &calendar);
        assert_eq!(due.to_string(), "2026-06-07T23:00:00Z");
    }
}
