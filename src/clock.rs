//! Time, as everything else is told it.
//!
//! The only caller of the system clock. `serve` runs on [`SystemClock`]; tests,
//! the demo and the simulation on [`ManualClock`], which stands still until it
//! is moved.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

pub use touchline_kit::Clock;
use touchline_rules::UnixMs;

/// The machine's own clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one reader of the system clock")]
    fn now(&self) -> UnixMs {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        UnixMs(since_epoch.map_or(0, |span| i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// A clock that somebody moves by hand. Never runs backwards.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that reads `at`.
    #[must_use]
    pub fn new(at: UnixMs) -> Self {
        ManualClock(AtomicI64::new(at.0))
    }

    /// Moves it to `at`; does nothing when that is in its past.
    pub fn set(&self, at: UnixMs) {
        self.0.fetch_max(at.0, Ordering::SeqCst);
    }

    /// Moves it on by `ms` milliseconds.
    pub fn advance_ms(&self, ms: i64) {
        self.set(self.now().plus_ms(ms));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixMs {
        UnixMs(self.0.load(Ordering::SeqCst))
    }
}
