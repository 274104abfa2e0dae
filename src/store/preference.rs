//! What people chose for themselves: mutes, pauses, snoozes, stricter limits.

use rusqlite::{Connection, Row, params};
use touchline_rules::UnixMs;

use super::Store;
use super::audit::{self, AuditEntry};
use super::error::Result;
use super::sqlite::writer::CommitClass;
use super::statement::{all, run, sql_limit, statements, unknown_word};
use crate::wake::News;

/// Far above what a person can choose; a bound on one read.
const PREFERENCES_MAX: usize = 1_000;
/// Limits and pauses of everybody: more than a company has people.
const HOURS_MAX: usize = 100_000;

statements! {
    PUT(5) = "INSERT INTO preference (person, kind, key, until, body) VALUES ($1, $2, $3, $4, $5) \
        ON CONFLICT (person, kind, key) DO UPDATE SET until = excluded.until, body = excluded.body";
    CLEAR(3) = "DELETE FROM preference WHERE person = $1 AND kind = $2 AND key = $3";
    /// A snooze names the message in which its nudge comes again, so it is kept
    /// as long as that nudge may still be decided on.
    FORGET(2) = "DELETE FROM preference WHERE (person, kind, key) IN ( \
        SELECT person, kind, key FROM preference WHERE kind IN ('snooze', 'pause') \
        AND until <= $1 AND (kind = 'pause' OR NOT EXISTS (SELECT 1 FROM nudge \
            WHERE nudge.id = preference.key AND nudge.state IN ('pending', 'held'))) LIMIT $2)";
    ADOPT(2) = "INSERT INTO preference (person, kind, key, until, body) \
        SELECT $1, kind, key, until, body FROM preference WHERE person = $2 \
        ON CONFLICT (person, kind, key) DO NOTHING";
    CLEAR_ALL(1) = "DELETE FROM preference WHERE person = $1";
    /// What moves the hours of everybody: limits and pauses.
    HOURS(1) = "SELECT person, kind, key, until, body FROM preference \
        WHERE kind IN ('limit', 'pause') ORDER BY person, kind, key LIMIT $1";
    OF(2) = "SELECT person, kind, key, until, body FROM preference WHERE person = $1 \
        ORDER BY kind, key LIMIT $2";
}

/// The sort of a preference.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PreferenceKind {
    /// Never this rule; the key is its id.
    Mute,
    /// Nothing at all until then; the key is empty.
    Pause,
    /// Not this nudge until then; the key is its id.
    Snooze,
    /// A stricter limit of one's own; the key is its name.
    Limit,
}

impl PreferenceKind {
    /// The name stored rows use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            PreferenceKind::Mute => "mute",
            PreferenceKind::Pause => "pause",
            PreferenceKind::Snooze => "snooze",
            PreferenceKind::Limit => "limit",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        use PreferenceKind as Kind;
        [Kind::Mute, Kind::Pause, Kind::Snooze, Kind::Limit].into_iter().find(|k| k.name() == name)
    }
}

/// One choice of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreferenceRow {
    /// Whose.
    pub person: String,
    /// Its sort.
    pub kind: PreferenceKind,
    /// What it is about.
    pub key: String,
    /// Until when; [`UnixMs::MAX`] for good.
    pub until: UnixMs,
    /// Everything else.
    pub body: Vec<u8>,
}

impl Store {
    /// Everything a person chose, also what has run out.
    pub async fn preferences(&self, person: String) -> Result<Vec<PreferenceRow>> {
        self.read(move |main| of(main, &person)).await
    }

    /// The limits and pauses of everybody who chose any.
    pub async fn hours_chosen(&self) -> Result<Vec<PreferenceRow>> {
        self.read(|main| all(main, &HOURS, params![sql_limit(HOURS_MAX)], preference_row)).await
    }

    /// Makes or changes a choice.
    pub async fn put_preference(&self, preference: PreferenceRow) -> Result<()> {
        self.write(CommitClass::Original, move |tx| put(tx, &preference)).await
    }

    /// Forgets at most `limit` pauses and snoozes that ended at or before
    /// `ended_before` and decide nothing any more; answers how many.
    pub async fn forget_preferences(&self, ended_before: UnixMs, limit: usize) -> Result<usize> {
        self.write_news(CommitClass::Derived, News::NONE, move |tx| {
            run(tx, &FORGET, params![ended_before.0, sql_limit(limit)])
        })
        .await
    }

    /// Takes a choice back.
    pub async fn clear_preference(
        &self,
        person: String,
        kind: PreferenceKind,
        key: String,
    ) -> Result<()> {
        self.write(CommitClass::Original, move |tx| clear(tx, &person, kind, &key)).await
    }

    /// Changes several choices at once, with an audit row: those to make, and those
    /// to take back by sort and key.
    pub async fn change_preferences(
        &self,
        made: Vec<PreferenceRow>,
        cleared: Vec<(String, PreferenceKind, String)>,
        audit: AuditEntry,
    ) -> Result<()> {
        self.write(CommitClass::Original, move |tx| {
            made.iter().try_for_each(|row| put(tx, row))?;
            for (person, kind, key) in &cleared {
                clear(tx, person, *kind, key)?;
            }
            audit::append(tx, &audit).map(drop)
        })
        .await
    }
}

pub(super) fn clear(
    main: &Connection,
    person: &str,
    kind: PreferenceKind,
    key: &str,
) -> Result<()> {
    run(main, &CLEAR, params![person, kind.name(), key]).map(drop)
}

/// Makes the choices of somebody who was a stranger then the person's own;
/// newer ones of the person's stay.
pub(super) fn adopt(main: &Connection, person: &str, stranger: &str) -> Result<()> {
    run(main, &ADOPT, params![person, stranger])?;
    run(main, &CLEAR_ALL, params![stranger]).map(drop)
}

pub(super) fn of(main: &Connection, person: &str) -> Result<Vec<PreferenceRow>> {
    all(main, &OF, params![person, sql_limit(PREFERENCES_MAX)], preference_row)
}

fn preference_row(row: &Row<'_>) -> rusqlite::Result<PreferenceRow> {
    let word: String = row.get(1)?;
    Ok(PreferenceRow {
        person: row.get(0)?,
        kind: PreferenceKind::from_name(&word).ok_or_else(|| unknown_word(1, &word))?,
        key: row.get(2)?,
        until: UnixMs(row.get(3)?),
        body: row.get(4)?,
    })
}

pub(super) fn put(main: &Connection, row: &PreferenceRow) -> Result<()> {
    let PreferenceRow { person, kind, key, until, body } = row;
    run(main, &PUT, params![person, kind.name(), key, until.0, body]).map(drop)
}
