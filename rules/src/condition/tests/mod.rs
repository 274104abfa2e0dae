//! Proofs about the condition language, by topic.

mod against_cel;
mod flips;
mod generate;
mod messages;
mod messages_syntax;
mod messages_warnings;
mod proofs;
mod reading;
mod robustness;
mod truth_table;

use jiff::tz::TimeZone;

use super::{Condition, Context, FieldDef, Schema, Slot, Truth, Type, compile};
use crate::{calendar::Calendar, time::UnixMs};

/// The fields that the tests read, in slot order.
pub(super) const STAGE: u16 = 0;
pub(super) const AMOUNT: u16 = 1;
pub(super) const CLOSE_DATE: u16 = 2;
pub(super) const CHAMPION: u16 = 3;
pub(super) const NEXT_STEP: u16 = 4;
pub(super) const THRESHOLD: u16 = 5;
pub(super) const CREATED_AT: u16 = 6;
pub(super) const LAST_INBOUND_AT: u16 = 7;
pub(super) const PUSH_COUNT: u16 = 8;
pub(super) const COMMITTED: u16 = 9;
pub(super) const SLOTS: usize = 10;

pub(super) fn schema() -> Schema {
    let field = |slot, name: &str, ty| FieldDef {
        name: name.to_owned(),
        ty,
        slot,
        values: None,
        doc: String::new(),
    };
    let mut stage = field(STAGE, "deal.stage", Type::Text);
    let stages = ["discovery", "proposal", "negotiation", "won", "lost"];
    stage.values = Some(stages.map(str::to_owned).to_vec());
    Schema::new(vec![
        stage,
        field(AMOUNT, "deal.amount", Type::Number),
        field(CLOSE_DATE, "deal.close_date", Type::Time),
        field(CHAMPION, "deal.has_champion", Type::Bool),
        field(NEXT_STEP, "deal.next_step", Type::Text),
        field(THRESHOLD, "threshold", Type::Number),
        field(CREATED_AT, "deal.created_at", Type::Time),
        field(LAST_INBOUND_AT, "deal.last_inbound_at", Type::Time),
        field(PUSH_COUNT, "deal.push_count", Type::Number),
        field(COMMITTED, "deal.is_committed", Type::Bool),
    ])
}

pub(super) fn condition(source: &str) -> Condition {
    match compile(source, &schema()) {
        Ok(condition) => condition,
        Err(errors) => panic!("{source}: {errors:?}"),
    }
}

pub(super) fn calendar(zone: &str) -> Calendar {
    Calendar::weekdays(TimeZone::get(zone).expect("a zone of the bundled database"))
}

/// Slots that are Unknown but for those given.
pub(super) fn slots<'a>(known: &[(u16, Slot<'a>)]) -> Vec<Slot<'a>> {
    let mut slots = vec![Slot::Unknown; SLOTS];
    for (slot, value) in known {
        slots[usize::from(*slot)] = *value;
    }
    slots
}

pub(super) fn at(text: &str) -> UnixMs {
    UnixMs::from(text.parse::<jiff::Timestamp>().expect("RFC 3339"))
}

/// The answer of `source` on the given facts, Monday 2026-11-23 in London.
pub(super) fn answer(source: &str, known: &[(u16, Slot<'_>)]) -> Truth {
    let calendar = calendar("Europe/London");
    let slots = slots(known);
    let on = Context { slots: &slots, now: at("2026-11-23T09:00:00Z"), calendar: &calendar };
    condition(source).eval(&on)
}
