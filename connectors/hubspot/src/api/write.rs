//! Tasks and notes that Touchline writes on a deal.
//!
//! HubSpot has no idempotency key, so each carries a marker line with its
//! delivery's id. The marker settles a lost answer, and keeps what we wrote
//! out of the deal's activity.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::{Value, json};
use touchline_kit::{CallError, CrmWrite, CrmWriteKind, Receipt};
use touchline_rules::UnixMs;
use touchline_rules::facts::ActivityKind;

use super::deals::inputs;
use super::engagements::associated_ids;
use super::line::{Bucket, Line, Request};
use super::wire::{Id, Page, Record};
use super::{line, paths};
use crate::objects::{ActivityType, activity_type};

/// Begins the marker line. What follows is a delivery's id.
const MARKER: &str = "touchline:";
/// The least length of an id for a marker to count as ours.
const MARKER_ID_MIN: usize = 8;
/// Characters of a subject that are kept.
const SUBJECT_CHARS_MAX: usize = 250;
/// Characters of a text that are kept. HubSpot takes 65,536, and an escaped
/// character takes up to six.
const BODY_CHARS_MAX: usize = 10_000;
/// The most tasks or notes of a deal that are searched for a marker.
const FIND_MAX: usize = 1_000;
/// Read at once while searching: each may hold 64 KiB.
const FIND_BATCH: usize = 50;

/// HubSpot's own association types (its published list of type ids).
const TASK_TO_DEAL: u32 = 216;
const NOTE_TO_DEAL: u32 = 214;

/// Writes it.
pub(super) async fn send(line: &Line<'_>, write: &CrmWrite) -> Result<Receipt, CallError> {
    let answer = line.send(request(write, line.now())).await?;
    let made: Made = line::parse("a create", &answer).map_err(|error| {
        // HubSpot took it, so it may well be there.
        CallError::Ambiguous { detail: error.to_string() }
    })?;
    Ok(receipt(write.kind, made.id.0))
}

#[derive(Deserialize)]
struct Made {
    id: Id,
}

/// The receipt of an earlier attempt, if it was made after all.
pub(super) async fn find(line: &Line<'_>, write: &CrmWrite) -> Result<Option<Receipt>, CallError> {
    let of = activity_of(write.kind);
    let deal = [write.deal.id.clone()];
    let tied = associated_ids(line, paths::DEALS, of.path, &deal).await?;
    let Some(mut tied) = tied else {
        let detail = format!("HubSpot did not tell the {} of a deal", of.path);
        return Err(CallError::Unavailable { retry_at: None, detail });
    };
    let mut ids = tied.remove(&write.deal.id).unwrap_or_default();
    ids.sort_unstable_by(|a, b| (b.len(), b).cmp(&(a.len(), a)));
    let is_cut = ids.len() > FIND_MAX;
    ids.truncate(FIND_MAX);
    for chunk in ids.chunks(FIND_BATCH) {
        let page: Page<Record> = line.read(find_request(of, chunk)).await?;
        let ours = page.results.iter().find(|one| carries(of, one, &write.marker));
        if let Some(record) = ours {
            return Ok(Some(receipt(write.kind, record.id.0.clone())));
        }
    }
    if is_cut {
        let detail = format!("the marker is not among the newest {FIND_MAX} {}", of.path);
        return Err(CallError::Ambiguous { detail });
    }
    Ok(None)
}

/// Marks a task of ours done. A note has no state, and a task that the seller
/// deleted needs none.
pub(super) async fn complete(line: &Line<'_>, receipt: &Receipt) -> Result<(), CallError> {
    if receipt.place != place(CrmWriteKind::Task) {
        return Ok(());
    }
    let path = paths::object(activity_type(ActivityKind::Task).path, &receipt.id);
    let done = json!({"properties": {"hs_task_status": "COMPLETED"}});
    match line.send(Request::patch(path, done)).await {
        Ok(_) | Err(CallError::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether a task's or note's text carries a marker of Touchline.
pub(super) fn has_marker(body: &str) -> bool {
    markers(body).any(|id| id.len() >= MARKER_ID_MIN)
}

fn carries(of: &ActivityType, record: &Record, marker: &str) -> bool {
    let body = of.body.and_then(|name| record.text(name)).unwrap_or_default();
    markers(body).any(|id| id == marker)
}

/// The ids behind each marker word, to the end of its word.
fn markers(body: &str) -> impl Iterator<Item = &str> {
    body.split(MARKER).skip(1).map(|rest| {
        let end = rest.find(|one: char| !is_marker_char(one)).unwrap_or(rest.len());
        &rest[..end]
    })
}

fn is_marker_char(one: char) -> bool {
    one.is_ascii_alphanumeric() || matches!(one, '-' | '_' | '.')
}

fn activity_of(kind: CrmWriteKind) -> &'static ActivityType {
    activity_type(match kind {
        CrmWriteKind::Task => ActivityKind::Task,
        CrmWriteKind::Note => ActivityKind::Note,
    })
}

fn place(kind: CrmWriteKind) -> &'static str {
    match kind {
        CrmWriteKind::Task => "task",
        CrmWriteKind::Note => "note",
    }
}

fn receipt(kind: CrmWriteKind, id: String) -> Receipt {
    Receipt { place: place(kind).to_owned(), id }
}

fn request(write: &CrmWrite, now: UnixMs) -> Request {
    let mut properties = match write.kind {
        CrmWriteKind::Task => task(write, now),
        CrmWriteKind::Note => json!({
            "hs_timestamp": now.to_string(),
            "hs_note_body": html(&format!("{}\n{}", write.subject, write.body), &write.marker),
        }),
    };
    if let Some(owner) = &write.owner_id {
        properties["hubspot_owner_id"] = json!(owner);
    }
    let tie = match write.kind {
        CrmWriteKind::Task => TASK_TO_DEAL,
        CrmWriteKind::Note => NOTE_TO_DEAL,
    };
    let body = json!({
        "properties": properties,
        "associations": [{
            "to": {"id": write.deal.id},
            "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": tie}],
        }],
    });
    Request::create(paths::create(activity_of(write.kind).path), body)
}

fn task(write: &CrmWrite, now: UnixMs) -> Value {
    let mut properties = json!({
        "hs_timestamp": write.due_at.to_string(),
        "hs_task_subject": one_line(&write.subject),
        "hs_task_body": html(&write.body, &write.marker),
        "hs_task_status": "NOT_STARTED",
        "hs_task_priority": "MEDIUM",
        "hs_task_type": "TODO",
    });
    // The one way to reach a user's HubSpot notifications; useless in the past.
    if write.due_at > now {
        properties["hs_task_reminders"] = json!(write.due_at.0.to_string());
    }
    properties
}

/// HubSpot shows a subject as plain text, so it is not escaped, only kept to
/// one line.
fn one_line(text: &str) -> String {
    let plain = text.chars().map(|one| if one.is_control() { ' ' } else { one });
    plain.take(SUBJECT_CHARS_MAX).collect()
}

/// Plain text as HubSpot's rich text: every character that means something in
/// HTML escaped, line breaks kept, the marker in small print below.
fn html(text: &str, marker: &str) -> String {
    let mut out = String::with_capacity(text.len() + 128);
    out.push_str("<p>");
    for one in text.trim().chars().take(BODY_CHARS_MAX) {
        escape(&mut out, one);
    }
    if text.trim().chars().count() > BODY_CHARS_MAX {
        out.push('…');
    }
    out.push_str("</p><p style=\"font-size:8px;color:#99acc2\">");
    out.push_str(MARKER);
    for one in marker.chars() {
        escape(&mut out, one);
    }
    out.push_str("</p>");
    out
}

fn escape(out: &mut String, one: char) {
    match one {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '"' => out.push_str("&quot;"),
        '\'' => out.push_str("&#39;"),
        '\n' => out.push_str("<br>"),
        // A text that quotes a marker must not be taken for ours.
        ':' if out.ends_with("touchline") => {
            let _ = write!(out, "&#58;");
        }
        other if other.is_control() => out.push(' '),
        other => out.push(other),
    }
}

fn find_request(of: &ActivityType, ids: &[String]) -> Request {
    let names: Vec<&str> = of.body.into_iter().collect();
    let body = json!({"properties": names, "inputs": inputs(ids)});
    Request::ask(paths::batch_read(of.path), body, Bucket::Calls)
}

#[cfg(test)]
mod tests;
