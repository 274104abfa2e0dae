//! What runs on a time of its own needs, tests and the demo: a clock that is set
//! by hand, and a session to a server on this machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use touchline_rules::UnixMs;

use crate::guard::NetworkPolicy;
use crate::manifest::Manifest;
use crate::session::{Clock, Session, SessionConfig, SessionError};
pub use crate::token::StaticToken;

/// The token that [`loopback_config`] sends. Fakes accept what begins `fake-`.
pub const FAKE_TOKEN: &str = "fake-token-for-tests";

/// A clock that stands still until it is moved, and never runs backwards. Clones
/// show the same time.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// Stands at this instant.
    #[must_use]
    pub fn new(now: UnixMs) -> Self {
        ManualClock(Arc::new(AtomicI64::new(now.0)))
    }

    /// Moves it to `at`; does nothing when that is in its past.
    pub fn set(&self, at: UnixMs) {
        self.0.fetch_max(at.0, Ordering::SeqCst);
    }

    /// Moves on by so many milliseconds.
    pub fn advance_ms(&self, ms: i64) {
        self.set(self.now().plus_ms(ms));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixMs {
        UnixMs(self.0.load(Ordering::SeqCst))
    }
}

/// The settings of a session to a server on this machine, with [`FAKE_TOKEN`].
#[must_use]
pub fn loopback_config(
    base_url: &str,
    manifest: &'static Manifest,
    clock: &ManualClock,
) -> SessionConfig {
    let tokens = Arc::new(StaticToken::from(FAKE_TOKEN));
    SessionConfig {
        base_url: base_url.to_owned(),
        network: NetworkPolicy::with_loopback(),
        ..SessionConfig::new("test", manifest, tokens, Arc::new(clock.clone()))
    }
}

/// A session as [`loopback_config`] describes it.
///
/// # Errors
/// [`SessionError`] when `base_url` is no loopback address.
pub fn loopback_session(
    base_url: &str,
    manifest: &'static Manifest,
    clock: &ManualClock,
) -> Result<Session, SessionError> {
    Session::new(loopback_config(base_url, manifest, clock))
}
