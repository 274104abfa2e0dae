//! The day on which a deal is expected to close.
//!
//! A CRM keeps it as an instant. HubSpot stores a date without a time as midnight
//! UTC, which west of it is still the evening before; what a person enters on the
//! screen may carry a time. So midnight UTC means that very date, and any other
//! instant the date it falls on in the account's zone.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Metadata;
use crate::calendar::Calendar;
use crate::condition::Slot;
use crate::time::{DAY_MS, UnixMs};

/// The day that a close date names, whoever reads it and wherever.
#[must_use]
pub fn close_day(at: UnixMs, metadata: &Metadata) -> Date {
    let zone = if at.0.rem_euclid(DAY_MS) == 0 { TimeZone::UTC } else { account_zone(metadata) };
    at.to_zoned(&zone).date()
}

/// The zone in which the account keeps its dates.
fn account_zone(metadata: &Metadata) -> TimeZone {
    let named = metadata.time_zone.as_deref().and_then(|name| TimeZone::get(name).ok());
    named.unwrap_or(TimeZone::UTC)
}

/// A close date as conditions see it: the beginning of its day where the deal's
/// owner works, so that it passes with the owner's midnight.
pub(crate) fn at_owners_midnight<'a>(
    slot: Slot<'a>,
    metadata: &Metadata,
    calendar: &Calendar,
) -> Slot<'a> {
    match slot {
        Slot::Time(at) => Slot::Time(calendar.start_of(close_day(at, metadata))),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn account(zone: &str) -> Metadata {
        Metadata { time_zone: Some(zone.to_owned()), ..Metadata::default() }
    }

    fn at(text: &str) -> UnixMs {
        UnixMs::from(text.parse::<jiff::Timestamp>().unwrap())
    }

    #[test]
    fn a_date_without_a_time_is_that_date_everywhere() {
        for zone in ["America/Los_Angeles", "UTC", "Europe/London", "Pacific/Auckland"] {
            let day = close_day(at("2026-12-01T00:00:00Z"), &account(zone));
            assert_eq!(day, date(2026, 12, 1), "{zone}");
        }
    }

    #[test]
    fn an_instant_is_the_accounts_day() {
        let evening = at("2026-12-01T23:30:00Z");
        assert_eq!(close_day(evening, &account("America/New_York")), date(2026, 12, 1));
        assert_eq!(close_day(evening, &account("Pacific/Auckland")), date(2026, 12, 2));
        assert_eq!(close_day(evening, &Metadata::default()), date(2026, 12, 1));
    }

    #[test]
    fn it_passes_with_the_owners_midnight() {
        let owner = Calendar::weekdays(TimeZone::get("America/Los_Angeles").unwrap());
        let slot = Slot::Time(at("2026-12-01T00:00:00Z"));
        let seen = at_owners_midnight(slot, &account("Europe/London"), &owner);
        assert_eq!(seen, Slot::Time(at("2026-12-01T08:00:00Z")));
        assert_eq!(at_owners_midnight(Slot::Empty, &account("UTC"), &owner), Slot::Empty);
    }
}
