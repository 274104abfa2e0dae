//! The people of a back-test: who owns, who leads, and what waits for each.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use crate::attention::{PendingNudge, PersonalChoice, Recipient, SendAs, Sent};
use crate::calendar::Calendar;
use crate::engine::Firing;
use crate::facts::{DealState, Field};
use crate::ruleset::Audience;
use crate::time::UnixMs;

use super::Setup;
use super::record::Subject;

/// A person, by their place.
pub(super) type PersonId = u32;

/// A nudge that waits for its decision.
pub(super) struct Pending {
    pub(super) firing: Rc<Firing>,
    pub(super) about: Subject,
    pub(super) rule: u32,
    pub(super) counted: bool,
    /// It was deferred before.
    pub(super) waited: bool,
    /// When it is decided next.
    pub(super) look_at: UnixMs,
}

/// A nudge that is to be sent and has not left yet.
pub(super) struct Leaving {
    pub(super) pending: Pending,
    pub(super) nudge: PendingNudge,
    pub(super) sent_as: SendAs,
    /// From then on it is not sent.
    pub(super) expires_at: UnixMs,
    /// Its episode ended meanwhile.
    pub(super) has_ended: bool,
}

pub(super) struct Person {
    pub(super) manager: Option<PersonId>,
    pub(super) reader: Recipient,
    pub(super) pending: Vec<(Pending, PendingNudge)>,
    pub(super) leaving: Vec<Leaving>,
    /// When the next of them is due.
    pub(super) look_at: Option<UnixMs>,
}

/// Everybody.
pub(super) struct People {
    all: Vec<Person>,
    by_owner: HashMap<String, PersonId>,
    by_email: HashMap<String, PersonId>,
    calendar: Calendar,
    looks: BTreeSet<(UnixMs, PersonId)>,
}

/// Why nobody can be told, as the ledger's word.
pub(super) type Nobody = &'static str;

impl People {
    pub(super) fn new(setup: &Setup<'_>) -> People {
        let mut people = People {
            all: Vec::new(),
            by_owner: HashMap::new(),
            by_email: HashMap::new(),
            calendar: setup.crew.calendar.clone(),
            looks: BTreeSet::new(),
        };
        let mut known = HashMap::new();
        for owner in &setup.metadata.owners {
            let Some(email) = owner.email.as_ref().map(|email| email.to_lowercase()) else {
                continue;
            };
            let id = people.add(email, setup, &mut known);
            people.by_owner.entry(owner.id.clone()).or_insert(id);
        }
        let sellers: Vec<(String, PersonId)> =
            known.iter().map(|(email, id)| (email.clone(), *id)).collect();
        for (email, id) in sellers {
            if let Some(manager) = setup.crew.managers.of_person(&email) {
                let manager = people.add(manager.to_lowercase(), setup, &mut known);
                people.all[id as usize].manager = Some(manager);
            }
        }
        if setup.rules.has_person_rules() {
            // Rules about people look at everybody who leads somebody.
            for (_, manager) in setup.crew.managers.pairs() {
                people.add(manager.to_lowercase(), setup, &mut known);
            }
        }
        people.by_email = known;
        people
    }

    fn add(
        &mut self,
        email: String,
        setup: &Setup<'_>,
        known: &mut HashMap<String, PersonId>,
    ) -> PersonId {
        if let Some(id) = known.get(&email) {
            return *id;
        }
        let id = PersonId::try_from(self.all.len()).unwrap_or(PersonId::MAX);
        let calendar = setup.crew.calendars.get(&email).unwrap_or(&setup.crew.calendar);
        self.all.push(Person {
            manager: None,
            reader: Recipient {
                person: email.clone(),
                calendar: calendar.clone(),
                in_pilot: false,
                first_nudge_at: None,
                muted_rules: BTreeSet::new(),
                paused_until: None,
                snoozed: BTreeMap::new(),
                choice: PersonalChoice::default(),
                log: Vec::new(),
            },
            pending: Vec::new(),
            leaving: Vec::new(),
            look_at: None,
        });
        known.insert(email, id);
        id
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn get(&self, id: PersonId) -> &Person {
        &self.all[id as usize]
    }

    pub(super) fn get_mut(&mut self, id: PersonId) -> &mut Person {
        &mut self.all[id as usize]
    }

    /// Who owns the deal.
    pub(super) fn owner_of(&self, deal: &DealState) -> Option<PersonId> {
        self.by_owner.get(deal.facts.text(Field::Owner)?).copied()
    }

    /// The calendar a deal is judged by.
    pub(super) fn calendar_of(&self, owner: Option<PersonId>) -> &Calendar {
        owner.map_or(&self.calendar, |id| &self.get(id).reader.calendar)
    }

    /// The calendar of everybody of whom nothing else is known: weeks and days of
    /// the report are counted by it.
    pub(super) fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// Who is told.
    pub(super) fn reader(
        &self,
        audience: Audience,
        owner: Option<PersonId>,
    ) -> Result<PersonId, Nobody> {
        let owner = owner.ok_or("no_owner")?;
        match audience {
            // A deal rule never speaks to a person as such.
            Audience::Owner | Audience::Person => Ok(owner),
            Audience::Manager => self.get(owner).manager.ok_or("no_manager"),
        }
    }

    /// Gives somebody a nudge to wait for its decision.
    pub(super) fn give(&mut self, id: PersonId, pending: Pending, nudge: PendingNudge) {
        self.all[id as usize].pending.push((pending, nudge));
        self.plan(id);
    }

    /// Works out anew when somebody is looked at next.
    pub(super) fn plan(&mut self, id: PersonId) {
        let person = &mut self.all[id as usize];
        let next = person.pending.iter().map(|(pending, _)| pending.look_at).min();
        if next == person.look_at {
            return;
        }
        if let Some(before) = std::mem::replace(&mut person.look_at, next) {
            self.looks.remove(&(before, id));
        }
        self.looks.extend(next.map(|at| (at, id)));
    }

    /// When somebody is next looked at.
    pub(super) fn next_look(&self) -> Option<UnixMs> {
        self.looks.first().map(|(at, _)| *at)
    }

    /// Somebody who is to be looked at by `now`.
    pub(super) fn due(&self, now: UnixMs) -> Option<PersonId> {
        self.looks.first().filter(|(at, _)| *at <= now).map(|(_, id)| *id)
    }

    /// Somebody by their e-mail.
    pub(super) fn named(&self, email: &str) -> Option<PersonId> {
        self.by_email.get(email).copied()
    }

    /// Takes back the nudge of a firing that is not said any more, and whatever is
    /// not said because of that.
    pub(super) fn take_back(&mut self, id: PersonId, firing_id: &str) -> Vec<Pending> {
        let person = &mut self.all[id as usize];
        let at = person.pending.iter().position(|(one, _)| one.firing.id == firing_id);
        let Some(at) = at else { return person.stop_leaving(firing_id) };
        let (pending, _) = person.pending.swap_remove(at);
        self.plan(id);
        vec![pending]
    }

    /// Everything that still waits.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Pending> {
        self.all.iter_mut().flat_map(|person| {
            let leaving = person.leaving.drain(..).map(|leaving| leaving.pending);
            person.pending.drain(..).map(|(pending, _)| pending).chain(leaving)
        })
    }
}

/// A nudge in its reader's log.
pub(super) fn sent(nudge: &PendingNudge, at: UnixMs, sent_as: SendAs) -> Sent {
    Sent {
        at,
        nudge_id: nudge.id.clone(),
        deal: nudge.deal.clone(),
        is_event: nudge.is_event,
        sent_as,
    }
}

impl Person {
    /// Takes out the nudges of a message that leaves.
    pub(super) fn take_leaving(&mut self, nudge_ids: &[String]) -> Vec<Leaving> {
        let all = std::mem::take(&mut self.leaving);
        let (message, others) = all.into_iter().partition(|one| nudge_ids.contains(&one.nudge.id));
        self.leaving = others;
        message
    }

    /// The reason of a nudge is gone before it left. A digest leaves without it,
    /// unless it has nothing else to say.
    fn stop_leaving(&mut self, firing_id: &str) -> Vec<Pending> {
        let gone = self.leaving.iter_mut().find(|one| one.pending.firing.id == firing_id);
        let Some(gone) = gone else { return Vec::new() };
        gone.has_ended = true;
        let (sent_as, is_digest) = (gone.sent_as, gone.sent_as != SendAs::Interrupt);
        let is_of_it = |one: &Leaving| match is_digest {
            true => one.sent_as == sent_as,
            false => one.pending.firing.id == firing_id,
        };
        if self.leaving.iter().any(|one| is_of_it(one) && !one.has_ended) {
            return Vec::new();
        }
        let all = std::mem::take(&mut self.leaving);
        let (message, others): (Vec<_>, Vec<_>) = all.into_iter().partition(is_of_it);
        self.leaving = others;
        message.into_iter().map(|one| one.pending).collect()
    }

    /// What was sent or is about to be, as it counts at `now`.
    pub(super) fn log(&self, now: UnixMs) -> Vec<Sent> {
        let leaving = self.leaving.iter().map(|one| sent(&one.nudge, now, one.sent_as));
        self.reader.log.iter().cloned().chain(leaving).collect()
    }
}
