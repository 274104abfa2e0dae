//! The properties that deals of an account can have.

use serde::Deserialize;
use touchline_kit::CallError;
use touchline_rules::condition::Type;
use touchline_rules::facts::suggest::Offered;

use super::line::{Line, Request};
use super::paths;
use super::wire::{Page, Text};

/// Reads all of them: HubSpot lists them on one page.
pub(super) async fn read(line: &Line<'_>) -> Result<Vec<Offered>, CallError> {
    let page: Page<WireProperty> = line.read(Request::get(paths::PROPERTIES, &[])).await?;
    Ok(page.results.into_iter().filter_map(offered).collect())
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireProperty {
    name: String,
    #[serde(default)]
    label: Text,
    #[serde(default, rename = "type")]
    data: Text,
    #[serde(default)]
    archived: Option<bool>,
}

fn offered(wire: WireProperty) -> Option<Offered> {
    if wire.archived == Some(true) {
        return None;
    }
    let holds = match wire.data.0.as_deref() {
        Some("string" | "enumeration") => Some(Type::Text),
        Some("number") => Some(Type::Number),
        Some("date" | "datetime") => Some(Type::Time),
        _ => None,
    };
    let label = wire.label.0.unwrap_or_else(|| wire.name.clone());
    Some(Offered { name: wire.name, label, holds })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_facts_can_be_read_from_is_told_by_type() {
        let page: Page<WireProperty> = serde_json::from_str(
            r#"{"results":[
                {"name":"rival","label":"Competitor","type":"enumeration","fieldType":"select"},
                {"name":"due","label":null,"type":"date"},
                {"name":"rate","label":"Discount","type":"number"},
                {"name":"flag","label":"Flag","type":"bool"},
                {"name":"new_kind","label":"New"},
                {"name":"old","label":"Old","type":"string","archived":true}]}"#,
        )
        .expect("properties");
        let told = page.results.into_iter().filter_map(offered);
        let told: Vec<_> = told.map(|one| (one.name, one.label, one.holds)).collect();
        let line = |name: &str, label: &str, holds| (name.to_owned(), label.to_owned(), holds);
        assert_eq!(
            told,
            [
                line("rival", "Competitor", Some(Type::Text)),
                line("due", "due", Some(Type::Time)),
                line("rate", "Discount", Some(Type::Number)),
                line("flag", "Flag", None),
                line("new_kind", "New", None),
            ]
        );
    }
}
