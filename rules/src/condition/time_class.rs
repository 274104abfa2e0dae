//! How a condition depends on time, known before any deal is.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{
    Condition,
    ast::ArithmeticOp,
    drift::Direction,
    program::{BoolNode, NumberId, NumberNode, Program, TimeId, TimeNode},
    value::Val,
};

/// How the truth of a condition moves with time.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeClass {
    /// Only events change it.
    EventOnly,
    /// Time changes it, at instants that can be computed.
    Exact,
    /// Some test compares numbers that move in no provable order, such as the
    /// difference of two ages: it is looked at again every local midnight, and
    /// a change may be noticed up to a day late.
    Daily,
}

/// A test whose instants of change cannot be worked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DailyTest {
    /// Where it stands in the source.
    pub span: Range<usize>,
    /// It multiplies or divides two ages; otherwise it sets them off against
    /// each other.
    pub multiplies: bool,
}

impl Condition {
    /// The class, for any facts.
    #[must_use]
    pub fn time_class(&self) -> TimeClass {
        let program = &self.compiled.program;
        let classes = program.bools.iter().map(|node| class_of(program, *node));
        classes.max().unwrap_or(TimeClass::EventOnly)
    }

    /// The tests that make it [`TimeClass::Daily`], in source order.
    #[must_use]
    pub fn daily_tests(&self) -> Vec<DailyTest> {
        let program = &self.compiled.program;
        let tests = program.bools.iter().zip(&program.bool_spans);
        let daily = tests.filter(|(node, _)| class_of(program, **node) == TimeClass::Daily);
        let multiplies = |node: &BoolNode| match *node {
            BoolNode::Numbers { a, b, .. } => multiplies(program, a) || multiplies(program, b),
            BoolNode::NumberIn(number, _) => multiplies(program, number),
            _ => false,
        };
        let mut found: Vec<DailyTest> = daily
            .map(|(node, span)| DailyTest { span: span.clone(), multiplies: multiplies(node) })
            .collect();
        found.sort_by_key(|test| test.span.start);
        found
    }
}

fn class_of(program: &Program, node: BoolNode) -> TimeClass {
    match node {
        BoolNode::Numbers { a, b, .. } => {
            let (a, b) = (moves(program, a), moves(program, b));
            class(a.direction.plus(b.direction.opposite()), a.by_date && b.by_date)
        }
        BoolNode::NumberIn(number, _) => {
            let number = moves(program, number);
            class(number.direction, number.by_date)
        }
        BoolNode::Times { a, b, .. } if is_now(program, a) || is_now(program, b) => {
            TimeClass::Exact
        }
        _ => TimeClass::EventOnly,
    }
}

/// Whether two moving numbers are multiplied or divided anywhere in it.
fn multiplies(program: &Program, id: NumberId) -> bool {
    match program.number_node(id) {
        NumberNode::Arithmetic(op, a, b) => {
            let both_move =
                [a, b].iter().all(|side| moves(program, *side).direction != Direction::Fixed);
            let divided =
                op == ArithmeticOp::Divide && moves(program, b).direction != Direction::Fixed;
            (op == ArithmeticOp::Multiply && both_move)
                || divided
                || multiplies(program, a)
                || multiplies(program, b)
        }
        NumberNode::Negate(inner) => multiplies(program, inner),
        NumberNode::Choice(_, yes, no) => multiplies(program, yes) || multiplies(program, no),
        _ => false,
    }
}

fn class(direction: Direction, by_date: bool) -> TimeClass {
    match direction {
        Direction::Fixed => TimeClass::EventOnly,
        Direction::Up | Direction::Down | Direction::OneWay => TimeClass::Exact,
        Direction::Any if by_date => TimeClass::Exact,
        Direction::Any => TimeClass::Daily,
    }
}

fn is_now(program: &Program, id: TimeId) -> bool {
    match program.time_node(id) {
        TimeNode::Now => true,
        TimeNode::Field(_) => false,
        TimeNode::Choice(_, yes, no) => is_now(program, yes) || is_now(program, no),
    }
}

fn has_field(program: &Program, id: TimeId) -> bool {
    match program.time_node(id) {
        TimeNode::Now => false,
        TimeNode::Field(_) => true,
        TimeNode::Choice(_, yes, no) => has_field(program, yes) || has_field(program, no),
    }
}

#[derive(Copy, Clone)]
struct Moves {
    direction: Direction,
    by_date: bool,
}

const STILL: Moves = Moves { direction: Direction::Fixed, by_date: true };

fn moves(program: &Program, id: NumberId) -> Moves {
    match program.number_node(id) {
        NumberNode::Constant(_) | NumberNode::Field(_) | NumberNode::Size(_) => STILL,
        NumberNode::Negate(inner) => {
            let inner = moves(program, inner);
            Moves { direction: inner.direction.opposite(), ..inner }
        }
        NumberNode::Arithmetic(op, a, b) => {
            let (left, right) = (moves(program, a), moves(program, b));
            let direction = match op {
                ArithmeticOp::Add => left.direction.plus(right.direction),
                ArithmeticOp::Subtract => left.direction.plus(right.direction.opposite()),
                ArithmeticOp::Multiply if left.direction == Direction::Fixed => {
                    scaled(right.direction, program.number_node(a))
                }
                ArithmeticOp::Multiply | ArithmeticOp::Divide
                    if right.direction == Direction::Fixed =>
                {
                    scaled(left.direction, program.number_node(b))
                }
                ArithmeticOp::Multiply | ArithmeticOp::Divide => Direction::Any,
            };
            Moves { direction, by_date: left.by_date && right.by_date }
        }
        NumberNode::Choice(_, yes, no) => {
            let (yes, no) = (moves(program, yes), moves(program, no));
            Moves {
                direction: either(yes.direction, no.direction),
                by_date: yes.by_date && no.by_date,
            }
        }
        NumberNode::Days(count, time) if has_field(program, time) => {
            Moves { direction: count.direction(), by_date: count.is_by_date() }
        }
        NumberNode::Days(..) => STILL,
    }
}

/// Times a fixed number, whose sign is known if it is a constant.
fn scaled(direction: Direction, factor: NumberNode) -> Direction {
    match (direction, factor) {
        (Direction::Fixed | Direction::Any, _) => direction,
        (_, NumberNode::Constant(Val::Known(factor))) => direction.times(factor),
        _ => Direction::OneWay,
    }
}

fn either(a: Direction, b: Direction) -> Direction {
    match (a, b) {
        (Direction::Fixed, way) | (way, Direction::Fixed) => way,
        _ if a == b => a,
        (Direction::Any, _) | (_, Direction::Any) => Direction::Any,
        _ => Direction::OneWay,
    }
}
