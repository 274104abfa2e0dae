//! HubSpot's request limits on the fake's clock: per app in ten rolling
//! seconds, search per second, and per account and day.

use std::collections::{BTreeMap, VecDeque};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use touchline_rules::UnixMs;
use touchline_rules::time::SECOND_MS;

/// Length of the rolling window.
const WINDOW_MS: i64 = 10 * SECOND_MS;

/// What the account's subscription allows. The defaults are those of a privately
/// distributed app in a Professional account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// Calls in ten rolling seconds per app; 0 switches the limit off.
    pub per_ten_seconds: u32,
    /// Calls to search in one rolling second per account; 0 switches it off.
    pub search_per_second: u32,
    /// Calls per account and day; 0 switches it off.
    pub per_day: u32,
}

impl Default for RateLimits {
    fn default() -> Self {
        RateLimits { per_ten_seconds: 190, search_per_second: 5, per_day: 625_000 }
    }
}

impl RateLimits {
    /// No limit at all.
    #[must_use]
    pub fn off() -> RateLimits {
        RateLimits { per_ten_seconds: 0, search_per_second: 0, per_day: 0 }
    }
}

/// Which limits a call falls under.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    General,
    /// A bucket of its own, as large as the general one.
    Associations,
    /// Not in the ten seconds; answers carry no limit headers.
    Search,
}

/// Which limit refused a call.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Too many in ten seconds.
    TenSecondlyRolling,
    /// Too many searches in a second.
    Secondly,
    /// Too many today.
    Daily,
}

impl Policy {
    /// HubSpot's name for it, as `policyName`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Policy::TenSecondlyRolling => "TEN_SECONDLY_ROLLING",
            Policy::Secondly => "SECONDLY",
            Policy::Daily => "DAILY",
        }
    }

    /// The body of the 429. HubSpot's older answers say `errorType`, newer notes
    /// say `category`: both are there. No `Retry-After` goes with it.
    #[must_use]
    pub fn body(self, correlation_id: &str, request_id: &str) -> Value {
        let limit = match self {
            Policy::TenSecondlyRolling => "ten_secondly_rolling",
            Policy::Secondly => "secondly",
            Policy::Daily => "daily",
        };
        json!({
            "status": "error",
            "message": format!("You have reached your {limit} limit."),
            "errorType": "RATE_LIMIT",
            "category": "RATE_LIMITS",
            "policyName": self.name(),
            "correlationId": correlation_id,
            "requestId": request_id,
        })
    }
}

pub(super) struct Limiter {
    pub limits: RateLimits,
    zone: TimeZone,
    /// By app (0 for what counts per account) and class.
    recent: BTreeMap<(i64, Class), VecDeque<UnixMs>>,
    day: Option<Date>,
    today: u32,
}

impl Limiter {
    pub fn new(limits: RateLimits, zone: TimeZone) -> Limiter {
        Limiter { limits, zone, recent: BTreeMap::new(), day: None, today: 0 }
    }

    /// Counts a call of this app, or tells which limit it breaks. Refused calls
    /// count for nothing.
    pub fn take(&mut self, app_id: i64, class: Class, now: UnixMs) -> Result<(), Policy> {
        let today = now.to_zoned(&self.zone).date();
        if self.day != Some(today) {
            self.day = Some(today);
            self.today = 0;
        }
        if self.limits.per_day > 0 && self.today >= self.limits.per_day {
            return Err(Policy::Daily);
        }
        let (limit, policy) = match class {
            Class::Search => (self.limits.search_per_second, Policy::Secondly),
            _ => (self.limits.per_ten_seconds, Policy::TenSecondlyRolling),
        };
        let recent = self.window(app_id, class, now);
        if limit > 0 {
            if recent.len() >= limit as usize {
                return Err(policy);
            }
            recent.push_back(now);
        }
        self.today += 1;
        Ok(())
    }

    /// The headers of an answer: none on search, no daily pair for OAuth apps.
    pub fn headers(
        &mut self,
        app_id: i64,
        class: Class,
        oauth: bool,
        now: UnixMs,
    ) -> Vec<(String, String)> {
        if class == Class::Search || self.limits.per_ten_seconds == 0 {
            return Vec::new();
        }
        let limit = self.limits.per_ten_seconds;
        let used = u32::try_from(self.window(app_id, class, now).len()).unwrap_or(u32::MAX);
        let mut headers = vec![
            ("X-HubSpot-RateLimit-Max".to_owned(), limit.to_string()),
            ("X-HubSpot-RateLimit-Remaining".to_owned(), limit.saturating_sub(used).to_string()),
            ("X-HubSpot-RateLimit-Interval-Milliseconds".to_owned(), WINDOW_MS.to_string()),
        ];
        if !oauth && self.limits.per_day > 0 {
            let left = self.limits.per_day.saturating_sub(self.today);
            headers.push(("X-HubSpot-RateLimit-Daily".into(), self.limits.per_day.to_string()));
            headers.push(("X-HubSpot-RateLimit-Daily-Remaining".into(), left.to_string()));
        }
        headers
    }

    fn window(&mut self, app_id: i64, class: Class, now: UnixMs) -> &mut VecDeque<UnixMs> {
        let (key, length_ms) = match class {
            Class::Search => ((0, class), SECOND_MS),
            _ => ((app_id, class), WINDOW_MS),
        };
        let recent = self.recent.entry(key).or_default();
        while recent.front().is_some_and(|at| now.since_ms(*at) >= length_ms) {
            recent.pop_front();
        }
        recent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(limits: RateLimits) -> Limiter {
        Limiter::new(limits, TimeZone::get("America/New_York").unwrap())
    }

    #[test]
    fn ten_seconds_roll() {
        let mut limiter = limiter(RateLimits { per_ten_seconds: 2, ..RateLimits::default() });
        assert_eq!(limiter.take(1, Class::General, UnixMs(0)), Ok(()));
        assert_eq!(limiter.take(1, Class::General, UnixMs(4_000)), Ok(()));
        assert_eq!(limiter.take(1, Class::General, UnixMs(9_999)), Err(Policy::TenSecondlyRolling));
        // Another app, another class, and the same app once the first call is old.
        assert_eq!(limiter.take(2, Class::General, UnixMs(9_999)), Ok(()));
        assert_eq!(limiter.take(1, Class::Associations, UnixMs(9_999)), Ok(()));
        assert_eq!(limiter.take(1, Class::General, UnixMs(10_000)), Ok(()));
        assert_eq!(
            limiter.take(1, Class::General, UnixMs(13_999)),
            Err(Policy::TenSecondlyRolling)
        );
    }

    #[test]
    fn search_is_counted_per_account_and_second() {
        let mut limiter = limiter(RateLimits::default());
        for app in 0..5 {
            assert_eq!(limiter.take(app, Class::Search, UnixMs(10)), Ok(()));
        }
        assert_eq!(limiter.take(9, Class::Search, UnixMs(1_009)), Err(Policy::Secondly));
        assert_eq!(limiter.take(9, Class::Search, UnixMs(1_010)), Ok(()));
        assert!(limiter.headers(9, Class::Search, false, UnixMs(1_010)).is_empty());
    }

    #[test]
    fn a_day_ends_at_the_accounts_midnight() {
        let mut limiter = limiter(RateLimits { per_day: 1, ..RateLimits::default() });
        let before: jiff::Timestamp = "2026-11-24T04:59:59Z".parse().unwrap();
        let after: jiff::Timestamp = "2026-11-24T05:00:00Z".parse().unwrap();
        assert_eq!(limiter.take(1, Class::General, before.into()), Ok(()));
        assert_eq!(limiter.take(1, Class::General, before.into()), Err(Policy::Daily));
        assert_eq!(limiter.take(1, Class::General, after.into()), Ok(()));
    }

    #[test]
    fn headers_tell_what_is_left() {
        let mut limiter = limiter(RateLimits::default());
        limiter.take(1, Class::General, UnixMs(0)).unwrap();
        insta::assert_debug_snapshot!(limiter.headers(1, Class::General, false, UnixMs(0)), @r#"
        [
            (
                "X-HubSpot-RateLimit-Max",
                "190",
            ),
            (
                "X-HubSpot-RateLimit-Remaining",
                "189",
            ),
            (
                "X-HubSpot-RateLimit-Interval-Milliseconds",
                "10000",
            ),
            (
                "X-HubSpot-RateLimit-Daily",
                "625000",
            ),
            (
                "X-HubSpot-RateLimit-Daily-Remaining",
                "624999",
            ),
        ]
        "#);
        assert_eq!(limiter.headers(1, Class::General, true, UnixMs(0)).len(), 3);
    }

    #[test]
    fn bodies_are_those_the_client_libraries_know() {
        let message = |policy: Policy| policy.body("c", "r")["message"].clone();
        assert_eq!(message(Policy::Daily), "You have reached your daily limit.");
        assert_eq!(message(Policy::Secondly), "You have reached your secondly limit.");
        assert_eq!(
            message(Policy::TenSecondlyRolling),
            "You have reached your ten_secondly_rolling limit."
        );
        assert_eq!(Policy::TenSecondlyRolling.body("c", "r")["policyName"], "TEN_SECONDLY_ROLLING");
    }
}
