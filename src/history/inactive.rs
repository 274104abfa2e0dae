//! Which rules a history says too little for.
//!
//! A fact that a history never tells is Unknown wherever a rule reads it. From
//! the parts of a rule's condition follows whether it can ever be true with
//! those facts Unknown and all others anything at all.

use std::collections::{BTreeSet, HashMap};

use jiff::tz::TimeZone;
use touchline_rules::Calendar;
use touchline_rules::baseline::Baselines;
use touchline_rules::condition::{Explanation, Joint};
use touchline_rules::engine::{LIVE_MAX_AGE_MS, World, explain_rule};
use touchline_rules::facts::schema::{DEAL_FIELDS, activity_facts, place};
use touchline_rules::facts::{
    ChangeKind, DealKey, DealState, EventKind, Fact, Field, Managers, Metadata, Value,
};
use touchline_rules::ruleset::{AppliesTo, Rule, RuleSet, Trigger};

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
    Told::by(history).inactive(rules)
}

/// The rules that cannot fire where all is told but `untold`, facts by their names.
#[must_use]
pub fn inactive_without(untold: &[&str], rules: &RuleSet) -> Vec<Inactive> {
    Told::all_but(untold).inactive(rules)
}

impl Told {
    fn by(history: &History) -> Told {
        let metadata = &history.header.metadata;
        let closes = |kind: &ChangeKind| match kind {
            ChangeKind::FieldSet { field: Field::Stage, to: Fact::Known(Value::Text(stage)) } => {
                metadata.stage(None, stage).is_some_and(|(_, stage)| !stage.kind.is_open())
            }
            _ => false,
        };
        let mut closed_at = HashMap::new();
        for change in history.changes.iter().filter(|change| closes(&change.kind)) {
            closed_at.entry(&change.deal).or_insert(change.occurred_at);
        }
        let of_activities: Vec<_> =
            activity_facts().filter(|name| *name != CONTACTS_ENGAGED).collect();
        let mut told = Told::default();
        let mut values: HashMap<(&DealKey, Field), &Fact<Value>> = HashMap::new();
        told.tell(&["deal.id"], true);
        if metadata.currency.is_some() {
            told.tell(&facts_of(Field::Currency), true);
        }
        for change in &history.changes {
            let open = closed_at.get(&change.deal).is_none_or(|at| change.occurred_at < *at);
            match &change.kind {
                ChangeKind::Created => {
                    told.created = true;
                    told.tell(&facts_of(Field::CreatedAt), open);
                }
                ChangeKind::FieldSet { to: Fact::Unknown, .. } => {}
                ChangeKind::FieldSet { field, to } => {
                    // What a deal's stage says holds for the closed one too.
                    told.tell(&facts_of(*field), open || *field == Field::Stage);
                    if *field == Field::Stage && has_phase(metadata, to) {
                        told.tell(&[STAGE_PHASE], open);
                    }
                    let before = values.insert((&change.deal, *field), to);
                    if before.is_some_and(|before| before != to) {
                        told.moved.insert(*field);
                    }
                }
                ChangeKind::Activity(activity) => {
                    told.activities = true;
                    told.tell(&of_activities, open);
                    if activity.people.is_some() {
                        told.tell(&[CONTACTS_ENGAGED], open);
                    }
                }
                ChangeKind::Deleted | ChangeKind::Restored | ChangeKind::MergedInto { .. } => {}
            }
        }
        told
    }

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
        let found = rules.rules().iter().filter_map(|rule| {
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
        let parts = explain_rule(rule, &blank, touchline_rules::UnixMs(0), &world);
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
