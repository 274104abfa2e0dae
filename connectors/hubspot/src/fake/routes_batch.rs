//! `…/batch/read|create|update|archive`: up to 100 inputs, 207 when some fail.

use serde_json::{Value, json};

use super::answer::{ApiAnswer, ApiError};
use super::http::Call;
use super::model::ObjectKind;
use super::object_json::{self as shape, Wanted};
use super::routes_objects::{create_one, update_one};
use super::validate;

/// Inputs of a batch.
const MAX_INPUTS: usize = 100;
/// Inputs of a batch read with history (from memory).
const MAX_INPUTS_WITH_HISTORY: usize = 50;

pub(super) fn route(
    call: &mut Call<'_>,
    kind: ObjectKind,
    what: &str,
) -> Result<ApiAnswer, ApiError> {
    call.need(kind, what != "read")?;
    let body = call.request.json()?;
    let inputs = inputs(&body, MAX_INPUTS)?;
    match what {
        "read" => read(call, kind, &body, inputs),
        "create" => create(call, kind, inputs),
        "update" => update(call, kind, inputs),
        "archive" => archive(call, kind, inputs),
        _ => Err(super::routes_objects::wrong_method(call)),
    }
}

/// The `inputs` of a body, at most so many.
pub(super) fn inputs(body: &Value, max: usize) -> Result<&[Value], ApiError> {
    let inputs =
        body["inputs"].as_array().ok_or_else(|| ApiError::validation("inputs has to be a list"))?;
    if inputs.is_empty() || inputs.len() > max {
        let message = format!("inputs has {} entries; 1 to {max} are allowed", inputs.len());
        return Err(ApiError::validation(message));
    }
    Ok(inputs)
}

/// The answer of a batch: 207 when there are errors.
pub(super) fn answer(
    call: &Call<'_>,
    status: u16,
    results: Vec<Value>,
    errors: Vec<Value>,
) -> ApiAnswer {
    let now = call.now.to_string();
    let mut body = json!({
        "status": "COMPLETE",
        "results": results,
        "requestedAt": now,
        "startedAt": now,
        "completedAt": now,
    });
    if errors.is_empty() {
        return ApiAnswer::with(status, body);
    }
    body["numErrors"] = json!(errors.len());
    body["errors"] = Value::Array(errors);
    ApiAnswer::with(207, body)
}

/// One entry of `errors`.
fn row_error(error: &ApiError, context: Value) -> Value {
    json!({
        "status": "error",
        "category": error.category,
        "message": error.message,
        "errors": error.errors.clone().unwrap_or_else(|| json!([])),
        "context": context,
        "links": {},
    })
}

fn missing(kind: ObjectKind, ids: &[String]) -> Option<Value> {
    if ids.is_empty() {
        return None;
    }
    let message = format!(
        "Could not get some {} objects, they may be deleted or not exist. Check that ids are valid.",
        kind.singular().to_ascii_uppercase()
    );
    Some(row_error(&ApiError::not_found(message), json!({ "ids": ids })))
}

fn input_id(input: &Value) -> Result<String, ApiError> {
    shape::id_text(&input["id"]).ok_or_else(|| ApiError::validation("an input has no id"))
}

fn read(
    call: &Call<'_>,
    kind: ObjectKind,
    body: &Value,
    inputs: &[Value],
) -> Result<ApiAnswer, ApiError> {
    let wanted = Wanted {
        properties: shape::names(body, "properties"),
        with_history: shape::names(body, "propertiesWithHistory"),
        associations: Vec::new(),
    };
    if !wanted.with_history.is_empty() && inputs.len() > MAX_INPUTS_WITH_HISTORY {
        let message = format!(
            "with propertiesWithHistory at most {MAX_INPUTS_WITH_HISTORY} inputs are allowed"
        );
        return Err(ApiError::validation(message));
    }
    let archived = call.request.param("archived") == Some("true");
    let id_property = body["idProperty"].as_str();
    let (mut results, mut gone) = (Vec::new(), Vec::new());
    let mut seen = std::collections::BTreeSet::new();
    for (index, input) in inputs.iter().enumerate() {
        let id = input_id(input)?;
        let found = shape::find(call.account, kind, &id, id_property, archived);
        match found.filter(|_| !call.spoils(index)) {
            Some(record) if seen.insert(record.id) => {
                results.push(shape::object(call.account, call.config, record, &wanted, call.now)?);
            }
            Some(_) => {}
            None => gone.push(id),
        }
    }
    Ok(answer(call, 200, results, missing(kind, &gone).into_iter().collect()))
}

fn spoiled() -> ApiError {
    ApiError::validation("This input was refused on purpose.")
}

fn create(call: &mut Call<'_>, kind: ObjectKind, inputs: &[Value]) -> Result<ApiAnswer, ApiError> {
    // Without a trace id on every input one bad input fails the whole batch.
    let traced = inputs.iter().all(|input| input["objectWriteTraceId"].is_string());
    if !traced {
        for (index, input) in inputs.iter().enumerate() {
            if call.spoils(index) {
                return Err(spoiled());
            }
            validate::for_create(call.account, kind, &shape::values(input)?)?;
        }
    }
    let (mut results, mut errors) = (Vec::new(), Vec::new());
    for (index, input) in inputs.iter().enumerate() {
        let made = if call.spoils(index) { Err(spoiled()) } else { create_one(call, kind, input) };
        match made {
            Ok(mut object) => {
                if let Some(trace) = input["objectWriteTraceId"].as_str() {
                    object["objectWriteTraceId"] = json!(trace);
                }
                results.push(object);
            }
            Err(error) if traced => {
                let trace = &input["objectWriteTraceId"];
                errors.push(row_error(&error, json!({ "objectWriteTraceId": [trace] })));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(answer(call, 201, results, errors))
}

fn update(call: &mut Call<'_>, kind: ObjectKind, inputs: &[Value]) -> Result<ApiAnswer, ApiError> {
    let (mut results, mut errors) = (Vec::new(), Vec::new());
    for (index, input) in inputs.iter().enumerate() {
        let id = input_id(input)?;
        let id_property = input["idProperty"].as_str();
        let changed = if call.spoils(index) {
            Err(spoiled())
        } else {
            update_one(call, kind, &id, id_property, input)
        };
        match changed {
            Ok(object) => results.push(object),
            Err(error) => errors.push(row_error(&error, json!({ "ids": [id] }))),
        }
    }
    Ok(answer(call, 200, results, errors))
}

fn archive(call: &mut Call<'_>, kind: ObjectKind, inputs: &[Value]) -> Result<ApiAnswer, ApiError> {
    let actor = call.actor();
    for input in inputs {
        let id = input_id(input)?;
        if let Some(id) = shape::find(call.account, kind, &id, None, false).map(|found| found.id) {
            call.account.archive(kind, id, &actor, call.now)?;
        }
    }
    Ok(ApiAnswer::empty())
}
