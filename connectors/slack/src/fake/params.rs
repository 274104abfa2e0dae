//! A method's arguments, from either encoding: JSON, or a form in which nested
//! arguments are JSON in strings. Slack's clients use both.

use serde_json::{Map, Value};

use super::answer::ApiError;

/// The arguments of one call.
#[derive(Clone, Debug, Default)]
pub(super) struct Params(Map<String, Value>);

impl Params {
    pub(super) fn read(content_type: &str, query: &str, body: &[u8]) -> Result<Self, ApiError> {
        let mut params = pairs(query.as_bytes());
        // Slack's Python client declares JSON where there are no arguments at all.
        if body.is_empty() {
            return Ok(Params(params));
        }
        if content_type.starts_with("application/json") {
            match serde_json::from_slice(body) {
                Ok(Value::Object(map)) => params.extend(map),
                Ok(_) => return Err("json_not_object".into()),
                Err(_) => return Err("invalid_json".into()),
            }
        } else {
            params.extend(pairs(body));
        }
        Ok(Params(params))
    }

    /// A text argument; numbers and booleans count, an empty text does not.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        match self.0.get(key)? {
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
    }

    pub(super) fn required(&self, key: &str, error: &str) -> Result<String, ApiError> {
        self.text(key).ok_or_else(|| error.into())
    }

    /// A nested argument: a JSON value, or JSON in a string. `None` if absent,
    /// `Some(None)` if it is no JSON.
    pub(super) fn nested(&self, key: &str) -> Option<Option<Value>> {
        match self.0.get(key)? {
            Value::Null => None,
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(serde_json::from_str(text).ok()),
            value => Some(Some(value.clone())),
        }
    }
}

fn pairs(form: &[u8]) -> Map<String, Value> {
    let pairs = url::form_urlencoded::parse(form);
    pairs.map(|(key, value)| (key.into_owned(), Value::String(value.into_owned()))).collect()
}
