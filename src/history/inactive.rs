//! Which rules a history says too little for.
//!
//! A fact that a history never tells is Unknown wherever a rule reads it. From
//! the parts of a rule's condition follows whether it can ever be true with
//! those facts Unknown and all others anything at all.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{Hash as _, Hasher as _};

use jiff::tz::TimeZone;
use touchline_rules::baseline::Baselines;
use touchline_rules::condition::{Explanation, Joint};
use touchline_rules::engine::{LIVE_MAX_AGE_MS, World, explain_rule};
use touchline_rules::facts::schema::{DEAL_FIELDS, activity_facts, place};
use touchline_rules::facts::{
    Change, ChangeKind, DealKey, DealState, EventKind, Fact, Field, Managers, Metadata, Value,
};
use touchline_rules::ruleset::{AppliesTo, Rule, RuleSet, Trigger};
use touchline_rules::{Calendar, UnixMs};

use super::History;

/// A rule that cannot fire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inactive {
    /// The rule.
    pub rule_id: String,
    /// The facts that are missing, as the rule names them.
    pub missing: Vec<String>,
}

/// What a history tells of at least one deal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Told {
    /// Names of facts told of a deal while it was open.
    while_open: BTreeSet<&'static str>,
    /// Names of facts told at any time.
    ever: BTreeSet<&'static str>,
    /// Fields that took more than one value.
    moved: BTreeSet<Field>,
    created: bool,
    activities: bool,
}

/// The rules that cannot fire on deals of which no more is known than `history`
/// tells, each with the facts that are missing.
#[must_use]
pub fn inactive(history: &History, rules: &RuleSet) -> Vec<Inactive> {
    let mut telling = Telling::new(&history.header.metadata);
    history.changes.iter().for_each(|change| telling.hear(change));
    telling.inactive(rules)
}

/// The rules that cannot fire where all is told but `untold`, facts by their names.
#[must_use]
pub fn inactive_without(untold: &[&str], rules: &RuleSet) -> Vec<Inactive> {
    Told::all_but(untold).inactive(rules)
}

/// What a history tells, heard change by change in the order of time. Of each deal
/// only a few numbers are kept.
#[derive(Clone, Debug)]
pub struct Telling<'a> {
    metadata: &'a Metadata,
    told: Told,
    facts: BTreeMap<Field, Vec<&'static str>>,
    of_activities: Vec<&'static str>,
    deals: HashMap<DealKey, Heard>,
}

/// What was heard of one deal.
#[derive(Clone, Debug, Default)]
struct Heard {
    is_closed: bool,
    /// Facts of the latest instant: told while open unless the deal is closed at
    /// that very instant.
    latest: BTreeSet<&'static str>,
    at: UnixMs,
    /// Hashes of the values that fields hold.
    values: Vec<(Field, u64)>,
}

impl<'a> Telling<'a> {
    /// Nothing heard yet of that account.
    #[must_use]
    pub fn new(metadata: &'a Metadata) -> Telling<'a> {
        let mut told = Told::default();
        told.tell(&["deal.id"], true);
        if metadata.currency.is_some() {
            told.tell(&facts_of(Field::Currency), true);
        }
        Telling {
            metadata,
            told,
            facts: Field::ALL.into_iter().map(|field| (field, facts_of(field))).collect(),
            of_activities: activity_facts().filter(|name| *name != CONTACTS_ENGAGED).collect(),
            deals: HashMap::new(),
        }
    }

    /// Hears the next change.
    pub fn hear(&mut self, change: &Change) {
        let Telling { metadata, told, facts, of_activities, deals } = self;
        if !deals.contains_key(&change.deal) {
            deals.insert(change.deal.clone(), Heard::default());
        }
        let Some(deal) = deals.get_mut(&change.deal) else { return };
        if change.occurred_at > deal.at {
            told.while_open.append(&mut deal.latest);
            deal.at = change.occurred_at;
        }
        let (facts, more): (&[&'static str], _) = match &change.kind {
            ChangeKind::Created => {
                told.created = true;
                (&facts[&Field::CreatedAt], None)
            }
            ChangeKind::FieldSet { to: Fact::Unknown, .. } => return,
            ChangeKind::FieldSet { field, to } => {
                if *field == Field::Stage {
                    // What a deal's stage says holds for the closed one too.
                    told.tell(&facts[field], true);
                    if closes(to, metadata) {
                        deal.is_closed = true;
                        deal.latest.clear();
                    }
                }
                // One deal on which it moved is enough.
                if !told.moved.contains(field) && deal.takes(*field, to) {
                    told.moved.insert(*field);
                }
                let has_phase = *field == Field::Stage && has_phase(metadata, to);
                (&facts[field], has_phase.then_some(STAGE_PHASE))
            }
            ChangeKind::Activity(activity) => {
                told.activities = true;
                (of_activities, activity.people.as_ref().map(|_| CONTACTS_ENGAGED))
            }
            ChangeKind::Deleted | ChangeKind::Restored | ChangeKind::MergedInto { .. } => return,
        };
        for fact in facts.iter().copied().chain(more) {
            told.ever.insert(fact);
            if !deal.is_closed && !told.while_open.contains(fact) {
                deal.latest.insert(fact);
            }
        }
    }

    /// The rules that cannot fire on what was heard, each with what is missing.
    #[must_use]
    pub fn inactive(mut self, rules: &RuleSet) -> Vec<Inactive> {
        for deal in self.deals.values_mut() {
            self.told.while_open.append(&mut deal.latest);
        }
        self.told.inactive(rules)
    }
}

impl Heard {
    /// Notes a value; answers whether the field held another one before.
    fn takes(&mut self, field: Field, value: &Fact<Value>) -> bool {
        let mut hasher = std::hash::DefaultHasher::new();
        value.hash(&mut hasher);
        let hash = hasher.finish();
        match self.values.iter_mut().find(|(known, _)| *known == field) {
            Some((_, held)) => std::mem::replace(held, hash) != hash,
            None => {
                self.values.push((field, hash));
                false
            }
        }
    }
}

fn closes(stage: &Fact<Value>, metadata: &Metadata) -> bool {
    match stage {
        Fact::Known(Value::Text(stage)) => {
            metadata.stage(None, stage).is_some_and(|(_, stage)| !stage.kind.is_open())
        }
        _ => false,
    }
}

impl Told {
    fn all_but(untold: &[&str]) -> Told {
        let is_told = |name: &&'static str| !untold.contains(name);
        let ever: BTreeSet<_> =
            DEAL_FIELDS.iter().map(|(name, ..)| *name).filter(is_told).collect();
        let moved = Field::ALL.into_iter().filter(|field| facts_of(*field).iter().all(is_told));
        Told {
            while_open: ever.clone(),
            ever,
            moved: moved.collect(),
            created: true,
            activities: true,
        }
    }

    fn inactive(&self, rules: &RuleSet) -> Vec<Inactive> {
        let of_deals = rules.rules().iter().filter(|rule| rule.scope.is_deal());
        let found = of_deals.filter_map(|rule| {
            let missing = self.missing_for(rule, rules)?;
            Some(Inactive { rule_id: rule.id.clone(), missing })
        });
        found.collect()
    }

    fn tell(&mut self, facts: &[&'static str], open: bool) {
        self.ever.extend(facts);
        if open {
            self.while_open.extend(facts);
        }
    }

    fn missing_for(&self, rule: &Rule, rules: &RuleSet) -> Option<Vec<String>> {
        if let Trigger::Event(event) = rule.on
            && let Some(missing) = self.missing_event(event)
        {
            return Some(vec![missing]);
        }
        let known = match rule.applies_to {
            AppliesTo::Open => &self.while_open,
            AppliesTo::Closed => &self.ever,
        };
        let blank = DealState::new(DealKey { connection: String::new(), id: String::new() });
        let world = World {
            rules,
            metadata: &Metadata::default(),
            calendar: &Calendar::weekdays(TimeZone::UTC),
            activity_trusted: true,
            hydrate_deadline_ms: 0,
            managers: Managers::none(),
            live_max_age_ms: LIVE_MAX_AGE_MS,
            baselines: Baselines::none(),
        };
        let parts = explain_rule(rule, &blank, UnixMs(0), &world);
        let mut missing = Vec::new();
        let can = Can::of(&parts, known, &mut missing);
        (!can.hold).then_some(missing)
    }

    /// What an event rule waits for in vain.
    fn missing_event(&self, event: EventKind) -> Option<String> {
        let moves = |field: Field| {
            let never = !self.moved.contains(&field);
            never.then(|| format!("changes of deal.{}", field.name()))
        };
        match event {
            EventKind::Created => (!self.created).then(|| "deal.created_at".to_owned()),
            EventKind::StageChanged | EventKind::Closed | EventKind::Reopened => {
                moves(Field::Stage)
            }
            EventKind::FieldChanged(field) => moves(field),
            EventKind::ActivityLogged => (!self.activities).then(|| "activities".to_owned()),
        }
    }
}

/// Whether a part of a condition can hold, and whether it can fail.
#[derive(Copy, Clone)]
struct Can {
    hold: bool,
    fail: bool,
}

impl Can {
    fn of(part: &Explanation, known: &BTreeSet<&'static str>, missing: &mut Vec<String>) -> Can {
        let parts: Vec<Can> = part.parts.iter().map(|one| Can::of(one, known, missing)).collect();
        let every = |which: fn(&Can) -> bool| parts.iter().all(which);
        let some = |which: fn(&Can) -> bool| parts.iter().any(which);
        match (part.joint, parts.as_slice()) {
            (Joint::All, _) => Can { hold: every(|one| one.hold), fail: some(|one| one.fail) },
            (Joint::Any, _) => Can { hold: some(|one| one.hold), fail: every(|one| one.fail) },
            (Joint::Not, [inner]) => Can { hold: inner.fail, fail: inner.hold },
            (Joint::Choice, [question, yes, no]) => {
                let way = |which: fn(&Can) -> bool| {
                    question.hold && which(yes) || question.fail && which(no)
                };
                Can { hold: way(|one| one.hold), fail: way(|one| one.fail) }
            }
            (Joint::Same, _) => {
                let decided = every(|one| one.hold || one.fail);
                Can { hold: decided, fail: decided }
            }
            _ => {
                let unknown = part.values.iter().map(|value| value.name.as_str());
                let unknown: Vec<_> = unknown
                    .filter(|name| name.starts_with("deal.") && !known.contains(name))
                    .collect();
                for name in &unknown {
                    if missing.iter().all(|listed| listed != name) {
                        missing.push((*name).to_owned());
                    }
                }
                Can { hold: unknown.is_empty(), fail: unknown.is_empty() }
            }
        }
    }
}

/// Known where an activity tells who took part.
const CONTACTS_ENGAGED: &str = "deal.contacts_engaged";
/// Known of stages that were given a phase.
const STAGE_PHASE: &str = "deal.stage_phase";

fn has_phase(metadata: &Metadata, stage: &Fact<Value>) -> bool {
    let Fact::Known(Value::Text(id)) = stage else { return false };
    metadata.stage(None, id).is_some_and(|(_, stage)| stage.phase.is_some())
}

/// The facts that rest on a field: its own, and those of its past.
fn facts_of(field: Field) -> Vec<&'static str> {
    let own = DEAL_FIELDS.iter().filter(|(_, _, slot, _)| *slot == place::of(field));
    let own = own.map(|(name, ..)| *name);
    own.chain(past_of(field).iter().copied()).collect()
}

fn past_of(field: Field) -> &'static [&'static str] {
    match field {
        Field::Stage => &[
            "deal.stage_kind",
            "deal.stage_index",
            "deal.stage_entered_at",
            "deal.stage_moves",
            "deal.is_closed",
            "deal.closed_at",
        ],
        Field::Owner => &["deal.owner_since", "deal.owner_changes"],
        Field::Amount => &["deal.amount_changes", "deal.amount_changed_at"],
        Field::CloseDate => &["deal.push_count", "deal.pushed_days", "deal.close_date_changed_at"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_rests_on_something_a_history_can_tell() {
        let mut known: BTreeSet<&str> = Field::ALL.into_iter().flat_map(facts_of).collect();
        known.extend(activity_facts().chain(["deal.id", STAGE_PHASE]));
        let fields: BTreeSet<&str> = DEAL_FIELDS.iter().map(|(name, ..)| *name).collect();
        assert_eq!(known, fields);
    }
}
