//! A message as a person would read it, for a terminal.

use serde_json::Value;

use super::message::FakeMessage;
use crate::text::unescape;

/// The message in lines: to whom, each block, and its controls in brackets.
#[must_use]
pub fn pretty(message: &FakeMessage) -> String {
    let edited = if message.edits > 0 { ", edited" } else { "" };
    let mut lines = vec![format!("Slack to {} (Touchline{edited})", message.user_name)];
    let content = content(&message.blocks, &message.text);
    lines.extend(content.lines().map(|line| format!("  │ {line}").trim_end().to_owned()));
    lines.join("\n")
}

/// What a reader sees: the blocks, or the text where there are none.
pub(super) fn content(blocks: &[Value], text: &str) -> String {
    if blocks.is_empty() {
        return unescape(text);
    }
    blocks.iter().map(block).collect::<Vec<_>>().join("\n")
}

fn block(block: &Value) -> String {
    let own = text_of(block.get("text"));
    match block.get("type").and_then(Value::as_str).unwrap_or_default() {
        "divider" => "────".into(),
        "header" => format!("# {own}"),
        "actions" => listed(block, "elements", " ", control),
        "context" => listed(block, "elements", "  ", |element| text_of(Some(element))),
        _ => {
            let fields = listed(block, "fields", "  ", |field| text_of(Some(field)));
            let accessory = block.get("accessory").map(control).unwrap_or_default();
            let parts = [own, fields, accessory];
            parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
        }
    }
}

fn listed(block: &Value, key: &str, between: &str, show: impl Fn(&Value) -> String) -> String {
    let items = block.get(key).and_then(Value::as_array);
    items.into_iter().flatten().map(show).collect::<Vec<_>>().join(between)
}

fn control(element: &Value) -> String {
    let label = text_of(element.get("text").or(element.get("placeholder")));
    match element.get("type").and_then(Value::as_str).unwrap_or_default() {
        "static_select" => format!("[{label} ▾]"),
        "overflow" => "[⋯]".into(),
        "datepicker" => format!("[{label} …]"),
        _ => format!("[{label}]"),
    }
}

fn text_of(object: Option<&Value>) -> String {
    let text = object.and_then(|object| object.get("text")?.as_str());
    unescape(text.unwrap_or_default())
}
