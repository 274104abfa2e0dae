//! What can be wrong with a configuration, and what to do about it.

use std::path::PathBuf;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}\nhint: `touchline config` prints the documented defaults to start from", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It does not fit: an unknown key, a wrong type, a syntax error.
    #[error("the configuration does not fit: {problem}{hint}")]
    Shape {
        /// What and where.
        problem: String,
        /// A line beginning `hint:`, or nothing.
        hint: String,
    },
    /// A value is of the right type and still makes no sense.
    #[error("{key} {problem}\nhint: {hint}")]
    Invalid {
        /// The key.
        key: String,
        /// What is wrong with it.
        problem: String,
        /// What to write instead.
        hint: String,
    },
}

impl ConfigError {
    pub(super) fn from_source(error: config::ConfigError) -> Self {
        let problem = error.to_string();
        let hint = nearest_known_key(&problem).unwrap_or_default();
        ConfigError::Shape { problem, hint }
    }
}

/// serde names the unknown field and those it knows, each in backticks.
fn nearest_known_key(problem: &str) -> Option<String> {
    let rest = problem.split_once("unknown field `")?.1;
    let (unknown, rest) = rest.split_once('`')?;
    let known = rest.split('`').skip(1).step_by(2);
    let nearest = known.min_by_key(|key| edit_distance(unknown, key))?;
    Some(format!("\nhint: did you mean `{nearest}`?"))
}

/// Levenshtein distance, over at most the first 64 characters of each.
pub(crate) fn edit_distance(a: &str, b: &str) -> usize {
    const CHARS_MAX: usize = 64;
    let b: Vec<char> = b.chars().take(CHARS_MAX).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().take(CHARS_MAX).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
