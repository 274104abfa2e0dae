//! Which of a vendor's properties fill which facts, and where its stages stand in
//! the sale, as configuration says under a connection.
//!
//! ```toml
//! [connections.hubspot.facts]
//! competitor = "competitor_name"
//!
//! [connections.hubspot.phases]
//! proposal = ["contractsent"]
//! ```

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use touchline_rules::facts::{Field, Metadata, StagePhase};
use touchline_rules::nearest::did_you_mean;

/// The setting by which a connector reads who took part in activities.
pub const ACTIVITY_CONTACTS: &str = "activity_contacts";
/// The setting that says which property fills which fact.
pub const FACTS: &str = "facts";
/// The setting that says which stages are of which phase.
pub const PHASES: &str = "phases";

/// The longest name of a property, and the longest id of a stage, in characters.
const NAME_CHARS_MAX: usize = 255;
/// How many stages all phases may name together.
const STAGES_MAX: usize = 1_000;

/// A mapping that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongMapping {
    /// The key inside the table; empty for the table itself.
    pub key: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub hint: String,
}

impl WrongMapping {
    fn new(key: &str, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        WrongMapping { key: key.to_owned(), problem: problem.into(), hint: hint.into() }
    }
}

/// Judges a table of facts.
///
/// # Errors
/// The first entry that makes no sense.
pub fn read_facts(written: &Value) -> Result<Value, WrongMapping> {
    const HINT: &str = "write the property's internal name, as in competitor = \"competitor_name\"";
    let Value::Object(table) = written else {
        return Err(WrongMapping::new("", format!("got {written}"), HINT));
    };
    let mut read = Map::new();
    for (name, property) in table {
        let known = Field::named(name);
        if !known.is_some_and(|field| Field::mappable().any(|one| one == field)) {
            let problem = match known {
                Some(_) => format!("`{name}` has its own place in the CRM and cannot be mapped"),
                None => "there is no fact of that name".to_owned(),
            };
            let names: Vec<&str> = Field::mappable().map(Field::name).collect();
            return Err(WrongMapping::new(name, problem, did_you_mean(name, &names)));
        }
        let property = name_of(property)
            .ok_or_else(|| WrongMapping::new(name, format!("got {property}"), HINT))?;
        read.insert(name.clone(), Value::from(property));
    }
    Ok(Value::Object(read))
}

/// Judges a table of phases.
///
/// # Errors
/// The first entry that makes no sense.
pub fn read_phases(written: &Value) -> Result<Value, WrongMapping> {
    const HINT: &str = "write stages by their ids, as in proposal = [\"contractsent\"]";
    let Value::Object(table) = written else {
        return Err(WrongMapping::new("", format!("got {written}"), HINT));
    };
    let mut phase_of: BTreeMap<String, &str> = BTreeMap::new();
    let mut read = Map::new();
    for (name, stages) in table {
        if StagePhase::named(name).is_none() {
            let names = StagePhase::ALL.map(StagePhase::name);
            let problem = "there is no phase of that name";
            return Err(WrongMapping::new(name, problem, did_you_mean(name, &names)));
        }
        let refused = || WrongMapping::new(name, format!("got {stages}"), HINT);
        let Value::Array(stages) = stages else { return Err(refused()) };
        let mut ids = Vec::with_capacity(stages.len());
        for stage in stages {
            let id = name_of(stage).ok_or_else(refused)?;
            if let Some(other) = phase_of.insert(id.clone(), name) {
                let problem = format!("the stage `{id}` is listed twice (also under {other})");
                return Err(WrongMapping::new(name, problem, "a stage stands in one phase"));
            }
            ids.push(Value::from(id));
        }
        if phase_of.len() > STAGES_MAX {
            let problem = format!("more than {STAGES_MAX} stages are listed");
            return Err(WrongMapping::new(name, problem, "list the stages that rules speak of"));
        }
        read.insert(name.clone(), Value::Array(ids));
    }
    Ok(Value::Object(read))
}

/// A name or an id, as text or as a whole number.
fn name_of(written: &Value) -> Option<String> {
    let text = match written {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.as_u64()?.to_string(),
        _ => return None,
    };
    let fits = !text.is_empty()
        && text.chars().count() <= NAME_CHARS_MAX
        && !text.chars().any(char::is_control);
    fits.then_some(text)
}

/// The property of each mapped fact, from settings that were judged.
#[must_use]
pub fn facts_of(settings: &Map<String, Value>) -> BTreeMap<Field, String> {
    let table = settings.get(FACTS).and_then(Value::as_object);
    let pairs = table
        .into_iter()
        .flatten()
        .filter_map(|(name, property)| Some((Field::named(name)?, property.as_str()?.to_owned())));
    pairs.collect()
}

/// The phase of each mapped stage, by the stage's id, from settings that were
/// judged.
#[must_use]
pub fn phases_of(settings: &Map<String, Value>) -> BTreeMap<String, StagePhase> {
    let table = settings.get(PHASES).and_then(Value::as_object);
    let mut phases = BTreeMap::new();
    for (name, stages) in table.into_iter().flatten() {
        let Some(phase) = StagePhase::named(name) else { continue };
        let stages = stages.as_array().into_iter().flatten().filter_map(Value::as_str);
        phases.extend(stages.map(|stage| (stage.to_owned(), phase)));
    }
    phases
}

/// What settings make a connector read of a deal beyond the usual: when it
/// changes, deals have to be read again. Empty where nothing is mapped.
#[must_use]
pub fn fingerprint(settings: &Map<String, Value>) -> String {
    let facts = facts_of(settings).into_iter();
    let mut parts: Vec<String> =
        facts.map(|(field, property)| format!("{}={property}", field.name())).collect();
    if settings.get(ACTIVITY_CONTACTS).and_then(Value::as_bool) == Some(true) {
        parts.push(ACTIVITY_CONTACTS.to_owned());
    }
    parts.join("\n")
}

/// Gives the stages of an account the phases that its settings say, and notes which
/// named facts nothing fills.
pub fn apply(account: &mut Metadata, settings: &Map<String, Value>) {
    let (phases, facts) = (phases_of(settings), facts_of(settings));
    account.set_phases(|stage| phases.get(stage).copied());
    let named = Field::ALL.into_iter().filter(|field| field.is_named_fact());
    account.unmapped = named.filter(|field| !facts.contains_key(field)).collect();
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mapping_is_read_in_one_form() {
        let facts = json!({"competitor": " competitor_name ", "next_step": "our_step"});
        let phases = json!({"proposal": ["contractsent"], "late": [4711]});
        let settings = [
            (FACTS.to_owned(), read_facts(&facts).unwrap()),
            (PHASES.to_owned(), read_phases(&phases).unwrap()),
        ];
        let settings: Map<String, Value> = settings.into_iter().collect();
        assert_eq!(facts_of(&settings)[&Field::Competitor], "competitor_name");
        assert_eq!(facts_of(&settings)[&Field::NextStep], "our_step");
        assert_eq!(phases_of(&settings)["4711"], StagePhase::Late);
        assert_eq!(fingerprint(&settings), "next_step=our_step\ncompetitor=competitor_name");
        assert_eq!(fingerprint(&Map::new()), "");
        let mut account = Metadata::default();
        apply(&mut account, &settings);
        assert!(!account.unmapped.contains(&Field::Competitor));
        assert!(account.unmapped.contains(&Field::Champion));
        assert!(!account.unmapped.contains(&Field::LossReason), "it has its usual property");
        assert!(facts_of(&Map::new()).is_empty() && phases_of(&Map::new()).is_empty());
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let facts = |table: Value| read_facts(&table).unwrap_err();
        let wrong = facts(json!({"competitr": "x"}));
        assert_eq!(
            (wrong.key.as_str(), wrong.hint.as_str()),
            ("competitr", "did you mean `competitor`?")
        );
        assert!(facts(json!({"amount": "x"})).problem.contains("cannot be mapped"));
        assert!(facts(json!({"competitor": ""})).hint.contains("internal name"));
        assert!(facts(json!({"competitor": ["x"]})).problem.starts_with("got"));
        assert!(facts(json!("competitor")).key.is_empty());
        let phases = |table: Value| read_phases(&table).unwrap_err();
        assert_eq!(phases(json!({"erly": []})).hint, "did you mean `early`?");
        assert!(phases(json!({"early": "new"})).hint.contains("proposal = ["));
        assert!(phases(json!({"early": ["a"], "late": ["a"]})).problem.contains("listed twice"));
    }
}
