//! Days that a CRM keeps as instants: when a deal is expected to close, when the
//! next step is due.
//!
//! HubSpot stores a date without a time as midnight UTC, which west of it is still
//! the evening before; what a person enters on the screen may carry a time. So
//! midnight UTC means that very date. Any other instant means the date it falls on
//! in the account's zone, unless the hour counts, as for a proposal that was opened.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{Field, Metadata};
use crate::calendar::Calendar;
use crate::condition::Slot;
use crate::time::{DAY_MS, UnixMs};

/// The day that a value of `field` names, whoever reads it and wherever; `None`
/// where it names an instant.
#[must_use]
pub fn civil_day(field: Field, at: UnixMs, metadata: &Metadata) -> Option<Date> {
    if !Field::DATES.contains(&field) {
        return None;
    }
    let is_bare_date = at.0.rem_euclid(DAY_MS) == 0;
    match field {
        _ if is_bare_date => Some(at.to_zoned(&TimeZone::UTC).date()),
        Field::ProposalSentAt | Field::ProposalOpenedAt => None,
        _ => Some(at.to_zoned(&account_zone(metadata)).date()),
    }
}

/// The zone in which the account keeps its dates.
fn account_zone(metadata: &Metadata) -> TimeZone {
    let named = metadata.time_zone.as_deref().and_then(|name| TimeZone::get(name).ok());
    named.unwrap_or(TimeZone::UTC)
}

/// A value of `field` as conditions see it: a day is its beginning where the deal's
/// owner works, so that it passes with the owner's midnight.
pub(crate) fn at_owners_midnight<'a>(
    field: Field,
    slot: Slot<'a>,
    metadata: &Metadata,
    calendar: &Calendar,
) -> Slot<'a> {
    let Slot::Time(at) = slot else { return slot };
    civil_day(field, at, metadata).map_or(slot, |day| Slot::Time(calendar.start_of(day)))
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
            for field in Field::DATES {
                let day = civil_day(field, at("2026-12-01T00:00:00Z"), &account(zone));
                assert_eq!(day, Some(date(2026, 12, 1)), "{field:?} in {zone}");
            }
        }
    }

    #[test]
    fn an_instant_is_the_accounts_day() {
        let evening = at("2026-12-01T23:30:00Z");
        for field in
            [Field::CloseDate, Field::NextStepDate, Field::RenewalDate, Field::ValueReviewDate]
        {
            let day = |account: &Metadata| civil_day(field, evening, account);
            assert_eq!(day(&account("America/New_York")), Some(date(2026, 12, 1)));
            assert_eq!(day(&account("Pacific/Auckland")), Some(date(2026, 12, 2)));
            assert_eq!(day(&Metadata::default()), Some(date(2026, 12, 1)));
        }
    }

    #[test]
    fn what_has_an_hour_that_counts_stays_an_instant() {
        let evening = at("2026-12-01T23:30:00Z");
        for field in [Field::ProposalSentAt, Field::ProposalOpenedAt, Field::CreatedAt] {
            assert_eq!(civil_day(field, evening, &account("Pacific/Auckland")), None);
        }
        let midnight = at("2026-12-01T00:00:00Z");
        assert_eq!(civil_day(Field::CreatedAt, midnight, &Metadata::default()), None);
    }

    #[test]
    fn it_passes_with_the_owners_midnight() {
        let owner = Calendar::weekdays(TimeZone::get("America/Los_Angeles").unwrap());
        let seen = |field, slot| at_owners_midnight(field, slot, &account("Europe/London"), &owner);
        let slot = Slot::Time(at("2026-12-01T00:00:00Z"));
        let owners = Slot::Time(at("2026-12-01T08:00:00Z"));
        assert_eq!(seen(Field::CloseDate, slot), owners);
        assert_eq!(seen(Field::NextStepDate, slot), owners);
        assert_eq!(seen(Field::CreatedAt, slot), slot);
        assert_eq!(seen(Field::CloseDate, Slot::Empty), Slot::Empty);
    }
}
