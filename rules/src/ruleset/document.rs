//! A rule file as it is written, before anything in it is compiled. The JSON
//! Schema for editors is made from these types.

use schemars::JsonSchema;

use super::diagnostic::Findings;
use super::escalate::{self, EscalateDocument};
use super::keys::{self, Keys, Located};
use super::period::Period;
use super::rule::{AppliesTo, Audience, CrmDelivery, Evidence, EvidenceGrade, Repeat, Scope};
use super::testing::RuleTest;
use super::testing::document::TestDocument;
use super::threshold::{ThresholdDocument, threshold};
use super::yaml::{Node, NodeKind, Position};
use crate::attention::AttentionClass;
use crate::baseline::Threshold;
use crate::facts::EventKind;

/// The most rules in one file.
pub const RULES_MAX: usize = 500;
/// The most reminders inside one episode.
pub const REPEATS_MAX: u32 = 10;
/// The most tests of one rule.
pub const TESTS_MAX: usize = 100;

/// A pack of coaching rules.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "RulePack")]
pub struct PackDocument {
    /// Slug of the pack: small letters, digits and hyphens.
    #[schemars(required, regex(pattern = r"^[a-z0-9]+(-[a-z0-9]+)*$"))]
    pub pack: Option<Located<String>>,
    /// One line for people.
    #[schemars(required)]
    pub title: Option<Located<String>>,
    /// What the pack is for.
    pub description: Option<Located<String>>,
    /// Its rules.
    pub rules: Vec<RuleDocument>,
}

/// One coaching rule.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Rule")]
pub struct RuleDocument {
    /// Slug, unique in the installation.
    #[schemars(required, regex(pattern = r"^[a-z0-9]+(-[a-z0-9]+)*$"))]
    pub id: Option<Located<String>>,
    /// One line for people.
    #[schemars(required)]
    pub title: Option<Located<String>>,
    /// What the rule is about.
    pub scope: Option<Scope>,
    /// Which deals it looks at: open ones by default, closed ones for `deal.closed`.
    pub applies_to: Option<AppliesTo>,
    /// `state`, or the event it waits for.
    #[schemars(required, extend("enum" = trigger_names()))]
    pub on: Option<Located<String>>,
    /// It speaks when this condition is true.
    #[schemars(required)]
    pub when: Option<Located<String>>,
    /// It stays silent unless this condition is false.
    pub unless: Option<Located<String>>,
    /// What the conditions call `threshold`: a number, or a percentile of won deals.
    #[schemars(with = "Option<ThresholdDocument>")]
    pub threshold: Option<Threshold>,
    /// Who is spoken to; the deal's owner by default, and the person for a rule about
    /// a person, which speaks to nobody else.
    pub audience: Option<Audience>,
    /// How loudly; `digest` for state rules by default, else `interrupt`.
    pub attention: Option<AttentionClass>,
    /// Also as a task or note on the deal, unless it goes into a digest instead; only
    /// with audience owner and attention interrupt.
    pub crm: Option<Located<CrmDelivery>>,
    /// 1 to 9, 1 first; 5 by default.
    #[schemars(range(min = 1, max = 9))]
    pub priority: Option<u32>,
    /// The shortest time between two episodes that speak: `14d`, `5bd`, `12h`.
    #[schemars(with = "Option<String>", regex(pattern = r"^[0-9]+(h|d|bd)$"))]
    pub cooldown: Option<Period>,
    /// Reminders inside one open episode; state rules only.
    #[schemars(with = "Option<RepeatDocument>")]
    pub repeat: Option<Located<Repeat>>,
    /// A question to the owner's manager once the seller had a fair chance.
    pub escalate: Option<EscalateDocument>,
    /// Tag of the skill it trains.
    pub skill: Option<Located<String>>,
    /// What is said.
    #[schemars(required)]
    pub tip: Option<TipDocument>,
    /// Slug of the micro-lesson that goes with it.
    pub lesson: Option<Located<String>>,
    /// What shows that it helped.
    pub outcome: Option<OutcomeDocument>,
    /// Who answers for it, an e-mail address.
    pub owner: Option<Located<String>>,
    /// How long after publication it must be renewed: `180d`.
    #[schemars(with = "Option<String>", regex(pattern = r"^[0-9]+(h|d|bd)$"))]
    pub expires: Option<Period>,
    /// What it rests on.
    #[schemars(with = "Option<EvidenceDocument>")]
    pub evidence: Option<Evidence>,
    /// Its own tests.
    #[schemars(with = "Option<Vec<TestDocument>>")]
    pub tests: Vec<RuleTest>,
    /// Where the rule begins.
    #[schemars(skip)]
    pub at: Position,
    /// Everything that was written, in one order.
    #[schemars(skip)]
    pub canonical: String,
    /// The same as JSON.
    #[schemars(skip)]
    pub source: serde_json::Value,
}

/// What a rule says.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Tip")]
pub struct TipDocument {
    /// One line that names the deal and the fact. A template.
    #[schemars(required)]
    pub headline: Option<Located<String>>,
    /// One action, in at most 240 characters. A template.
    #[schemars(required)]
    pub body: Option<Located<String>>,
    /// Why it works; shown on demand. A template.
    pub why: Option<Located<String>>,
}

/// What shows that a nudge helped.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Outcome")]
pub struct OutcomeDocument {
    /// How long after the nudge it is looked for: `10d`.
    #[schemars(required, with = "String", regex(pattern = r"^[0-9]+(h|d|bd)$"))]
    pub within: Option<Period>,
    /// The condition that has to become true; it may read `nudge.sent_at`.
    #[schemars(required)]
    pub when: Option<Located<String>>,
}

/// Reminders inside one open episode.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Repeat")]
#[expect(dead_code, reason = "only the shape matters: it is what editors check against")]
struct RepeatDocument {
    /// Time between two: `5bd`.
    #[schemars(regex(pattern = r"^[0-9]+(h|d|bd)$"))]
    every: String,
    /// How many after the first nudge.
    #[schemars(range(min = 1, max = 10))]
    max: u32,
}

/// What a rule rests on.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Evidence")]
#[expect(dead_code, reason = "only the shape matters: it is what editors check against")]
struct EvidenceDocument {
    /// How strong it is.
    grade: EvidenceGrade,
    /// In words.
    note: Option<String>,
}

/// Everything `on` may say.
pub(super) fn trigger_names() -> Vec<String> {
    let events = EventKind::all().map(|event| event.to_string());
    std::iter::once("state".to_owned()).chain(events).collect()
}

/// Reads a file's tree; what is wrong with its shape goes to `findings`.
pub(super) fn pack(root: &Node, findings: &mut Findings) -> PackDocument {
    let Some(mut file) = Keys::of(root, "a rule file", findings) else {
        return PackDocument::default();
    };
    let pack = file.required("pack", findings).and_then(|it| keys::slug(it, "pack", findings));
    let title = file.required("title", findings).and_then(|it| keys::text(it, "title", findings));
    let described = file.node("description");
    let description = described.and_then(|it| keys::text(it, "description", findings));
    let list = file.required("rules", findings).and_then(|it| keys::list(it, "rules", findings));
    let nodes = list.unwrap_or_default();
    if nodes.len() > RULES_MAX {
        let message = format!("the file has {} rules", nodes.len());
        findings.error(root.at, "too_many", message, format!("at most {RULES_MAX} fit one file"));
    }
    let rules = nodes.iter().take(RULES_MAX).filter_map(|node| rule(node, findings)).collect();
    findings.rule = None;
    file.finish(findings);
    PackDocument { pack, title, description, rules }
}

fn rule(node: &Node, findings: &mut Findings) -> Option<RuleDocument> {
    findings.rule = None;
    let mut rule = Keys::of(node, "a rule", findings)?;
    let id = rule.required("id", findings).and_then(|it| keys::slug(it, "id", findings));
    findings.rule = id.as_ref().map(|id| id.value.clone());
    let mut text = |key, needed: bool, findings: &mut Findings| {
        let node = if needed { rule.required(key, findings) } else { rule.node(key) };
        node.and_then(|it| keys::text(it, key, findings))
    };
    let title = text("title", true, findings);
    let on = text("on", true, findings);
    let when = text("when", true, findings);
    let unless = text("unless", false, findings);
    let owner = text("owner", false, findings);
    let skill = text("skill", false, findings);
    let located_crm = rule
        .node("crm")
        .and_then(|it| keys::choice(it, findings).map(|value| Located { value, at: it.at }));
    let document = RuleDocument {
        id,
        title,
        scope: rule.node("scope").and_then(|it| keys::choice(it, findings)),
        applies_to: rule.node("applies_to").and_then(|it| keys::choice(it, findings)),
        on,
        when,
        unless,
        threshold: rule.node("threshold").and_then(|it| threshold(it, findings)),
        audience: rule.node("audience").and_then(|it| keys::choice(it, findings)),
        attention: rule.node("attention").and_then(|it| keys::choice(it, findings)),
        crm: located_crm,
        priority: rule.node("priority").and_then(|it| keys::whole(it, "priority", 1..=9, findings)),
        cooldown: rule.node("cooldown").and_then(|it| keys::period(it, "cooldown", findings)),
        repeat: rule.node("repeat").and_then(|it| repeat(it, findings)),
        escalate: rule.node("escalate").and_then(|it| escalate::read(it, findings)),
        skill,
        tip: rule.required("tip", findings).and_then(|it| tip(it, findings)),
        lesson: rule.node("lesson").and_then(|it| keys::slug(it, "lesson", findings)),
        outcome: rule.node("outcome").and_then(|it| outcome(it, findings)),
        owner,
        expires: rule.node("expires").and_then(|it| keys::period(it, "expires", findings)),
        evidence: rule.node("evidence").and_then(|it| evidence(it, findings)),
        tests: rule.node("tests").map(|it| tests(it, findings)).unwrap_or_default(),
        at: rule.at(),
        canonical: canonical(node),
        source: super::source::json(node),
    };
    rule.finish(findings);
    Some(document)
}

fn repeat(node: &Node, findings: &mut Findings) -> Option<Located<Repeat>> {
    let mut map = Keys::of(node, "`repeat`", findings)?;
    let every = map.required("every", findings).and_then(|it| keys::period(it, "every", findings));
    let max = map.required("max", findings);
    let max = max.and_then(|it| keys::whole(it, "max", 1..=REPEATS_MAX, findings));
    map.finish(findings);
    Some(Located { value: Repeat { every: every?, max: max? }, at: node.at })
}

fn tip(node: &Node, findings: &mut Findings) -> Option<TipDocument> {
    let mut map = Keys::of(node, "`tip`", findings)?;
    let headline = map.required("headline", findings);
    let body = map.required("body", findings);
    let tip = TipDocument {
        headline: headline.and_then(|it| keys::text(it, "headline", findings)),
        body: body.and_then(|it| keys::text(it, "body", findings)),
        why: map.node("why").and_then(|it| keys::text(it, "why", findings)),
    };
    map.finish(findings);
    Some(tip)
}

fn outcome(node: &Node, findings: &mut Findings) -> Option<OutcomeDocument> {
    let mut map = Keys::of(node, "`outcome`", findings)?;
    let within = map.required("within", findings);
    let when = map.required("when", findings);
    let outcome = OutcomeDocument {
        within: within.and_then(|it| keys::period(it, "within", findings)),
        when: when.and_then(|it| keys::text(it, "when", findings)),
    };
    map.finish(findings);
    Some(outcome)
}

fn evidence(node: &Node, findings: &mut Findings) -> Option<Evidence> {
    let mut map = Keys::of(node, "`evidence`", findings)?;
    let grade = map.required("grade", findings).and_then(|it| keys::choice(it, findings));
    let note = map.node("note").and_then(|it| keys::text(it, "note", findings));
    map.finish(findings);
    Some(Evidence { grade: grade?, note: note.map(|note| note.value) })
}

fn tests(node: &Node, findings: &mut Findings) -> Vec<RuleTest> {
    let Some(nodes) = keys::list(node, "tests", findings) else { return Vec::new() };
    if nodes.len() > TESTS_MAX {
        let message = format!("the rule has {} tests", nodes.len());
        findings.error(node.at, "too_many", message, format!("keep at most {TESTS_MAX}"));
    }
    let read = nodes.iter().take(TESTS_MAX);
    read.filter_map(|node| super::testing::read(node, findings)).collect()
}

/// The node as one text that does not depend on the order of keys, on spacing
/// or on comments.
fn canonical(node: &Node) -> String {
    match &node.kind {
        NodeKind::Null => "null".to_owned(),
        NodeKind::Bool(value) => value.to_string(),
        NodeKind::Number(value) => value.to_string(),
        NodeKind::Text(text) => format!("{text:?}"),
        NodeKind::List(nodes) => {
            let parts: Vec<String> = nodes.iter().map(canonical).collect();
            format!("[{}]", parts.join(","))
        }
        NodeKind::Map(entries) => {
            let part =
                |(key, _, node): &(String, Position, Node)| format!("{key:?}:{}", canonical(node));
            let mut parts: Vec<String> = entries.iter().map(part).collect();
            parts.sort();
            format!("{{{}}}", parts.join(","))
        }
    }
}
