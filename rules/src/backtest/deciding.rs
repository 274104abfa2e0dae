//! Attention in a back-test: what is due for one reader is decided by the same
//! function as live, and what is sent counts from then on.

use std::collections::HashMap;

use crate::attention::{
    Decision, PendingNudge, Recipient, SendAs, decide, expires_at, log_reaches_back_to,
};
use crate::engine::{Holds, reason_holds};
use crate::time::UnixMs;

use super::people::{Leaving, Pending, PersonId, sent};
use super::player::world;
use super::record::Subject;
use super::{Fate, Observer, Player};

/// Entries of a reader's log before what no limit asks for any more is let go.
const LOG_MAX: usize = 64;
/// The ledger's word for a reason that had gone when its nudge was to be sent.
pub(super) const REASON_GONE: &str = "reason_gone";
/// The ledger's word for what is kept for the deal's card.
const CARD_ONLY: &str = "card_only";

impl<O: Observer> Player<'_, O> {
    /// Decides on everything that is due, reader by reader.
    pub(super) fn decide_due(&mut self) {
        while let Some(reader) = self.people.due(self.now) {
            self.decide_for(reader);
        }
    }

    fn decide_for(&mut self, id: PersonId) {
        let (now, policy) = (self.now, self.setup.policy);
        let person = self.people.get_mut(id);
        if person.reader.log.len() > LOG_MAX {
            let since = log_reaches_back_to(policy, &person.reader, now);
            person.reader.log.retain(|sent| sent.at >= since);
        }
        let all = std::mem::take(&mut person.pending);
        let (due, later): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|(pending, _)| pending.look_at <= now);
        person.pending = later;
        let (pending, nudges): (Vec<Pending>, Vec<PendingNudge>) = due.into_iter().unzip();
        let decisions = match person.leaving.as_slice() {
            [] => decide(policy, &person.reader, &nudges, now),
            _ => {
                let reader = Recipient { log: person.log(now), ..person.reader.clone() };
                decide(policy, &reader, &nudges, now)
            }
        };
        let mut of_id: HashMap<String, (Pending, PendingNudge)> = pending
            .into_iter()
            .zip(nudges)
            .map(|(pending, nudge)| (nudge.id.clone(), (pending, nudge)))
            .collect();
        for (nudge_id, decision) in decisions {
            if let Some((pending, nudge)) = of_id.remove(&nudge_id) {
                self.decided(id, pending, nudge, decision);
            }
        }
        self.people.plan(id);
    }

    fn decided(
        &mut self,
        reader: PersonId,
        mut pending: Pending,
        mut nudge: PendingNudge,
        decision: Decision,
    ) {
        let fate = match decision {
            Decision::Defer { until, class, why } => {
                let until = until.max(self.now.plus_ms(1));
                let fate = Fate::Deferred { until, class, why };
                self.observer.decided(&pending.firing, self.now, fate);
                nudge.class = class;
                pending.look_at = until;
                pending.waited = true;
                self.people.get_mut(reader).pending.push((pending, nudge));
                return;
            }
            Decision::Send(sent_as) if self.is_told() => {
                self.observer.decided(&pending.firing, self.now, Fate::Leaving(sent_as));
                let person = self.people.get_mut(reader);
                let expires_at = expires_at(self.setup.policy, &person.reader, &nudge);
                let leaving = Leaving { pending, nudge, sent_as, expires_at, has_ended: false };
                person.leaving.push(leaving);
                return;
            }
            Decision::Send(sent_as) => {
                let word = (!self.still_holds(&pending)).then_some(REASON_GONE);
                return self.left(reader, &pending, &nudge, sent_as, word);
            }
            Decision::Card => Fate::Kept,
            Decision::Suppress(reason) if reason.name() == CARD_ONLY => Fate::Kept,
            Decision::Suppress(reason) => Fate::NotSent(reason.name()),
        };
        self.settled(&pending, fate);
    }

    /// The last look before a message goes out. What it says is as of now.
    pub(super) fn still_holds(&mut self, pending: &Pending) -> bool {
        let id = match pending.about {
            Subject::Deal(id) => id,
            Subject::Person(id) => return self.still_holds_of_person(id, &pending.firing),
        };
        let state = self.deals.lend(id);
        let calendar = self.people.calendar_of(self.deals.owner(id));
        let world = world(&self.setup, self.baselining.as_deref(), calendar, &state);
        let holds = reason_holds(&pending.firing, &state, self.now, &world) == Holds::Yes;
        if holds {
            let calendar = self.people.calendar();
            self.examples.said(pending.rule, &pending.firing, &state, self.now, &world, calendar);
        }
        self.deals.give_back(id, state, self.now);
        holds
    }

    /// A message left with this nudge, or without it for this reason.
    pub(super) fn left(
        &mut self,
        reader_id: PersonId,
        pending: &Pending,
        nudge: &PendingNudge,
        sent_as: SendAs,
        word: Option<&'static str>,
    ) {
        if let Some(word) = word {
            return self.settled(pending, Fate::NotSent(word));
        }
        let now: UnixMs = self.now;
        let reader = &mut self.people.get_mut(reader_id).reader;
        reader.first_nudge_at.get_or_insert(now);
        reader.log.push(sent(nudge, now, sent_as));
        if let Some(portfolios) = &mut self.portfolios {
            portfolios.reached(reader_id, pending.rule, now);
        }
        self.settled(pending, Fate::Sent(sent_as));
    }

    fn settled(&mut self, pending: &Pending, fate: Fate) {
        self.notes(pending.about).settle(&pending.firing.id);
        self.tally.decided(pending.rule, pending.counted, fate, pending.waited);
        self.examples.decided(pending.rule, &pending.firing.id, fate, self.now);
        self.observer.decided(&pending.firing, self.now, fate);
    }
}
