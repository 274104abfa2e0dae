//! What is particular about a rule about a person.

use super::diagnostic::Findings;
use super::document::RuleDocument;
use super::rule::{Audience, Scope, Trigger};
use super::yaml::Position;
use crate::attention::AttentionClass;
use crate::baseline::Threshold;
use crate::portfolio::{PERSON_FIELDS, PERSON_TEXTS};

/// What its texts may read, beside what its conditions see.
pub(super) fn paths() -> Vec<String> {
    let facts = PERSON_FIELDS.iter().map(|(name, ..)| (*name).to_owned());
    facts.chain(PERSON_TEXTS.map(str::to_owned)).collect()
}

/// What to do about a condition that reads what rules of another scope read.
pub(super) fn other_scope(scope: Scope) -> &'static str {
    match scope {
        Scope::Deal => "only rules with `scope: person` can read `person`",
        Scope::Person => "a rule about a person reads `person` only: write it without `scope`",
    }
}

/// What does not go together with the rule's scope.
pub(super) fn check(document: &RuleDocument, on: Trigger, findings: &mut Findings) {
    let is_person = document.scope == Some(Scope::Person);
    let mut wrong = |at: Position, message: &str, hint: &str| {
        findings.error(at, "scope_mismatch", message, hint);
    };
    if !is_person {
        if document.audience == Some(Audience::Person) {
            let message = "`audience: person` is for rules about a person";
            wrong(document.at, message, "write `scope: person`, or `audience: owner`");
        }
        if document.tests.iter().any(|test| test.person.is_some()) {
            let message = "a test tells of a person, but the rule is about a deal";
            wrong(document.at, message, "write `scope: person`, or tell of a deal in `given`");
        }
        return;
    }
    if let (Trigger::Event(_), Some(on)) = (on, &document.on) {
        let message = "a rule about a person watches what is so: it waits for no event";
        wrong(on.at, message, "write `on: state`");
    }
    if !matches!(document.audience, None | Some(Audience::Person)) {
        let message = "what is said of a person is said to that person only";
        wrong(document.at, message, "write `audience: person`, or leave it out");
    }
    if !matches!(document.attention, None | Some(AttentionClass::Digest | AttentionClass::Private))
    {
        let message = "a rule about a person speaks in the digest: nothing of it is urgent";
        wrong(document.at, message, "write `attention: digest` or `attention: private`");
    }
    if let Some(crm) = &document.crm {
        let message = "what is said of a person never goes into a record that others read";
        wrong(crm.at, message, "remove `crm`");
    }
    if let Some(escalate) = &document.escalate {
        let message = "what is said of a person is told to nobody who leads them";
        wrong(escalate.at, message, "remove `escalate`");
    }
    if document.applies_to.is_some() {
        let message = "`applies_to` is about deals, and this rule is about a person";
        wrong(document.at, message, "remove `applies_to`");
    }
    if let Some(Threshold::Won(_)) = &document.threshold {
        let message = "a percentile of won deals is measured on a deal, not on a person";
        wrong(document.at, message, "give `threshold` a number");
    }
    if document.outcome.is_some() {
        let message = "an outcome is looked for on a deal, and this rule is about a person";
        wrong(document.at, message, "remove `outcome`");
    }
    if document.tests.iter().any(|test| test.person.is_none()) {
        let message = "a test of a rule about a person says what is known of the person";
        wrong(document.at, message, "write `given: { at: …, person: { open_deals: 30 } }`");
    }
}
