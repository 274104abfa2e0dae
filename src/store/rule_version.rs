//! Every version of every rule that ever was, by the hash of its content. Which
//! of them are on is told by `rule_life.rs`.

use rusqlite::{Connection, Row, params};
use touchline_rules::UnixMs;

use super::Store;
use super::audit::{self, AuditEntry};
use super::error::Result;
use super::setting;
use super::sqlite::writer::CommitClass;
use super::statement::{all, first, run, sql_limit, statements};

statements! {
    ADD(4) = "INSERT INTO rule_version (hash, rule_id, created_at, body) VALUES ($1, $2, $3, $4) \
        ON CONFLICT DO NOTHING";
    GET(1) = "SELECT hash, rule_id, created_at, body FROM rule_version WHERE hash = $1";
    OF_RULE(2) = "SELECT hash, rule_id, created_at, body FROM rule_version WHERE rule_id = $1 \
        ORDER BY created_at DESC, hash LIMIT $2";
}

/// An immutable version of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleVersionRow {
    /// Hash of the content.
    pub hash: String,
    /// The rule.
    pub rule_id: String,
    /// When it was first seen.
    pub created_at: UnixMs,
    /// The rule as written.
    pub body: Vec<u8>,
}

impl Store {
    /// Keeps versions that are not kept yet, with an audit row if there are any;
    /// answers how many.
    pub async fn add_rule_versions(
        &self,
        rows: Vec<RuleVersionRow>,
        audit: AuditEntry,
    ) -> Result<usize> {
        self.write(CommitClass::Original, move |tx| {
            let mut added = 0;
            for row in &rows {
                added += add(tx, row)?;
            }
            if added > 0 {
                audit::append(tx, &audit)?;
                setting::bump(tx)?;
            }
            Ok(added)
        })
        .await
    }

    /// The version with this hash: the one that a nudge names.
    pub async fn rule_version(&self, hash: String) -> Result<Option<RuleVersionRow>> {
        self.read(move |main| first(main, &GET, params![hash], rule_version_row)).await
    }

    /// A rule's versions, newest first.
    pub async fn rule_versions(&self, id: String, limit: usize) -> Result<Vec<RuleVersionRow>> {
        self.read(move |main| all(main, &OF_RULE, params![id, sql_limit(limit)], rule_version_row))
            .await
    }
}

/// Keeps a version, unless it is kept; answers how many were added.
pub(super) fn add(main: &Connection, row: &RuleVersionRow) -> Result<usize> {
    let RuleVersionRow { hash, rule_id, created_at, body } = row;
    run(main, &ADD, params![hash, rule_id, created_at.0, body])
}

pub(super) fn rule_version_row(row: &Row<'_>) -> rusqlite::Result<RuleVersionRow> {
    Ok(RuleVersionRow {
        hash: row.get(0)?,
        rule_id: row.get(1)?,
        created_at: UnixMs(row.get(2)?),
        body: row.get(3)?,
    })
}
