//! What is wrong with a condition, where, and what to write instead.

use std::{fmt, ops::Range};

use serde::Serialize;

/// At most this many diagnostics are given for one condition.
pub(super) const DIAGNOSTICS_MAX: usize = 50;

/// How bad a [`Diagnostic`] is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The condition cannot be used.
    Error,
    /// It can be used, but hardly does what was meant.
    Warning,
}

/// One finding about a condition's source text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// Stable, for programs and documentation: `unknown_field`.
    pub code: &'static str,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Bytes of the source that are meant; may be empty at its end.
    pub span: Range<usize>,
    /// Line of the span's first byte, from 1.
    pub line: usize,
    /// Column of the span's first byte in characters, from 1.
    pub column: usize,
}

impl Diagnostic {
    pub(super) fn error(
        source: &str,
        span: Range<usize>,
        code: &'static str,
        message: impl Into<String>,
    ) -> Diagnostic {
        let (line, column) = line_and_column(source, span.start);
        let message = message.into();
        Diagnostic { severity: Severity::Error, code, message, hint: None, span, line, column }
    }

    pub(super) fn warning(
        source: &str,
        span: Range<usize>,
        code: &'static str,
        message: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(source, span, code, message) }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Diagnostic {
        self.maybe_hint(Some(hint.into()))
    }

    pub(super) fn maybe_hint(mut self, hint: Option<String>) -> Diagnostic {
        self.hint = hint;
        self
    }

    /// The finding with the line it is about and a mark under the place.
    /// `source` must be the text that was compiled.
    #[must_use]
    pub fn render(&self, source: &str) -> String {
        let line = source.lines().nth(self.line.saturating_sub(1)).unwrap_or_default();
        let marked = source.get(self.span.clone()).unwrap_or_default();
        let width = marked.lines().next().unwrap_or_default().chars().count().max(1);
        let pad = " ".repeat(self.column.saturating_sub(1));
        let marks = "^".repeat(width);
        let mut text = format!("{self}\n  | {line}\n  | {pad}{marks}");
        if let Some(hint) = &self.hint {
            text.push_str("\n  hint: ");
            text.push_str(hint);
        }
        text
    }
}

/// One line, without the hint: `1:6: error[unknown_field]: …`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let Diagnostic { line, column, code, message, .. } = self;
        write!(f, "{line}:{column}: {severity}[{code}]: {message}")
    }
}

fn line_and_column(source: &str, at: usize) -> (usize, usize) {
    let before = source.get(..at).unwrap_or(source);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}

/// A piece of source inside a sentence: one line, at most 60 characters.
pub(super) fn quoted(source: &str, span: &Range<usize>) -> String {
    const SHOWN_CHARS_MAX: usize = 60;
    let text = source.get(span.clone()).unwrap_or_default();
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("`{}…`", &words[..end]),
        None => format!("`{words}`"),
    }
}
