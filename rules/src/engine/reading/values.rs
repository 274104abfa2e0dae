//! Values as people read them.

use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use super::label;
use super::names::{Kind, Named};
use crate::condition::Seen;
use crate::engine::Firing;
use crate::engine::context::owner_name;
use crate::facts::{ChangeView, DealFacts, Fact, Field, Metadata, Value, civil_day};
use crate::money::amount_text;
use crate::time::UnixMs;

/// Characters of somebody's own words that are shown.
const QUOTED_CHARS_MAX: usize = 60;
/// How a day reads: 1 December 2026.
const DAY: &str = "%-d %B %Y";
const NOT_KNOWN: &str = "not known";

/// Says values in the words of one reader.
pub(super) struct Speaker<'a> {
    metadata: &'a Metadata,
    pipeline: Option<&'a str>,
    currency: Option<&'a str>,
    zone: &'a TimeZone,
    owner_zone: TimeZone,
}

impl<'a> Speaker<'a> {
    pub(super) fn new(
        firing: &Firing,
        facts: &'a DealFacts,
        metadata: &'a Metadata,
        zone: &'a TimeZone,
    ) -> Self {
        Speaker {
            metadata,
            pipeline: facts.text(Field::Pipeline),
            currency: facts.text(Field::Currency).or(metadata.currency.as_deref()),
            zone,
            owner_zone: firing.zone(),
        }
    }

    /// A value of `fact`.
    pub(super) fn value(&self, fact: &Named, seen: &Seen) -> String {
        match seen {
            Seen::Unknown => NOT_KNOWN.to_owned(),
            Seen::Empty => fact.blank.to_owned(),
            Seen::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
            Seen::Text(text) => self.text(fact.kind, text),
            Seen::Number(number) => self.number(fact.kind, *number),
            Seen::Time(at) if fact.kind == Kind::Day => date(*at, &self.owner_zone),
            Seen::Time(at) if fact.kind == Kind::Moment => {
                at.to_zoned(self.zone).strftime("%-d %B %Y, %H:%M").to_string()
            }
            Seen::Time(at) => date(*at, self.zone),
        }
    }

    /// How far off a day is: `4 March 2026, 1 day ago`.
    pub(super) fn days_until(&self, fact: &Named, days: &Seen, day: Option<&Seen>) -> String {
        let Seen::Number(days) = days else { return self.value(fact, days) };
        let distance = match days {
            0.0 => "today".to_owned(),
            days if *days < 0.0 => format!("{} ago", plural(-days, ("day", "days"))),
            days => format!("in {}", plural(*days, ("day", "days"))),
        };
        let zone = match fact.counted_from {
            Some(name) if is_day(name) => &self.owner_zone,
            _ => self.zone,
        };
        match day {
            Some(Seen::Time(at)) => format!("{}, {distance}", date(*at, zone)),
            _ => distance,
        }
    }

    /// `from Discovery to Proposal`, where both are known.
    pub(super) fn way(&self, change: &ChangeView) -> Option<String> {
        let field = change.field?;
        let value = |value: &Fact<Value>| match value {
            Fact::Known(Value::Text(text)) if field == Field::Stage => {
                Some(self.text(Kind::Stage, text))
            }
            Fact::Known(Value::Time(at)) => Some(match civil_day(field, *at, self.metadata) {
                Some(day) => day.strftime(DAY).to_string(),
                None => date(*at, self.zone),
            }),
            _ => None,
        };
        Some(format!("from {} to {}", value(&change.from)?, value(&change.to)?))
    }

    fn text(&self, kind: Kind, text: &str) -> String {
        let found = match kind {
            Kind::Stage => {
                let stage = self.metadata.stage(self.pipeline, text);
                stage.map(|(_, stage)| stage.label.as_str())
            }
            Kind::Pipeline => {
                let pipeline = self.metadata.pipelines.iter().find(|one| one.id == text);
                pipeline.map(|pipeline| pipeline.label.as_str())
            }
            Kind::Owner => owner_name(text, self.metadata),
            Kind::Word => Some(word(text)),
            Kind::Author => Some(author(text)),
            _ => return format!("“{}”", short(text)),
        };
        found.map_or_else(|| NOT_KNOWN.to_owned(), short)
    }

    fn number(&self, kind: Kind, number: f64) -> String {
        match kind {
            Kind::Money => match Decimal::try_from(number) {
                Ok(amount) => amount_text(amount, self.currency),
                Err(_) => number.to_string(),
            },
            Kind::Age => number.trunc().to_string(),
            Kind::Place => (number + 1.0).to_string(),
            _ => ((number * 100.0).round() / 100.0).to_string(),
        }
    }
}

fn is_day(name: &str) -> bool {
    let field = name.strip_prefix("deal.").and_then(Field::named);
    field.is_some_and(|field| Field::DATES.contains(&field))
}

/// `1 day`, `2 days`.
pub(super) fn plural(count: f64, (one, many): (&str, &str)) -> String {
    format!("{count} {}", if count == 1.0 { one } else { many })
}

fn date(at: UnixMs, zone: &TimeZone) -> String {
    at.to_zoned(zone).strftime(DAY).to_string()
}

fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= QUOTED_CHARS_MAX {
        return line;
    }
    let kept: String = line.chars().take(QUOTED_CHARS_MAX - 1).collect();
    format!("{}…", kept.trim_end())
}

/// Who made a change, in our words.
fn author(text: &str) -> &str {
    match text {
        "owner" => "the deal's owner",
        "manager" => "the owner's manager",
        "colleague" => "a colleague",
        _ => word(text),
    }
}

/// A word of the schema in ours. What is no such word is not shown.
fn word(text: &str) -> &str {
    match text {
        "open" | "won" | "lost" | "forward" | "back" | "call" | "meeting" | "task" | "note" => text,
        "early" | "middle" | "late" => text,
        "verbal" => "a yes that is not signed",
        "proposal" => "with a proposal",
        "email" => "e-mail",
        "inbound" => "from the buyer",
        "outbound" => "to the buyer",
        "person" => "a person",
        "bulk" => "a change of many deals at once",
        "import" => "an import",
        "integration" => "another program",
        "touchline" => "Touchline",
        field => Field::ALL.into_iter().find(|one| one.name() == field).map_or(NOT_KNOWN, label),
    }
}
