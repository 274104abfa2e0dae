//! What the doctor found, and how it is shown.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

/// Different reasons shown.
const REASONS_MAX: usize = 5;

/// How bad it is.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// As it should be.
    #[default]
    Ok,
    /// Works, but somebody should look.
    Warn,
    /// Does not work.
    Bad,
}

impl Level {
    /// Four letters, so that lines stand under each other.
    fn word(self) -> &'static str {
        match self {
            Level::Ok => "ok  ",
            Level::Warn => "warn",
            Level::Bad => "bad ",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What it is about: `installation`, `connection hubspot`.
    pub about: String,
    /// How bad it is.
    pub level: Level,
    /// What was seen, in one line.
    pub text: String,
    /// More of it, line by line.
    pub details: Vec<String>,
    /// What to do.
    pub hints: Vec<String>,
}

/// All of them, in the order in which they were looked at.
#[derive(Debug, Default)]
pub(super) struct Findings {
    about: String,
    found: Vec<Finding>,
}

impl Findings {
    /// What the next ones are about.
    pub fn about(&mut self, what: &str) {
        what.clone_into(&mut self.about);
    }

    /// As it should be.
    pub fn ok(&mut self, text: impl Into<String>) -> &mut Finding {
        self.push(Level::Ok, text.into())
    }

    /// Somebody should look.
    pub fn warn(&mut self, text: impl Into<String>) -> &mut Finding {
        self.push(Level::Warn, text.into())
    }

    /// Does not work.
    pub fn bad(&mut self, text: impl Into<String>) -> &mut Finding {
        self.push(Level::Bad, text.into())
    }

    /// An error as the rest of the program words it, its hint apart.
    pub fn error(&mut self, error: &anyhow::Error) -> &mut Finding {
        let text = format!("{error:#}");
        let mut lines = text.lines();
        let finding = self.bad(lines.next().unwrap_or_default());
        for line in lines {
            match line.trim().strip_prefix("hint: ") {
                Some(hint) => finding.hints.push(hint.to_owned()),
                None => finding.details.push(line.trim().to_owned()),
            }
        }
        finding
    }

    /// All of them.
    pub fn all(&self) -> &[Finding] {
        &self.found
    }

    /// The worst level among them.
    pub fn worst(&self) -> Level {
        self.found.iter().map(|one| one.level).max().unwrap_or_default()
    }

    #[expect(clippy::expect_used, reason = "one was pushed on the line before")]
    fn push(&mut self, level: Level, text: String) -> &mut Finding {
        let about = self.about.clone();
        self.found.push(Finding { about, level, text, details: Vec::new(), hints: Vec::new() });
        self.found.last_mut().expect("one was pushed")
    }
}

impl Finding {
    /// Adds what to do.
    pub fn hint(&mut self, hint: impl Into<String>) -> &mut Finding {
        self.hints.push(hint.into());
        self
    }

    /// Adds a line that says more.
    pub fn detail(&mut self, detail: impl Into<String>) -> &mut Finding {
        self.details.push(detail.into());
        self
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut about = "";
        for finding in &self.found {
            if finding.about != about {
                about = &finding.about;
                writeln!(f, "{about}")?;
            }
            writeln!(f, "  {}  {}", finding.level.word(), finding.text)?;
            for detail in &finding.details {
                writeln!(f, "        {detail}")?;
            }
            for hint in &finding.hints {
                writeln!(f, "        hint: {hint}")?;
            }
        }
        let count = |level| self.found.iter().filter(|one| one.level == level).count();
        match (count(Level::Bad), count(Level::Warn)) {
            (0, 0) => writeln!(f, "all is well"),
            (bad, warn) => writeln!(f, "{bad} bad, {warn} to look at"),
        }
    }
}

/// The most frequent reasons, each with its number.
pub(super) fn tell_reasons<'a>(reasons: impl Iterator<Item = &'a str>, lines: &mut Vec<String>) {
    let mut counted = BTreeMap::<&str, usize>::new();
    for reason in reasons {
        *counted.entry(if reason.is_empty() { "no reason given" } else { reason }).or_default() +=
            1;
    }
    let mut counted: Vec<_> = counted.into_iter().collect();
    counted.sort_by_key(|(reason, count)| (std::cmp::Reverse(*count), *reason));
    lines.extend(
        counted.iter().take(REASONS_MAX).map(|(reason, count)| format!("{count} × {reason}")),
    );
    if let Some(more) = counted.len().checked_sub(REASONS_MAX + 1) {
        lines.push(format!("… and {}", counted_more(more + 1)));
    }
}

fn counted_more(more: usize) -> String {
    if more == 1 { "one more reason".to_owned() } else { format!("{more} more reasons") }
}

/// A length of time in the largest unit that fits: `3 min`.
pub(super) fn lasting(ms: i64) -> String {
    use touchline_rules::time::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS};
    let units = [(DAY_MS, "days"), (HOUR_MS, "h"), (MINUTE_MS, "min"), (SECOND_MS, "s")];
    let fitting = units.into_iter().find(|(unit, _)| ms >= 2 * unit);
    let (unit, name) = fitting.unwrap_or((SECOND_MS, "s"));
    format!("{} {name}", ms.max(0) / unit)
}
