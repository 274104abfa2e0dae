//! Instants at rest: Unix milliseconds, UTC.

use std::fmt;

use jiff::{Timestamp, ZonedDateTime, tz::TimeZone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One second in milliseconds.
pub const SECOND_MS: i64 = 1_000;
/// One minute in milliseconds.
pub const MINUTE_MS: i64 = 60 * SECOND_MS;
/// One hour in milliseconds.
pub const HOUR_MS: i64 = 60 * MINUTE_MS;
/// Twenty-four hours in milliseconds. Not a calendar day: those have 23 to 25 hours.
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// An instant as Unix milliseconds UTC, the form in which every time is stored.
///
/// Arithmetic saturates at the range that [`jiff::Timestamp`] can show
/// (years -9999 to 9999), so no stored number can make a display panic.
#[derive(
    Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct UnixMs(pub i64);

impl UnixMs {
    /// The earliest instant that can be shown.
    pub const MIN: UnixMs = UnixMs(-377_705_023_201_000);
    /// The latest instant that can be shown.
    pub const MAX: UnixMs = UnixMs(253_402_207_200_000);

    /// This instant moved by `ms` milliseconds, saturating.
    #[must_use]
    pub fn plus_ms(self, ms: i64) -> UnixMs {
        UnixMs(self.0.saturating_add(ms).clamp(Self::MIN.0, Self::MAX.0))
    }

    /// Milliseconds from `earlier` to `self`; negative when `earlier` is later.
    #[must_use]
    pub fn since_ms(self, earlier: UnixMs) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The same instant as a [`jiff::Timestamp`], clamped to its range.
    #[must_use]
    pub fn to_timestamp(self) -> Timestamp {
        let ms = self.0.clamp(Self::MIN.0, Self::MAX.0);
        Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The same instant on the wall clock of `zone`.
    #[must_use]
    pub fn to_zoned(self, zone: &TimeZone) -> ZonedDateTime {
        self.to_timestamp().to_zoned_datetime(zone.clone())
    }
}

impl From<Timestamp> for UnixMs {
    fn from(at: Timestamp) -> Self {
        UnixMs(at.as_millisecond())
    }
}

/// RFC 3339, for example `2026-11-23T08:30:00Z`.
impl fmt::Display for UnixMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_timestamp().fmt(f)
    }
}

/// As [`fmt::Display`]: a bare number of milliseconds tells a reader nothing.
impl fmt::Debug for UnixMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_can_be_shown() {
        for ms in [i64::MIN, UnixMs::MIN.0, -1, 0, 1, UnixMs::MAX.0, i64::MAX] {
            assert!(!UnixMs(ms).to_string().is_empty());
        }
        assert_eq!(UnixMs::MIN.to_timestamp().as_millisecond(), UnixMs::MIN.0);
        assert_eq!(UnixMs::MAX.to_timestamp().as_millisecond(), UnixMs::MAX.0);
        assert_eq!(UnixMs(i64::MAX).plus_ms(i64::MAX), UnixMs::MAX);
    }

    #[test]
    fn shows_as_rfc_3339() {
        assert_eq!(UnixMs(1_762_216_307_945).to_string(), "2025-11-04T00:31:47.945Z");
    }
}
