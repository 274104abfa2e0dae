//! A company's past as one normalised file: JSON Lines of changes.
//!
//! The first line is a [`Header`], every further line one
//! [`touchline_rules::facts::Change`], ordered by `occurred_at`. It is the only
//! format that `demo --history` and `sim --replay` read; [`import`] makes it
//! from a CSV of opportunities.

pub mod import;
pub mod inactive;
pub mod load;
pub mod mapping;
pub mod sort;
pub mod stored;
pub mod stream;
mod team;
#[cfg(test)]
mod tests;

use std::io::{BufRead, Write};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use touchline_rules::UnixMs;
use touchline_rules::facts::{Change, Metadata};

/// The version of the format that this program reads and writes.
pub const VERSION: u32 = 1;
/// The longest line that is read, so that a wrong file cannot fill the memory.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// The first line of a history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the format.
    pub touchline_history: u32,
    /// Up to when the history is known.
    pub as_of: UnixMs,
    /// Times were derived, not recorded: everything computed from them is an estimate.
    pub estimated: bool,
    /// Pipelines, stages and owners.
    pub metadata: Metadata,
    /// Who manages whom, by e-mail.
    pub managers: Vec<(String, String)>,
}

/// A history in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The first line.
    pub header: Header,
    /// All others, ordered by `occurred_at`.
    pub changes: Vec<Change>,
}

/// A history that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The file system said no.
    #[error("cannot read the history: {0}")]
    Io(#[from] std::io::Error),
    /// A line is not what it should be.
    #[error("line {line} of the history: {problem}\nhint: make it with `touchline history import`")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
}

impl History {
    /// Reads a history.
    ///
    /// # Errors
    /// [`HistoryError`] naming the line.
    pub fn read(from: impl BufRead) -> Result<History, HistoryError> {
        let mut lines = stream::Lines::new(from);
        let header = lines.header()?;
        let mut changes: Vec<Change> = Vec::new();
        while let Some((line, text)) = lines.next()? {
            if !text.trim().is_empty() {
                changes.push(parse(line, text)?);
            }
        }
        changes.sort_by_key(|change| change.occurred_at);
        Ok(History { header, changes })
    }

    /// Writes it, a line a change.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write(&self, mut to: impl Write) -> std::io::Result<()> {
        serde_json::to_writer(&mut to, &self.header)?;
        to.write_all(b"\n")?;
        for change in &self.changes {
            serde_json::to_writer(&mut to, change)?;
            to.write_all(b"\n")?;
        }
        to.flush()
    }
}

/// What days a history tells of, in its own zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The day of the first change.
    pub first: Date,
    /// The day of the last change.
    pub last: Date,
    /// The day up to which the file knows: deals still open are that old.
    pub as_of: Date,
}

impl History {
    /// The days it tells of; `None` when it tells of no change.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        let zone = self.header.metadata.time_zone.as_deref().unwrap_or("UTC");
        let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
        let day = |at: UnixMs| at.to_zoned(&zone).date();
        let (first, last) = (self.changes.first()?, self.changes.last()?);
        Some(Span {
            first: day(first.occurred_at),
            last: day(last.occurred_at),
            as_of: day(self.header.as_of),
        })
    }
}

fn parse<T: serde::de::DeserializeOwned>(line: usize, text: &str) -> Result<T, HistoryError> {
    serde_json::from_str(text)
        .map_err(|error| HistoryError::Line { line, problem: error.to_string() })
}
