//! `/crm/v3/objects/{type}` and `/crm/objects/{version}/{type}`, one record at a time.

use serde_json::{Value, json};

use super::answer::{ApiAnswer, ApiError};
use super::http::{Call, NO_METHOD};
use super::model::ObjectKind;
use super::object_json::{self as shape, Wanted};
use super::{routes_associations, routes_batch, routes_search};

/// Page sizes of the list.
const DEFAULT_PAGE: usize = 10;
const MAX_PAGE: usize = 100;

pub(super) fn route(call: &mut Call<'_>, rest: &[&str]) -> Result<ApiAnswer, ApiError> {
    let method = call.request.method.as_str();
    let kind = shape::kind(rest.first().copied().unwrap_or_default())?;
    match (method, &rest[1..]) {
        ("GET", []) => list(call, kind),
        ("POST", []) => create(call, kind),
        ("POST", ["search"]) => routes_search::search(call, kind),
        ("POST", ["merge"]) => merge(call, kind),
        ("POST", ["batch", what]) => routes_batch::route(call, kind, what),
        ("GET", [id]) => get(call, kind, id),
        ("PATCH", [id]) => update(call, kind, id),
        ("DELETE", [id]) => archive(call, kind, id),
        (_, [id, "associations", to @ ..]) => routes_associations::of_object(call, kind, id, to),
        _ => Err(wrong_method(call)),
    }
}

pub(super) fn wrong_method(call: &Call<'_>) -> ApiError {
    let (method, path) = (&call.request.method, &call.request.path);
    ApiError::new(405, NO_METHOD, format!("{method} is not supported on {path}"))
}

fn wanted(call: &Call<'_>) -> Wanted {
    Wanted {
        properties: call.request.list("properties"),
        with_history: call.request.list("propertiesWithHistory"),
        associations: call.request.list("associations"),
    }
}

fn get(call: &Call<'_>, kind: ObjectKind, id: &str) -> Result<ApiAnswer, ApiError> {
    call.need(kind, false)?;
    let archived = call.request.param("archived") == Some("true");
    let id_property = call.request.param("idProperty");
    let record = shape::find(call.account, kind, id, id_property, archived)
        .ok_or_else(|| ApiError::no_object(kind, id))?;
    let object = shape::object(call.account, call.config, record, &wanted(call), call.now)?;
    Ok(ApiAnswer::ok(object))
}

fn list(call: &Call<'_>, kind: ObjectKind) -> Result<ApiAnswer, ApiError> {
    call.need(kind, false)?;
    let archived = call.request.param("archived") == Some("true");
    let limit = page_size(call, DEFAULT_PAGE, MAX_PAGE)?;
    let after: u64 = match call.request.param("after") {
        Some(text) => text
            .parse()
            .map_err(|_| ApiError::validation(format!("after is not a cursor: {text}")))?,
        None => 0,
    };
    let wanted = wanted(call);
    let ids = call.account.by_kind.get(&kind).into_iter().flatten();
    let mut page = ids
        .filter(|id| **id >= after)
        .filter_map(|id| call.account.records.get(id))
        .filter(|record| record.merged_into.is_none() && record.is_live() != archived);
    let mut results = Vec::new();
    for record in page.by_ref().take(limit) {
        results.push(shape::object(call.account, call.config, record, &wanted, call.now)?);
    }
    let mut answer = json!({ "results": results });
    if let Some(next) = page.next() {
        let after = next.id.to_string();
        let link =
            format!("https://api.hubapi.com{}?limit={limit}&after={after}", call.request.path);
        answer["paging"] = json!({ "next": { "after": after, "link": link } });
    }
    Ok(ApiAnswer::ok(answer))
}

/// The `limit` of a call.
pub(super) fn page_size(call: &Call<'_>, default: usize, max: usize) -> Result<usize, ApiError> {
    let Some(text) = call.request.param("limit") else { return Ok(default) };
    match text.parse::<usize>() {
        Ok(limit) if (1..=max).contains(&limit) => Ok(limit),
        _ => Err(ApiError::validation(format!("limit is {text}; 1 to {max} are allowed"))),
    }
}

fn create(call: &mut Call<'_>, kind: ObjectKind) -> Result<ApiAnswer, ApiError> {
    call.need(kind, true)?;
    let body = call.request.json()?;
    Ok(ApiAnswer::with(201, create_one(call, kind, &body)?))
}

/// Makes one record from a body with `properties` and `associations`.
pub(super) fn create_one(
    call: &mut Call<'_>,
    kind: ObjectKind,
    body: &Value,
) -> Result<Value, ApiError> {
    let (values, links) = (shape::values(body)?, shape::links(body)?);
    let actor = call.actor();
    let id = call.account.create(kind, &values, &links, &actor, call.now)?;
    show(call, kind, id)
}

/// Changes one record.
pub(super) fn update_one(
    call: &mut Call<'_>,
    kind: ObjectKind,
    id: &str,
    id_property: Option<&str>,
    body: &Value,
) -> Result<Value, ApiError> {
    let found = shape::find(call.account, kind, id, id_property, false);
    let id = found.ok_or_else(|| ApiError::no_object(kind, id))?.id;
    let actor = call.actor();
    call.account.update(kind, id, &shape::values(body)?, &actor, call.now)?;
    show(call, kind, id)
}

fn update(call: &mut Call<'_>, kind: ObjectKind, id: &str) -> Result<ApiAnswer, ApiError> {
    call.need(kind, true)?;
    let body = call.request.json()?;
    let id_property = call.request.param("idProperty").map(str::to_owned);
    Ok(ApiAnswer::ok(update_one(call, kind, id, id_property.as_deref(), &body)?))
}

fn archive(call: &mut Call<'_>, kind: ObjectKind, id: &str) -> Result<ApiAnswer, ApiError> {
    call.need(kind, true)?;
    // Archiving what is gone already succeeds.
    if let Some(id) = shape::find(call.account, kind, id, None, false).map(|record| record.id) {
        let actor = call.actor();
        call.account.archive(kind, id, &actor, call.now)?;
    }
    Ok(ApiAnswer::empty())
}

fn merge(call: &mut Call<'_>, kind: ObjectKind) -> Result<ApiAnswer, ApiError> {
    call.need(kind, true)?;
    let body = call.request.json()?;
    let id = |field: &str| {
        shape::id_text(&body[field])
            .and_then(|text| text.parse::<u64>().ok())
            .ok_or_else(|| ApiError::validation(format!("{field} is missing")))
    };
    let (primary, other) = (id("primaryObjectId")?, id("objectIdToMerge")?);
    let actor = call.actor();
    call.account.merge(kind, primary, other, &actor, call.now)?;
    Ok(ApiAnswer::ok(show(call, kind, primary)?))
}

fn show(call: &Call<'_>, kind: ObjectKind, id: u64) -> Result<Value, ApiError> {
    let record = call.account.live(kind, id)?;
    Ok(shape::written(call.account, call.config, record, call.now))
}
