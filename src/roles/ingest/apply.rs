//! What the events of a batch change: pure but for the clock that bounds it.

use std::collections::HashSet;

use touchline_kit::{ConnectionEvent, Inbound};
use touchline_rules::engine::Stimulus;
use touchline_rules::facts::Change;

use super::answers::AnswerContext;
use super::events::{self, Event, Said};
use super::{ACTIVITY, dead_letter, dedupe_key};
use crate::roles::batching::Batching;
use crate::roles::erase;
use crate::store::{Batch, CommitClass, DedupeKey};

/// What was loaded for a batch.
pub(super) struct Prepared<'a> {
    pub batching: Batching<'a>,
    pub seen: HashSet<DedupeKey>,
    pub answers: AnswerContext,
}

/// What the first of the events change.
pub(super) struct Applied {
    pub batch: Batch,
    pub class: CommitClass,
    /// How many of them.
    pub taken: usize,
}

impl Prepared<'_> {
    /// Applies events in their order until `is_over`, but at least one.
    ///
    /// # Errors
    /// When what they change cannot be put into words to be stored.
    pub(super) fn apply(
        mut self,
        events: &[Event],
        is_over: impl Fn() -> bool,
    ) -> Result<Applied, serde_json::Error> {
        let mut class = CommitClass::Derived;
        let mut tally = Tally::default();
        let mut taken = 0;
        let mut rest = events;
        while !rest.is_empty() && (taken == 0 || !is_over()) {
            let (save, after) = rest.split_at(save_of(rest));
            rest = after;
            taken += save.len();
            let mut changes = Vec::new();
            for event in save {
                if let Some(change) = self.take(event, &mut tally, &mut class) {
                    changes.push(change.clone());
                }
            }
            if let (Some(first), [event, ..]) = (changes.first(), save) {
                let deal = first.deal.clone();
                self.batching.step(&deal, Stimulus::Save(&changes), event.received_at);
            }
        }
        tally.count(taken, &mut self.batching);
        Ok(Applied { batch: self.batching.finish()?, class, taken })
    }

    /// Takes one event in; a change of a deal that is no double is answered, to be
    /// judged with the others of its save.
    fn take<'e>(
        &mut self,
        event: &'e Event,
        tally: &mut Tally,
        class: &mut CommitClass,
    ) -> Option<&'e Change> {
        let inbound = match &event.said {
            Said::Well(inbound) => inbound,
            Said::Badly(reason) => {
                tally.unreadable += 1;
                self.batching.batch.dead_letters.push(dead_letter(event, 0, reason));
                return None;
            }
            // It never comes here: such an event is given up on its own.
            Said::Panicked(_) => return None,
        };
        match inbound {
            Inbound::Change(change) => {
                if let Some(key) = dedupe_key(event) {
                    if !self.seen.insert(key) {
                        tally.doubles += 1;
                        return None;
                    }
                    self.batching.batch.dedupe.push((key, event.received_at));
                }
                tally.changes += 1;
                return Some(change);
            }
            Inbound::Observation(read) => {
                tally.records_read += 1;
                self.batching.step(&read.deal, Stimulus::Observation(read), event.received_at);
            }
            Inbound::Activity(activity) => {
                tally.activities += 1;
                let key = events::activity_key(activity);
                self.batching.ask(ACTIVITY, &event.connection, &key, event.received_at);
            }
            Inbound::Answer(answer) => {
                tally.clicks += 1;
                *class = CommitClass::Original;
                self.answers.apply(answer, event, &mut self.batching);
            }
            Inbound::Connection(ConnectionEvent::PrivacyDeletion { object_type, object_id }) => {
                tally.erasures += 1;
                let work = erase::asked(event, object_type, object_id);
                self.batching.batch.work.push(work);
            }
            Inbound::Ignored { .. } | Inbound::Connection(_) => tally.ignored += 1,
        }
        None
    }
}

/// The first place from `at` on, but not 0, at which no save is cut in two.
pub(super) fn end_of_save(events: &[Event], at: usize) -> usize {
    let mut end = save_of(events);
    while end < at.min(events.len()) {
        end += save_of(&events[end..]);
    }
    end
}

/// How many events the first save takes: changes of one deal at one instant that one
/// request tells of, and what says nothing between them. A vendor may split a save
/// between requests; then each part is judged as if it were all.
fn save_of(events: &[Event]) -> usize {
    let Some(first) = events.first() else { return 0 };
    let Said::Well(Inbound::Change(one)) = &first.said else { return 1 };
    let mut end = 1;
    for (at, event) in events.iter().enumerate().skip(1) {
        if event.seq != first.seq {
            break;
        }
        match &event.said {
            Said::Well(Inbound::Change(next))
                if next.deal == one.deal && next.occurred_at == one.occurred_at =>
            {
                end = at + 1;
            }
            Said::Well(Inbound::Ignored { .. } | Inbound::Activity(_)) => {}
            _ => break,
        }
    }
    end
}

/// What the events of a batch were, each counted once.
#[derive(Default)]
struct Tally {
    changes: i64,
    doubles: i64,
    activities: i64,
    clicks: i64,
    records_read: i64,
    ignored: i64,
    unreadable: i64,
    erasures: i64,
}

impl Tally {
    fn count(&self, events: usize, batching: &mut Batching<'_>) {
        batching.count("events", i64::try_from(events).unwrap_or(i64::MAX));
        batching.count("changes", self.changes);
        batching.count("doubles", self.doubles);
        batching.count("activities", self.activities);
        batching.count("clicks", self.clicks);
        batching.count("records_read", self.records_read);
        batching.count("ignored", self.ignored);
        batching.count("unreadable", self.unreadable);
        batching.count("erasures", self.erasures);
    }
}
