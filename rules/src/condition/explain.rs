//! Why a condition holds or not, part by part.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    Condition,
    ast::CompareOp,
    decisive::Bound,
    eval::Evaluation,
    program::{BoolId, BoolNode, NumberId, NumberNode, TextId, TextNode, TimeId, TimeNode},
    seen::Seen,
    value::{Context, Truth, Val},
};

/// How an [`Explanation`] depends on its parts.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Joint {
    /// Needs every part (`&&`).
    All,
    /// Needs one part (`||`).
    Any,
    /// The opposite of its part (`!`).
    Not,
    /// The first part decides between the second and the third (`? :`).
    Choice,
    /// Whether two parts agree (`==` between conditions).
    Same,
    /// A test on values, without parts.
    Test,
}

/// A condition or a part of one, with its answer and the values it saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The part's source text.
    pub source: String,
    /// What it answered.
    pub truth: Truth,
    /// How that follows from the parts.
    pub joint: Joint,
    /// For a test: each field, bare name and function it read, with its value.
    pub values: Vec<SeenValue>,
    /// For a test of one reading against a number: that number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<Bound>,
    /// In source order.
    pub parts: Vec<Explanation>,
}

/// A value under the words by which the condition reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeenValue {
    /// `deal.stage`, or `days_since(deal.created_at)`.
    pub name: String,
    /// What was there.
    pub value: Seen,
}

impl Condition {
    /// Every part of the condition with its answer and the values it saw.
    #[must_use]
    pub fn explain(&self, on: &Context<'_>) -> Explanation {
        let program = &self.compiled.program;
        let run = Evaluation { program, on };
        Explainer { source: self.source(), run }.part(program.root)
    }
}

struct Explainer<'r> {
    source: &'r str,
    run: Evaluation<'r>,
}

impl Explainer<'_> {
    fn part(&self, id: BoolId) -> Explanation {
        let program = self.run.program;
        let (joint, parts) = match program.bool_node(id) {
            BoolNode::All(run) => (Joint::All, program.parts(run).to_vec()),
            BoolNode::Any(run) => (Joint::Any, program.parts(run).to_vec()),
            BoolNode::Not(inner) => (Joint::Not, vec![inner]),
            BoolNode::Choice(condition, yes, no) => (Joint::Choice, vec![condition, yes, no]),
            BoolNode::SameTruth { a, b, .. } => (Joint::Same, vec![a, b]),
            _ => (Joint::Test, Vec::new()),
        };
        let span = program.bool_span(id);
        let mut values = Values { explainer: self, found: Vec::new() };
        if joint == Joint::Test {
            values.of_test(id);
        }
        Explanation {
            source: self.source.get(span).unwrap_or_default().to_owned(),
            truth: self.run.truth(id),
            joint,
            values: values.found,
            bound: self.bound(id),
            parts: parts.into_iter().map(|part| self.part(part)).collect(),
        }
    }
}

impl Explainer<'_> {
    /// What a test of one reading against a number held it against.
    fn bound(&self, id: BoolId) -> Option<Bound> {
        let BoolNode::Numbers { op, a, b } = self.run.program.bool_node(id) else { return None };
        match (self.number_given(a), self.number_given(b)) {
            (None, Some(number)) if self.is_reading(a) => Some(Bound::of(op, number)),
            (Some(number), None) if self.is_reading(b) => Some(Bound::of(mirrored(op), number)),
            _ => None,
        }
    }

    /// A number that the rule itself gives: a literal, a bare name such as
    /// `threshold`, or what is reckoned from those.
    fn number_given(&self, id: NumberId) -> Option<f64> {
        let program = self.run.program;
        match program.number_node(id) {
            NumberNode::Constant(_) => {}
            NumberNode::Field(slot) if is_bare(&program.field(slot)?.name) => {}
            NumberNode::Negate(inner) => drop(self.number_given(inner)?),
            NumberNode::Arithmetic(_, a, b) => {
                self.number_given(a)?;
                self.number_given(b)?;
            }
            _ => return None,
        }
        match self.run.number(id) {
            Val::Known(number) => Some(number),
            Val::Empty | Val::Unknown => None,
        }
    }

    fn is_reading(&self, id: NumberId) -> bool {
        let node = self.run.program.number_node(id);
        matches!(node, NumberNode::Field(_) | NumberNode::Days(..) | NumberNode::Size(_))
    }
}

/// A name without a dot: a setting of the rule, and no fact.
fn is_bare(name: &str) -> bool {
    !name.contains('.')
}

/// The comparison with its sides exchanged.
fn mirrored(op: CompareOp) -> CompareOp {
    match op {
        CompareOp::Less => CompareOp::Greater,
        CompareOp::LessOrEqual => CompareOp::GreaterOrEqual,
        CompareOp::Greater => CompareOp::Less,
        CompareOp::GreaterOrEqual => CompareOp::LessOrEqual,
        CompareOp::Equal | CompareOp::NotEqual => op,
    }
}

/// Collects what one test reads, in source order and each once.
struct Values<'e> {
    explainer: &'e Explainer<'e>,
    found: Vec<SeenValue>,
}

impl Values<'_> {
    fn add(&mut self, name: &str, value: Seen) {
        if self.found.iter().all(|known| known.name != name) {
            self.found.push(SeenValue { name: name.to_owned(), value });
        }
    }

    fn field(&mut self, slot: u16) {
        let run = self.explainer.run;
        if let Some(field) = run.program.field(slot) {
            self.add(&field.name, Seen::of_slot(run.on.slot(slot), field.ty));
        }
    }

    fn of_test(&mut self, id: BoolId) {
        match self.explainer.run.program.bool_node(id) {
            BoolNode::Field(slot) | BoolNode::Has(slot, _) => self.field(slot),
            BoolNode::Numbers { a, b, .. } => {
                self.number(a);
                self.number(b);
            }
            BoolNode::Times { a, b, .. } => {
                self.time(a);
                self.time(b);
            }
            BoolNode::SameText { a, b, .. } => {
                self.text(a);
                self.text(b);
            }
            BoolNode::TextTest { text, part, .. } => {
                self.text(text);
                self.text(part);
            }
            BoolNode::TextIn(text, _) => self.text(text),
            BoolNode::NumberIn(number, _) => self.number(number),
            BoolNode::Constant(_)
            | BoolNode::All(_)
            | BoolNode::Any(_)
            | BoolNode::Not(_)
            | BoolNode::Choice(..)
            | BoolNode::SameTruth { .. } => {}
        }
    }

    fn number(&mut self, id: NumberId) {
        let Explainer { source, run } = self.explainer;
        match run.program.number_node(id) {
            NumberNode::Constant(_) => {}
            NumberNode::Field(slot) => self.field(slot),
            NumberNode::Negate(inner) => self.number(inner),
            NumberNode::Arithmetic(_, a, b) => {
                self.number(a);
                self.number(b);
            }
            NumberNode::Choice(condition, yes, no) => {
                self.chosen(condition);
                match run.truth(condition) {
                    Truth::True => self.number(yes),
                    Truth::False => self.number(no),
                    Truth::Unknown => {}
                }
            }
            NumberNode::Size(_) | NumberNode::Days(..) => {
                let name = source.get(run.program.number_span(id)).unwrap_or_default();
                self.add(name, Seen::of_number(run.number(id)));
                match run.program.number_node(id) {
                    NumberNode::Size(text) => self.text(text),
                    NumberNode::Days(_, time) => self.time(time),
                    _ => {}
                }
            }
        }
    }

    /// What decided the question of a `? :` inside a test.
    fn chosen(&mut self, condition: BoolId) {
        let question = self.explainer.part(condition);
        for SeenValue { name, value } in question.decisive().iter().flat_map(|one| &one.test.values)
        {
            self.add(name, value.clone());
        }
    }

    fn text(&mut self, id: TextId) {
        match self.explainer.run.program.text_node(id) {
            TextNode::Constant(_) => {}
            TextNode::Field(slot) => self.field(slot),
            TextNode::Choice(condition, yes, no) => {
                self.chosen(condition);
                match self.explainer.run.truth(condition) {
                    Truth::True => self.text(yes),
                    Truth::False => self.text(no),
                    Truth::Unknown => {}
                }
            }
        }
    }

    fn time(&mut self, id: TimeId) {
        let run = self.explainer.run;
        match run.program.time_node(id) {
            TimeNode::Now => self.add("now", Seen::Time(run.on.now)),
            TimeNode::Field(slot) => self.field(slot),
            TimeNode::Choice(condition, yes, no) => {
                self.chosen(condition);
                match run.truth(condition) {
                    Truth::True => self.time(yes),
                    Truth::False => self.time(no),
                    Truth::Unknown => {}
                }
            }
        }
    }
}

/// An indented outline that reads without colour:
///
/// ```text
/// no  all of these:
///   yes  deal.stage == "proposal"
///          deal.stage is "proposal"
///   no   deal.amount > 1000
///          deal.amount is 250
/// ```
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        outline(self, 0, f)
    }
}

fn outline(part: &Explanation, level: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let answer = match part.truth {
        Truth::True => "yes",
        Truth::False => "no",
        Truth::Unknown => "?",
    };
    let words = part.source.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = match part.joint {
        Joint::All => "all of these:",
        Joint::Any => "at least one of these:",
        Joint::Not => "not:",
        Joint::Choice => "if the first, then the second, otherwise the third:",
        Joint::Same | Joint::Test => words.as_str(),
    };
    let indent = "  ".repeat(level);
    if level > 0 {
        writeln!(f)?;
    }
    write!(f, "{indent}{answer:<5}{text}")?;
    for SeenValue { name, value } in &part.values {
        write!(f, "\n{indent}       {name} is {value}")?;
    }
    part.parts.iter().try_for_each(|part| outline(part, level + 1, f))
}
