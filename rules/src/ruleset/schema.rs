//! The JSON Schema of rule files, by which editors complete and check them.

use serde_json::Value;

use super::document::PackDocument;

/// The schema of one rule file.
#[must_use]
pub fn json_schema() -> Value {
    schemars::schema_for!(PackDocument).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The file that packs name in their first line. When this fails, write it
    /// anew: `touchline rules schema > rules/schema/rule-pack.schema.json`.
    #[test]
    fn the_shipped_schema_is_the_one_of_this_build() {
        let shipped: Value =
            serde_json::from_str(include_str!("../../schema/rule-pack.schema.json")).unwrap();
        assert!(shipped == json_schema(), "rules/schema/rule-pack.schema.json is out of date");
    }

    #[test]
    fn it_knows_the_keys_of_a_rule_and_refuses_others() {
        let schema = json_schema();
        let rule = &schema["$defs"]["Rule"];
        assert_eq!(rule["additionalProperties"], false);
        for key in ["id", "when", "tip", "tests"] {
            assert!(rule["properties"][key].is_object(), "{key}");
        }
    }
}
