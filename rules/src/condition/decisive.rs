//! The tests of an explanation that decided its answer, and the facts that keep
//! one from being decided.

use serde::{Deserialize, Serialize};

use super::{
    Condition,
    ast::CompareOp,
    explain::{Explanation, Joint},
    seen::Seen,
    value::{Context, Truth},
};

/// What a test held its one reading against. Turned round where the test stands
/// under a `!`: it always says for which readings the condition speaks.
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// This number and above.
    From(f64),
    /// Above this number.
    Above(f64),
    /// Up to this number.
    UpTo(f64),
    /// Below this number.
    Below(f64),
    /// This number.
    At(f64),
    /// Any other number.
    Not(f64),
}

impl Bound {
    /// For `reading op number`.
    pub(super) fn of(op: CompareOp, number: f64) -> Bound {
        match op {
            CompareOp::GreaterOrEqual => Bound::From(number),
            CompareOp::Greater => Bound::Above(number),
            CompareOp::LessOrEqual => Bound::UpTo(number),
            CompareOp::Less => Bound::Below(number),
            CompareOp::Equal => Bound::At(number),
            CompareOp::NotEqual => Bound::Not(number),
        }
    }

    /// The other side: what is not within this bound.
    #[must_use]
    pub fn turned(self) -> Bound {
        match self {
            Bound::From(number) => Bound::Below(number),
            Bound::Above(number) => Bound::UpTo(number),
            Bound::UpTo(number) => Bound::Above(number),
            Bound::Below(number) => Bound::From(number),
            Bound::At(number) => Bound::Not(number),
            Bound::Not(number) => Bound::At(number),
        }
    }
}

/// A test that took part in deciding.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Decisive<'a> {
    /// The test.
    pub test: &'a Explanation,
    /// What its reading was held against, as the whole condition means it.
    pub bound: Option<Bound>,
}

impl Explanation {
    /// The tests without which the answer could be another one, in source order:
    /// of a true `||` the true parts, of a false `&&` the false ones.
    #[must_use]
    pub fn decisive(&self) -> Vec<Decisive<'_>> {
        let mut found = Vec::new();
        decisive(self, false, &mut found);
        found
    }
}

fn decisive<'a>(part: &'a Explanation, turned: bool, found: &mut Vec<Decisive<'a>>) {
    let turned = turned != (part.joint == Joint::Not);
    let agrees = |inner: &&Explanation| match part.joint {
        // What is not decided is kept so by its undecided parts, and an answer
        // that one part alone can give by the parts that give it.
        Joint::All | Joint::Any => inner.truth == part.truth,
        _ => true,
    };
    match (part.joint, part.parts.as_slice()) {
        (Joint::Test, _) => {
            let bound = part.bound.map(|bound| if turned { bound.turned() } else { bound });
            found.push(Decisive { test: part, bound });
        }
        (Joint::Choice, [question, yes, no]) => match question.truth {
            Truth::True => all([question, yes], turned, found),
            Truth::False => all([question, no], turned, found),
            Truth::Unknown if part.truth == Truth::Unknown => decisive(question, turned, found),
            // Both ways lead to the same answer: the question does not matter.
            Truth::Unknown => all([yes, no], turned, found),
        },
        (_, parts) => all(parts.iter().filter(agrees), turned, found),
    }
}

fn all<'a>(
    parts: impl IntoIterator<Item = &'a Explanation>,
    turned: bool,
    found: &mut Vec<Decisive<'a>>,
) {
    parts.into_iter().for_each(|part| decisive(part, turned, found));
}

impl Condition {
    /// The slots whose being Unknown keeps the condition Unknown, in source
    /// order; none if it is decided. Also none if it is Unknown by reckoning
    /// alone, as after a division by zero.
    #[must_use]
    pub fn unknown_because(&self, on: &Context<'_>) -> Vec<u16> {
        let explanation = self.explain(on);
        let undecided = explanation.decisive().into_iter();
        let undecided = undecided.filter(|one| one.test.truth == Truth::Unknown);
        let missing: Vec<&str> = undecided
            .flat_map(|one| &one.test.values)
            .filter(|seen| seen.value == Seen::Unknown)
            .map(|seen| seen.name.as_str())
            .collect();
        let fields = self.compiled.program.fields.iter();
        let fields = fields.filter(|field| missing.contains(&field.name.as_str()));
        fields.map(|field| field.slot).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_turned_twice_is_itself() {
        for op in [
            CompareOp::Less,
            CompareOp::LessOrEqual,
            CompareOp::Equal,
            CompareOp::NotEqual,
            CompareOp::Greater,
            CompareOp::GreaterOrEqual,
        ] {
            let bound = Bound::of(op, 5.0);
            assert_ne!(bound.turned(), bound);
            assert_eq!(bound.turned().turned(), bound);
        }
    }
}
