//! What a method answers, before it is HTTP.

use serde_json::{Map, Value};

/// An `ok:false` answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ApiError {
    /// Slack's code.
    pub code: String,
    /// Fields beside it.
    pub more: Map<String, Value>,
}

impl ApiError {
    pub(super) fn with(mut self, key: &str, value: Value) -> Self {
        self.more.insert(key.to_owned(), value);
        self
    }

    pub(super) fn to_json(&self) -> Value {
        let mut json = self.more.clone();
        json.insert("ok".into(), Value::Bool(false));
        json.insert("error".into(), Value::String(self.code.clone()));
        Value::Object(json)
    }
}

impl From<&str> for ApiError {
    fn from(code: &str) -> Self {
        ApiError { code: code.to_owned(), more: Map::new() }
    }
}

/// What a method answers; `ok` is added to a success.
pub(super) type Answer = Result<Value, ApiError>;
