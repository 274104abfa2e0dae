//! Associations v4: of one record, and in batches.

use serde_json::{Value, json};

use super::answer::{ApiAnswer, ApiError};
use super::catalog;
use super::http::Call;
use super::model::{ObjectKind, Record};
use super::object_json as shape;
use super::routes_batch::{answer, inputs};
use super::routes_objects::{page_size, wrong_method};

/// Inputs of the batch calls.
const MAX_READ: usize = 1_000;
const MAX_CREATE: usize = 2_000;
const MAX_ARCHIVE: usize = 100;
/// Associations per page.
const MAX_PAGE: usize = 500;

/// `/objects/{type}/{id}/associations/…`
pub(super) fn of_object(
    call: &mut Call<'_>,
    kind: ObjectKind,
    id: &str,
    rest: &[&str],
) -> Result<ApiAnswer, ApiError> {
    match (call.request.method.as_str(), rest) {
        ("GET", [to]) => read_one(call, kind, id, shape::kind(to)?),
        ("PUT", ["default", to, to_id]) => {
            let to = shape::kind(to)?;
            call.need(kind, true)?;
            let specs = associate(call, (kind, id), (to, to_id), &[])?;
            Ok(answer(call, 200, default_results(id, to_id, specs), Vec::new()))
        }
        ("PUT", [to, to_id]) => {
            call.need(kind, true)?;
            let body = call.request.json()?;
            let types = body.as_array().and_then(|types| shape::type_ids(types));
            let types = types.filter(|types| !types.is_empty()).ok_or_else(no_types)?;
            let to = shape::kind(to)?;
            associate(call, (kind, id), (to, to_id), &types)?;
            Ok(ApiAnswer::with(201, labels((kind, id), (to, to_id))))
        }
        ("DELETE", [to, to_id]) => {
            call.need(kind, true)?;
            dissociate(call, (kind, id), (shape::kind(to)?, to_id))?;
            Ok(ApiAnswer::empty())
        }
        _ => Err(wrong_method(call)),
    }
}

/// `/associations/{from}/{to}/…`
pub(super) fn route(call: &mut Call<'_>, rest: &[&str]) -> Result<ApiAnswer, ApiError> {
    let [from, to, rest @ ..] = rest else { return Err(wrong_method(call)) };
    let (from, to) = (shape::kind(from)?, shape::kind(to)?);
    match (call.request.method.as_str(), rest) {
        ("GET", ["labels"]) => {
            call.need(from, false)?;
            let types = [catalog::default_type(from, to), catalog::primary_type(from, to)];
            let results: Vec<Value> =
                types.into_iter().flatten().map(|(there, _)| spec(from, to, there)).collect();
            Ok(ApiAnswer::ok(json!({ "results": results })))
        }
        ("POST", ["batch", "read"]) => batch_read(call, from, to),
        ("POST", ["batch", "create"]) => batch_create(call, from, to, true),
        ("POST", ["batch", "associate", "default"]) => batch_create(call, from, to, false),
        ("POST", ["batch", "archive"]) => batch_archive(call, from, to),
        _ => Err(wrong_method(call)),
    }
}

fn no_types() -> ApiError {
    ApiError::validation("association types need associationCategory and associationTypeId")
}

/// One association type as v4 shows it; primary types have a label.
fn spec(from: ObjectKind, to: ObjectKind, type_id: u32) -> Value {
    let primary = catalog::primary_type(from, to).is_some_and(|(there, _)| there == type_id);
    let label = if primary { json!("Primary") } else { Value::Null };
    json!({ "category": "HUBSPOT_DEFINED", "typeId": type_id, "label": label })
}

fn associated(call: &Call<'_>, record: &Record, to: ObjectKind) -> Vec<Value> {
    shape::linked(call.account, record, to)
        .map(|(id, types)| {
            let types: Vec<Value> = types.iter().map(|one| spec(record.kind, to, *one)).collect();
            json!({ "toObjectId": id.to_string(), "associationTypes": types })
        })
        .collect()
}

fn read_one(
    call: &Call<'_>,
    kind: ObjectKind,
    id: &str,
    to: ObjectKind,
) -> Result<ApiAnswer, ApiError> {
    call.need(kind, false)?;
    let record = shape::find(call.account, kind, id, None, false)
        .ok_or_else(|| ApiError::no_object(kind, id))?;
    let limit = page_size(call, MAX_PAGE, MAX_PAGE)?;
    let after: usize = call.request.param("after").and_then(|a| a.parse().ok()).unwrap_or(0);
    let all = associated(call, record, to);
    let page: Vec<&Value> = all.iter().skip(after).take(limit).collect();
    let mut body = json!({ "results": page });
    let next = after.saturating_add(limit);
    if next < all.len() {
        body["paging"] = json!({ "next": { "after": next.to_string() } });
    }
    Ok(ApiAnswer::ok(body))
}

fn batch_read(call: &Call<'_>, from: ObjectKind, to: ObjectKind) -> Result<ApiAnswer, ApiError> {
    call.need(from, false)?;
    let body = call.request.json()?;
    let (mut results, mut errors) = (Vec::new(), Vec::new());
    for (index, input) in inputs(&body, MAX_READ)?.iter().enumerate() {
        let id = shape::id_text(&input["id"]).unwrap_or_default();
        let found = shape::find(call.account, from, &id, None, false);
        let to_all = found.map(|record| associated(call, record, to)).unwrap_or_default();
        if to_all.is_empty() || call.spoils(index) {
            errors.push(json!({
                "status": "error",
                "category": "OBJECT_NOT_FOUND",
                "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
                "message": format!(
                    "No {} is associated with {} {id}.", to.singular(), from.singular()
                ),
                "errors": [],
                "context": { "fromObjectId": [id] },
                "links": {},
            }));
        } else {
            results.push(json!({ "from": { "id": id }, "to": to_all }));
        }
    }
    Ok(answer(call, 200, results, errors))
}

fn batch_create(
    call: &mut Call<'_>,
    from: ObjectKind,
    to: ObjectKind,
    labelled: bool,
) -> Result<ApiAnswer, ApiError> {
    call.need(from, true)?;
    let body = call.request.json()?;
    let (mut results, mut errors) = (Vec::new(), Vec::new());
    for (index, input) in inputs(&body, MAX_CREATE)?.iter().enumerate() {
        let (id, to_id) = (end(input, "from"), end(input, "to"));
        let types = match labelled {
            true => input["types"]
                .as_array()
                .and_then(|types| shape::type_ids(types))
                .ok_or_else(no_types)?,
            false => Vec::new(),
        };
        let made = if call.spoils(index) {
            Err(ApiError::validation("This input was refused on purpose."))
        } else {
            associate(call, (from, &id), (to, &to_id), &types)
        };
        match made {
            Ok(_) if labelled => results.push(labels((from, &id), (to, &to_id))),
            Ok(specs) => results.extend(default_results(&id, &to_id, specs)),
            Err(error) => errors.push(json!({
                "status": "error",
                "category": error.category,
                "message": error.message,
                "errors": [],
                "context": { "fromObjectId": [id], "toObjectId": [to_id] },
                "links": {},
            })),
        }
    }
    let status = if labelled { 201 } else { 200 };
    Ok(answer(call, status, results, errors))
}

fn batch_archive(
    call: &mut Call<'_>,
    from: ObjectKind,
    to: ObjectKind,
) -> Result<ApiAnswer, ApiError> {
    call.need(from, true)?;
    let body = call.request.json()?;
    for input in inputs(&body, MAX_ARCHIVE)? {
        let id = end(input, "from");
        for one in input["to"].as_array().into_iter().flatten() {
            let to_id = shape::id_text(&one["id"]).unwrap_or_default();
            dissociate(call, (from, &id), (to, &to_id))?;
        }
    }
    Ok(ApiAnswer::empty())
}

fn end(input: &Value, side: &str) -> String {
    shape::id_text(&input[side]["id"]).unwrap_or_default()
}

type End<'e> = (ObjectKind, &'e str);

/// The ids of both live records.
fn both(call: &Call<'_>, from: End<'_>, to: End<'_>) -> Result<(u64, u64), ApiError> {
    let id = |(kind, id): End<'_>| {
        shape::find(call.account, kind, id, None, false)
            .map(|record| record.id)
            .ok_or_else(|| ApiError::no_object(kind, id))
    };
    Ok((id(from)?, id(to)?))
}

/// Associates two records; returns the unlabelled type and its reverse.
fn associate(
    call: &mut Call<'_>,
    from: End<'_>,
    to: End<'_>,
    types: &[u32],
) -> Result<(u32, u32), ApiError> {
    let (from_id, to_id) = both(call, from, to)?;
    let actor = call.actor();
    call.account.link(from_id, to_id, types, &actor, call.now)?;
    let none = || ApiError::validation("these kinds cannot be associated");
    catalog::default_type(from.0, to.0).ok_or_else(none)
}

fn dissociate(call: &mut Call<'_>, from: End<'_>, to: End<'_>) -> Result<(), ApiError> {
    let (from_id, to_id) = both(call, from, to)?;
    let actor = call.actor();
    Ok(call.account.dissociate(from_id, to_id, &actor, call.now)?)
}

fn labels(from: End<'_>, to: End<'_>) -> Value {
    json!({
        "fromObjectTypeId": from.0.type_id(),
        "fromObjectId": from.1,
        "toObjectTypeId": to.0.type_id(),
        "toObjectId": to.1,
        "labels": [],
    })
}

/// What the default call answers: the association seen from both ends.
fn default_results(from: &str, to: &str, (there, back): (u32, u32)) -> Vec<Value> {
    let one = |from: &str, to: &str, type_id: u32| {
        json!({
            "from": { "id": from },
            "to": { "id": to },
            "associationSpec": {
                "associationCategory": "HUBSPOT_DEFINED",
                "associationTypeId": type_id,
            },
        })
    };
    vec![one(from, to, there), one(to, from, back)]
}
