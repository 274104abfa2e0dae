//! What a rule saw, as the person reads it to whom it spoke: a few plain lines
//! made from the explanation of a firing. Only the tests that decided are told,
//! facts go by the names people use, and no operator or identifier gets through.
//!
//! The whole explanation, part by part, stays what `rules explain` shows.

mod names;
mod person;
mod values;

use jiff::tz::TimeZone;

use super::Firing;
use crate::condition::{Bound, Decisive, Seen, SeenValue};
use crate::facts::schema::rests_on_activities;
use crate::facts::{ChangeView, DealFacts, Field, Metadata};
use names::{Kind, Named, named};
use values::{Speaker, plural};

/// The most lines of one reading.
pub const LINES_MAX: usize = 8;

/// What a firing rests on, in plain words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// One line for each fact that decided: `Days in this stage: 34 (the rule
    /// speaks from 30)`.
    pub saw: Vec<String>,
    /// Whether it is about silence, so that the reader may ask what was listened to.
    pub listened: bool,
}

/// Reads a firing out. Stages, pipelines and owners go by their labels, money
/// has its currency, and dates are those of `zone`, the reader's; a day,
/// as the close date, is the same for everybody.
#[must_use]
pub fn reading(
    firing: &Firing,
    facts: &DealFacts,
    metadata: &Metadata,
    zone: &TimeZone,
) -> Reading {
    let speaker = Speaker::new(firing, facts, metadata, zone);
    let mut reading = Reading::default();
    let mut told: Vec<(String, Option<Bound>)> = Vec::new();
    // The first part asks whether the rule looks at such deals at all.
    for part in firing.explanation.parts.iter().skip(1) {
        for decisive in part.decisive() {
            reading.listened |=
                decisive.test.values.iter().any(|seen| rests_on_activities(&seen.name));
            let bound = decisive.bound;
            for (label, line) in lines(&decisive, firing.change.as_ref(), &speaker) {
                match told.iter().position(|(known, _)| *known == label) {
                    // Of two tests of one fact the one with more to say is told.
                    Some(at) => {
                        let is_longer = line.len() > reading.saw[at].len();
                        if narrows(bound, told[at].1).unwrap_or(is_longer) {
                            reading.saw[at] = line;
                            told[at].1 = bound;
                        }
                    }
                    None if told.len() < LINES_MAX => {
                        reading.saw.push(line);
                        told.push((label, bound));
                    }
                    None => {}
                }
            }
        }
    }
    reading.saw.extend(firing.quoted.map(|quoted| usual(&quoted.source())));
    reading
}

/// Reads a firing about a person out, to that person. Money is in `metadata`'s
/// currency.
#[must_use]
pub fn person_reading(firing: &Firing, metadata: &Metadata, zone: &TimeZone) -> Reading {
    reading(firing, &DealFacts::new(firing.deal.clone()), metadata, zone)
}

/// Whether of two bounds on one fact the first decides; `None` where they are not of
/// a kind.
fn narrows(bound: Option<Bound>, other: Option<Bound>) -> Option<bool> {
    use Bound::{Above, Below, From, UpTo};
    match (bound?, other?) {
        (From(a) | Above(a), From(b) | Above(b)) => Some(a > b),
        (UpTo(a) | Below(a), UpTo(b) | Below(b)) => Some(a < b),
        _ => None,
    }
}

/// What the threshold rests on, as a sentence of its own.
fn usual(source: &str) -> String {
    let mut letters = source.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

/// The lines of one test, each with the label under which it is told once.
fn lines(
    decisive: &Decisive<'_>,
    change: Option<&ChangeView>,
    speaker: &Speaker<'_>,
) -> Vec<(String, String)> {
    let values = &decisive.test.values;
    // What an age is counted from says nothing that the age does not say.
    let is_counted_from = |seen: &&SeenValue| {
        let argument = format!("({})", seen.name);
        values.iter().any(|other| other.name.ends_with(&argument))
    };
    let of = |name: &str| values.iter().find(|seen| seen.name == name).map(|seen| &seen.value);
    let told = values.iter().filter(|seen| !is_counted_from(seen));
    told.filter_map(|seen| {
        let fact = named(&seen.name, change)?;
        let counted_from = fact.counted_from.and_then(of);
        let (label, value) = say(&fact, &seen.value, counted_from, change, speaker);
        let bound = decisive.bound.and_then(|bound| bound_text(bound, &fact, &seen.value, speaker));
        let bound = bound.map_or_else(String::new, |text| format!(" (the rule speaks {text})"));
        let line = format!("{label}: {value}{bound}");
        Some((label, line))
    })
    .collect()
}

/// The label and the value of one fact.
fn say(
    fact: &Named,
    seen: &Seen,
    counted_from: Option<&Seen>,
    change: Option<&ChangeView>,
    speaker: &Speaker<'_>,
) -> (String, String) {
    let moved = |unit: (&str, &str), ahead: &str, back: &str| {
        let Seen::Number(by) = seen else { return speaker.value(fact, seen) };
        let way = if *by < 0.0 { back } else { ahead };
        let by = format!("{} {way}", plural(by.abs(), unit));
        match change.map(|change| speaker.way(change)) {
            Some(Some(from_to)) => format!("{from_to}, {by}"),
            _ => by,
        }
    };
    let value = match fact.kind {
        Kind::StagesMoved => moved(("stage", "stages"), "forward", "back"),
        Kind::DaysMoved => moved(("day", "days"), "later", "earlier"),
        Kind::DaysUntil => speaker.days_until(fact, seen, counted_from),
        _ => speaker.value(fact, seen),
    };
    (fact.label.clone(), value)
}

/// For which readings the rule speaks, where that says more than the value.
fn bound_text(bound: Bound, fact: &Named, seen: &Seen, speaker: &Speaker<'_>) -> Option<String> {
    let Seen::Number(value) = seen else { return None };
    let shown = |number: f64| speaker.value(fact, &Seen::Number(number));
    match fact.kind {
        Kind::StagesMoved | Kind::DaysMoved => {
            // "Moved at all" is told by the line itself.
            let (least, is_back) = match bound {
                Bound::From(number) | Bound::UpTo(number) => (number.abs(), number < 0.0),
                _ => return None,
            };
            (least > 1.0 && is_back == (*value < 0.0)).then(|| format!("from {least}"))
        }
        Kind::DaysUntil => match bound {
            Bound::UpTo(0.0) => Some("from that day on".to_owned()),
            Bound::UpTo(days) if days > 0.0 => {
                Some(format!("from {} before", plural(days, ("day", "days"))))
            }
            Bound::Below(days) if days > 0.0 => {
                Some(format!("closer than {}", plural(days, ("day", "days"))))
            }
            Bound::UpTo(_) | Bound::Below(_) => Some("once it has passed".to_owned()),
            _ => None,
        },
        Kind::Count | Kind::Age | Kind::Money | Kind::Place => match bound {
            Bound::From(number) => Some(format!("from {}", shown(number))),
            Bound::Above(number) => Some(format!("above {}", shown(number))),
            Bound::UpTo(number) => Some(format!("up to {}", shown(number))),
            Bound::Below(number) => Some(format!("below {}", shown(number))),
            Bound::At(number) => Some(format!("at {}", shown(number))),
            Bound::Not(_) => None,
        },
        _ => None,
    }
}

/// What people call a field.
fn label(field: Field) -> &'static str {
    match field {
        Field::Name => "Name",
        Field::Pipeline => "Pipeline",
        Field::Stage => "Stage",
        Field::Owner => "Owner",
        Field::Amount => "Amount",
        Field::Currency => "Currency",
        Field::CloseDate => "Close date",
        Field::CreatedAt => "Created on",
        Field::NextStep => "Next step",
        Field::LossReason => "Reason for the loss",
        Field::NextStepDate => "Date of the next step",
        Field::Competitor => "Competitor",
        Field::ForecastCategory => "Forecast category",
        Field::Discount => "Discount in percent",
        Field::Contacts => "People on the deal",
        Field::LeadSource => "Source",
        Field::ProposalSentAt => "Proposal sent on",
        Field::ProposalOpenedAt => "Proposal opened on",
        Field::RenewalDate => "Renewal date",
        Field::ValueReviewDate => "Last review of results",
        Field::Impact => "Effect the buyer wants",
        Field::EconomicBuyer => "Owner of the budget",
        Field::DecisionCriteria => "What the buyer chooses by",
        Field::DecisionProcess => "How the buyer decides",
        Field::PaperProcess => "Way to the signature",
        Field::Problem => "The buyer's problem",
        Field::Consequence => "What the problem leads to",
        Field::Benefit => "What solving it is worth",
        Field::Situation => "How the buyer works today",
        Field::Champion => "Who speaks for us",
        Field::Budget => "Budget",
        Field::Timing => "Time frame",
        Field::Insight => "What the buyer learnt from us",
        Field::MeetingGoal => "Goal of the next meeting",
        Field::MeetingOutcome => "Outcome of the last meeting",
    }
}
