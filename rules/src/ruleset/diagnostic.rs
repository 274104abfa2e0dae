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
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
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
        if self.found.len() >= FINDINGS_MAX {
            return;
        }
        self.found.push(RuleDiagnostic {
            severity,
            file: self.file.to_owned(),
            line: at.line.max(1),
            column: at.column.max(1),
            code,
            message,
            hint,
            rule: self.rule.clone(),
        });
    }

    pub(crate) fn into_sorted(mut self) -> Vec<RuleDiagnostic> {
        self.found.sort_by_key(|one| (one.line, one.column));
        self.found
    }
}
