//! A past that was lived through, told with its delays: when the service looked
//! around, and when messages left.

use crate::attention::{Reason, SendAs};
use crate::time::UnixMs;

use super::deciding::REASON_GONE;
use super::people::{Leaving, PersonId};
use super::{Observer, Pace, Player};

impl<O: Observer> Player<'_, O> {
    /// The service looked around at `at`, after all that was told before: at deals
    /// whose timers are due, at new ones if a midnight has passed since the last
    /// tick, and with attention at what is due. Only for [`Pace::AsTold`].
    pub fn tick(&mut self, at: UnixMs) {
        self.advance(at);
        self.end_save();
        self.run_timers();
        self.look_anew();
        self.end_day();
        self.look_at_baseline();
        self.look_at_people();
        self.end_watches_due();
        self.decide_due();
        self.ticked_at = self.now;
    }

    /// The first read of the account had taken effect at `at`: what was usual among
    /// won deals was worked out for the first time, and people were looked at. A past
    /// without records of such a read begins with its first change.
    pub fn first_read_ended(&mut self, at: UnixMs) {
        self.advance(at);
        self.end_save();
        self.run_timers();
        self.look_anew();
        self.has_begun = true;
        self.measure();
    }

    /// The message with these nudges was to leave at `at`. Those whose reasons or
    /// times are over do not; a digest that missed its day is decided anew. Only for
    /// [`Pace::AsTold`].
    pub fn leave(&mut self, at: UnixMs, reader: &str, nudge_ids: &[String]) {
        self.advance(at);
        self.end_save();
        let Some(reader) = self.people.named(reader) else { return };
        let message = self.people.get_mut(reader).take_leaving(nudge_ids);
        let now = self.now;
        let is_over = |one: &Leaving| one.expires_at <= now;
        let all_over = message.iter().all(is_over);
        let words: Vec<Option<&'static str>> = message
            .iter()
            .map(|one| match one {
                one if all_over || (is_over(one) && !one.has_ended) => Some(Reason::Expired.name()),
                one if one.has_ended || !self.still_holds(&one.pending) => Some(REASON_GONE),
                _ => None,
            })
            .collect();
        let is_late = words.contains(&None) && self.is_of_another_day(reader, &message);
        for (one, word) in message.into_iter().zip(words) {
            let Leaving { mut pending, nudge, sent_as, has_ended, .. } = one;
            if is_late && !has_ended {
                (pending.look_at, pending.waited) = (self.now, true);
                self.people.give(reader, pending, nudge);
            } else {
                self.left(reader, &pending, &nudge, sent_as, word);
            }
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
