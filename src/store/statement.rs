//! Statements by name, so that a test can prepare every one of them.
//!
//! Parameters are written `$1`, `$2`, … and appear first in that order: SQLite
//! numbers them by first appearance, PostgreSQL by the digits.

use rusqlite::{CachedStatement, Connection, Params, Row};

use super::error::Result;

/// One SQL text with what a test needs to know of it.
#[derive(Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "name and params are for the registry test"))]
pub(super) struct Statement {
    pub name: &'static str,
    pub sql: &'static str,
    pub params: usize,
}

/// Declares statements as constants and lists them all in `STATEMENTS`, so that
/// none can escape the registry test.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident($params:literal) = $sql:expr;)*) => {
        $($(#[$doc])* const $name: $crate::store::statement::Statement =
            $crate::store::statement::Statement { name: stringify!($name), sql: $sql, params: $params };)*
        /// Every statement of this file.
        #[cfg(test)]
        pub(in crate::store) const STATEMENTS: &[&$crate::store::statement::Statement] = &[$(&$name),*];
    };
}
pub(super) use statements;

fn cached<'c>(connection: &'c Connection, statement: &Statement) -> Result<CachedStatement<'c>> {
    Ok(connection.prepare_cached(statement.sql)?)
}

/// Runs a statement and answers how many rows it touched.
pub(super) fn run(
    connection: &Connection,
    statement: &Statement,
    params: impl Params,
) -> Result<usize> {
    Ok(cached(connection, statement)?.execute(params)?)
}

/// The first row, if there is one. Steps to the end, so that a statement with
/// `RETURNING` does all of its work.
pub(super) fn first<T>(
    connection: &Connection,
    statement: &Statement,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>> {
    Ok(all(connection, statement, params, read)?.into_iter().next())
}

/// Every row. The statement itself carries the limit.
pub(super) fn all<T>(
    connection: &Connection,
    statement: &Statement,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    all_while(connection, statement, params, read, |_| true)
}

/// Rows until one is not wanted; that one and all after it are not kept in memory.
pub(super) fn all_while<T>(
    connection: &Connection,
    statement: &Statement,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    mut wanted: impl FnMut(&T) -> bool,
) -> Result<Vec<T>> {
    let mut prepared = cached(connection, statement)?;
    let mut kept = Vec::new();
    for row in prepared.query_map(params, read)? {
        let row = row?;
        if !wanted(&row) {
            break;
        }
        kept.push(row);
    }
    Ok(kept)
}

/// The one number a statement answers; 0 without a row.
pub(super) fn number(
    connection: &Connection,
    statement: &Statement,
    params: impl Params,
) -> Result<i64> {
    Ok(first(connection, statement, params, |row| row.get(0))?.unwrap_or(0))
}

/// A limit as SQL wants it.
pub(super) fn sql_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A stored word that this build does not know, in the column at `index`.
pub(super) fn unknown_word(index: usize, word: &str) -> rusqlite::Error {
    let error = format!("{word:?} is not a word this build knows");
    rusqlite::Error::FromSqlConversionFailure(index, rusqlite::types::Type::Text, error.into())
}
