//! The values that a condition saw, under names that templates may use.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use super::{
    Condition,
    eval::Evaluation,
    program::{NumberId, NumberNode, Program, TextNode, TimeNode},
    schema::Type,
    value::{Context, Slot, Val},
};
use crate::time::UnixMs;

/// A value as it was seen at evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// Nobody told us.
    Unknown,
    /// The CRM says blank.
    Empty,
    /// True or false.
    Bool(bool),
    /// A number, rounded nowhere.
    Number(f64),
    /// Text.
    Text(String),
    /// An instant.
    Time(UnixMs),
}

impl Seen {
    pub(super) fn of_slot(slot: Slot<'_>, ty: Type) -> Seen {
        match (slot, ty) {
            (Slot::Empty, _) | (Slot::Text(""), Type::Text) => Seen::Empty,
            (Slot::Bool(value), Type::Bool) => Seen::Bool(value),
            (Slot::Number(value), Type::Number) if value.is_finite() => Seen::Number(value),
            (Slot::Text(value), Type::Text) => Seen::Text(value.to_owned()),
            (Slot::Time(value), Type::Time) => Seen::Time(value),
            _ => Seen::Unknown,
        }
    }

    pub(super) fn of_number(number: Val<f64>) -> Seen {
        match number {
            Val::Known(number) => Seen::Number(number),
            Val::Empty => Seen::Empty,
            Val::Unknown => Seen::Unknown,
        }
    }
}

/// As a person reads it. Numbers are shown to two decimals.
impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Seen::Unknown => f.write_str("not known"),
            Seen::Empty => f.write_str("empty"),
            Seen::Bool(true) => f.write_str("yes"),
            Seen::Bool(false) => f.write_str("no"),
            Seen::Number(number) => write!(f, "{}", (number * 100.0).round() / 100.0),
            Seen::Text(text) => write!(f, "{text:?}"),
            Seen::Time(time) => write!(f, "{time}"),
        }
    }
}

/// Something a condition reads that has a name of its own.
#[derive(Copy, Clone, PartialEq)]
enum Source {
    Field(usize),
    Function(NumberId),
}

impl Condition {
    /// The names that templates may use as `seen.<name>`, with their types.
    ///
    /// A field is called by its name without the part before the first dot and
    /// with `_` for further dots (`deal.stage` is `stage`); a function of a
    /// field by both (`business_days_since_last_inbound_at`); a bare name by
    /// itself. Where two things would share a name, each is called by its whole
    /// name (`deal_name`, `owner_name`), so that no name ever means another
    /// thing because of a later edit.
    #[must_use]
    pub fn seen_names(&self) -> Vec<(String, Type)> {
        let program = &self.compiled.program;
        let typed = |source| match source {
            Source::Field(index) => program.fields[index].ty,
            Source::Function(_) => Type::Number,
        };
        named(program).into_iter().map(|(name, source)| (name, typed(source))).collect()
    }

    /// The same names with the values they had.
    #[must_use]
    pub fn seen(&self, on: &Context<'_>) -> Vec<(String, Seen)> {
        let program = &self.compiled.program;
        let run = Evaluation { program, on };
        let value = |source| match source {
            Source::Field(index) => {
                let field = &program.fields[index];
                Seen::of_slot(run.on.slot(field.slot), field.ty)
            }
            Source::Function(id) => Seen::of_number(run.number(id)),
        };
        named(program).into_iter().map(|(name, source)| (name, value(source))).collect()
    }
}

/// Fields in order of appearance, then functions of fields.
fn named(program: &Program) -> Vec<(String, Source)> {
    let mut found: Vec<(String, String, Source)> = Vec::new();
    for (index, field) in program.fields.iter().enumerate() {
        let (short, long) = names(&field.name);
        found.push((short, long, Source::Field(index)));
    }
    for (index, node) in program.numbers.iter().enumerate() {
        let Some((function, slot)) = function_of_field(program, *node) else { continue };
        let Some(field) = program.field(slot) else { continue };
        let (short, long) = names(&field.name);
        let long = format!("{function}_{long}");
        if found.iter().any(|(_, known, _)| *known == long) {
            continue;
        }
        let id = NumberId(u16::try_from(index).unwrap_or(u16::MAX));
        found.push((format!("{function}_{short}"), long, Source::Function(id)));
    }
    let mut shared: BTreeMap<String, usize> = BTreeMap::new();
    for (short, _, _) in &found {
        *shared.entry(short.clone()).or_default() += 1;
    }
    let choose = |(short, long, source)| {
        let alone = shared.get(&short) == Some(&1);
        (if alone { short } else { long }, source)
    };
    // Long names are unique but for fields named to defeat that; the first counts.
    let mut taken = BTreeSet::new();
    let chosen = found.into_iter().map(choose);
    chosen.filter(|(name, _)| taken.insert(name.clone())).collect()
}

fn names(field: &str) -> (String, String) {
    let short = field.split_once('.').map_or(field, |(_, rest)| rest);
    (short.replace('.', "_"), field.replace('.', "_"))
}

fn function_of_field(program: &Program, node: NumberNode) -> Option<(&'static str, u16)> {
    match node {
        NumberNode::Days(count, time) => match program.time_node(time) {
            TimeNode::Field(slot) => Some((count.name(), slot)),
            TimeNode::Now | TimeNode::Choice(..) => None,
        },
        NumberNode::Size(text) => match program.text_node(text) {
            TextNode::Field(slot) => Some(("size", slot)),
            TextNode::Constant(_) | TextNode::Choice(..) => None,
        },
        _ => None,
    }
}
