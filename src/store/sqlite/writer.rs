//! The one thread that writes `main.db`, and its two classes of commit.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::checkpoint::Checkpoints;
use super::worker::Handle;
use crate::store::error::Result;
use crate::store::failure::Failure;

/// How durable a commit must be before it is answered.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum CommitClass {
    /// Effects that the inbox can rebuild: safe from a crash of the process,
    /// not from a power cut (`synchronous=NORMAL`).
    Derived,
    /// Facts that exist nowhere else: on the disk before it is answered
    /// (`synchronous=FULL`), and with it every commit before.
    Original,
}

/// The writer thread's state.
pub(in crate::store) struct Writer {
    connection: Connection,
    class: CommitClass,
    failure: Failure,
    checkpoints: Handle<Checkpoints>,
    checkpoint_every_rows: u64,
    rows_at_checkpoint: u64,
}

impl Writer {
    /// Takes a connection that was opened for writing, hence with full sync.
    pub fn new(
        connection: Connection,
        failure: Failure,
        checkpoints: Handle<Checkpoints>,
        checkpoint_every_rows: u64,
    ) -> Self {
        Writer {
            connection,
            class: CommitClass::Original,
            failure,
            checkpoints,
            checkpoint_every_rows,
            rows_at_checkpoint: 0,
        }
    }

    /// Runs `body` in one transaction: all of it is committed, or nothing.
    pub fn commit<T>(
        &mut self,
        class: CommitClass,
        body: impl FnOnce(&Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        self.failure.check()?;
        let done = self.try_commit(class, body);
        if let Err(error) = &done {
            self.failure.note(error);
        }
        self.checkpoint_if_due();
        done
    }

    fn try_commit<T>(
        &mut self,
        class: CommitClass,
        body: impl FnOnce(&Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        self.set_class(class)?;
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = body(&tx)?;
        tx.commit()?;
        Ok(value)
    }

    fn set_class(&mut self, class: CommitClass) -> Result<()> {
        if self.class != class {
            let level = match class {
                CommitClass::Derived => "NORMAL",
                CommitClass::Original => "FULL",
            };
            self.connection.pragma_update(None, "synchronous", level)?;
            self.class = class;
        }
        Ok(())
    }

    /// Copying the log back costs tens of milliseconds, so it happens on
    /// another thread while this one goes on.
    fn checkpoint_if_due(&mut self) {
        let rows = self.connection.total_changes();
        if rows.saturating_sub(self.rows_at_checkpoint) < self.checkpoint_every_rows {
            return;
        }
        self.rows_at_checkpoint = rows;
        // A full queue means that a checkpoint is waiting already.
        drop(self.checkpoints.post(|checkpoints| drop(checkpoints.run())));
    }
}
