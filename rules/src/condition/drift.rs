//! How numbers move while only time passes, and when a test on them changes.
//!
//! Ages grow, `days_until` shrinks, sums and multiples of such numbers keep a
//! direction. Rounding keeps the order of floats, so this holds for the very
//! numbers that evaluation computes. A test between a number that never falls
//! and one that never rises changes at one instant (equality at two), which is
//! found by doubling the distance and then halving the interval: no inverse
//! function is needed, and weekends, holidays and clock changes are whatever
//! the calendar says they are.

use super::{
    ast::{ArithmeticOp, CompareOp},
    dates,
    eval::{Evaluation, arithmetic},
    flip::{Rest, Resting},
    program::{DayCount, NumberId, NumberNode, Run},
    value::{Context, Truth, Val},
};
use crate::time::UnixMs;

/// In which way a number moves as time passes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// Not at all.
    Fixed,
    /// It never falls.
    Up,
    /// It never rises.
    Down,
    /// One of the two, decided by a fact (at compile time only).
    OneWay,
    /// Anything may be.
    Any,
}

impl Direction {
    pub fn opposite(self) -> Direction {
        match self {
            Direction::Up => Direction::Down,
            Direction::Down => Direction::Up,
            same => same,
        }
    }

    /// Of a sum.
    pub fn plus(self, other: Direction) -> Direction {
        match (self, other) {
            (Direction::Fixed, way) | (way, Direction::Fixed) => way,
            (Direction::Up, Direction::Up) => Direction::Up,
            (Direction::Down, Direction::Down) => Direction::Down,
            _ => Direction::Any,
        }
    }

    /// Of a product or quotient with a fixed number of this sign.
    pub fn times(self, factor: f64) -> Direction {
        if factor < 0.0 { self.opposite() } else { self }
    }
}

impl DayCount {
    pub fn direction(self) -> Direction {
        match self {
            DayCount::DaysSince | DayCount::HoursSince | DayCount::BusinessDaysSince => {
                Direction::Up
            }
            DayCount::DaysUntil => Direction::Down,
        }
    }

    /// Whether it changes only when the local date does.
    pub fn is_by_date(self) -> bool {
        matches!(self, DayCount::BusinessDaysSince | DayCount::DaysUntil)
    }
}

/// A number seen from one instant.
#[derive(Copy, Clone, Debug)]
struct Drift {
    value: Val<f64>,
    direction: Direction,
    /// Whether it changes only when the local date does, and if it does.
    by_date: bool,
    uses_dates: bool,
}

impl Drift {
    fn fixed(value: Val<f64>) -> Drift {
        Drift { value, direction: Direction::Fixed, by_date: true, uses_dates: false }
    }

    fn is_fixed(&self) -> bool {
        self.direction == Direction::Fixed
    }

    fn toward(self, direction: Direction) -> Drift {
        Drift { direction, ..self }
    }
}

/// Where the sides of a test stand to each other; the test's truth follows.
#[derive(Copy, Clone, Debug, PartialEq)]
enum Standing {
    /// Numbers passed so far, and whether one is met.
    Known(usize, bool),
    Empty,
    Unknown,
}

/// Tests on numbers, seen from one instant.
pub(super) struct Drifts<'r>(pub Resting<'r>);

impl Drifts<'_> {
    pub fn numbers(&self, op: CompareOp, a: NumberId, b: NumberId) -> Rest {
        let mut chosen = Rest::Forever;
        let (left, right) = (self.drift(a, &mut chosen), self.drift(b, &mut chosen));
        let settled = |side: &Drift| side.is_fixed() && side.value == Val::Unknown;
        if left.is_fixed() && right.is_fixed() || settled(&left) || settled(&right) {
            return chosen;
        }
        let apart = Drift {
            value: arithmetic(ArithmeticOp::Subtract, left.value, right.value),
            direction: left.direction.plus(right.direction.opposite()),
            by_date: left.by_date && right.by_date,
            uses_dates: left.uses_dates || right.uses_dates,
        };
        let standing = |run: Evaluation<'_>| match (run.number(a), run.number(b)) {
            (Val::Unknown, _) | (_, Val::Unknown) => Standing::Unknown,
            (Val::Known(a), Val::Known(b)) if op.is_equality() => {
                Standing::Known(usize::from(a > b), a == b)
            }
            (Val::Known(a), Val::Known(b)) => Standing::Known(usize::from(op.holds(a, b)), false),
            _ => Standing::Empty,
        };
        self.change(&apart, chosen, standing)
    }

    pub fn number_in(&self, number: NumberId, list: Run) -> Rest {
        let mut chosen = Rest::Forever;
        let drift = self.drift(number, &mut chosen);
        if drift.is_fixed() {
            return chosen;
        }
        let list = self.0.program.numbers_listed(list);
        let standing = |run: Evaluation<'_>| match run.number(number) {
            Val::Known(number) => {
                let passed = list.iter().filter(|item| **item < number).count();
                Standing::Known(passed, list.contains(&number))
            }
            Val::Empty => Standing::Empty,
            Val::Unknown => Standing::Unknown,
        };
        self.change(&drift, chosen, standing)
    }

    /// How long the standing rests while the choices inside it do.
    fn change(
        &self,
        drift: &Drift,
        chosen: Rest,
        standing: impl Fn(Evaluation<'_>) -> Standing,
    ) -> Rest {
        let Resting { program, on, .. } = self.0;
        let at = |now: UnixMs| {
            self.spend(1);
            standing(Evaluation { program, on: &Context { now, ..*on } })
        };
        let before = at(on.now);
        let setback = if drift.uses_dates {
            dates::next_setback(on.calendar, on.now, self.0.horizon)
        } else {
            None
        };
        let mut last = setback.map_or(UnixMs::MAX, |setback| setback.plus_ms(-1));
        if let Rest::Until { at, .. } = chosen {
            last = last.min(at.plus_ms(-1));
        }
        let rest = chosen.both(setback.map_or(Rest::Forever, Rest::until));
        if last <= on.now {
            return rest;
        }
        let after = at(last);
        // An overflow between the two would break the order that the search
        // rests on; nothing overflows between two known ends.
        let one_way = matches!(drift.direction, Direction::Up | Direction::Down);
        if !one_way || before == Standing::Unknown || after == Standing::Unknown {
            return rest.both(self.unordered(drift.by_date));
        }
        if self.0.work.get() == 0 {
            return rest.both(self.unproved());
        }
        if before == after {
            return rest;
        }
        let differs = |now: UnixMs| at(now) != before;
        let found = if drift.by_date {
            self.first_date(last, differs)
        } else {
            first_instant(on.now, last, differs)
        };
        rest.both(Rest::until(found))
    }

    fn spend(&self, evaluations: u32) {
        self.0.work.set(self.0.work.get().saturating_sub(evaluations));
    }

    /// A test whose sides move in no known order.
    fn unordered(&self, by_date: bool) -> Rest {
        const COST_OF_ZONE_RULES: u32 = 10;
        self.spend(COST_OF_ZONE_RULES);
        if !by_date || self.0.work.get() == 0 {
            return self.unproved();
        }
        Rest::until(dates::next_date_change(self.0.on.calendar, self.0.on.now))
    }

    fn unproved(&self) -> Rest {
        Rest::Until { at: self.0.on.calendar.next_midnight(self.0.on.now), proven: false }
    }

    /// The start of the first date at which `differs`, which stays so and
    /// holds at `last`.
    fn first_date(&self, last: UnixMs, differs: impl Fn(UnixMs) -> bool) -> UnixMs {
        let Context { now, calendar, .. } = *self.0.on;
        let start_after = |days: i64| dates::start_after(calendar, now, days).min(last);
        let days = first(|days| differs(start_after(days)), |days| start_after(days) == last);
        let found = start_after(days);
        // A clock set back over midnight starts a date twice.
        if found <= now { dates::next_date_change(calendar, now) } else { found }
    }

    fn drift(&self, id: NumberId, chosen: &mut Rest) -> Drift {
        let resting = self.0;
        match resting.program.number_node(id) {
            NumberNode::Constant(_) | NumberNode::Field(_) => {
                Drift::fixed(resting.now().number(id))
            }
            NumberNode::Negate(inner) => {
                let inner = self.drift(inner, chosen);
                Drift { value: inner.value.map(|value| -value), ..inner }
                    .toward(inner.direction.opposite())
            }
            NumberNode::Arithmetic(op, a, b) => {
                let (a, b) = (self.drift(a, chosen), self.drift(b, chosen));
                combined(op, &a, &b)
            }
            NumberNode::Choice(condition, yes, no) => {
                let (asked, rest) = resting.of(condition);
                *chosen = chosen.both(rest);
                match asked {
                    Truth::True => self.drift(yes, chosen),
                    Truth::False => self.drift(no, chosen),
                    Truth::Unknown => Drift::fixed(Val::Unknown),
                }
            }
            NumberNode::Size(text) => {
                *chosen = chosen.both(resting.text(text));
                Drift::fixed(resting.now().number(id))
            }
            NumberNode::Days(count, time) => {
                let (time, rest) = resting.time(time);
                *chosen = chosen.both(rest);
                let value = resting.now().number(id);
                match time {
                    Some(Val::Known(_)) => Drift {
                        value,
                        direction: count.direction(),
                        by_date: count.is_by_date(),
                        uses_dates: count.is_by_date(),
                    },
                    // The age of `now` is always 0.
                    None | Some(Val::Empty | Val::Unknown) => Drift::fixed(value),
                }
            }
        }
    }
}

fn combined(op: ArithmeticOp, a: &Drift, b: &Drift) -> Drift {
    let unknown_for_good = |side: &Drift| side.is_fixed() && side.value == Val::Unknown;
    if unknown_for_good(a) || unknown_for_good(b) {
        return Drift::fixed(Val::Unknown);
    }
    let by_factor = |moving: &Drift, factor: &Drift| match factor.value {
        Val::Known(factor) => moving.direction.times(factor),
        Val::Empty | Val::Unknown => moving.direction,
    };
    let direction = match op {
        ArithmeticOp::Add => a.direction.plus(b.direction),
        ArithmeticOp::Subtract => a.direction.plus(b.direction.opposite()),
        ArithmeticOp::Multiply if b.is_fixed() => by_factor(a, b),
        ArithmeticOp::Multiply if a.is_fixed() => by_factor(b, a),
        ArithmeticOp::Divide if b.value == Val::Known(0.0) && b.is_fixed() => {
            if matches!(a.value, Val::Known(_)) { Direction::Fixed } else { a.direction }
        }
        ArithmeticOp::Divide if b.is_fixed() => by_factor(a, b),
        ArithmeticOp::Multiply | ArithmeticOp::Divide => Direction::Any,
    };
    Drift {
        value: arithmetic(op, a.value, b.value),
        direction,
        by_date: a.by_date && b.by_date,
        uses_dates: a.uses_dates || b.uses_dates,
    }
}

/// The least `n >= 1` for which `differs`, which stays so; `ends` says that `n`
/// need not grow further because `differs` must hold there.
fn first(differs: impl Fn(i64) -> bool, ends: impl Fn(i64) -> bool) -> i64 {
    let (mut below, mut reached) = (0, 1);
    while !differs(reached) && !ends(reached) {
        below = reached;
        reached *= 2;
    }
    while reached - below > 1 {
        let middle = below + (reached - below) / 2;
        if differs(middle) { reached = middle } else { below = middle }
    }
    reached
}

fn first_instant(now: UnixMs, last: UnixMs, differs: impl Fn(UnixMs) -> bool) -> UnixMs {
    let after = |ms: i64| now.plus_ms(ms).min(last);
    after(first(|ms| differs(after(ms)), |ms| after(ms) == last))
}
