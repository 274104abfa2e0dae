//! How a portfolio was on earlier days.

use super::days_ago;
use super::standing::Standing;
use crate::calendar::Calendar;
use crate::time::UnixMs;

/// Over how many days somebody's own median is taken.
const USUAL_DAYS: i64 = 90;
/// On how many of those days there must have been a deal for it to mean anything.
const USUAL_DAYS_MIN: usize = 30;
/// How far back a share is compared with.
pub(super) const BEFORE_DAYS: i64 = 28;
/// A share of fewer open deals says nothing.
const SHARE_DEALS_MIN: usize = 5;

/// The median number of open deals at the midnights of the last quarter, from the
/// first on at which there was one. `None` in a person's first month.
pub(super) fn usual_open(deals: &[Standing], now: UnixMs, calendar: &Calendar) -> Option<f64> {
    let midnights: Vec<UnixMs> =
        (1..=USUAL_DAYS).rev().map(|days| days_ago(calendar, now, days)).collect();
    // At each midnight, how many more deals were open than at the one before.
    let mut steps = vec![0_i64; midnights.len() + 1];
    for deal in deals {
        let Some((from, until)) = deal.open_between() else { continue };
        let first = midnights.partition_point(|midnight| *midnight < from);
        let end = midnights.partition_point(|midnight| *midnight < until);
        if first < end {
            steps[first] += 1;
            steps[end] -= 1;
        }
    }
    let open = steps.iter().take(midnights.len()).scan(0, |open, step| {
        *open += step;
        Some(*open)
    });
    let mut counts: Vec<i64> = open.skip_while(|count| *count == 0).collect();
    if counts.len() < USUAL_DAYS_MIN {
        return None;
    }
    counts.sort_unstable();
    let (lower, upper) = (counts[(counts.len() - 1) / 2], counts[counts.len() / 2]);
    Some((lower + upper) as f64 / 2.0)
}

/// The share, in per cent, of the deals open at `at` whose next step had a date.
pub(super) fn dated_steps(deals: &[Standing], at: UnixMs, calendar: &Calendar) -> Option<f64> {
    let today = calendar.local_date(at);
    let (mut dated, mut open) = (0_usize, 0_usize);
    for deal in deals.iter().filter(|deal| deal.was_open(at)) {
        let has_date = deal.has_dated_step(at, today)?;
        (open, dated) = (open + 1, dated + usize::from(has_date));
    }
    (open >= SHARE_DEALS_MIN).then(|| percent(dated as f64, open as f64))
}

/// A share in whole per cent.
pub(super) fn percent(part: f64, of: f64) -> f64 {
    (part / of * 100.0).round()
}
