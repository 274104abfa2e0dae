//! The instants at which a local date changes, whatever the clocks do.

use jiff::{Span, civil::Date};

use crate::{
    calendar::Calendar,
    time::{DAY_MS, UnixMs},
};

/// The first instant after `from` at which the local date is another one.
///
/// Also right where clocks are set back over midnight, so that a date comes
/// twice, and where a whole date is left out.
pub(super) fn next_date_change(calendar: &Calendar, from: UnixMs) -> UnixMs {
    /// No zone has ever changed its clocks this often in one day.
    const CLOCK_CHANGES_MAX: usize = 8;
    let date = calendar.local_date(from);
    let mut at = from;
    for _ in 0..CLOCK_CHANGES_MAX {
        let midnight = midnight_by_this_offset(calendar, at);
        let transitions = calendar.zone.following(at.to_timestamp());
        let Some(changed) = transitions.map(|next| UnixMs::from(next.timestamp())).next() else {
            return midnight;
        };
        if changed > midnight {
            return midnight;
        }
        if calendar.local_date(changed) != date {
            return changed;
        }
        at = changed;
    }
    calendar.next_midnight(from)
}

/// When the day at `at` ends if no clock is changed.
fn midnight_by_this_offset(calendar: &Calendar, at: UnixMs) -> UnixMs {
    let timestamp = at.to_timestamp();
    let offset_ms = i64::from(calendar.zone.to_offset(timestamp).seconds()) * 1_000;
    let into_day_ms = (timestamp.as_millisecond() + offset_ms).rem_euclid(DAY_MS);
    at.plus_ms(DAY_MS - into_day_ms)
}

/// The first instant in `(from, until]` at which the local date goes back,
/// because clocks are set back over midnight. Few zones ever did that.
pub(super) fn next_setback(calendar: &Calendar, from: UnixMs, until: UnixMs) -> Option<UnixMs> {
    /// Clock changes that are looked at; two in a year are usual.
    const CLOCK_CHANGES_MAX: usize = 64;
    let transitions = calendar.zone.following(from.to_timestamp());
    transitions
        .map(|next| UnixMs::from(next.timestamp()))
        .take_while(|at| *at <= until)
        .take(CLOCK_CHANGES_MAX)
        .find(|at| calendar.local_date(at.plus_ms(-1)) > calendar.local_date(*at))
}

/// The first instant of the date `days` after the one at `from`.
pub(super) fn start_after(calendar: &Calendar, from: UnixMs, days: i64) -> UnixMs {
    match Span::new().try_days(days).and_then(|days| calendar.local_date(from).checked_add(days)) {
        Ok(date) if date < Date::MAX => calendar.start_of(date),
        _ => UnixMs::MAX,
    }
}
