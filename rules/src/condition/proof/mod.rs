//! Proofs that conditions cannot stand to each other in some way: that one is
//! never true, that it follows from another, that two say the same.
//!
//! What is to be refuted is taken apart: an `&&` that must be true makes each of
//! its parts true, one that must be false has a false part, and so on through
//! Kleene's three truths. Each way of doing so is a *branch*: a list of tests
//! with the truths they may have. A branch in which no values of the fields
//! give its tests these truths is closed ([`branch`]). If all are closed there
//! are no facts at all for which the conditions have the truths sought.
//!
//! Every step forgets knowledge and never invents any, so a proof can be missed
//! and none is wrong. Tests that are not understood may have any truth, but the
//! same one wherever they stand.

mod branch;
mod test;

use std::cell::Cell;

use super::{
    Condition, Truth,
    domain::Domains,
    program::{BoolId, BoolNode, Program, Run},
};
use branch::Branch;
use test::Test;

/// Truths that something may have, as a set.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Truths(u8);

impl Truths {
    /// It holds.
    pub const TRUE: Truths = Truths(1);
    /// It does not.
    pub const FALSE: Truths = Truths(2);
    /// Nobody can tell.
    pub const UNKNOWN: Truths = Truths(4);
    /// It does not hold, or nobody can tell.
    pub const NOT_TRUE: Truths = Truths(6);
    /// It holds, or nobody can tell.
    pub const NOT_FALSE: Truths = Truths(5);
    const ANY: Truths = Truths(7);
    const NONE: Truths = Truths(0);

    pub(super) fn has(self, truth: Truth) -> bool {
        self.0 & Truths::from(truth).0 != 0
    }

    fn and(self, other: Truths) -> Truths {
        Truths(self.0 & other.0)
    }

    fn turned(self) -> Truths {
        let Truths(bits) = self;
        Truths(bits & 4 | (bits & 1) << 1 | (bits & 2) >> 1)
    }

    fn each(self) -> impl Iterator<Item = Truths> {
        [Truths::TRUE, Truths::FALSE, Truths::UNKNOWN]
            .into_iter()
            .filter(move |one| self.and(*one) != Truths::NONE)
    }
}

impl From<Truth> for Truths {
    fn from(truth: Truth) -> Truths {
        match truth {
            Truth::True => Truths::TRUE,
            Truth::False => Truths::FALSE,
            Truth::Unknown => Truths::UNKNOWN,
        }
    }
}

/// Looks at single tests that one proof may cost.
const PROOF_LOOKS_MAX: u32 = 5_000;

/// Work that may be spent on many proofs; what is not proved within it, or costs
/// too much alone, counts as possible.
#[derive(Debug)]
pub struct Effort(Cell<u32>);

impl Effort {
    /// As many looks at single tests.
    #[must_use]
    pub fn new(looks: u32) -> Effort {
        Effort(Cell::new(looks))
    }

    fn spend(&self, looks: usize) -> bool {
        let left = self.0.get();
        self.0.set(left.saturating_sub(u32::try_from(looks).unwrap_or(u32::MAX)));
        left > 0
    }

    /// What one proof may take of it.
    fn share(&self) -> Effort {
        Effort::new(self.0.get().min(PROOF_LOOKS_MAX))
    }
}

/// A condition, and the truths it is to have.
#[derive(Copy, Clone, Debug)]
pub struct Sought<'c> {
    /// The condition.
    pub condition: &'c Condition,
    /// Any of these.
    pub truths: Truths,
    /// Fields that are one number for this condition, as a rule's own threshold is.
    pub constants: &'c Domains,
}

/// Whether it is proved that no facts within `domains` give all these conditions
/// one of the truths beside them.
#[must_use]
pub fn is_impossible(sought: &[(&Condition, Truths)], domains: &Domains, effort: &Effort) -> bool {
    let sought: Vec<Sought<'_>> = sought
        .iter()
        .map(|(condition, truths)| Sought { condition, truths: *truths, constants: domains })
        .collect();
    is_impossible_together(&sought, domains, effort)
}

/// As [`is_impossible`], of conditions that each know constants of their own.
#[must_use]
pub fn is_impossible_together(sought: &[Sought<'_>], domains: &Domains, effort: &Effort) -> bool {
    let goals = sought.iter().map(|Sought { condition, truths, constants }| {
        let program = &condition.compiled.program;
        Goal { program, constants, id: program.root, truths: *truths }
    });
    refute(goals.collect(), domains, effort)
}

/// As [`is_impossible`], of one part of a condition.
pub(super) fn is_impossible_part(
    program: &Program,
    id: BoolId,
    truths: Truths,
    domains: &Domains,
    effort: &Effort,
) -> bool {
    refute(vec![Goal { program, constants: domains, id, truths }], domains, effort)
}

/// A part and the truths it may have.
#[derive(Copy, Clone)]
struct Goal<'p> {
    program: &'p Program,
    constants: &'p Domains,
    id: BoolId,
    truths: Truths,
}

impl<'p> Goal<'p> {
    fn part(self, id: BoolId, truths: Truths) -> Goal<'p> {
        Goal { id, truths, ..self }
    }

    /// Whether it may be reached in several ways.
    fn forks(self) -> bool {
        let Truths(bits) = self.truths;
        match self.program.bool_node(self.id) {
            _ if self.truths == Truths::ANY => false,
            BoolNode::All(_) => bits & Truths::NOT_TRUE.0 != 0 && self.truths != Truths::NOT_FALSE,
            BoolNode::Any(_) => bits & Truths::NOT_FALSE.0 != 0 && self.truths != Truths::NOT_TRUE,
            BoolNode::Choice(..) | BoolNode::SameTruth { .. } => true,
            _ => false,
        }
    }
}

/// Ways in which a goal can be reached: each a list of goals that must all be.
enum Ways<'p> {
    Test,
    Of(Vec<Vec<Goal<'p>>>),
}

fn refute<'p>(goals: Vec<Goal<'p>>, domains: &'p Domains, effort: &Effort) -> bool {
    let share = effort.share();
    let granted = share.0.get();
    let refuted = all_close(goals, domains, &share);
    effort.spend((granted - share.0.get()) as usize);
    refuted
}

/// Whether every branch closes.
fn all_close<'p>(goals: Vec<Goal<'p>>, domains: &'p Domains, effort: &Effort) -> bool {
    let mut open = vec![(goals, Branch::new(domains))];
    while let Some((mut goals, mut branch)) = open.pop() {
        if !effort.spend(1 + goals.len() + branch.len()) {
            return false;
        }
        // What has one way only is followed first: it closes branches early.
        let plain = goals.iter().rposition(|goal| !goal.forks());
        let Some(at) = plain.or(goals.len().checked_sub(1)) else { return false };
        let goal = goals.swap_remove(at);
        match ways(goal) {
            Ways::Test => {
                let test = Test::of(goal.program, goal.id, goal.constants);
                branch.require(test, goal.truths);
                if !branch.is_closed() {
                    open.push((goals, branch));
                }
            }
            Ways::Of(ways) => {
                for way in ways {
                    let mut goals = goals.clone();
                    goals.extend(way);
                    open.push((goals, branch.clone()));
                }
            }
        }
    }
    true
}

fn ways(goal: Goal<'_>) -> Ways<'_> {
    if goal.truths == Truths::ANY {
        return Ways::Of(vec![Vec::new()]);
    }
    match goal.program.bool_node(goal.id) {
        BoolNode::Constant(truth) if goal.truths.has(truth) => Ways::Of(vec![Vec::new()]),
        BoolNode::Constant(_) => Ways::Of(Vec::new()),
        BoolNode::Not(inner) => Ways::Of(vec![vec![goal.part(inner, goal.truths.turned())]]),
        BoolNode::All(run) => Ways::Of(joined(goal, run, Truths::TRUE, Truths::FALSE)),
        BoolNode::Any(run) => Ways::Of(joined(goal, run, Truths::FALSE, Truths::TRUE)),
        BoolNode::Choice(asked, yes, no) => Ways::Of(chosen(goal, asked, yes, no)),
        BoolNode::SameTruth { a, b, same } => Ways::Of(compared(goal, a, b, same)),
        _ => Ways::Test,
    }
}

/// `&&` is `neutral` (true) if all parts are, and `decisive` (false) if one is;
/// `||` the other way round.
fn joined<'p>(goal: Goal<'p>, run: Run, neutral: Truths, decisive: Truths) -> Vec<Vec<Goal<'p>>> {
    let parts = goal.program.parts(run);
    let all = |truths: Truths| parts.iter().map(|part| goal.part(*part, truths)).collect();
    let one = |truths: Truths| parts.iter().map(move |part| vec![goal.part(*part, truths)]);
    let undecided = Truths(neutral.0 | Truths::UNKNOWN.0);
    let wants = |truths: Truths| goal.truths.and(truths) != Truths::NONE;
    if goal.truths == undecided {
        return vec![all(undecided)];
    }
    if goal.truths == Truths(decisive.0 | Truths::UNKNOWN.0) {
        return one(goal.truths).collect();
    }
    let mut ways: Vec<Vec<Goal<'p>>> = Vec::new();
    if wants(neutral) {
        ways.push(all(neutral));
    }
    if wants(decisive) {
        ways.extend(one(decisive));
    }
    if wants(Truths::UNKNOWN) {
        ways.extend(one(Truths::UNKNOWN).map(|mut way| {
            way.extend::<Vec<_>>(all(undecided));
            way
        }));
    }
    ways
}

fn chosen(goal: Goal<'_>, asked: BoolId, yes: BoolId, no: BoolId) -> Vec<Vec<Goal<'_>>> {
    let truths = goal.truths;
    let undecided = goal.part(asked, Truths::UNKNOWN);
    let mut ways = vec![
        vec![goal.part(asked, Truths::TRUE), goal.part(yes, truths)],
        vec![goal.part(asked, Truths::FALSE), goal.part(no, truths)],
    ];
    // An undecided question is answered by what both answers agree on.
    ways.push(match truths.has(Truth::Unknown) {
        true => vec![undecided],
        false => vec![undecided, goal.part(yes, truths), goal.part(no, truths)],
    });
    ways
}

fn compared(goal: Goal<'_>, a: BoolId, b: BoolId, same: bool) -> Vec<Vec<Goal<'_>>> {
    let both = |left: Truths, right: Truths| vec![goal.part(a, left), goal.part(b, right)];
    let mut ways = Vec::new();
    for truths in goal.truths.each() {
        match (truths, same) {
            (Truths::UNKNOWN, _) => {
                ways.push(vec![goal.part(a, Truths::UNKNOWN)]);
                ways.push(vec![goal.part(b, Truths::UNKNOWN)]);
            }
            (Truths::TRUE, true) | (Truths::FALSE, false) => {
                ways.push(both(Truths::TRUE, Truths::TRUE));
                ways.push(both(Truths::FALSE, Truths::FALSE));
            }
            _ => {
                ways.push(both(Truths::TRUE, Truths::FALSE));
                ways.push(both(Truths::FALSE, Truths::TRUE));
            }
        }
    }
    ways
}
