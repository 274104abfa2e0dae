//! Checkpoints off the commit path, and what they allow to be forgotten.
//!
//! Effects of the inbox are committed to `main.db` without a sync, so after a
//! power cut its cursor may step back. An inbox row may go only when the cursor
//! that passed it is certainly on the disk: when a checkpoint that began after
//! that commit copied the whole log.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rusqlite::{Connection, params};
use touchline_rules::UnixMs;

use crate::store::cursor;
use crate::store::error::Result;
use crate::store::failure::Failure;
use crate::store::statement::{run, sql_limit, statements};

/// Rows deleted in one transaction, so that an append never waits long for it.
const PURGE_ROWS_MAX: usize = 500;

statements! {
    /// The newest row stays: the next sequence number is derived from it.
    PURGE(3) = "DELETE FROM inbox WHERE seq IN (SELECT seq FROM inbox \
        WHERE seq <= $1 AND received_at < $2 AND seq < (SELECT MAX(seq) FROM inbox) \
        ORDER BY seq LIMIT $3)";
}

/// The inbox position up to which effects are on the disk for certain.
#[derive(Clone, Default)]
pub(in crate::store) struct DurableCursor(Arc<AtomicI64>);

impl DurableCursor {
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Acquire)
    }
}

/// The checkpoint thread's state: a connection to each file.
pub(in crate::store) struct Checkpoints {
    pub main: Connection,
    pub inbox: Connection,
    pub durable: DurableCursor,
    pub failure: Failure,
}

impl Checkpoints {
    /// Checkpoints both files without making anybody wait, and answers the
    /// position up to which the inbox may be purged.
    pub fn run(&mut self) -> Result<i64> {
        self.failure.check()?;
        let done = self.checkpoint();
        if let Err(error) = &done {
            self.failure.note(error);
        }
        done
    }

    fn checkpoint(&mut self) -> Result<i64> {
        let passed = cursor::read(&self.main)?;
        if passive(&self.main)? {
            self.durable.0.fetch_max(passed, Ordering::AcqRel);
        }
        passive(&self.inbox)?;
        Ok(self.durable.get())
    }

    /// Deletes inbox rows up to the durable cursor that arrived before an
    /// instant, in small steps; answers how many.
    pub fn purge(&mut self, received_before: UnixMs) -> Result<usize> {
        self.failure.check()?;
        let below = self.durable.get();
        let mut purged = 0;
        loop {
            let step = run(
                &self.inbox,
                &PURGE,
                params![below, received_before.0, sql_limit(PURGE_ROWS_MAX)],
            )?;
            purged += step;
            if step < PURGE_ROWS_MAX {
                return Ok(purged);
            }
        }
    }
}

/// Whether the whole log was copied and synced.
fn passive(connection: &Connection) -> Result<bool> {
    let done = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        let (busy, in_log, copied): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(busy == 0 && in_log == copied)
    })?;
    Ok(done)
}
