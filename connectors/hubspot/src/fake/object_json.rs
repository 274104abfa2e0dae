//! How REST shows a record, and which records a path or body names.

use serde_json::{Map, Value, json};
use touchline_rules::UnixMs;

use super::FakeConfig;
use super::answer::ApiError;
use super::model::{HistoryEntry, ObjectKind, Record};
use super::store::Account;

/// What a caller wants to see of a record.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub properties: Vec<String>,
    pub with_history: Vec<String>,
    pub associations: Vec<String>,
}

/// What HubSpot shows when a caller names no property.
fn shown_by_default(kind: ObjectKind) -> &'static [&'static str] {
    match kind {
        ObjectKind::Deal => &["amount", "closedate", "dealname", "dealstage", "pipeline"],
        ObjectKind::Contact => &["email", "firstname", "lastname"],
        ObjectKind::Company => &["domain", "name"],
        _ => &[],
    }
}

/// The record as an object answer. Property values are text or null.
pub(super) fn object(
    account: &Account,
    config: &FakeConfig,
    record: &Record,
    wanted: &Wanted,
    now: UnixMs,
) -> Result<Value, ApiError> {
    let mut properties = Map::new();
    for name in record.kind.kept_properties() {
        properties.insert(name.into(), text_or_null(account.value(record, name, now)));
    }
    let defaults = shown_by_default(record.kind).iter().map(|name| (*name).to_owned());
    let named: Vec<String> =
        if wanted.properties.is_empty() { defaults.collect() } else { wanted.properties.clone() };
    let known = account.properties.get(&record.kind);
    for name in named {
        // Names that the account does not have are left out without a word.
        if known.is_some_and(|known| known.contains_key(&name)) {
            let value = account.value(record, &name, now);
            if value.is_some() || !account.withholds(record, &name) {
                properties.insert(name, text_or_null(value));
            }
        }
    }
    let mut object = envelope(config, record, properties);
    if !wanted.with_history.is_empty() {
        let mut histories = Map::new();
        for name in &wanted.with_history {
            if known.is_some_and(|known| known.contains_key(name)) {
                histories.insert(name.clone(), history(account, record, name, now));
            }
        }
        object["propertiesWithHistory"] = Value::Object(histories);
    }
    if !wanted.associations.is_empty() {
        let associations = associations(account, record, &wanted.associations)?;
        if !associations.is_empty() {
            object["associations"] = Value::Object(associations);
        }
    }
    Ok(object)
}

/// The record with everything that is set, as answers to writes show it.
pub(super) fn written(
    account: &Account,
    config: &FakeConfig,
    record: &Record,
    now: UnixMs,
) -> Value {
    let mut properties = Map::new();
    let own = record.kind.kept_properties();
    for name in record.values.keys().map(String::as_str).chain(own) {
        if let Some(value) = account.value(record, name, now) {
            properties.insert(name.to_owned(), Value::String(value));
        }
    }
    envelope(config, record, properties)
}

fn envelope(config: &FakeConfig, record: &Record, properties: Map<String, Value>) -> Value {
    let (portal, kind, id) = (config.portal_id, record.kind.type_id(), record.id);
    let mut object = json!({
        "id": id.to_string(),
        "properties": properties,
        "createdAt": record.created_at.to_string(),
        "updatedAt": record.updated_at.to_string(),
        "archived": !record.is_live(),
        "url": format!("https://app.hubspot.com/contacts/{portal}/record/{kind}/{id}"),
    });
    if let Some(at) = record.archived_at {
        object["archivedAt"] = Value::String(at.to_string());
    }
    object
}

fn text_or_null(value: Option<String>) -> Value {
    value.map_or(Value::Null, Value::String)
}

/// The values a property had, newest first. Values worked out from other records
/// have one entry.
fn history(account: &Account, record: &Record, name: &str, now: UnixMs) -> Value {
    let entry = |entry: &HistoryEntry| {
        let mut shown = json!({
            "value": entry.value,
            "timestamp": entry.timestamp.to_string(),
            "sourceType": entry.source_type,
        });
        if let Some(source_id) = &entry.source_id {
            shown["sourceId"] = json!(source_id);
        }
        if let Some(user_id) = entry.updated_by_user_id {
            shown["updatedByUserId"] = json!(user_id);
        }
        shown
    };
    match record.values.get(name) {
        Some(entries) => entries.iter().rev().map(entry).collect(),
        None => account
            .value(record, name, now)
            .into_iter()
            .map(|value| {
                json!({
                    "value": value,
                    "timestamp": record.updated_at.to_string(),
                    "sourceType": "CALCULATED",
                })
            })
            .collect(),
    }
}

fn associations(
    account: &Account,
    record: &Record,
    wanted: &[String],
) -> Result<Map<String, Value>, ApiError> {
    let mut shown = Map::new();
    for name in wanted {
        let to = kind(name)?;
        let mut results = Vec::new();
        for (id, types) in linked(account, record, to) {
            let plain = format!("{}_to_{}", record.kind.singular(), to.singular());
            let primary = super::catalog::primary_type(record.kind, to).map(|(there, _)| there);
            for type_id in types {
                // Where a primary type exists, it carries the plain name.
                let name = match primary {
                    Some(primary) if *type_id != primary => format!("{plain}_unlabeled"),
                    _ => plain.clone(),
                };
                results.push(json!({ "id": id.to_string(), "type": name }));
            }
        }
        if !results.is_empty() {
            shown.insert(to.plural().to_owned(), json!({ "results": results }));
        }
    }
    Ok(shown)
}

/// Live associated records of one kind, by id.
pub(super) fn linked<'a>(
    account: &'a Account,
    record: &'a Record,
    to: ObjectKind,
) -> impl Iterator<Item = (u64, &'a std::collections::BTreeSet<u32>)> {
    record.links.iter().filter_map(move |(id, types)| {
        let other = account.records.get(id)?;
        (other.kind == to && other.is_live()).then_some((*id, types))
    })
}

/// The kind that a path part names.
pub(super) fn kind(text: &str) -> Result<ObjectKind, ApiError> {
    ObjectKind::parse(text)
        .ok_or_else(|| ApiError::validation(format!("Unable to infer object type from: {text}")))
}

/// The record that `id` names, by id or by `id_property`; merged ids lead to the
/// record that lives on.
pub(super) fn find<'a>(
    account: &'a Account,
    kind: ObjectKind,
    id: &str,
    id_property: Option<&str>,
    archived: bool,
) -> Option<&'a Record> {
    let found = match id_property {
        None | Some("hs_object_id") => account.records.get(&account.surviving(id.parse().ok()?)),
        Some(name) => account
            .by_kind
            .get(&kind)?
            .iter()
            .filter_map(|known| account.records.get(known))
            .find(|record| record.stored(name) == Some(id)),
    };
    found.filter(|record| record.kind == kind && record.is_live() != archived)
}

/// An id in a body: text or number.
pub(super) fn id_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The names in a body's list.
pub(super) fn names(body: &Value, field: &str) -> Vec<String> {
    body.get(field)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect()
}

/// The `properties` of a write: text, or null to clear. HubSpot takes numbers
/// and booleans too.
pub(super) fn values(body: &Value) -> Result<Vec<(String, String)>, ApiError> {
    let Some(properties) = body.get("properties") else { return Ok(Vec::new()) };
    let properties = properties
        .as_object()
        .ok_or_else(|| ApiError::validation("properties has to be an object"))?;
    properties
        .iter()
        .map(|(name, value)| {
            let text = match value {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                Value::Bool(flag) => flag.to_string(),
                _ => return Err(ApiError::validation(format!("{name} has to be text"))),
            };
            Ok((name.clone(), text))
        })
        .collect()
}

/// The `associations` of a create: ids with the type ids wanted.
pub(super) fn links(body: &Value) -> Result<Vec<(u64, Vec<u32>)>, ApiError> {
    let Some(associations) = body.get("associations").filter(|value| !value.is_null()) else {
        return Ok(Vec::new());
    };
    let bad = || ApiError::validation("associations need to.id and types with associationTypeId");
    associations
        .as_array()
        .ok_or_else(bad)?
        .iter()
        .map(|association| {
            let id = id_text(&association["to"]["id"]).and_then(|id| id.parse().ok());
            let types = association["types"].as_array().ok_or_else(bad)?;
            Ok((id.ok_or_else(bad)?, type_ids(types).ok_or_else(bad)?))
        })
        .collect()
}

/// The type ids of `[{associationCategory, associationTypeId}]`; only HubSpot's
/// own types exist here.
pub(super) fn type_ids(types: &[Value]) -> Option<Vec<u32>> {
    types
        .iter()
        .map(|one| {
            let defined = one["associationCategory"] == "HUBSPOT_DEFINED";
            let id = one["associationTypeId"].as_u64().filter(|_| defined)?;
            u32::try_from(id).ok()
        })
        .collect()
}
