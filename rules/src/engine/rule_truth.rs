//! Whether a rule is true of a deal: `applies_to && when && !unless`.

use jiff::tz::TimeZone;

use crate::baseline::Baselines;
use crate::condition::{Context, Slot, Truth};
use crate::facts::civil_day::at_owners_midnight;
use crate::facts::schema::{ACTIVITY_SLOTS, Slots, deal_slots, place, put_change};
use crate::facts::{ChangeView, DealFacts, Field, Metadata, StageKind};
use crate::portfolio::PersonFacts;
use crate::ruleset::{Rule, Scope};
use crate::time::UnixMs;

use super::World;
use super::terms::{Terms, Whose};
use super::thresholds::Against;

/// One look at a deal: its facts at one instant, made once for all rules.
pub(super) struct Look<'a> {
    pub(super) slots: Slots<'a>,
    pub(super) now: UnixMs,
    pub(super) kind: Option<StageKind>,
    pub(super) gone: bool,
    is_person: bool,
    whose: Whose,
    world: &'a World<'a>,
}

impl<'a> Look<'a> {
    pub(super) fn at(facts: &'a DealFacts, now: UnixMs, world: &'a World<'a>) -> Self {
        let mut slots = deal_slots(facts, world.metadata, world.activity_trusted, now);
        for field in Field::DATES {
            let slot = &mut slots[usize::from(place::of(field))];
            *slot = at_owners_midnight(field, *slot, world.metadata, world.calendar);
        }
        Look {
            slots,
            now,
            kind: facts.stage_kind(world.metadata),
            gone: facts.is_gone(),
            is_person: false,
            whose: Whose::deal(facts, world),
            world,
        }
    }

    /// A look at a person.
    pub(super) fn of_person(
        person: &str,
        facts: &PersonFacts,
        now: UnixMs,
        world: &'a World<'a>,
    ) -> Self {
        let mut slots: Slots<'a> = [Slot::Unknown; place::COUNT];
        for (slot, known) in slots.iter_mut().zip(facts.slots()) {
            *slot = *known;
        }
        let whose = Whose::person(person, world.rules);
        Look { slots, now, kind: None, gone: false, is_person: true, whose, world }
    }

    /// With the change that event rules read beside it.
    pub(super) fn with_change(mut self, change: &'a ChangeView, facts: &DealFacts) -> Self {
        put_change(&mut self.slots, change, facts.text(Field::Pipeline), self.world.metadata);
        if let Some(field) = change.field {
            for moved in [place::CHANGE_FROM, place::CHANGE_TO] {
                let slot = &mut self.slots[usize::from(moved)];
                *slot = at_owners_midnight(field, *slot, self.world.metadata, self.world.calendar);
            }
        }
        self
    }

    /// Where the deal's owner works.
    pub(super) fn zone(&self) -> &TimeZone {
        &self.world.calendar.zone
    }

    pub(super) fn world(&self) -> &'a World<'a> {
        self.world
    }

    pub(super) fn metadata(&self) -> &'a Metadata {
        self.world.metadata
    }

    pub(super) fn baselines(&self) -> &'a Baselines {
        self.world.baselines
    }

    /// The context for a rule's conditions that is held against this.
    pub(super) fn context(&mut self, against: Against) -> Context<'_> {
        self.slots[usize::from(place::THRESHOLD)] = against.slot();
        Context { slots: &self.slots, now: self.now, calendar: self.world.calendar }
    }

    /// On what terms the rule holds here.
    pub(super) fn terms<'r>(&self, rule: &'r Rule) -> Terms<'r> {
        self.whose.terms(rule)
    }

    /// Whether what is remembered under `trigger` is of these terms.
    pub(super) fn fits(&self, rule: &Rule, trigger: &str) -> bool {
        self.whose.fits(rule, trigger)
    }

    /// Whether the rule holds for this person, or for deals of this owner.
    pub(super) fn covers(&self, rule: &Rule) -> Truth {
        self.whose.covers(rule)
    }

    /// Whether the rule looks at this deal at all. A stage that the metadata
    /// does not have leaves it open, and so does an owner nobody knows.
    pub(super) fn applies(&self, rule: &Rule) -> Truth {
        match self.kind {
            _ if self.is_person => self.covers(rule),
            _ if self.gone => Truth::False,
            Some(kind) if !rule.applies_to.covers(kind) => Truth::False,
            Some(_) => self.covers(rule),
            None if self.covers(rule) == Truth::False => Truth::False,
            None => Truth::Unknown,
        }
    }

    /// Whether the rule is true of the deal.
    pub(super) fn truth(&mut self, rule: &Rule, against: Against) -> Truth {
        let applies = self.applies(rule);
        if applies == Truth::False {
            return Truth::False;
        }
        let context = self.context(against);
        let unless = rule.unless.as_ref().map_or(Truth::False, |unless| unless.eval(&context));
        all([applies, rule.when.eval(&context), !unless])
    }

    /// The next instant at which that can change by time alone.
    pub(super) fn next_flip(&mut self, rule: &Rule, against: Against) -> Option<UnixMs> {
        if self.applies(rule) == Truth::False {
            return None;
        }
        let context = self.context(against);
        let when = rule.when.eval(&context);
        let when_flips = || rule.when.next_flip(&context).instant();
        let Some(unless) = &rule.unless else { return when_flips() };
        let unless_flips = || unless.next_flip(&context).instant();
        // What is false because of one side stays so until that side changes.
        match (when == Truth::False, unless.eval(&context) == Truth::True) {
            (true, true) => when_flips().zip(unless_flips()).map(|(a, b)| a.max(b)),
            (true, false) => when_flips(),
            (false, true) => unless_flips(),
            (false, false) => when_flips().into_iter().chain(unless_flips()).min(),
        }
    }
}

fn all(parts: [Truth; 3]) -> Truth {
    if parts.contains(&Truth::False) {
        Truth::False
    } else if parts.contains(&Truth::Unknown) {
        Truth::Unknown
    } else {
        Truth::True
    }
}

/// Whether the rule reads facts that rest on activities.
pub(super) fn reads_activities(rule: &Rule) -> bool {
    if rule.scope == Scope::Person {
        return false;
    }
    let unless = rule.unless.iter().flat_map(|unless| unless.fields_read());
    rule.when.fields_read().iter().chain(unless).any(|slot| ACTIVITY_SLOTS.contains(slot))
}
