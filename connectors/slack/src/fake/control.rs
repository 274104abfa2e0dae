//! What is not part of Slack: reading messages, clicking, setting faults.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use super::views::issue_trigger;
use super::{FakeSlack, FaultKind, pretty};

pub(super) fn router(slack: FakeSlack) -> Router {
    Router::new()
        .route("/control/messages", get(messages))
        .route("/control/messages/{ts}", get(message))
        .route("/control/requests", get(requests))
        .route("/control/click", post(click))
        .route("/control/fault", post(fault))
        .route("/control/trigger", post(trigger))
        .route("/control/oauth-code", post(oauth_code))
        .with_state(slack)
}

async fn messages(State(slack): State<FakeSlack>) -> Response {
    Json(slack.messages()).into_response()
}

/// One message as a person reads it, with its controls.
async fn message(State(slack): State<FakeSlack>, Path(ts): Path<String>) -> Response {
    let Some(message) = slack.message(&ts) else { return StatusCode::NOT_FOUND.into_response() };
    Json(json!({ "reads": pretty(&message), "controls": slack.controls(&ts) })).into_response()
}

async fn requests(State(slack): State<FakeSlack>) -> Response {
    Json(slack.requests()).into_response()
}

#[derive(Deserialize)]
struct Click {
    user: String,
    ts: String,
    action: String,
    choice: Option<String>,
}

/// Takes JSON whatever it is called, as `curl -d` sends it.
async fn click(State(slack): State<FakeSlack>, body: Bytes) -> Response {
    let click: Click = match serde_json::from_slice(&body) {
        Ok(click) => click,
        Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    };
    match slack.click(&click.user, &click.ts, &click.action, click.choice.as_deref()).await {
        Ok(sent) => Json(sent).into_response(),
        Err(error) => (StatusCode::CONFLICT, error.to_string()).into_response(),
    }
}

#[derive(Deserialize)]
struct Fault {
    method: String,
    kind: String,
    /// Seconds, a status, milliseconds or an error code, as the kind needs it.
    value: Option<String>,
    #[serde(default = "once")]
    count: u32,
}

fn once() -> u32 {
    1
}

impl Fault {
    fn kind(&self) -> Option<FaultKind> {
        let text = self.value.clone().unwrap_or_default();
        match self.kind.as_str() {
            "rate_limited" => Some(FaultKind::RateLimited { retry_after_s: text.parse().ok()? }),
            "status" => Some(FaultKind::Status(text.parse().ok()?)),
            "error" => Some(FaultKind::Error(text)),
            "error_after" => Some(FaultKind::ErrorAfter(text)),
            "slow" => Some(FaultKind::Slow { ms: text.parse().ok()? }),
            "close_before" => Some(FaultKind::CloseBefore),
            "close_after" => Some(FaultKind::CloseAfter),
            _ => None,
        }
    }
}

async fn fault(State(slack): State<FakeSlack>, Json(fault): Json<Fault>) -> Response {
    let Some(kind) = fault.kind() else {
        let hint = "kind: rate_limited, status, error, error_after, slow, close_before or close_after, with its value";
        return (StatusCode::BAD_REQUEST, hint).into_response();
    };
    slack.fail(&fault.method, kind, fault.count);
    StatusCode::NO_CONTENT.into_response()
}

async fn trigger(State(slack): State<FakeSlack>) -> Response {
    let now = slack.now();
    let id = issue_trigger(&mut slack.state(), now);
    Json(json!({ "trigger_id": id })).into_response()
}

async fn oauth_code(State(slack): State<FakeSlack>) -> Response {
    Json(json!({ "code": slack.issue_oauth_code() })).into_response()
}
