//! What can be wrong with a configuration, where, and what to do about it.

use std::path::PathBuf;

use super::written::Written;
use touchline_rules::nearest::did_you_mean;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {cause}\nhint: {}", path.display(), read_hint(cause))]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said. Not its source: it is said above.
        cause: std::io::Error,
    },
    /// It is no TOML.
    #[error(
        "{place}this is no TOML: {problem}\nhint: `touchline config` prints a file to compare with"
    )]
    Syntax {
        /// File, line and column, with a colon behind; or nothing.
        place: String,
        /// What the parser said.
        problem: String,
    },
    /// A key is unknown, or its value makes no sense.
    #[error("{place}{key}: {problem}\nhint: {hint}")]
    Invalid {
        /// File, line and column, with a colon behind; or nothing.
        place: String,
        /// The key.
        key: String,
        /// What is wrong with it.
        problem: String,
        /// What to write instead.
        hint: String,
    },
}

fn read_hint(cause: &std::io::Error) -> &'static str {
    match cause.kind() {
        std::io::ErrorKind::NotFound => {
            "`touchline config > touchline.toml` makes one from the documented defaults"
        }
        kind => crate::file_errors::hint(kind),
    }
}

impl ConfigError {
    /// An error about `key`, wherever it was written.
    pub(crate) fn invalid(
        key: impl Into<String>,
        problem: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        ConfigError::Invalid {
            place: String::new(),
            key: key.into(),
            problem: problem.into(),
            hint: hint.into(),
        }
    }

    /// The same error, saying where the key is written.
    pub(super) fn placed(self, written: &Written) -> Self {
        match self {
            ConfigError::Invalid { key, problem, hint, .. } => {
                ConfigError::Invalid { place: written.place(&key), key, problem, hint }
            }
            other => other,
        }
    }

    /// What the layers said when they were put together.
    pub(super) fn from_layers(error: config::ConfigError) -> Self {
        let (key, problem) = key_and_problem(error);
        if let Some((unknown, known)) = unknown_field(&problem) {
            let key = if key.is_empty() { unknown.clone() } else { format!("{key}.{unknown}") };
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            return Self::invalid(key, "there is no such key", did_you_mean(&unknown, &known));
        }
        let hint = Written::defaults().line(key.split('[').next().unwrap_or_default());
        let hint = hint.map_or_else(
            || "`touchline config` prints every key with its meaning".to_owned(),
            |line| format!("by default it is: {line}"),
        );
        Self::invalid(key, problem, hint)
    }
}

fn key_and_problem(error: config::ConfigError) -> (String, String) {
    match error {
        config::ConfigError::Type { unexpected, expected, key, .. } => {
            let expected = match expected {
                // The layers name the type of the program's own variable.
                number if number.contains("unsigned") => "a whole number from 0",
                number if number.ends_with("integer") => "a whole number",
                other => other,
            };
            (
                key.unwrap_or_default(),
                format!("got {}, expected {expected}", got(&unexpected.to_string())),
            )
        }
        config::ConfigError::At { error, key, .. } => {
            let (inner, problem) = key_and_problem(*error);
            let key = key.filter(|key| !key.is_empty()).unwrap_or(inner);
            (key, problem)
        }
        config::ConfigError::NotFound(key) => (key, "this key is missing".to_owned()),
        other => (String::new(), other.to_string()),
    }
}

/// What the layers found, without the names of the program's own types: a number
/// or switch stands in backticks, a text in quotes behind `string`.
fn got(unexpected: &str) -> String {
    match unexpected {
        "sequence" => "a list".to_owned(),
        "map" => "a table".to_owned(),
        other => {
            let quoted = other.split('`').nth(1).or_else(|| other.strip_prefix("string "));
            quoted.unwrap_or(other).to_owned()
        }
    }
}

/// serde names the unknown field and those it knows, each in backticks.
fn unknown_field(problem: &str) -> Option<(String, Vec<String>)> {
    let rest = problem.split_once("unknown field `")?.1;
    let (unknown, rest) = rest.split_once('`')?;
    let known = rest.split('`').skip(1).step_by(2).map(str::to_owned);
    Some((unknown.to_owned(), known.collect()))
}
