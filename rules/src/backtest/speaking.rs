//! From a firing to a nudge that waits: who is told, and what is noted down.

use std::rc::Rc;

use crate::attention::PendingNudge;
use crate::engine::{Firing, nudge_id};
use crate::facts::{DealState, Field};
use crate::time::DAY_MS;

use super::deals::DealId;
use super::people::Pending;
use super::record::{Record, Subject};
use super::{Fate, Fired, Observer, Player};

/// The longest an undecided nudge lives; attention's own expiry is shorter.
const NUDGE_LIFE_MS: i64 = 90 * DAY_MS;

impl<O: Observer> Player<'_, O> {
    pub(super) fn fired(
        &mut self,
        id: DealId,
        state: &DealState,
        firing: Firing,
        word: Option<&'static str>,
    ) {
        let Some(rule) = self.rule_ids.get(firing.rule_id.as_str()).copied() else { return };
        let Some(known) = self.setup.rules.rules().get(rule as usize) else { return };
        let counted = firing.at >= self.setup.since;
        let record = self.deals.record(id);
        let owner = record.owner;
        self.tally.fired(rule, owner, firing.at, counted, record);
        let reader = self.people.reader(firing.audience, owner);
        let reader = word.map_or(reader, Err);
        self.observer.fired(Fired {
            firing: &firing,
            deal_name: state.facts.text(Field::Name).unwrap_or(&firing.deal.id),
            reader: reader.ok().map(|id| self.people.get(id).reader.person.as_str()),
            counted,
        });
        if counted {
            self.examples.consider(rule, known, &firing, state, self.people.calendar());
        }
        let firing = Rc::new(without_reasons(firing));
        if word.is_none() {
            self.watch(Subject::Deal(id), known, rule, Rc::clone(&firing), counted);
        }
        match reader {
            Ok(reader) => self.wait(Subject::Deal(id), rule, firing, reader, counted),
            Err(word) => self.not_sent(rule, counted, &firing, word),
        }
    }

    /// A nudge waits for its decision, at this instant.
    pub(super) fn wait(
        &mut self,
        about: Subject,
        rule: u32,
        firing: Rc<Firing>,
        reader: u32,
        counted: bool,
    ) {
        let nudge = PendingNudge {
            id: nudge_id(&firing.id, &self.people.get(reader).reader.person),
            rule: firing.rule_id.clone(),
            deal: firing.scope.is_deal().then(|| firing.deal.clone()),
            class: firing.attention,
            is_event: firing.change.is_some(),
            priority: firing.priority,
            due_at: firing.at,
            occurred_at: firing.occurred_at,
            expires_at: Some(firing.at.plus_ms(NUDGE_LIFE_MS)),
        };
        self.notes(about).pending.push((Rc::clone(&firing), reader));
        let look_at = firing.at;
        let pending = Pending { firing, about, rule, counted, waited: false, look_at };
        self.people.give(reader, pending, nudge);
    }

    /// What is noted down of a subject.
    pub(super) fn notes(&mut self, about: Subject) -> &mut Record {
        match (about, &mut self.portfolios) {
            (Subject::Person(id), Some(all)) => all.record(id),
            (Subject::Deal(id) | Subject::Person(id), _) => self.deals.record(id),
        }
    }

    pub(super) fn not_sent(
        &mut self,
        rule: u32,
        counted: bool,
        firing: &Firing,
        word: &'static str,
    ) {
        let fate = Fate::NotSent(word);
        self.tally.decided(rule, counted, fate, false);
        self.examples.decided(rule, &firing.id, fate, self.now);
        self.observer.decided(firing, self.now, fate);
    }
}

/// What is kept of a firing until all is decided of it.
pub(super) fn without_reasons(firing: Firing) -> Firing {
    Firing {
        seen: Vec::new(),
        explanation: crate::condition::Explanation { parts: Vec::new(), ..firing.explanation },
        ..firing
    }
}
