//! What is said of a file: that it cannot be read or written, and where in it
//! something is wrong.

use std::fs::File;
use std::io::{Error, ErrorKind};
use std::path::Path;

/// Opens a file for reading; a folder is refused at once.
///
/// # Errors
/// As [`unreadable`] says it.
pub(crate) fn open_file(what: &str, path: &Path) -> anyhow::Result<File> {
    let opened = File::open(path).and_then(|file| match file.metadata()?.is_dir() {
        true => Err(ErrorKind::IsADirectory.into()),
        false => Ok(file),
    });
    opened.map_err(|error| unreadable(what, path, &error))
}

/// `FILE:LINE:COLUMN: ` of a byte of its text, both from 1, in characters.
pub(crate) fn place(path: &Path, text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("{}:{line}:{column}: ", path.display())
}

/// An error that names the file and what to do. `what` is the sort of file.
pub(crate) fn unreadable(what: &str, path: &Path, error: &Error) -> anyhow::Error {
    anyhow::anyhow!("cannot read {what} {}: {error}\nhint: {}", path.display(), hint(error.kind()))
}

/// The same for a file that is to be made.
pub(crate) fn unwritable(what: &str, path: &Path, error: &Error) -> anyhow::Error {
    let hint = match error.kind() {
        ErrorKind::NotFound => "make its folder first, or give another path",
        ErrorKind::IsADirectory => "give a file, not a folder",
        _ => "give a path that this user may write to",
    };
    anyhow::anyhow!("cannot write {what} {}: {error}\nhint: {hint}", path.display())
}

/// What to do about a file that cannot be read.
pub(crate) fn hint(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => "check the path; it is looked up from the current folder",
        ErrorKind::PermissionDenied => "let the user that runs touchline read it",
        ErrorKind::IsADirectory => "give a file, not a folder",
        ErrorKind::InvalidData => "it must be text in UTF-8",
        _ => "check that it is a file that can be read",
    }
}
