//! A coaching rule, checked and ready to be evaluated.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::escalate::Escalate;
use super::keys::Choice;
use super::period::Period;
use super::testing::RuleTest;
use crate::attention::AttentionClass;
use crate::baseline::Threshold;
use crate::condition::Condition;
use crate::facts::{EventKind, StageKind};
use crate::life::Standing;
use crate::template::Template;

/// One coaching rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Slug, unique in the set.
    pub id: String,
    /// Slug of its pack.
    pub pack: String,
    /// One line for people.
    pub title: String,
    /// What it is about.
    pub scope: Scope,
    /// Which deals it looks at.
    pub applies_to: AppliesTo,
    /// What makes it look.
    pub on: Trigger,
    /// It speaks when this is true …
    pub when: Condition,
    /// … and this is false.
    pub unless: Option<Condition>,
    /// What its conditions call `threshold`.
    pub threshold: Option<Threshold>,
    /// Who is spoken to.
    pub audience: Audience,
    /// How loudly.
    pub attention: AttentionClass,
    /// Also as an object on the deal.
    pub crm: Option<CrmDelivery>,
    /// 1 to 9; 1 comes first.
    pub priority: u8,
    /// The shortest time between two episodes that speak.
    pub cooldown: Option<Period>,
    /// Reminders inside one open episode.
    pub repeat: Option<Repeat>,
    /// What the owner's manager is asked after a while.
    pub escalate: Option<Escalate>,
    /// Tag of the skill it trains.
    pub skill: Option<String>,
    /// What is said.
    pub tip: Tip,
    /// Slug of the micro-lesson that goes with it.
    pub lesson: Option<String>,
    /// What shows that it helped.
    pub outcome: Option<OutcomeRule>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// How long after publication it must be renewed.
    pub expires: Option<Period>,
    /// What it rests on.
    pub evidence: Option<Evidence>,
    /// Its own tests.
    pub tests: Vec<RuleTest>,
    /// Over what decides *whether* it fires. A new one is seeded without firing.
    /// A rule that began anew since it was written has another.
    pub trigger_hash: String,
    /// Over everything that was written, tests included.
    pub version_hash: String,
    /// Where it stands, for messages.
    pub file: String,
    /// The line it begins at.
    pub line: usize,
    /// Everything that was written of it, as JSON.
    pub source: serde_json::Value,
    /// How it stands in this installation; on for everybody, as it is read.
    pub standing: Standing,
}

/// What makes a rule look at a deal.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// The truth of its condition: it speaks when that becomes true.
    State,
    /// An event.
    Event(EventKind),
}

impl Trigger {
    /// The event, if it is one.
    #[must_use]
    pub fn event(self) -> Option<EventKind> {
        match self {
            Trigger::State => None,
            Trigger::Event(event) => Some(event),
        }
    }
}

/// Which deals a rule looks at.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AppliesTo {
    /// Deals in an open stage.
    Open,
    /// Deals won or lost.
    Closed,
}

impl AppliesTo {
    /// Whether deals in stages of this kind are looked at.
    #[must_use]
    pub fn covers(self, kind: StageKind) -> bool {
        (self == AppliesTo::Open) == (kind == StageKind::Open)
    }
}

/// What a rule is about.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// One deal.
    #[default]
    Deal,
    /// One person: their own deals, and what they did on those of people they lead.
    Person,
}

impl Scope {
    /// The stable word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Scope::Deal => "deal",
            Scope::Person => "person",
        }
    }

    /// Who is spoken to where a rule does not say.
    #[must_use]
    pub fn usual_audience(self) -> Audience {
        match self {
            Scope::Deal => Audience::Owner,
            Scope::Person => Audience::Person,
        }
    }

    /// Whether it is a deal. For leaving it out of what is stored.
    #[must_use]
    pub fn is_deal(&self) -> bool {
        *self == Scope::Deal
    }
}

/// Who a nudge is for.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// The deal's owner.
    Owner,
    /// The owner's manager.
    Manager,
    /// The person that a rule about a person is about, and nobody else.
    Person,
}

/// An object on the deal as a second delivery of the same nudge.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CrmDelivery {
    /// A task.
    Task,
    /// A note.
    Note,
}

/// How sure one can be that a rule's advice helps.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceGrade {
    /// An experiment or peer-reviewed work.
    Experiment,
    /// A large observational study.
    Observational,
    /// A vendor's own figures.
    Vendor,
    /// What practitioners agree on.
    Convention,
}

/// Reminders inside one open episode.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// Time between two.
    pub every: Period,
    /// How many after the first nudge.
    pub max: u32,
}

/// What a rule says.
#[derive(Clone, Debug)]
pub struct Tip {
    /// One line that names the deal and the fact.
    pub headline: Template,
    /// One action.
    pub body: Template,
    /// Why it works; shown on demand.
    pub why: Option<Template>,
}

/// What shows that a nudge helped.
#[derive(Clone, Debug)]
pub struct OutcomeRule {
    /// How long after the nudge it is looked for.
    pub within: Period,
    /// What has to become true.
    pub when: Condition,
}

/// What a rule rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// How strong it is.
    pub grade: EvidenceGrade,
    /// In words.
    pub note: Option<String>,
}

impl Rule {
    /// The event it waits for; `None` for a state rule.
    #[must_use]
    pub fn event(&self) -> Option<EventKind> {
        self.on.event()
    }
}

impl std::fmt::Display for Trigger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Trigger::State => f.write_str("state"),
            Trigger::Event(event) => event.fmt(f),
        }
    }
}

impl Choice for Scope {
    const WHAT: &'static str = "scope";
    const NAMES: &'static [(&'static str, Self)] =
        &[("deal", Scope::Deal), ("person", Scope::Person)];
}

impl Choice for AppliesTo {
    const WHAT: &'static str = "applies_to";
    const NAMES: &'static [(&'static str, Self)] =
        &[("open", AppliesTo::Open), ("closed", AppliesTo::Closed)];
}

impl Choice for Audience {
    const WHAT: &'static str = "audience";
    const NAMES: &'static [(&'static str, Self)] =
        &[("owner", Audience::Owner), ("manager", Audience::Manager), ("person", Audience::Person)];
}

impl Choice for AttentionClass {
    const WHAT: &'static str = "attention";
    const NAMES: &'static [(&'static str, Self)] = &[
        ("interrupt", AttentionClass::Interrupt),
        ("digest", AttentionClass::Digest),
        ("card", AttentionClass::Card),
        ("private", AttentionClass::Private),
    ];
}

impl Choice for CrmDelivery {
    const WHAT: &'static str = "crm";
    const NAMES: &'static [(&'static str, Self)] =
        &[("task", CrmDelivery::Task), ("note", CrmDelivery::Note)];
}

impl Choice for EvidenceGrade {
    const WHAT: &'static str = "grade";
    const NAMES: &'static [(&'static str, Self)] = &[
        ("experiment", EvidenceGrade::Experiment),
        ("observational", EvidenceGrade::Observational),
        ("vendor", EvidenceGrade::Vendor),
        ("convention", EvidenceGrade::Convention),
    ];
}
