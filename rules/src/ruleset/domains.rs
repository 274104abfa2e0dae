//! What a rule's conditions can see at all: what facts mean, which deals the
//! rule looks at, and its own threshold.

use super::rule::{AppliesTo, Trigger};
use crate::condition::Domains;
use crate::facts::schema::{Vocabulary, place, schema};
use crate::facts::{EventKind, Field, StageKind};

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

/// What is so of every deal and change, for the conditions of a rule that waits
/// for `on`.
pub(super) fn of_facts(on: Trigger) -> Domains {
    let event = match on {
        Trigger::State => None,
        Trigger::Event(event) => Some(event),
    };
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

/// The same where the rule speaks: of the deals it applies to, with its threshold.
pub(super) fn of_rule(on: Trigger, applies_to: AppliesTo, threshold: Option<f64>) -> Domains {
    let mut domains = of_facts(on);
    let kinds = [StageKind::Open, StageKind::Won, StageKind::Lost];
    let kinds = kinds.into_iter().filter(|kind| applies_to.covers(*kind));
    let kind = domains.of(place::STAGE_KIND);
    kind.texts = Some(kinds.map(|kind| kind.name().to_owned()).collect());
    kind.may_be_unknown = false;
    let closed = domains.of(place::IS_CLOSED);
    closed.flag = Some(applies_to == AppliesTo::Closed);
    closed.may_be_unknown = false;
    if let Some(threshold) = threshold {
        let number = domains.of(place::THRESHOLD);
        number.number = Some(threshold);
        number.may_be_unknown = false;
    }
    domains
}
