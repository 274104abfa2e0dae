//! Activities (HubSpot also calls them engagements): who wrote, called or met.

mod associations;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use touchline_kit::{ActivityRef, CallError};
use touchline_rules::UnixMs;
use touchline_rules::facts::{
    Activity, ActivityKind, Actor, ActorKind, Change, ChangeKind, DealKey, Direction, PersonMark,
};

use self::associations::associated;
pub(super) use self::associations::associated as associated_ids;
use super::deals::inputs;
use super::line::{Bucket, Line, Request};
use super::paths;
use super::wire::{Page, Record};
use super::write::has_marker;
use crate::actor::actor;
use crate::objects::{ACTIVITIES, ActivityType, activity_type};
use crate::settings::Settings;

/// The most activities in one read.
const BATCH_MAX: usize = 100;
/// The most in one read of those whose text is read too: each may hold 64 KiB.
const BATCH_WITH_BODY_MAX: usize = 50;
/// The most activities read with one batch of deals. It keeps the calls of a
/// batch below what may come at once, so that a batch can always be finished.
const READ_MAX: usize = 2_000;

/// The activities of these deals since this instant, the newest first to be
/// read: where a batch has more than [`READ_MAX`], the oldest are left out,
/// evenly. Deals without any are not listed. `None` when HubSpot does not let
/// us read one of the sorts: a rule that counts silence must then not count.
pub(super) async fn of_deals(
    line: &Line<'_>,
    deals: &[String],
    since: UnixMs,
) -> Result<Option<BTreeMap<String, Vec<Activity>>>, CallError> {
    match read_of_deals(line, deals, since).await {
        Err(CallError::Forbidden { detail }) => {
            tracing::warn!(connection.name = %line.on.name, "activities cannot be read: {detail}");
            Ok(None)
        }
        other => other,
    }
}

async fn read_of_deals(
    line: &Line<'_>,
    deals: &[String],
    since: UnixMs,
) -> Result<Option<BTreeMap<String, Vec<Activity>>>, CallError> {
    let mut lists = Vec::new();
    for of in &ACTIVITIES {
        let Some(tied) = associated(line, paths::DEALS, of.path, deals).await? else {
            return Ok(None);
        };
        lists.extend(tied.into_iter().map(|(deal, ids)| (of, deal, newest_first(ids))));
    }
    cut(lists.iter_mut().map(|(_, _, ids)| ids).collect(), READ_MAX);
    let mut out: BTreeMap<String, Vec<Activity>> = BTreeMap::new();
    for of in &ACTIVITIES {
        let of_kind = || lists.iter().filter(|(one, _, _)| one.kind == of.kind);
        let ids: BTreeSet<&String> = of_kind().flat_map(|(_, _, ids)| ids).collect();
        let found = read(line, of, &ids.into_iter().collect::<Vec<_>>()).await?;
        for (_, deal, ids) in of_kind() {
            let known = ids.iter().filter_map(|id| found.get(id));
            let recent = known.map(|one| &one.activity).filter(|one| one.at >= since);
            out.entry(deal.clone()).or_default().extend(recent.cloned());
        }
    }
    Ok(Some(out))
}

/// HubSpot's ids grow with time, so the highest is the newest.
fn newest_first(mut ids: Vec<String>) -> Vec<String> {
    ids.sort_unstable_by(|a, b| (b.len(), b).cmp(&(a.len(), a)));
    ids
}

/// Shortens the longest lists until they hold no more than `room` together.
fn cut(lists: Vec<&mut Vec<String>>, room: usize) {
    let held = |height: usize| lists.iter().map(|one| one.len().min(height)).sum::<usize>();
    let tallest = lists.iter().map(|one| one.len()).max().unwrap_or(0);
    // The greatest height that fits, by halving: `held` grows with the height.
    let (mut fits, mut too_high) = (0, tallest + 1);
    while too_high - fits > 1 {
        let middle = fits + (too_high - fits) / 2;
        if held(middle) <= room { fits = middle } else { too_high = middle }
    }
    for list in lists {
        list.truncate(fits);
    }
}

/// Looks up activities of which only ids are known, as changes of their deals.
/// Those that no longer exist or belong to no deal are left out.
pub(super) async fn changes(
    line: &Line<'_>,
    refs: &[ActivityRef],
) -> Result<Vec<Change>, CallError> {
    let mut out = Vec::new();
    for of in &ACTIVITIES {
        let ids: BTreeSet<&String> =
            refs.iter().filter(|one| one.kind == of.kind).map(|one| &one.id).collect();
        if ids.is_empty() {
            continue;
        }
        let found = read(line, of, &ids.into_iter().collect::<Vec<_>>()).await?;
        let existing: Vec<String> = found.keys().cloned().collect();
        let tied = associated(line, of.path, paths::DEALS, &existing).await?;
        let Some(tied) = tied else {
            let detail = format!("HubSpot did not tell which deals some {} belong to", of.path);
            return Err(CallError::Unavailable { retry_at: None, detail });
        };
        for (id, deals) in tied {
            let Some(one) = found.get(&id) else { continue };
            out.extend(deals.into_iter().map(|deal| change(&line.on.name, deal, one)));
        }
    }
    Ok(out)
}

fn change(connection: &str, deal: String, one: &Engagement) -> Change {
    Change {
        deal: DealKey { connection: connection.to_owned(), id: deal },
        kind: ChangeKind::Activity(one.activity.clone()),
        occurred_at: one.occurred_at,
        actor: one.actor.clone(),
        vendor_id: None,
        vendor_seq: 0,
    }
}

/// An activity as read.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Engagement {
    activity: Activity,
    /// When somebody acted: a meeting in March that was booked in February
    /// happened in February, a call logged a day late on the day of the call.
    occurred_at: UnixMs,
    actor: Actor,
}

async fn read(
    line: &Line<'_>,
    of: &ActivityType,
    ids: &[&String],
) -> Result<BTreeMap<String, Engagement>, CallError> {
    let size = if of.body.is_some() { BATCH_WITH_BODY_MAX } else { BATCH_MAX };
    let mut out = BTreeMap::new();
    for chunk in ids.chunks(size) {
        let page: Page<Record> = line.read(request(of, chunk)).await?;
        if let Some(fault) = page.errors().iter().find(|one| !one.is_absence()) {
            let detail = format!("HubSpot did not answer for some {}: {}", of.path, fault.name());
            return Err(CallError::Unavailable { retry_at: None, detail });
        }
        let known = page.results.iter().filter(|one| !one.is_archived());
        out.extend(known.filter_map(|one| Some((one.id.0.clone(), engagement(of.kind, one)?))));
    }
    if Settings::of(line.on).activity_contacts && of.meets_people() {
        tell_people(line, of, &mut out).await?;
    }
    Ok(out)
}

/// Notes who took part. Where HubSpot could not tell, nobody did.
async fn tell_people(
    line: &Line<'_>,
    of: &ActivityType,
    found: &mut BTreeMap<String, Engagement>,
) -> Result<(), CallError> {
    let ids: Vec<String> = found.keys().cloned().collect();
    let Some(mut tied) = associated(line, of.path, paths::CONTACTS, &ids).await? else {
        return Ok(());
    };
    for (id, one) in found {
        let people = tied.remove(id).unwrap_or_default();
        one.activity.people = Some(people.iter().map(|id| PersonMark::of(id)).collect());
    }
    Ok(())
}

fn request(of: &ActivityType, ids: &[&String]) -> Request {
    let mut names =
        vec!["hs_timestamp", "hs_createdate", "hs_object_source", "hs_created_by_user_id"];
    names.extend(of.direction);
    names.extend(of.body);
    if of.kind == ActivityKind::Task {
        names.extend(["hs_task_status", "hs_task_completion_date"]);
    }
    let body = json!({"properties": names, "inputs": inputs(ids)});
    Request::ask(paths::batch_read(of.path), body, Bucket::Calls)
}

/// `None` if it does not tell when it was.
fn engagement(kind: ActivityKind, record: &Record) -> Option<Engagement> {
    let of = activity_type(kind);
    let stated = record.time("hs_timestamp");
    let made = record.time("hs_createdate");
    let done = done_at(record);
    let at = done.or(stated).or(made)?;
    let occurred_at = done.or_else(|| made.map(|made| at.min(made))).unwrap_or(at);
    let by_touchline = of.body.and_then(|body| record.text(body)).is_some_and(has_marker);
    let mut who = actor(record.text("hs_object_source"), None);
    who.user_id = record.text("hs_created_by_user_id").map(str::to_owned);
    if by_touchline {
        who.kind = ActorKind::Touchline;
    }
    let direction = of.direction.and_then(|name| record.text(name)).map(direction);
    Some(Engagement {
        activity: Activity {
            id: record.id.0.clone(),
            kind,
            direction: direction.unwrap_or_default(),
            at,
            by_touchline,
            people: None,
        },
        occurred_at,
        actor: who,
    })
}

/// While a task is open this property holds the date it is due.
fn done_at(record: &Record) -> Option<UnixMs> {
    let is_done = record.text("hs_task_status") == Some("COMPLETED");
    record.time("hs_task_completion_date").filter(|_| is_done)
}

/// HubSpot's words for calls and e-mails. A forwarded e-mail may be either way.
fn direction(word: &str) -> Direction {
    match word {
        "INBOUND" | "INCOMING_EMAIL" => Direction::Inbound,
        "OUTBOUND" | "EMAIL" => Direction::Outbound,
        _ => Direction::Unknown,
    }
}

#[cfg(test)]
mod tests;
