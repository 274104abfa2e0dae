//! Reading a mapping key by key, so that every mistake in it is reported.

use schemars::JsonSchema;

use super::diagnostic::Findings;
use super::period::Period;
use super::yaml::{Node, NodeKind, Position};
use crate::nearest::{did_you_mean, nearest};

/// A value and the place it was written at.
#[derive(Clone, Debug, PartialEq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Its place in the file.
    pub at: Position,
}

/// In the schema of rule files a place does not show.
impl<T: JsonSchema> JsonSchema for Located<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        generator.subschema_for::<T>()
    }
}

/// Names that a key may hold, each with what it means.
pub(crate) trait Choice: Sized + Copy + 'static {
    /// What is chosen between, for messages: `audience`.
    const WHAT: &'static str;
    /// Every name.
    const NAMES: &'static [(&'static str, Self)];
}

/// A mapping that is being read.
pub(crate) struct Keys<'n> {
    what: &'static str,
    at: Position,
    entries: &'n [(String, Position, Node)],
    asked: Vec<&'static str>,
}

impl<'n> Keys<'n> {
    /// The mapping `node`, or a finding that it is none.
    pub(crate) fn of(node: &'n Node, what: &'static str, findings: &mut Findings) -> Option<Self> {
        let NodeKind::Map(entries) = &node.kind else {
            let message = format!("{what} must be keys with values, not {}", node.describe());
            findings.error(node.at, "wrong_shape", message, "write `key: value`, one per line");
            return None;
        };
        Some(Keys { what, at: node.at, entries, asked: Vec::new() })
    }

    /// Where the mapping begins.
    pub(super) fn at(&self) -> Position {
        self.at
    }

    /// The node under `key`; an explicit nothing counts as absent.
    pub(crate) fn node(&mut self, key: &'static str) -> Option<&'n Node> {
        self.asked.push(key);
        let found = self.entries.iter().find(|(name, ..)| name == key).map(|(.., node)| node);
        found.filter(|node| !matches!(node.kind, NodeKind::Null))
    }

    /// As [`Keys::node`], and a finding if it is absent.
    pub(crate) fn required(
        &mut self,
        key: &'static str,
        findings: &mut Findings,
    ) -> Option<&'n Node> {
        let node = self.node(key);
        if node.is_none() {
            let message = format!("{} has no `{key}`", self.what);
            findings.error(self.at, "missing_key", message, format!("add `{key}: …`"));
        }
        node
    }

    /// Reports every key that was never asked for.
    pub(crate) fn finish(self, findings: &mut Findings) {
        for (key, at, _) in self.entries {
            if !self.asked.contains(&key.as_str()) {
                let message = format!("{} has no key `{}`", self.what, shown(key));
                findings.error(*at, "unknown_key", message, did_you_mean(key, &self.asked));
            }
        }
    }
}

fn wrong<T>(node: &Node, key: &str, wanted: &str, findings: &mut Findings) -> Option<T> {
    let message = format!("`{key}` must be {wanted}, not {}", node.describe());
    findings.error(node.at, "wrong_shape", message, format!("give {wanted}"));
    None
}

/// Text that is not blank.
pub(crate) fn text(node: &Node, key: &str, findings: &mut Findings) -> Option<Located<String>> {
    match &node.kind {
        NodeKind::Text(text) if !text.trim().is_empty() => {
            Some(Located { value: text.trim_end().to_owned(), at: node.at })
        }
        NodeKind::Text(_) => wrong(node, key, "text that is not blank", findings),
        NodeKind::Bool(_) | NodeKind::Number(_) => {
            let message = format!("`{key}` must be text, not {}", node.describe());
            findings.error(node.at, "wrong_shape", message, "put it in quotes");
            None
        }
        _ => wrong(node, key, "text", findings),
    }
}

/// A slug: `buyer-silent`.
pub(crate) fn slug(node: &Node, key: &str, findings: &mut Findings) -> Option<Located<String>> {
    const SLUG_CHARS_MAX: usize = 64;
    let found = text(node, key, findings)?;
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let parts_ok = found.value.split('-').all(|part| !part.is_empty() && part.chars().all(plain));
    if parts_ok && found.value.len() <= SLUG_CHARS_MAX {
        return Some(found);
    }
    let message = format!("`{}` is not a name for `{key}`", shown(&found.value));
    let hint = format!(
        "use small letters, digits and single hyphens, at most {SLUG_CHARS_MAX}: buyer-silent"
    );
    findings.error(node.at, "bad_slug", message, hint);
    None
}

/// A number within bounds.
pub(super) fn number(
    node: &Node,
    key: &str,
    bounds: std::ops::RangeInclusive<f64>,
    findings: &mut Findings,
) -> Option<Located<f64>> {
    match node.kind {
        NodeKind::Number(value) if bounds.contains(&value) => Some(Located { value, at: node.at }),
        NodeKind::Number(value) => {
            let wanted = format!("a number from {} to {}", bounds.start(), bounds.end());
            let message = format!("`{key}` must be {wanted}, not {value}");
            findings.error(node.at, "out_of_range", message, format!("give {wanted}"));
            None
        }
        _ => wrong(node, key, "a number", findings),
    }
}

/// A whole number within bounds.
pub(crate) fn whole(
    node: &Node,
    key: &str,
    bounds: std::ops::RangeInclusive<u32>,
    findings: &mut Findings,
) -> Option<u32> {
    let (low, high) = (*bounds.start(), *bounds.end());
    let found = number(node, key, f64::from(low)..=f64::from(high), findings)?;
    let value = (low..=high).contains(&(found.value as u32)).then_some(found.value as u32);
    match value {
        Some(value) if f64::from(value) == found.value => Some(value),
        _ => wrong(node, key, "a whole number", findings),
    }
}

/// A length of time such as `5bd`.
pub(super) fn period(node: &Node, key: &str, findings: &mut Findings) -> Option<Period> {
    let found = text(node, key, findings)?;
    let period = Period::parse(&found.value);
    if period.is_none() {
        let message = format!("`{}` is not a length of time", shown(&found.value));
        let hint = "write a number and a unit: 12h (hours), 14d (days) or 5bd (working days)";
        findings.error(node.at, "bad_period", message, hint);
    }
    period
}

/// One of a few names.
pub(crate) fn choice<T: Choice>(node: &Node, findings: &mut Findings) -> Option<T> {
    let found = text(node, T::WHAT, findings)?;
    let hit = T::NAMES.iter().find(|(name, _)| *name == found.value).map(|(_, value)| *value);
    if hit.is_none() {
        let names: Vec<&str> = T::NAMES.iter().map(|(name, _)| *name).collect();
        let message = format!("`{}` is no {}", shown(&found.value), T::WHAT);
        let hint = match nearest(&found.value, names.iter().copied()) {
            Some(name) => format!("did you mean `{name}`? Known: {}", names.join(", ")),
            None => format!("one of: {}", names.join(", ")),
        };
        findings.error(node.at, "unknown_value", message, hint);
    }
    hit
}

/// A list.
pub(crate) fn list<'n>(node: &'n Node, key: &str, findings: &mut Findings) -> Option<&'n [Node]> {
    match &node.kind {
        NodeKind::List(nodes) => Some(nodes),
        _ => wrong(node, key, "a list", findings),
    }
}

/// What a person typed, short enough for one line.
pub(crate) fn shown(text: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 60;
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
