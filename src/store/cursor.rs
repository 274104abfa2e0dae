//! The ingest cursor. It lives in the main file, with the effects it stands for.

use rusqlite::{Connection, params};

use super::Store;
use super::error::{Result, StoreError};
use super::statement::{number, run, statements};

statements! {
    READ(0) = "SELECT seq FROM cursor WHERE name = 'ingest'";
    MOVE(2) = "UPDATE cursor SET seq = $1 WHERE name = 'ingest' AND seq = $2";
}

impl Store {
    /// The sequence number up to which ingest has committed its effects.
    pub async fn cursor(&self) -> Result<u64> {
        self.read(|main| Ok(read(main)?.unsigned_abs())).await
    }
}

pub(super) fn read(main: &Connection) -> Result<i64> {
    number(main, &READ, [])
}

/// Moves the cursor, if it still stands where the caller began.
pub(super) fn advance(main: &Connection, from: u64, to: u64) -> Result<()> {
    if run(main, &MOVE, params![to.cast_signed(), from.cast_signed()])? == 1 {
        return Ok(());
    }
    let stands = read(main)?;
    Err(StoreError::conflict("cursor", "ingest", format!("stands at {stands}, not at {from}")))
}
