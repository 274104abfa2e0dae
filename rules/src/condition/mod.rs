//! The condition language: what a rule's `when` and `unless` say.
//!
//! It is small, typed and total, and looks like CEL without being CEL:
//!
//! ```text
//! deal.stage in ["proposal", "negotiation"]
//!   && business_days_since(deal.last_inbound_at) >= threshold
//!   && !(has(deal.next_meeting_at) && deal.next_meeting_at > now)
//! ```
//!
//! Literals, fields, `&& || !`, comparisons, `+ - * /` on numbers, `in [..]`,
//! `has(..)`, `c ? a : b`, `size`, `startsWith`, `endsWith`, `contains`,
//! `days_since`, `hours_since`, `business_days_since`, `days_until`. There are
//! no loops and no functions of one's own, so every evaluation ends after at
//! most [`PARTS_MAX`] steps.
//!
//! [`compile`] checks a source text against a [`Schema`] and says everything
//! that is wrong with it. A [`Condition`] answers whether it holds, when that
//! can change without any event, which facts it waits for, and why.
//!
//! # Known, Empty, Unknown
//! - `has(x)` is false for Empty and unknown for Unknown.
//! - An ordered comparison with Empty is false. An Empty text reads as `""`, an
//!   Empty flag as false. Two Empty values are equal; `!=` is always the
//!   opposite of `==`.
//! - Reckoning with Empty, or its age, is Empty. Division by zero and overflow
//!   are Unknown.
//! - Unknown propagates, and wins over Empty. `&&`, `||`, `!` and a `? :`
//!   between conditions are Kleene's three-valued ones; a number, text or time
//!   chosen by an unknown question is unknown.
//!
//! `tests/truth_table.rs` spells all of this out.
//!
//! # What is absent here
//! Lists as values, regular expressions, building text, user functions, a
//! clock, allocation during [`Condition::eval`], and a way to fail in it.

mod ast;
mod calls;
mod check;
mod dates;
mod decisive;
mod diagnostic;
mod domain;
mod drift;
mod eval;
mod explain;
mod flip;
mod growth;
mod idle;
mod index;
mod lex;
#[cfg(test)]
pub(crate) mod mutants;
mod parse;
mod program;
mod proof;
mod schema;
mod seen;
mod steps;
mod suggest;
#[cfg(test)]
mod tests;
mod time_class;
mod value;
mod verdict;

use std::{fmt, sync::Arc};

pub use decisive::{Bound, Decisive};
pub use diagnostic::{Diagnostic, Severity};
pub use domain::{Domain, Domains};
pub use explain::{Explanation, Joint, SeenValue};
pub use flip::{HORIZON_MS, NextFlip};
pub use growth::Growth;
pub use idle::IdlePart;
pub use proof::{Effort, Sought, Truths, is_impossible, is_impossible_together};
pub use schema::{FieldDef, Schema, Type};
pub use seen::Seen;
pub use time_class::{DailyTest, TimeClass};
pub use value::{Context, Slot, Truth};

use diagnostic::DIAGNOSTICS_MAX;
use program::Program;
use steps::Step;

/// A condition's source is at most 8 KiB.
pub const SOURCE_BYTES_MAX: usize = 8 * 1024;
/// Parentheses, operators and calls nest at most this deep.
pub const DEPTH_MAX: usize = 64;
/// A condition has at most this many literals, names, operators and calls.
pub const PARTS_MAX: usize = 512;
/// A name, with its dots, has at most this many bytes.
pub const NAME_BYTES_MAX: usize = 64;

/// A checked condition. Cheap to clone.
#[derive(Clone)]
pub struct Condition {
    compiled: Arc<Compiled>,
}

struct Compiled {
    source: String,
    program: Program,
    steps: Step,
    warnings: Vec<Diagnostic>,
}

/// Checks `source` against `schema`.
///
/// # Errors
/// Everything that is wrong with it: the first error of syntax, or all errors
/// of meaning.
pub fn compile(source: &str, schema: &Schema) -> Result<Condition, Vec<Diagnostic>> {
    if source.len() > SOURCE_BYTES_MAX {
        let message = format!("a condition has at most {SOURCE_BYTES_MAX} bytes");
        let wrong = Diagnostic::error(source, 0..0, "source_too_long", message);
        return Err(vec![wrong.hint("split it into several rules")]);
    }
    let tokens = lex::lex(source)?;
    let expr = parse::parse(source, &tokens).map_err(|wrong| vec![wrong])?;
    let (program, mut warnings) = check::check(source, &expr, schema)?;
    warnings.extend(verdict::warnings(source, &program));
    warnings.truncate(DIAGNOSTICS_MAX);
    let steps = Step::compile(&program, program.root);
    let compiled = Compiled { source: source.to_owned(), program, steps, warnings };
    Ok(Condition { compiled: Arc::new(compiled) })
}

impl Condition {
    /// The text that was compiled.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.compiled.source
    }

    /// What is allowed but hardly meant, such as a part that is never true.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.compiled.warnings
    }

    /// Whether the condition holds.
    #[must_use]
    pub fn eval(&self, on: &Context<'_>) -> Truth {
        let Compiled { steps, program, .. } = &*self.compiled;
        if steps.is_ruled_out(on) { Truth::False } else { steps.truth(program, on) }
    }

    /// The slots it reads, in order of first appearance.
    #[must_use]
    pub fn fields_read(&self) -> &[u16] {
        &self.compiled.program.slots_read
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.source()).finish()
    }
}
