//! `touchline history`

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{ArgGroup, Subcommand};
use touchline_rules::facts::{Metadata, Observation};

use super::counted::counted;
use crate::clock::{Clock as _, SystemClock};
use crate::coaching::opening::no_connection;
use crate::coaching::rulesets;
use crate::config::Config;
use crate::file_errors::{open_file, unwritable};
use crate::history::import::{Imported, import};
use crate::history::inactive::inactive;
use crate::history::load::{fit, observations, stage_counts};
use crate::history::mapping::Mapping;
use crate::history::{History, Span};
use crate::roles::ingest::events::OBSERVATIONS;
use crate::store::{NewInbox, Part, Store, StoreOptions};

/// Bad rows named one by one; the rest is counted.
const BAD_ROWS_SHOWN: usize = 20;
/// Deals in one row of the inbox.
const DEALS_PER_ROW: usize = 100;

#[derive(Subcommand)]
pub(super) enum HistoryCommand {
    /// Turn a CSV of opportunities into a history that `demo --history` and
    /// `sim hubspot --replay` can play.
    #[command(group = ArgGroup::new("target").required(true).multiple(true))]
    Import {
        /// The CSV, one opportunity a row.
        csv: PathBuf,
        /// What its columns mean (required).
        #[arg(long, value_name = "FILE")]
        mapping: PathBuf,
        /// Where to write the history (JSON Lines). This, --connection or both are required.
        #[arg(long, value_name = "FILE", group = "target")]
        out: Option<PathBuf>,
        /// Also hand the deals to the database, as this connection's. All of it is
        /// past: no rule fires for it.
        #[arg(long, value_name = "NAME", group = "target")]
        connection: Option<String>,
    },
}

pub(super) async fn run(config: &Config, command: HistoryCommand) -> anyhow::Result<ExitCode> {
    let HistoryCommand::Import { csv, mapping, out, connection } = command;
    if let Some(name) = connection.as_ref().filter(|name| !config.connections.contains_key(*name)) {
        return Err(no_connection(config, name));
    }
    let mapping = Mapping::read(&mapping)?;
    let folder = csv.parent().unwrap_or(Path::new("."));
    let source = open_file("the CSV", &csv)?;
    let imported = import(BufReader::new(source), folder, &mapping)
        .with_context(|| csv.display().to_string())?;
    report(&imported);
    if let Some(out) = &out {
        let target = File::create(out).map_err(|error| unwritable("the history", out, &error))?;
        imported.history.write(BufWriter::new(target))?;
        eprintln!("written to {}", out.display());
    }
    report_inactive(&imported.history, config);
    if let Some(name) = connection {
        load(imported.history, config, &name).await?;
    }
    Ok(ExitCode::SUCCESS)
}

fn report(imported: &Imported) {
    for (line, problem) in imported.bad.iter().take(BAD_ROWS_SHOWN) {
        eprintln!("line {line}: {problem}");
    }
    if let Some(more) = imported.bad.len().checked_sub(BAD_ROWS_SHOWN + 1) {
        eprintln!("… and {} more bad rows", more + 1);
    }
    let Imported { history, rows, bad, unowned } = imported;
    eprintln!("{}, {} left out", counted(*rows, "row") + " read", counted(bad.len(), "bad row"));
    if *unowned > 0 {
        eprintln!(
            "{} without an owner: taken as deals of nobody, about which nobody is told anything",
            counted(*unowned, "row")
        );
    }
    if let Some(Span { first, last, as_of }) = history.span() {
        eprintln!(
            "{} from {first} to {last}; open deals are as old as on {as_of}, the mapping's as_of",
            counted(history.changes.len(), "change"),
        );
    }
    let counts = stage_counts(&observations(&imported.history, ""));
    let stages = imported.history.header.metadata.pipelines.iter().flat_map(|one| &one.stages);
    for stage in stages {
        let count = counts.get(&stage.id).copied().unwrap_or_default();
        eprintln!("  {count:>7}  {}", stage.label);
    }
    eprintln!("times are derived from dates: everything computed from them is an estimate");
}

/// Says which rules would stay silent on these deals. Rules that cannot be read
/// are no reason to refuse a history.
fn report_inactive(history: &History, config: &Config) {
    let rules = match rulesets::load(&config.rules, &[]) {
        Ok((rules, _)) => rules,
        Err(error) => {
            eprintln!("the rules could not be compared with the history: {error:#}");
            return;
        }
    };
    let silent = inactive(history, &rules);
    if silent.is_empty() {
        eprintln!("no rule is inactive for lack of facts");
        return;
    }
    eprintln!(
        "{} of {} rules are inactive for lack of facts; the file never tells of a deal they look at:",
        silent.len(),
        rules.rules().len()
    );
    for rule in silent {
        eprintln!("  {:<28} {}", rule.rule_id, rule.missing.join(", "));
    }
}

/// Hands the history to the inbox. A running `serve` takes it from there, or the
/// next one.
async fn load(history: History, config: &Config, connection: &str) -> anyhow::Result<()> {
    let now = SystemClock.now();
    let store = Store::open(&config.database_path(), StoreOptions::default())?;
    let known = store.connection_part(connection.to_owned(), Part::Metadata).await?;
    let history = match known {
        Some(part) => {
            let account: Metadata = serde_json::from_slice(&part.body)?;
            fit(history, &account)?
        }
        None => {
            let body = serde_json::to_vec(&history.header.metadata)?;
            store.put_connection_part(connection.to_owned(), Part::Metadata, 0, body, now).await?;
            eprintln!(
                "{connection} was never read: until then its pipeline and owners are the file's own"
            );
            history
        }
    };
    let deals = observations(&history, connection);
    for chunk in deals.chunks(DEALS_PER_ROW) {
        store.append(row(chunk, connection, now)?).await?;
    }
    store.close();
    eprintln!(
        "{} deals handed to {connection} as its past; `touchline serve` takes them in",
        deals.len()
    );
    Ok(())
}

fn row(
    deals: &[Observation],
    connection: &str,
    received_at: touchline_rules::UnixMs,
) -> anyhow::Result<NewInbox> {
    Ok(NewInbox {
        connection: connection.to_owned(),
        kind: OBSERVATIONS.to_owned(),
        received_at,
        headers: Vec::new(),
        body: serde_json::to_vec(deals)?,
    })
}
