//! Where each rule stands, and what was done to it. Everything that one change
//! means is committed together: a running `serve` sees all of it or nothing.

use rusqlite::{Connection, Row, Transaction, params};
use touchline_rules::UnixMs;

use super::Store;
use super::attention::NewDelivery;
use super::audit::{self, AuditEntry};
use super::delivery;
use super::error::Result;
use super::release_case::{self, ReleaseCaseRow};
use super::rule_notice::{self, RuleNoticeRow};
use super::rule_request::{self, RuleRequestRow};
use super::rule_version::{self, RuleVersionRow};
use super::setting::{self, Fenced, fenced};
use super::sqlite::writer::CommitClass;
use super::statement::{all, run, sql_limit, statements};
use super::team_choice::{self, TeamChoiceRow, TeamChoiceStep};

/// Rules that one installation may know; files and packs are bounded far below.
const LIVES_MAX: usize = 100_000;

statements! {
    PUT(14) = "INSERT INTO rule_life (rule_id, state, before, epoch, since, actor, why, team, hash, \
        trigger_hash, stored, position, counted_from, confirmed_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
        ON CONFLICT (rule_id) DO UPDATE SET state = excluded.state, before = excluded.before, \
        epoch = excluded.epoch, since = excluded.since, actor = excluded.actor, \
        why = excluded.why, team = excluded.team, hash = excluded.hash, \
        trigger_hash = excluded.trigger_hash, stored = excluded.stored, \
        position = excluded.position, counted_from = excluded.counted_from, \
        confirmed_at = excluded.confirmed_at";
    LIVES(1) = "SELECT rule_id, state, before, epoch, since, actor, why, team, hash, trigger_hash, \
        stored, position, counted_from, confirmed_at FROM rule_life ORDER BY position, rule_id LIMIT $1";
    STORED(1) = "SELECT v.hash, v.rule_id, v.created_at, v.body FROM rule_life AS l \
        INNER JOIN rule_version AS v ON v.hash = l.hash WHERE l.stored = 1 \
        ORDER BY l.position, l.rule_id LIMIT $1";
    ADD_LOG(8) = "INSERT INTO rule_log (rule_id, seq, at, actor, action, state, hash, why) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    LOG(2) = "SELECT rule_id, seq, at, actor, action, state, hash, why FROM rule_log \
        WHERE rule_id = $1 ORDER BY seq DESC LIMIT $2";
}

/// Where one rule stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleLifeRow {
    /// The rule.
    pub rule_id: String,
    /// The state's name.
    pub state: String,
    /// Where one that is paused stood before.
    pub before: String,
    /// Rises whenever the rule begins anew.
    pub epoch: i64,
    /// Since when it is in this state.
    pub since: UnixMs,
    /// Who put it there.
    pub actor: String,
    /// Why.
    pub why: String,
    /// The manager whose team's rule it is; empty for the company's.
    pub team: String,
    /// The version in force; empty while nothing declares the rule.
    pub hash: String,
    /// What that version decides by, as it is written.
    pub trigger_hash: String,
    /// Whether that version was published, and not declared by a file.
    pub stored: bool,
    /// Its place among published rules.
    pub position: i64,
    /// From when on answers tell of its health.
    pub counted_from: UnixMs,
    /// When it was put on, or confirmed last.
    pub confirmed_at: UnixMs,
}

/// Something done to a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleLogRow {
    /// The rule.
    pub rule_id: String,
    /// The place of the audit row that tells of it; set when it is stored.
    pub seq: i64,
    /// When.
    pub at: UnixMs,
    /// Who.
    pub actor: String,
    /// What: `publish`, `pause`, `rollback` …
    pub action: String,
    /// The state it then was in.
    pub state: String,
    /// The version then in force.
    pub hash: String,
    /// Why.
    pub why: String,
}

/// Everything one change of rules means.
#[derive(Clone, Debug)]
pub struct RuleChange {
    /// The settings' version it was decided under.
    pub settings_version: i64,
    /// What the audit log says of it.
    pub audit: AuditEntry,
    /// Rules as they stand from now on.
    pub lives: Vec<RuleLifeRow>,
    /// Versions to keep.
    pub versions: Vec<RuleVersionRow>,
    /// What each rule's own log says.
    pub log: Vec<RuleLogRow>,
    /// What teams want.
    pub choices: Vec<TeamChoiceStep>,
    /// Requests that are made or settled.
    pub requests: Vec<RuleRequestRow>,
    /// What owners are told, with the message where there is a chat.
    pub notices: Vec<(RuleNoticeRow, Option<NewDelivery>)>,
    /// Rules of which no waiting case is released any more.
    pub calls_off: Vec<String>,
    /// Cases to release.
    pub cases: Vec<ReleaseCaseRow>,
}

impl RuleChange {
    /// One that means nothing but its audit row.
    #[must_use]
    pub fn new(settings_version: i64, audit: AuditEntry) -> RuleChange {
        RuleChange {
            settings_version,
            audit,
            lives: Vec::new(),
            versions: Vec::new(),
            log: Vec::new(),
            choices: Vec::new(),
            requests: Vec::new(),
            notices: Vec::new(),
            calls_off: Vec::new(),
            cases: Vec::new(),
        }
    }
}

/// What is stored about rules in force, read in one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleBookRows {
    /// Where each rule stands.
    pub lives: Vec<RuleLifeRow>,
    /// The published versions in force.
    pub stored: Vec<RuleVersionRow>,
    /// What teams want otherwise.
    pub choices: Vec<TeamChoiceRow>,
}

impl Store {
    /// What is stored about the rules in force, with the settings' version.
    pub async fn rule_book(&self) -> Result<(i64, RuleBookRows)> {
        self.read(|main| {
            let most = params![sql_limit(LIVES_MAX)];
            let rows = RuleBookRows {
                lives: all(main, &LIVES, most, life_row)?,
                stored: all(main, &STORED, most, rule_version::rule_version_row)?,
                choices: team_choice::every(main)?,
            };
            Ok((setting::version(main)?, rows))
        })
        .await
    }

    /// Commits a change of rules, all of it or nothing. A running `serve` notices at
    /// its next batch or claim. Answers the place of the audit row.
    ///
    /// # Errors
    /// [`super::StoreError::Conflict`] when a delivery of the same id exists already.
    pub async fn commit_rules(&self, change: RuleChange) -> Result<Fenced<i64>> {
        self.write(CommitClass::Original, move |tx| {
            fenced(tx, change.settings_version, || commit(tx, &change))
        })
        .await
    }

    /// What was done to a rule, newest first.
    pub async fn rule_log(&self, rule_id: String, limit: usize) -> Result<Vec<RuleLogRow>> {
        self.read(move |main| all(main, &LOG, params![rule_id, sql_limit(limit)], log_row)).await
    }
}

fn commit(tx: &Transaction<'_>, change: &RuleChange) -> Result<i64> {
    let seq = audit::append(tx, &change.audit)?;
    change.versions.iter().try_for_each(|row| rule_version::add(tx, row).map(drop))?;
    change.lives.iter().try_for_each(|row| put(tx, row))?;
    for row in &change.log {
        let RuleLogRow { rule_id, at, actor, action, state, hash, why, .. } = row;
        run(tx, &ADD_LOG, params![rule_id, seq, at.0, actor, action, state, hash, why])?;
    }
    change.choices.iter().try_for_each(|step| team_choice::step(tx, step))?;
    change.requests.iter().try_for_each(|row| rule_request::put(tx, row))?;
    for (notice, delivery) in &change.notices {
        rule_notice::put(tx, notice)?;
        if let Some(row) = delivery {
            delivery::add(tx, row)?;
        }
    }
    for rule in &change.calls_off {
        release_case::call_off(tx, rule, change.audit.at)?;
    }
    change.cases.iter().try_for_each(|row| release_case::add(tx, row).map(drop))?;
    setting::bump(tx)?;
    Ok(seq)
}

fn put(main: &Connection, row: &RuleLifeRow) -> Result<()> {
    let RuleLifeRow { rule_id, state, before, epoch, since, actor, why, team, .. } = row;
    let row = params![
        rule_id,
        state,
        before,
        epoch,
        since.0,
        actor,
        why,
        team,
        row.hash,
        row.trigger_hash,
        row.stored,
        row.position,
        row.counted_from.0,
        row.confirmed_at.0,
    ];
    run(main, &PUT, row).map(drop)
}

fn life_row(row: &Row<'_>) -> rusqlite::Result<RuleLifeRow> {
    Ok(RuleLifeRow {
        rule_id: row.get(0)?,
        state: row.get(1)?,
        before: row.get(2)?,
        epoch: row.get(3)?,
        since: UnixMs(row.get(4)?),
        actor: row.get(5)?,
        why: row.get(6)?,
        team: row.get(7)?,
        hash: row.get(8)?,
        trigger_hash: row.get(9)?,
        stored: row.get(10)?,
        position: row.get(11)?,
        counted_from: UnixMs(row.get(12)?),
        confirmed_at: UnixMs(row.get(13)?),
    })
}

fn log_row(row: &Row<'_>) -> rusqlite::Result<RuleLogRow> {
    Ok(RuleLogRow {
        rule_id: row.get(0)?,
        seq: row.get(1)?,
        at: UnixMs(row.get(2)?),
        actor: row.get(3)?,
        action: row.get(4)?,
        state: row.get(5)?,
        hash: row.get(6)?,
        why: row.get(7)?,
    })
}
