//! `touchline history`

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;

use crate::config::Config;
use crate::history::import::{Imported, import, span};
use crate::history::mapping::Mapping;

/// Bad rows named one by one; the rest is counted.
const BAD_ROWS_SHOWN: usize = 20;

#[derive(Subcommand)]
pub(super) enum HistoryCommand {
    /// Turn a CSV of opportunities into a history that `demo --history` and
    /// `sim hubspot --replay` can play.
    Import {
        /// The CSV, one opportunity a row.
        csv: PathBuf,
        /// What its columns mean.
        #[arg(long, value_name = "FILE")]
        mapping: PathBuf,
        /// Where to write the history (JSON Lines).
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

pub(super) fn run(_config: &Config, command: HistoryCommand) -> anyhow::Result<ExitCode> {
    let HistoryCommand::Import { csv, mapping, out } = command;
    let mapping = Mapping::read(&mapping)?;
    let folder = csv.parent().unwrap_or(Path::new("."));
    let source = File::open(&csv).with_context(|| format!("cannot open {}", csv.display()))?;
    let imported = import(BufReader::new(source), folder, &mapping)?;
    let target = File::create(&out).with_context(|| format!("cannot write {}", out.display()))?;
    imported.history.write(BufWriter::new(target))?;
    report(&imported, &out);
    Ok(ExitCode::SUCCESS)
}

fn report(imported: &Imported, out: &Path) {
    for (line, problem) in imported.bad.iter().take(BAD_ROWS_SHOWN) {
        eprintln!("line {line}: {problem}");
    }
    if let Some(more) = imported.bad.len().checked_sub(BAD_ROWS_SHOWN + 1) {
        eprintln!("… and {} more bad rows", more + 1);
    }
    let days = span(&imported.history).as_hours() / 24;
    eprintln!(
        "{} rows read, {} bad rows left out, {} changes over {days} days written to {}",
        imported.rows,
        imported.bad.len(),
        imported.history.changes.len(),
        out.display()
    );
    eprintln!("times are derived from dates: everything computed from them is an estimate");
}
