//! One `serve` at a time: an advisory lock that the system drops with its process.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use crate::store::error::{Result, StoreError};

/// Enough for what a holder writes about itself.
const HOLDER_BYTES_MAX: u64 = 200;

/// Held for as long as this process serves the database.
#[derive(Debug)]
pub struct ServeLock {
    // Kept only because the system drops the lock when the file closes.
    _file: File,
}

pub(in crate::store) fn lock_serve(path: &Path) -> Result<ServeLock> {
    let mut file = open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(StoreError::AlreadyServing {
                holder: holder(&mut file),
                lock: path.to_owned(),
            });
        }
        Err(TryLockError::Error(error)) => return Err(unusable(path, &error)),
    }
    let named = file.set_len(0).and_then(|()| writeln!(file, "process {}", std::process::id()));
    named.map_err(|error| unusable(path, &error))?;
    Ok(ServeLock { _file: file })
}

/// Who serves this database now, if anybody does.
pub(in crate::store) fn serving(path: &Path) -> Result<Option<String>> {
    let mut file = open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(holder(&mut file))),
        Err(TryLockError::Error(error)) => Err(unusable(path, &error)),
    }
}

fn open(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).read(true).write(true).truncate(false);
    options.open(path).map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Open { path: path.to_owned(), detail: error.to_string() }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.take(HOLDER_BYTES_MAX).read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => "an unnamed process".to_owned(),
    }
}
