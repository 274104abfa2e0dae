//! Slack's limits on blocks, and a check of them.
//!
//! Source: Slack's own client models (slack_sdk 3.47.0, `models/blocks`). The
//! connector's tests hold every rendered message against this check, and the
//! fake Slack refuses what does not pass it.

use std::collections::BTreeSet;

use serde_json::Value;

/// Blocks in a message.
pub const MESSAGE_BLOCKS_MAX: usize = 50;
/// Blocks in a modal or a home tab.
pub const VIEW_BLOCKS_MAX: usize = 100;
/// JSON of all blocks together: above about 13,200 characters Slack answers
/// `msg_blocks_too_long`.
pub const BLOCKS_JSON_MAX_CHARS: usize = 13_200;
/// `text` of a message.
pub const TEXT_MAX_CHARS: usize = 40_000;

const ID_MAX: usize = 255;
const HEADER_MAX: usize = 150;
const SECTION_MAX: usize = 3_000;
const FIELDS_MAX: usize = 10;
const FIELD_MAX: usize = 2_000;
const CONTEXT_ELEMENTS_MAX: usize = 10;
const ACTIONS_ELEMENTS_MAX: usize = 25;
const BUTTON_TEXT_MAX: usize = 75;
const BUTTON_VALUE_MAX: usize = 2_000;
const URL_MAX: usize = 3_000;
const OPTION_MAX: usize = 75;
const OPTION_VALUE_MAX: usize = 150;
const OPTIONS_MAX: usize = 100;
const CHOICES_MAX: usize = 10;
const OVERFLOW_MIN: usize = 2;
const OVERFLOW_MAX: usize = 5;
const PLACEHOLDER_MAX: usize = 150;
const LABEL_MAX: usize = 2_000;

/// What is wrong with these blocks, each with the place as a JSON pointer;
/// empty when Slack would take them.
#[must_use]
pub fn check(blocks: &[Value], blocks_max: usize) -> Vec<String> {
    let mut found = Found::default();
    if blocks.len() > blocks_max {
        found.add("/blocks", format!("no more than {blocks_max} items allowed"));
        return found.problems;
    }
    let mut ids = BTreeSet::new();
    for (index, block) in blocks.iter().enumerate() {
        let at = format!("/blocks/{index}");
        if let Some(id) = block.get("block_id") {
            let id = found.text(&format!("{at}/block_id"), Some(id), 0, ID_MAX);
            if !id.is_empty() && !ids.insert(id.to_owned()) {
                found.add(&at, "block_id is used twice".into());
            }
        }
        found.block(&at, block);
    }
    found.problems
}

#[derive(Default)]
struct Found {
    problems: Vec<String>,
}

impl Found {
    fn add(&mut self, at: &str, what: String) {
        self.problems.push(format!("[ERROR] {what} [json-pointer:{at}]"));
    }

    fn block(&mut self, at: &str, block: &Value) {
        match block.get("type").and_then(Value::as_str) {
            Some("divider") => {}
            Some("header") => self.text_object(at, block, "text", HEADER_MAX, true),
            Some("section") => self.section(at, block),
            Some("context") => {
                for (at, element) in self.list(at, block, "elements", 1, CONTEXT_ELEMENTS_MAX) {
                    if element.get("type").and_then(Value::as_str) == Some("image") {
                        self.text(&at, element.get("alt_text"), 1, LABEL_MAX);
                    } else {
                        self.text_value(&at, element, SECTION_MAX, false);
                    }
                }
            }
            Some("actions") => {
                let mut ids = BTreeSet::new();
                for (at, element) in self.list(at, block, "elements", 1, ACTIONS_ELEMENTS_MAX) {
                    self.element(&at, element);
                    let id = element.get("action_id").and_then(Value::as_str);
                    if id.is_some_and(|id| !ids.insert(id)) {
                        self.add(&at, "action_id is used twice in this block".into());
                    }
                }
            }
            Some("input") => {
                self.text_object(at, block, "label", LABEL_MAX, true);
                self.element(
                    &format!("{at}/element"),
                    block.get("element").unwrap_or(&Value::Null),
                );
            }
            Some("image") => {
                self.text(&format!("{at}/image_url"), block.get("image_url"), 1, URL_MAX);
                self.text(&format!("{at}/alt_text"), block.get("alt_text"), 1, LABEL_MAX);
            }
            _ => self.add(at, "unsupported type".into()),
        }
    }

    fn section(&mut self, at: &str, block: &Value) {
        if block.get("text").is_none() && block.get("fields").is_none() {
            self.add(at, "either text or fields is needed".into());
        }
        if block.get("text").is_some() {
            self.text_object(at, block, "text", SECTION_MAX, false);
        }
        if block.get("fields").is_some() {
            for (at, field) in self.list(at, block, "fields", 1, FIELDS_MAX) {
                self.text_value(&at, field, FIELD_MAX, false);
            }
        }
        if let Some(accessory) = block.get("accessory") {
            self.element(&format!("{at}/accessory"), accessory);
        }
    }

    fn element(&mut self, at: &str, element: &Value) {
        if element.get("action_id").is_some() {
            self.text(&format!("{at}/action_id"), element.get("action_id"), 1, ID_MAX);
        }
        if element.get("placeholder").is_some() {
            self.text_object(at, element, "placeholder", PLACEHOLDER_MAX, true);
        }
        match element.get("type").and_then(Value::as_str) {
            Some("button") => self.button(at, element),
            Some("static_select") => self.options(at, element, 1, OPTIONS_MAX),
            Some("radio_buttons" | "checkboxes") => self.options(at, element, 1, CHOICES_MAX),
            Some("overflow") => self.options(at, element, OVERFLOW_MIN, OVERFLOW_MAX),
            Some("datepicker" | "plain_text_input") => {}
            Some("image") => {
                self.text(&format!("{at}/alt_text"), element.get("alt_text"), 1, LABEL_MAX);
            }
            _ => self.add(at, "unsupported element type".into()),
        }
    }

    fn button(&mut self, at: &str, button: &Value) {
        self.text_object(at, button, "text", BUTTON_TEXT_MAX, true);
        if button.get("value").is_some() {
            self.text(&format!("{at}/value"), button.get("value"), 0, BUTTON_VALUE_MAX);
        }
        if button.get("url").is_some() {
            self.text(&format!("{at}/url"), button.get("url"), 1, URL_MAX);
        }
        let style = button.get("style").map(|style| style.as_str().unwrap_or_default());
        if style.is_some_and(|style| !matches!(style, "primary" | "danger")) {
            self.add(&format!("{at}/style"), "must be primary or danger".into());
        }
    }

    fn options(&mut self, at: &str, element: &Value, min: usize, max: usize) {
        for (at, option) in self.list(at, element, "options", min, max) {
            self.text_object(&at, option, "text", OPTION_MAX, false);
            self.text(&format!("{at}/value"), option.get("value"), 1, OPTION_VALUE_MAX);
        }
    }

    fn list<'v>(
        &mut self,
        at: &str,
        parent: &'v Value,
        key: &str,
        min: usize,
        max: usize,
    ) -> Vec<(String, &'v Value)> {
        let at = format!("{at}/{key}");
        let items = parent.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if items.len() < min || items.len() > max {
            self.add(&at, format!("must hold {min} to {max} items"));
        }
        items.iter().enumerate().map(|(index, item)| (format!("{at}/{index}"), item)).collect()
    }

    fn text_object(&mut self, at: &str, parent: &Value, key: &str, max: usize, plain: bool) {
        let text = parent.get(key).unwrap_or(&Value::Null);
        self.text_value(&format!("{at}/{key}"), text, max, plain);
    }

    fn text_value(&mut self, at: &str, object: &Value, max: usize, plain_only: bool) {
        match object.get("type").and_then(Value::as_str) {
            Some("plain_text") => {}
            Some("mrkdwn") if !plain_only => {}
            _ => self.add(at, "must be a plain_text object".into()),
        }
        self.text(&format!("{at}/text"), object.get("text"), 1, max);
    }

    fn text<'v>(&mut self, at: &str, value: Option<&'v Value>, min: usize, max: usize) -> &'v str {
        let Some(text) = value.and_then(Value::as_str) else {
            self.add(at, "must be a string".into());
            return "";
        };
        let units = text.encode_utf16().count();
        if units < min {
            self.add(at, format!("must be more than {} characters", min.saturating_sub(1)));
        }
        if units > max {
            self.add(at, format!("must be less than {} characters", max + 1));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plain(length: usize) -> Value {
        json!({ "type": "plain_text", "text": "x".repeat(length) })
    }

    fn problems(block: Value) -> usize {
        check(&[block], MESSAGE_BLOCKS_MAX).len()
    }

    #[test]
    fn limits_hold_at_their_edges() {
        assert_eq!(problems(json!({ "type": "header", "text": plain(150) })), 0);
        assert_eq!(problems(json!({ "type": "header", "text": plain(151) })), 1);
        assert_eq!(problems(json!({ "type": "header", "text": plain(0) })), 1);
        assert_eq!(
            problems(json!({ "type": "header", "text": { "type": "mrkdwn", "text": "x" } })),
            1
        );
        assert_eq!(problems(json!({ "type": "section", "text": plain(3_000) })), 0);
        assert_eq!(problems(json!({ "type": "section", "text": plain(3_001) })), 1);
        assert_eq!(problems(json!({ "type": "section" })), 1);
        assert_eq!(problems(json!({ "type": "carousel" })), 1);
        let overflow = |count: usize| {
            let options = vec![json!({ "text": plain(75), "value": "v" }); count];
            let element = json!({ "type": "overflow", "action_id": "a", "options": options });
            json!({ "type": "actions", "elements": [element] })
        };
        assert_eq!(problems(overflow(1)), 1);
        assert_eq!(problems(overflow(5)), 0);
        assert_eq!(problems(overflow(6)), 1);
    }

    #[test]
    fn ids_are_used_once() {
        let divider = json!({ "type": "divider", "block_id": "d" });
        assert_eq!(check(&[divider.clone(), divider], 50).len(), 1);
        let button = json!({ "type": "button", "action_id": "a", "text": plain(1) });
        assert_eq!(problems(json!({ "type": "actions", "elements": [button, button] })), 1);
        assert_eq!(check(&vec![json!({ "type": "divider" }); 51], 50).len(), 1);
    }
}
