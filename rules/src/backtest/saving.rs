//! Changes of one save: a vendor tells of each field on its own, and nobody ever saw
//! the deal with only the first of them.

use crate::engine::Stimulus;
use crate::facts::Change;
use crate::time::UnixMs;

use super::deals::DealId;
use super::{Observer, Player};

/// The save that is being heard of.
#[derive(Default)]
pub(super) struct Saving {
    deal: Option<DealId>,
    changes: Vec<Change>,
}

impl Saving {
    fn occurred_at(&self) -> Option<UnixMs> {
        self.changes.first().map(|change| change.occurred_at)
    }
}

impl<O: Observer> Player<'_, O> {
    /// One more change of a deal. It is played with those of the same save, when
    /// something else comes.
    pub(super) fn save(&mut self, id: DealId, change: Change) {
        let is_same =
            self.saving.deal == Some(id) && self.saving.occurred_at() == Some(change.occurred_at);
        if !is_same {
            self.end_save();
            self.saving.deal = Some(id);
        }
        self.saving.changes.push(change);
    }

    /// What was told so far was told together: what follows is of no save with it. A
    /// past without requests need not say so: an instant ends what came with it.
    pub fn end_save(&mut self) {
        let Some(id) = self.saving.deal.take() else { return };
        let mut changes = std::mem::take(&mut self.saving.changes);
        self.step(id, Stimulus::Save(&changes), self.now);
        // The room is used again.
        changes.clear();
        self.saving.changes = changes;
    }
}
