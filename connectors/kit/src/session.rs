//! The one way to the network: authentication, limits, retry classes, SSRF guard.

use async_trait::async_trait;
use secrecy::SecretString;
use touchline_rules::UnixMs;

/// An authenticated, limited line to one vendor account.
pub struct Session;

impl Session {
    /// The present instant on the service's clock.
    #[must_use]
    pub fn now(&self) -> UnixMs {
        UnixMs(0)
    }

    /// Makes one attempt: checks the daily share and the limits, adds the token,
    /// sends, reads a bounded answer, and lets the connector's
    /// [`crate::Manifest::classify`] judge it. Never waits and never repeats:
    /// who called decides when to try again.
    ///
    /// # Errors
    /// [`CallError`], by what the caller should do next.
    pub async fn call(&self, _call: Call) -> Result<VendorAnswer, CallError> {
        Err(CallError::Unavailable { retry_at: None, detail: "no transport yet".into() })
    }
}

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

/// Tells the present instant. The service passes its own clock, tests a manual one.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> UnixMs;
}

/// Hands out the token for the next call. The implementation behind it may hold
/// a refresh token; a connector never sees one.
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// A token that is valid now.
    ///
    /// # Errors
    /// [`CallError::Unauthorized`] when the grant was taken away.
    async fn token(&self) -> Result<SecretString, CallError>;
}

/// What a call does at the vendor, which decides what a lost answer means.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Reads only, or may be repeated without harm: a lost answer is [`CallError::Unavailable`].
    Repeatable,
    /// Makes something: a lost answer is [`CallError::Ambiguous`].
    Creates,
}

/// Who has to wait when the daily share runs low.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// First reads and data checks: yield first.
    Background,
    /// Following what happens now: polls and fetches.
    Follow,
    /// Deliveries and answers to people: last to be held back.
    Deliver,
}

/// The body of a [`Call`].
#[derive(Clone, Debug, Default)]
pub enum Body {
    /// None.
    #[default]
    Empty,
    /// JSON.
    Json(serde_json::Value),
    /// `application/x-www-form-urlencoded`.
    Form(Vec<(String, String)>),
}

/// One request to the vendor.
#[derive(Clone, Debug)]
pub struct Call {
    /// Method.
    pub method: http::Method,
    /// Path under the session's base URL, without a leading slash, or a path
    /// with one, which replaces the base URL's own.
    pub path: String,
    /// Query pairs, encoded by the session.
    pub query: Vec<(String, String)>,
    /// Body.
    pub body: Body,
    /// What it does.
    pub effect: Effect,
    /// Who waits first.
    pub priority: Priority,
    /// The limits it falls under: name in the manifest, and the key inside it
    /// (a method, a channel; empty for one bucket).
    pub limits: Vec<(&'static str, String)>,
}

/// What the vendor answered.
#[derive(Clone, Debug)]
pub struct VendorAnswer {
    /// Status code.
    pub status: u16,
    /// Headers; names lower case.
    pub headers: Vec<(String, String)>,
    /// Body, at most the session's limit.
    pub body: Vec<u8>,
}
