//! How conditions see a deal: the fields they may name, and the values that
//! stand behind them at one instant.
//!
//! | field | type | meaning |
//! |---|---|---|
//! | `deal.*` | see [`DEAL_FIELDS`] | the deal as it is now |
//! | `change.*` | by event, see [`change_fields`] | what moved; event rules only |
//! | `threshold` | number | the rule's own |
//! | `nudge.sent_at` | time | outcomes only |
//!
//! `now` is part of the language and needs no slot.

use super::event::{ChangeView, EventKind};
use super::{
    ActivityKind, ActorKind, DealFacts, Direction, Fact, Field, Metadata, StageKind, Value,
};
use crate::condition::{FieldDef, Schema, Slot, Type};
use crate::facts::track::days_moved;
use crate::time::UnixMs;

use super::schema::place::*;

/// The slot of each fact.
pub mod place {
    /// `deal.id`
    pub const ID: u16 = 0;
    /// `deal.name`
    pub const NAME: u16 = 1;
    /// `deal.pipeline`
    pub const PIPELINE: u16 = 2;
    /// `deal.stage`
    pub const STAGE: u16 = 3;
    /// `deal.stage_kind`
    pub const STAGE_KIND: u16 = 4;
    /// `deal.stage_index`
    pub const STAGE_INDEX: u16 = 5;
    /// `deal.owner`
    pub const OWNER: u16 = 6;
    /// `deal.amount`
    pub const AMOUNT: u16 = 7;
    /// `deal.currency`
    pub const CURRENCY: u16 = 8;
    /// `deal.close_date`
    pub const CLOSE_DATE: u16 = 9;
    /// `deal.created_at`
    pub const CREATED_AT: u16 = 10;
    /// `deal.closed_at`
    pub const CLOSED_AT: u16 = 11;
    /// `deal.stage_entered_at`
    pub const STAGE_ENTERED_AT: u16 = 12;
    /// `deal.next_step`
    pub const NEXT_STEP: u16 = 13;
    /// `deal.loss_reason`
    pub const LOSS_REASON: u16 = 14;
    /// `deal.last_activity_at`
    pub const LAST_ACTIVITY_AT: u16 = 15;
    /// `deal.last_inbound_at`
    pub const LAST_INBOUND_AT: u16 = 16;
    /// `deal.last_outbound_at`
    pub const LAST_OUTBOUND_AT: u16 = 17;
    /// `deal.next_meeting_at`
    pub const NEXT_MEETING_AT: u16 = 18;
    /// `deal.push_count`
    pub const PUSH_COUNT: u16 = 19;
    /// `deal.pushed_days`
    pub const PUSHED_DAYS: u16 = 20;
    /// `deal.stage_moves`
    pub const STAGE_MOVES: u16 = 21;
    /// `deal.is_closed`
    pub const IS_CLOSED: u16 = 22;
    /// `change.field`
    pub const CHANGE_FIELD: u16 = 23;
    /// `change.from`
    pub const CHANGE_FROM: u16 = 24;
    /// `change.to`
    pub const CHANGE_TO: u16 = 25;
    /// `change.stages_moved`
    pub const CHANGE_STAGES_MOVED: u16 = 26;
    /// `change.direction`
    pub const CHANGE_DIRECTION: u16 = 27;
    /// `change.days`
    pub const CHANGE_DAYS: u16 = 28;
    /// `change.occurred_at`
    pub const CHANGE_OCCURRED_AT: u16 = 29;
    /// `change.source`
    pub const CHANGE_SOURCE: u16 = 30;
    /// `change.kind`
    pub const CHANGE_KIND: u16 = 31;
    /// `threshold`
    pub const THRESHOLD: u16 = 32;
    /// `nudge.sent_at`
    pub const NUDGE_SENT_AT: u16 = 33;
    /// How many slots there are.
    pub const COUNT: usize = 34;
}

/// Room for every fact of one evaluation. It lives on the stack: nothing is
/// allocated to look at a deal.
pub type Slots<'a> = [Slot<'a>; COUNT];

/// Every `deal.*` field: name, type, slot and meaning.
pub const DEAL_FIELDS: [(&str, Type, u16, &str); 23] = [
    ("deal.id", Type::Text, ID, "the CRM's id of the deal"),
    ("deal.name", Type::Text, NAME, "its name"),
    ("deal.pipeline", Type::Text, PIPELINE, "id of its pipeline"),
    ("deal.stage", Type::Text, STAGE, "id of its stage"),
    ("deal.stage_kind", Type::Text, STAGE_KIND, "\"open\", \"won\" or \"lost\""),
    ("deal.stage_index", Type::Number, STAGE_INDEX, "place of its stage in the pipeline, from 0"),
    ("deal.owner", Type::Text, OWNER, "the CRM's id of its owner"),
    ("deal.amount", Type::Number, AMOUNT, "its amount"),
    ("deal.currency", Type::Text, CURRENCY, "its currency, else the account's: \"EUR\""),
    ("deal.close_date", Type::Time, CLOSE_DATE, "when it is expected to close, or closed"),
    ("deal.created_at", Type::Time, CREATED_AT, "when it was created"),
    ("deal.closed_at", Type::Time, CLOSED_AT, "when it entered a closed stage; empty while open"),
    ("deal.stage_entered_at", Type::Time, STAGE_ENTERED_AT, "when it entered its present stage"),
    ("deal.next_step", Type::Text, NEXT_STEP, "the agreed next step"),
    ("deal.loss_reason", Type::Text, LOSS_REASON, "why it was lost"),
    ("deal.last_activity_at", Type::Time, LAST_ACTIVITY_AT, "the last activity of any kind"),
    ("deal.last_inbound_at", Type::Time, LAST_INBOUND_AT, "the last activity from the buyer"),
    ("deal.last_outbound_at", Type::Time, LAST_OUTBOUND_AT, "the last activity to the buyer"),
    ("deal.next_meeting_at", Type::Time, NEXT_MEETING_AT, "the next booked meeting"),
    (
        "deal.push_count",
        Type::Number,
        PUSH_COUNT,
        "how often the close date moved later by a day or more while open",
    ),
    ("deal.pushed_days", Type::Number, PUSHED_DAYS, "days of those moves in sum"),
    ("deal.stage_moves", Type::Number, STAGE_MOVES, "how often it changed stage"),
    ("deal.is_closed", Type::Bool, IS_CLOSED, "won or lost"),
];

/// The slots of facts that rest on activities.
pub const ACTIVITY_SLOTS: [u16; 4] =
    [LAST_ACTIVITY_AT, LAST_INBOUND_AT, LAST_OUTBOUND_AT, NEXT_MEETING_AT];

/// The literals that accounts give a meaning to. `None`: nothing is known, and
/// any literal is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vocabulary {
    /// Stage ids.
    pub stages: Option<Vec<String>>,
    /// Pipeline ids.
    pub pipelines: Option<Vec<String>>,
    /// Owner ids.
    pub owners: Option<Vec<String>>,
}

impl Vocabulary {
    /// Everything that any of these accounts knows.
    #[must_use]
    pub fn of<'a>(accounts: impl IntoIterator<Item = &'a Metadata> + Clone) -> Self {
        let all = |ids: fn(&Metadata) -> Vec<String>| {
            let mut known: Vec<String> = accounts.clone().into_iter().flat_map(ids).collect();
            known.sort();
            known.dedup();
            (!known.is_empty()).then_some(known)
        };
        Vocabulary {
            stages: all(|one| {
                let stages = one.pipelines.iter().flat_map(|pipeline| &pipeline.stages);
                stages.map(|stage| stage.id.clone()).collect()
            }),
            pipelines: all(|one| one.pipelines.iter().map(|it| it.id.clone()).collect()),
            owners: all(|one| one.owners.iter().map(|it| it.id.clone()).collect()),
        }
    }

    fn values_of(&self, field: Field) -> Option<Vec<String>> {
        match field {
            Field::Stage => self.stages.clone(),
            Field::Pipeline => self.pipelines.clone(),
            Field::Owner => self.owners.clone(),
            _ => None,
        }
    }
}

/// The fields of a condition of a deal rule: with `on`, also `change.*` of that
/// event; with `in_outcome`, also `nudge.sent_at`.
#[must_use]
pub fn schema(on: Option<EventKind>, in_outcome: bool, words: &Vocabulary) -> Schema {
    let mut fields: Vec<FieldDef> = DEAL_FIELDS
        .iter()
        .map(|(name, ty, slot, doc)| {
            let values = match *slot {
                STAGE => words.values_of(Field::Stage),
                PIPELINE => words.values_of(Field::Pipeline),
                OWNER => words.values_of(Field::Owner),
                STAGE_KIND => {
                    texts([StageKind::Open, StageKind::Won, StageKind::Lost].map(StageKind::name))
                }
                _ => None,
            };
            def(name, *ty, *slot, values, doc)
        })
        .collect();
    fields.extend(on.map(|event| change_fields(event, words)).unwrap_or_default());
    fields.push(def("threshold", Type::Number, THRESHOLD, None, "the rule's threshold"));
    if in_outcome {
        let doc = "when the nudge was sent";
        fields.push(def("nudge.sent_at", Type::Time, NUDGE_SENT_AT, None, doc));
    }
    Schema::new(fields)
}

/// The `change.*` fields of one event.
#[must_use]
pub fn change_fields(event: EventKind, words: &Vocabulary) -> Vec<FieldDef> {
    let sources = texts(ActorKind::ALL.map(ActorKind::name));
    let mut fields = vec![
        def("change.occurred_at", Type::Time, CHANGE_OCCURRED_AT, None, "when it happened"),
        def("change.source", Type::Text, CHANGE_SOURCE, sources, "who or what made it"),
    ];
    let moved = match event {
        EventKind::Created => None,
        EventKind::ActivityLogged => {
            let kinds = texts(ActivityKind::ALL.map(ActivityKind::name));
            let ways = texts(["inbound", "outbound"]);
            fields.push(def("change.kind", Type::Text, CHANGE_KIND, kinds, "sort of activity"));
            fields.push(def("change.direction", Type::Text, CHANGE_DIRECTION, ways, "its way"));
            None
        }
        EventKind::StageChanged | EventKind::Closed | EventKind::Reopened => Some(Field::Stage),
        EventKind::FieldChanged(field) => Some(field),
    };
    let Some(field) = moved else { return fields };
    let (ty, values) = (field_type(field), words.values_of(field));
    let names = texts([field.name()]);
    fields.push(def("change.field", Type::Text, CHANGE_FIELD, names, "the field that moved"));
    fields.push(def("change.from", ty, CHANGE_FROM, values.clone(), "its value before"));
    fields.push(def("change.to", ty, CHANGE_TO, values, "its value after"));
    if field == Field::Stage {
        let ways = texts(["forward", "back"]);
        let doc = "stages moved; negative when back";
        fields.push(def("change.stages_moved", Type::Number, CHANGE_STAGES_MOVED, None, doc));
        fields.push(def("change.direction", Type::Text, CHANGE_DIRECTION, ways, "its way"));
    }
    if ty == Type::Time {
        let doc = "days moved; negative when earlier";
        fields.push(def("change.days", Type::Number, CHANGE_DAYS, None, doc));
    }
    fields
}

/// The type of a field's values.
#[must_use]
pub fn field_type(field: Field) -> Type {
    match field {
        Field::Amount => Type::Number,
        Field::CloseDate | Field::CreatedAt => Type::Time,
        _ => Type::Text,
    }
}

fn def(name: &str, ty: Type, slot: u16, values: Option<Vec<String>>, doc: &str) -> FieldDef {
    FieldDef { name: name.to_owned(), ty, slot, values, doc: doc.to_owned() }
}

fn texts<const N: usize>(names: [&str; N]) -> Option<Vec<String>> {
    Some(names.map(str::to_owned).to_vec())
}

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
    let plain = [
        (NAME, Field::Name),
        (PIPELINE, Field::Pipeline),
        (STAGE, Field::Stage),
        (OWNER, Field::Owner),
        (AMOUNT, Field::Amount),
        (CURRENCY, Field::Currency),
        (CLOSE_DATE, Field::CloseDate),
        (NEXT_STEP, Field::NextStep),
        (LOSS_REASON, Field::LossReason),
    ];
    for (place, field) in plain {
        put(place, slot(facts.value(field)));
    }
    if facts.text(Field::Currency).is_none()
        && let Some(currency) = &metadata.currency
    {
        put(CURRENCY, Slot::Text(currency));
    }
    if let Some((index, kind)) = facts.stage_place(metadata) {
        put(STAGE_KIND, Slot::Text(kind.name()));
        put(STAGE_INDEX, Slot::Number(index as f64));
        put(IS_CLOSED, Slot::Bool(kind != StageKind::Open));
    }
    put(CREATED_AT, facts.created_at().map_or(Slot::Unknown, Slot::Time));
    put(STAGE_ENTERED_AT, facts.stage_entered_at().map_or(Slot::Unknown, Slot::Time));
    put(STAGE_MOVES, facts.stage_moves().map_or(Slot::Unknown, |n| Slot::Number(f64::from(n))));
    put(
        CLOSED_AT,
        match facts.closed_at(metadata) {
            Fact::Known(at) => Slot::Time(at),
            Fact::Empty => Slot::Empty,
            Fact::Unknown => Slot::Unknown,
        },
    );
    if let Some((count, days)) = facts.pushes(metadata) {
        put(PUSH_COUNT, Slot::Number(f64::from(count)));
        put(PUSHED_DAYS, Slot::Number(days as f64));
    }
    if activity_known(facts, activity_trusted) {
        let known = |at: Option<UnixMs>| at.map_or(Slot::Empty, Slot::Time);
        let last = |way| known(facts.activities.last(way, now));
        put(LAST_ACTIVITY_AT, last(None));
        put(LAST_INBOUND_AT, last(Some(Direction::Inbound)));
        put(LAST_OUTBOUND_AT, last(Some(Direction::Outbound)));
        put(NEXT_MEETING_AT, known(facts.activities.next_meeting(now)));
    }
    slots
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
