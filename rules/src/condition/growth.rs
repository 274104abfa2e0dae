//! What can be said of a condition without a deal: whether it is true more or
//! less often as one of its numbers grows, what that number counts, and the
//! parts it is made of.

use std::ops::Range;

use super::{
    Condition,
    ast::{ArithmeticOp, CompareOp},
    program::{BoolId, BoolNode, DayCount, NumberId, NumberNode, Program, Run},
    value::Val,
};

/// What a growing number does to an answer.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Growth {
    /// Nothing: it is not read.
    None,
    /// What was true stays true.
    Rises,
    /// What was false stays false.
    Falls,
    /// Either may happen.
    Both,
}

impl Growth {
    /// The same for the opposite answer.
    #[must_use]
    pub fn turned(self) -> Growth {
        match self {
            Growth::Rises => Growth::Falls,
            Growth::Falls => Growth::Rises,
            same => same,
        }
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Growth) -> Growth {
        match (self, other) {
            (Growth::None, one) | (one, Growth::None) => one,
            (one, same) if one == same => one,
            _ => Growth::Both,
        }
    }
}

impl Condition {
    /// What it does to the answer when the number in `slot` grows.
    #[must_use]
    pub fn growth(&self, slot: u16) -> Growth {
        let program = &self.compiled.program;
        Reading { program, slot }.of(program.root)
    }
}

struct Reading<'a> {
    program: &'a Program,
    slot: u16,
}

impl Reading<'_> {
    fn of(&self, id: BoolId) -> Growth {
        match self.program.bool_node(id) {
            BoolNode::Not(inner) => self.of(inner).turned(),
            BoolNode::All(run) | BoolNode::Any(run) => {
                let parts = self.program.parts(run).iter().map(|part| self.of(*part));
                parts.fold(Growth::None, Growth::and)
            }
            BoolNode::Choice(question, yes, no) => {
                let ways = self.of(yes).and(self.of(no));
                if self.of(question) == Growth::None { ways } else { Growth::Both }
            }
            BoolNode::SameTruth { a, b, .. } => either(self.of(a).and(self.of(b))),
            BoolNode::Numbers { op, a, b } => {
                // `a > b` as `a - b > 0`.
                let difference = self.number(a).and(self.number(b).turned());
                match op {
                    CompareOp::Greater | CompareOp::GreaterOrEqual => difference,
                    CompareOp::Less | CompareOp::LessOrEqual => difference.turned(),
                    CompareOp::Equal | CompareOp::NotEqual => either(difference),
                }
            }
            BoolNode::NumberIn(number, _) => either(self.number(number)),
            BoolNode::Times { .. }
            | BoolNode::SameText { .. }
            | BoolNode::TextTest { .. }
            | BoolNode::TextIn(..) => self.chosen(self.program.bool_span(id)),
            BoolNode::Constant(_) | BoolNode::Field(_) | BoolNode::Has(..) => Growth::None,
        }
    }

    fn number(&self, id: NumberId) -> Growth {
        match self.program.number_node(id) {
            NumberNode::Field(slot) if slot == self.slot => Growth::Rises,
            NumberNode::Constant(_) | NumberNode::Field(_) => Growth::None,
            NumberNode::Negate(inner) => self.number(inner).turned(),
            NumberNode::Arithmetic(op, a, b) => self.arithmetic(op, a, b),
            NumberNode::Choice(question, yes, no) => {
                let ways = self.number(yes).and(self.number(no));
                if self.of(question) == Growth::None { ways } else { Growth::Both }
            }
            NumberNode::Size(_) | NumberNode::Days(..) => self.chosen(self.program.number_span(id)),
        }
    }

    fn arithmetic(&self, op: ArithmeticOp, a: NumberId, b: NumberId) -> Growth {
        let (left, right) = (self.number(a), self.number(b));
        match op {
            ArithmeticOp::Add => left.and(right),
            ArithmeticOp::Subtract => left.and(right.turned()),
            ArithmeticOp::Multiply => match (left, right) {
                (Growth::None, Growth::None) => Growth::None,
                (growth, Growth::None) => self.times(growth, b),
                (Growth::None, growth) => self.times(growth, a),
                _ => Growth::Both,
            },
            ArithmeticOp::Divide => match (left, right) {
                (Growth::None, Growth::None) => Growth::None,
                (growth, Growth::None) => self.times(growth, b),
                _ => Growth::Both,
            },
        }
    }

    /// Times a number whose sign is known only where it is written out.
    fn times(&self, growth: Growth, by: NumberId) -> Growth {
        match self.program.number_node(by) {
            NumberNode::Constant(Val::Known(number)) if number >= 0.0 => growth,
            NumberNode::Constant(Val::Known(_)) => growth.turned(),
            _ => either(growth),
        }
    }

    /// A time or text: it can only be chosen by a question about the number.
    fn chosen(&self, within: Range<usize>) -> Growth {
        let nodes = self.program.numbers.iter().zip(&self.program.number_spans);
        let is_read = nodes.into_iter().any(|(node, span)| {
            *node == NumberNode::Field(self.slot)
                && within.start <= span.start
                && span.end <= within.end
        });
        if is_read { Growth::Both } else { Growth::None }
    }
}

fn either(growth: Growth) -> Growth {
    if growth == Growth::None { Growth::None } else { Growth::Both }
}

impl Condition {
    /// What the number in `slot` counts, for people: `working days`. `None` where
    /// it is held against no age, or against ages of several kinds.
    #[must_use]
    pub fn unit_of(&self, slot: u16) -> Option<&'static str> {
        let program = &self.compiled.program;
        let mut units = program.bools.iter().filter_map(|node| {
            let BoolNode::Numbers { a, b, .. } = node else { return None };
            match (program.number_node(*a), program.number_node(*b)) {
                (NumberNode::Field(at), NumberNode::Days(count, _))
                | (NumberNode::Days(count, _), NumberNode::Field(at))
                    if at == slot =>
                {
                    Some(unit(count))
                }
                _ => None,
            }
        });
        let first = units.next()?;
        units.all(|other| other == first).then_some(first)
    }

    /// The parts that must all be true, as they are written; the whole where it
    /// is no `&&`.
    #[must_use]
    pub fn needs(&self) -> Vec<&str> {
        self.top(|node| match node {
            BoolNode::All(run) => Some(run),
            _ => None,
        })
    }

    /// The parts of which one is enough, as they are written; the whole where it
    /// is no `||`.
    #[must_use]
    pub fn ways(&self) -> Vec<&str> {
        self.top(|node| match node {
            BoolNode::Any(run) => Some(run),
            _ => None,
        })
    }

    fn top(&self, run: impl Fn(BoolNode) -> Option<Run>) -> Vec<&str> {
        let program = &self.compiled.program;
        let Some(run) = run(program.bool_node(program.root)) else { return vec![self.source()] };
        let source = |part: &BoolId| self.source().get(program.bool_span(*part));
        program.parts(run).iter().filter_map(source).collect()
    }
}

fn unit(count: DayCount) -> &'static str {
    match count {
        DayCount::DaysSince | DayCount::DaysUntil => "days",
        DayCount::HoursSince => "hours",
        DayCount::BusinessDaysSince => "working days",
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{AMOUNT, THRESHOLD, condition};
    use super::*;

    #[test]
    fn a_threshold_makes_a_condition_rise_or_fall() {
        for (source, expected) in [
            ("days_since(deal.created_at) >= threshold", Growth::Falls),
            ("threshold < deal.amount", Growth::Falls),
            ("deal.amount <= threshold * 1000", Growth::Rises),
            ("deal.amount <= threshold * -2", Growth::Falls),
            ("deal.amount - threshold > 5", Growth::Falls),
            ("!(deal.amount > threshold) && deal.has_champion", Growth::Rises),
            ("deal.amount > threshold && deal.push_count < threshold", Growth::Both),
            ("deal.amount == threshold", Growth::Both),
            ("deal.amount > threshold * deal.push_count", Growth::Both),
            ("deal.push_count > 2", Growth::None),
            ("(threshold > 2 ? deal.created_at : deal.close_date) < now", Growth::Both),
        ] {
            assert_eq!(condition(source).growth(THRESHOLD), expected, "{source}");
        }
        assert_eq!(condition("deal.amount > threshold").growth(AMOUNT), Growth::Rises);
    }

    #[test]
    fn a_threshold_has_the_unit_of_what_it_is_held_against() {
        let unit = |source: &str| condition(source).unit_of(THRESHOLD);
        assert_eq!(
            unit("business_days_since(deal.last_inbound_at) >= threshold"),
            Some("working days")
        );
        assert_eq!(unit("threshold < hours_since(deal.created_at)"), Some("hours"));
        assert_eq!(unit("deal.amount > threshold"), None);
        let both = "days_since(deal.created_at) > threshold \
            && hours_since(deal.created_at) > threshold";
        assert_eq!(unit(both), None);
    }

    #[test]
    fn parts_read_as_written() {
        let all = condition("deal.amount > 5 && (deal.push_count > 1 || deal.is_committed)");
        assert_eq!(all.needs(), ["deal.amount > 5", "deal.push_count > 1 || deal.is_committed"]);
        assert_eq!(all.ways().len(), 1);
        let any = condition("deal.amount > 5 || deal.is_committed");
        assert_eq!(any.ways(), ["deal.amount > 5", "deal.is_committed"]);
    }
}
