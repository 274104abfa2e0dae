//! What a fake account has besides people and deals: pipelines, and a property for
//! each named fact, with the configuration that maps them.

use touchline_hubspot::fake::{
    self, Action, DataType, FakeConfig, FakeHubSpot, ObjectKind, Subscription,
};
use touchline_hubspot::property_of;
use touchline_rules::condition::Type;
use touchline_rules::facts::{Field, Pipeline, Stage, StageKind, StagePhase};

use crate::history::Header;

/// Where the stages of the made-up company stand in the sale.
pub const COMPANY_PHASES: &str = "[connections.hubspot.phases]
early = [\"appointmentscheduled\", \"qualifiedtobuy\"]
middle = [\"presentationscheduled\", \"decisionmakerboughtin\"]
proposal = [\"contractsent\"]
";

/// The property of such an account that holds a field: for a named fact one of
/// the fact's own name.
pub(super) fn property(field: Field) -> &'static str {
    property_of(field).unwrap_or_else(|| field.name())
}

fn named_facts() -> impl Iterator<Item = Field> {
    Field::ALL.into_iter().filter(|field| field.is_named_fact())
}

/// Gives the account a property for each named fact.
pub fn add_fact_properties(hubspot: &FakeHubSpot) {
    for field in named_facts() {
        let data = match field.value_type() {
            Type::Number => DataType::Number,
            Type::Time => DataType::DateTime,
            Type::Text | Type::Bool => DataType::Text,
        };
        let label = field.name().replace('_', " ");
        hubspot.define_property(ObjectKind::Deal, field.name(), &label, data);
    }
}

/// Lets the app hear of those properties, as an admin who maps them would.
pub fn hear_named_facts(config: &mut FakeConfig) {
    let highest = config.subscriptions.iter().map(|one| one.id).max().unwrap_or(0);
    let heard = (highest + 1..).zip(named_facts()).map(|(id, field)| Subscription {
        id,
        subscription_type: "object.propertyChange".to_owned(),
        generic: true,
        kind: ObjectKind::Deal,
        action: Action::PropertyChange,
        property: Some(field.name().to_owned()),
    });
    config.subscriptions.extend(heard);
}

/// What fills each named fact in such an account, as a configuration says it.
#[must_use]
pub fn facts_config() -> String {
    let mut config = String::from("[connections.hubspot.facts]\n");
    for name in named_facts().map(Field::name) {
        config += &format!("{name} = \"{name}\"\n");
    }
    config
}

/// The phases that these stages have, as a configuration says them.
#[must_use]
pub fn phases_config(pipelines: &[Pipeline]) -> String {
    let mut config = String::from("[connections.hubspot.phases]\n");
    let stages: Vec<&Stage> = pipelines.iter().flat_map(|pipeline| &pipeline.stages).collect();
    for phase in StagePhase::ALL {
        let of_phase = stages.iter().filter(|stage| stage.phase == Some(phase));
        // TOML's basic strings escape as JSON's do.
        let ids: Vec<String> =
            of_phase.map(|stage| serde_json::Value::from(stage.id.as_str()).to_string()).collect();
        if !ids.is_empty() {
            config += &format!("{} = [{}]\n", phase.name(), ids.join(", "));
        }
    }
    config
}

pub(super) fn add_pipelines(header: &Header, hubspot: &FakeHubSpot) {
    for pipeline in &header.metadata.pipelines {
        let open_count = pipeline.stages.iter().filter(|stage| stage.kind.is_open()).count();
        let mut open_before = 0;
        let stages = pipeline.stages.iter().map(|stage| {
            let probability_tenths = match stage.kind {
                StageKind::Won => 10,
                StageKind::Lost => 0,
                StageKind::Open => {
                    open_before += 1;
                    // Between 0 and 1, rising along the pipeline.
                    u8::try_from(open_before * 9 / (open_count + 1)).map_or(9, |p| p.clamp(1, 9))
                }
            };
            fake::Stage {
                id: stage.id.clone(),
                label: stage.label.clone(),
                probability_tenths,
                closed: !stage.kind.is_open(),
            }
        });
        hubspot.add_pipeline(fake::Pipeline {
            id: pipeline.id.clone(),
            label: pipeline.label.clone(),
            stages: stages.collect(),
        });
    }
}
