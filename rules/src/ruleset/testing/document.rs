//! The shape of the tests inside a rule file, for editors.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema};

use super::read::activity_names;
use crate::condition::Type;
use crate::facts::{ChangedBy, Field};

/// One test of a rule: a story of one deal.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Test")]
#[expect(dead_code, reason = "only the shape matters: it is what editors check against")]
pub struct TestDocument {
    /// What the story shows.
    name: String,
    /// Ids of the open stages of the story's pipeline, which ends in `won` and
    /// `lost`. By default: discovery, qualification, proposal, negotiation.
    stages: Option<Vec<String>>,
    /// Where in the sale the stages stand, as `{ late: [negotiation] }`. By
    /// default: discovery early, qualification middle, proposal, negotiation late.
    phases: Option<PhasesDocument>,
    /// What is usual among won deals, for a rule whose threshold rests on it. Without
    /// it there is no baseline, and the rule's fallback counts.
    baseline: Option<BaselineDocument>,
    /// The deal as the story begins.
    given: GivenDocument,
    /// What happens, in order.
    then: Option<Vec<StepDocument>>,
    /// What the rule is to do.
    expect: ExpectDocument,
}

/// What the rule's percentile is among won deals. At least one of `stage`,
/// `pipeline` and `all`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "BaselineOfTest")]
#[expect(dead_code, reason = "only the shape matters: it is what editors check against")]
struct BaselineDocument {
    /// In every stage of the story's pipeline.
    stage: Option<i64>,
    /// In the story's pipeline.
    pipeline: Option<i64>,
    /// Everywhere.
    all: Option<i64>,
    /// How many won deals each of them rests on; 100 by default.
    #[schemars(range(max = 1_000_000))]
    n: Option<u32>,
}

/// Stages by where in the sale they stand.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Phases")]
#[expect(dead_code, reason = "only the shape matters: it is what editors check against")]
struct PhasesDocument {
    early: Option<Vec<String>>,
    middle: Option<Vec<String>>,
    late: Option<Vec<String>>,
    proposal: Option<Vec<String>>,
    verbal: Option<Vec<String>>,
}

/// The deal as the story begins. Fields that are not named are blank. Times are
/// `2026-03-02T09:00Z`, `2026-03-02`, or relative to the story's begin: `-6d`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Given", transform = add_named_facts)]
#[expect(dead_code, reason = "only the shape matters: it is what editors check against")]
struct GivenDocument {
    /// When the story begins.
    at: String,
    /// What is known of the person, for a rule about a person; nothing else is told
    /// then but `at`.
    person: Option<BTreeMap<String, serde_json::Value>>,
    /// The deal is created as the story begins, and not 30 days before.
    new: Option<bool>,
    name: Option<String>,
    pipeline: Option<String>,
    /// `discovery` unless it says otherwise.
    stage: Option<String>,
    /// `seller` unless it says otherwise; the story's manager leads whoever it is.
    owner: Option<String>,
    amount: Option<f64>,
    currency: Option<String>,
    close_date: Option<String>,
    created_at: Option<String>,
    next_step: Option<String>,
    loss_reason: Option<String>,
    /// Since when the deal is in its stage; since its creation by default.
    stage_since: Option<String>,
    /// When the buyer last wrote.
    last_inbound_at: Option<String>,
    /// When somebody last wrote to the buyer.
    last_outbound_at: Option<String>,
    /// When somebody last called.
    last_call_at: Option<String>,
    /// When the last meeting was held.
    last_meeting_at: Option<String>,
    /// When the next meeting is booked.
    next_meeting_at: Option<String>,
    /// How many people took part in what was logged; 1 by default.
    #[schemars(range(max = 8))]
    contacts_engaged: Option<u32>,
    /// Fields nobody told of; `activities` for all that rests on them.
    unknown: Option<Vec<String>>,
}

/// The named facts beside the fields that every CRM has.
fn add_named_facts(schema: &mut Schema) {
    let facts = Field::ALL.into_iter().filter(|field| field.is_named_fact());
    let Some(properties) = schema.get_mut("properties").and_then(|it| it.as_object_mut()) else {
        return;
    };
    for field in facts {
        let ty = if field.value_type() == Type::Number { "number" } else { "string" };
        properties.insert(field.name().to_owned(), serde_json::json!({ "type": [ty, "null"] }));
    }
}

/// One thing that happens: `set`, `activity` or `wait`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Step")]
#[expect(dead_code, reason = "only the shape matters: it is what editors check against")]
struct StepDocument {
    /// When; a minute after the step before by default.
    at: Option<String>,
    /// How long after the step before.
    after: Option<String>,
    /// Fields that take a value, or facts about the person; nothing for blank.
    set: Option<BTreeMap<String, serde_json::Value>>,
    /// Who sets them, as `change.by` says it; the owner by default.
    #[schemars(extend("enum" = ChangedBy::ALL.map(ChangedBy::name)))]
    by: Option<String>,
    /// Something done about the deal.
    #[schemars(extend("enum" = activity_names()))]
    activity: Option<String>,
    /// Which person of the buyer's takes part in it, counted from 1; the first
    /// by default.
    #[schemars(range(min = 1, max = 99))]
    contact: Option<u32>,
    /// Time that passes.
    wait: Option<String>,
}

/// What the rule is to do.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Expect")]
#[expect(dead_code, reason = "only the shape matters: it is what editors check against")]
struct ExpectDocument {
    /// How often it fires, or each firing.
    fires: FiresDocument,
    /// How often it would have fired for a change that came too late.
    late: Option<u32>,
    /// How many episodes that spoke end within the story.
    ended: Option<u32>,
    /// How many firings the rule's outcome follows in time.
    helped: Option<u32>,
}

/// How often a rule fires, or each of its firings.
#[derive(JsonSchema)]
#[schemars(untagged, rename = "Fires")]
#[expect(dead_code, reason = "only the shape matters: it is what editors check against")]
enum FiresDocument {
    Count(u32),
    Each(Vec<FiringDocument>),
}

/// One expected firing.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Firing")]
#[expect(dead_code, reason = "only the shape matters: it is what editors check against")]
struct FiringDocument {
    /// When.
    at: Option<String>,
    /// The headline as a person reads it.
    headline: Option<String>,
}
