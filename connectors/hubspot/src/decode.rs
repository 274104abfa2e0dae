//! What a webhook delivery says: a batch of events, each read for itself.
//!
//! HubSpot sends classic events (`deal.creation`) and generic ones
//! (`object.creation` with an `objectTypeId`), in any order, with repeats, and
//! with the creation in the middle of its own property changes. Nothing is
//! sorted or dropped here: time and content decide later.

mod event;
mod subscription;

use serde_json::Value;
use serde_json::value::RawValue;
use touchline_kit::{
    ActivityRef, ConnectionEvent, ConnectionView, Inbound, StoredRequest, Undecodable,
};
use touchline_rules::facts::{self, ActivityKind, Change, ChangeKind, DealKey, Fact};

use self::event::Event;
use self::subscription::{Subscription, Verb};
use crate::objects::{ACTIVITIES, Subject, type_name};
use crate::properties::{Properties, Property, read};
use crate::settings::account_id;

/// The most events read from one delivery. HubSpot sends up to 100; a body of
/// 8 MiB could not hold this many real ones.
const EVENTS_MAX: usize = 65_536;
/// The most deals one merge may name.
const MERGED_MAX: usize = 1_000;
/// How much of a vendor's name is quoted, in characters.
const QUOTED_CHARS_MAX: usize = 64;

/// Properties of activities that are read; a change of any other is ignored.
const ACTIVITY_PROPERTIES: [&str; 4] =
    ["hs_timestamp", "hs_task_status", "hs_call_direction", "hs_email_direction"];

/// Why one event could not be read.
type Reason = String;

/// Reads a stored delivery.
pub(crate) fn decode(
    kind: &str,
    request: &StoredRequest,
    on: &ConnectionView,
) -> Vec<Result<Inbound, Undecodable>> {
    let whole = |reason: String| vec![Err(Undecodable { index: None, reason })];
    if !kind.is_empty() {
        return whole(format!("HubSpot sends nothing to the path part {:?}", quoted(kind)));
    }
    let Ok(text) = std::str::from_utf8(&request.body) else {
        return whole("the body is not valid UTF-8".into());
    };
    let events: Vec<&RawValue> = match serde_json::from_str(text) {
        Ok(events) => events,
        Err(problem) => {
            return whole(format!("the body is not a JSON array of events{}", place(&problem)));
        }
    };
    let (account, properties) = (account_id(on), Properties::of(on));
    let on = Hearing { on, account: account.as_deref(), properties: &properties };
    let mut out = Vec::with_capacity(events.len().min(EVENTS_MAX));
    for (index, raw) in events.iter().take(EVENTS_MAX).enumerate() {
        match decode_one(raw, &on) {
            Ok(news) => out.extend(news.into_iter().map(Ok)),
            Err(reason) => out.push(Err(Undecodable { index: Some(index), reason })),
        }
    }
    if events.len() > EVENTS_MAX {
        let reason = format!("only the first {EVENTS_MAX} of {} events were read", events.len());
        out.push(Err(Undecodable { index: Some(EVENTS_MAX), reason }));
    }
    out
}

/// The connection that a delivery is heard on.
struct Hearing<'a> {
    on: &'a ConnectionView,
    account: Option<&'a str>,
    properties: &'a Properties,
}

fn decode_one(raw: &RawValue, heard: &Hearing<'_>) -> Result<Vec<Inbound>, Reason> {
    let Hearing { on, account, properties } = *heard;
    let value: Value = serde_json::from_str(raw.get())
        .map_err(|problem| format!("the event is not readable JSON{}", place(&problem)))?;
    let Value::Object(fields) = &value else {
        return Err("the event is not a JSON object".into());
    };
    let event = Event::of(fields)?;
    if account.is_some_and(|ours| ours != event.portal_id) {
        return Err(format!(
            "the event is of HubSpot account {}, this connection of account {}: install the app \
             in that account only, or connect that account too",
            event.portal_id,
            account.unwrap_or_default()
        ));
    }
    let told = Subscription::of(&event)?;
    match (told.subject, told.verb) {
        (_, Verb::PrivacyDeletion) => privacy_deletion(&event, &told),
        (Subject::Other, _) => Ok(ignored(told.name(&event))),
        (_, Verb::AssociationChange) => association(&event, &told),
        (Subject::Deal, Verb::PropertyChange) => property(&event, properties, on),
        (Subject::Deal, verb) => deal(&event, verb, on),
        (Subject::Activity(kind), verb) => activity(&event, kind, verb, &told),
    }
}

fn ignored(what: String) -> Vec<Inbound> {
    vec![Inbound::Ignored { what }]
}

fn privacy_deletion(event: &Event<'_>, told: &Subscription<'_>) -> Result<Vec<Inbound>, Reason> {
    let object_type = type_name(told.object).to_owned();
    let object_id = event.object_id()?;
    let erase = ConnectionEvent::PrivacyDeletion { object_type, object_id };
    Ok(vec![Inbound::Connection(erase)])
}

fn deal(event: &Event<'_>, verb: Verb, on: &ConnectionView) -> Result<Vec<Inbound>, Reason> {
    let kind = match verb {
        Verb::Creation => ChangeKind::Created,
        Verb::Deletion => ChangeKind::Deleted,
        Verb::Restore => ChangeKind::Restored,
        Verb::Merge => return merge(event, on),
        Verb::PropertyChange
        | Verb::PrivacyDeletion
        | Verb::AssociationChange
        | Verb::Conversation => {
            return Ok(ignored("deal event".into()));
        }
    };
    Ok(vec![Inbound::Change(change(event, event.object_id()?, kind, on)?)])
}

/// One change for each field that the property fills.
fn property(
    event: &Event<'_>,
    properties: &Properties,
    on: &ConnectionView,
) -> Result<Vec<Inbound>, Reason> {
    let name = event.property_name()?;
    let mut changes = Vec::new();
    for property in properties.filled_by(name) {
        let to = property_value(event, property)?;
        let kind = ChangeKind::FieldSet { field: property.field, to };
        changes.push(Inbound::Change(change(event, event.object_id()?, kind, on)?));
    }
    if changes.is_empty() {
        return Ok(ignored(format!("deal property {}", quoted(name))));
    }
    Ok(changes)
}

fn property_value(event: &Event<'_>, property: &Property) -> Result<Fact<facts::Value>, Reason> {
    let text = event.property_value()?;
    let Some(text) = text else {
        // The event says that the value changed, not to what.
        return Ok(Fact::Unknown);
    };
    read(property.field, text.as_deref(), event.is_sensitive())
        .map_err(|problem| format!("the value of {} {problem}", property.name))
}

/// Each merged deal ends in the survivor. HubSpot may make a new record of a
/// merge: then the primary one ends in it too.
fn merge(event: &Event<'_>, on: &ConnectionView) -> Result<Vec<Inbound>, Reason> {
    let primary = event.id("primaryObjectId")?;
    let survivor = event.id("newObjectId")?.or_else(|| primary.clone());
    let Some(survivor) = survivor else {
        return Err("the merge names no surviving deal".into());
    };
    let mut ended = event.ids("mergedObjectIds", MERGED_MAX)?;
    ended.extend(primary);
    ended.retain(|id| *id != survivor);
    ended.sort_unstable();
    ended.dedup();
    if ended.is_empty() {
        return Err("the merge names no merged deal".into());
    }
    let merged = |id| {
        let kind = ChangeKind::MergedInto { survivor: survivor.clone() };
        change(event, id, kind, on).map(Inbound::Change)
    };
    ended.into_iter().map(merged).collect()
}

fn activity(
    event: &Event<'_>,
    kind: ActivityKind,
    verb: Verb,
    told: &Subscription<'_>,
) -> Result<Vec<Inbound>, Reason> {
    let is_news = match verb {
        Verb::Creation | Verb::Restore => true,
        Verb::PropertyChange => ACTIVITY_PROPERTIES.contains(&event.property_name()?),
        _ => false,
    };
    if !is_news {
        return Ok(ignored(told.name(event)));
    }
    Ok(vec![Inbound::Activity(ActivityRef { kind, id: event.object_id()? })])
}

/// A deal's associations are read with it, so most of these are of no interest.
/// An activity may be tied to its deal after it was created, though: then it is
/// looked up again.
fn association(event: &Event<'_>, told: &Subscription<'_>) -> Result<Vec<Inbound>, Reason> {
    let (from, to) = event.association_ends();
    let activity_at = |end: Option<&str>, id: &'static str| {
        let end = end?;
        let known = |one: &&crate::objects::ActivityType| {
            one.type_id == end
                || one.classic == end
                || one.classic == end.trim_end_matches("_EVENT")
        };
        ACTIVITIES.iter().find(known).map(|one| (one.kind, id))
    };
    let end = activity_at(from, "fromObjectId").or_else(|| activity_at(to, "toObjectId"));
    let Some((kind, id)) = end.filter(|_| !event.association_removed()) else {
        return Ok(ignored(told.name(event)));
    };
    let id = event.id(id)?.ok_or("the association names no activity")?;
    Ok(vec![Inbound::Activity(ActivityRef { kind, id })])
}

fn change(
    event: &Event<'_>,
    id: String,
    kind: ChangeKind,
    on: &ConnectionView,
) -> Result<Change, Reason> {
    Ok(Change {
        deal: DealKey { connection: on.name.clone(), id },
        kind,
        occurred_at: event.occurred_at()?,
        actor: event.actor(),
        vendor_id: event.id("eventId")?,
        vendor_seq: 0,
    })
}

/// Where JSON went wrong. The problem's own words could quote a value.
fn place(problem: &serde_json::Error) -> String {
    // What is JSON, but of another kind, is wrong nowhere in particular.
    if problem.column() == 0 {
        return String::new();
    }
    format!(": see line {} column {}", problem.line(), problem.column())
}

/// A vendor's word, short and without control characters, for a message.
fn quoted(text: &str) -> String {
    let plain = text.chars().filter(|one| !one.is_control());
    plain.take(QUOTED_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests;
