//! The moment after which nothing is acknowledged any more.

use std::sync::Arc;

use tokio::sync::watch;

use super::error::{Result, StoreError};

/// Set once, when the disk fails; shared by every thread of the store.
#[derive(Clone)]
pub(super) struct Failure(Arc<watch::Sender<Option<String>>>);

impl Failure {
    pub fn new() -> Self {
        Failure(Arc::new(watch::Sender::new(None)))
    }

    /// Remembers the first fatal error.
    pub fn note(&self, error: &StoreError) {
        let StoreError::Failed { detail } = error else { return };
        self.0.send_if_modified(|failed| {
            let first = failed.is_none();
            failed.get_or_insert_with(|| detail.clone());
            first
        });
    }

    /// The failure as an error, if there was one.
    pub fn check(&self) -> Result<()> {
        match &*self.0.borrow() {
            Some(detail) => Err(StoreError::Failed { detail: detail.clone() }),
            None => Ok(()),
        }
    }

    /// Resolves when the disk has failed.
    pub async fn wait(&self) -> StoreError {
        let mut watching = self.0.subscribe();
        let detail = match watching.wait_for(Option::is_some).await {
            Ok(failed) => failed.clone().unwrap_or_default(),
            // The sender lives in `self`, so it cannot have gone away.
            Err(_) => String::new(),
        };
        StoreError::Failed { detail }
    }
}
