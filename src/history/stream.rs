//! A history read line by line, so that its length costs no memory.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;
use touchline_rules::UnixMs;
use touchline_rules::facts::Change;

use super::sort::{Sorted, Sorter};
use super::{Header, HistoryError, LINE_BYTES_MAX, VERSION, parse};
use crate::file_errors::open_file;

/// Bytes read from the disk at once.
const BUFFER_BYTES: usize = 1 << 18;
/// How an activity stands in a line. Inside a text its quotes would be escaped.
const ACTIVITY: &[u8] = b"{\"activity\":{";

/// Lines of a history, none longer than may be.
pub struct Lines<R> {
    from: R,
    text: String,
    /// The line read last, counted from 1.
    line: usize,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(from: R) -> Self {
        Lines { from, text: String::new(), line: 0 }
    }

    /// The next line and its number; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(usize, &str)>, HistoryError> {
        self.text.clear();
        self.line += 1;
        let read = std::io::Read::take(&mut self.from, LINE_BYTES_MAX).read_line(&mut self.text)?;
        if read as u64 == LINE_BYTES_MAX {
            let problem = format!("is longer than {LINE_BYTES_MAX} bytes");
            return Err(HistoryError::Line { line: self.line, problem });
        }
        Ok((read > 0).then_some((self.line, self.text.as_str())))
    }

    /// The next line that is not blank.
    fn next_filled(&mut self) -> Result<Option<(usize, &str)>, HistoryError> {
        loop {
            match self.next()? {
                None => return Ok(None),
                Some((_, text)) if text.trim().is_empty() => {}
                Some(_) => return Ok(Some((self.line, self.text.as_str()))),
            }
        }
    }

    /// The first line.
    pub(super) fn header(&mut self) -> Result<Header, HistoryError> {
        let Some((line, text)) = self.next()? else {
            return Err(HistoryError::Line { line: 1, problem: "the file is empty".into() });
        };
        let header: Header = parse(line, text)?;
        if header.touchline_history != VERSION {
            let problem = format!("version {} is not known here", header.touchline_history);
            return Err(HistoryError::Line { line, problem });
        }
        Ok(header)
    }
}

/// What a first look at a history finds.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    /// How many changes it tells of.
    pub changes: u64,
    /// The earliest instant at which one became known.
    pub first: UnixMs,
    /// The latest.
    pub last: UnixMs,
    /// Whether they stand in the order of time.
    pub in_order: bool,
    /// Whether it tells of any activity.
    pub activities: bool,
}

impl Overview {
    /// Counts a change that became known at `at`.
    pub(super) fn count(&mut self, at: UnixMs) {
        self.first = if self.changes == 0 { at } else { self.first.min(at) };
        self.last = if self.changes == 0 { at } else { self.last.max(at) };
        self.changes += 1;
    }
}

/// A history file, looked through once.
pub struct HistoryFile {
    path: PathBuf,
    /// The first line.
    pub header: Header,
    /// What the first look found.
    pub overview: Overview,
}

/// All of a line that a first look reads.
#[derive(Deserialize)]
struct Instant {
    occurred_at: UnixMs,
}

impl HistoryFile {
    /// Looks a file through.
    ///
    /// # Errors
    /// When it cannot be read, with the line.
    pub fn open(path: &Path) -> anyhow::Result<HistoryFile> {
        let named = || path.display().to_string();
        let mut lines = open(path)?;
        let header = lines.header().with_context(named)?;
        let mut overview = Overview { in_order: true, ..Overview::default() };
        let mut last = UnixMs::MIN;
        while let Some((line, text)) = lines.next_filled().with_context(named)? {
            let Instant { occurred_at } = parse(line, text).with_context(named)?;
            overview.in_order &= last <= occurred_at;
            overview.activities = overview.activities || has(text.as_bytes(), ACTIVITY);
            overview.count(occurred_at);
            last = occurred_at;
        }
        Ok(HistoryFile { path: path.to_owned(), header, overview })
    }

    /// Its changes in the order of time. A file in another order is sorted first,
    /// on disk.
    ///
    /// # Errors
    /// When it cannot be read, or there is no room to sort it.
    pub fn changes(&self) -> anyhow::Result<Changes> {
        let mut lines = open(&self.path)?;
        lines.header()?;
        if self.overview.in_order {
            return Ok(Changes::AsWritten(lines));
        }
        let mut sorter = Sorter::new();
        while let Some((line, text)) = lines.next_filled()? {
            let Instant { occurred_at } = parse(line, text)?;
            sorter.add(occurred_at, text.trim_end().as_bytes())?;
        }
        Ok(Changes::Sorted(sorter.sorted()?))
    }
}

/// Whether `what` stands anywhere in `text`.
fn has(text: &[u8], what: &[u8]) -> bool {
    text.windows(what.len()).any(|window| window == what)
}

fn open(path: &Path) -> anyhow::Result<Lines<BufReader<File>>> {
    let file = open_file("the history", path)?;
    Ok(Lines::new(BufReader::with_capacity(BUFFER_BYTES, file)))
}

/// Changes with the instants at which they became known, one by one.
pub enum Changes {
    /// Of a file, in its own order.
    AsWritten(Lines<BufReader<File>>),
    /// Sorted.
    Sorted(Sorted),
}

impl Iterator for Changes {
    type Item = anyhow::Result<(UnixMs, Change)>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = match self {
            Changes::AsWritten(lines) => match lines.next_filled() {
                Ok(None) => return None,
                Ok(Some((line, text))) => {
                    parse(line, text).map(|change: Change| (change.occurred_at, change))
                }
                Err(error) => Err(error),
            },
            Changes::Sorted(sorted) => match sorted.next()? {
                Ok((at, text)) => match serde_json::from_slice(&text) {
                    Ok(change) => Ok((at, change)),
                    Err(error) => return Some(Err(error.into())),
                },
                Err(error) => Err(HistoryError::Io(error)),
            },
        };
        Some(read.map_err(anyhow::Error::from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = r#"{"touchline_history":1,"as_of":9000,"estimated":true,"metadata":{"account_id":null,"time_zone":null,"currency":null,"pipelines":[],"owners":[]},"managers":[]}"#;

    fn created(deal: &str, at: i64) -> String {
        format!(
            r#"{{"deal":{{"connection":"import","id":"{deal}"}},"kind":"created","occurred_at":{at},"actor":{{"kind":"import","user_id":null}},"vendor_id":null,"vendor_seq":0}}"#
        )
    }

    fn read(lines: &[String]) -> anyhow::Result<(Overview, Vec<(i64, String)>)> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("past.jsonl");
        std::fs::write(&path, [&[HEADER.to_owned()], lines].concat().join("\n"))?;
        let file = HistoryFile::open(&path)?;
        let told = file.changes()?.map(|told| told.map(|(at, change)| (at.0, change.deal.id)));
        let told = told.collect::<anyhow::Result<Vec<_>>>()?;
        Ok((file.overview, told))
    }

    #[test]
    fn a_file_in_order_is_read_as_it_stands_and_another_is_sorted() {
        let (overview, told) = read(&[created("a", 5), String::new(), created("b", 5)]).unwrap();
        assert!(overview.in_order && !overview.activities && overview.changes == 2);
        assert_eq!(told, [(5, "a".to_owned()), (5, "b".to_owned())]);
        let (overview, told) = read(&[created("a", 7), created("b", 5), created("c", 7)]).unwrap();
        assert!(!overview.in_order);
        assert_eq!((overview.first, overview.last), (UnixMs(5), UnixMs(7)));
        assert_eq!(told, [(5, "b".to_owned()), (7, "a".to_owned()), (7, "c".to_owned())]);
    }

    #[test]
    fn a_name_that_looks_like_an_activity_is_none() {
        let name = r#"{"deal":{"connection":"import","id":"a"},"kind":{"field_set":{"field":"name","to":{"known":{"text":"{\"activity\":{"}}}},"occurred_at":5,"actor":{"kind":"import","user_id":null},"vendor_id":null,"vendor_seq":0}"#;
        assert!(!read(&[name.to_owned()]).unwrap().0.activities);
        let email = r#"{"deal":{"connection":"import","id":"a"},"kind":{"activity":{"id":"1","kind":"email","direction":"inbound","at":5,"by_touchline":false}},"occurred_at":5,"actor":{"kind":"import","user_id":null},"vendor_id":null,"vendor_seq":0}"#;
        assert!(read(&[email.to_owned()]).unwrap().0.activities);
    }

    #[test]
    fn a_line_that_is_wrong_is_named_before_anything_is_played() {
        let error = read(&[created("a", 5), "{}".to_owned()]).unwrap_err();
        assert!(format!("{error:#}").contains("line 3 of the history"), "{error:#}");
    }
}
