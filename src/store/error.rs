//! What can go wrong in the store, by what the caller can do about it.

use std::path::PathBuf;

/// Why a store operation did not happen. Nothing of it was committed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A database file cannot be opened.
    #[error(
        "cannot open the database {path}: {detail}\nhint: `database` must name a file that touchline made, or a new one in a folder that can be written"
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        detail: String,
    },
    /// A newer build wrote this database.
    #[error(
        "{path} has schema version {found}, this build knows up to {known}\n\
         hint: run the newer touchline that wrote it, or restore a backup"
    )]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// The version found.
        found: i64,
        /// The newest version this build knows.
        known: i64,
    },
    /// The schema must move on, but a `serve` of an older build is using it.
    #[error(
        "{path} needs a newer schema while `touchline serve` ({holder}) uses it\n\
         hint: stop that process, then run this again"
    )]
    MigrationWhileServing {
        /// The file.
        path: PathBuf,
        /// What the lock file says of the holder.
        holder: String,
    },
    /// A second `serve` on the same database.
    #[error(
        "another `touchline serve` ({holder}) uses this database (lock file {lock})\n\
         hint: stop it first, or set another `database`"
    )]
    AlreadyServing {
        /// What the lock file says of the holder.
        holder: String,
        /// The lock file.
        lock: PathBuf,
    },
    /// Another process held the write lock too long.
    #[error("another process kept the database locked; try again")]
    Busy,
    /// A queue inside this process is full.
    #[error("more than {limit} operations wait for the database ({queue}); try again later")]
    Overloaded {
        /// Which queue.
        queue: &'static str,
        /// Its limit.
        limit: usize,
    },
    /// No space is left. The operation was rolled back.
    #[error("the disk is full; free some space, then try again")]
    DiskFull,
    /// The disk failed. What is durable is unknown, so the process must stop
    /// and start again from what the files hold.
    #[error("the database failed ({detail}); touchline must stop: check the disk, then start it")]
    Failed {
        /// What the engine said.
        detail: String,
    },
    /// What was asked for is not there.
    #[error("no {what} {id:?}")]
    NotFound {
        /// The sort of thing.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// Somebody else changed it first, or its state forbids this step. Load it
    /// again and decide anew.
    #[error("{what} {id:?} {detail}")]
    Conflict {
        /// The sort of thing.
        what: &'static str,
        /// Its id.
        id: String,
        /// What stood in the way.
        detail: String,
    },
    /// A statement failed for a reason of our own making.
    #[error("a database operation failed: {detail}")]
    Unexpected {
        /// What the engine said.
        detail: String,
    },
    /// The store was closed.
    #[error("the database is closed")]
    Closed,
}

/// A store operation's result.
pub type Result<T> = std::result::Result<T, StoreError>;

impl StoreError {
    /// Whether the disk can no longer be trusted and the process has to stop.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        matches!(self, StoreError::Failed { .. })
    }

    pub(super) fn conflict(what: &'static str, id: &str, detail: impl Into<String>) -> Self {
        StoreError::Conflict { what, id: id.to_owned(), detail: detail.into() }
    }

    pub(super) fn not_found(what: &'static str, id: &str) -> Self {
        StoreError::NotFound { what, id: id.to_owned() }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let detail = error.to_string();
        match error.sqlite_error_code() {
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => StoreError::Busy,
            Some(Code::DiskFull) => StoreError::DiskFull,
            // A failed fsync may have dropped the pages it could not write, so
            // a second try would claim a durability that is not there.
            Some(Code::SystemIoFailure | Code::DatabaseCorrupt | Code::NotADatabase) => {
                StoreError::Failed { detail }
            }
            _ => StoreError::Unexpected { detail },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;

    fn from_code(code: i32) -> StoreError {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None).into()
    }

    #[test]
    fn only_a_failing_disk_is_fatal() {
        assert!(from_code(ffi::SQLITE_IOERR_FSYNC).is_fatal());
        assert!(from_code(ffi::SQLITE_IOERR_WRITE).is_fatal());
        assert!(from_code(ffi::SQLITE_CORRUPT).is_fatal());
        assert_eq!(from_code(ffi::SQLITE_FULL), StoreError::DiskFull);
        assert_eq!(from_code(ffi::SQLITE_BUSY), StoreError::Busy);
        assert!(!from_code(ffi::SQLITE_CONSTRAINT).is_fatal());
    }
}
