//! How a condition depends on time, known before any deal is.

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

impl Condition {
    /// The class, for any facts.
    #[must_use]
    pub fn time_class(&self) -> TimeClass {
        let program = &self.compiled.program;
        let classes = program.bools.iter().map(|node| match *node {
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
        });
        classes.max().unwrap_or(TimeClass::EventOnly)
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
