//! The daily share: a vendor account's calls a day are shared with the
//! company's other apps, so Touchline keeps to a part of them, and lets first
//! reads yield before polls, and polls before deliveries.
//!
//! Pure: the present instant is an argument.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use touchline_rules::UnixMs;
use touchline_rules::time::DAY_MS;

use crate::manifest::DailyQuota;
use crate::session::Priority;

/// Background calls stop at this part of the share, in percent.
pub const BACKGROUND_PERCENT: u64 = 60;
/// Following calls stop at this part of the share, in percent. The last tenth
/// is for deliveries and answers alone.
pub const FOLLOW_PERCENT: u64 = 90;
/// Deliveries stop when the whole share is used, in percent.
pub const DELIVER_PERCENT: u64 = 100;

/// How configuration changes the daily quota.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DailyOverride {
    /// The share is not enforced; calls are still counted.
    pub off: bool,
    /// Calls a day of the account. The vendor's header then corrects nothing.
    pub account_calls: Option<u64>,
    /// How much of it Touchline takes, in percent; above 100 is 100.
    pub share_percent: Option<u8>,
}

/// The calls of one day. Kept by the service over restarts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// The day, in the account's time zone.
    pub day: Date,
    /// Calls made on that day.
    pub calls_today: u64,
    /// Calls that Touchline may make on that day; `None` where there is no limit.
    pub share: Option<u64>,
    /// Calls that the whole account may make, as best known.
    pub account_limit: Option<u64>,
    /// Calls not made on that day, because the share left nothing for them.
    pub refused: u64,
}

/// Counts calls against the share.
#[derive(Clone, Debug)]
pub(crate) struct DailyShare {
    account_limit: Option<u64>,
    /// An admin's figure is not corrected by the header.
    fixed: bool,
    share_percent: u64,
    zone: TimeZone,
    day: Date,
    calls: u64,
    refused: u64,
}

impl DailyShare {
    pub(crate) fn new(declared: Option<&DailyQuota>, change: &DailyOverride, now: UnixMs) -> Self {
        let declared = declared.filter(|_| !change.off);
        let percent = change.share_percent.or(declared.map(|quota| quota.share_percent));
        DailyShare {
            account_limit: declared.map(|quota| change.account_calls.unwrap_or(quota.calls)),
            fixed: change.account_calls.is_some(),
            share_percent: u64::from(percent.unwrap_or(100)).min(100),
            zone: TimeZone::UTC,
            day: now.to_zoned(&TimeZone::UTC).date(),
            calls: 0,
            refused: 0,
        }
    }

    /// Moves the day's borders. What was counted stays counted: at worst a few
    /// hours count twice, never not at all.
    pub(crate) fn set_zone(&mut self, zone: TimeZone, now: UnixMs) {
        self.roll(now);
        self.day = now.to_zoned(&zone).date();
        self.zone = zone;
    }

    /// Takes over what was counted before a restart, if that was today.
    pub(crate) fn restore(&mut self, usage: &Usage, now: UnixMs) {
        self.roll(now);
        if usage.day == self.day {
            self.calls = self.calls.max(usage.calls_today);
            self.refused = self.refused.max(usage.refused);
        }
        if let Some(limit) = usage.account_limit {
            self.learn(limit);
        }
    }

    pub(crate) fn usage(&self, now: UnixMs) -> Usage {
        let mut at_now = self.clone();
        at_now.roll(now);
        Usage {
            day: at_now.day,
            calls_today: at_now.calls,
            share: at_now.share(),
            account_limit: at_now.account_limit,
            refused: at_now.refused,
        }
    }

    /// Whether a call of that priority may be made now; `Err` tells when the
    /// next day begins. Counts a refusal, but not the call: see [`Self::count`].
    pub(crate) fn admit(&mut self, priority: Priority, now: UnixMs) -> Result<(), UnixMs> {
        self.roll(now);
        let Some(share) = self.share() else { return Ok(()) };
        if self.calls < ceiling(share, priority) {
            return Ok(());
        }
        self.refused = self.refused.saturating_add(1);
        Err(self.next_day(now))
    }

    /// Counts a call that is sent.
    pub(crate) fn count(&mut self, now: UnixMs) {
        self.roll(now);
        self.calls = self.calls.saturating_add(1);
    }

    /// Takes the account's own figure. Zero would stop every call, and with
    /// them the correction of a wrong zero, so it is not believed.
    pub(crate) fn learn(&mut self, account_limit: u64) {
        if self.account_limit.is_some() && !self.fixed && account_limit > 0 {
            self.account_limit = Some(account_limit);
        }
    }

    fn share(&self) -> Option<u64> {
        self.account_limit.map(|limit| percent_of(limit, self.share_percent))
    }

    /// A clock set back does not begin an old day anew.
    fn roll(&mut self, now: UnixMs) {
        let today = now.to_zoned(&self.zone).date();
        if today > self.day {
            (self.day, self.calls, self.refused) = (today, 0, 0);
        }
    }

    fn next_day(&self, now: UnixMs) -> UnixMs {
        let midnight =
            self.day.tomorrow().and_then(|date| date.to_zoned_datetime(self.zone.clone()));
        // Only the last day of the year 9999 has no tomorrow.
        midnight.map_or(now.plus_ms(DAY_MS), |at| UnixMs::from(at.timestamp()))
    }
}

fn ceiling(share: u64, priority: Priority) -> u64 {
    let percent = match priority {
        Priority::Background => BACKGROUND_PERCENT,
        Priority::Follow => FOLLOW_PERCENT,
        Priority::Deliver => DELIVER_PERCENT,
    };
    percent_of(share, percent)
}

/// Rounded down; at most `whole`, because `percent` is at most 100.
fn percent_of(whole: u64, percent: u64) -> u64 {
    let part = u128::from(whole) * u128::from(percent.min(100)) / 100;
    u64::try_from(part).unwrap_or(whole)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    static QUOTA: DailyQuota = DailyQuota { calls: 1_000, share_percent: 20, header: None };

    fn noon() -> UnixMs {
        UnixMs::from("2026-11-23T12:00:00Z".parse::<jiff::Timestamp>().unwrap())
    }

    fn share(change: &DailyOverride) -> DailyShare {
        DailyShare::new(Some(&QUOTA), change, noon())
    }

    /// How many calls of that priority still pass.
    fn drain(share: &mut DailyShare, priority: Priority, now: UnixMs) -> u64 {
        let mut passed = 0;
        while share.admit(priority, now).is_ok() {
            share.count(now);
            passed += 1;
        }
        passed
    }

    #[test]
    fn first_reads_yield_to_polls_and_polls_to_deliveries() {
        let mut day = share(&DailyOverride::default());
        assert_eq!(drain(&mut day, Priority::Background, noon()), 120);
        assert_eq!(drain(&mut day, Priority::Follow, noon()), 60);
        assert_eq!(drain(&mut day, Priority::Deliver, noon()), 20);
        assert!(day.admit(Priority::Background, noon()).is_err());
        let usage = day.usage(noon());
        assert_eq!((usage.calls_today, usage.share, usage.refused), (200, Some(200), 4));
    }

    #[test]
    fn the_day_is_the_accounts_own() {
        let mut day = share(&DailyOverride::default());
        let auckland = TimeZone::get("Pacific/Auckland").unwrap();
        day.set_zone(auckland, noon());
        assert_eq!(day.usage(noon()).day.to_string(), "2026-11-24");
        drain(&mut day, Priority::Deliver, noon());
        let midnight = day.admit(Priority::Deliver, noon()).unwrap_err();
        assert_eq!(midnight.to_string(), "2026-11-24T11:00:00Z");
        assert!(day.admit(Priority::Deliver, midnight.plus_ms(-1)).is_err());
        assert_eq!(day.admit(Priority::Deliver, midnight), Ok(()));
        assert_eq!(day.usage(midnight).calls_today, 0);
    }

    #[test]
    fn a_clock_set_back_gives_no_second_day() {
        let mut day = share(&DailyOverride::default());
        drain(&mut day, Priority::Deliver, noon());
        assert!(day.admit(Priority::Deliver, noon().plus_ms(-DAY_MS)).is_err());
    }

    #[test]
    fn the_header_corrects_the_figure_but_not_an_admins() {
        let mut day = share(&DailyOverride::default());
        day.learn(0);
        assert_eq!(day.usage(noon()).account_limit, Some(1_000));
        day.learn(650_000);
        assert_eq!(day.usage(noon()).share, Some(130_000));
        let own = DailyOverride { account_calls: Some(50), share_percent: Some(10), off: false };
        let mut day = share(&own);
        day.learn(650_000);
        assert_eq!(day.usage(noon()).share, Some(5));
    }

    #[test]
    fn without_a_quota_calls_are_only_counted() {
        let off = DailyOverride { off: true, ..DailyOverride::default() };
        for mut day in [share(&off), DailyShare::new(None, &DailyOverride::default(), noon())] {
            day.learn(5);
            for _ in 0..5_000 {
                assert_eq!(day.admit(Priority::Background, noon()), Ok(()));
                day.count(noon());
            }
            let usage = day.usage(noon());
            assert_eq!((usage.calls_today, usage.share), (5_000, None));
        }
    }

    #[test]
    fn a_restart_forgets_nothing_of_today_and_everything_of_yesterday() {
        let mut before = share(&DailyOverride::default());
        before.learn(5_000);
        drain(&mut before, Priority::Background, noon());
        let stored = serde_json::to_string(&before.usage(noon())).unwrap();
        let stored: Usage = serde_json::from_str(&stored).unwrap();

        let mut after = share(&DailyOverride::default());
        after.restore(&stored, noon());
        assert_eq!(after.usage(noon()), before.usage(noon()));

        let tomorrow = noon().plus_ms(DAY_MS);
        let mut next = DailyShare::new(Some(&QUOTA), &DailyOverride::default(), tomorrow);
        next.restore(&stored, tomorrow);
        let usage = next.usage(tomorrow);
        assert_eq!((usage.calls_today, usage.account_limit), (0, Some(5_000)));
    }

    proptest! {
        #[test]
        fn higher_priority_is_never_refused_before_lower(
            calls in any::<u64>(),
            percent in any::<u8>(),
            used in any::<u64>(),
        ) {
            let change = DailyOverride {
                account_calls: Some(calls), share_percent: Some(percent), off: false,
            };
            let mut day = share(&change);
            day.calls = used;
            let mut ok = |priority| day.admit(priority, noon()).is_ok();
            let (background, follow, deliver) =
                (ok(Priority::Background), ok(Priority::Follow), ok(Priority::Deliver));
            prop_assert!(background <= follow && follow <= deliver);
            prop_assert!(day.share().unwrap() <= calls);
        }
    }
}
