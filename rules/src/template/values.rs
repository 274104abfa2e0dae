//! Values on their way into a text: made short and harmless.

use std::collections::BTreeMap;

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Output, State, Value};
use serde_json::Value as Json;

use super::{LIST_ITEMS_MAX, TIME_ZONE_PATH, TIME_ZONE_VARIABLE, VALUE_CHARS_MAX};

/// The values at `paths`, nested as a template reads them. What the context
/// does not hold is there and has no value.
pub(super) fn context(paths: &[String], context: &Json) -> Value {
    let mut root = Branch::default();
    for path in paths {
        let parts: Vec<&str> = path.split('.').collect();
        root.insert(&parts, look_up(context, path).map_or(Value::from(()), value));
    }
    let zone = look_up(context, TIME_ZONE_PATH).map_or(Value::from(()), value);
    root.leaves.insert(TIME_ZONE_VARIABLE.to_owned(), zone);
    root.into_value()
}

fn look_up<'a>(context: &'a Json, path: &str) -> Option<&'a Json> {
    path.split('.').try_fold(context, |inside, part| inside.get(part))
}

#[derive(Default)]
struct Branch {
    leaves: BTreeMap<String, Value>,
    branches: BTreeMap<String, Branch>,
}

impl Branch {
    fn insert(&mut self, parts: &[&str], leaf: Value) {
        match parts {
            [] => {}
            [last] => {
                self.leaves.insert((*last).to_owned(), leaf);
            }
            [first, rest @ ..] => {
                self.branches.entry((*first).to_owned()).or_default().insert(rest, leaf);
            }
        }
    }

    /// A path that is both a value and the beginning of others keeps the
    /// others.
    fn into_value(self) -> Value {
        let mut all = self.leaves;
        all.extend(self.branches.into_iter().map(|(name, branch)| (name, branch.into_value())));
        Value::from(all)
    }
}

fn value(json: &Json) -> Value {
    match json {
        Json::Null | Json::Object(_) => Value::from(()),
        Json::Bool(yes) => Value::from(*yes),
        Json::Number(number) => number
            .as_i64()
            .map(Value::from)
            .or_else(|| number.as_f64().map(Value::from))
            .unwrap_or_else(|| Value::from(())),
        Json::String(text) => Value::from(one_line(text, VALUE_CHARS_MAX)),
        Json::Array(items) => {
            let shown = items.iter().take(LIST_ITEMS_MAX).filter(|item| !item.is_array());
            Value::from(shown.map(value).collect::<Vec<Value>>())
        }
    }
}

/// Prints one value. What has none is an error rather than the word "none" in
/// front of a customer's deal.
pub(super) fn format_value(out: &mut Output, _: &mut State, value: &Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => Err(Error::new(
            ErrorKind::UndefinedError,
            "this field has no value here: give it one with `| default(\"…\")` or ask with \
             {% if … %}",
        )),
        ValueKind::Map => Err(Error::new(ErrorKind::InvalidOperation, "this is not one value")),
        ValueKind::Seq | ValueKind::Iterable => {
            let items: Vec<String> = value.try_iter()?.map(|item| item.to_string()).collect();
            Ok(out.write_str(&items.join(", "))?)
        }
        _ => Ok(out.write_str(&value.to_string())?),
    }
}

/// `text` on one line: every control character and run of them becomes a space.
fn one_line(text: &str, chars_max: usize) -> String {
    // One more than is kept tells `shorten` that something was cut.
    let line: String = text
        .chars()
        .map(|char| if disturbs(char) { ' ' } else { char })
        .take(chars_max + 1)
        .collect();
    shorten(&line, chars_max)
}

/// A finished text: its author's line breaks stay, other controls do not.
pub(super) fn tidy(text: &str) -> String {
    text.chars().map(|char| if char != '\n' && disturbs(char) { ' ' } else { char }).collect()
}

/// Controls, line and paragraph separators, and the marks that turn the
/// writing direction of everything behind them.
fn disturbs(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `text`, or its first `chars_max - 1` characters and an ellipsis.
#[must_use]
pub fn shorten(text: &str, chars_max: usize) -> String {
    if text.char_indices().nth(chars_max).is_none() {
        return text.to_owned();
    }
    let kept: String = text.chars().take(chars_max.saturating_sub(1)).collect();
    if chars_max == 0 { kept } else { format!("{}…", kept.trim_end()) }
}
