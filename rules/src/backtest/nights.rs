//! The first look at a new deal at night, which begins to trust its activities.

use crate::engine::Stimulus;
use crate::facts::Field;

use super::deals::DealId;
use super::{Observer, Player, Trust};

impl<O: Observer> Player<'_, O> {
    /// Plans the look at a new deal.
    pub(super) fn look_at_night(&mut self, id: DealId, at_once: bool) {
        if !matches!(self.setup.trust, Trust::Nowhere) {
            let from = if self.is_told() { self.ticked_at } else { self.now };
            let night = || self.people.calendar().next_midnight(from);
            let at = if at_once { self.now } else { night() };
            self.first_nights.insert((at, id));
        }
    }

    /// Takes the looks that are due.
    pub(super) fn look_anew(&mut self) {
        while let Some(night) = self.first_nights.first().filter(|(at, _)| *at <= self.now).copied()
        {
            self.first_nights.remove(&night);
            self.step(night.1, Stimulus::Reseed, self.now);
            // Told before its record, a deal may not have a pipeline yet.
            if self.is_told() && !self.is_placed(night.1) {
                let next = self.people.calendar().next_midnight(self.now);
                self.first_nights.insert((next, night.1));
            }
        }
    }

    fn is_placed(&mut self, id: DealId) -> bool {
        let state = self.deals.lend(id);
        let is_placed = state.is_ready() && state.facts.text(Field::Pipeline).is_some();
        self.deals.give_back(id, state, self.now);
        is_placed
    }
}
