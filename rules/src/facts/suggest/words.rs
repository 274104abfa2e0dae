//! The words by which people call facts and phases.

use std::fmt;

use crate::facts::{Field, StagePhase};

/// Words that say something together, in this order.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Phrase(&'static str);

impl fmt::Display for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Phrase {
    /// How many words of `name` are left over; `None` if the phrase does not
    /// stand in it.
    pub(super) fn within(self, name: &[String]) -> Option<usize> {
        let wanted: Vec<&str> = self.0.split(' ').collect();
        let stands = name
            .windows(wanted.len())
            .any(|part| part.iter().zip(&wanted).all(|(word, wanted)| word == wanted));
        stands.then(|| name.len() - wanted.len())
    }
}

/// Words that say nothing about what a property holds.
const FILLERS: [&str; 17] = [
    "hs",
    "hubspot",
    "custom",
    "field",
    "deal",
    "deals",
    "opportunity",
    "the",
    "of",
    "a",
    "an",
    "our",
    "s",
    "meddic",
    "meddpicc",
    "bant",
    "spin",
];

/// The words of a name in small letters, without fillers: `Economic Buyer (MEDDIC)`,
/// `economicBuyer` and `meddic_economic_buyer` are the same two.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    let mut was_small = false;
    for letter in name.chars() {
        let begins = letter.is_uppercase() && was_small;
        if (begins || !letter.is_alphanumeric())
            && words.last().is_some_and(|word| !word.is_empty())
        {
            words.push(String::new());
        }
        was_small = letter.is_lowercase();
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    let telling: Vec<String> =
        words.iter().filter(|word| !FILLERS.contains(&word.as_str())).cloned().collect();
    if telling.is_empty() { words } else { telling }
}

/// What people call each fact, the clearest first.
const FACTS: [(Field, &str); 27] = [
    (Field::NextStep, "next step|next steps|next action|follow up action"),
    (Field::LossReason, "closed lost reason|loss reason|lost reason|reason lost|reason for loss"),
    (
        Field::NextStepDate,
        "next step date|next step due|next step due date|date next step|next action date|follow up date|next steps date",
    ),
    (
        Field::Competitor,
        "competitor|competitors|competition|competing vendor|competitor name|main competitor|primary competitor|rival|incumbent",
    ),
    (Field::ForecastCategory, "forecast category|forecast status|forecast|commit category"),
    (
        Field::Discount,
        "discount|discount percent|discount percentage|discount rate|discount pct|rebate",
    ),
    (
        Field::Contacts,
        "number associated contacts|num associated contacts|number contacts|contact count",
    ),
    (Field::LeadSource, "lead source|original source|source|analytics source|origin|lead origin"),
    (
        Field::ProposalSentAt,
        "proposal sent date|proposal sent|date proposal sent|quote sent date|quote sent|offer sent",
    ),
    (
        Field::ProposalOpenedAt,
        "proposal opened|proposal opened date|proposal viewed|proposal viewed date|quote viewed|quote opened",
    ),
    (
        Field::RenewalDate,
        "renewal date|contract renewal date|next renewal|contract end date|contract end|subscription end date|renewal",
    ),
    (
        Field::ValueReviewDate,
        "value review date|last value review|value review|business review date|last business review|qbr date|last qbr",
    ),
    (
        Field::Impact,
        "metrics|metric|impact|business impact|quantified impact|success metrics|kpi|kpis|measurable outcome",
    ),
    (
        Field::EconomicBuyer,
        "economic buyer|budget owner|budget holder|decision maker|authority|signatory|economic decision maker|executive sponsor",
    ),
    (
        Field::DecisionCriteria,
        "decision criteria|buying criteria|evaluation criteria|selection criteria",
    ),
    (
        Field::DecisionProcess,
        "decision process|decision making process|buying process|approval process|evaluation process",
    ),
    (
        Field::PaperProcess,
        "paper process|procurement process|signature process|legal process|contract process|contracting process|paperwork",
    ),
    (
        Field::Problem,
        "identified pain|identify pain|pain|pains|pain points|pain point|problem|problems|need|needs|challenge|challenges|business problem|customer need",
    ),
    (
        Field::Consequence,
        "implication|implications|consequence|consequences|cost inaction|cost no change|cost doing nothing|negative consequences",
    ),
    (
        Field::Benefit,
        "need payoff|payoff|benefit|benefits|value proposition|expected benefit|business value|desired outcome|positive outcome",
    ),
    (
        Field::Situation,
        "situation|current situation|current state|current process|current solution|background",
    ),
    (Field::Champion, "champion|internal champion|sponsor|coach|advocate|internal advocate"),
    (
        Field::Budget,
        "budget|budget confirmed|budget status|budget notes|available budget|budget range",
    ),
    (
        Field::Timing,
        "timeline|timing|time frame|timeframe|purchase timeline|decision timeline|compelling event|target date",
    ),
    (
        Field::Insight,
        "insight|insights|insight shared|commercial insight|teaching point|key insight",
    ),
    (
        Field::MeetingGoal,
        "meeting goal|meeting agenda|agenda|meeting objective|next meeting goal|meeting purpose|up front contract|upfront contract",
    ),
    (
        Field::MeetingOutcome,
        "meeting outcome|last meeting outcome|meeting result|call outcome|meeting conclusion",
    ),
];

/// The phrases of each fact.
pub(super) fn facts() -> [(Field, Vec<Phrase>); 27] {
    FACTS.map(|(field, phrases)| (field, phrases.split('|').map(Phrase).collect()))
}

/// What people call stages of each phase. The first that fits decides: a stage
/// after the proposal says so by another word than "proposal".
pub(super) fn phases() -> [(StagePhase, Vec<Phrase>); 5] {
    let table: [(StagePhase, &str); 5] = [
        (
            StagePhase::Verbal,
            "verbal|verbally|verbal yes|verbal commit|handshake|agreed|commitment|selected|vendor choice",
        ),
        (
            StagePhase::Late,
            "negotiation|negotiating|negotiate|legal|procurement|redlines|contracting|contract review|security review|final review|closing|paperwork|purchase order|awaiting signature|signature|approval|approvals",
        ),
        (
            StagePhase::Proposal,
            "proposal|proposals|quote|quoted|quotation|offer|pricing|price|contract sent|contract out|tender|bid|rfp",
        ),
        (
            StagePhase::Early,
            "appointment|discovery|qualification|qualify|qualified|qualifying|prospecting|prospect|new|lead|leads|intro|introduction|first|initial|contacted|contact|engaging|engaged|connect|connected|inbound|outreach|identified|research|mql|sql|meeting",
        ),
        (
            StagePhase::Middle,
            "demo|demonstration|evaluation|evaluating|presentation|presented|solution|trial|pilot|poc|concept|validation|validated|technical|scoping|scope|workshop|analysis|needs|bought|development|value|design|decision|consideration",
        ),
    ];
    table.map(|(phase, phrases)| (phase, phrases.split('|').map(Phrase).collect()))
}
