//! Rules about people in a back-test: what deals tell of people is folded as live
//! folds it, and looked at with the same function.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use crate::baseline::Baselines;
use crate::calendar::Calendar;
use crate::engine::{
    AppliedChange, Firing, Holds, PersonState, World, inactive_on_person, person_reason_holds,
    step_person,
};
use crate::facts::{ActorKind, DealState};
use crate::portfolio::{
    EDITS_KEPT_DAYS, Edit, Led, PERSON_FIELDS, PUSHES_DAYS, PersonFacts, Portfolio, Push, Standing,
    edit, standing,
};
use crate::ruleset::Rule;
use crate::time::{DAY_MS, UnixMs};

use super::deals::DealId;
use super::people::{People, PersonId};
use super::record::{Record, Subject};
use super::speaking::without_reasons;
use super::{Fired, Lacking, Observer, Partly, Player, Setup};

/// A day more than is counted, as live keeps them: instants are rounded to midnights.
const SLACK_DAYS: i64 = 1;
/// Entries of somebody's list before what is too old to count is let go.
const LIST_MAX: usize = 64;

/// Facts that rest on who made a change.
const OF_EDITS: &str = "person.edit";
/// The fact that rests on answers.
const OF_ANSWERS: &str = "person.rule_not_true_percent";

/// What is known of everybody.
pub(super) struct Portfolios {
    /// Where each deal stands: with whom, and at which place of theirs.
    places: HashMap<DealId, (PersonId, usize)>,
    people: Vec<Folded>,
    /// Something was told of them since they were last looked at.
    told: BTreeSet<PersonId>,
    due: BTreeSet<(UnixMs, PersonId)>,
    /// Somebody who can be named has edited a deal.
    names_editors: bool,
    /// By the place of a rule: whose own it is, of those who lead somebody.
    rule_owners: Vec<Option<PersonId>>,
}

/// What is known of one person.
struct Folded {
    portfolio: Portfolio,
    /// The deal behind each standing of the portfolio.
    deals: Vec<DealId>,
    /// Edits on their deals, where somebody leads them.
    edits: Vec<Edit>,
    /// When rules of somebody's own reached them.
    pushes: Vec<(PersonId, UnixMs)>,
    leader: Option<PersonId>,
    /// Whom they lead, of those who own deals.
    team: Vec<PersonId>,
    state: PersonState,
    due: Option<UnixMs>,
    record: Record,
}

impl Portfolios {
    pub(super) fn new(setup: &Setup<'_>, people: &People) -> Portfolios {
        let mut team: BTreeMap<PersonId, (u32, Vec<PersonId>)> = BTreeMap::new();
        for (person, manager) in setup.crew.managers.pairs() {
            let Some(leader) = people.named(manager) else { continue };
            let (leads, led) = team.entry(leader).or_default();
            *leads += 1;
            led.extend(people.named(person));
        }
        let ids = (0..).take(people.len());
        let of = |id: PersonId| {
            let email = &people.get(id).reader.person;
            let member = setup.crew.members.get(email).copied().unwrap_or_default();
            let (leads, led) = team.get(&id).cloned().unwrap_or_default();
            let leading = |leads: u32| Led {
                by: email.clone(),
                people: leads,
                since: member.manager_since,
                ..Led::default()
            };
            Folded {
                portfolio: Portfolio {
                    deals: Vec::new(),
                    target: member.target,
                    led: (leads > 0).then(|| leading(leads)),
                },
                deals: Vec::new(),
                edits: Vec::new(),
                pushes: Vec::new(),
                leader: people.get(id).manager,
                team: led,
                state: PersonState::new(email),
                due: None,
                record: Record::default(),
            }
        };
        let rules = setup.rules.rules().iter();
        let owner = |rule: &Rule| people.named(&rule.owner.as_ref()?.to_lowercase());
        Portfolios {
            places: HashMap::new(),
            people: ids.map(of).collect(),
            told: team.keys().copied().collect(),
            due: BTreeSet::new(),
            names_editors: false,
            rule_owners: rules.map(|rule| owner(rule).filter(|id| team.contains_key(id))).collect(),
        }
    }

    pub(super) fn record(&mut self, id: PersonId) -> &mut Record {
        &mut self.people[id as usize].record
    }

    pub(super) fn records(&self) -> impl Iterator<Item = &Record> {
        self.people.iter().map(|person| &person.record)
    }

    pub(super) fn next_due(&self) -> Option<UnixMs> {
        self.due.first().map(|(at, _)| *at)
    }

    /// A nudge of this rule reached somebody.
    pub(super) fn reached(&mut self, reader: PersonId, rule: u32, at: UnixMs) {
        let owner = self.rule_owners.get(rule as usize).copied().flatten();
        let to = &mut self.people[reader as usize];
        if let Some(owner) = owner.filter(|owner| to.leader == Some(*owner)) {
            let since = at.plus_ms(-(PUSHES_DAYS + SLACK_DAYS) * DAY_MS);
            thin(&mut to.pushes, |(_, at)| *at >= since);
            to.pushes.push((owner, at));
        }
    }

    /// Where a deal stands by now, with whom.
    fn fold(&mut self, deal: DealId, now: Option<(PersonId, Standing)>) {
        let before = self.places.get(&deal).copied();
        if let (Some((person, place)), Some((owner, standing))) = (before, &now)
            && person == *owner
        {
            let held = &mut self.people[person as usize].portfolio.deals[place];
            if held != standing {
                held.clone_from(standing);
                self.told.insert(person);
            }
            return;
        }
        if let Some((person, place)) = before {
            self.take_out(person, place);
            self.told.insert(person);
        }
        if let Some((owner, standing)) = now {
            let of = &mut self.people[owner as usize];
            self.places.insert(deal, (owner, of.deals.len()));
            of.deals.push(deal);
            of.portfolio.deals.push(standing);
            self.told.insert(owner);
        }
    }

    fn take_out(&mut self, person: PersonId, place: usize) {
        let of = &mut self.people[person as usize];
        of.portfolio.deals.swap_remove(place);
        self.places.remove(&of.deals.swap_remove(place));
        if let Some(moved) = of.deals.get(place) {
            self.places.insert(*moved, (person, place));
        }
    }

    /// Lets go what does not count any more.
    fn forget(&mut self, person: PersonId, now: UnixMs) {
        let mut place = 0;
        while let Some(standing) = self.people[person as usize].portfolio.deals.get(place) {
            match standing.is_kept(now) {
                true => place += 1,
                false => self.take_out(person, place),
            }
        }
    }

    fn fold_edit(&mut self, edit: Edit, by: Option<PersonId>, owner: PersonId) {
        self.names_editors = true;
        self.told.extend(by);
        let of = &mut self.people[owner as usize];
        if of.leader.is_some() {
            let since = edit.at.plus_ms(-(EDITS_KEPT_DAYS + SLACK_DAYS) * DAY_MS);
            thin(&mut of.edits, |edit| edit.at >= since);
            of.edits.push(edit);
        }
    }

    /// Who leads others reads what those have.
    fn gather(&mut self, person: PersonId, now: UnixMs) {
        let team = std::mem::take(&mut self.people[person as usize].team);
        let (mut deals, mut edits, mut pushes) = (Vec::new(), Vec::new(), Vec::new());
        for id in &team {
            self.forget(*id, now);
            let one = &self.people[*id as usize];
            deals.extend(one.portfolio.deals.iter().cloned());
            edits.extend(one.edits.iter().cloned());
            let own = one.pushes.iter().filter(|(owner, _)| *owner == person);
            let to = &one.state.person;
            pushes.extend(own.map(|(_, at)| Push { to: to.clone(), at: *at }));
        }
        let of = &mut self.people[person as usize];
        of.team = team;
        if let Some(led) = &mut of.portfolio.led {
            (led.deals, led.edits, led.pushes) = (deals, edits, pushes);
        }
    }

    /// What was gathered of others is not kept twice.
    fn scatter(&mut self, person: PersonId) {
        if let Some(led) = &mut self.people[person as usize].portfolio.led {
            (led.deals, led.edits, led.pushes) = (Vec::new(), Vec::new(), Vec::new());
        }
    }
}

fn thin<T>(list: &mut Vec<T>, counts: impl Fn(&T) -> bool) {
    if list.len() >= LIST_MAX && !list.first().is_none_or(&counts) {
        list.retain(counts);
    }
}

/// The world that a person is judged in.
fn world<'w>(setup: &'w Setup<'_>, calendar: &'w Calendar) -> World<'w> {
    World {
        rules: setup.rules,
        metadata: setup.metadata,
        calendar,
        activity_trusted: false,
        managers: &setup.crew.managers,
        hydrate_deadline_ms: 0,
        live_max_age_ms: 0,
        baselines: Baselines::none(),
    }
}

impl<O: Observer> Player<'_, O> {
    /// Folds what a deal means for people after a step.
    pub(super) fn tell_people(&mut self, id: DealId, state: &DealState, applied: &[AppliedChange]) {
        let Some(portfolios) = &mut self.portfolios else { return };
        let metadata = self.setup.metadata;
        let stands = standing(state, metadata);
        let owner = stands.as_ref().and_then(|stands| self.people.named(&stands.owner));
        if let (Some(stands), Some(owner)) = (&stands, owner) {
            let named = |change: &&AppliedChange| {
                change.actor.kind == ActorKind::Person && change.actor.user_id.is_some()
            };
            for change in applied.iter().filter(named) {
                if let Some(edit) = edit(change, &state.facts.key, stands, metadata) {
                    let by = self.people.named(&edit.by);
                    portfolios.fold_edit(edit, by, owner);
                }
            }
        }
        portfolios.fold(id, owner.zip(stands));
    }

    /// Looks at everybody of whom something was told, or who is due by time alone.
    pub(super) fn look_at_people(&mut self) {
        let now = self.now;
        let has_begun = self.has_begun;
        let Some(portfolios) = self.portfolios.as_mut().filter(|_| has_begun) else { return };
        let mut all = std::mem::take(&mut portfolios.told);
        all.extend(portfolios.due.iter().take_while(|(at, _)| *at <= now).map(|(_, id)| *id));
        for id in all {
            self.look_at_person(id);
        }
    }

    fn look_at_person(&mut self, id: PersonId) {
        let now = self.now;
        let Some(portfolios) = &mut self.portfolios else { return };
        portfolios.forget(id, now);
        portfolios.gather(id, now);
        let calendar = &self.people.get(id).reader.calendar;
        let world = world(&self.setup, calendar);
        let Folded { portfolio, state, due, .. } = &mut portfolios.people[id as usize];
        let facts = |at: UnixMs| PersonFacts::of(portfolio, at, calendar);
        let outcome = step_person(state, facts, now, &world);
        if let Some(before) = std::mem::replace(due, outcome.next_due) {
            portfolios.due.remove(&(before, id));
        }
        portfolios.due.extend(outcome.next_due.map(|at| (at, id)));
        portfolios.scatter(id);
        for firing in outcome.firings {
            self.person_fired(id, firing);
        }
        for end in &outcome.ended {
            self.ended(Subject::Person(id), None, end);
        }
    }

    fn person_fired(&mut self, id: PersonId, firing: Firing) {
        let Some(rule) = self.rule_ids.get(firing.rule_id.as_str()).copied() else { return };
        let Some(known) = self.setup.rules.rules().get(rule as usize) else { return };
        let counted = firing.at >= self.setup.since;
        self.tally.fired_of_person(rule, id, firing.at, counted);
        let reader = Some(self.people.get(id).reader.person.as_str());
        self.observer.fired(Fired { firing: &firing, deal_name: "", reader, counted });
        let firing = Rc::new(without_reasons(firing));
        self.watch(Subject::Person(id), known, rule, Rc::clone(&firing), counted);
        self.wait(Subject::Person(id), rule, firing, id, counted);
    }

    /// The last look before a message about a person goes out.
    pub(super) fn still_holds_of_person(&self, id: PersonId, firing: &Firing) -> bool {
        let folded = self.portfolios.as_ref().and_then(|all| all.people.get(id as usize));
        let holds = |folded: &Folded| person_reason_holds(firing, &folded.state, self.setup.rules);
        folded.is_some_and(|folded| holds(folded) == Holds::Yes)
    }

    /// Rules about people that read what no past tells, or this one does not.
    pub(super) fn partly(&self) -> Vec<Partly> {
        let Some(portfolios) = &self.portfolios else { return Vec::new() };
        let mut found = Vec::new();
        for rule in self.setup.rules.person_rules() {
            let mut note = |facts: Vec<&'static str>, why| {
                if !facts.is_empty() {
                    found.push(Partly { rule: rule.id.clone(), facts, why });
                }
            };
            let read = facts_read(rule);
            let of = |prefix: &str| {
                read.iter().copied().filter(|name| name.starts_with(prefix)).collect()
            };
            if !portfolios.names_editors {
                note(
                    of(OF_EDITS),
                    "this past names nobody who made a change: nobody edits anything",
                );
            }
            note(of(OF_ANSWERS), "nobody answers in a back-test");
        }
        found
    }

    /// Rules about people that decide on nobody, as the past ends.
    pub(super) fn lacking_of_people(&mut self) -> Vec<Lacking> {
        let (now, people) = (self.now, 0..self.people.len());
        let Some(portfolios) = &mut self.portfolios else { return Vec::new() };
        let (mut looked, mut found) = (0, BTreeMap::<String, (usize, BTreeSet<&str>)>::new());
        for id in people.filter_map(|id| PersonId::try_from(id).ok()) {
            if portfolios.people[id as usize].state.last_engine_at.is_none() {
                continue;
            }
            looked += 1;
            portfolios.gather(id, now);
            let calendar = &self.people.get(id).reader.calendar;
            let facts = PersonFacts::of(&portfolios.people[id as usize].portfolio, now, calendar);
            portfolios.scatter(id);
            let who = portfolios.people[id as usize].state.person.clone();
            let world = world(&self.setup, calendar);
            for (rule, fact) in inactive_on_person(&who, &facts, now, &world) {
                let (times, facts) = found.entry(rule).or_default();
                *times += 1;
                facts.insert(fact);
            }
        }
        let never = found.into_iter().filter(|(_, (times, _))| *times == looked);
        let lacking = |(rule, (_, facts)): (String, (usize, BTreeSet<&str>))| Lacking {
            rule,
            missing: facts.into_iter().map(str::to_owned).collect(),
        };
        never.map(lacking).collect()
    }
}

/// The facts that a rule about people reads.
fn facts_read(rule: &Rule) -> Vec<&'static str> {
    let unless = rule.unless.iter().flat_map(|unless| unless.fields_read());
    let slots: Vec<u16> = rule.when.fields_read().iter().chain(unless).copied().collect();
    let read = PERSON_FIELDS.iter().filter(|(_, _, slot, _)| slots.contains(slot));
    read.map(|(name, ..)| *name).collect()
}
