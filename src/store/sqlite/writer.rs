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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::checkpoint::DurableCursor;
    use crate::store::sqlite::worker::Workers;
    use crate::store::sqlite::{Purpose, open};
    use crate::store::{StoreError, StoreOptions};

    fn writer() -> (tempfile::TempDir, Writer, Workers<Checkpoints>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("main.db");
        let connect = || open(&path, Purpose::Write, &StoreOptions::default()).unwrap();
        let failure = Failure::new();
        let checkpoints = Checkpoints {
            main: connect(),
            inbox: connect(),
            durable: DurableCursor::default(),
            failure: failure.clone(),
        };
        let workers = Workers::start("test", 1, vec![checkpoints]).unwrap();
        let writer = Writer::new(connect(), failure, workers.handle(), u64::MAX);
        (folder, writer, workers)
    }

    #[test]
    fn only_an_original_commit_waits_for_the_disk() {
        const NORMAL: i64 = 1;
        const FULL: i64 = 2;
        let (_folder, mut writer, _workers) = writer();
        let mut level_of = |class| {
            let level = |tx: &Transaction<'_>| {
                Ok(tx.pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0))?)
            };
            writer.commit(class, level).unwrap()
        };
        assert_eq!(level_of(CommitClass::Original), FULL);
        assert_eq!(level_of(CommitClass::Derived), NORMAL);
        assert_eq!(level_of(CommitClass::Original), FULL);
    }

    #[test]
    fn an_error_rolls_back_and_a_fatal_one_is_the_last_word() {
        let (_folder, mut writer, _workers) = writer();
        let make = "CREATE TABLE t (x BIGINT NOT NULL)";
        writer.commit(CommitClass::Original, |tx| Ok(tx.execute_batch(make)?)).unwrap();
        let mut insert_then = |error: Option<StoreError>| {
            writer.commit(CommitClass::Derived, |tx| {
                tx.execute("INSERT INTO t (x) VALUES (1)", [])?;
                let rows =
                    tx.query_row("SELECT COUNT(*) FROM t", [], |row| row.get::<_, i64>(0))?;
                error.map_or(Ok(rows), Err)
            })
        };
        assert_eq!(insert_then(Some(StoreError::DiskFull)), Err(StoreError::DiskFull));
        assert_eq!(insert_then(None), Ok(1));
        let failed = StoreError::Failed { detail: "disk I/O error".into() };
        assert_eq!(insert_then(Some(failed.clone())), Err(failed.clone()));
        assert_eq!(insert_then(None), Err(failed));
    }
}
