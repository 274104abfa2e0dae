//! What a rule's texts can say: the values behind `{{ deal.name }}` and the rest.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::{Map, Value as Json, json};

use crate::condition::{Seen, Slot};
use crate::facts::{ChangeView, DealFacts, DealState, Fact, Field, Metadata, Value, civil_day};
use crate::money::amount_text;
use crate::portfolio::{PERSON_FIELDS, PersonFacts};
use crate::time::UnixMs;

use super::Firing;

/// What texts may read of the deal. Times suit the `date` filter, and
/// `deal.amount` the `money` filter.
pub const DEAL_PATHS: [&str; 49] = [
    "deal.id",
    "deal.name",
    "deal.url",
    "deal.pipeline",
    "deal.stage",
    "deal.owner",
    "deal.amount",
    "deal.amount_text",
    "deal.currency",
    "deal.close_date",
    "deal.next_step",
    "deal.loss_reason",
    "deal.push_count",
    "deal.pushed_days",
    "deal.days_open",
    "deal.days_in_stage",
    "deal.days_to_close",
    "deal.days_past_close",
    "deal.stage_phase",
    "deal.owner_changes",
    "deal.days_with_owner",
    "deal.amount_changes",
    "deal.meetings",
    "deal.contacts_engaged",
    "deal.next_step_date",
    "deal.competitor",
    "deal.forecast_category",
    "deal.discount",
    "deal.contacts",
    "deal.lead_source",
    "deal.proposal_sent_at",
    "deal.proposal_opened_at",
    "deal.renewal_date",
    "deal.value_review_date",
    "deal.impact",
    "deal.economic_buyer",
    "deal.decision_criteria",
    "deal.decision_process",
    "deal.paper_process",
    "deal.problem",
    "deal.consequence",
    "deal.benefit",
    "deal.situation",
    "deal.champion",
    "deal.budget",
    "deal.timing",
    "deal.insight",
    "deal.meeting_goal",
    "deal.meeting_outcome",
];

/// What texts may read of the reader.
pub const PERSON_PATHS: [&str; 2] = ["person.name", "person.first_name"];

/// What texts of a rule with a threshold may read of it. The last two have values
/// only where it is one of won deals: how many of them, and the whole in words.
pub const THRESHOLD_PATHS: [&str; 3] = ["threshold", "threshold.n", "threshold.source"];

/// What texts of event rules may read of the change.
pub const CHANGE_PATHS: [&str; 9] = [
    "change.field",
    "change.from",
    "change.to",
    "change.days",
    "change.stages_moved",
    "change.source",
    "change.by",
    "change.occurred_at",
    "change.vendor_id",
];

/// The values for rendering the texts of `firing`: stages, pipelines and owners
/// by the names people see, ages as they were when it fired, `null` for what is
/// empty or not known. `zone` is the reader's; a day, as the close date, is the same
/// for everybody.
#[must_use]
pub fn template_context(
    firing: &Firing,
    state: &DealState,
    metadata: &Metadata,
    person_name: &str,
    zone: &TimeZone,
) -> Json {
    let facts = &state.facts;
    let owner_zone = firing.zone();
    let mut context = json!({
        "deal": deal(facts, metadata, firing.at, &owner_zone),
        "person": {
            "name": person_name,
            "first_name": person_name.split_whitespace().next().unwrap_or(person_name),
        },
        "seen": firing.seen.iter().map(|(name, seen)| (name.clone(), seen_json(name, seen, &owner_zone)))
            .collect::<Map<String, Json>>(),
        "threshold": firing.threshold.map(number),
        "threshold_n": firing.quoted.map(|quoted| quoted.n),
        "threshold_source": firing.quoted.map(|quoted| quoted.source()),
    });
    if let Some(change) = &firing.change {
        context["change"] = change_json(change, facts, metadata);
    }
    if let Some(zone) = zone.iana_name() {
        context["reader"] = json!({ "time_zone": zone });
    }
    context
}

/// The values for rendering the texts of a firing about a person. Money is told in
/// `currency`.
#[must_use]
pub fn person_context(
    firing: &Firing,
    facts: &PersonFacts,
    currency: Option<&str>,
    person_name: &str,
    zone: &TimeZone,
) -> Json {
    let own_zone = firing.zone();
    let mut person = Map::new();
    for (path, ..) in PERSON_FIELDS {
        let value = match facts.named(path) {
            Some(Slot::Number(value)) => number(value),
            Some(Slot::Time(at)) => json!(at.0),
            _ => Json::Null,
        };
        person.insert(path.trim_start_matches("person.").to_owned(), value);
    }
    person.insert("name".to_owned(), json!(person_name));
    let first = person_name.split_whitespace().next().unwrap_or(person_name);
    person.insert("first_name".to_owned(), json!(first));
    person.insert("currency".to_owned(), json!(currency));
    let seen = firing.seen.iter();
    let seen = seen.map(|(name, seen)| (name.clone(), seen_json(name, seen, &own_zone)));
    let mut context = json!({
        "person": person,
        "seen": seen.collect::<Map<String, Json>>(),
        "threshold": firing.threshold.map(number),
    });
    if let Some(zone) = zone.iana_name() {
        context["reader"] = json!({ "time_zone": zone });
    }
    context
}

fn deal(facts: &DealFacts, metadata: &Metadata, at: UnixMs, zone: &TimeZone) -> Json {
    let pipeline = facts.text(Field::Pipeline);
    let pipeline_label = pipeline.map(|id| {
        let found = metadata.pipelines.iter().find(|one| one.id == id);
        found.map_or(id, |one| one.label.as_str())
    });
    let currency = facts.text(Field::Currency).or(metadata.currency.as_deref());
    let amount = match facts.value(Field::Amount) {
        Fact::Known(Value::Number(amount)) => Some(*amount),
        _ => None,
    };
    let close = match facts.value(Field::CloseDate) {
        Fact::Known(Value::Time(close)) => civil_day(Field::CloseDate, *close, metadata),
        _ => None,
    };
    let (push_count, pushed_days) = facts.pushes(metadata).unzip();
    let day = |at: UnixMs| zone.to_datetime(at.to_timestamp()).date();
    let to_close = close.map(|close| days_between(day(at), close));
    let elapsed =
        |since: Option<UnixMs>| since.map(|since| days_between(day(since), day(at)).max(0));
    let told = facts.activities.read.then(|| facts.activities.recency(at));
    let mut deal = json!({
        "id": facts.key.id,
        "name": facts.text(Field::Name).unwrap_or("this deal"),
        "url": facts.url,
        "pipeline": pipeline_label,
        "stage": facts.text(Field::Stage).map(|id| stage_label(id, pipeline, metadata)),
        "owner": facts.text(Field::Owner).map(|id| owner_name(id, metadata)),
        "amount": amount.map(|amount| amount.to_string()),
        "amount_text": amount.map(|amount| amount_text(amount, currency)),
        "currency": currency,
        "close_date": close.map(|close| close.to_string()),
        "next_step": facts.text(Field::NextStep),
        "loss_reason": facts.text(Field::LossReason),
        "push_count": push_count,
        "pushed_days": pushed_days,
        "days_open": elapsed(facts.created_at()),
        "days_in_stage": elapsed(facts.stage_entered_at()),
        "days_to_close": to_close,
        "days_past_close": to_close.map(|days| -days),
        "stage_phase": facts.stage_in(metadata).and_then(|(_, stage)| stage.phase),
        "owner_changes": facts.change_count(Field::Owner),
        "days_with_owner": elapsed(facts.since(Field::Owner)),
        "amount_changes": facts.change_count(Field::Amount),
        "meetings": told.as_ref().map(|told| told.meetings),
        "contacts_engaged": told.and_then(|told| told.contacts_engaged),
    });
    for field in Field::ALL.into_iter().filter(|field| field.is_named_fact()) {
        let is_mapped = !metadata.unmapped.contains(&field);
        deal[field.name()] = match facts.value(field) {
            _ if !is_mapped => Json::Null,
            Fact::Known(Value::Text(text)) => json!(text),
            Fact::Known(Value::Number(value)) => value.to_f64().map_or(Json::Null, number),
            Fact::Known(Value::Time(at)) => time_json(field, *at, metadata),
            Fact::Empty | Fact::Unknown => Json::Null,
        };
    }
    deal
}

/// Days from one date to another; negative when it lies behind.
fn days_between(from: Date, to: Date) -> i64 {
    from.until((jiff::Unit::Day, to)).map_or(0, |span| i64::from(span.get_days()))
}

fn stage_label<'a>(id: &'a str, pipeline: Option<&str>, metadata: &'a Metadata) -> &'a str {
    metadata.stage(pipeline, id).map_or(id, |(_, stage)| stage.label.as_str())
}

pub(super) fn owner_name<'a>(id: &'a str, metadata: &'a Metadata) -> Option<&'a str> {
    metadata.owner(id).map(|owner| owner.name.as_str())
}

fn change_json(change: &ChangeView, facts: &DealFacts, metadata: &Metadata) -> Json {
    let pipeline = facts.text(Field::Pipeline);
    let value = |value: &Fact<Value>| match (value, change.field) {
        (Fact::Known(Value::Text(id)), Some(Field::Stage)) => {
            json!(stage_label(id, pipeline, metadata))
        }
        (Fact::Known(Value::Text(id)), Some(Field::Owner)) => json!(owner_name(id, metadata)),
        (Fact::Known(Value::Text(text)), _) => json!(text),
        (Fact::Known(Value::Number(number)), _) => json!(number.to_string()),
        (Fact::Known(Value::Time(at)), Some(field)) => time_json(field, *at, metadata),
        (Fact::Known(Value::Time(at)), None) => json!(at.0),
        (Fact::Empty | Fact::Unknown, _) => Json::Null,
    };
    json!({
        "field": change.field.map(Field::name),
        "from": value(&change.from),
        "to": value(&change.to),
        "days": crate::facts::track::days_moved(&change.from, &change.to),
        "stages_moved": change.stages_moved(pipeline, metadata),
        "source": change.actor.kind.name(),
        "by": change.by.name(),
        "occurred_at": change.occurred_at.0,
        "vendor_id": change.vendor_id,
    })
}

/// A day as text, the same for everybody; an instant as milliseconds, which the
/// `date` filter tells on the reader's wall.
fn time_json(field: Field, at: UnixMs, metadata: &Metadata) -> Json {
    civil_day(field, at, metadata).map_or_else(|| json!(at.0), |day| json!(day.to_string()))
}

fn seen_json(name: &str, seen: &Seen, owner_zone: &TimeZone) -> Json {
    let may_be_day = || Field::named(name).is_some_and(|field| Field::DATES.contains(&field));
    match seen {
        Seen::Unknown | Seen::Empty => Json::Null,
        Seen::Bool(value) => json!(value),
        Seen::Number(value) => number(*value),
        Seen::Text(text) => json!(text),
        // Conditions see a day as the owner's midnight.
        Seen::Time(at) if may_be_day() => json!(at.to_zoned(owner_zone).date().to_string()),
        Seen::Time(at) => json!(at.0),
    }
}

/// A whole number without its fraction: `5`, not `5.0`.
fn number(value: f64) -> Json {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT_MAX {
        return json!(value as i64);
    }
    json!(value)
}
