//! Webhooks in: judge, append, reply. Nothing else happens here: no business
//! content is read, no CRM is called, no rule is evaluated.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, RawPathParams, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use touchline_kit::{Accepted, RawRequest, Rejected, Reply};
use touchline_rules::UnixMs;

use crate::clock::Clock;
use crate::config::HttpConfig;
use crate::connection::{Connection, Connections};
use crate::store::{AppendError, NewInbox, Store};

/// Refused webhooks remembered per connection, for `touchline doctor`.
pub(super) const REFUSALS_KEPT: usize = 20;
/// A client that is told to come back waits between one and this many seconds.
const RETRY_AFTER_MAX_S: u64 = 5;

/// However many webhooks are too large to be read, and whoever sends them, they
/// ask for at most one catch-up poll of a connection in that time.
const CATCH_UP_EVERY_MS: i64 = 60_000;
/// Bodies being read are weighed in pieces of that many bytes.
const WEIGHED_BYTES: usize = 1_024;

/// What the webhook routes need.
pub struct Intake {
    store: Store,
    connections: Arc<Connections>,
    clock: Arc<dyn Clock>,
    limits: HttpConfig,
    ready: AtomicBool,
    counts: BTreeMap<String, Counts>,
    catch_up: Box<dyn Fn(&str) + Send + Sync>,
    caught_up: Mutex<BTreeMap<String, UnixMs>>,
    /// Room for bodies that are being read or appended, before anybody knows
    /// whether they are authentic.
    room: Arc<Semaphore>,
    refusals: Mutex<BTreeMap<String, VecDeque<Refusal>>>,
}

/// What came by one connection since the start.
#[derive(Debug, Default)]
pub struct Counts {
    /// Made durable.
    pub accepted: AtomicU64,
    /// Answered 401.
    pub refused: AtomicU64,
    /// Answered 413. Each asks for a catch-up poll.
    pub too_large: AtomicU64,
    /// Answered 429 because the queue was full.
    pub turned_away: AtomicU64,
    /// Answered 503.
    pub failed: AtomicU64,
}

/// A refused webhook: hashes only, never a secret or a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// When.
    pub at: UnixMs,
    /// Method, path and query as received.
    pub request: String,
    /// Stable code.
    pub code: String,
    /// What was wrong and what to look at.
    pub reason: String,
    /// Named hashes of what was expected and received.
    pub diagnosis: Vec<(String, String)>,
}

impl Intake {
    /// An intake that is not ready yet: it answers 503. `catch_up` is told the
    /// connection of which a webhook was too large to be read.
    pub fn new(
        store: Store,
        connections: Arc<Connections>,
        clock: Arc<dyn Clock>,
        limits: HttpConfig,
        catch_up: impl Fn(&str) + Send + Sync + 'static,
    ) -> Self {
        let counts = connections.iter().map(|one| (one.slug.clone(), Counts::default())).collect();
        let pieces = (limits.bodies_bytes_max / WEIGHED_BYTES).min(Semaphore::MAX_PERMITS);
        Intake {
            store,
            connections,
            clock,
            limits,
            caught_up: Mutex::default(),
            room: Arc::new(Semaphore::new(pieces)),
            ready: AtomicBool::new(false),
            counts,
            catch_up: Box::new(catch_up),
            refusals: Mutex::default(),
        }
    }

    /// Opens or closes the intake.
    pub fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::SeqCst);
    }

    /// Whether webhooks are taken.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::SeqCst) && !self.store.has_failed()
    }

    /// What came by one connection since the start.
    #[must_use]
    pub fn counts(&self, connection: &str) -> Option<&Counts> {
        self.counts.get(connection)
    }

    /// Takes the refusals remembered since the last call, oldest first.
    #[must_use]
    pub fn take_refusals(&self) -> BTreeMap<String, VecDeque<Refusal>> {
        std::mem::take(&mut self.refusals.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn remember(&self, connection: &str, refusal: Refusal) {
        let mut all = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = all.entry(connection.to_owned()).or_default();
        if kept.len() >= REFUSALS_KEPT {
            kept.pop_front();
        }
        kept.push_back(refusal);
    }

    fn ask_to_catch_up(&self, connection: &str, now: UnixMs) {
        let mut asked = self.caught_up.lock().unwrap_or_else(PoisonError::into_inner);
        let last = asked.get(connection).filter(|last| **last <= now);
        if last.is_none_or(|last| now.since_ms(*last) >= CATCH_UP_EVERY_MS) {
            asked.insert(connection.to_owned(), now);
            (self.catch_up)(connection);
        }
    }

    fn count(&self, connection: &str, which: fn(&Counts) -> &AtomicU64) {
        if let Some(counts) = self.counts.get(connection) {
            which(counts).fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Proof that a delivery is authentic: it exists only after its connector said so.
pub struct Signed {
    connection: Arc<Connection>,
    kind: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    accepted: Accepted,
    received_at: UnixMs,
    /// Held until the body is durable or dropped.
    _room: Vec<OwnedSemaphorePermit>,
}

/// Appends an authentic delivery and replies once it is durable.
pub async fn accept(State(intake): State<Arc<Intake>>, signed: Signed) -> Response {
    let Signed { connection, kind, headers, body, accepted, received_at, _room } = signed;
    if !accepted.append {
        return reply(accepted.reply);
    }
    let kept: Vec<_> = headers
        .into_iter()
        .filter(|(name, _)| accepted.keep_headers.contains(&name.as_str()))
        .collect();
    let Ok(kept) = serde_json::to_vec(&kept) else {
        intake.count(&connection.slug, |counts| &counts.failed);
        return come_back(StatusCode::SERVICE_UNAVAILABLE, received_at);
    };
    let row = NewInbox {
        connection: connection.slug.clone(),
        kind: format!("hook:{kind}"),
        received_at,
        headers: kept,
        body,
    };
    let patience = Duration::from_millis(intake.limits.accept_timeout_ms);
    match tokio::time::timeout(patience, intake.store.append(row)).await {
        Ok(Ok(_)) => {
            intake.count(&connection.slug, |counts| &counts.accepted);
            reply(accepted.reply)
        }
        Ok(Err(AppendError::Full { .. })) => {
            intake.count(&connection.slug, |counts| &counts.turned_away);
            come_back(StatusCode::TOO_MANY_REQUESTS, received_at)
        }
        Ok(Err(AppendError::Failed(_))) | Err(_) => {
            intake.count(&connection.slug, |counts| &counts.failed);
            come_back(StatusCode::SERVICE_UNAVAILABLE, received_at)
        }
    }
}

impl FromRequest<Arc<Intake>> for Signed {
    type Rejection = Response;

    async fn from_request(request: Request, intake: &Arc<Intake>) -> Result<Self, Response> {
        let received_at = intake.clock.now();
        if !intake.is_ready() {
            return Err(come_back(StatusCode::SERVICE_UNAVAILABLE, received_at));
        }
        let (mut parts, body) = request.into_parts();
        let (slug, kind) = address(&mut parts).await;
        let connection = intake.connections.get(&slug).cloned();
        let Some(connection) = connection else {
            return Err((StatusCode::NOT_FOUND, "no connection of that name\n").into_response());
        };
        let Weighed { body, room } = read_body(intake, &slug, body, received_at).await?;
        let headers = parts.headers.iter().filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        });
        let headers: Vec<_> = headers.collect();
        let path_and_query = parts.uri.path_and_query().map_or("/", |uri| uri.as_str());
        let raw = RawRequest {
            method: parts.method.as_str(),
            path_and_query,
            headers: &headers,
            body: &body,
        };
        let view = connection.view();
        let judged =
            connection.connector.receive(&kind, &raw, &connection.secrets, &view, received_at);
        match judged {
            Ok(accepted) => {
                Ok(Signed { connection, kind, headers, body, accepted, received_at, _room: room })
            }
            Err(rejected) => {
                let request = format!("{} {path_and_query}", parts.method);
                Err(refuse(intake, &slug, request, rejected, received_at))
            }
        }
    }
}

async fn address(parts: &mut axum::http::request::Parts) -> (String, String) {
    use axum::extract::FromRequestParts as _;
    let (mut slug, mut kind) = (String::new(), String::new());
    if let Ok(params) = RawPathParams::from_request_parts(parts, &()).await {
        for (name, value) in &params {
            match name {
                "connection" => value.clone_into(&mut slug),
                _ => value.clone_into(&mut kind),
            }
        }
    }
    (slug, kind)
}

/// A body and the room it takes.
#[derive(Default)]
struct Weighed {
    body: Vec<u8>,
    room: Vec<OwnedSemaphorePermit>,
}

enum Unread {
    TooLarge,
    NoRoom,
    Broken,
}

async fn read_body(
    intake: &Intake,
    slug: &str,
    body: Body,
    now: UnixMs,
) -> Result<Weighed, Response> {
    let patience = Duration::from_millis(intake.limits.request_timeout_ms);
    let read = tokio::time::timeout(patience, weigh(intake, body)).await;
    match read {
        Ok(Ok(weighed)) => Ok(weighed),
        Ok(Err(Unread::TooLarge)) => {
            intake.count(slug, |counts| &counts.too_large);
            intake.ask_to_catch_up(slug, now);
            tracing::warn!(
                connection = slug,
                "a webhook was larger than http.body_max_bytes; the catch-up poll will find what it said"
            );
            Err(StatusCode::PAYLOAD_TOO_LARGE.into_response())
        }
        Ok(Err(Unread::NoRoom)) => {
            intake.count(slug, |counts| &counts.turned_away);
            Err(come_back(StatusCode::TOO_MANY_REQUESTS, now))
        }
        Ok(Err(Unread::Broken)) => Err(StatusCode::BAD_REQUEST.into_response()),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT.into_response()),
    }
}

/// Takes room as bytes arrive, not as they are announced: a client that sends
/// nothing takes none.
async fn weigh(intake: &Intake, mut body: Body) -> Result<Weighed, Unread> {
    let mut read = Weighed::default();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
        if read.body.len() + data.len() > intake.limits.body_max_bytes {
            return Err(Unread::TooLarge);
        }
        let pieces = u32::try_from(data.len().div_ceil(WEIGHED_BYTES)).unwrap_or(u32::MAX);
        let room = Arc::clone(&intake.room).try_acquire_many_owned(pieces);
        read.room.push(room.map_err(|_| Unread::NoRoom)?);
        read.body.extend_from_slice(&data);
    }
    Ok(read)
}

fn refuse(
    intake: &Intake,
    slug: &str,
    request: String,
    rejected: Rejected,
    at: UnixMs,
) -> Response {
    intake.count(slug, |counts| &counts.refused);
    tracing::debug!(connection = slug, code = rejected.code, "refused a webhook");
    let named = rejected.diagnosis.into_iter().map(|(name, hash)| (name.to_owned(), hash));
    let refusal = Refusal {
        at,
        request,
        code: rejected.code.to_owned(),
        reason: rejected.reason,
        diagnosis: named.collect(),
    };
    intake.remember(slug, refusal);
    StatusCode::UNAUTHORIZED.into_response()
}

fn reply(reply: Reply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    let mut response = (status, reply.body).into_response();
    match reply.content_type {
        Some(content_type) => {
            let value = HeaderValue::from_static(content_type);
            response.headers_mut().insert(header::CONTENT_TYPE, value);
        }
        None => drop(response.headers_mut().remove(header::CONTENT_TYPE)),
    }
    response
}

/// Spreads the returning clients over a few seconds by the instant of arrival.
fn come_back(status: StatusCode, at: UnixMs) -> Response {
    let seconds = 1 + at.0.unsigned_abs() % RETRY_AFTER_MAX_S;
    (status, [(header::RETRY_AFTER, seconds.to_string())]).into_response()
}
