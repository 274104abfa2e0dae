//! What a condition may name: fields, their types and, where known, their values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The type of a field or of an expression.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    /// True or false.
    Bool,
    /// A number. Inside conditions all numbers are 64-bit floats: they are
    /// compared and roughly reckoned with, never booked. Money itself stays a
    /// decimal wherever it is stored or shown.
    Number,
    /// Text; an empty one reads as `""`.
    Text,
    /// An instant.
    Time,
}

impl Type {
    /// The type as a person would say it, with its article.
    #[must_use]
    pub fn described(self) -> &'static str {
        match self {
            Type::Bool => "true or false",
            Type::Number => "a number",
            Type::Text => "text",
            Type::Time => "a time",
        }
    }
}

/// One name that conditions may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldDef {
    /// As written in conditions: `deal.stage`, or a bare `threshold`.
    pub name: String,
    /// What it holds.
    pub ty: Type,
    /// Where [`Context::slots`](super::Context::slots) holds its value.
    pub slot: u16,
    /// For text: the literals it may be compared with, if they are known, as
    /// the stages of an account are. `""` is always allowed.
    pub values: Option<Vec<String>>,
    /// One sentence for people who write rules.
    pub doc: String,
}

/// The fields of one kind of condition.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    fields: Vec<FieldDef>,
    by_name: BTreeMap<String, usize>,
}

impl Schema {
    /// A schema of `fields`. Of two with one name the first counts.
    #[must_use]
    pub fn new(fields: Vec<FieldDef>) -> Schema {
        let mut by_name = BTreeMap::new();
        for (index, field) in fields.iter().enumerate() {
            by_name.entry(field.name.clone()).or_insert(index);
        }
        Schema { fields, by_name }
    }

    /// The field called `name`.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&FieldDef> {
        self.by_name.get(name).and_then(|index| self.fields.get(*index))
    }

    /// Every field, in the order given.
    #[must_use]
    pub fn fields(&self) -> &[FieldDef] {
        &self.fields
    }
}
