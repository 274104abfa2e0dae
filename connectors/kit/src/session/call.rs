//! What a connector asks of a session, and what it gets back.

use std::fmt;

use async_trait::async_trait;
use secrecy::SecretString;
use touchline_rules::UnixMs;

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

impl CallError {
    /// Its name in logs and stored rows: short and stable.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            CallError::Limited { .. } => "limited",
            CallError::Unavailable { .. } => "unavailable",
            CallError::Ambiguous { .. } => "ambiguous",
            CallError::Unauthorized { .. } => "unauthorized",
            CallError::Forbidden { .. } => "forbidden",
            CallError::NotFound { .. } => "not_found",
            CallError::Refused { .. } => "refused",
        }
    }
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
    /// A token that is valid now. Asked before each call.
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

impl Effect {
    /// What it means that a call was sent and its answer never came.
    #[must_use]
    pub fn lost(self, detail: impl Into<String>) -> CallError {
        let detail = detail.into();
        match self {
            Effect::Repeatable => CallError::Unavailable { retry_at: None, detail },
            Effect::Creates => CallError::Ambiguous { detail },
        }
    }
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
#[derive(Clone, Default)]
pub enum Body {
    /// None.
    #[default]
    Empty,
    /// JSON.
    Json(serde_json::Value),
    /// `application/x-www-form-urlencoded`.
    Form(Vec<(String, String)>),
}

/// Without the content, which may be personal.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Body::Empty => "Empty",
            Body::Json(_) => "Json(..)",
            Body::Form(_) => "Form(..)",
        })
    }
}

/// One request to the vendor.
#[derive(Clone)]
pub struct Call {
    /// Method.
    pub method: http::Method,
    /// Path under the session's base URL, without a leading slash, or a path
    /// with one, which replaces the base URL's own. `?` and `#` in it are
    /// encoded, `%` is not: pass ids through [`path_segment`]. Segments `.` and
    /// `..` are refused.
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

/// Method, path and kind only: query and body may be personal.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("body", &self.body)
            .field("effect", &self.effect)
            .field("priority", &self.priority)
            .finish_non_exhaustive()
    }
}

/// What the vendor answered.
#[derive(Clone)]
pub struct VendorAnswer {
    /// Status code.
    pub status: u16,
    /// Headers; names lower case.
    pub headers: Vec<(String, String)>,
    /// Body, at most the session's limit.
    pub body: Vec<u8>,
}

impl VendorAnswer {
    /// The first header of that (lower-case) name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Status and size only: headers and body may be personal or secret.
impl fmt::Debug for VendorAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VendorAnswer")
            .field("status", &self.status)
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// One path segment that holds any text, such as a vendor's id.
#[must_use]
pub fn path_segment(text: &str) -> String {
    use fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' | b'.' => {
                out.push(char::from(byte));
            }
            // Writing to a String cannot fail.
            _ => _ = write!(out, "%{byte:02X}"),
        }
    }
    out
}

/// Where a call goes. Only the path and query of `base` can change, never the
/// host, whatever is in `path`.
///
/// # Errors
/// [`CallError::Refused`] with code `bad_path` for segments that climb.
pub(crate) fn resolve(
    base: &url::Url,
    path: &str,
    query: &[(String, String)],
) -> Result<url::Url, CallError> {
    let mut url = base.clone();
    let full = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("{}/{path}", base.path().trim_end_matches('/'))
    };
    if full.split(['/', '\\']).any(climbs) {
        return Err(CallError::Refused {
            code: "bad_path".into(),
            detail: "a path segment is `.` or `..`: an id was not what it should be".into(),
        });
    }
    url.set_path(&full);
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    Ok(url)
}

/// Whether URL parsers take this segment for "here" or "one up".
fn climbs(segment: &str) -> bool {
    let plain = segment.to_ascii_lowercase().replace("%2e", ".");
    // Parsers drop tabs and line ends before they look for dots.
    let plain: String = plain.chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
    plain == "." || plain == ".."
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn url(base: &str, path: &str) -> Result<String, CallError> {
        let base = url::Url::parse(base).unwrap();
        resolve(&base, path, &[]).map(String::from)
    }

    #[test]
    fn paths_go_under_the_base_or_replace_its_path() {
        let api = "https://chat.example.com/api/";
        assert_eq!(url(api, "chat.post").unwrap(), "https://chat.example.com/api/chat.post");
        assert_eq!(url(api, "/oauth/token").unwrap(), "https://chat.example.com/oauth/token");
        let bare = "https://crm.example.com";
        assert_eq!(url(bare, "deals/1").unwrap(), "https://crm.example.com/deals/1");
        assert_eq!(url(bare, "/deals/1").unwrap(), "https://crm.example.com/deals/1");
    }

    #[test]
    fn ids_cannot_climb_or_smuggle_a_query() {
        let base = "https://crm.example.com/v3";
        for path in ["../admin", "deals/..", "deals/%2E%2e/x", "deals/.\t./x", "a\\..\\b", "/.."] {
            let error = url(base, path).unwrap_err();
            assert!(matches!(error, CallError::Refused { ref code, .. } if code == "bad_path"));
        }
        assert_eq!(url(base, "a?b#c").unwrap(), "https://crm.example.com/v3/a%3Fb%23c");
        assert_eq!(path_segment("a/b?c#d e%é"), "a%2Fb%3Fc%23d%20e%25%C3%A9");
    }

    #[test]
    fn queries_are_encoded() {
        let base = url::Url::parse("https://crm.example.com").unwrap();
        let query = vec![("a&b".to_owned(), "c d".to_owned())];
        assert_eq!(resolve(&base, "x", &query).unwrap().query(), Some("a%26b=c+d"));
    }

    proptest! {
        #[test]
        fn no_path_changes_the_host(path in ".{0,40}") {
            let base = url::Url::parse("https://crm.example.com:8443/v3/").unwrap();
            if let Ok(url) = resolve(&base, &path, &[]) {
                prop_assert_eq!(url.origin(), base.origin());
                prop_assert_eq!(url.username(), "");
                if !path.starts_with('/') {
                    prop_assert!(url.path().starts_with("/v3/"));
                }
            }
        }

        #[test]
        fn a_segment_stays_one_segment(id in ".{1,20}") {
            let base = url::Url::parse("https://crm.example.com/v3").unwrap();
            if let Ok(url) = resolve(&base, &format!("deals/{}", path_segment(&id)), &[]) {
                prop_assert_eq!(url.path_segments().unwrap().count(), 3);
            }
        }
    }

    #[test]
    fn debug_shows_neither_query_nor_body() {
        let call = Call {
            method: http::Method::POST,
            path: "deals".into(),
            query: vec![("q".into(), "private-query".into())],
            body: Body::Form(vec![("t".into(), "private-body".into())]),
            effect: Effect::Creates,
            priority: Priority::Deliver,
            limits: vec![],
        };
        let answer = VendorAnswer {
            status: 200,
            headers: vec![("x".into(), "private-header".into())],
            body: b"private".to_vec(),
        };
        let shown = format!("{call:?} {answer:?}");
        assert!(!shown.contains("private"), "{shown}");
    }
}
