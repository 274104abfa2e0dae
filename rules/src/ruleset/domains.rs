//! What a rule's conditions can see at all: what facts mean, which deals the
//! rule looks at, and its own threshold.

use super::rule::{Rule, Scope, Trigger};
use crate::baseline::Threshold;
use crate::condition::Domains;
use crate::facts::schema::{Vocabulary, place, schema};
use crate::facts::{EventKind, Field, StageKind};
use crate::portfolio::person_domains as person;

/// Facts that are never blank: known, or unknown.
const NEVER_BLANK: [u16; 26] = [
    place::ID,
    place::STAGE_KIND,
    place::STAGE_PHASE,
    place::STAGE_INDEX,
    place::OWNER_SINCE,
    place::OWNER_CHANGES,
    place::AMOUNT_CHANGES,
    place::EMAILS,
    place::CALLS,
    place::MEETINGS,
    place::CONTACTS_ENGAGED,
    place::CHANGE_BY,
    place::CREATED_AT,
    place::STAGE_ENTERED_AT,
    place::PUSH_COUNT,
    place::PUSHED_DAYS,
    place::STAGE_MOVES,
    place::IS_CLOSED,
    place::CHANGE_FIELD,
    place::CHANGE_OCCURRED_AT,
    place::CHANGE_SOURCE,
    place::CHANGE_KIND,
    place::CHANGE_DIRECTION,
    place::CHANGE_DAYS,
    place::CHANGE_STAGES_MOVED,
    place::THRESHOLD,
];
/// Whole numbers that are never negative.
const COUNTS: [u16; 10] = [
    place::STAGE_INDEX,
    place::PUSH_COUNT,
    place::PUSHED_DAYS,
    place::STAGE_MOVES,
    place::OWNER_CHANGES,
    place::AMOUNT_CHANGES,
    place::EMAILS,
    place::CALLS,
    place::MEETINGS,
    place::CONTACTS_ENGAGED,
];
/// Texts of which the language itself knows every one. What stages or owners
/// there are may change with an account, and proves nothing.
const CLOSED_TEXTS: [u16; 7] = [
    place::STAGE_KIND,
    place::STAGE_PHASE,
    place::CHANGE_FIELD,
    place::CHANGE_BY,
    place::CHANGE_SOURCE,
    place::CHANGE_KIND,
    place::CHANGE_DIRECTION,
];

/// What is so of everything that a rule of this scope reads, when it waits for `on`.
pub(super) fn of_facts(scope: Scope, on: Trigger) -> Domains {
    match scope {
        Scope::Deal => of_deals(on.event()),
        Scope::Person => of_people(),
    }
}

/// What is so of every person.
fn of_people() -> Domains {
    let mut domains = Domains::default();
    for slot in person::NEVER_BLANK.into_iter().chain([place::THRESHOLD]) {
        domains.of(slot).may_be_blank = false;
    }
    for slot in person::COUNTS {
        let count = domains.of(slot);
        (count.whole, count.least) = (true, Some(0.0));
    }
    for slot in person::AT_LEAST_0 {
        domains.of(slot).least = Some(0.0);
    }
    domains
}

/// What is so of every deal and change.
fn of_deals(event: Option<EventKind>) -> Domains {
    let mut domains = Domains::default();
    for slot in NEVER_BLANK {
        domains.of(slot).may_be_blank = false;
    }
    for slot in COUNTS {
        let count = domains.of(slot);
        (count.whole, count.least) = (true, Some(0.0));
    }
    for slot in [place::CHANGE_DAYS, place::CHANGE_STAGES_MOVED] {
        domains.of(slot).whole = true;
    }
    for field in schema(event, true, &Vocabulary::default()).fields() {
        if CLOSED_TEXTS.contains(&field.slot) {
            domains.of(field.slot).texts.clone_from(&field.values);
        }
    }
    for slot in [place::ID, place::CHANGE_OCCURRED_AT, place::CHANGE_SOURCE, place::CHANGE_BY] {
        domains.of(slot).may_be_unknown = false;
    }
    if matches!(event, Some(EventKind::FieldChanged(Field::Stage) | EventKind::StageChanged)) {
        domains.of(place::CHANGE_FIELD).may_be_unknown = false;
    }
    domains
}

/// The same of the subjects that the rule looks at: deals it applies to, or people.
pub(super) fn of_subjects(rule: &Rule) -> Domains {
    let applies_to = rule.applies_to;
    let mut domains = of_facts(rule.scope, rule.on);
    if rule.scope == Scope::Person {
        return domains;
    }
    let kinds = [StageKind::Open, StageKind::Won, StageKind::Lost];
    let kinds = kinds.into_iter().filter(|kind| applies_to.covers(*kind));
    let kind = domains.of(place::STAGE_KIND);
    kind.texts = Some(kinds.map(|kind| kind.name().to_owned()).collect());
    kind.may_be_unknown = false;
    let closed = domains.of(place::IS_CLOSED);
    closed.flag = Some(!applies_to.covers(StageKind::Open));
    closed.may_be_unknown = false;
    domains
}

/// The same where the rule speaks, with its threshold. What a percentile comes to
/// nobody knows before there is a deal.
pub(super) fn of_rule(rule: &Rule) -> Domains {
    let mut domains = of_subjects(rule);
    let Some(threshold) = &rule.threshold else { return domains };
    let number = domains.of(place::THRESHOLD);
    number.number = threshold.number();
    number.may_be_unknown = match threshold {
        Threshold::Number(_) => false,
        Threshold::Won(won) => won.fallback.is_none(),
    };
    domains
}
