//! The one HTTP client: guarded, bounded, without redirects, proxies or retries.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{redirect, retry};

use super::call::VendorAnswer;
use super::config::{SessionError, Timeouts};
use crate::guard::{Blocked, FilteringResolver, NetworkPolicy};

/// Idle connections kept open to a vendor.
const IDLE_CONNECTIONS_MAX: usize = 8;

/// Sends requests to where the policy permits.
#[derive(Clone, Debug)]
pub(crate) struct Transport {
    #[expect(clippy::disallowed_types, reason = "this is the kit's one way to the network")]
    client: reqwest::Client,
    policy: NetworkPolicy,
    body_max: usize,
}

/// Why no whole answer came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TransportError {
    /// The vendor certainly saw nothing of the request.
    NotSent(String),
    /// The vendor may have seen all of it.
    Lost(String),
}

impl Transport {
    /// `trusts_system` is off for lines that never use TLS, which then work on
    /// machines without certificates.
    pub(crate) fn new(
        policy: NetworkPolicy,
        timeouts: Timeouts,
        body_max: usize,
        user_agent: &str,
        trusts_system: bool,
    ) -> Result<Self, SessionError> {
        // Fails if a provider is installed already, which then is used.
        _ = rustls::crypto::ring::default_provider().install_default();
        #[expect(clippy::disallowed_types, reason = "this is the kit's one way to the network")]
        let mut builder = reqwest::Client::builder()
            .dns_resolver(Arc::new(FilteringResolver::new(policy.clone())))
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .no_proxy()
            .connect_timeout(timeouts.connect)
            .timeout(timeouts.total)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .user_agent(user_agent);
        if !trusts_system {
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(|error| SessionError::Client(chain(&error)))?;
        Ok(Transport { client, policy, body_max })
    }

    /// Sends one request and reads the whole answer, up to the limit.
    pub(crate) async fn send(
        &self,
        request: reqwest::Request,
    ) -> Result<VendorAnswer, TransportError> {
        let guard = |blocked: Blocked| TransportError::NotSent(blocked.to_string());
        self.policy.check_url(request.url()).map_err(guard)?;
        let mut response = self.client.execute(request).await.map_err(|e| judge(&e))?;
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .filter_map(|(name, value)| {
                let value = std::str::from_utf8(value.as_bytes()).ok()?;
                Some((name.as_str().to_owned(), value.to_owned()))
            })
            .collect();
        let too_long = || {
            let limit = self.body_max;
            TransportError::Lost(format!("the answer is longer than {limit} bytes"))
        };
        let limit = u64::try_from(self.body_max).unwrap_or(u64::MAX);
        if response.content_length().is_some_and(|length| length > limit) {
            return Err(too_long());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| judge(&e))? {
            if chunk.len() > self.body_max - body.len() {
                return Err(too_long());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(VendorAnswer { status, headers, body })
    }
}

/// Whether the vendor can have seen the request, and what happened in our own
/// words: the client's would quote the URL.
fn judge(error: &reqwest::Error) -> TransportError {
    if let Some(blocked) = source::<Blocked>(error) {
        return TransportError::NotSent(blocked.to_string());
    }
    let what = if let Some(tls) = source::<rustls::Error>(error) {
        format!("TLS: {tls}")
    } else if error.is_timeout() {
        "timed out".to_owned()
    } else if let Some(io) = source::<io::Error>(error).filter(|io| is_plain(io)) {
        io.kind().to_string()
    } else if error.is_dns() {
        "the name cannot be resolved".to_owned()
    } else {
        "the connection was lost".to_owned()
    };
    if error.is_connect() || error.is_builder() {
        return TransportError::NotSent(format!("cannot connect: {what}"));
    }
    TransportError::Lost(format!("no whole answer: {what}"))
}

fn is_plain(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable,
        UnexpectedEof,
    };
    matches!(
        error.kind(),
        ConnectionAborted
            | ConnectionRefused
            | ConnectionReset
            | HostUnreachable
            | NetworkUnreachable
            | UnexpectedEof
    )
}

/// The first error of that type among the causes.
fn source<'e, E: StdError + 'static>(error: &'e (dyn StdError + 'static)) -> Option<&'e E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        // An io::Error keeps what it wraps beside its `source`.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = wrapped.and_then(|inner| inner.downcast_ref::<E>()) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// An error with its causes, in one line.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

impl Timeouts {
    /// How long a trial call of the breaker can take, in milliseconds.
    pub(crate) fn total_ms(self) -> i64 {
        i64::try_from(self.total.as_millis()).unwrap_or(i64::MAX)
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts { connect: Duration::from_secs(5), total: Duration::from_secs(30) }
    }
}
