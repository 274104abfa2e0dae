//! Cases to release: deals that met a rule already when it was put on, and of
//! which their readers are to hear all the same.
//!
//! Whoever puts a rule on "also for the present ones" adds its cases
//! ([`super::RuleChange::cases`], or [`Store::add_release_cases`]). Whoever releases
//! takes what waits for one reader, worst first ([`Store::next_release_cases`]), and
//! says what became of each ([`Store::set_release_case`]). A rule that is paused,
//! changed or taken away calls its waiting cases off.
//!
//! ```text
//! waiting ──► released      it was told
//!        ├──► passed        it was no longer true, or nobody to tell
//!        └──► called_off    its rule changed before
//! ```

use rusqlite::{Connection, Row, params};
use touchline_rules::UnixMs;
use touchline_rules::facts::DealKey;

use super::Store;
use super::error::Result;
use super::sqlite::writer::CommitClass;
use super::statement::{all, number, run, sql_limit, statements, unknown_word};

statements! {
    /// A case that was settled before and is asked for again waits again.
    ADD(8) = "INSERT INTO release_case (rule_id, rule_hash, connection, deal, person, severity, \
        added_at, moved_at, state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'waiting') \
        ON CONFLICT (rule_id, rule_hash, connection, deal) DO UPDATE SET state = 'waiting', \
        person = excluded.person, severity = excluded.severity, added_at = excluded.added_at, \
        moved_at = excluded.moved_at";
    NEXT_FOR(2) = "SELECT rule_id, rule_hash, connection, deal, person, severity, state, added_at \
        FROM release_case WHERE person = $1 AND state = 'waiting' \
        ORDER BY severity DESC, added_at, rule_id, connection, deal LIMIT $2";
    READERS(1) = "SELECT person FROM release_case WHERE state = 'waiting' \
        GROUP BY person ORDER BY person LIMIT $1";
    SET_STATE(6) = "UPDATE release_case SET state = $1, moved_at = $2 \
        WHERE rule_id = $3 AND rule_hash = $4 AND connection = $5 AND deal = $6";
    CALL_OFF(2) = "UPDATE release_case SET state = 'called_off', moved_at = $1 \
        WHERE rule_id = $2 AND state = 'waiting'";
    WAITING(1) = "SELECT COUNT(*) FROM release_case WHERE rule_id = $1 AND state = 'waiting'";
}

/// Where a case stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum ReleaseState {
    /// It is to be told.
    Waiting,
    /// It was told.
    Released,
    /// It was no longer true, or there was nobody to tell.
    Passed,
    /// Its rule was changed, paused or taken away before.
    CalledOff,
}

impl ReleaseState {
    const ALL: [ReleaseState; 4] = [
        ReleaseState::Waiting,
        ReleaseState::Released,
        ReleaseState::Passed,
        ReleaseState::CalledOff,
    ];

    /// The name stored rows use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ReleaseState::Waiting => "waiting",
            ReleaseState::Released => "released",
            ReleaseState::Passed => "passed",
            ReleaseState::CalledOff => "called_off",
        }
    }
}

/// One deal that met one version of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseCaseRow {
    /// The rule.
    pub rule_id: String,
    /// The version it met.
    pub rule_hash: String,
    /// The deal.
    pub deal: DealKey,
    /// Who is to hear of it: the rule's reader for this deal, lower case.
    pub person: String,
    /// How bad it is; more is worse. See `touchline_rules::life::severity`.
    pub severity: i64,
    /// Where it stands.
    pub state: ReleaseState,
    /// When it was asked for.
    pub added_at: UnixMs,
}

impl Store {
    /// Adds cases that wait; one that was settled before waits again.
    pub async fn add_release_cases(&self, rows: Vec<ReleaseCaseRow>) -> Result<()> {
        self.write(CommitClass::Original, move |tx| rows.iter().try_for_each(|row| add(tx, row)))
            .await
    }

    /// Cases that wait for one reader, the worst first.
    pub async fn next_release_cases(
        &self,
        person: String,
        limit: usize,
    ) -> Result<Vec<ReleaseCaseRow>> {
        self.read(move |main| all(main, &NEXT_FOR, params![person, sql_limit(limit)], case_row))
            .await
    }

    /// Readers for whom any case waits.
    pub async fn release_readers(&self, limit: usize) -> Result<Vec<String>> {
        self.read(move |main| all(main, &READERS, params![sql_limit(limit)], |row| row.get(0)))
            .await
    }

    /// Notes what became of a case.
    pub async fn set_release_case(
        &self,
        case: ReleaseCaseRow,
        state: ReleaseState,
        at: UnixMs,
    ) -> Result<()> {
        self.write(CommitClass::Original, move |tx| {
            let ReleaseCaseRow { rule_id, rule_hash, deal, .. } = &case;
            let of = params![state.name(), at.0, rule_id, rule_hash, deal.connection, deal.id];
            run(tx, &SET_STATE, of).map(drop)
        })
        .await
    }

    /// How many cases of a rule wait.
    pub async fn release_cases_waiting(&self, rule_id: String) -> Result<u64> {
        self.read(move |main| Ok(number(main, &WAITING, params![rule_id])?.unsigned_abs())).await
    }
}

pub(super) fn add(main: &Connection, row: &ReleaseCaseRow) -> Result<()> {
    let ReleaseCaseRow { rule_id, rule_hash, deal, person, severity, added_at, .. } = row;
    let (connection, deal) = (&deal.connection, &deal.id);
    let at = added_at.0;
    run(main, &ADD, params![rule_id, rule_hash, connection, deal, person, severity, at, at])
        .map(drop)
}

pub(super) fn call_off(main: &Connection, rule_id: &str, at: UnixMs) -> Result<()> {
    run(main, &CALL_OFF, params![at.0, rule_id]).map(drop)
}

fn case_row(row: &Row<'_>) -> rusqlite::Result<ReleaseCaseRow> {
    let state: String = row.get(6)?;
    let known = ReleaseState::ALL.into_iter().find(|known| known.name() == state);
    Ok(ReleaseCaseRow {
        rule_id: row.get(0)?,
        rule_hash: row.get(1)?,
        deal: DealKey { connection: row.get(2)?, id: row.get(3)? },
        person: row.get(4)?,
        severity: row.get(5)?,
        state: known.ok_or_else(|| unknown_word(6, &state))?,
        added_at: UnixMs(row.get(7)?),
    })
}
