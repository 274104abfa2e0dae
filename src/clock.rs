//! Time, as everything else is told it.
//!
//! The only caller of the system clock. `serve` runs on [`SystemClock`]; tests,
//! the demo and the simulation on [`ManualClock`], which stands still until it
//! is moved.

use std::time::SystemTime;

pub use touchline_kit::Clock;
pub use touchline_kit::testing::ManualClock;
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
