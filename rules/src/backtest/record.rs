//! What a back-test notes down of one deal or person, beside its state.

use std::rc::Rc;

use crate::engine::Firing;
use crate::facts::StageKind;
use crate::time::UnixMs;

use super::deals::DealId;
use super::people::PersonId;

/// What a firing is about.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    Deal(DealId),
    Person(PersonId),
}

/// Notes on one deal, or on what was said to one person about themselves.
#[derive(Default)]
pub(super) struct Record {
    pub(super) kind: Option<StageKind>,
    pub(super) is_gone: bool,
    pub(super) owner: Option<PersonId>,
    /// When it was closed, while it is.
    pub(super) closed_at: Option<UnixMs>,
    /// The midnight for which it is among the won deals that baselines rest on;
    /// [`UnixMs::MAX`] for one that was let go since, and stays there.
    pub(super) sampled_for: Option<UnixMs>,
    /// It counts as a deal of the period.
    pub(super) is_counted: bool,
    /// Its loss was counted; a second one is not.
    pub(super) is_loss_counted: bool,
    /// Its place among the deals whose first instant is not over.
    pub(super) arriving: Option<usize>,
    /// One for each rule that spoke of it.
    pub(super) touches: Vec<Touch>,
    /// Firings in the period since it was last opened: rule and instant.
    pub(super) leads: Vec<(u32, UnixMs)>,
    pub(super) watches: Vec<Watch>,
    /// Nudges about it that wait for their decision.
    pub(super) pending: Vec<(Rc<Firing>, PersonId)>,
}

/// That a rule spoke of a deal.
pub(super) struct Touch {
    pub(super) rule: u32,
    /// The first time at all.
    pub(super) first: UnixMs,
    /// How often in the period.
    pub(super) count: u32,
}

/// A firing of which is not known yet whether it was settled by itself.
pub(super) struct Watch {
    pub(super) firing: Rc<Firing>,
    pub(super) rule: u32,
    pub(super) counted: bool,
    pub(super) until: UnixMs,
}

impl Record {
    /// Whether the deal still waits for a word about this firing.
    pub(super) fn is_pending(&self, firing_id: &str) -> bool {
        self.pending.iter().any(|(firing, _)| firing.id == firing_id)
    }

    /// Forgets a nudge that was decided for good; answers who it was for.
    pub(super) fn settle(&mut self, firing_id: &str) -> Option<PersonId> {
        let at = self.pending.iter().position(|(firing, _)| firing.id == firing_id)?;
        Some(self.pending.swap_remove(at).1)
    }
}
