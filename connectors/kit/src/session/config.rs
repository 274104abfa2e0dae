//! What a session is built from.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::call::{Clock, TokenSource};
use crate::guard::{Blocked, NetworkPolicy};
use crate::limits::Override;
use crate::manifest::Manifest;
use crate::quota::DailyOverride;

/// The longest answer that is read unless configuration says otherwise, in
/// bytes: a batch of a hundred deals with their history has room in it.
pub const BODY_MAX_DEFAULT: usize = 8 << 20;

/// What [`super::Session::new`] needs.
#[derive(Clone)]
pub struct SessionConfig {
    /// The connection's slug, for log lines.
    pub connection: String,
    /// What the connector declares.
    pub manifest: &'static Manifest,
    /// Where the vendor's API lives.
    pub base_url: String,
    /// Changed limits, by their name in the manifest.
    pub limits: BTreeMap<String, Override>,
    /// Changes to the daily quota.
    pub daily: DailyOverride,
    /// Asked before each call.
    pub tokens: Arc<dyn TokenSource>,
    /// The service's clock: limits and pauses run on it. Time-outs do not, for
    /// the vendor is on the other side of a real network.
    pub clock: Arc<dyn Clock>,
    /// Where calls may go.
    pub network: NetworkPolicy,
    /// How long a call may take.
    pub timeouts: Timeouts,
    /// The longest answer that is read, in bytes.
    pub body_max: usize,
    /// The `User-Agent` header.
    pub user_agent: String,
}

impl SessionConfig {
    /// The manifest's base URL and limits, the public internet, and the
    /// defaults of this module.
    #[must_use]
    pub fn new(
        connection: impl Into<String>,
        manifest: &'static Manifest,
        tokens: Arc<dyn TokenSource>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        SessionConfig {
            connection: connection.into(),
            manifest,
            base_url: manifest.base_url.to_owned(),
            limits: BTreeMap::new(),
            daily: DailyOverride::default(),
            tokens,
            clock,
            network: NetworkPolicy::default(),
            timeouts: Timeouts::default(),
            body_max: BODY_MAX_DEFAULT,
            user_agent: concat!("touchline/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// How long a call may take.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// To connect, with the TLS handshake. By default 5 s.
    pub connect: Duration,
    /// In all, to the last byte of the answer. By default 30 s.
    pub total: Duration,
}

/// Why a line to a vendor cannot be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The base URL is no URL.
    #[error("base_url `{url}` cannot be read: {reason}; write it like https://api.example.com")]
    BadUrl {
        /// As written.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// Calls may not go there.
    #[error("base_url leads where calls may not go: {0}")]
    Blocked(#[from] Blocked),
    /// Tokens would cross the internet in the clear.
    #[error(
        "base_url `{0}` is plain http, which would show the token to everybody on the way: \
         write https, or allow the private network it is on"
    )]
    PlainHttp(String),
    /// Configuration names a limit that is not in the manifest.
    #[error("there is no limit `{name}`; this connector has: {known}")]
    UnknownLimit {
        /// As written.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A limit of no calls, or of no period.
    #[error("the limit `{name}` would let nothing through; write \"off\" to have no limit")]
    EmptyLimit {
        /// Its name.
        name: String,
    },
    /// The time zone of the account is not in the database.
    #[error("the account's time zone `{0}` is not known; it should be like Europe/London")]
    UnknownZone(String),
    /// The HTTP client cannot be built.
    #[error("the HTTP client cannot be set up: {0}; are the system's CA certificates installed?")]
    Client(String),
}

/// Reads a base URL and checks all of it that can be known before a call.
///
/// # Errors
/// [`SessionError`], by what is wrong.
pub(crate) fn read_base_url(text: &str, network: &NetworkPolicy) -> Result<url::Url, SessionError> {
    let bad = |reason: &str| SessionError::BadUrl { url: text.to_owned(), reason: reason.into() };
    let url = url::Url::parse(text).map_err(|error| bad(&error.to_string()))?;
    network.check_url(&url)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad("it has a query or a fragment"));
    }
    // Under the default policy only public addresses can be reached.
    if url.scheme() == "http" && *network == NetworkPolicy::default() {
        return Err(SessionError::PlainHttp(text.to_owned()));
    }
    Ok(url)
}
