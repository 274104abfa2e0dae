//! A copy of both files while they are in use.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use super::Store;
use super::error::{Result, StoreError};
use super::sqlite::{Files, create_private};
use super::statement::{run, statements};

statements! {
    COPY(1) = "VACUUM INTO $1";
}

impl Store {
    /// Copies the database to `path` and its inbox beside it, while both are in
    /// use. The copy opens as any database does.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when there is a file already.
    pub async fn backup(&self, path: PathBuf) -> Result<()> {
        let files = Files::beside(&path);
        self.checkpoints()
            .run(move |connections| {
                // The inbox first: what is purged from it later is covered by
                // the cursor of the main file, which is copied after it.
                copy(&connections.inbox, &files.inbox)?;
                copy(&connections.main, &files.main)
            })
            .await
    }
}

fn copy(from: &Connection, to: &Path) -> Result<()> {
    let name = to.display().to_string();
    if to.exists() {
        return Err(StoreError::conflict("backup", &name, "exists already; choose another path"));
    }
    let failed =
        |error: std::io::Error| StoreError::Open { path: to.to_owned(), detail: error.to_string() };
    create_private(to).map_err(failed)?;
    run(from, &COPY, params![name]).map(drop)
}
