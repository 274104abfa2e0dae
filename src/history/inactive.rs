//! Which rules a history says too little for.
//!
//! A fact that a history never tells is Unknown wherever a rule reads it. From
//! the parts of a rule's condition follows whether it can ever be true with
//! those facts Unknown and all others anything at all.

use std::collections::{BTreeSet, HashMap};
use std::hash::{Hash as _, Hasher as _};

use jiff::tz::TimeZone;
use touchline_rules::condition::{Explanation, Joint};
use touchline_rules::engine::{LIVE_MAX_AGE_MS, World, explain_rule};
use touchline_rules::facts::{
    Change, ChangeKind, DealKey, DealState, EventKind, Fact, Field, Metadata, Value,
};
use touchline_rules::ruleset::{AppliesTo, Rule, RuleSet, Trigger};
use touchline_rules::{Calendar, UnixMs};

use super::History;

/// A rule that cannot fire on a history.
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

/// What a history tells, heard change by change in the order of time. Of each deal
/// only a few numbers are kept.
#[derive(Clone, Debug)]
pub struct Telling<'a> {
    metadata: &'a Metadata,
    told: Told,
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
            told.tell(facts_of(Field::Currency), true);
        }
        Telling { metadata, told, deals: HashMap::new() }
    }

    /// Hears the next change.
    pub fn hear(&mut self, change: &Change) {
        let Telling { metadata, told, deals } = self;
        if !deals.contains_key(&change.deal) {
            deals.insert(change.deal.clone(), Heard::default());
        }
        let Some(deal) = deals.get_mut(&change.deal) else { return };
        if change.occurred_at > deal.at {
            told.while_open.append(&mut deal.latest);
            deal.at = change.occurred_at;
        }
        let facts = match &change.kind {
            ChangeKind::Created => {
                told.created = true;
                facts_of(Field::CreatedAt)
            }
            ChangeKind::FieldSet { to: Fact::Unknown, .. } => return,
            ChangeKind::FieldSet { field, to } => {
                if *field == Field::Stage {
                    // What a deal's stage says holds for the closed one too.
                    told.tell(facts_of(*field), true);
                    if closes(to, metadata) {
                        deal.is_closed = true;
                        deal.latest.clear();
                    }
                }
                // One deal on which it moved is enough.
                if !told.moved.contains(field) && deal.takes(*field, to) {
                    told.moved.insert(*field);
                }
                facts_of(*field)
            }
            ChangeKind::Activity(_) => {
                told.activities = true;
                &ACTIVITY_FACTS
            }
            ChangeKind::Deleted | ChangeKind::Restored | ChangeKind::MergedInto { .. } => return,
        };
        told.tell(facts, false);
        if !deal.is_closed && facts.iter().any(|fact| !told.while_open.contains(fact)) {
            deal.latest.extend(facts);
        }
    }

    /// The rules that cannot fire on what was heard, each with what is missing.
    #[must_use]
    pub fn inactive(mut self, rules: &RuleSet) -> Vec<Inactive> {
        for deal in self.deals.values_mut() {
            self.told.while_open.append(&mut deal.latest);
        }
        let found = rules.rules().iter().filter_map(|rule| {
            let missing = self.told.missing_for(rule, rules)?;
            Some(Inactive { rule_id: rule.id.clone(), missing })
        });
        found.collect()
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
            live_max_age_ms: LIVE_MAX_AGE_MS,
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

const ACTIVITY_FACTS: [&str; 4] = [
    "deal.last_activity_at",
    "deal.last_inbound_at",
    "deal.last_outbound_at",
    "deal.next_meeting_at",
];

/// The facts that rest on a field.
fn facts_of(field: Field) -> &'static [&'static str] {
    match field {
        Field::Name => &["deal.name"],
        Field::Pipeline => &["deal.pipeline"],
        Field::Stage => &[
            "deal.stage",
            "deal.stage_kind",
            "deal.stage_index",
            "deal.stage_entered_at",
            "deal.stage_moves",
            "deal.is_closed",
            "deal.closed_at",
        ],
        Field::Owner => &["deal.owner"],
        Field::Amount => &["deal.amount"],
        Field::Currency => &["deal.currency"],
        Field::CloseDate => &["deal.close_date", "deal.push_count", "deal.pushed_days"],
        Field::CreatedAt => &["deal.created_at"],
        Field::NextStep => &["deal.next_step"],
        Field::LossReason => &["deal.loss_reason"],
    }
}

#[cfg(test)]
mod tests {
    use touchline_rules::facts::schema::DEAL_FIELDS;

    use super::*;

    #[test]
    fn every_fact_rests_on_something_a_history_can_tell() {
        let mut known: BTreeSet<&str> =
            Field::ALL.into_iter().flat_map(facts_of).copied().collect();
        known.extend(ACTIVITY_FACTS);
        known.insert("deal.id");
        let fields: BTreeSet<&str> = DEAL_FIELDS.iter().map(|(name, ..)| *name).collect();
        assert_eq!(known, fields);
    }
}
