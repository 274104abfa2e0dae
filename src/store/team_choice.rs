//! What teams want otherwise for their own people: rules muted, numbers tightened.

use rusqlite::{Connection, Row, params};
use touchline_rules::UnixMs;

use super::error::Result;
use super::statement::{all, run, sql_limit, statements};

/// Choices of all teams together.
const CHOICES_MAX: usize = 100_000;

statements! {
    PUT(7) = "INSERT INTO team_choice (team, rule_id, kind, at, actor, why, body) \
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (team, rule_id, kind) DO UPDATE SET \
        at = excluded.at, actor = excluded.actor, why = excluded.why, body = excluded.body";
    REMOVE(3) = "DELETE FROM team_choice WHERE team = $1 AND rule_id = $2 AND kind = $3";
    EVERY(1) = "SELECT team, rule_id, kind, at, actor, why, body FROM team_choice \
        ORDER BY rule_id, team, kind LIMIT $1";
}

/// One choice of a team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamChoiceRow {
    /// The manager whose team it is.
    pub team: String,
    /// The company's rule.
    pub rule_id: String,
    /// `mute` or `tighten`.
    pub kind: String,
    /// When it was made.
    pub at: UnixMs,
    /// By whom.
    pub actor: String,
    /// Why.
    pub why: String,
    /// The numbers.
    pub body: Vec<u8>,
}

/// A choice made or taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TeamChoiceStep {
    /// Made.
    Put(TeamChoiceRow),
    /// Taken back.
    Remove {
        /// The team.
        team: String,
        /// The rule.
        rule_id: String,
        /// Which.
        kind: String,
    },
}

pub(super) fn step(main: &Connection, step: &TeamChoiceStep) -> Result<()> {
    match step {
        TeamChoiceStep::Put(row) => {
            let TeamChoiceRow { team, rule_id, kind, at, actor, why, body } = row;
            run(main, &PUT, params![team, rule_id, kind, at.0, actor, why, body]).map(drop)
        }
        TeamChoiceStep::Remove { team, rule_id, kind } => {
            run(main, &REMOVE, params![team, rule_id, kind]).map(drop)
        }
    }
}

pub(super) fn every(main: &Connection) -> Result<Vec<TeamChoiceRow>> {
    all(main, &EVERY, params![sql_limit(CHOICES_MAX)], |row: &Row<'_>| {
        Ok(TeamChoiceRow {
            team: row.get(0)?,
            rule_id: row.get(1)?,
            kind: row.get(2)?,
            at: UnixMs(row.get(3)?),
            actor: row.get(4)?,
            why: row.get(5)?,
            body: row.get(6)?,
        })
    })
}
