//! Why something cannot be done with a rule.

use touchline_rules::life::{StepRefused, TighteningRefused};

use crate::store::StoreError;

/// Why something cannot be done with a rule, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum LifeError {
    /// This person may not.
    #[error("{problem}\nhint: {hint}")]
    NotAllowed {
        /// Who may not do what.
        problem: String,
        /// Who may.
        hint: String,
    },
    /// There is no such thing.
    #[error("{problem}\nhint: {hint}")]
    NotFound {
        /// What is not there.
        problem: String,
        /// What is.
        hint: String,
    },
    /// It makes no sense as things stand.
    #[error("{problem}\nhint: {hint}")]
    Refused {
        /// What stands in the way.
        problem: String,
        /// What to do instead.
        hint: String,
    },
    /// Rules are wrong, or their tests fail: everything that was found.
    #[error("{0}")]
    Faulty(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something else went wrong.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

impl LifeError {
    pub(super) fn refused(problem: impl Into<String>, hint: impl Into<String>) -> Self {
        LifeError::Refused { problem: problem.into(), hint: hint.into() }
    }

    pub(super) fn not_allowed(problem: impl Into<String>, hint: impl Into<String>) -> Self {
        LifeError::NotAllowed { problem: problem.into(), hint: hint.into() }
    }

    pub(super) fn not_found(problem: impl Into<String>, hint: impl Into<String>) -> Self {
        LifeError::NotFound { problem: problem.into(), hint: hint.into() }
    }
}

impl From<StepRefused> for LifeError {
    fn from(refused: StepRefused) -> Self {
        LifeError::refused(refused.problem, refused.hint)
    }
}

impl From<TighteningRefused> for LifeError {
    fn from(refused: TighteningRefused) -> Self {
        LifeError::refused(refused.problem, refused.hint)
    }
}

impl From<serde_json::Error> for LifeError {
    fn from(error: serde_json::Error) -> Self {
        LifeError::Other(error.into())
    }
}
