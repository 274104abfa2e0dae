//! Trouble on demand: which calls go wrong, how, and how often.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::limits::Policy;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// This status with HubSpot's envelope: 423, 500, 502, 503, 504, 521 to 524.
    Status(u16),
    /// 429 with the body of this limit.
    TooMany(Policy),
    /// 477, the account is being moved, with `Retry-After` in seconds.
    Migrating {
        /// Seconds to wait.
        retry_after_s: u32,
    },
    /// 400 `VALIDATION_ERROR`, as a rule that the account's admin set refuses a write.
    Validation {
        /// What it says.
        message: String,
    },
    /// 403 `MISSING_SCOPES`.
    MissingScope {
        /// The scope that is missing.
        scope: String,
    },
    /// 401 `EXPIRED_AUTHENTICATION`.
    ExpiredToken,
    /// A batch call does all but every n-th input, and answers 207.
    PartialBatch {
        /// Which inputs fail: every n-th, from the n-th.
        every: usize,
    },
    /// The answer comes late. Real time: the caller's time-out is real too.
    Slow {
        /// How late.
        delay_ms: u64,
    },
    /// The connection breaks before anything was done.
    Reset,
    /// The connection breaks after the call was carried out: the outcome that a
    /// client cannot know.
    ResetAfterEffect,
}

/// One rule of trouble.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Only this method, for example `POST`.
    pub method: Option<String>,
    /// Only paths that contain this text.
    pub path_contains: String,
    /// What goes wrong.
    pub kind: FaultKind,
    /// How many calls; `None` until [`super::FakeHubSpot::clear_faults`].
    pub times: Option<u32>,
    /// Of a hundred calls that match; drawn by the seed.
    pub percent: u8,
}

impl Fault {
    /// Every call to paths that contain this text.
    #[must_use]
    pub fn on(path_contains: &str, kind: FaultKind) -> Fault {
        Fault { method: None, path_contains: path_contains.into(), kind, times: None, percent: 100 }
    }

    /// Only so many calls.
    #[must_use]
    pub fn times(mut self, times: u32) -> Fault {
        self.times = Some(times);
        self
    }

    /// Only calls with this method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Fault {
        self.method = Some(method.to_ascii_uppercase());
        self
    }

    /// Only so many of a hundred.
    #[must_use]
    pub fn percent(mut self, percent: u8) -> Fault {
        self.percent = percent;
        self
    }
}

#[derive(Default)]
pub(super) struct Faults {
    rules: Vec<Fault>,
    pub down: bool,
}

impl Faults {
    pub fn add(&mut self, fault: Fault) {
        self.rules.push(fault);
    }

    pub fn clear(&mut self) {
        self.rules.clear();
        self.down = false;
    }

    /// The trouble of this call: the first rule that matches.
    pub fn strike(&mut self, method: &str, path: &str, rng: &mut ChaCha8Rng) -> Option<FaultKind> {
        if self.down {
            return Some(FaultKind::Status(503));
        }
        let fault = self.rules.iter_mut().find(|fault| {
            fault.times != Some(0)
                && fault.method.as_deref().is_none_or(|wanted| wanted == method)
                && path.contains(&fault.path_contains)
                && (fault.percent >= 100 || rng.random_range(0..100) < u32::from(fault.percent))
        })?;
        fault.times = fault.times.map(|left| left - 1);
        Some(fault.kind.clone())
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn a_fault_ends_after_its_times() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut faults = Faults::default();
        faults.add(Fault::on("/owners", FaultKind::Status(502)).times(1).method("get"));
        assert_eq!(faults.strike("POST", "/crm/v3/owners/", &mut rng), None);
        assert_eq!(faults.strike("GET", "/crm/v3/objects/deals", &mut rng), None);
        let struck = faults.strike("GET", "/crm/v3/owners/", &mut rng);
        assert_eq!(struck, Some(FaultKind::Status(502)));
        assert_eq!(faults.strike("GET", "/crm/v3/owners/", &mut rng), None);
    }

    #[test]
    fn the_seed_decides_which_calls() {
        let run = |seed| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut faults = Faults::default();
            faults.add(Fault::on("", FaultKind::Reset).percent(30));
            (0..200).map(|_| faults.strike("GET", "/", &mut rng).is_some()).collect::<Vec<_>>()
        };
        let struck = run(7).iter().filter(|hit| **hit).count();
        assert!((30..=90).contains(&struck), "{struck} of 200 at 30 %");
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }
}
