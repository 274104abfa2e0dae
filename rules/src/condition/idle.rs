//! Parts of a condition that are never or always true where more is known of the
//! fields than their types.

use std::ops::Range;

use super::{
    Condition, Domains, Effort, Truth, Truths,
    program::{BoolId, BoolNode},
    proof::is_impossible_part,
};

/// A part that has one truth, or is undecided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdlePart {
    /// Where it stands in the source.
    pub span: Range<usize>,
    /// [`Truth::True`] for always, [`Truth::False`] for never true.
    pub truth: Truth,
    /// It is the whole condition.
    pub is_whole: bool,
    /// With it the whole condition is never, or always, true.
    pub settles_whole: bool,
}

impl Condition {
    /// The innermost parts that are never or always true of fields within
    /// `domains`. Constants are left out: `true` says what it means to say. So
    /// are parts that [`Condition::warnings`] names already.
    #[must_use]
    pub fn idle_parts(&self, domains: &Domains, effort: &Effort) -> Vec<IdlePart> {
        let program = &self.compiled.program;
        let truth_of = |id| {
            let never = |truths| is_impossible_part(program, id, truths, domains, effort);
            let is_false = never(Truths::TRUE).then_some(Truth::False);
            is_false.or_else(|| never(Truths::FALSE).then_some(Truth::True))
        };
        let settles_whole = truth_of(program.root).is_some();
        let mut found: Vec<IdlePart> = Vec::new();
        for (index, (node, span)) in program.bools.iter().zip(&program.bool_spans).enumerate() {
            if matches!(node, BoolNode::Constant(_)) {
                continue;
            }
            let id = BoolId(u16::try_from(index).unwrap_or(u16::MAX));
            let Some(truth) = truth_of(id) else { continue };
            // A part around one with the same verdict adds nothing to it.
            let around = |inner: &Range<usize>| span.start <= inner.start && inner.end <= span.end;
            let known = self.warnings().iter().filter(|known| around(&known.span));
            let mut known = known.filter_map(|known| verdict(known.code));
            let mut inner = found.iter().filter(|part| around(&part.span)).map(|part| part.truth);
            if known.any(|known| known == truth) || inner.any(|inner| inner == truth) {
                continue;
            }
            let is_whole = id == program.root;
            found.push(IdlePart { span: span.clone(), truth, is_whole, settles_whole });
        }
        found
    }
}

fn verdict(code: &str) -> Option<Truth> {
    match code {
        "always_true" => Some(Truth::True),
        "never_true" => Some(Truth::False),
        _ => None,
    }
}
