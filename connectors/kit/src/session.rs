//! The one way to the network: authentication, limits, retry classes, SSRF guard.

use touchline_rules::UnixMs;

/// An authenticated, limited line to one vendor account.
pub struct Session;

/// Why a call did not give an answer, by what the caller should do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Certainly not done: a limit of ours or the vendor's. Try at this instant.
    #[error("limited until {retry_at}: {detail}")]
    Limited {
        /// When to try again.
        retry_at: UnixMs,
        /// Which limit.
        detail: String,
    },
    /// Certainly not done, or a read: try again with back-off.
    #[error("not available: {detail}")]
    Unavailable {
        /// The vendor's own word on when, if it gave one.
        retry_at: Option<UnixMs>,
        /// What happened.
        detail: String,
    },
    /// A write may or may not have happened (time-out or lost connection after it was sent).
    #[error("outcome unknown: {detail}")]
    Ambiguous {
        /// What happened.
        detail: String,
    },
    /// The credentials no longer work: the connection is broken until connected anew.
    #[error("not authorised: {detail}")]
    Unauthorized {
        /// The vendor's own code.
        detail: String,
    },
    /// A scope or permission is missing; the connection as such works.
    #[error("not permitted: {detail}")]
    Forbidden {
        /// What is missing.
        detail: String,
    },
    /// What was asked for does not exist.
    #[error("not found: {detail}")]
    NotFound {
        /// What.
        detail: String,
    },
    /// The vendor refuses this content, and always will.
    #[error("refused ({code}): {detail}")]
    Refused {
        /// The vendor's own code.
        code: String,
        /// What it said.
        detail: String,
    },
}
