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

use super::event::EventKind;
use super::{ActivityKind, ActorKind, ChangedBy, Field, Metadata, StageKind, StagePhase};
use crate::condition::{FieldDef, Schema, Slot, Type};
use crate::portfolio::PERSON_FIELDS;

pub use super::place;
use super::place::*;
pub use super::slots::{activity_known, deal_slots, put_change};

/// Room for every fact of one evaluation. It lives on the stack: nothing is
/// allocated to look at a deal.
pub type Slots<'a> = [Slot<'a>; COUNT];

/// Every `deal.*` field: name, type, slot and meaning.
pub const DEAL_FIELDS: [(&str, Type, u16, &str); 61] = [
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
    (
        "deal.stage_phase",
        Type::Text,
        STAGE_PHASE,
        "\"early\", \"middle\", \"late\", \"proposal\" or \"verbal\", as the connection maps its stage",
    ),
    ("deal.owner_since", Type::Time, OWNER_SINCE, "since when it has its owner"),
    ("deal.owner_changes", Type::Number, OWNER_CHANGES, "how often it changed owner"),
    ("deal.amount_changes", Type::Number, AMOUNT_CHANGES, "how often its amount changed"),
    (
        "deal.amount_changed_at",
        Type::Time,
        AMOUNT_CHANGED_AT,
        "when its amount last changed; empty if it never did",
    ),
    (
        "deal.close_date_changed_at",
        Type::Time,
        CLOSE_DATE_CHANGED_AT,
        "when its close date last moved; empty if it never did",
    ),
    ("deal.last_email_at", Type::Time, LAST_EMAIL_AT, "the last e-mail, either way"),
    ("deal.last_call_at", Type::Time, LAST_CALL_AT, "the last call, either way"),
    ("deal.last_meeting_at", Type::Time, LAST_MEETING_AT, "the last meeting held"),
    ("deal.emails", Type::Number, EMAILS, "e-mails so far, at most 8 of each direction"),
    ("deal.calls", Type::Number, CALLS, "calls so far, at most 8 of each direction"),
    ("deal.meetings", Type::Number, MEETINGS, "meetings held so far, at most 64"),
    (
        "deal.contacts_engaged",
        Type::Number,
        CONTACTS_ENGAGED,
        "different people in its e-mails, calls and meetings so far, at most 32",
    ),
    ("deal.next_step_date", Type::Time, NEXT_STEP_DATE, "when the next step is due"),
    ("deal.competitor", Type::Text, COMPETITOR, "who else the buyer looks at"),
    ("deal.forecast_category", Type::Text, FORECAST_CATEGORY, "the forecast category"),
    ("deal.discount", Type::Number, DISCOUNT, "the discount in percent"),
    ("deal.contacts", Type::Number, CONTACTS, "how many people are associated with it"),
    ("deal.lead_source", Type::Text, LEAD_SOURCE, "where it came from"),
    ("deal.proposal_sent_at", Type::Time, PROPOSAL_SENT_AT, "when the proposal was sent"),
    (
        "deal.proposal_opened_at",
        Type::Time,
        PROPOSAL_OPENED_AT,
        "when the buyer opened the proposal",
    ),
    ("deal.renewal_date", Type::Time, RENEWAL_DATE, "when the contract renews"),
    (
        "deal.value_review_date",
        Type::Time,
        VALUE_REVIEW_DATE,
        "when results were last reviewed with the buyer",
    ),
    ("deal.impact", Type::Text, IMPACT, "the measured effect the buyer wants"),
    ("deal.economic_buyer", Type::Text, ECONOMIC_BUYER, "who owns the budget"),
    ("deal.decision_criteria", Type::Text, DECISION_CRITERIA, "by what the buyer chooses"),
    ("deal.decision_process", Type::Text, DECISION_PROCESS, "how the buyer decides"),
    ("deal.paper_process", Type::Text, PAPER_PROCESS, "how the paper gets signed"),
    ("deal.problem", Type::Text, PROBLEM, "the buyer's problem"),
    ("deal.consequence", Type::Text, CONSEQUENCE, "what the problem leads to if nothing changes"),
    ("deal.benefit", Type::Text, BENEFIT, "what solving it is worth to the buyer"),
    ("deal.situation", Type::Text, SITUATION, "how the buyer works today"),
    ("deal.champion", Type::Text, CHAMPION, "who sells for us inside"),
    ("deal.budget", Type::Text, BUDGET, "what is known of the budget"),
    ("deal.timing", Type::Text, TIMING, "by when the buyer needs it, and why"),
    ("deal.insight", Type::Text, INSIGHT, "what we taught the buyer"),
    ("deal.meeting_goal", Type::Text, MEETING_GOAL, "what the next meeting is to decide"),
    ("deal.meeting_outcome", Type::Text, MEETING_OUTCOME, "what the last meeting ended with"),
];

/// The slots of facts that rest on activities.
pub const ACTIVITY_SLOTS: [u16; 11] = [
    LAST_ACTIVITY_AT,
    LAST_INBOUND_AT,
    LAST_OUTBOUND_AT,
    NEXT_MEETING_AT,
    LAST_EMAIL_AT,
    LAST_CALL_AT,
    LAST_MEETING_AT,
    EMAILS,
    CALLS,
    MEETINGS,
    CONTACTS_ENGAGED,
];

/// The names of the facts that rest on activities.
pub fn activity_facts() -> impl Iterator<Item = &'static str> {
    let facts = DEAL_FIELDS.iter().filter(|(_, _, slot, _)| ACTIVITY_SLOTS.contains(slot));
    facts.map(|(name, ..)| *name)
}

/// Whether what a condition reads under `name` rests on activities: such a fact
/// itself, or what a function counts from one.
#[must_use]
pub fn rests_on_activities(name: &str) -> bool {
    let argument = name.strip_suffix(')').and_then(|call| call.split_once('('));
    let fact = argument.map_or(name, |(_, argument)| argument);
    activity_facts().any(|one| one == fact)
}

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
                STAGE_PHASE => texts(StagePhase::ALL.map(StagePhase::name)),
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

/// The fields of a condition of a rule about a person.
#[must_use]
pub fn person_schema() -> Schema {
    let facts = PERSON_FIELDS.iter();
    let mut fields: Vec<FieldDef> =
        facts.map(|(name, ty, slot, doc)| def(name, *ty, *slot, None, doc)).collect();
    fields.push(def("threshold", Type::Number, THRESHOLD, None, "the rule's threshold"));
    Schema::new(fields)
}

/// The `change.*` fields of one event.
#[must_use]
pub fn change_fields(event: EventKind, words: &Vocabulary) -> Vec<FieldDef> {
    let sources = texts(ActorKind::ALL.map(ActorKind::name));
    let by = texts(ChangedBy::ALL.map(ChangedBy::name));
    let mut fields = vec![
        def("change.occurred_at", Type::Time, CHANGE_OCCURRED_AT, None, "when it happened"),
        def("change.source", Type::Text, CHANGE_SOURCE, sources, "by which means it was made"),
        def("change.by", Type::Text, CHANGE_BY, by, "who made it, as seen from the deal"),
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
    let (ty, values) = (field.value_type(), words.values_of(field));
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

fn def(name: &str, ty: Type, slot: u16, values: Option<Vec<String>>, doc: &str) -> FieldDef {
    FieldDef { name: name.to_owned(), ty, slot, values, doc: doc.to_owned() }
}

fn texts<const N: usize>(names: [&str; N]) -> Option<Vec<String>> {
    Some(names.map(str::to_owned).to_vec())
}
