//! `…/search`: filters, one sort, pages up to 10,000 results, and the lag of the
//! index.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::answer::{ApiAnswer, ApiError};
use super::http::Call;
use super::model::{ObjectKind, Record};
use super::object_json::{self as shape, Wanted};
use super::validate::parse_time;

/// HubSpot's limits of one search.
const MAX_PAGE: usize = 200;
const DEFAULT_PAGE: usize = 10;
const MAX_RESULTS: usize = 10_000;
const MAX_GROUPS: usize = 5;
const MAX_FILTERS_PER_GROUP: usize = 6;
const MAX_FILTERS: usize = 18;
const MAX_QUERY_CHARS: usize = 3_000;

/// A record as the index shows it.
struct Indexed<'a> {
    call: &'a Call<'a>,
    record: &'a Record,
    shadow: Option<&'a BTreeMap<String, String>>,
}

impl<'a> Indexed<'a> {
    /// The record as search sees it now, if it does.
    fn of(call: &'a Call<'a>, record: &'a Record) -> Option<Indexed<'a>> {
        if !record.is_live() {
            return None;
        }
        let shadow = match record.search_shadow.as_ref().filter(|s| s.until > call.now) {
            Some(shadow) => Some(shadow.values.as_ref()?),
            None => None,
        };
        Some(Indexed { call, record, shadow })
    }

    fn value(&self, name: &str) -> Option<Cow<'a, str>> {
        if let Some(kind) = name.strip_prefix("associations.") {
            let to = ObjectKind::parse(kind)?;
            let ids: Vec<String> = shape::linked(self.call.account, self.record, to)
                .map(|(id, _)| id.to_string())
                .collect();
            return (!ids.is_empty()).then(|| Cow::Owned(ids.join(";")));
        }
        match self.shadow {
            Some(values) => values.get(name).map(|value| Cow::Borrowed(value.as_str())),
            None => self.call.account.value(self.record, name, self.call.now).map(Cow::Owned),
        }
    }
}

pub(super) fn search(call: &Call<'_>, kind: ObjectKind) -> Result<ApiAnswer, ApiError> {
    call.need(kind, false)?;
    let body = call.request.json()?;
    let groups = filter_groups(call, kind, &body)?;
    let query = body["query"].as_str().unwrap_or_default().to_lowercase();
    if query.chars().count() > MAX_QUERY_CHARS {
        return Err(ApiError::validation("query is longer than 3,000 characters"));
    }
    let (limit, after) = page(&body)?;
    let ids = call.account.by_kind.get(&kind).into_iter().flatten();
    let mut found: Vec<Indexed<'_>> = ids
        .filter_map(|id| call.account.records.get(id))
        .filter_map(|record| Indexed::of(call, record))
        .filter(|indexed| query.is_empty() || mentions(indexed, &query))
        .filter(|indexed| groups.is_empty() || groups.iter().any(|group| passes(indexed, group)))
        .collect();
    sort(&mut found, &body)?;
    let wanted = Wanted { properties: shape::names(&body, "properties"), ..Wanted::default() };
    let mut results = Vec::new();
    for indexed in found.iter().skip(after).take(limit) {
        let record = indexed.record;
        let mut object = shape::object(call.account, call.config, record, &wanted, call.now)?;
        if let Some(values) = indexed.shadow {
            show_shadow(&mut object, values);
        }
        results.push(object);
    }
    let mut answer = json!({ "total": found.len(), "results": results });
    let next = after + limit;
    if next < found.len() {
        answer["paging"] = json!({ "next": { "after": next.to_string() } });
    }
    Ok(ApiAnswer::ok(answer))
}

/// Puts the index's older values into the answer.
fn show_shadow(object: &mut Value, values: &BTreeMap<String, String>) {
    if let Some(properties) = object["properties"].as_object_mut() {
        for (name, value) in properties.iter_mut() {
            *value = values.get(name).map_or(Value::Null, |old| Value::String(old.clone()));
        }
    }
    let modified = ["hs_lastmodifieddate", "lastmodifieddate"];
    if let Some(at) = modified.iter().find_map(|name| values.get(*name)) {
        object["updatedAt"] = Value::String(at.clone());
    }
}

fn page(body: &Value) -> Result<(usize, usize), ApiError> {
    let limit = match &body["limit"] {
        Value::Null => DEFAULT_PAGE,
        value => value
            .as_u64()
            .and_then(|limit| usize::try_from(limit).ok())
            .filter(|limit| (1..=MAX_PAGE).contains(limit))
            .ok_or_else(|| ApiError::validation(format!("limit has to be 1 to {MAX_PAGE}")))?,
    };
    let after = match shape::id_text(&body["after"]).filter(|text| !text.is_empty()) {
        None => 0,
        Some(text) => text
            .parse::<usize>()
            .map_err(|_| ApiError::validation(format!("after is not a cursor: {text}")))?,
    };
    if after.saturating_add(limit) > MAX_RESULTS {
        let message = "Paging through more than 10,000 results is not allowed. Narrow the filters.";
        return Err(ApiError::validation(message));
    }
    Ok((limit, after))
}

fn filter_groups<'b>(
    call: &Call<'_>,
    kind: ObjectKind,
    body: &'b Value,
) -> Result<Vec<&'b [Value]>, ApiError> {
    let groups: Vec<&[Value]> = body["filterGroups"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|group| group["filters"].as_array().map(Vec::as_slice))
        .collect();
    let in_all: usize = groups.iter().map(|group| group.len()).sum();
    if groups.len() > MAX_GROUPS
        || groups.iter().any(|group| group.len() > MAX_FILTERS_PER_GROUP)
        || in_all > MAX_FILTERS
    {
        let message = "Too many filters: 5 groups of 6, 18 in all, are allowed.";
        return Err(ApiError::validation(message));
    }
    let known = call.account.properties.get(&kind);
    for filter in groups.iter().copied().flatten() {
        let name = filter["propertyName"].as_str().unwrap_or_default();
        let exists = known.is_some_and(|known| known.contains_key(name));
        if !exists && !name.starts_with("associations.") {
            let message = format!("There was a problem with the request: no property {name:?}");
            return Err(ApiError::validation(message));
        }
        if !OPERATORS.contains(&filter["operator"].as_str().unwrap_or_default()) {
            return Err(ApiError::validation(format!("no operator {}", filter["operator"])));
        }
    }
    Ok(groups)
}

const OPERATORS: [&str; 13] = [
    "EQ",
    "NEQ",
    "LT",
    "LTE",
    "GT",
    "GTE",
    "BETWEEN",
    "IN",
    "NOT_IN",
    "HAS_PROPERTY",
    "NOT_HAS_PROPERTY",
    "CONTAINS_TOKEN",
    "NOT_CONTAINS_TOKEN",
];

fn passes(indexed: &Indexed<'_>, group: &[Value]) -> bool {
    group.iter().all(|filter| passes_one(indexed, filter))
}

fn passes_one(indexed: &Indexed<'_>, filter: &Value) -> bool {
    let name = filter["propertyName"].as_str().unwrap_or_default();
    let operator = filter["operator"].as_str().unwrap_or_default();
    let value = indexed.value(name);
    let Some(value) = value.as_deref() else {
        return matches!(operator, "NOT_HAS_PROPERTY" | "NEQ" | "NOT_IN" | "NOT_CONTAINS_TOKEN");
    };
    // Associations hold several ids; other values are one.
    let parts: Vec<&str> =
        if name.starts_with("associations.") { value.split(';').collect() } else { vec![value] };
    let text = |field: &str| shape::id_text(&filter[field]).unwrap_or_default();
    let is = |wanted: &str| parts.iter().any(|part| compare(part, wanted) == Ordering::Equal);
    let against = |field: &str| compare(value, &text(field));
    let listed = || {
        filter["values"].as_array().into_iter().flatten().filter_map(shape::id_text).any(|v| is(&v))
    };
    match operator {
        "EQ" => is(&text("value")),
        "NEQ" => !is(&text("value")),
        "LT" => against("value") == Ordering::Less,
        "LTE" => against("value") != Ordering::Greater,
        "GT" => against("value") == Ordering::Greater,
        "GTE" => against("value") != Ordering::Less,
        "BETWEEN" => {
            against("value") != Ordering::Less && against("highValue") != Ordering::Greater
        }
        "IN" => listed(),
        "NOT_IN" => !listed(),
        "HAS_PROPERTY" => true,
        "CONTAINS_TOKEN" => has_token(value, &text("value")),
        "NOT_CONTAINS_TOKEN" => !has_token(value, &text("value")),
        _ => false,
    }
}

/// Numbers by size, times by instant, all else by letters without case.
fn compare(a: &str, b: &str) -> Ordering {
    if let (Ok(a), Ok(b)) = (a.parse::<Decimal>(), b.parse::<Decimal>()) {
        return a.cmp(&b);
    }
    match (parse_time(a), parse_time(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.to_lowercase().cmp(&b.to_lowercase()),
    }
}

/// Words are cut at everything but letters, digits and `-_`; `*` at an end
/// stands for any rest.
fn has_token(value: &str, wanted: &str) -> bool {
    let wanted = wanted.to_lowercase();
    let value = value.to_lowercase();
    let mut words = value.split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_'));
    match (wanted.strip_prefix('*'), wanted.strip_suffix('*')) {
        (Some(_), Some(_)) if wanted.len() > 1 => value.contains(wanted.trim_matches('*')),
        (Some(end), _) => words.any(|word| word.ends_with(end)),
        (_, Some(start)) => words.any(|word| word.starts_with(start)),
        _ if wanted.contains(' ') => value.contains(&wanted),
        _ => words.any(|word| word == wanted),
    }
}

fn mentions(indexed: &Indexed<'_>, query: &str) -> bool {
    let names = ["dealname", "email", "firstname", "lastname", "name", "domain", "hs_task_subject"];
    names.iter().filter_map(|name| indexed.value(name)).any(|v| v.to_lowercase().contains(query))
}

fn sort(found: &mut [Indexed<'_>], body: &Value) -> Result<(), ApiError> {
    let sorts = body["sorts"].as_array().map(Vec::as_slice).unwrap_or_default();
    if sorts.len() > 1 {
        return Err(ApiError::validation("Only one sort is allowed."));
    }
    let Some(sort) = sorts.first() else { return Ok(()) };
    let name = sort["propertyName"].as_str().or(sort.as_str()).unwrap_or_default();
    let descending = sort["direction"] == "DESCENDING";
    found.sort_by_cached_key(|indexed| sort_key(indexed.value(name).as_deref()));
    if descending {
        found.reverse();
    }
    Ok(())
}

/// A total order, also where one property holds numbers and words.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum SortKey {
    Missing,
    Number(Decimal),
    Time(i64),
    Text(String),
}

fn sort_key(value: Option<&str>) -> SortKey {
    let Some(value) = value else { return SortKey::Missing };
    if let Ok(number) = value.parse() {
        return SortKey::Number(number);
    }
    match parse_time(value) {
        Some(at) => SortKey::Time(at.0),
        None => SortKey::Text(value.to_lowercase()),
    }
}
