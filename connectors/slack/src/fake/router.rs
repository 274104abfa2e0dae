//! HTTP: one route for all methods.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::Value;
use touchline_rules::UnixMs;

use super::FakeSlack;
use super::answer::{Answer, ApiError};
use super::faults::{FaultKind, SLOW_MAX_MS};
use super::params::Params;
use super::state::LoggedRequest;

/// The largest request that is read.
const BODY_MAX_BYTES: usize = 1 << 20;

pub(super) fn router(slack: FakeSlack) -> Router {
    Router::new()
        .route("/api/{method}", post(call).get(call))
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .with_state(slack)
}

async fn call(
    Shared(slack): Shared<FakeSlack>,
    Path(method): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let content_type = text_header(&headers, header::CONTENT_TYPE).unwrap_or_default();
    let params = Params::read(&content_type, query.as_deref().unwrap_or_default(), &body);
    let token = text_header(&headers, header::AUTHORIZATION)
        .and_then(|value| value.strip_prefix("Bearer ").map(str::to_owned));
    let reply = slack.reply(&method, token, params);
    if let Some(delay) = reply.delay {
        tokio::time::sleep(delay).await;
    }
    reply.response
}

fn text_header(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

struct Reply {
    response: Response,
    delay: Option<Duration>,
}

impl From<Response> for Reply {
    fn from(response: Response) -> Self {
        Reply { response, delay: None }
    }
}

impl FakeSlack {
    fn reply(
        &self,
        method: &str,
        token: Option<String>,
        params: Result<Params, ApiError>,
    ) -> Reply {
        let now = self.now();
        let mut state = self.state();
        let channel = params.as_ref().ok().and_then(|params| params.text("channel"));
        let log = |state: &mut super::State, status: u16, outcome: &str| {
            let (method, outcome) = (method.to_owned(), outcome.to_owned());
            let channel = channel.clone();
            state.log(LoggedRequest { at: now, method, channel, status, outcome });
        };
        let fault = state.faults.take(method);
        if let Some((status, outcome, response)) = fault.as_ref().and_then(undone) {
            log(&mut state, status, &outcome);
            return response.into();
        }
        let done = state.carry_out(method, token, params, now);
        let scopes: Vec<_> = state.scopes.iter().map(String::as_str).collect();
        let response = done.response(&scopes.join(","));
        let after = if fault.is_some() { ", then a fault" } else { "" };
        log(&mut state, response.status().as_u16(), &format!("{}{after}", done.outcome()));
        match fault {
            Some(FaultKind::CloseAfter) => closed().into(),
            Some(FaultKind::ErrorAfter(code)) => {
                document(&ApiError::from(code.as_str()).to_json(), "").into()
            }
            Some(FaultKind::Slow { ms }) => {
                let delay = Duration::from_millis(ms.min(SLOW_MAX_MS));
                Reply { response, delay: Some(delay) }
            }
            _ => response.into(),
        }
    }
}

/// Status, outcome and answer of a call that goes wrong before anything is done.
fn undone(fault: &FaultKind) -> Option<(u16, String, Response)> {
    match fault {
        FaultKind::RateLimited { retry_after_s } => {
            Some((429, "fault: rate limited".into(), too_many(i64::from(*retry_after_s))))
        }
        FaultKind::Status(status) => {
            let code = StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_GATEWAY);
            let response = (code, "fault on purpose").into_response();
            Some((code.as_u16(), "fault: status".into(), response))
        }
        FaultKind::Error(code) => {
            let json = ApiError::from(code.as_str()).to_json();
            Some((200, format!("fault: {code}"), document(&json, "")))
        }
        FaultKind::CloseBefore => Some((0, "fault: closed before".into(), closed())),
        FaultKind::ErrorAfter(_) | FaultKind::Slow { .. } | FaultKind::CloseAfter => None,
    }
}

/// What became of a call.
enum Done {
    Limited { retry_after_s: i64 },
    Answered(Answer),
}

impl Done {
    fn outcome(&self) -> &str {
        match self {
            Done::Limited { .. } => "ratelimited",
            Done::Answered(Ok(_)) => "ok",
            Done::Answered(Err(error)) => &error.code,
        }
    }

    fn response(&self, scopes: &str) -> Response {
        match self {
            Done::Limited { retry_after_s } => too_many(*retry_after_s),
            Done::Answered(Ok(json)) => document(json, scopes),
            Done::Answered(Err(error)) => document(&error.to_json(), scopes),
        }
    }
}

impl super::State {
    fn carry_out(
        &mut self,
        method: &str,
        token: Option<String>,
        params: Result<Params, ApiError>,
        now: UnixMs,
    ) -> Done {
        let params = match params {
            Ok(params) => params,
            Err(error) => return Done::Answered(Err(error)),
        };
        if let Err(retry_after_s) = self.take_call(method, &params, now) {
            return Done::Limited { retry_after_s };
        }
        let token = token.or_else(|| params.text("token"));
        Done::Answered(self.answer(method, token.as_deref(), &params, now))
    }
}

fn document(json: &Value, scopes: &str) -> Response {
    let headers = [
        (header::CONTENT_TYPE.as_str(), "application/json; charset=utf-8"),
        ("x-oauth-scopes", scopes),
    ];
    (headers, json.to_string()).into_response()
}

fn too_many(retry_after_s: i64) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json; charset=utf-8".to_owned()),
        (header::RETRY_AFTER, retry_after_s.to_string()),
    ];
    let body = ApiError::from("ratelimited").to_json().to_string();
    (StatusCode::TOO_MANY_REQUESTS, headers, body).into_response()
}

/// An answer that never comes: its body fails before anything is written, so
/// the server closes the connection.
fn closed() -> Response {
    let lost = std::io::Error::other("closed on purpose");
    Response::new(Body::from_stream(futures::stream::iter([Err::<Bytes, _>(lost)])))
}
