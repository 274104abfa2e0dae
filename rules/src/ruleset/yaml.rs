//! A YAML document as a tree in which every node knows its place, so that one
//! reading finds every mistake and not only the first.

use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_saphyr::{Location, Spanned};

/// The longest rule file taken, in bytes.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;
/// The deepest nesting taken.
pub const DEPTH_MAX: usize = 32;
/// The most nodes taken from one file.
pub const NODES_MAX: usize = 100_000;

/// A line and a column, both from 1, in characters.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl From<Location> for Position {
    fn from(at: Location) -> Self {
        let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        Position { line: number(at.line()), column: number(at.column()) }
    }
}

/// A node and where it begins.
#[derive(Clone, Debug)]
pub struct Node {
    /// What stands there.
    pub kind: NodeKind,
    /// Where.
    pub at: Position,
}

/// What a [`Node`] holds.
#[derive(Clone, Debug)]
pub enum NodeKind {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Keys, each with its place, and values.
    Map(Vec<(String, Position, Node)>),
}

/// Reads one document. The error says what is wrong and where.
///
/// # Errors
/// When `text` is not YAML, holds several documents, or goes beyond a limit.
pub fn read(text: &str) -> Result<Node, (Position, String)> {
    if text.len() > FILE_BYTES_MAX {
        let message = format!("the file is longer than {FILE_BYTES_MAX} bytes");
        return Err((Position { line: 1, column: 1 }, message));
    }
    let options = serde_saphyr::options! {
        with_snippet: false,
        // Only true and false: a stage may well be called `no`.
        strict_booleans: true,
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_MAX,
            max_nodes: NODES_MAX,
            max_aliases: 0,
            max_documents: 1,
        },
    };
    serde_saphyr::from_str_with_options::<Node>(text, options).map_err(|error| {
        let at = error.location().map_or(Position { line: 1, column: 1 }, Position::from);
        let message = error.without_snippet().to_string();
        // The place is told apart, in this project's own form.
        let told = message.split(" at line ").next().unwrap_or(&message);
        (at, told.to_owned())
    })
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<NodeKind>::deserialize(from)?;
        Ok(Node { kind: spanned.value, at: spanned.referenced.into() })
    }
}

impl<'de> Deserialize<'de> for NodeKind {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(AnyNode)
    }
}

struct AnyNode;

impl<'de> Visitor<'de> for AnyNode {
    type Value = NodeKind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a number, true or false, a list, or keys with values")
    }

    fn visit_unit<E>(self) -> Result<NodeKind, E> {
        Ok(NodeKind::Null)
    }

    fn visit_none<E>(self) -> Result<NodeKind, E> {
        Ok(NodeKind::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<NodeKind, E> {
        Ok(NodeKind::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<NodeKind, E> {
        Ok(NodeKind::Number(value as f64))
    }

    fn visit_u64<E>(self, value: u64) -> Result<NodeKind, E> {
        Ok(NodeKind::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<NodeKind, E> {
        Ok(NodeKind::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<NodeKind, E> {
        Ok(NodeKind::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<NodeKind, E> {
        Ok(NodeKind::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<NodeKind, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = list.next_element::<Node>()? {
            nodes.push(node);
        }
        Ok(NodeKind::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NodeKind, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let value = map.next_value::<Node>()?;
            entries.push((key.value, key.referenced.into(), value));
        }
        Ok(NodeKind::Map(entries))
    }
}

impl Node {
    /// What this is, for messages.
    #[must_use]
    pub fn describe(&self) -> &'static str {
        match self.kind {
            NodeKind::Null => "nothing",
            NodeKind::Bool(_) => "true or false",
            NodeKind::Number(_) => "a number",
            NodeKind::Text(_) => "text",
            NodeKind::List(_) => "a list",
            NodeKind::Map(_) => "keys with values",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_knows_its_place() {
        let node = read("pack: x\nrules:\n  - id: one\n    n: 5\n").unwrap();
        let NodeKind::Map(entries) = &node.kind else { panic!("{node:?}") };
        let (key, at, rules) = &entries[1];
        assert_eq!((key.as_str(), *at), ("rules", Position { line: 2, column: 1 }));
        let NodeKind::List(list) = &rules.kind else { panic!("{rules:?}") };
        let NodeKind::Map(rule) = &list[0].kind else { panic!("{list:?}") };
        assert_eq!(rule[0].2.at, Position { line: 3, column: 9 });
        assert_eq!(rule[1].1, Position { line: 4, column: 5 });
        assert!(matches!(rule[1].2.kind, NodeKind::Number(5.0)));
    }

    #[test]
    fn hostile_documents_are_errors() {
        let bomb = "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n";
        assert!(read(bomb).is_err());
        assert!(read(&"[".repeat(5_000)).is_err());
        assert!(read("a: 1\na: 2\n").is_err());
        assert!(read("a: 1\n---\nb: 1\n").is_err());
        assert!(read(&"x".repeat(FILE_BYTES_MAX + 1)).is_err());
    }
}
