//! The player: a past, instant by instant.

use std::collections::{BTreeSet, HashMap};

use crate::baseline::Baselines;
use crate::calendar::Calendar;
use crate::engine::{Outcome, Stimulus, World, step};
use crate::facts::{Change, ChangeKind, DealState, Field, Observation, Origin, StageKind};
use crate::time::{DAY_MS, UnixMs};

use super::baselining::Baselining;
use super::deals::{DealId, Deals};
use super::examples::Examples;
use super::people::People;
use super::portfolios::Portfolios;
use super::record::Subject;
use super::saving::Saving;
use super::tally::{End, Tally};
use super::{Lacking, Observer, Pace, Report, Setup, Trust};

/// No record is waited for: it is read at the end of the instant.
const HYDRATE_DEADLINE_MS: i64 = DAY_MS;

/// Plays a past and adds up what the rules would have done.
pub struct Player<'a, O> {
    pub(super) setup: Setup<'a>,
    pub(super) deals: Deals,
    pub(super) people: People,
    pub(super) tally: Tally,
    pub(super) examples: Examples,
    pub(super) observer: O,
    /// Where a threshold rests on won deals.
    pub(super) baselining: Option<Box<Baselining>>,
    /// Where a rule is about people.
    pub(super) portfolios: Option<Box<Portfolios>>,
    pub(super) rule_ids: HashMap<&'a str, u32>,
    /// Deals first heard of at this instant, with its changes.
    arriving: Vec<(DealId, Vec<Change>)>,
    pub(super) saving: Saving,
    pub(super) watch_ends: BTreeSet<(UnixMs, Subject)>,
    /// When new deals are looked at for the first time at night.
    pub(super) first_nights: BTreeSet<(UnixMs, DealId)>,
    pub(super) now: UnixMs,
    /// The last tick that was told.
    pub(super) ticked_at: UnixMs,
    changes: u64,
    /// Records of an account's first read are being told.
    is_reading: bool,
    /// All that was there at the beginning is known: what is usual can be worked
    /// out, and people be looked at.
    pub(super) has_begun: bool,
}

/// The world a deal is judged in.
pub(super) fn world<'w>(
    setup: &'w Setup<'_>,
    baselining: Option<&'w Baselining>,
    calendar: &'w Calendar,
    deal: &DealState,
) -> World<'w> {
    World {
        rules: setup.rules,
        metadata: setup.metadata,
        calendar,
        activity_trusted: setup.trust.covers(deal.facts.text(Field::Pipeline)),
        managers: &setup.crew.managers,
        hydrate_deadline_ms: match setup.pace {
            Pace::AtOnce => HYDRATE_DEADLINE_MS,
            Pace::AsTold { hydrate_deadline_ms } => hydrate_deadline_ms,
        },
        live_max_age_ms: setup.policy.event_max_age_ms,
        baselines: baselining.map_or(Baselines::none(), |it| &it.baselines),
    }
}

impl<'a, O: Observer> Player<'a, O> {
    /// At the beginning of a past.
    #[must_use]
    pub fn new(setup: Setup<'a>, observer: O) -> Self {
        let people = People::new(&setup);
        let rules = setup.rules.rules();
        Player {
            deals: Deals::new(setup.rules),
            tally: Tally::new(rules.len(), people.len(), setup.since, people.calendar().clone()),
            examples: Examples::new(rules.len(), setup.metadata),
            baselining: setup.rules.rests_on_won_deals().then(Box::default),
            portfolios: setup
                .rules
                .has_person_rules()
                .then(|| Box::new(Portfolios::new(&setup, &people))),
            people,
            observer,
            rule_ids: (0..).zip(rules).map(|(at, rule)| (rule.id.as_str(), at)).collect(),
            arriving: Vec::new(),
            saving: Saving::default(),
            watch_ends: BTreeSet::new(),
            first_nights: BTreeSet::new(),
            now: UnixMs::MIN,
            ticked_at: UnixMs::MIN,
            changes: 0,
            is_reading: false,
            has_begun: false,
            setup,
        }
    }

    /// Plays one change that became known at `at`; one that comes out of order is
    /// played at the instant that has been reached. Answers whether it belongs to
    /// the part of the past that is played.
    pub fn change(&mut self, at: UnixMs, change: Change) -> bool {
        if at >= self.setup.until {
            return false;
        }
        self.advance(at);
        self.changes += 1;
        let (id, is_new) = self.deals.find(&change.deal);
        if is_new && self.is_told() {
            self.look_at_night(id, false);
        }
        let reads_at_once = is_new && !self.is_told();
        let record = self.deals.record(id);
        if reads_at_once {
            record.arriving = Some(self.arriving.len());
            self.arriving.push((id, Vec::new()));
        }
        let now = self.now;
        if now >= self.setup.since && !std::mem::replace(&mut record.is_counted, true) {
            self.tally.deals += 1;
        }
        match record.arriving {
            Some(place) => self.arriving[place].1.push(change),
            None => self.save(id, change),
        }
        true
    }

    /// Plays a record that was read at `at`, as live reads it: see [`Origin`] for
    /// what of it may fire. It is the record that the changes of a deal heard of
    /// for the first time at this instant waited for.
    pub fn record(&mut self, at: UnixMs, record: &Observation) -> bool {
        if at >= self.setup.until {
            return false;
        }
        self.advance(at);
        self.end_save();
        self.changes += 1;
        let (id, is_new) = self.deals.find(&record.deal);
        let (now, notes) = (self.now, self.deals.record(id));
        if now >= self.setup.since && !std::mem::replace(&mut notes.is_counted, true) {
            self.tally.deals += 1;
        }
        let waited = notes.arriving.take().map(|place| std::mem::take(&mut self.arriving[place].1));
        let arrives = is_new || waited.is_some();
        let is_first_read = matches!(record.origin, Origin::Backfill | Origin::Import);
        self.is_reading |= is_first_read && !self.has_begun;
        for change in waited.into_iter().flatten() {
            self.step(id, Stimulus::Change(&change), now);
        }
        self.step(id, Stimulus::Observation(record), now);
        if arrives {
            // A first read of an account ends with a look at all of its deals.
            self.look_at_night(id, is_first_read);
        }
        true
    }

    /// What is reported is known up to `as_of`: plays what comes due until then.
    /// `lacking` are rules that the past says too little for.
    #[must_use]
    pub fn finish(mut self, as_of: UnixMs, lacking: Vec<Lacking>) -> (Report, O) {
        self.end_save();
        let end = as_of.max(self.now).min(self.setup.until);
        self.settle();
        while let Some(next) = self.next_at().filter(|next| *next < end) {
            self.turn_to(next);
            self.settle();
        }
        for pending in self.people.drain() {
            self.tally.left_open(pending.rule, pending.counted);
        }
        let since = self.setup.since;
        let mut standing = 0;
        for record in self.deals.records() {
            let is_open = record.kind.is_none_or(StageKind::is_open) && !record.is_gone;
            standing += u64::from(!record.is_counted && is_open);
        }
        let people = self.portfolios.iter().flat_map(|all| all.records());
        let mut watched = Vec::new();
        for record in self.deals.records().chain(people) {
            watched.extend(record.watches.iter().map(|watch| (watch.rule, watch.counted)));
        }
        self.tally.deals += standing;
        for (rule, counted) in watched {
            self.tally.settled(rule, counted, End::Unknown, false);
        }
        self.tally.touched(self.deals.records());
        self.tally.end(end);
        let (mut lacking, partly) = (lacking, self.partly());
        lacking.extend(self.lacking_of_people());
        lacking.extend(self.lacking_won_deals());
        let report = Report::of(
            &self.setup,
            &self.tally,
            self.examples,
            self.changes,
            (since, end),
            lacking,
            partly,
        );
        (report, self.observer)
    }

    /// Lets pass what comes before `at`, and the timers of that instant.
    pub(super) fn advance(&mut self, at: UnixMs) {
        if at <= self.now {
            return;
        }
        self.end_save();
        self.settle();
        while let Some(next) = self.next_at().filter(|next| *next < at) {
            self.turn_to(next);
            self.settle();
        }
        self.turn_to(at);
    }

    fn next_at(&self) -> Option<UnixMs> {
        let watch = self.watch_ends.first().map(|(at, _)| *at);
        let midnight = self.baselining.as_ref().and_then(|it| it.midnight);
        if self.is_told() {
            return [watch, midnight].into_iter().flatten().min();
        }
        let person = self.portfolios.as_ref().and_then(|all| all.next_due());
        let night = self.first_nights.first().map(|(at, _)| *at);
        let looks = [self.deals.next_due(), self.people.next_look(), person];
        looks.into_iter().chain([watch, night, midnight]).flatten().min()
    }

    /// It is `at`: timers first.
    fn turn_to(&mut self, at: UnixMs) {
        self.now = self.now.max(at);
        if !self.is_told() {
            self.run_timers();
            self.look_anew();
        }
    }

    pub(super) fn run_timers(&mut self) {
        while let Some((due, id)) = self.deals.due(self.now) {
            self.step(id, Stimulus::Timer, due);
        }
    }

    /// What comes after the changes of an instant.
    fn settle(&mut self) {
        for (id, changes) in std::mem::take(&mut self.arriving) {
            // Where its record was read meanwhile, nothing waits any more.
            if self.deals.record(id).arriving.take().is_some() {
                self.read(id, changes);
            }
        }
        if self.is_told() {
            self.end_day();
            return self.end_watches_due();
        }
        self.look_anew();
        self.has_begun |= self.changes > 0 && !self.is_reading;
        self.measure();
        self.end_day();
        self.look_at_people();
        self.end_watches_due();
        self.decide_due();
    }

    pub(super) fn end_watches_due(&mut self) {
        while let Some(over) = self.watch_ends.first().filter(|(at, _)| *at <= self.now).copied() {
            self.watch_ends.remove(&over);
            self.end_watches(over.1);
        }
    }

    /// A deal is heard of for the first time: its record is read. What was told
    /// with its creation may fire; the past of one that was there before begins
    /// with the values it had.
    fn read(&mut self, id: DealId, changes: Vec<Change>) {
        let Some(deal) = changes.first().map(|change| change.deal.clone()) else { return };
        let now = self.now;
        let mut blank = Observation {
            deal,
            origin: Origin::Hydrate,
            observed_at: now,
            fields: Vec::new(),
            history: Vec::new(),
            activities: (!matches!(self.setup.trust, Trust::Nowhere)).then(Vec::new),
            gone: false,
            url: None,
        };
        let is_created = changes.iter().any(|change| change.kind == ChangeKind::Created);
        let mut later = Vec::new();
        for change in changes {
            match change.kind {
                ChangeKind::FieldSet { field, to } if !is_created => {
                    blank.fields.retain(|(known, _)| *known != field);
                    blank.fields.push((field, to));
                }
                ChangeKind::Activity(activity) if !is_created => {
                    blank.activities.get_or_insert_default().push(activity);
                }
                _ if is_created => self.step(id, Stimulus::Change(&change), now),
                _ => later.push(change),
            }
        }
        self.step(id, Stimulus::Observation(&blank), now);
        self.look_at_night(id, false);
        for change in &later {
            self.step(id, Stimulus::Change(change), now);
        }
    }

    pub(super) fn step(&mut self, id: DealId, stimulus: Stimulus<'_>, at: UnixMs) {
        let mut state = self.deals.lend(id);
        let tells = !matches!(stimulus, Stimulus::Timer | Stimulus::Reseed);
        if tells {
            self.unsample(id, &state);
        }
        let was_ready = state.is_ready();
        let owner = self.deals.record(id).owner;
        let calendar = self.people.calendar_of(owner);
        let world = world(&self.setup, self.baselining.as_deref(), calendar, &state);
        let outcome = step(&mut state, stimulus, at, &world);
        if tells {
            self.sample(id, &state);
        }
        if tells || was_ready != state.is_ready() {
            self.tell_people(id, &state, &outcome.applied);
        }
        self.take(id, &state, outcome, at);
        self.deals.give_back(id, state, self.now);
    }

    /// Notes down what a step decided.
    fn take(&mut self, id: DealId, state: &DealState, outcome: Outcome, at: UnixMs) {
        if !outcome.applied.is_empty() {
            self.note(id, state, at);
        }
        for firing in outcome.firings {
            self.fired(id, state, firing, None);
        }
        for firing in outcome.late {
            self.fired(id, state, firing, Some("late"));
        }
        for end in &outcome.ended {
            self.ended(Subject::Deal(id), Some(state), end);
        }
        if !self.deals.record(id).watches.is_empty() {
            self.look(id, state, at, false);
        }
    }

    fn note(&mut self, id: DealId, state: &DealState, at: UnixMs) {
        let owner = self.people.owner_of(state);
        let kind = state.facts.stage_kind(self.setup.metadata);
        let record = self.deals.record(id);
        record.owner = owner;
        record.is_gone = state.facts.is_gone();
        if let Some(owner) = owner {
            self.tally.owns(owner, self.people.get(owner).manager, at);
        }
        if kind == record.kind {
            return;
        }
        record.kind = kind;
        let closed = kind.filter(|kind| !kind.is_open());
        if let Some(kind) = closed.filter(|_| record.closed_at.is_none()) {
            record.closed_at = Some(at);
            self.tally.closed(kind, at, record);
        }
        if closed.is_none() {
            record.closed_at = None;
        }
    }
}
