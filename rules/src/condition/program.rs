//! The compiled form: typed nodes in flat slices, children before parents.
//!
//! Each type has its own nodes and its own kind of index, so that an ill-typed
//! program cannot be written down. Indices are made by [`Builder`] only and
//! always point backwards, so every walk ends.

use std::ops::Range;

use super::{
    ast::{ArithmeticOp, CompareOp},
    schema::Type,
    value::{Truth, Val},
};

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct BoolId(pub u16);
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct NumberId(pub u16);
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct TextId(pub u16);
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct TimeId(pub u16);

/// A run of entries in one of the program's lists.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub first: u16,
    pub count: u16,
}

impl Run {
    pub fn range(self) -> Range<usize> {
        let first = usize::from(self.first);
        first..first + usize::from(self.count)
    }
}

#[derive(Copy, Clone, Debug, PartialEq)]
pub(super) enum BoolNode {
    Constant(Truth),
    /// A field of type bool; Empty counts as false.
    Field(u16),
    Has(u16, Type),
    Not(BoolId),
    /// True if all of [`Program::parts`] in the run are.
    All(Run),
    Any(Run),
    Choice(BoolId, BoolId, BoolId),
    /// Equality of two conditions; `same` is false for `!=`.
    SameTruth {
        a: BoolId,
        b: BoolId,
        same: bool,
    },
    Numbers {
        op: CompareOp,
        a: NumberId,
        b: NumberId,
    },
    Times {
        op: CompareOp,
        a: TimeId,
        b: TimeId,
    },
    SameText {
        a: TextId,
        b: TextId,
        same: bool,
    },
    TextTest {
        test: TextTest,
        text: TextId,
        part: TextId,
    },
    /// Among [`Program::texts`] in the run.
    TextIn(TextId, Run),
    /// Among [`Program::numbers_listed`] in the run.
    NumberIn(NumberId, Run),
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum TextTest {
    StartsWith,
    EndsWith,
    Contains,
}

#[derive(Copy, Clone, Debug, PartialEq)]
pub(super) enum NumberNode {
    Constant(Val<f64>),
    Field(u16),
    Negate(NumberId),
    Arithmetic(ArithmeticOp, NumberId, NumberId),
    Choice(BoolId, NumberId, NumberId),
    /// Characters of a text.
    Size(TextId),
    Days(DayCount, TimeId),
}

/// The functions from an instant and `now` to a number.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum DayCount {
    DaysSince,
    HoursSince,
    BusinessDaysSince,
    DaysUntil,
}

#[derive(Copy, Clone, Debug, PartialEq)]
pub(super) enum TextNode {
    /// Index into [`Program::texts`].
    Constant(u16),
    Field(u16),
    Choice(BoolId, TextId, TextId),
}

#[derive(Copy, Clone, Debug, PartialEq)]
pub(super) enum TimeNode {
    Now,
    Field(u16),
    Choice(BoolId, TimeId, TimeId),
}

/// A field that the condition reads.
#[derive(Clone, Debug)]
pub(super) struct FieldRead {
    pub slot: u16,
    pub name: String,
    pub ty: Type,
}

/// A type-checked condition.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub root: BoolId,
    pub bools: Box<[BoolNode]>,
    pub numbers: Box<[NumberNode]>,
    pub text_nodes: Box<[TextNode]>,
    pub times: Box<[TimeNode]>,
    /// Children of `All` and `Any`, in source order.
    pub parts: Box<[BoolId]>,
    /// The same runs, cheapest first.
    pub parts_by_cost: Box<[BoolId]>,
    pub texts: Box<[Box<str>]>,
    pub numbers_listed: Box<[f64]>,
    /// Where each bool and number node stands in the source.
    pub bool_spans: Box<[Range<usize>]>,
    pub number_spans: Box<[Range<usize>]>,
    /// In order of first appearance; `fields_read` are their slots.
    pub fields: Box<[FieldRead]>,
    pub slots_read: Box<[u16]>,
}

impl Program {
    pub fn bool_node(&self, id: BoolId) -> BoolNode {
        self.bools[usize::from(id.0)]
    }

    pub fn number_node(&self, id: NumberId) -> NumberNode {
        self.numbers[usize::from(id.0)]
    }

    pub fn text_node(&self, id: TextId) -> TextNode {
        self.text_nodes[usize::from(id.0)]
    }

    pub fn time_node(&self, id: TimeId) -> TimeNode {
        self.times[usize::from(id.0)]
    }

    pub fn parts(&self, run: Run) -> &[BoolId] {
        &self.parts[run.range()]
    }

    pub fn text(&self, index: u16) -> &str {
        &self.texts[usize::from(index)]
    }

    pub fn texts(&self, run: Run) -> &[Box<str>] {
        &self.texts[run.range()]
    }

    pub fn numbers_listed(&self, run: Run) -> &[f64] {
        &self.numbers_listed[run.range()]
    }

    pub fn bool_span(&self, id: BoolId) -> Range<usize> {
        self.bool_spans[usize::from(id.0)].clone()
    }

    pub fn number_span(&self, id: NumberId) -> Range<usize> {
        self.number_spans[usize::from(id.0)].clone()
    }

    pub fn field(&self, slot: u16) -> Option<&FieldRead> {
        self.fields.iter().find(|field| field.slot == slot)
    }
}

/// Grows a [`Program`]. A condition has at most `PARTS_MAX` parts, each of which
/// makes at most a few nodes, so indices fit `u16`.
#[derive(Default)]
pub(super) struct Builder {
    bools: Vec<BoolNode>,
    costs: Vec<u32>,
    numbers: Vec<NumberNode>,
    text_nodes: Vec<TextNode>,
    times: Vec<TimeNode>,
    parts: Vec<BoolId>,
    parts_by_cost: Vec<BoolId>,
    texts: Vec<Box<str>>,
    numbers_listed: Vec<f64>,
    bool_spans: Vec<Range<usize>>,
    number_spans: Vec<Range<usize>>,
    fields: Vec<FieldRead>,
}

fn index(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

impl Builder {
    pub fn bool(&mut self, node: BoolNode, span: &Range<usize>) -> BoolId {
        let id = BoolId(index(self.bools.len()));
        self.costs.push(self.cost(node));
        self.bools.push(node);
        self.bool_spans.push(span.clone());
        id
    }

    pub fn number(&mut self, node: NumberNode, span: &Range<usize>) -> NumberId {
        let id = NumberId(index(self.numbers.len()));
        self.numbers.push(node);
        self.number_spans.push(span.clone());
        id
    }

    pub fn number_constant(&self, id: NumberId) -> Option<Val<f64>> {
        match self.numbers.get(usize::from(id.0)) {
            Some(NumberNode::Constant(value)) => Some(*value),
            _ => None,
        }
    }

    pub fn text(&mut self, node: TextNode) -> TextId {
        let id = TextId(index(self.text_nodes.len()));
        self.text_nodes.push(node);
        id
    }

    pub fn time(&mut self, node: TimeNode) -> TimeId {
        let id = TimeId(index(self.times.len()));
        self.times.push(node);
        id
    }

    /// Remembers that a field is read.
    pub fn field(&mut self, slot: u16, name: &str, ty: Type) -> u16 {
        if self.fields.iter().all(|known| known.slot != slot) {
            self.fields.push(FieldRead { slot, name: name.to_owned(), ty });
        }
        slot
    }

    pub fn parts(&mut self, parts: &[BoolId]) -> Run {
        let run = Run { first: index(self.parts.len()), count: index(parts.len()) };
        let mut by_cost = parts.to_vec();
        by_cost.sort_by_key(|part| self.costs.get(usize::from(part.0)).copied());
        self.parts.extend_from_slice(parts);
        self.parts_by_cost.extend(by_cost);
        run
    }

    pub fn texts(&mut self, texts: impl IntoIterator<Item = String>) -> Run {
        let first = self.texts.len();
        self.texts.extend(texts.into_iter().map(String::into_boxed_str));
        Run { first: index(first), count: index(self.texts.len() - first) }
    }

    pub fn numbers_listed(&mut self, numbers: impl IntoIterator<Item = f64>) -> Run {
        let first = self.numbers_listed.len();
        self.numbers_listed.extend(numbers);
        Run { first: index(first), count: index(self.numbers_listed.len() - first) }
    }

    pub fn finish(self, root: BoolId) -> Program {
        Program {
            root,
            bools: self.bools.into(),
            numbers: self.numbers.into(),
            text_nodes: self.text_nodes.into(),
            times: self.times.into(),
            parts: self.parts.into(),
            parts_by_cost: self.parts_by_cost.into(),
            texts: self.texts.into(),
            numbers_listed: self.numbers_listed.into(),
            bool_spans: self.bool_spans.into(),
            number_spans: self.number_spans.into(),
            slots_read: self.fields.iter().map(|field| field.slot).collect(),
            fields: self.fields.into(),
        }
    }

    /// A rough price in field reads; counting days asks a time zone. Being one
    /// of few texts comes first: it is what most often decides.
    fn cost(&self, node: BoolNode) -> u32 {
        const TEXT_SEARCH: u32 = 10;
        let of = |id: BoolId| self.costs.get(usize::from(id.0)).copied().unwrap_or(0);
        match node {
            BoolNode::SameText { same: true, .. } => 1,
            BoolNode::TextIn(..) => 2,
            BoolNode::Constant(_) | BoolNode::Field(_) | BoolNode::Has(..) => 2,
            BoolNode::Not(inner) => 1 + of(inner),
            BoolNode::All(run) | BoolNode::Any(run) => {
                1 + self.parts[run.range()].iter().map(|part| of(*part)).sum::<u32>()
            }
            BoolNode::Choice(a, b, c) => 1 + of(a) + of(b) + of(c),
            BoolNode::SameTruth { a, b, .. } => 1 + of(a) + of(b),
            BoolNode::Numbers { a, b, .. } => 1 + self.number_cost(a) + self.number_cost(b),
            BoolNode::Times { .. } | BoolNode::SameText { same: false, .. } => 3,
            BoolNode::TextTest { .. } => TEXT_SEARCH,
            BoolNode::NumberIn(number, run) => 2 + u32::from(run.count) + self.number_cost(number),
        }
    }

    fn number_cost(&self, id: NumberId) -> u32 {
        const COUNT_CALENDAR_DAYS: u32 = 100;
        let Some(node) = self.numbers.get(usize::from(id.0)) else { return 0 };
        match *node {
            NumberNode::Constant(_) | NumberNode::Field(_) => 1,
            NumberNode::Negate(inner) => 1 + self.number_cost(inner),
            NumberNode::Arithmetic(_, a, b) => 1 + self.number_cost(a) + self.number_cost(b),
            NumberNode::Choice(_, a, b) => 2 + self.number_cost(a) + self.number_cost(b),
            NumberNode::Size(_) => 10,
            NumberNode::Days(DayCount::DaysSince | DayCount::HoursSince, _) => 3,
            NumberNode::Days(DayCount::BusinessDaysSince | DayCount::DaysUntil, _) => {
                COUNT_CALENDAR_DAYS
            }
        }
    }
}
