//! Deals as they stand, with their past values and activities.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};
use touchline_kit::CallError;
use touchline_rules::UnixMs;
use touchline_rules::facts::{Activity, DealKey, Fact, HistoryItem, Observation, Origin, Value};

use super::line::{Bucket, Line, Request};
use super::wire::{Page, Past, Record};
use super::{engagements, paths};
use crate::actor::actor;
use crate::properties::{Properties, Property, instant, read};

/// The most deals in one read: HubSpot allows 50 when past values are asked for.
pub(super) const BATCH_MAX: usize = 50;

/// Names the deals that were merged into this one.
const MERGED_IDS: &str = "hs_merged_object_ids";

/// Reads these deals, with the activities since this instant. One observation
/// for each id, in no particular order.
pub(super) async fn observe(
    line: &Line<'_>,
    ids: &[String],
    origin: Origin,
    activity_since: UnixMs,
) -> Result<Vec<Observation>, CallError> {
    let ids: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    let ids: Vec<&str> = ids.into_iter().collect();
    let properties = Properties::of(line.on);
    let mut out = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(BATCH_MAX) {
        let batch = split(chunk, line.read(request(chunk, &properties)).await?)?;
        let existing: Vec<String> = batch.found.iter().map(|one| one.id.0.clone()).collect();
        let activities = engagements::of_deals(line, &existing, activity_since).await?;
        let connection = &line.on.name;
        let at = Reading { connection, origin, at: line.now(), properties: &properties };
        out.extend(batch.gone.into_iter().map(|id| at.gone(id)));
        for record in &batch.found {
            let of = activities.as_ref().map(|all| all.get(&record.id.0));
            out.push(at.observation(record, of.map(|one| one.cloned().unwrap_or_default())));
        }
    }
    Ok(out)
}

fn request(ids: &[&str], properties: &Properties) -> Request {
    let mut names: Vec<&str> = Vec::new();
    let mut history: Vec<&str> = Vec::new();
    for property in properties.iter() {
        let name = &*property.name;
        // One property may fill several fields.
        if !names.contains(&name) {
            names.push(name);
        }
        if property.history && !history.contains(&name) {
            history.push(name);
        }
    }
    names.push(MERGED_IDS);
    let body = json!({
        "properties": names,
        "propertiesWithHistory": history,
        "inputs": inputs(ids),
    });
    Request::ask(paths::batch_read(paths::DEALS), body, Bucket::Calls)
}

/// The `inputs` of a batch.
pub(super) fn inputs(ids: &[impl AsRef<str>]) -> Json {
    ids.iter().map(|id| json!({"id": id.as_ref()})).collect()
}

/// An answer, by what became of each id.
#[derive(Debug)]
struct Batch {
    found: Vec<Record>,
    gone: Vec<String>,
}

/// An id is gone when HubSpot says so, when the record is archived, or when it
/// is left out of an answer without other faults. A record that was not asked
/// for is a merge's survivor, answering for the id that went into it.
///
/// # Errors
/// [`CallError::Unavailable`] when an id is missing for another reason: a deal
/// must not end because HubSpot stumbled.
fn split(asked: &[&str], page: Page<Record>) -> Result<Batch, CallError> {
    let named: BTreeSet<String> =
        page.errors().iter().filter(|one| one.is_absence()).flat_map(|one| one.ids()).collect();
    let fault = page.errors().iter().find(|one| !one.is_absence());
    let fault = fault.map(|one| one.name().to_owned());
    let mut records: BTreeMap<String, Record> =
        page.results.into_iter().map(|one| (one.id.0.clone(), one)).collect();
    let merged: BTreeSet<String> = records
        .values()
        .filter_map(|one| one.text(MERGED_IDS))
        .flat_map(|ids| ids.split(';').map(|id| id.trim().to_owned()))
        .collect();
    let mut batch = Batch { found: Vec::new(), gone: Vec::new() };
    for id in asked {
        match records.remove(*id) {
            Some(record) if !record.is_archived() => batch.found.push(record),
            Some(_) => batch.gone.push((*id).to_owned()),
            None if named.contains(*id) || merged.contains(*id) || fault.is_none() => {
                batch.gone.push((*id).to_owned());
            }
            None => {
                let fault = fault.unwrap_or_default();
                let detail = format!("HubSpot did not answer for deal {id}: {fault}");
                return Err(CallError::Unavailable { retry_at: None, detail });
            }
        }
    }
    Ok(batch)
}

/// What the observations of one read share.
struct Reading<'a> {
    connection: &'a str,
    origin: Origin,
    at: UnixMs,
    properties: &'a Properties,
}

impl Reading<'_> {
    fn gone(&self, id: String) -> Observation {
        Observation {
            deal: DealKey { connection: self.connection.to_owned(), id },
            origin: self.origin,
            observed_at: self.at,
            fields: Vec::new(),
            history: Vec::new(),
            activities: None,
            gone: true,
            url: None,
        }
    }

    fn observation(&self, record: &Record, activities: Option<Vec<Activity>>) -> Observation {
        let mut fields = Vec::new();
        let mut history = Vec::new();
        for property in self.properties.iter() {
            if let Some(text) = record.property(&property.name) {
                let text = text.0.as_deref();
                fields.push((property.field, value(property, text)));
            }
            if property.history {
                let past = record.history(&property.name);
                history.extend(past_values(property, past));
            }
        }
        let is_web = |url: &&String| url.starts_with("https://") || url.starts_with("http://");
        Observation {
            fields,
            history,
            activities,
            gone: false,
            url: record.url.as_ref().filter(is_web).cloned(),
            ..self.gone(record.id.0.clone())
        }
    }
}

/// A value that cannot be read is not known; the others of the deal still are.
fn value(property: &Property, text: Option<&str>) -> Fact<Value> {
    read(property.field, text, None).unwrap_or_else(|problem| {
        tracing::debug!(property.name = %property.name, "the value {problem}");
        Fact::Unknown
    })
}

/// HubSpot lists the newest first. Of values of one instant the later in the
/// list is the older, which `vendor_seq` keeps.
fn past_values(property: &Property, list: &[Past]) -> Vec<HistoryItem> {
    let mut next_seq: BTreeMap<UnixMs, i64> = BTreeMap::new();
    let mut out = Vec::with_capacity(list.len());
    for past in list.iter().rev() {
        let Some(at) = past.timestamp.0.as_deref().and_then(instant) else {
            continue;
        };
        let seq = next_seq.entry(at).or_default();
        let mut who = actor(past.source_type.as_deref(), past.source_id.as_deref());
        let user = past.updated_by_user_id.as_ref().map(|id| id.0.clone());
        who.user_id = who.user_id.or(user);
        out.push(HistoryItem {
            field: property.field,
            value: value(property, past.value.0.as_deref()),
            at,
            actor: who,
            vendor_seq: *seq,
        });
        *seq += 1;
    }
    out
}

#[cfg(test)]
mod tests;
