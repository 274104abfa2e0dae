//! A CSV of opportunities becomes a history.
//!
//! A row tells where a deal stands, not how it got there: the walk through the
//! earlier stages is derived from the mapping and its times are estimates. A bad
//! row is reported with its line and left out; the others go on.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use touchline_rules::facts::{
    Actor, ActorKind, Change, ChangeKind, DealKey, Fact, Field, Metadata, Owner, Pipeline, Stage,
    Value,
};
use touchline_rules::time::MINUTE_MS;
use touchline_rules::{Calendar, UnixMs};

use super::mapping::{Mapping, day, named_fact};
use super::team::{Team, seller};
use super::{Header, History, VERSION};
use touchline_rules::nearest::did_you_mean;

/// The connection that an imported deal's key names until it is given another.
pub const IMPORT_CONNECTION: &str = "import";
/// What to do about a file in another encoding.
const SAVE_AS_UTF_8: &str = "save the file as “CSV UTF-8”";
/// The one pipeline of a file that names none.
pub const PIPELINE: &str = "default";

/// What came of an import.
#[derive(Debug)]
pub struct Imported {
    /// The history.
    pub history: History,
    /// Rows read, bad ones included.
    pub rows: usize,
    /// Bad rows: line in the CSV, counted from 1, and what is wrong.
    pub bad: Vec<(u64, String)>,
    /// Rows taken that name no owner: deals of nobody.
    pub unowned: usize,
}

/// Reads opportunities from `csv`; the team file is looked up beside `folder`.
///
/// # Errors
/// When a column of the mapping is missing, or a file cannot be read.
pub fn import(csv: impl Read, folder: &Path, mapping: &Mapping) -> anyhow::Result<Imported> {
    let zone = TimeZone::get(&mapping.time_zone).map_err(|_| {
        anyhow::anyhow!(
            "the mapping's time_zone `{}` is no time zone\nhint: write an IANA name, as in Europe/London",
            mapping.time_zone
        )
    })?;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(csv);
    let headers = reader.headers().map_err(|error| unreadable("the first line", &error))?;
    let columns = ColumnIndex::find(headers, mapping)?;
    let team = Team::read(folder, mapping)?;
    let mut import = Import {
        mapping,
        columns,
        calendar: Calendar::weekdays(zone),
        owners: team.owners,
        seen: BTreeSet::new(),
        unowned: 0,
        changes: Vec::new(),
    };
    let (mut rows, mut bad) = (0, Vec::new());
    let mut record = csv::StringRecord::new();
    loop {
        let line = reader.position().line();
        match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {
                rows += 1;
                let line = record.position().map_or(line, csv::Position::line);
                if let Err(problem) = import.row(&record) {
                    bad.push((line, problem));
                }
            }
            Err(error) => {
                rows += 1;
                bad.push((line, in_words(&error)));
                if matches!(error.kind(), csv::ErrorKind::Io(_)) {
                    break;
                }
            }
        }
    }
    let unowned = import.unowned;
    let as_of = import.calendar.start_of(mapping.as_of);
    let mut changes = import.changes;
    changes.sort_by(|a, b| (a.occurred_at, &a.deal).cmp(&(b.occurred_at, &b.deal)));
    let metadata = metadata(mapping, import.owners);
    let header = Header {
        touchline_history: VERSION,
        as_of,
        estimated: true,
        metadata,
        managers: team.managers,
    };
    Ok(Imported { history: History { header, changes }, rows, bad, unowned })
}

/// Why a line of a CSV cannot be read, for the list of bad rows.
fn in_words(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => format!("is not UTF-8; {SAVE_AS_UTF_8}"),
        _ => error.to_string(),
    }
}

/// The same as an error that ends everything.
pub(super) fn unreadable(what: &str, error: &csv::Error) -> anyhow::Error {
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => {
            anyhow::anyhow!("{what} is not UTF-8\nhint: {SAVE_AS_UTF_8}")
        }
        _ => anyhow::anyhow!("{what} cannot be read: {error}\nhint: is it a CSV?"),
    }
}

fn metadata(mapping: &Mapping, owners: BTreeMap<String, Owner>) -> Metadata {
    let stages = mapping.stages.iter().map(|stage| Stage {
        id: stage_id(&stage.name),
        label: stage.name.clone(),
        kind: stage.kind,
        phase: stage.phase,
    });
    Metadata {
        account_id: None,
        time_zone: Some(mapping.time_zone.clone()),
        currency: None,
        pipelines: vec![Pipeline {
            id: PIPELINE.to_owned(),
            label: "Imported".to_owned(),
            stages: stages.collect(),
        }],
        owners: owners.into_values().collect(),
        unmapped: Vec::new(),
    }
}

fn stage_id(name: &str) -> String {
    name.to_lowercase().replace(|c: char| !c.is_alphanumeric(), "_")
}

struct ColumnIndex {
    /// How many there are.
    count: usize,
    id: usize,
    stage: usize,
    owner: usize,
    name: Vec<usize>,
    amount: Option<usize>,
    close_date: Option<usize>,
    facts: Vec<(Field, usize)>,
    created: Option<usize>,
    entered: Vec<Option<usize>>,
}

impl ColumnIndex {
    fn find(headers: &csv::StringRecord, mapping: &Mapping) -> anyhow::Result<Self> {
        let at = |name: &str| {
            headers.iter().position(|header| header.trim() == name).ok_or_else(|| {
                let known: Vec<_> = headers.iter().map(str::trim).collect();
                let hint = match known.as_slice() {
                    [] => "it is empty: its first line must name the columns".to_owned(),
                    known => did_you_mean(name, known),
                };
                anyhow::anyhow!(
                    "the mapping names a column `{name}` that the CSV does not have\nhint: {hint}"
                )
            })
        };
        let maybe = |name: &Option<String>| name.as_deref().map(at).transpose();
        let columns = &mapping.columns;
        Ok(ColumnIndex {
            count: headers.len(),
            id: at(&columns.id)?,
            stage: at(&columns.stage)?,
            owner: at(&columns.owner)?,
            name: columns.name.iter().map(|name| at(name)).collect::<Result<_, _>>()?,
            amount: maybe(&columns.amount)?,
            close_date: maybe(&columns.close_date)?,
            facts: columns
                .facts
                .iter()
                .map(|(field, name)| Ok((*field, at(name)?)))
                .collect::<anyhow::Result<_>>()?,
            created: maybe(&mapping.created.column)?,
            entered: mapping
                .stages
                .iter()
                .map(|stage| maybe(&stage.entered))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl ColumnIndex {
    /// A column too few or too many moves what stands behind it.
    fn fit(&self, row: &csv::StringRecord) -> Result<(), String> {
        let found = row.len();
        let superfluous = row.iter().skip(self.count).any(|text| !text.trim().is_empty());
        if found < self.count || superfluous {
            let expected = self.count;
            return Err(format!("expected {expected} columns, found {found}"));
        }
        Ok(())
    }
}

fn money(text: &str) -> Result<Decimal, String> {
    let amount = text.parse::<Decimal>().map_err(|_| format!("`{text}` is no amount"))?;
    if amount.is_sign_negative() && !amount.is_zero() {
        return Err(format!("the amount `{text}` is below 0"));
    }
    Ok(amount)
}

struct Import<'a> {
    mapping: &'a Mapping,
    columns: ColumnIndex,
    calendar: Calendar,
    owners: BTreeMap<String, Owner>,
    seen: BTreeSet<String>,
    unowned: usize,
    changes: Vec<Change>,
}

impl Import<'_> {
    fn row(&mut self, row: &csv::StringRecord) -> Result<(), String> {
        self.columns.fit(row)?;
        let text = |index: usize| row.get(index).map_or("", str::trim);
        let id = text(self.columns.id);
        if id.is_empty() {
            return Err(format!("`{}` is empty", self.mapping.columns.id));
        }
        if self.seen.contains(id) {
            return Err(format!("the id {id} stands in an earlier row too"));
        }
        let stage = self.stage(text(self.columns.stage))?;
        let walk = self.walk(row, stage)?;
        let amount = self.columns.amount.map(text).filter(|amount| !amount.is_empty());
        let amount = amount.map(money).transpose()?;
        let close_date =
            self.columns.close_date.map(|column| self.date(text(column))).transpose()?.flatten();
        let facts = self.columns.facts.iter().filter_map(|(field, column)| {
            named_fact(*field, text(*column), |text| self.date(text)).transpose()
        });
        let facts = facts.collect::<Result<Vec<_>, _>>()?;
        let name: Vec<_> = self
            .columns
            .name
            .iter()
            .map(|column| text(*column))
            .filter(|part| !part.is_empty())
            .collect();
        let name = if name.is_empty() { id.to_owned() } else { name.join(" - ") };
        let owner = self.owner(text(self.columns.owner))?;

        let deal = DealKey { connection: IMPORT_CONNECTION.to_owned(), id: id.to_owned() };
        let instants = self.instants(&walk);
        let (created, last) = (instants[0], instants[instants.len() - 1]);
        let mut push = |at: UnixMs, kind: ChangeKind| {
            self.changes.push(Change {
                deal: deal.clone(),
                kind,
                occurred_at: at,
                actor: Actor { kind: ActorKind::Import, user_id: None },
                vendor_id: None,
                vendor_seq: 0,
            });
        };
        let set =
            |field: Field, value: Value| ChangeKind::FieldSet { field, to: Fact::Known(value) };
        push(created, ChangeKind::Created);
        push(created, set(Field::Name, Value::Text(name)));
        push(created, set(Field::Pipeline, Value::Text(PIPELINE.to_owned())));
        match owner {
            Some(owner) => push(created, set(Field::Owner, Value::Text(owner))),
            None => self.unowned += 1,
        }
        let stage_set = |index: usize| {
            set(Field::Stage, Value::Text(stage_id(&self.mapping.stages[index].name)))
        };
        let (before, end) = walk.split_at(walk.len() - 1);
        for ((index, _), at) in before.iter().zip(&instants) {
            push(*at, stage_set(*index));
        }
        // Ahead of the last stage: who closes a deal fills these in while doing so.
        if let Some(amount) = amount {
            push(last, set(Field::Amount, Value::Number(amount)));
        }
        if let Some(date) = close_date {
            push(last, set(Field::CloseDate, day(date)));
        }
        for (field, value) in facts {
            push(last, set(field, value));
        }
        push(last, stage_set(end[0].0));
        self.seen.insert(id.to_owned());
        Ok(())
    }

    /// The instants of a walk: the first of the day, and a minute after the step
    /// before where a deal took several steps on one day, so that their order
    /// can be told from their times.
    fn instants(&self, walk: &[(usize, Date)]) -> Vec<UnixMs> {
        let mut instants: Vec<UnixMs> = Vec::with_capacity(walk.len());
        for (_, date) in walk {
            let earliest = instants.last().map_or(UnixMs::MIN, |last| last.plus_ms(MINUTE_MS));
            instants.push(self.calendar.start_of(*date).max(earliest));
        }
        instants
    }

    fn stage(&self, name: &str) -> Result<usize, String> {
        self.mapping
            .stages
            .iter()
            .position(|stage| stage.name == name)
            .ok_or_else(|| format!("`{name}` is none of the mapping's stages"))
    }

    /// The stages a deal walked to `stage`, each with the day it entered it:
    /// the first from its creation, others only where the row has their date.
    fn walk(&self, row: &csv::StringRecord, stage: usize) -> Result<Vec<(usize, Date)>, String> {
        let mut dated = Vec::new();
        for (index, column) in self.columns.entered.iter().enumerate().take(stage + 1) {
            let passed = index == stage || self.mapping.stages[index].kind.is_open();
            if let Some(column) = column.filter(|_| passed)
                && let Some(date) = self.date(row.get(column).unwrap_or(""))?
            {
                dated.push((index, date));
            }
        }
        for pair in dated.windows(2) {
            if pair[1].1 < pair[0].1 {
                let name = |at: usize| self.mapping.stages[at].name.as_str();
                return Err(format!("entered {} before {}", name(pair[1].0), name(pair[0].0)));
            }
        }
        let created = self.created(row, dated.first().map(|(_, date)| *date))?;
        if stage == 0 || dated.first().is_none_or(|(index, _)| *index > 0) {
            dated.insert(0, (0, created));
        }
        if dated.last().is_some_and(|(index, _)| *index < stage) {
            let date = dated[dated.len() - 1].1;
            dated.push((stage, date));
        }
        Ok(dated)
    }

    fn created(&self, row: &csv::StringRecord, first: Option<Date>) -> Result<Date, String> {
        if let Some(column) = self.columns.created
            && let Some(date) = self.date(row.get(column).unwrap_or(""))?
        {
            return Ok(date);
        }
        let created = &self.mapping.created;
        let Some(first) = first else { return Ok(created.otherwise) };
        let days = created.days_before_first_date.days();
        first.checked_sub(days).map_err(|_| "the creation date is out of range".to_owned())
    }

    fn date(&self, text: &str) -> Result<Option<Date>, String> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let format = &self.mapping.date_format;
        let date = Date::strptime(format, text)
            .map_err(|_| format!("`{text}` is no date of the form {format}"))?;
        if date > self.mapping.as_of {
            return Err(format!("`{text}` lies after as_of {}", self.mapping.as_of));
        }
        Ok(Some(date))
    }

    fn owner(&mut self, name: &str) -> Result<Option<String>, String> {
        const OWNERS_MAX: usize = 100_000;
        if name.is_empty() {
            return Ok(None);
        }
        let email = self.mapping.email_of(name);
        if self.owners.len() >= OWNERS_MAX && !self.owners.contains_key(&email) {
            return Err(format!("more than {OWNERS_MAX} owners"));
        }
        let next = (self.owners.len() + 1).to_string();
        let owner = self.owners.entry(email.clone()).or_insert_with(|| seller(next, name, email));
        Ok(Some(owner.id.clone()))
    }
}
