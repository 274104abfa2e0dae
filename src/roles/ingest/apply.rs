//! What the events of a batch change: pure but for the clock that bounds it.

use std::collections::HashSet;

use touchline_kit::{ConnectionEvent, Inbound};
use touchline_rules::engine::Stimulus;

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
        for event in events {
            if taken > 0 && is_over() {
                break;
            }
            taken += 1;
            let inbound = match &event.said {
                Said::Well(inbound) => inbound,
                Said::Badly(reason) => {
                    tally.unreadable += 1;
                    self.batching.batch.dead_letters.push(dead_letter(event, 0, reason));
                    continue;
                }
                // It never comes here: such an event is given up on its own.
                Said::Panicked(_) => continue,
            };
            match inbound {
                Inbound::Change(change) => {
                    if let Some(key) = dedupe_key(event) {
                        if !self.seen.insert(key) {
                            tally.doubles += 1;
                            continue;
                        }
                        self.batching.batch.dedupe.push((key, event.received_at));
                    }
                    tally.changes += 1;
                    self.batching.step(&change.deal, Stimulus::Change(change), event.received_at);
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
                    class = CommitClass::Original;
                    self.answers.apply(answer, event, &mut self.batching);
                }
                Inbound::Connection(ConnectionEvent::PrivacyDeletion {
                    object_type,
                    object_id,
                }) => {
                    tally.erasures += 1;
                    let work = erase::asked(event, object_type, object_id);
                    self.batching.batch.work.push(work);
                }
                Inbound::Ignored { .. } | Inbound::Connection(_) => tally.ignored += 1,
            }
        }
        tally.count(taken, &mut self.batching);
        Ok(Applied { batch: self.batching.finish()?, class, taken })
    }
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
