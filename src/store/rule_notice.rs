//! What the owners of rules were told of them, and whether it reached them.

use rusqlite::{Connection, Row, params};
use touchline_rules::UnixMs;

use super::Store;
use super::attention::NewDelivery;
use super::audit::{self, AuditEntry};
use super::delivery;
use super::error::Result;
use super::sqlite::writer::CommitClass;
use super::statement::{all, first, run, sql_limit, statements};
use crate::wake::News;

statements! {
    PUT(7) = "INSERT INTO rule_notice (id, rule_id, kind, person, at, state, why) \
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
    SETTLE(3) = "UPDATE rule_notice SET state = $1, why = $2 WHERE id = $3";
    GET(1) = "SELECT id, rule_id, kind, person, at, state, why FROM rule_notice WHERE id = $1";
    ASKED(1) = "SELECT id, rule_id, kind, person, at, state, why FROM rule_notice \
        WHERE state = 'asked' ORDER BY at, id LIMIT $1";
    OF_RULE(2) = "SELECT id, rule_id, kind, person, at, state, why FROM rule_notice \
        WHERE rule_id = $1 ORDER BY at DESC, id LIMIT $2";
}

/// Its message is on its way.
pub const NOTICE_ASKED: &str = "asked";
/// Its reader has it.
pub const NOTICE_TOLD: &str = "told";
/// It could not be told.
pub const NOTICE_UNTOLD: &str = "untold";

/// Something that the owner of a rule is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleNoticeRow {
    /// The id of the delivery that tells it.
    pub id: String,
    /// The rule.
    pub rule_id: String,
    /// `expires_soon`, `expired`, `unhealthy`.
    pub kind: String,
    /// The owner's e-mail; empty where the rule has none.
    pub person: String,
    /// When it came up.
    pub at: UnixMs,
    /// [`NOTICE_ASKED`], [`NOTICE_TOLD`] or [`NOTICE_UNTOLD`].
    pub state: String,
    /// Why it could not be told.
    pub why: String,
}

impl Store {
    /// One notice.
    pub async fn rule_notice(&self, id: String) -> Result<Option<RuleNoticeRow>> {
        self.read(move |main| first(main, &GET, params![id], notice_row)).await
    }

    /// Notices whose message is on its way, oldest first.
    pub async fn rule_notices_asked(&self, limit: usize) -> Result<Vec<RuleNoticeRow>> {
        self.read(move |main| all(main, &ASKED, params![sql_limit(limit)], notice_row)).await
    }

    /// What a rule's owner was told, newest first.
    pub async fn rule_notices(&self, rule: String, limit: usize) -> Result<Vec<RuleNoticeRow>> {
        self.read(move |main| all(main, &OF_RULE, params![rule, sql_limit(limit)], notice_row))
            .await
    }

    /// Notes what came of a notice; with an audit row where it could not be told, and
    /// notices for those who are told instead.
    pub async fn settle_rule_notice(
        &self,
        id: String,
        state: &'static str,
        why: String,
        audit: Option<AuditEntry>,
        instead: Vec<(RuleNoticeRow, NewDelivery)>,
    ) -> Result<()> {
        let news = if instead.is_empty() { News::NONE } else { News::DELIVERIES };
        self.write_news(CommitClass::Original, news, move |tx| {
            run(tx, &SETTLE, params![state, why, id])?;
            for (notice, message) in &instead {
                put(tx, notice)?;
                delivery::add(tx, message)?;
            }
            if let Some(audit) = &audit {
                audit::append(tx, audit)?;
            }
            Ok(())
        })
        .await
    }
}

pub(super) fn put(main: &Connection, row: &RuleNoticeRow) -> Result<()> {
    let RuleNoticeRow { id, rule_id, kind, person, at, state, why } = row;
    run(main, &PUT, params![id, rule_id, kind, person, at.0, state, why]).map(drop)
}

fn notice_row(row: &Row<'_>) -> rusqlite::Result<RuleNoticeRow> {
    Ok(RuleNoticeRow {
        id: row.get(0)?,
        rule_id: row.get(1)?,
        kind: row.get(2)?,
        person: row.get(3)?,
        at: UnixMs(row.get(4)?),
        state: row.get(5)?,
        why: row.get(6)?,
    })
}
