//! The form in which a condition is evaluated: the same tree, with the tests
//! that most conditions consist of fused into single steps.
//!
//! A test on a field and a constant needs no walk over nodes, and the parts of
//! an `&&` lie side by side, cheapest first: Kleene's `&&` and `||` commute and
//! nothing here can fail, so their order is free. Whatever has no step of its
//! own is evaluated from its nodes, which mean the same.

use super::{
    ast::CompareOp,
    eval::{Evaluation, compare},
    program::{
        BoolId, BoolNode, DayCount, NumberId, NumberNode, Program, Run, TextId, TextNode, TimeId,
        TimeNode,
    },
    value::{Context, Slot, Truth, Val},
};
use crate::time::{DAY_MS, HOUR_MS};

#[derive(Debug)]
pub(super) enum Step {
    All(Box<[Step]>),
    Any(Box<[Step]>),
    Not(Box<Step>),
    /// A field of type bool.
    Flag(u16),
    /// A text field against a constant.
    TextIs {
        slot: u16,
        same: bool,
        text: Box<str>,
    },
    TextAmong {
        slot: u16,
        texts: Box<[Box<str>]>,
    },
    Number {
        op: CompareOp,
        slot: u16,
        constant: f64,
    },
    Numbers {
        op: CompareOp,
        a: Operand,
        b: Operand,
    },
    /// A time field against `now`.
    AgainstNow {
        op: CompareOp,
        slot: u16,
    },
    Other(BoolId),
}

#[derive(Copy, Clone, Debug)]
pub(super) enum Operand {
    Constant(f64),
    Field(u16),
    /// Time since a field, in units of so many milliseconds.
    Age {
        slot: u16,
        unit_ms: f64,
    },
    Other(NumberId),
}

impl Step {
    /// The steps of a checked program.
    pub fn compile(program: &Program, id: BoolId) -> Step {
        let parts = |run: Run| -> Box<[Step]> {
            let parts = &program.parts_by_cost[run.range()];
            parts.iter().map(|part| Step::compile(program, *part)).collect()
        };
        let step = match program.bool_node(id) {
            BoolNode::All(run) => Some(Step::All(parts(run))),
            BoolNode::Any(run) => Some(Step::Any(parts(run))),
            BoolNode::Not(inner) => Some(Step::Not(Box::new(Step::compile(program, inner)))),
            BoolNode::Field(slot) => Some(Step::Flag(slot)),
            BoolNode::SameText { a, b, same } => {
                Step::text_is(program, a, b, same).or_else(|| Step::text_is(program, b, a, same))
            }
            BoolNode::TextIn(text, run) => match program.text_node(text) {
                TextNode::Field(slot) => {
                    Some(Step::TextAmong { slot, texts: program.texts(run).into() })
                }
                _ => None,
            },
            BoolNode::Numbers { op, a, b } => {
                let (a, b) = (Operand::compile(program, a), Operand::compile(program, b));
                Some(match (a, b) {
                    (Operand::Field(slot), Operand::Constant(constant)) => {
                        Step::Number { op, slot, constant }
                    }
                    _ => Step::Numbers { op, a, b },
                })
            }
            BoolNode::Times { op, a, b } => Step::against_now(program, op, a, b)
                .or_else(|| Step::against_now(program, op.mirrored(), b, a)),
            _ => None,
        };
        step.unwrap_or(Step::Other(id))
    }

    fn text_is(program: &Program, field: TextId, constant: TextId, same: bool) -> Option<Step> {
        match (program.text_node(field), program.text_node(constant)) {
            (TextNode::Field(slot), TextNode::Constant(index)) => {
                Some(Step::TextIs { slot, same, text: program.text(index).into() })
            }
            _ => None,
        }
    }

    fn against_now(program: &Program, op: CompareOp, field: TimeId, now: TimeId) -> Option<Step> {
        match (program.time_node(field), program.time_node(now)) {
            (TimeNode::Field(slot), TimeNode::Now) => Some(Step::AgainstNow { op, slot }),
            _ => None,
        }
    }

    pub fn truth(&self, program: &Program, on: &Context<'_>) -> Truth {
        match self {
            Step::All(parts) => decided_by(Truth::False, parts, program, on),
            Step::Any(parts) => decided_by(Truth::True, parts, program, on),
            Step::Not(inner) => !inner.truth(program, on),
            Step::Flag(slot) => on.flag(*slot),
            Step::TextIs { slot, same, text } => match on.text(*slot) {
                Some(seen) => (same_text(seen, text) == *same).into(),
                None => Truth::Unknown,
            },
            Step::TextAmong { slot, texts } => match on.text(*slot) {
                Some(seen) => texts.iter().any(|text| same_text(seen, text)).into(),
                None => Truth::Unknown,
            },
            Step::Number { op, slot, constant } => match on.slot(*slot) {
                Slot::Number(number) if number.is_finite() => op.holds(number, *constant).into(),
                Slot::Empty => (*op == CompareOp::NotEqual).into(),
                _ => Truth::Unknown,
            },
            Step::Numbers { op, a, b } => compare(*op, a.value(program, on), b.value(program, on)),
            Step::AgainstNow { op, slot } => compare(*op, on.time(*slot), Val::Known(on.now)),
            Step::Other(id) => Evaluation { program, on }.truth(*id),
        }
    }
}

/// `&&` is decided by a false part, `||` by a true one.
fn decided_by(decisive: Truth, parts: &[Step], program: &Program, on: &Context<'_>) -> Truth {
    let mut answer = !decisive;
    for part in parts {
        let truth = part.truth(program, on);
        if truth == decisive {
            return decisive;
        }
        if truth == Truth::Unknown {
            answer = Truth::Unknown;
        }
    }
    answer
}

/// `a == b`, without a call for most pairs that differ or are empty. (Comparing
/// two empty texts by `memcmp` costs tens of nanoseconds on some processors:
/// its masked load from a dangling pointer is a fault to be suppressed.)
fn same_text(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.as_bytes().first() == b.as_bytes().first() && (a.is_empty() || a == b)
}

impl Operand {
    fn compile(program: &Program, id: NumberId) -> Operand {
        match program.number_node(id) {
            NumberNode::Constant(Val::Known(number)) => Operand::Constant(number),
            NumberNode::Field(slot) => Operand::Field(slot),
            NumberNode::Days(count, time) => {
                let unit_ms = match count {
                    DayCount::DaysSince => DAY_MS as f64,
                    DayCount::HoursSince => HOUR_MS as f64,
                    DayCount::BusinessDaysSince | DayCount::DaysUntil => return Operand::Other(id),
                };
                match program.time_node(time) {
                    TimeNode::Field(slot) => Operand::Age { slot, unit_ms },
                    _ => Operand::Other(id),
                }
            }
            _ => Operand::Other(id),
        }
    }

    fn value(self, program: &Program, on: &Context<'_>) -> Val<f64> {
        match self {
            Operand::Constant(number) => Val::Known(number),
            Operand::Field(slot) => on.number(slot),
            Operand::Age { slot, unit_ms } => on.time(slot).map(|time| on.age(time, unit_ms)),
            Operand::Other(id) => Evaluation { program, on }.number(id),
        }
    }
}
