//! What changed since last time, for events that webhooks lost.
//!
//! Each call makes one search and moves one type on; a round visits deals and
//! then each sort of activity. Within a round a page starts at the last change
//! time of the page before, that instant included, so nothing that shares it is
//! lost. When one instant fills a whole page, its records are walked by id.

use serde::{Deserialize, Serialize};
use touchline_kit::{ActivityRef, CallError, PollPage};
use touchline_rules::UnixMs;
use touchline_rules::facts::ActivityKind;
use touchline_rules::time::MINUTE_MS;

use super::line::{Line, Request};
use super::paths;
use super::search::{CHANGED_AT, ID, PAGE_MAX, Query, bad_cursor, filter, id_number};
use super::wire::{Page, Record};
use crate::objects::{ACTIVITIES, ActivityType};
use crate::settings::Settings;

/// How far a round reaches back behind the newest change seen: search lags.
const OVERLAP_MS: i64 = 5 * MINUTE_MS;
/// How far behind our own clock a quiet type's mark may fall. HubSpot's clock
/// and ours may differ by less than this.
const QUIET_MS: i64 = 10 * MINUTE_MS;
/// Deals, and each sort of activity.
const TYPES: usize = 1 + ACTIVITIES.len();

/// Where the poll stands. Opaque to the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    /// The type that is next: 0 for deals, then [`ACTIVITIES`] in order.
    turn: usize,
    types: [Position; TYPES],
}

/// How far one type was read.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Position {
    /// The newest change seen in finished rounds.
    mark: UnixMs,
    /// The round being read.
    round: Option<Round>,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Round {
    /// When it began, by our clock.
    began: UnixMs,
    /// Changes from here on are still to be read.
    from: UnixMs,
    /// Set while the records of the instant `from` are walked: ids above it
    /// are still to be read.
    tie_after: Option<u64>,
    /// The newest change seen in this round.
    newest: UnixMs,
}

/// Makes one step.
pub(super) async fn page(
    line: &Line<'_>,
    cursor: Option<&str>,
    now: UnixMs,
) -> Result<PollPage, CallError> {
    let mut cursor = match cursor {
        Some(text) => read_cursor(text)?,
        None => Cursor { turn: 0, types: [Position { mark: now, round: None }; TYPES] },
    };
    let activity = cursor.turn.checked_sub(1).map(|index| &ACTIVITIES[index]);
    let position = &mut cursor.types[cursor.turn];
    let round = position.round.unwrap_or_else(|| begin(position.mark, now));
    let objects = activity.map_or(paths::DEALS, |of| of.path);
    let (found, is_full) = match line.read::<Page<Record>>(query(objects, &round)).await {
        // A sort that we may not read must not stop the others.
        Err(CallError::Forbidden { detail }) if activity.is_some() => {
            tracing::debug!(connection.name = %line.on.name, "{objects} are not polled: {detail}");
            (Vec::new(), false)
        }
        other => {
            let page = other?;
            let is_full = page.results.len() >= PAGE_MAX || page.after().is_some();
            (page.results, is_full)
        }
    };
    position.round = step(round, &found, is_full && !found.is_empty())?;
    if position.round.is_none() {
        position.mark = end(position.mark, &round, &found);
        let all = if Settings::of(line.on).poll_activities { TYPES } else { 1 };
        cursor.turn = (cursor.turn + 1) % all;
    }
    let more = cursor.turn != 0 || cursor.types[0].round.is_some();
    let (deals, activities) = news(activity, &found, round.from);
    Ok(PollPage { deals, activities, cursor: text(&cursor), more })
}

fn begin(mark: UnixMs, now: UnixMs) -> Round {
    let from = mark.plus_ms(-OVERLAP_MS);
    Round { began: now, from, tie_after: None, newest: mark }
}

fn query(objects: &str, round: &Round) -> Request {
    let from = round.from.0.to_string();
    let (filters, sort) = match round.tie_after {
        None => (vec![filter(CHANGED_AT, "GTE", &from)], CHANGED_AT),
        Some(id) => {
            let beyond = filter(ID, "GT", &id.to_string());
            (vec![filter(CHANGED_AT, "EQ", &from), beyond], ID)
        }
    };
    Query { objects, groups: vec![filters], sort, limit: PAGE_MAX }.request()
}

/// The round behind this page, which may be full (more is waiting); `None` when
/// it has come to its end.
fn step(round: Round, found: &[Record], is_full: bool) -> Result<Option<Round>, CallError> {
    let newest = newest(&round, found);
    if let Some(walked) = round.tie_after {
        let mut highest = walked;
        for record in found {
            highest = highest.max(id_number(&record.id.0)?);
        }
        if !is_full {
            let from = round.from.plus_ms(1);
            return Ok(Some(Round { from, tie_after: None, newest, ..round }));
        }
        if highest == walked {
            let detail = "HubSpot's search answered with records that were read before".into();
            return Err(CallError::Unavailable { retry_at: None, detail });
        }
        return Ok(Some(Round { tie_after: Some(highest), newest, ..round }));
    }
    if !is_full {
        return Ok(None);
    }
    let last = found.iter().filter_map(Record::changed_at).max().unwrap_or(round.from);
    let tie_after = (last <= round.from).then_some(0);
    Ok(Some(Round { from: last.max(round.from), tie_after, newest, ..round }))
}

fn newest(round: &Round, found: &[Record]) -> UnixMs {
    found.iter().filter_map(Record::changed_at).fold(round.newest, UnixMs::max)
}

/// The mark a finished round leaves. A quiet type's mark follows our clock at
/// a distance, so that its last change is not found again for ever.
fn end(mark: UnixMs, round: &Round, found: &[Record]) -> UnixMs {
    mark.max(newest(round, found)).max(round.began.plus_ms(-QUIET_MS))
}

type News = (Vec<(String, UnixMs)>, Vec<ActivityRef>);

fn news(activity: Option<&ActivityType>, found: &[Record], from: UnixMs) -> News {
    let id = |record: &Record| record.id.0.clone();
    match activity {
        None => {
            let changed = |one: &Record| (id(one), one.changed_at().unwrap_or(from));
            (found.iter().map(changed).collect(), Vec::new())
        }
        Some(of) => {
            let kind: ActivityKind = of.kind;
            (Vec::new(), found.iter().map(|one| ActivityRef { kind, id: id(one) }).collect())
        }
    }
}

fn read_cursor(text: &str) -> Result<Cursor, CallError> {
    let cursor: Option<Cursor> = serde_json::from_str(text).ok();
    cursor.filter(|one| one.turn < TYPES).ok_or_else(|| bad_cursor("poll's"))
}

fn text(cursor: &Cursor) -> String {
    #[expect(clippy::expect_used, reason = "numbers and names are always JSON")]
    serde_json::to_string(cursor).expect("a cursor is JSON")
}

#[cfg(test)]
mod tests;
