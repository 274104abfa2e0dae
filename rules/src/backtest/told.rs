//! A past that was lived through, told with its delays: when the service looked
//! around, and when messages left.

use crate::attention::SendAs;
use crate::time::UnixMs;

use super::people::{Leaving, PersonId};
use super::{Observer, Pace, Player};

impl<O: Observer> Player<'_, O> {
    /// The service looked around at `at`, after all that was told before: at new
    /// deals, if a midnight has passed since the last tick, and with attention at
    /// what is due. Only for [`Pace::AsTold`].
    pub fn tick(&mut self, at: UnixMs) {
        self.advance(at);
        self.look_anew();
        self.end_watches_due();
        self.decide_due();
        self.ticked_at = self.now;
    }

    /// The message with these nudges was to leave at `at`. Those whose reasons are
    /// gone do not; a digest that missed its day is decided anew. Only for
    /// [`Pace::AsTold`].
    pub fn leave(&mut self, at: UnixMs, reader: &str, nudge_ids: &[String]) {
        self.advance(at);
        let Some(reader) = self.people.named(reader) else { return };
        let message = self.people.get_mut(reader).take_leaving(nudge_ids);
        let holds: Vec<bool> =
            message.iter().map(|one| !one.has_ended && self.still_holds(&one.pending)).collect();
        if holds.contains(&true) && self.is_of_another_day(reader, &message) {
            for Leaving { mut pending, nudge, sent_as, has_ended } in message {
                if has_ended {
                    self.left(reader, &pending, nudge, sent_as, false);
                    continue;
                }
                (pending.look_at, pending.waited) = (self.now, true);
                self.people.give(reader, pending, nudge);
            }
            return;
        }
        for (one, holds) in message.into_iter().zip(holds) {
            let Leaving { pending, nudge, sent_as, .. } = one;
            self.left(reader, &pending, nudge, sent_as, holds);
        }
    }

    pub(super) fn is_told(&self) -> bool {
        self.setup.pace != Pace::AtOnce
    }

    fn is_of_another_day(&self, reader: PersonId, message: &[Leaving]) -> bool {
        let calendar = &self.people.get(reader).reader.calendar;
        let today = calendar.local_date(self.now);
        message.iter().any(|one| match one.sent_as {
            SendAs::Digest { slot } => calendar.local_date(slot) != today,
            SendAs::Interrupt => false,
        })
    }
}
