//! Evaluation. It never allocates, never fails, and recurses at most as deep
//! as the tree (`DEPTH_MAX`).
//!
//! Where a value is both Empty and Unknown in part, Unknown wins: `a + b` with
//! an Empty `a` and an Unknown `b` is Unknown.

use super::{
    ast::{ArithmeticOp, CompareOp},
    program::{
        BoolId, BoolNode, DayCount, NumberId, NumberNode, Program, TextId, TextNode, TextTest,
        TimeId, TimeNode,
    },
    schema::Type,
    value::{Context, Slot, Truth, Val},
};
use crate::time::{DAY_MS, HOUR_MS, UnixMs};

/// One program over one context.
#[derive(Copy, Clone)]
pub(super) struct Evaluation<'r> {
    pub program: &'r Program,
    pub on: &'r Context<'r>,
}

/// How fields read; see [`Slot`] for values of a wrong kind.
impl<'r> Context<'r> {
    pub(super) fn slot(&self, slot: u16) -> Slot<'r> {
        self.slots.get(usize::from(slot)).copied().unwrap_or_default()
    }

    pub(super) fn flag(&self, slot: u16) -> Truth {
        match self.slot(slot) {
            Slot::Bool(holds) => holds.into(),
            Slot::Empty => Truth::False,
            _ => Truth::Unknown,
        }
    }

    pub(super) fn number(&self, slot: u16) -> Val<f64> {
        match self.slot(slot) {
            Slot::Number(number) => Val::finite(number),
            Slot::Empty => Val::Empty,
            _ => Val::Unknown,
        }
    }

    pub(super) fn text(&self, slot: u16) -> Option<&'r str> {
        match self.slot(slot) {
            Slot::Text(text) => Some(text),
            Slot::Empty => Some(""),
            _ => None,
        }
    }

    pub(super) fn time(&self, slot: u16) -> Val<UnixMs> {
        match self.slot(slot) {
            Slot::Time(time) => Val::Known(time),
            Slot::Empty => Val::Empty,
            _ => Val::Unknown,
        }
    }

    pub(super) fn has(&self, slot: u16, ty: Type) -> Truth {
        match (self.slot(slot), ty) {
            (Slot::Empty, _) | (Slot::Text(""), Type::Text) => Truth::False,
            (Slot::Number(number), Type::Number) if !number.is_finite() => Truth::Unknown,
            (Slot::Bool(_), Type::Bool)
            | (Slot::Number(_), Type::Number)
            | (Slot::Text(_), Type::Text)
            | (Slot::Time(_), Type::Time) => Truth::True,
            _ => Truth::Unknown,
        }
    }

    /// Time since `time` in units of `unit_ms`; 0 for the future.
    pub(super) fn age(&self, time: UnixMs, unit_ms: f64) -> f64 {
        self.now.since_ms(time).max(0) as f64 / unit_ms
    }
}

impl<'r> Evaluation<'r> {
    pub fn truth(self, id: BoolId) -> Truth {
        match self.program.bool_node(id) {
            BoolNode::Constant(truth) => truth,
            BoolNode::Field(slot) => self.on.flag(slot),
            BoolNode::Has(slot, ty) => self.on.has(slot, ty),
            BoolNode::Not(inner) => !self.truth(inner),
            BoolNode::All(run) => self.decided_by(Truth::False, self.program.parts(run)),
            BoolNode::Any(run) => self.decided_by(Truth::True, self.program.parts(run)),
            BoolNode::Choice(condition, yes, no) => match self.truth(condition) {
                Truth::True => self.truth(yes),
                Truth::False => self.truth(no),
                Truth::Unknown => {
                    let yes = self.truth(yes);
                    if yes == self.truth(no) { yes } else { Truth::Unknown }
                }
            },
            BoolNode::SameTruth { a, b, same } => match (self.truth(a), self.truth(b)) {
                (Truth::Unknown, _) | (_, Truth::Unknown) => Truth::Unknown,
                (a, b) => Truth::from((a == b) == same),
            },
            BoolNode::Numbers { op, a, b } => compare(op, self.number(a), self.number(b)),
            BoolNode::Times { op, a, b } => compare(op, self.time(a), self.time(b)),
            BoolNode::SameText { a, b, same } => match (self.text(a), self.text(b)) {
                (Some(a), Some(b)) => Truth::from((a == b) == same),
                _ => Truth::Unknown,
            },
            BoolNode::TextTest { test, text, part } => match (self.text(text), self.text(part)) {
                (Some(text), Some(part)) => Truth::from(test.holds(text, part)),
                _ => Truth::Unknown,
            },
            BoolNode::TextIn(text, run) => match self.text(text) {
                Some(text) => self.program.texts(run).iter().any(|item| **item == *text).into(),
                None => Truth::Unknown,
            },
            BoolNode::NumberIn(number, run) => match self.number(number) {
                Val::Known(number) => self.program.numbers_listed(run).contains(&number).into(),
                Val::Empty => Truth::False,
                Val::Unknown => Truth::Unknown,
            },
        }
    }

    /// `&&` is decided by a false part, `||` by a true one.
    fn decided_by(self, decisive: Truth, parts: &[BoolId]) -> Truth {
        let mut answer = !decisive;
        for part in parts {
            let truth = self.truth(*part);
            if truth == decisive {
                return decisive;
            }
            if truth == Truth::Unknown {
                answer = Truth::Unknown;
            }
        }
        answer
    }

    pub fn number(self, id: NumberId) -> Val<f64> {
        match self.program.number_node(id) {
            NumberNode::Constant(value) => value,
            NumberNode::Field(slot) => self.on.number(slot),
            NumberNode::Negate(inner) => self.number(inner).map(|number| -number),
            NumberNode::Arithmetic(op, a, b) => arithmetic(op, self.number(a), self.number(b)),
            NumberNode::Choice(condition, yes, no) => match self.truth(condition) {
                Truth::True => self.number(yes),
                Truth::False => self.number(no),
                Truth::Unknown => Val::Unknown,
            },
            NumberNode::Size(text) => match self.text(text) {
                Some(text) => Val::Known(text.chars().count() as f64),
                None => Val::Unknown,
            },
            NumberNode::Days(count, time) => self.time(time).map(|time| self.days(count, time)),
        }
    }

    fn days(self, count: DayCount, time: UnixMs) -> f64 {
        let Context { now, calendar, .. } = *self.on;
        match count {
            DayCount::DaysSince => self.on.age(time, DAY_MS as f64),
            DayCount::HoursSince => self.on.age(time, HOUR_MS as f64),
            DayCount::BusinessDaysSince => calendar.business_days_since(time, now) as f64,
            DayCount::DaysUntil => calendar.days_until(time, now) as f64,
        }
    }

    /// The text, `""` when empty, nothing when unknown.
    pub fn text(self, id: TextId) -> Option<&'r str> {
        match self.program.text_node(id) {
            TextNode::Constant(index) => Some(self.program.text(index)),
            TextNode::Field(slot) => self.on.text(slot),
            TextNode::Choice(condition, yes, no) => match self.truth(condition) {
                Truth::True => self.text(yes),
                Truth::False => self.text(no),
                Truth::Unknown => None,
            },
        }
    }

    pub fn time(self, id: TimeId) -> Val<UnixMs> {
        match self.program.time_node(id) {
            TimeNode::Now => Val::Known(self.on.now),
            TimeNode::Field(slot) => self.on.time(slot),
            TimeNode::Choice(condition, yes, no) => match self.truth(condition) {
                Truth::True => self.time(yes),
                Truth::False => self.time(no),
                Truth::Unknown => Val::Unknown,
            },
        }
    }
}

impl TextTest {
    pub fn holds(self, text: &str, part: &str) -> bool {
        match self {
            TextTest::StartsWith => text.starts_with(part),
            TextTest::EndsWith => text.ends_with(part),
            TextTest::Contains => text.contains(part),
        }
    }
}

impl CompareOp {
    /// Whether `a op b`, without a branch.
    pub fn holds<T: PartialOrd>(self, a: T, b: T) -> bool {
        let order = u8::from(a < b) | u8::from(a == b) << 1 | u8::from(a > b) << 2;
        order & self as u8 != 0
    }

    /// The operator that says the same with the sides exchanged.
    pub fn mirrored(self) -> CompareOp {
        match self {
            CompareOp::Less => CompareOp::Greater,
            CompareOp::LessOrEqual => CompareOp::GreaterOrEqual,
            CompareOp::Greater => CompareOp::Less,
            CompareOp::GreaterOrEqual => CompareOp::LessOrEqual,
            same => same,
        }
    }
}

/// An ordered comparison with Empty is false; two Empty values are equal, and
/// `!=` is always the opposite of `==`.
pub(super) fn compare<T: PartialOrd>(op: CompareOp, a: Val<T>, b: Val<T>) -> Truth {
    match (a, b) {
        (Val::Known(a), Val::Known(b)) => op.holds(a, b).into(),
        (Val::Unknown, _) | (_, Val::Unknown) => Truth::Unknown,
        (Val::Empty, Val::Empty) => (op == CompareOp::Equal).into(),
        (Val::Empty, Val::Known(_)) | (Val::Known(_), Val::Empty) => {
            (op == CompareOp::NotEqual).into()
        }
    }
}

/// Division by zero and overflow are Unknown.
pub(super) fn arithmetic(op: ArithmeticOp, a: Val<f64>, b: Val<f64>) -> Val<f64> {
    match (a, b) {
        (Val::Known(a), Val::Known(b)) => Val::finite(match op {
            ArithmeticOp::Add => a + b,
            ArithmeticOp::Subtract => a - b,
            ArithmeticOp::Multiply => a * b,
            ArithmeticOp::Divide => a / b,
        }),
        (Val::Unknown, _) | (_, Val::Unknown) => Val::Unknown,
        _ => Val::Empty,
    }
}
