//! The one way to the network: authentication, limits, retry classes, SSRF guard.

mod breaker;
mod call;
mod config;
mod transport;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::tz::TimeZone;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use touchline_rules::UnixMs;

use breaker::Breaker;
pub use breaker::{BREAKER_AFTER, BREAKER_PAUSE_MAX_MS, BREAKER_PAUSE_MS};
pub(crate) use call::resolve;
pub use call::{
    Body, Call, CallError, Clock, Effect, Priority, TokenSource, VendorAnswer, path_segment,
};
pub(crate) use config::read_base_url;
pub use config::{BODY_MAX_DEFAULT, SessionConfig, SessionError, Timeouts};
pub(crate) use transport::{Transport, TransportError};

use crate::limits::{Limits, OverLimit};
use crate::manifest::Manifest;
use crate::quota::{DailyShare, Usage};
use crate::retry::{RETRY_AFTER_DEFAULT_MS, retry_after};

/// The status of a record that somebody else is writing: says nothing about
/// the vendor's health.
const LOCKED: u16 = 423;
/// The status of too many calls.
const TOO_MANY: u16 = 429;

/// An authenticated, limited line to one vendor account.
///
/// One for each connection, shared by all who use it: the limits, the daily
/// share and the circuit breaker are counted in it.
pub struct Session {
    connection: String,
    manifest: &'static Manifest,
    base_url: url::Url,
    limits: Limits,
    tokens: Arc<dyn TokenSource>,
    clock: Arc<dyn Clock>,
    transport: Transport,
    trial_ms: i64,
    gate: Mutex<Gate>,
}

/// What decides before the limits whether a call may go out.
struct Gate {
    share: DailyShare,
    breaker: Breaker,
}

impl Session {
    /// Sets up the line. Makes no call.
    ///
    /// # Errors
    /// [`SessionError`] when the base URL or an override makes no sense.
    pub fn new(config: SessionConfig) -> Result<Self, SessionError> {
        let base_url = read_base_url(&config.base_url, &config.network)?;
        let limits = Limits::new(config.manifest.limits, &config.limits, &config.clock)?;
        let transport = Transport::new(
            config.network,
            config.timeouts,
            config.body_max,
            &config.user_agent,
            base_url.scheme() == "https",
        )?;
        let now = config.clock.now();
        let share = DailyShare::new(config.manifest.daily.as_ref(), &config.daily, now);
        Ok(Session {
            connection: config.connection,
            manifest: config.manifest,
            base_url,
            limits,
            tokens: config.tokens,
            clock: config.clock,
            transport,
            trial_ms: config.timeouts.total_ms(),
            gate: Mutex::new(Gate { share, breaker: Breaker::new() }),
        })
    }

    /// The present instant on the service's clock.
    #[must_use]
    pub fn now(&self) -> UnixMs {
        self.clock.now()
    }

    /// The calls of today, for showing and for keeping over restarts.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.gate().share.usage(self.now())
    }

    /// Takes over what was counted before a restart. Set the zone first: a
    /// count of another day is not taken.
    pub fn restore_usage(&self, usage: &Usage) {
        self.gate().share.restore(usage, self.now());
    }

    /// Sets the time zone in which the vendor counts this account's days. UTC
    /// until then.
    ///
    /// # Errors
    /// [`SessionError::UnknownZone`]; the zone then stays what it was.
    pub fn set_time_zone(&self, name: &str) -> Result<(), SessionError> {
        let zone = TimeZone::get(name).map_err(|_| SessionError::UnknownZone(name.to_owned()))?;
        self.gate().share.set_zone(zone, self.now());
        Ok(())
    }

    /// Makes one attempt: checks the daily share and the limits, adds the token,
    /// sends, reads a bounded answer, and lets the connector's
    /// [`crate::Manifest::classify`] judge it. Never waits and never repeats:
    /// who called decides when to try again.
    ///
    /// # Errors
    /// [`CallError`], by what the caller should do next.
    pub async fn call(&self, call: Call) -> Result<VendorAnswer, CallError> {
        let begun = self.now();
        let (method, path) = (call.method.clone(), call.path.clone());
        let (status, result) = match self.attempt(call).await {
            Ok((status, result)) => (Some(status), result),
            Err(error) => (None, Err(error)),
        };
        tracing::debug!(
            connection = %self.connection,
            %method,
            // A `?` inside of a path would be sent encoded; here it is cut.
            path = path.split(['?', '#']).next().unwrap_or_default(),
            status,
            outcome = result.as_ref().map_or_else(CallError::code, |_| "ok"),
            latency_ms = self.now().since_ms(begun),
            "vendor call"
        );
        result
    }

    /// The status with the verdict on it; `Err` when there was no answer.
    async fn attempt(
        &self,
        call: Call,
    ) -> Result<(u16, Result<VendorAnswer, CallError>), CallError> {
        let url = resolve(&self.base_url, &call.path, &call.query)?;
        if let Some(name) = self.limits.undeclared(&call.limits) {
            let detail = format!("the connector's manifest declares no limit `{name}`");
            return Err(CallError::Refused { code: "undeclared_limit".into(), detail });
        }
        self.gate().admit(call.priority, self.now())?;
        let over = |OverLimit { retry_at, detail }| CallError::Limited { retry_at, detail };
        self.limits.take(&call.limits, self.now()).map_err(over)?;
        let token = self.tokens.token().await?;
        let request = compose(call.method.clone(), url, &call.body, &token)?;
        drop(token);
        self.gate().begin(call.priority, self.now(), self.trial_ms)?;
        let sent = self.transport.send(request).await;
        self.settle(&call, sent)
    }

    /// Draws the conclusions from what came back.
    fn settle(
        &self,
        call: &Call,
        sent: Result<VendorAnswer, TransportError>,
    ) -> Result<(u16, Result<VendorAnswer, CallError>), CallError> {
        let now = self.now();
        let answer = sent.map_err(|error| {
            self.gate().breaker.failed(now);
            match error {
                TransportError::NotSent(detail) => {
                    CallError::Unavailable { retry_at: None, detail }
                }
                TransportError::Lost(detail) => call.effect.lost(detail),
            }
        })?;
        let verdict = (self.manifest.classify)(&answer, call.effect, now);
        let pause = match &verdict {
            Err(CallError::Limited { retry_at, .. }) => Some(*retry_at),
            _ if answer.status == TOO_MANY => {
                Some(retry_after(&answer, now).unwrap_or(now.plus_ms(RETRY_AFTER_DEFAULT_MS)))
            }
            _ => None,
        };
        if let Some(until) = pause {
            for (name, key) in &call.limits {
                self.limits.pause(name, key, until, now);
            }
        }
        let mut gate = self.gate();
        match &verdict {
            Err(CallError::Unavailable { .. } | CallError::Ambiguous { .. })
                if answer.status != LOCKED =>
            {
                gate.breaker.failed(now);
            }
            _ => gate.breaker.succeeded(),
        }
        let header = self.manifest.daily.as_ref().and_then(|daily| daily.header);
        let told = header.and_then(|name| answer.header(name)?.trim().parse().ok());
        if let Some(account_limit) = told {
            gate.share.learn(account_limit);
        }
        Ok((answer.status, verdict.map(|()| answer)))
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        // Nothing under the lock can leave it half-changed.
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connection's name and nothing that could hold a secret.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("connection", &self.connection).finish_non_exhaustive()
    }
}

impl Gate {
    /// Whether a call could go out now. Counts nothing but a refusal.
    fn admit(&mut self, priority: Priority, now: UnixMs) -> Result<(), CallError> {
        self.breaker.check(now).map_err(broken)?;
        self.share.admit(priority, now).map_err(|retry_at| {
            let Usage { calls_today, share, .. } = self.share.usage(now);
            let share = share.unwrap_or_default();
            let detail = format!("daily share: {calls_today} of {share} calls are made");
            CallError::Limited { retry_at, detail }
        })
    }

    /// Counts the call that goes out now. Asks again, because other calls may
    /// have gone out while this one waited for its token.
    fn begin(&mut self, priority: Priority, now: UnixMs, trial_ms: i64) -> Result<(), CallError> {
        self.admit(priority, now)?;
        self.breaker.begin(now, trial_ms).map_err(broken)?;
        self.share.count(now);
        Ok(())
    }
}

fn broken(until: UnixMs) -> CallError {
    let detail = format!("{BREAKER_AFTER} calls in a row failed; the next is tried at {until}");
    CallError::Unavailable { retry_at: Some(until), detail }
}

fn compose(
    method: http::Method,
    url: url::Url,
    body: &Body,
    token: &SecretString,
) -> Result<reqwest::Request, CallError> {
    let mut bearer =
        HeaderValue::try_from(format!("Bearer {}", token.expose_secret())).map_err(|_| {
            let detail = "the token holds characters that no HTTP header can hold".into();
            CallError::Unauthorized { detail }
        })?;
    bearer.set_sensitive(true);
    let mut request = reqwest::Request::new(method, url);
    let encoded = match body {
        Body::Empty => None,
        Body::Json(value) => Some(("application/json; charset=utf-8", value.to_string())),
        Body::Form(pairs) => {
            let form =
                url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
            Some(("application/x-www-form-urlencoded", form))
        }
    };
    let headers = request.headers_mut();
    headers.insert(AUTHORIZATION, bearer);
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    if let Some((content_type, text)) = encoded {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        *request.body_mut() = Some(text.into());
    }
    Ok(request)
}
