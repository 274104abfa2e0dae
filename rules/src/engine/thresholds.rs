//! What a rule is held against. A number is a number; a percentile of won deals
//! is resolved once, when the deal enters the state that is measured, and stays
//! the same while the deal is in it: later baselines and history that is told
//! late change nothing about it. Nor does an open episode ever see another one.
//!
//! Before an account has its first baseline the rule's own number stands in.
//! When that baseline comes, what is true by it is taken without speaking.

use crate::baseline::{Quoted, Rung, Threshold, WonThreshold};
use crate::condition::{Slot, Truth};
use crate::facts::deal::{Held, RuleMemory};
use crate::facts::schema::place;
use crate::life::Bound;
use crate::ruleset::Rule;

use super::rule_truth::Look;

/// What a rule is held against at one look.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
pub(super) struct Against {
    /// The number; `None` where there is none.
    pub number: Option<f64>,
    /// What it rests on, if not on the rule alone.
    pub quoted: Option<Quoted>,
}

impl Against {
    pub fn slot(self) -> Slot<'static> {
        self.number.map_or(Slot::Unknown, Slot::Number)
    }

    fn won(quoted: Option<Quoted>) -> Against {
        Against { number: quoted.map(|quoted| quoted.value), quoted }
    }

    /// No laxer than a team asks. What was never resolved stays unknown.
    fn within(self, bound: Option<Bound>) -> Against {
        let tighter = bound.zip(self.number).and_then(|(bound, own)| bound.tighter_than(own));
        tighter.map_or(self, |value| {
            let quoted = self.quoted.map(|quoted| Quoted { value, rung: Rung::Team, ..quoted });
            Against { number: Some(value), quoted }
        })
    }
}

/// What came of looking whether a threshold has to be resolved.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Measured {
    /// It is another one now.
    pub anew: bool,
    /// Its first baseline came while the deal was in the same state: what is true
    /// by it is no news.
    pub seeds: bool,
}

/// What `rule` is held against here: what was resolved, else what would be now.
pub(super) fn against(rule: &Rule, memory: Option<&RuleMemory>, look: &Look<'_>) -> Against {
    let own = match &rule.threshold {
        None => Against::default(),
        Some(Threshold::Number(number)) => Against { number: Some(*number), quoted: None },
        Some(Threshold::Won(won)) => {
            let held = memory.and_then(|memory| memory.held.as_ref());
            Against::won(held.map_or_else(|| resolve(won, look).0, |held| held.quoted))
        }
    };
    own.within(look.terms(rule).bound)
}

/// Resolves the threshold if the deal has entered another measured state.
pub(super) fn measure(rule: &Rule, memory: &mut RuleMemory, look: &Look<'_>) -> Measured {
    let Some(won) = rule.threshold.as_ref().and_then(Threshold::won) else {
        return Measured::default();
    };
    let (pipeline, stage) = measured_state(won, look);
    let is_here = |held: &Held| held.pipeline == pipeline && held.stage == stage;
    let is_settled = memory.held.as_ref().is_some_and(|held| {
        is_here(held) && !(held.provisional && look.baselines().in_force(look.now).is_some())
    });
    if is_settled || memory.episode.is_some() {
        return Measured::default();
    }
    let before = memory.held.take();
    if look.applies(rule) == Truth::False {
        return Measured { anew: before.is_some(), seeds: false };
    }
    let seeds = before.as_ref().is_some_and(|held| held.provisional && is_here(held));
    let (quoted, is_measured) = resolve(won, look);
    let (pipeline, stage) = (pipeline.to_owned(), stage.to_owned());
    memory.held = Some(Held { quoted, pipeline, stage, provisional: !is_measured });
    Measured { anew: true, seeds }
}

fn resolve(won: &WonThreshold, look: &Look<'_>) -> (Option<Quoted>, bool) {
    let (pipeline, stage) = (text(look, place::PIPELINE), text(look, place::STAGE));
    let pipeline = look.metadata().pipeline_of(pipeline, stage);
    look.baselines().resolve(won, pipeline, stage, look.now)
}

/// The pipeline, and for what is told by stage the stage, in which the deal is
/// measured; blank where not known.
fn measured_state<'l>(won: &WonThreshold, look: &Look<'l>) -> (&'l str, &'l str) {
    let stage = text(look, place::STAGE).filter(|_| won.of.is_by_stage());
    (text(look, place::PIPELINE).unwrap_or_default(), stage.unwrap_or_default())
}

fn text<'l>(look: &Look<'l>, slot: u16) -> Option<&'l str> {
    match look.slots[usize::from(slot)] {
        Slot::Text(text) => Some(text),
        _ => None,
    }
}
