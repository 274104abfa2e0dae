//! What is wrong with rule files, where, and what to write instead.

use std::fmt;

use serde::Serialize;

use super::yaml::Position;
pub use crate::condition::Severity;

/// One finding about a rule file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleDiagnostic {
    /// An error keeps the whole set from loading; a warning does not.
    pub severity: Severity,
    /// The file, as it was named to the loader.
    #[serde(rename = "path")]
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The place after the last character that is meant.
    pub end: Position,
    /// Stable, for programs and documentation: `unknown_key`.
    pub code: &'static str,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The rule it is about.
    pub rule: Option<String>,
}

/// `packs/core.yaml:12:9: error[unknown_key]: …`, and the hint below.
impl fmt::Display for RuleDiagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RuleDiagnostic { file, line, column, code, message, .. } = self;
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{file}:{line}:{column}: {severity}[{code}]: {message}")?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

/// What was found, without its place.
pub(super) struct Finding {
    pub(super) severity: Severity,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Finding {
    pub(super) fn warning(
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Finding {
        let hint = Some(hint.into());
        Finding { severity: Severity::Warning, code, message: message.into(), hint }
    }
}

/// The findings about one file, as they are collected.
#[derive(Debug)]
pub(crate) struct Findings<'a> {
    file: &'a str,
    /// The rule that findings are about at the moment.
    pub(super) rule: Option<String>,
    found: Vec<RuleDiagnostic>,
}

/// The most findings kept for one file.
const FINDINGS_MAX: usize = 200;

impl<'a> Findings<'a> {
    pub(crate) fn new(file: &'a str) -> Self {
        Findings { file, rule: None, found: Vec::new() }
    }

    pub(crate) fn error(
        &mut self,
        at: Position,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let hint = Some(hint.into());
        self.push(Severity::Error, at, code, message.into(), hint);
    }

    pub(super) fn push(
        &mut self,
        severity: Severity,
        at: Position,
        code: &'static str,
        message: String,
        hint: Option<String>,
    ) {
        // Where it ends is worked out from the text.
        self.between(at, at, Finding { severity, code, message, hint });
    }

    /// Notes what was found from one place up to another.
    pub(super) fn between(&mut self, at: Position, end: Position, finding: Finding) {
        if self.found.len() >= FINDINGS_MAX {
            return;
        }
        let Finding { severity, code, message, hint } = finding;
        self.found.push(RuleDiagnostic {
            severity,
            file: self.file.to_owned(),
            line: at.line,
            column: at.column,
            end,
            code,
            message,
            hint,
            rule: self.rule.clone(),
        });
    }

    /// The findings in the order of `text`, the file they are about: each at a
    /// place inside it, with its end.
    pub(crate) fn into_sorted(mut self, text: &str) -> Vec<RuleDiagnostic> {
        let lines: Vec<&str> = text.lines().collect();
        for one in &mut self.found {
            let begin = inside(&lines, Position { line: one.line, column: one.column });
            let told = inside(&lines, one.end);
            (one.line, one.column) = (begin.line, begin.column);
            one.end = if told > begin { told } else { end_of_word(&lines, begin) };
        }
        self.found.sort_by_key(|one| (one.line, one.column));
        self.found
    }
}

/// The place nearest to `at` that the file has; its end is one past its last
/// character.
fn inside(lines: &[&str], at: Position) -> Position {
    let line = at.line.clamp(1, lines.len().max(1));
    let letters = lines.get(line - 1).map_or(0, |text| text.chars().count());
    Position { line, column: at.column.clamp(1, letters + 1) }
}

/// Where the key, the text in quotes or the plain value ends that begins at `at`.
fn end_of_word(lines: &[&str], at: Position) -> Position {
    let line = lines.get(at.line - 1).copied().unwrap_or_default();
    let rest: Vec<char> = line.chars().skip(at.column - 1).collect();
    let length = match rest.first() {
        Some(quote @ ('"' | '\'')) => {
            let closing = rest.iter().skip(1).position(|letter| letter == quote);
            closing.map_or(rest.len(), |at| at + 2)
        }
        Some(_) => {
            let ends = |letter: &char| matches!(letter, ',' | ']' | '}' | ':' | '#');
            let word: &[char] = rest.split(ends).next().unwrap_or_default();
            let spaces = word.iter().rev().take_while(|letter| letter.is_whitespace()).count();
            (word.len() - spaces).max(1)
        }
        None => 0,
    };
    Position { line: at.line, column: at.column + length }
}
