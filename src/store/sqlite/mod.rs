//! What is SQLite's own: opening files, threads, migrations, checkpoints, locks.

pub(super) mod append;
pub(super) mod checkpoint;
pub(super) mod lock;
pub(super) mod migrate;
pub(super) mod worker;
pub(super) mod writer;

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::error::{Result, StoreError};
use super::options::StoreOptions;

/// Statements kept prepared on each connection; above the number there are.
const STATEMENTS_CACHED_MAX: usize = 256;
/// Pages of `main.db`: small, for its rows are touched one here and one there.
const MAIN_PAGE_BYTES: u32 = 4_096;
/// Pages of `inbox.db`: larger, for its rows are written and read in order, and
/// each page costs calls of its own in the log, the file and the checkpoint.
/// Taken when the file is made; an older file keeps what it has.
const INBOX_PAGE_BYTES: u32 = 16_384;

/// The three files of one database.
#[derive(Clone, Debug)]
pub(super) struct Files {
    pub main: PathBuf,
    pub inbox: PathBuf,
    pub lock: PathBuf,
}

impl Files {
    pub fn beside(main: &Path) -> Self {
        let stem = main.file_stem().unwrap_or_default().to_string_lossy();
        Files {
            main: main.to_owned(),
            inbox: main.with_file_name(format!("{stem}-inbox.db")),
            lock: main.with_file_name(format!("{stem}.lock")),
        }
    }

    /// The page size of one of them, in bytes.
    pub fn pages(&self, path: &Path) -> u32 {
        if path == self.inbox { INBOX_PAGE_BYTES } else { MAIN_PAGE_BYTES }
    }
}

/// What a connection is for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Reads only; a write is an error.
    Read,
    /// Writes with a sync at each commit, unless the commit class says less.
    Write,
}

/// Opens one connection with everything that must be set on each.
pub(super) fn open(
    path: &Path,
    purpose: Purpose,
    page_bytes: u32,
    options: &StoreOptions,
) -> Result<Connection> {
    let failed = |detail: String| StoreError::Open { path: path.to_owned(), detail };
    create_private(path).map_err(|error| failed(error.to_string()))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(|error| failed(error.to_string()))?;
    configure(&connection, purpose, page_bytes, options)
        .map_err(|error| failed(error.to_string()))?;
    Ok(connection)
}

fn configure(
    connection: &Connection,
    purpose: Purpose,
    page_bytes: u32,
    options: &StoreOptions,
) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_millis(options.busy_timeout_ms.into()))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED_MAX);
    connection.pragma_update(None, "page_size", page_bytes)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -i64::from(options.cache_kib))?;
    let pages = i64::try_from(options.wal_bytes_max / u64::from(page_bytes)).unwrap_or(i64::MAX);
    connection.pragma_update(None, "wal_autocheckpoint", pages)?;
    connection.pragma_update(None, "query_only", purpose == Purpose::Read)
}

/// Overwrites what is deleted from here on, or no longer does. Off by default:
/// it writes every freed page once more.
pub(super) fn overwrite_deleted(connection: &Connection, on: bool) -> Result<()> {
    Ok(connection.pragma_update(None, "secure_delete", on)?)
}

/// Makes the file, readable by its owner only: it holds what customers said.
///
/// One that is there is not even opened: closing it again would let go of every lock
/// that this process holds on it (so POSIX has it), and the next program that looks
/// into the database and leaves would take its log away under us.
pub(super) fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.create_new(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}
