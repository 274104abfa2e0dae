//! The mapping file: what the columns of somebody's CSV mean.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde::Deserialize;
use touchline_rules::Calendar;
use touchline_rules::condition::Type;
use touchline_rules::facts::{Field, StageKind, StagePhase, Value};

use crate::file_errors::{place, unreadable};

/// How to read a CSV of opportunities. Written by hand, in TOML:
///
/// ```toml
/// as_of       = "2017-12-31"        # the last day the file knows of
/// time_zone   = "America/New_York"  # of its dates
/// date_format = "%m/%d/%Y"          # strftime
/// stages = [                         # in the order a deal walks them
///   { name = "Prospecting", kind = "open" },
///   { name = "Engaging",    kind = "open", entered = "engage_date", phase = "middle" },
///   { name = "Won",         kind = "won",  entered = "close_date" },
///   { name = "Lost",        kind = "lost", entered = "close_date" },
/// ]
/// [columns]
/// id = "opportunity_id"
/// stage = "deal_stage"
/// owner = "sales_agent"
/// name = ["account", "product"]
/// amount = "close_value"
/// close_date = "close_date"
/// [columns.facts]                     # optional: named facts
/// competitor = "main_competitor"
/// [created]                           # for files that do not say when a deal was made
/// days_before_first_date = 14         # before the earliest date of its row …
/// otherwise = "2017-12-01"            # … or, in a row without any date, this day
/// [team]
/// file = "sales_teams.csv"            # beside the CSV
/// seller = "sales_agent"
/// manager = "manager"
/// email_domain = "example.com"        # e-mails are made from names
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// The last day the file knows of.
    pub as_of: Date,
    /// IANA zone of the file's dates.
    pub time_zone: String,
    /// strftime form of its dates.
    pub date_format: String,
    /// Stages in the order a deal walks them.
    pub stages: Vec<StageMapping>,
    /// Which column is what.
    pub columns: Columns,
    /// When a deal was made.
    pub created: Created,
    /// Who sells and who manages.
    pub team: Team,
}

/// One stage.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageMapping {
    /// As the stage column writes it.
    pub name: String,
    /// Open, won or lost.
    pub kind: StageKind,
    /// The column with the date a deal entered it.
    pub entered: Option<String>,
    /// Where in the sale it stands, if rules are to know.
    pub phase: Option<StagePhase>,
}

/// Which column is what.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    /// The deal's id.
    pub id: String,
    /// The stage the deal is in at `as_of`.
    pub stage: String,
    /// Who owns it, by name.
    pub owner: String,
    /// The parts of its name, joined with a dash.
    pub name: Vec<String>,
    /// Its amount, known once it is closed.
    pub amount: Option<String>,
    /// Its close date.
    pub close_date: Option<String>,
    /// Named facts as they stand at `as_of`, each with its column.
    #[serde(default)]
    pub facts: BTreeMap<Field, String>,
}

/// When a deal was made, for files that do not say.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Created {
    /// A column with the date, where there is one.
    pub column: Option<String>,
    /// Else so many days before the earliest date of its row.
    #[serde(default)]
    pub days_before_first_date: i32,
    /// For a row without any date.
    pub otherwise: Date,
}

/// Who sells and who manages.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Team {
    /// A CSV of sellers and managers, relative to the opportunities.
    pub file: Option<PathBuf>,
    /// Its column of sellers.
    #[serde(default)]
    pub seller: String,
    /// Its column of managers.
    #[serde(default)]
    pub manager: String,
    /// The domain of the e-mails made from names.
    pub email_domain: String,
}

impl Mapping {
    /// Reads a mapping file.
    ///
    /// # Errors
    /// With the line and column of what is wrong.
    pub fn read(path: &Path) -> anyhow::Result<Mapping> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| unreadable("the mapping", path, &error))?;
        let mapping: Mapping = toml::from_str(&text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            anyhow::anyhow!(
                "{}{}\nhint: tests/history/README.md explains every key of a mapping",
                place(path, &text, at),
                error.message().replace('\n', ", ")
            )
        })?;
        anyhow::ensure!(
            !mapping.stages.is_empty(),
            "the mapping {} names no stages\nhint: list them in the order a deal walks them",
            path.display()
        );
        let facts = mapping.columns.facts.keys();
        let mut strange = facts.filter(|field| Field::mappable().all(|one| one != **field));
        if let Some(field) = strange.next() {
            let names: Vec<&str> = Field::mappable().map(Field::name).collect();
            anyhow::bail!(
                "the mapping {} lists `{}` among its facts, which has its own place\nhint: known there: {}",
                path.display(),
                field.name(),
                names.join(", ")
            );
        }
        Ok(mapping)
    }

    /// The e-mail made from a person's name: `Ann Lee` is `ann.lee@DOMAIN`.
    #[must_use]
    pub fn email_of(&self, name: &str) -> String {
        let words = name.split_whitespace().map(str::to_lowercase);
        format!("{}@{}", words.collect::<Vec<_>>().join("."), self.team.email_domain)
    }
}

/// A day as records keep one, in whatever zone it is read: midnight UTC, as
/// [`civil_day`](touchline_rules::facts::civil_day()) has it.
pub(super) fn day(date: Date) -> Value {
    Value::Time(Calendar::weekdays(TimeZone::UTC).start_of(date))
}

/// What a cell says of a named fact; `None` for a blank one. Percent signs are
/// left out.
///
/// # Errors
/// When it does not hold what the fact is.
pub(super) fn named_fact(
    field: Field,
    text: &str,
    date: impl Fn(&str) -> Result<Option<Date>, String>,
) -> Result<Option<(Field, Value)>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let value = match field.value_type() {
        Type::Number => {
            let number = text.trim_end_matches('%').trim_end().parse::<Decimal>();
            let wrong = |_| format!("the {} `{text}` is no number", field.name());
            Some(Value::Number(number.map_err(wrong)?))
        }
        Type::Time => date(text)?.map(day),
        Type::Text | Type::Bool => Some(Value::Text(text.to_owned())),
    };
    Ok(value.map(|value| (field, value)))
}
