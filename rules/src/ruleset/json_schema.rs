//! The JSON Schema of rule files, for editors.

use schemars::generate::SchemaSettings;

use super::document::PackDocument;

/// The schema as it is committed in `rules/schema/rule-pack.schema.json`.
#[must_use]
pub fn json_schema() -> String {
    let mut schema =
        SchemaSettings::draft07().into_generator().into_root_schema_for::<PackDocument>();
    schema.insert("title".to_owned(), "Touchline rule pack".into());
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}
