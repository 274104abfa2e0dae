//! What arrives over HTTP, before and after it is made durable.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use touchline_rules::UnixMs;

/// A request as it came in, bytes untouched.
#[derive(Clone, Debug)]
pub struct RawRequest<'a> {
    /// Upper-case method.
    pub method: &'a str,
    /// Path and query exactly as on the wire, still percent-encoded. The host
    /// is never taken from the request: see [`crate::ConnectionView::public_url`].
    pub path_and_query: &'a str,
    /// Headers; names lower case, values that are not UTF-8 left out.
    pub headers: &'a [(String, String)],
    /// The raw body.
    pub body: &'a [u8],
}

impl RawRequest<'_> {
    /// The first header of that (lower-case) name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// A request that was accepted and stored, as `decode` gets it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRequest {
    /// The headers that [`Accepted::keep_headers`] named.
    pub headers: Vec<(String, String)>,
    /// The raw body.
    pub body: Vec<u8>,
    /// When it arrived.
    pub received_at: UnixMs,
}

/// The verdict on an authentic request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// What to answer once the append is durable.
    pub reply: Reply,
    /// Whether to store it. A vendor's reachability check is answered only.
    pub append: bool,
    /// Lower-case names of the headers to store with the body.
    pub keep_headers: &'static [&'static str],
}

/// An HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// `Content-Type`, if there is a body.
    pub content_type: Option<&'static str>,
    /// Body.
    pub body: Vec<u8>,
}

impl Reply {
    /// 200 without a body.
    #[must_use]
    pub fn ok() -> Self {
        Reply { status: 200, content_type: None, body: Vec::new() }
    }
}

/// Why a request was refused. All answer 401 and store nothing of it but what
/// [`Rejected::diagnosis`] holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Rejected {
    /// Stable and short: `no_signature`, `bad_signature`, `stale`, `future`, `bad_timestamp`.
    pub code: &'static str,
    /// What was wrong and what to look at, for the admin. Never holds a secret
    /// or a body.
    pub reason: String,
    /// For `touchline doctor`: named hashes of what was expected and received.
    pub diagnosis: Vec<(&'static str, String)>,
}

/// The secrets of one connection, by the name its manifest gives them.
#[derive(Clone, Default)]
pub struct Secrets(BTreeMap<String, SecretString>);

impl Secrets {
    /// The secret of that name as text. Keep the borrow short and never store it.
    #[must_use]
    pub fn expose(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|secret| secret.expose_secret())
    }

    /// Adds or replaces one that is already wrapped.
    pub fn insert_secret(&mut self, name: impl Into<String>, value: SecretString) {
        self.0.insert(name.into(), value);
    }

    /// Adds or replaces one.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), SecretString::from(value.into()));
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
