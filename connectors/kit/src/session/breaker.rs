//! The circuit breaker: a dead vendor is left alone for a growing pause, then
//! tried with one call. Pure: the present instant is an argument.

use touchline_rules::UnixMs;
use touchline_rules::time::{MINUTE_MS, SECOND_MS};

/// So many calls in a row without an outcome open the breaker.
pub const BREAKER_AFTER: u32 = 5;
/// The first pause, in milliseconds; each failed trial doubles it.
pub const BREAKER_PAUSE_MS: i64 = 5 * SECOND_MS;
/// The longest pause, in milliseconds.
pub const BREAKER_PAUSE_MAX_MS: i64 = 5 * MINUTE_MS;

/// Whether calls may go out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Breaker {
    /// They may; so many failed in a row.
    Closed { failures: u32 },
    /// They may not until then; so many pauses came before this one.
    Open { until: UnixMs, rounds: u32 },
    /// One trial is on its way, and is given up for lost at this instant.
    Trial { until: UnixMs, rounds: u32 },
}

impl Breaker {
    pub(crate) fn new() -> Self {
        Breaker::Closed { failures: 0 }
    }

    /// Whether a call could begin now; `Err` tells when to ask again.
    pub(crate) fn check(&self, now: UnixMs) -> Result<(), UnixMs> {
        match *self {
            Breaker::Closed { .. } => Ok(()),
            Breaker::Open { until, .. } | Breaker::Trial { until, .. } if now >= until => Ok(()),
            Breaker::Open { until, .. } | Breaker::Trial { until, .. } => Err(until),
        }
    }

    /// Begins a call. After a pause that is the trial, and who comes next waits
    /// until it is settled, or `trial_ms` have passed (its caller may be gone).
    pub(crate) fn begin(&mut self, now: UnixMs, trial_ms: i64) -> Result<(), UnixMs> {
        self.check(now)?;
        if let Breaker::Open { rounds, .. } | Breaker::Trial { rounds, .. } = *self {
            *self = Breaker::Trial { until: now.plus_ms(trial_ms), rounds };
        }
        Ok(())
    }

    /// The vendor gave an outcome.
    pub(crate) fn succeeded(&mut self) {
        *self = Breaker::new();
    }

    /// The vendor gave none.
    pub(crate) fn failed(&mut self, now: UnixMs) {
        *self = match *self {
            Breaker::Closed { failures } if failures + 1 < BREAKER_AFTER => {
                Breaker::Closed { failures: failures + 1 }
            }
            Breaker::Closed { .. } => Breaker::Open { until: now.plus_ms(pause_ms(0)), rounds: 0 },
            // Calls begun before it opened tell nothing new.
            Breaker::Open { until, rounds } => Breaker::Open { until, rounds },
            Breaker::Trial { rounds, .. } => {
                let rounds = rounds.saturating_add(1);
                Breaker::Open { until: now.plus_ms(pause_ms(rounds)), rounds }
            }
        };
    }
}

/// The pause after `rounds` pauses before it.
fn pause_ms(rounds: u32) -> i64 {
    let doubled = 1_i64.checked_shl(rounds.min(32)).unwrap_or(i64::MAX);
    BREAKER_PAUSE_MS.saturating_mul(doubled).min(BREAKER_PAUSE_MAX_MS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRIAL_MS: i64 = 30_000;

    fn at(ms: i64) -> UnixMs {
        UnixMs(ms)
    }

    fn opened() -> Breaker {
        let mut breaker = Breaker::new();
        for _ in 0..BREAKER_AFTER {
            assert_eq!(breaker.begin(at(0), TRIAL_MS), Ok(()));
            breaker.failed(at(0));
        }
        breaker
    }

    #[test]
    fn opens_after_failures_in_a_row_only() {
        let mut breaker = Breaker::new();
        for _ in 0..100 {
            for _ in 1..BREAKER_AFTER {
                breaker.failed(at(0));
            }
            breaker.succeeded();
        }
        assert_eq!(breaker.check(at(0)), Ok(()));
        assert_eq!(opened().check(at(0)), Err(at(BREAKER_PAUSE_MS)));
    }

    #[test]
    fn lets_one_trial_through_and_closes_when_it_succeeds() {
        let mut breaker = opened();
        let later = at(BREAKER_PAUSE_MS);
        assert_eq!(breaker.begin(later, TRIAL_MS), Ok(()));
        assert_eq!(breaker.begin(later, TRIAL_MS), Err(later.plus_ms(TRIAL_MS)));
        breaker.succeeded();
        assert_eq!(breaker, Breaker::new());
    }

    #[test]
    fn failed_trials_lengthen_the_pause_up_to_a_cap() {
        let mut breaker = opened();
        let mut now = at(BREAKER_PAUSE_MS);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            breaker.begin(now, TRIAL_MS).unwrap();
            breaker.failed(now);
            let until = breaker.check(now).unwrap_err();
            pauses.push(until.since_ms(now) / SECOND_MS);
            now = until;
        }
        assert_eq!(pauses, [10, 20, 40, 80, 160, 300, 300, 300]);
    }

    #[test]
    fn a_trial_whose_caller_went_away_is_given_up() {
        let mut breaker = opened();
        let later = at(BREAKER_PAUSE_MS);
        breaker.begin(later, TRIAL_MS).unwrap();
        assert_eq!(breaker.begin(later.plus_ms(TRIAL_MS), TRIAL_MS), Ok(()));
    }

    #[test]
    fn late_failures_do_not_lengthen_a_pause() {
        let mut breaker = opened();
        breaker.failed(at(BREAKER_PAUSE_MS - 1));
        assert_eq!(breaker.check(at(0)), Err(at(BREAKER_PAUSE_MS)));
    }

    proptest! {
        #[test]
        fn is_never_closed_for_longer_than_its_longest_pause(
            steps in proptest::collection::vec((0_i64..60_000, 0_u8..3), 0..200),
        ) {
            let mut breaker = Breaker::new();
            let mut now = at(0);
            for (ms, what) in steps {
                now = now.plus_ms(ms);
                match what {
                    0 => _ = breaker.begin(now, TRIAL_MS),
                    1 => breaker.failed(now),
                    _ => breaker.succeeded(),
                }
                if let Err(until) = breaker.check(now) {
                    prop_assert!(until > now);
                    prop_assert!(until.since_ms(now) <= BREAKER_PAUSE_MAX_MS);
                }
            }
        }
    }
}
