//! Embedded, forward-only migrations, run under the database's own write lock.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::lock;
use crate::store::error::{Result, StoreError};

/// The steps of one file, oldest first; a step's place counted from 1 is its version.
pub(in crate::store) type Migrations = &'static [&'static str];

/// `main.db`.
pub(in crate::store) const MAIN: Migrations = &[
    concat!(
        include_str!("../migrations/main_0001_events.sql"),
        include_str!("../migrations/main_0001_coaching.sql"),
        include_str!("../migrations/main_0001_house.sql"),
    ),
    include_str!("../migrations/main_0002_keeping.sql"),
    include_str!("../migrations/main_0003_attention.sql"),
    include_str!("../migrations/main_0004_rules.sql"),
    include_str!("../migrations/main_0005_people.sql"),
];

/// `inbox.db`.
pub(in crate::store) const INBOX: Migrations = &[include_str!("../migrations/inbox_0001.sql")];

const CREATE_VERSION: &str =
    "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY NOT NULL)";
const READ_VERSION: &str = "SELECT COALESCE(MAX(version), 0) FROM schema_version";
const WRITE_VERSION: &str = "INSERT INTO schema_version (version) VALUES ($1)";

/// Brings `path` to the newest schema, all steps in one transaction.
pub(in crate::store) fn migrate(
    connection: &mut Connection,
    path: &Path,
    serve_lock: &Path,
    steps: Migrations,
) -> Result<()> {
    let known = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute_batch(CREATE_VERSION)?;
    let found: i64 = tx.query_row(READ_VERSION, [], |row| row.get(0))?;
    if found > known {
        return Err(StoreError::NewerSchema { path: path.to_owned(), found, known });
    }
    if found == known {
        return Ok(());
    }
    if found > 0
        && let Some(holder) = lock::serving(serve_lock)?
    {
        return Err(StoreError::MigrationWhileServing { path: path.to_owned(), holder });
    }
    for (version, step) in (1..).zip(steps).filter(|(version, _)| *version > found) {
        tx.execute_batch(step)?;
        tx.execute(WRITE_VERSION, [version])?;
    }
    Ok(tx.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: Migrations = &["CREATE TABLE a (x BIGINT NOT NULL)", "CREATE TABLE b (x TEXT)"];

    #[test]
    fn steps_run_once_and_in_order_and_never_back() {
        let folder = tempfile::tempdir().unwrap();
        let lock = folder.path().join("t.lock");
        let mut connection = Connection::open_in_memory().unwrap();
        let mut go =
            |steps| migrate(&mut connection, Path::new("touchline.db"), &lock, steps).map(drop);
        assert_eq!(go(&TWO[..1]), Ok(()));
        assert_eq!(go(TWO), Ok(()));
        assert_eq!(go(TWO), Ok(()));
        let error = go(&TWO[..1]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "touchline.db has schema version 2, this build knows up to 1\n\
             hint: run the newer touchline that wrote it, or restore a backup"
        );
    }

    /// A hundred letters of one request, of which one was settled.
    #[test]
    fn letters_of_before_keep_their_request_once() {
        let folder = tempfile::tempdir().unwrap();
        let (path, lock) = (Path::new("touchline.db"), folder.path().join("t.lock"));
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, path, &lock, &MAIN[..1]).unwrap();
        for place in 0..100 {
            let (state, body) =
                if place == 0 { ("discarded", "") } else { ("waiting", "the request") };
            connection
                .execute(
                    "INSERT INTO dead_letter VALUES (7, $1, 'crm', 'hook:', 5, 0, 'why', $2, \
                     x'', CAST($3 AS BLOB))",
                    (place, state, body),
                )
                .unwrap();
        }
        migrate(&mut connection, path, &lock, MAIN).unwrap();
        let one = |sql| connection.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
        let kept = "SELECT group_concat(seq || connection || CAST(body AS TEXT)) FROM dead_request";
        assert_eq!(one(kept), "7crmthe request");
        assert_eq!(one("SELECT CAST(COUNT(*) AS TEXT) FROM dead_letter"), "100");
    }

    #[test]
    fn a_schema_is_not_changed_under_a_running_serve() {
        let folder = tempfile::tempdir().unwrap();
        let lock_path = folder.path().join("t.lock");
        let mut connection = Connection::open_in_memory().unwrap();
        let held = lock::lock_serve(&lock_path).unwrap();
        let path = Path::new("touchline.db");
        migrate(&mut connection, path, &lock_path, &TWO[..1]).unwrap();
        let error = migrate(&mut connection, path, &lock_path, TWO).unwrap_err();
        assert!(matches!(error, StoreError::MigrationWhileServing { .. }), "{error}");
        drop(held);
        migrate(&mut connection, path, &lock_path, TWO).unwrap();
    }
}
