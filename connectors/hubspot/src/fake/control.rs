//! What is not part of HubSpot: people at work in the account. A call of the API
//! counts as the app's own, and the app does not listen to itself.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Actor, FakeHubSpot, ObjectKind, Record};

/// The largest request that is read.
const BODY_MAX_BYTES: usize = 1 << 20;
/// Deals that are listed; the oldest.
const LISTED_MAX: usize = 1_000;
/// What is listed of a deal.
const LISTED: [&str; 6] =
    ["dealname", "pipeline", "dealstage", "amount", "closedate", "hubspot_owner_id"];
/// The user whose work it is where a deal has no owner.
const SOMEBODY: i64 = 1;

pub(super) fn router(hubspot: &Arc<FakeHubSpot>) -> Router {
    Router::new()
        .route("/control/deals", get(deals))
        .route("/control/set", post(set))
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .with_state(Arc::clone(hubspot))
}

async fn deals(State(hubspot): State<Arc<FakeHubSpot>>) -> Response {
    let deals = hubspot.records(ObjectKind::Deal);
    Json(deals.iter().take(LISTED_MAX).map(told).collect::<Vec<_>>()).into_response()
}

fn told(deal: &Record) -> Value {
    let mut told = Map::new();
    told.insert("id".to_owned(), deal.id.to_string().into());
    for name in LISTED {
        told.insert(name.to_owned(), deal.stored(name).into());
    }
    Value::Object(told)
}

/// Values that a person gives one deal.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    deal: String,
    properties: Map<String, Value>,
    /// Who, by *user* id; without it, the deal's owner.
    user: Option<i64>,
}

/// The body is JSON whatever its type is called, as curl sends it.
async fn set(State(hubspot): State<Arc<FakeHubSpot>>, body: Bytes) -> Response {
    let set: Set = match serde_json::from_slice(&body) {
        Ok(set) => set,
        Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    };
    let no_deal = || (StatusCode::NOT_FOUND, format!("no deal {}", set.deal)).into_response();
    let Ok(deal) = set.deal.parse::<u64>() else { return no_deal() };
    if !hubspot.records(ObjectKind::Deal).iter().any(|known| known.id == deal) {
        return no_deal();
    }
    let by = Actor::user(set.user.or_else(|| hubspot.user_owning(deal)).unwrap_or(SOMEBODY));
    let values: Vec<(String, String)> = set
        .properties
        .into_iter()
        .map(|(name, value)| match value {
            Value::String(text) => (name, text),
            Value::Null => (name, String::new()),
            other => (name, other.to_string()),
        })
        .collect();
    let values: Vec<(&str, &str)> = values.iter().map(|(name, text)| (&**name, &**text)).collect();
    match hubspot.set_many(&[deal], &values, &by) {
        Ok(()) => Json(json!({ "deal": set.deal, "by": by.source_id })).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
}

impl FakeHubSpot {
    /// Routes under `/control/`, beside [`FakeHubSpot::router`], by which somebody
    /// moves deals as the people of the account do: `GET /control/deals`, and
    /// `POST /control/set` with `{"deal": "ID", "properties": {"dealstage": "…"}}`.
    /// Without authentication: for loopback only.
    pub fn control_router(self: &Arc<Self>) -> Router {
        router(self)
    }

    /// The user id of a deal's owner.
    fn user_owning(&self, deal: u64) -> Option<i64> {
        let owner: u64 = self.record(deal)?.stored("hubspot_owner_id")?.parse().ok()?;
        let inner = self.lock();
        inner.account.owners.iter().find(|known| known.id == owner).map(|known| known.user_id)
    }
}
