//! The registry test: every statement is prepared against the real schema.

use rusqlite::Connection;

use super::sqlite::checkpoint;
use super::sqlite::migrate::{INBOX, MAIN, Migrations, migrate};
use super::statement::Statement;

const OF_MAIN: &[&[&Statement]] = &[
    super::attention::STATEMENTS,
    super::audit::STATEMENTS,
    super::backup::STATEMENTS,
    super::baseline::STATEMENTS,
    super::connection::STATEMENTS,
    super::counter::STATEMENTS,
    super::credential::STATEMENTS,
    super::dead_letter::STATEMENTS,
    super::deal::STATEMENTS,
    super::dedupe::STATEMENTS,
    super::delivery::STATEMENTS,
    super::delivery_claim::STATEMENTS,
    super::erase::STATEMENTS,
    super::firing::STATEMENTS,
    super::cursor::STATEMENTS,
    super::ledger::STATEMENTS,
    super::letter::STATEMENTS,
    super::link::STATEMENTS,
    super::mass::STATEMENTS,
    super::nudge::STATEMENTS,
    super::person::STATEMENTS,
    super::portfolio::STATEMENTS,
    super::preference::STATEMENTS,
    super::release_case::STATEMENTS,
    super::retention::STATEMENTS,
    super::rule_health::STATEMENTS,
    super::rule_life::STATEMENTS,
    super::rule_notice::STATEMENTS,
    super::rule_request::STATEMENTS,
    super::rule_version::STATEMENTS,
    super::setting::STATEMENTS,
    super::summary::STATEMENTS,
    super::team_choice::STATEMENTS,
    super::timer::STATEMENTS,
    super::work::STATEMENTS,
];
const OF_INBOX: &[&[&Statement]] = &[super::inbox::STATEMENTS, checkpoint::STATEMENTS];

fn schema(steps: Migrations) -> Connection {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("schema.db");
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection, &path, &folder.path().join("schema.lock"), steps).unwrap();
    connection
}

#[test]
fn every_statement_fits_the_schema_and_takes_its_parameters_in_order() {
    for (connection, files) in [(schema(MAIN), OF_MAIN), (schema(INBOX), OF_INBOX)] {
        for statement in files.iter().copied().flatten() {
            let Statement { name, sql, params } = statement;
            let prepared = connection.prepare(sql).unwrap_or_else(|e| panic!("{name}: {e}\n{sql}"));
            assert_eq!(prepared.parameter_count(), *params, "{name} takes another number\n{sql}");
            for place in 1..=*params {
                let expected = format!("${place}");
                assert_eq!(prepared.parameter_name(place), Some(expected.as_str()), "{name}");
            }
        }
    }
}

/// A statement outside a `statements!` list would escape the test above.
#[test]
fn every_file_with_statements_is_registered() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store");
    let files = [folder.to_owned(), format!("{folder}/sqlite")];
    let entries = files.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let declaring = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .map(|text| text.matches("statements! {\n").count())
        .sum::<usize>();
    // This file's own search text is written with an escape and does not count.
    assert_eq!(declaring, OF_MAIN.len() + OF_INBOX.len());
}

#[test]
fn every_column_is_not_null() {
    for connection in [schema(MAIN), schema(INBOX)] {
        let columns = "SELECT t.name || '.' || c.name FROM sqlite_schema AS t \
            INNER JOIN pragma_table_info(t.name) AS c WHERE t.type = 'table' AND c.\"notnull\" = 0";
        let mut prepared = connection.prepare(columns).unwrap();
        let nullable = prepared.query_map([], |row| row.get::<_, String>(0)).unwrap();
        assert_eq!(nullable.map(Result::unwrap).collect::<Vec<_>>(), Vec::<String>::new());
    }
}

/// What runs for every event must find its rows by a key or an index.
#[test]
fn the_hot_path_scans_no_table() {
    let connection = schema(MAIN);
    let hot = [
        super::deal::STATEMENTS,
        super::dedupe::STATEMENTS,
        super::timer::STATEMENTS,
        super::firing::STATEMENTS,
        super::nudge::STATEMENTS,
        super::work::STATEMENTS,
        super::delivery::STATEMENTS,
        super::delivery_claim::STATEMENTS,
        super::attention::STATEMENTS,
    ];
    for statement in hot.into_iter().flatten() {
        let explain = format!("EXPLAIN QUERY PLAN {}", statement.sql);
        let mut prepared = connection.prepare(&explain).unwrap();
        let mut rows = prepared.raw_query();
        while let Some(row) = rows.next().unwrap() {
            let step: String = row.get(3).unwrap();
            let whole = step.starts_with("SCAN") && !step.contains("INDEX");
            let counts_a_limited_list = step == "SCAN counted";
            let for_an_admin = statement.name == "IN_STATE";
            let allowed = counts_a_limited_list || for_an_admin;
            assert!(!whole || allowed, "{}: {step}", statement.name);
        }
    }
}
