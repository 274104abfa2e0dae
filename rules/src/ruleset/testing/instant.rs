//! Instants as stories write them.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::ruleset::diagnostic::Findings;
use crate::ruleset::keys::shown;
use crate::ruleset::period::{Period, PeriodUnit};
use crate::ruleset::yaml::{Node, NodeKind};
use crate::time::{DAY_MS, HOUR_MS, UnixMs};

/// An instant: `2026-03-02T09:00Z`, `2026-03-02` (midnight UTC), or relative to
/// the story's begin.
pub(super) fn instant(
    node: &Node,
    base: Option<UnixMs>,
    findings: &mut Findings,
) -> Option<UnixMs> {
    let NodeKind::Text(text) = &node.kind else {
        let message = format!("a time is wanted here, not {}", node.describe());
        findings.error(node.at, "bad_time", message, TIME_HINT);
        return None;
    };
    let read = relative(text, base).or_else(|| absolute(text));
    if read.is_none() {
        let message = format!("`{}` is not a time", shown(text));
        findings.error(node.at, "bad_time", message, TIME_HINT);
    }
    read
}

const TIME_HINT: &str = "write 2026-03-02T09:00Z, 2026-03-02, or -6d or +2h from the story's begin";

fn absolute(text: &str) -> Option<UnixMs> {
    let timestamp = text.parse::<Timestamp>().ok();
    let midnight = || {
        let date = text.parse::<Date>().ok()?;
        let zoned = date.to_zoned_datetime(jiff::tz::TimeZone::UTC).ok()?;
        Some(zoned.timestamp())
    };
    timestamp.or_else(midnight).map(UnixMs::from)
}

fn relative(text: &str, base: Option<UnixMs>) -> Option<UnixMs> {
    let (sign, length) = match text.split_at_checked(1)? {
        ("+", length) => (1, length),
        ("-", length) => (-1, length),
        _ => return None,
    };
    let period = Period::parse(length)?;
    let unit_ms = match period.unit {
        PeriodUnit::Hours => HOUR_MS,
        PeriodUnit::Days => DAY_MS,
        PeriodUnit::WorkingDays => return None,
    };
    Some(base?.plus_ms(sign * i64::from(period.count) * unit_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_absolute_or_relative() {
        let base = absolute("2026-03-02T09:00Z");
        assert_eq!(base, absolute("2026-03-02T09:00:00Z"));
        assert_eq!(relative("-2d", base), absolute("2026-02-28T09:00Z"));
        assert_eq!(relative("+3h", base), absolute("2026-03-02T12:00Z"));
        assert_eq!(absolute("2026-03-02"), absolute("2026-03-02T00:00Z"));
        assert_eq!(relative("+3bd", base), None);
        assert_eq!(relative("é", base), None);
        assert_eq!(absolute("yesterday"), None);
    }
}
