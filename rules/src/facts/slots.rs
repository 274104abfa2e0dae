//! The values that stand behind what conditions may name, at one instant.

use super::activities::Recency;
use super::event::ChangeView;
use super::place::{self, *};
use super::schema::Slots;
use super::{DealFacts, Fact, Field, Metadata, Value};
use crate::condition::Slot;
use crate::facts::track::days_moved;
use crate::time::UnixMs;

/// Whether facts that rest on activities may be used at all: the pipeline's
/// verdict, and whether this deal's activities were read.
#[must_use]
pub fn activity_known(facts: &DealFacts, trusted: bool) -> bool {
    trusted && facts.activities.read
}

/// Every `deal.*` fact as it stands at `now`. The rest is left Unknown.
#[must_use]
pub fn deal_slots<'a>(
    facts: &'a DealFacts,
    metadata: &'a Metadata,
    activity_trusted: bool,
    now: UnixMs,
) -> Slots<'a> {
    let mut slots: Slots<'a> = [Slot::Unknown; COUNT];
    let mut put = |place: u16, slot: Slot<'a>| slots[usize::from(place)] = slot;
    put(ID, Slot::Text(&facts.key.id));
    for (field, track) in &facts.tracks {
        if let Some(version) = track.newest() {
            put(place::of(*field), slot(&version.value));
        }
    }
    for field in &metadata.unmapped {
        put(place::of(*field), Slot::Unknown);
    }
    if facts.text(Field::Currency).is_none()
        && let Some(currency) = &metadata.currency
    {
        put(CURRENCY, Slot::Text(currency));
    }
    if let Some((index, stage)) = facts.stage_in(metadata) {
        put(STAGE_KIND, Slot::Text(stage.kind.name()));
        put(STAGE_INDEX, Slot::Number(index as f64));
        put(IS_CLOSED, Slot::Bool(!stage.kind.is_open()));
        put(STAGE_PHASE, stage.phase.map_or(Slot::Unknown, |phase| Slot::Text(phase.name())));
    }
    put(CREATED_AT, facts.created_at().map_or(Slot::Unknown, Slot::Time));
    put(STAGE_ENTERED_AT, facts.stage_entered_at().map_or(Slot::Unknown, Slot::Time));
    put(STAGE_MOVES, facts.stage_moves().map_or(Slot::Unknown, |n| Slot::Number(f64::from(n))));
    put(CLOSED_AT, time(facts.closed_at(metadata)));
    if let Some((count, days)) = facts.pushes(metadata) {
        put(PUSH_COUNT, Slot::Number(f64::from(count)));
        put(PUSHED_DAYS, Slot::Number(days as f64));
    }
    let count = |field| facts.change_count(field).map_or(Slot::Unknown, |n| Slot::Number(n.into()));
    put(OWNER_SINCE, facts.since(Field::Owner).map_or(Slot::Unknown, Slot::Time));
    put(OWNER_CHANGES, count(Field::Owner));
    put(AMOUNT_CHANGES, count(Field::Amount));
    put(AMOUNT_CHANGED_AT, time(facts.changed_at(Field::Amount)));
    put(CLOSE_DATE_CHANGED_AT, time(facts.changed_at(Field::CloseDate)));
    if activity_known(facts, activity_trusted) {
        put_activities(&mut slots, &facts.activities.recency(now));
    }
    slots
}

fn put_activities(slots: &mut Slots<'_>, told: &Recency) {
    let at = |at: Option<UnixMs>| at.map_or(Slot::Empty, Slot::Time);
    let count = |count: u32| Slot::Number(count.into());
    for (place, slot) in [
        (LAST_ACTIVITY_AT, at(told.last)),
        (LAST_INBOUND_AT, at(told.last_inbound)),
        (LAST_OUTBOUND_AT, at(told.last_outbound)),
        (LAST_EMAIL_AT, at(told.last_email)),
        (LAST_CALL_AT, at(told.last_call)),
        (LAST_MEETING_AT, at(told.last_meeting)),
        (NEXT_MEETING_AT, at(told.next_meeting)),
        (EMAILS, count(told.emails)),
        (CALLS, count(told.calls)),
        (MEETINGS, count(told.meetings)),
        (CONTACTS_ENGAGED, told.contacts_engaged.map_or(Slot::Unknown, count)),
    ] {
        slots[usize::from(place)] = slot;
    }
}

fn time(at: Fact<UnixMs>) -> Slot<'static> {
    match at {
        Fact::Known(at) => Slot::Time(at),
        Fact::Empty => Slot::Empty,
        Fact::Unknown => Slot::Unknown,
    }
}

/// Puts `change.*` beside the facts of the deal.
pub fn put_change<'a>(
    slots: &mut Slots<'a>,
    change: &'a ChangeView,
    pipeline: Option<&str>,
    metadata: &Metadata,
) {
    let mut put = |place: u16, slot: Slot<'a>| slots[usize::from(place)] = slot;
    put(CHANGE_OCCURRED_AT, Slot::Time(change.occurred_at));
    put(CHANGE_SOURCE, Slot::Text(change.actor.kind.name()));
    put(CHANGE_BY, Slot::Text(change.by.name()));
    if let Some((kind, way)) = change.activity {
        put(CHANGE_KIND, Slot::Text(kind.name()));
        put(CHANGE_DIRECTION, way.name().map_or(Slot::Unknown, Slot::Text));
    }
    let Some(field) = change.field else { return };
    put(CHANGE_FIELD, Slot::Text(field.name()));
    put(CHANGE_FROM, slot(&change.from));
    put(CHANGE_TO, slot(&change.to));
    if let Some(days) = days_moved(&change.from, &change.to) {
        put(CHANGE_DAYS, Slot::Number(days as f64));
    }
    if field == Field::Stage
        && let Some(moved) = change.stages_moved(pipeline, metadata)
    {
        put(CHANGE_STAGES_MOVED, Slot::Number(moved as f64));
        put(CHANGE_DIRECTION, Slot::Text(if moved < 0 { "back" } else { "forward" }));
    }
}

fn slot(value: &Fact<Value>) -> Slot<'_> {
    use rust_decimal::prelude::ToPrimitive;
    match value {
        Fact::Unknown => Slot::Unknown,
        Fact::Empty => Slot::Empty,
        Fact::Known(Value::Text(text)) => Slot::Text(text),
        Fact::Known(Value::Number(number)) => number.to_f64().map_or(Slot::Unknown, Slot::Number),
        Fact::Known(Value::Time(at)) => Slot::Time(*at),
    }
}
