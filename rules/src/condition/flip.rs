//! When a condition's truth can change by time alone.
//!
//! With the facts fixed, truth is a step function of time. For every part we
//! work out how long it is sure to rest:
//! - a test without time rests forever;
//! - a test whose sides drift apart in one direction changes at one instant
//!   (two for equality), found in [`drift`](super::drift);
//! - a test that depends on local dates only rests until the next of them;
//! - of any other test nothing is proved.
//!
//! An `&&` that is false rests until *all* its false parts may have changed, a
//! true or unknown one until *any* part may; `||` is the mirror image. Unknown
//! parts may not be left out of the second: under a `!` that would be wrong.
//!
//! From now we step to the end of each rest until the truth really differs.

use std::cell::Cell;

use serde::{Deserialize, Serialize};

use super::{
    Condition,
    drift::Drifts,
    eval::Evaluation,
    program::{BoolId, BoolNode, Program, Run, TextId, TextNode, TimeId, TimeNode},
    value::{Context, Truth, Val},
};
use crate::time::{DAY_MS, UnixMs};

/// How far ahead a flip is looked for.
pub const HORIZON_MS: i64 = 400 * DAY_MS;

/// Ends of rest that are tried for one answer.
const STEPS_MAX: u32 = 1_024;
/// Evaluations of single tests that one answer may cost.
const WORK_MAX: u32 = 20_000;

/// When to look at a condition again although nothing happened.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "at")]
pub enum NextFlip {
    /// Time alone never changes the truth.
    Never,
    /// The truth is the same until just before this instant, and differs at it.
    At(UnixMs),
    /// Nothing is proved beyond this instant, which is at most the next local
    /// midnight for tests that cannot be analysed, and at most the horizon of
    /// [`HORIZON_MS`] for all others.
    Recheck(UnixMs),
}

impl NextFlip {
    /// The instant, if there is one.
    #[must_use]
    pub fn instant(self) -> Option<UnixMs> {
        match self {
            NextFlip::Never => None,
            NextFlip::At(at) | NextFlip::Recheck(at) => Some(at),
        }
    }
}

/// How long something is sure not to change.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(super) enum Rest {
    Forever,
    /// It does not change before `at`; unless `proven`, that is only a guess.
    Until {
        at: UnixMs,
        proven: bool,
    },
}

impl Rest {
    pub fn until(at: UnixMs) -> Rest {
        Rest::Until { at, proven: true }
    }

    /// While both rest.
    pub fn both(self, other: Rest) -> Rest {
        match (self, other) {
            (Rest::Forever, rest) | (rest, Rest::Forever) => rest,
            (Rest::Until { at: a, proven: p }, Rest::Until { at: b, proven: q }) => {
                Rest::Until { at: a.min(b), proven: p && q }
            }
        }
    }

    /// While at least one of them provably rests.
    fn either(self, other: Rest) -> Rest {
        match (self, other) {
            (Rest::Forever, _) | (_, Rest::Forever) => Rest::Forever,
            (Rest::Until { at: a, proven: p }, Rest::Until { at: b, proven: q }) => match (p, q) {
                (true, false) => self,
                (false, true) => other,
                _ => Rest::Until { at: a.max(b), proven: p },
            },
        }
    }
}

impl Condition {
    /// The next instant after `on.now` at which the three-valued truth changes
    /// if no fact does.
    #[must_use]
    pub fn next_flip(&self, on: &Context<'_>) -> NextFlip {
        let program = &self.compiled.program;
        let mut from = on.now.clamp(UnixMs::MIN, UnixMs::MAX);
        let truth = self.eval(&Context { now: from, ..*on });
        let horizon = from.plus_ms(HORIZON_MS);
        let work = Cell::new(WORK_MAX);
        if horizon == from {
            return NextFlip::Never;
        }
        for _ in 0..STEPS_MAX {
            let here = Context { now: from, ..*on };
            match (Resting { program, on: &here, work: &work, horizon }).of(program.root).1 {
                Rest::Forever => return NextFlip::Never,
                // Only at the end of the time that can be shown.
                Rest::Until { at, .. } if at <= from => return NextFlip::Never,
                Rest::Until { at, .. } if at > horizon => return NextFlip::Recheck(horizon),
                Rest::Until { at, proven: false } => return NextFlip::Recheck(at),
                Rest::Until { at, proven: true } => {
                    if self.eval(&Context { now: at, ..*on }) != truth {
                        return NextFlip::At(at);
                    }
                    from = at;
                }
            }
        }
        NextFlip::Recheck(from)
    }
}

/// The parts of a program seen from one instant, `on.now`.
#[derive(Copy, Clone)]
pub(super) struct Resting<'r> {
    pub program: &'r Program,
    pub on: &'r Context<'r>,
    /// Evaluations that may still be spent.
    pub work: &'r Cell<u32>,
    /// Nothing beyond it is of interest.
    pub horizon: UnixMs,
}

impl<'r> Resting<'r> {
    pub fn now(self) -> Evaluation<'r> {
        Evaluation { program: self.program, on: self.on }
    }

    /// The truth of a part and how long it rests.
    pub fn of(self, id: BoolId) -> (Truth, Rest) {
        let truth = || self.now().truth(id);
        match self.program.bool_node(id) {
            BoolNode::Constant(_) | BoolNode::Field(_) | BoolNode::Has(..) => {
                (truth(), Rest::Forever)
            }
            BoolNode::Not(inner) => {
                let (truth, rest) = self.of(inner);
                (!truth, rest)
            }
            BoolNode::All(run) => self.joined(Truth::False, run),
            BoolNode::Any(run) => self.joined(Truth::True, run),
            BoolNode::Choice(condition, yes, no) => {
                let (asked, rest) = self.of(condition);
                match asked {
                    Truth::True => (truth(), rest.both(self.of(yes).1)),
                    Truth::False => (truth(), rest.both(self.of(no).1)),
                    Truth::Unknown => (truth(), rest.both(self.of(yes).1).both(self.of(no).1)),
                }
            }
            BoolNode::SameTruth { a, b, .. } => (truth(), self.of(a).1.both(self.of(b).1)),
            BoolNode::Numbers { op, a, b } => (truth(), Drifts(self).numbers(op, a, b)),
            BoolNode::NumberIn(number, run) => (truth(), Drifts(self).number_in(number, run)),
            BoolNode::Times { a, b, .. } => (truth(), self.times(a, b)),
            BoolNode::SameText { a, b, .. } => (truth(), self.text(a).both(self.text(b))),
            BoolNode::TextTest { text, part, .. } => {
                (truth(), self.text(text).both(self.text(part)))
            }
            BoolNode::TextIn(text, _) => (truth(), self.text(text)),
        }
    }

    fn joined(self, decisive: Truth, run: Run) -> (Truth, Rest) {
        let mut answer = !decisive;
        let mut while_all = Rest::Forever;
        let mut while_decided: Option<Rest> = None;
        for part in &self.program.parts_by_cost[run.range()] {
            let (truth, rest) = self.of(*part);
            if truth == decisive {
                if rest == Rest::Forever {
                    return (decisive, Rest::Forever);
                }
                answer = decisive;
                while_decided = Some(while_decided.map_or(rest, |longest| longest.either(rest)));
            } else if truth == Truth::Unknown && answer != decisive {
                answer = Truth::Unknown;
            }
            while_all = while_all.both(rest);
        }
        (answer, while_decided.unwrap_or(while_all))
    }

    /// A text changes only with the questions of its choices.
    pub fn text(self, id: TextId) -> Rest {
        match self.program.text_node(id) {
            TextNode::Constant(_) | TextNode::Field(_) => Rest::Forever,
            TextNode::Choice(condition, yes, no) => match self.of(condition) {
                (Truth::True, rest) => rest.both(self.text(yes)),
                (Truth::False, rest) => rest.both(self.text(no)),
                (Truth::Unknown, rest) => rest,
            },
        }
    }

    /// Follows choices to the time that counts now, and how long it does.
    /// The time is `None` for `now`.
    pub fn time(self, id: TimeId) -> (Option<Val<UnixMs>>, Rest) {
        match self.program.time_node(id) {
            TimeNode::Now => (None, Rest::Forever),
            TimeNode::Field(_) => (Some(self.now().time(id)), Rest::Forever),
            TimeNode::Choice(condition, yes, no) => {
                let (asked, rest) = self.of(condition);
                let chosen = match asked {
                    Truth::True => yes,
                    Truth::False => no,
                    Truth::Unknown => return (Some(Val::Unknown), rest),
                };
                let (time, chosen_rest) = self.time(chosen);
                (time, rest.both(chosen_rest))
            }
        }
    }

    /// A time against `now` changes when `now` reaches it and when it passes.
    fn times(self, a: TimeId, b: TimeId) -> Rest {
        let ((a, a_rest), (b, b_rest)) = (self.time(a), self.time(b));
        let chosen = a_rest.both(b_rest);
        let time = match (a, b) {
            (Some(Val::Known(time)), None) | (None, Some(Val::Known(time))) => time,
            _ => return chosen,
        };
        if self.on.now < time {
            chosen.both(Rest::until(time))
        } else if self.on.now == time {
            chosen.both(Rest::until(time.plus_ms(1)))
        } else {
            chosen
        }
    }
}
