//! `escalate`: what the owner's manager is asked once the seller had a fair chance.

use schemars::JsonSchema;

use super::diagnostic::Findings;
use super::document::RuleDocument;
use super::keys::{self, Keys, Located};
use super::period::Period;
use super::rule::{Audience, Scope};
use super::yaml::{Node, Position};
use crate::template::Template;

/// A question to the manager of a deal's owner. It is asked once an episode or
/// event, `after` the nudge was delivered to the seller and while its reason
/// holds, in the manager's digest. It reads the deal and that time alone: never
/// what the seller answered or chose.
#[derive(Clone, Debug)]
pub struct Escalate {
    /// The seller's fair chance, from the delivery on.
    pub after: Period,
    /// The coaching question. Its headline is the tip's.
    pub ask: Template,
}

/// What is asked of the owner's manager when the seller had a fair chance.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Escalate")]
pub struct EscalateDocument {
    /// How long after the nudge was delivered to the seller: `5bd`.
    #[schemars(required, with = "String", regex(pattern = r"^[0-9]+(h|d|bd)$"))]
    pub after: Option<Period>,
    /// A coaching question about the deal, in at most 240 characters. A template.
    #[schemars(required)]
    pub ask: Option<Located<String>>,
    /// Where it stands.
    #[schemars(skip)]
    pub at: Position,
}

/// Reads the key's value.
pub(super) fn read(node: &Node, findings: &mut Findings) -> Option<EscalateDocument> {
    let mut map = Keys::of(node, "`escalate`", findings)?;
    let after = map.required("after", findings);
    let ask = map.required("ask", findings);
    let document = EscalateDocument {
        after: after.and_then(|it| keys::period(it, "after", findings)),
        ask: ask.and_then(|it| keys::text(it, "ask", findings)),
        at: node.at,
    };
    map.finish(findings);
    Some(document)
}

/// Refuses what is no coaching question to a manager about a seller's deal.
pub(super) fn check(document: &RuleDocument, findings: &mut Findings) {
    let is_of_deal = document.scope != Some(Scope::Person);
    let Some(escalate) = document.escalate.as_ref().filter(|_| is_of_deal) else { return };
    if document.audience == Some(Audience::Manager) {
        let message = "the manager is told already: there is nobody to escalate to";
        findings.error(escalate.at, "escalates_to_itself", message, "remove `escalate`");
    }
    if let Some(ask) = escalate.ask.as_ref().filter(|ask| !ask.value.contains('?')) {
        let message = "an escalation is a coaching question, and this asks nothing";
        let hint = "ask what would help: What would help to move it on?";
        findings.error(ask.at, "not_a_question", message, hint);
    }
    let names_deal =
        |text: Option<&Located<String>>| text.is_some_and(|text| text.value.contains("deal.name"));
    let headline = document.tip.as_ref().and_then(|tip| tip.headline.as_ref());
    if !names_deal(headline) && !names_deal(escalate.ask.as_ref()) {
        let message = "neither the headline nor the question names the deal";
        let hint = "write {{ deal.name }} in one of them";
        findings.error(escalate.at, "names_no_deal", message, hint);
    }
}
