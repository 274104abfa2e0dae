//! From a request to an answer: faults, authentication, limits, and the one
//! table of paths. Both path families lead to the same places.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use touchline_rules::UnixMs;

use super::answer::{ApiAnswer, ApiError, ApiRequest, Passage, outage, uuid};
use super::faults::FaultKind;
use super::limits::Class;
use super::model::{Actor, ObjectKind};
use super::oauth::Grant;
use super::store::Account;
use super::{FakeConfig, FakeHubSpot, Inner, LoggedCall};
use super::{routes_account, routes_associations, routes_oauth, routes_objects};

/// The largest body that the fake reads.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

/// The API versions with a date that the fake serves.
const DATED: [&str; 2] = ["2026-03", "2026-09"];

/// Categories of paths and methods that the fake does not have.
const NO_ROUTE: &str = "RESOURCE_NOT_FOUND";
pub(super) const NO_METHOD: &str = "METHOD_NOT_ALLOWED";

/// What a route works with.
pub(super) struct Call<'a> {
    pub account: &'a mut Account,
    pub config: &'a FakeConfig,
    pub request: &'a ApiRequest,
    pub grant: &'a Grant,
    pub now: UnixMs,
    /// Every n-th input of a batch fails.
    pub spoil_every: Option<usize>,
}

impl Call<'_> {
    /// The app, as author of what it writes.
    pub fn actor(&self) -> Actor {
        Actor::integration(self.config.app_id)
    }

    pub fn need_scope(&self, scope: &str) -> Result<(), ApiError> {
        if self.grant.scopes.iter().any(|known| known == scope) {
            Ok(())
        } else {
            Err(ApiError::missing_scope(scope))
        }
    }

    pub fn need(&self, kind: ObjectKind, write: bool) -> Result<(), ApiError> {
        self.need_scope(kind.scope(write))
    }

    /// Is the input at this place one that the fault spoils?
    pub fn spoils(&self, index: usize) -> bool {
        self.spoil_every.is_some_and(|every| every > 0 && (index + 1).is_multiple_of(every))
    }
}

/// Where a path leads.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Area {
    Objects,
    Associations,
    Pipelines,
    Owners,
    Properties,
    AccountInfo,
}

fn find_area<'a, 'p>(parts: &'a [&'p str]) -> Option<(Area, &'a [&'p str])> {
    let (name, rest) = match parts {
        ["crm", "v3" | "v4", name, rest @ ..] => (*name, rest),
        ["crm", name, version, rest @ ..] if DATED.contains(version) => (*name, rest),
        ["account-info", version, rest @ ..] if *version == "v3" || DATED.contains(version) => {
            ("account-info", rest)
        }
        _ => return None,
    };
    let area = match name {
        "objects" => Area::Objects,
        "associations" => Area::Associations,
        "pipelines" => Area::Pipelines,
        "owners" => Area::Owners,
        "properties" => Area::Properties,
        "account-info" => Area::AccountInfo,
        _ => return None,
    };
    Some((area, rest))
}

fn class_of(area: Area, rest: &[&str]) -> Class {
    match (area, rest) {
        (Area::Objects, [_, "search"]) => Class::Search,
        (Area::Associations, _) | (Area::Objects, [_, _, "associations", ..]) => {
            Class::Associations
        }
        _ => Class::General,
    }
}

impl FakeHubSpot {
    /// Answers one call; pure but for the account and the clock.
    pub fn answer(&self, request: &ApiRequest) -> ApiAnswer {
        let now = self.now();
        let mut inner = self.lock();
        let inner = &mut *inner;
        let fault = inner.faults.strike(&request.method, &request.path, &mut inner.chance);
        let correlation_id = uuid(&mut inner.chance);
        let mut answer = match before_effect(fault.as_ref(), &correlation_id) {
            Some(answer) => answer,
            None => self
                .route(inner, request, fault.as_ref(), now)
                .unwrap_or_else(|error| ApiAnswer::with(error.status, error.body(&correlation_id))),
        };
        match fault {
            Some(FaultKind::ResetAfterEffect) => answer.passage = Passage::Broken,
            Some(FaultKind::Slow { delay_ms }) => answer.passage = Passage::Late(delay_ms),
            _ => {}
        }
        let broken = answer.passage == Passage::Broken;
        let category = answer.body.as_ref().and_then(|body| body["category"].as_str());
        let served = !category.is_some_and(|name| [NO_ROUTE, NO_METHOD].contains(&name));
        inner.log(LoggedCall {
            at: now,
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            status: if broken { 0 } else { answer.status },
            served,
        });
        answer
    }

    fn route(
        &self,
        inner: &mut Inner,
        request: &ApiRequest,
        fault: Option<&FaultKind>,
        now: UnixMs,
    ) -> Result<ApiAnswer, ApiError> {
        let parts: Vec<&str> = request.path.split('/').filter(|part| !part.is_empty()).collect();
        if let Some(answer) = routes_oauth::route(inner, &self.config, request, &parts, now) {
            return answer;
        }
        let grant = inner.oauth.authorize(request.authorization.as_deref(), now)?;
        if let ["appinstalls", _, "external-install"] = parts.as_slice() {
            return routes_oauth::uninstall(inner, request, &grant);
        }
        let message = || format!("resource not found: {}", request.path);
        let unknown = || ApiError::new(404, NO_ROUTE, message());
        let (area, rest) = find_area(&parts).ok_or_else(unknown)?;
        let class = class_of(area, rest);
        let app_id = self.config.app_id;
        if let Err(policy) = inner.limiter.take(app_id, class, now) {
            let ids = (uuid(&mut inner.chance), uuid(&mut inner.chance));
            let mut answer = ApiAnswer::with(429, policy.body(&ids.0, &ids.1));
            answer.headers = inner.limiter.headers(app_id, class, grant.oauth, now);
            return Ok(answer);
        }
        let spoil_every = match fault {
            Some(FaultKind::PartialBatch { every }) => Some(*every),
            _ => None,
        };
        let mut call = Call {
            account: &mut inner.account,
            config: &self.config,
            request,
            grant: &grant,
            now,
            spoil_every,
        };
        let mut answer = match area {
            Area::Objects => routes_objects::route(&mut call, rest),
            Area::Associations => routes_associations::route(&mut call, rest),
            Area::Pipelines => routes_account::pipelines(&call, rest),
            Area::Owners => routes_account::owners(&call, rest),
            Area::Properties => routes_account::properties(&call, rest),
            Area::AccountInfo => routes_account::details(&call, rest, &self.zone),
        }
        .unwrap_or_else(|error| {
            let id = uuid(&mut inner.chance);
            ApiAnswer::with(error.status, error.body(&id))
        });
        answer.headers.extend(inner.limiter.headers(app_id, class, grant.oauth, now));
        Ok(answer)
    }
}

/// The faults that answer instead of the account.
fn before_effect(fault: Option<&FaultKind>, correlation_id: &str) -> Option<ApiAnswer> {
    let error = match fault? {
        FaultKind::Status(status) => outage(*status),
        FaultKind::TooMany(policy) => {
            return Some(ApiAnswer::with(429, policy.body(correlation_id, correlation_id)));
        }
        FaultKind::Migrating { retry_after_s } => {
            let error = ApiError::new(477, "MIGRATION_IN_PROGRESS", "The account is being moved.");
            let mut answer = ApiAnswer::with(477, error.body(correlation_id));
            answer.headers.push(("Retry-After".into(), retry_after_s.to_string()));
            return Some(answer);
        }
        FaultKind::Validation { message } => ApiError::validation(message.clone()),
        FaultKind::MissingScope { scope } => ApiError::missing_scope(scope),
        FaultKind::ExpiredToken => ApiError::expired(),
        FaultKind::Reset => {
            let mut answer = ApiAnswer::empty();
            answer.passage = Passage::Broken;
            return Some(answer);
        }
        FaultKind::PartialBatch { .. } | FaultKind::Slow { .. } | FaultKind::ResetAfterEffect => {
            return None;
        }
    };
    Some(ApiAnswer::with(error.status, error.body(correlation_id)))
}

pub(super) fn router(fake: &Arc<FakeHubSpot>) -> Router {
    Router::new().fallback(serve).with_state(Arc::clone(fake))
}

async fn serve(State(fake): State<Arc<FakeHubSpot>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let text = |name| head.headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let pairs = url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
    let request = ApiRequest {
        method: head.method.as_str().to_owned(),
        path: decode_path(head.uri.path()),
        query: pairs.into_owned().collect(),
        authorization: text(header::AUTHORIZATION),
        content_type: text(header::CONTENT_TYPE),
        body: body.to_vec(),
    };
    let answer = fake.answer(&request);
    if let Passage::Late(delay_ms) = answer.passage {
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    }
    write_out(answer)
}

fn write_out(answer: ApiAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut headers = HeaderMap::new();
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) =
            (header::HeaderName::from_bytes(name.as_bytes()), value.parse())
        {
            headers.insert(name, value);
        }
    }
    if answer.passage == Passage::Broken {
        // A body that errors makes the server drop the connection in the middle.
        let first = Ok(Bytes::from_static(b"{"));
        let torn = Err(std::io::Error::other("connection broken on purpose"));
        let body = Body::from_stream(futures::stream::iter([first, torn]));
        return (StatusCode::OK, headers, body).into_response();
    }
    match answer.body {
        Some(body) => (status, headers, axum::Json(body)).into_response(),
        None => (status, headers).into_response(),
    }
}

fn decode_path(path: &str) -> String {
    // In a path a plus sign is itself, unlike in a query.
    let kept = path.replace('+', "%2B");
    url::form_urlencoded::parse(kept.replace('&', "%26").replace('=', "%3D").as_bytes())
        .next()
        .map(|(name, _)| name.into_owned())
        .unwrap_or_default()
}
