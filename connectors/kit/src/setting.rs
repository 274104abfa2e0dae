//! The settings of a connection that are no secrets: what each may be.

use std::fmt;

use serde_json::Value;

use crate::mapping;

/// One setting under `[connections.SLUG]`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its key.
    pub name: &'static str,
    /// What it may be.
    pub allowed: Allowed,
}

/// What a setting may be.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// `true` or `false`; `"on"` and `"off"` too.
    Switch,
    /// A whole number, both ends included.
    Number {
        /// The least.
        least: i64,
        /// The most.
        most: i64,
    },
    /// An id of the vendor's, as text or as a whole number.
    Id,
    /// A table of facts, each with the vendor's property that fills it.
    Facts,
    /// A table of phases, each with the stages that are of it.
    Phases,
}

/// For the hint behind a refusal: what may be written.
impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Allowed::Switch => f.write_str("true or false"),
            Allowed::Number { least, most } => write!(f, "a whole number from {least} to {most}"),
            Allowed::Id => f.write_str("the vendor's id, as text or a whole number"),
            Allowed::Facts => f.write_str("a table of facts and properties"),
            Allowed::Phases => f.write_str("a table of phases and stages"),
        }
    }
}

impl Allowed {
    /// What was written in the one form that connectors read: a switch as a
    /// boolean, a number as a number, an id as text. Numbers and switches may
    /// arrive as text, for a variable of the environment is text. `None` when it
    /// is none of what is allowed.
    #[must_use]
    pub fn read(self, written: &Value) -> Option<Value> {
        match (self, written) {
            (Allowed::Switch, Value::Bool(_)) => Some(written.clone()),
            (Allowed::Switch, Value::String(text)) => match text.as_str() {
                "true" | "on" => Some(Value::Bool(true)),
                "false" | "off" => Some(Value::Bool(false)),
                _ => None,
            },
            (Allowed::Number { least, most }, _) => {
                let number = match written {
                    Value::Number(number) => number.as_i64(),
                    Value::String(text) => text.parse().ok(),
                    _ => None,
                };
                number.filter(|number| (least..=most).contains(number)).map(Value::from)
            }
            (Allowed::Id, Value::String(text)) if !text.trim().is_empty() => {
                Some(Value::from(text.trim()))
            }
            (Allowed::Id, Value::Number(number)) => {
                number.as_u64().map(|id| Value::from(id.to_string()))
            }
            (Allowed::Facts, _) => mapping::read_facts(written).ok(),
            (Allowed::Phases, _) => mapping::read_phases(written).ok(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_allowed_comes_in_one_form_and_the_rest_is_refused() {
        let days = Allowed::Number { least: 1, most: 730 };
        for (allowed, written, read) in [
            (Allowed::Switch, json!(false), Some(json!(false))),
            (Allowed::Switch, json!("on"), Some(json!(true))),
            (Allowed::Switch, json!("off"), Some(json!(false))),
            (Allowed::Switch, json!("no"), None),
            (Allowed::Switch, json!(0), None),
            (days, json!(730), Some(json!(730))),
            (days, json!("7"), Some(json!(7))),
            (days, json!(0), None),
            (days, json!(5000), None),
            (days, json!(1.5), None),
            (days, json!(true), None),
            (Allowed::Id, json!(77), Some(json!("77"))),
            (Allowed::Id, json!(" 77 "), Some(json!("77"))),
            (Allowed::Id, json!(""), None),
            (Allowed::Id, json!(-1), None),
            (Allowed::Id, json!(["77"]), None),
        ] {
            assert_eq!(allowed.read(&written), read, "{allowed}: {written}");
        }
    }
}
