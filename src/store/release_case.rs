//! Present cases of a rule that was published for them too: deals that it was true
//! of already, to be told worst first and a few a day.

use rusqlite::{Connection, Row, params};
use touchline_rules::UnixMs;
use touchline_rules::facts::DealKey;

use super::Store;
use super::audit::{self, AuditEntry};
use super::error::Result;
use super::sqlite::writer::CommitClass;
use super::statement::{all, first, number, run, sql_limit, statements, unknown_word};
use crate::wake::News;

/// One select list for every query of a [`ReleaseCaseRow`].
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT rule_hash, connection, deal, rule_id, person, order_key, added_at, state, \
             reason, settled_at, nudge_id FROM release_case ",
            $rest
        )
    };
}

statements! {
    ADD(7) = "INSERT INTO release_case (rule_hash, connection, deal, rule_id, person, order_key, \
        added_at, state, reason, settled_at, nudge_id) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', '', 0, '') \
        ON CONFLICT (rule_hash, connection, deal) DO UPDATE SET person = excluded.person, \
        order_key = excluded.order_key, added_at = excluded.added_at, state = 'waiting', \
        reason = '', settled_at = 0, nudge_id = '' WHERE release_case.state <> 'waiting'";
    NEXT_FOR(2) = select!("WHERE state = 'waiting' AND person = $1 \
        ORDER BY order_key, deal, rule_hash LIMIT $2");
    FIRST_PERSON(0) = "SELECT person FROM release_case WHERE state = 'waiting' ORDER BY person LIMIT 1";
    NEXT_PERSON(1) = "SELECT person FROM release_case WHERE state = 'waiting' AND person > $1 \
        ORDER BY person LIMIT 1";
    SET_STATE(7) = "UPDATE release_case SET state = $1, reason = $2, settled_at = $3, nudge_id = $4 \
        WHERE rule_hash = $5 AND connection = $6 AND deal = $7 AND state = 'waiting'";
    HAND_ON(4) = "UPDATE release_case SET person = $1 \
        WHERE rule_hash = $2 AND connection = $3 AND deal = $4 AND state = 'waiting'";
    /// Told or on its way to be: what counts against a day's share.
    GIVEN(2) = "SELECT COUNT(*) FROM release_case AS r INNER JOIN nudge AS n ON n.id = r.nudge_id \
        WHERE r.state = 'released' AND r.person = $1 AND (n.state IN ('pending', 'held') OR EXISTS \
            (SELECT 1 FROM delivery_nudge AS l INNER JOIN delivery AS d ON d.id = l.delivery_id \
            WHERE l.nudge_id = n.id AND (d.state IN ('waiting', 'claimed') OR d.spent_at >= $2)))";
    PENDING(2) = "SELECT COUNT(*) FROM (SELECT 1 FROM nudge \
        WHERE person = $1 AND state = 'pending' LIMIT $2) AS counted";
    STOP(2) = "UPDATE release_case SET state = 'stopped', settled_at = $1 \
        WHERE state = 'waiting' AND ($2 = '' OR rule_id = $2)";
    CALL_OFF(2) = "UPDATE release_case SET state = 'called_off', settled_at = $1 \
        WHERE rule_id = $2 AND state = 'waiting'";
    WAITING(1) = "SELECT COUNT(*) FROM release_case WHERE rule_id = $1 AND state = 'waiting'";
    COUNTS(0) = "SELECT rule_id, rule_hash, state, reason, COUNT(*) FROM release_case \
        GROUP BY rule_id, rule_hash, state, reason ORDER BY rule_id, rule_hash, state, reason";
    LIST(2) = select!("WHERE ($1 = '' OR rule_id = $1) ORDER BY rule_id, person, order_key, deal LIMIT $2");
    FORGET(2) = "DELETE FROM release_case WHERE (rule_hash, connection, deal) IN \
        (SELECT rule_hash, connection, deal FROM release_case \
        WHERE state <> 'waiting' AND settled_at < $1 LIMIT $2)";
}

/// Where a case stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReleaseState {
    /// Its turn has not come.
    Waiting,
    /// It became a nudge.
    Released,
    /// Its turn came, and there was nothing to say any more; the reason says why.
    Dropped,
    /// An admin stopped it.
    Stopped,
    /// Its rule was changed, paused or taken away before its turn came.
    CalledOff,
}

impl ReleaseState {
    /// The name stored rows use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ReleaseState::Waiting => "waiting",
            ReleaseState::Released => "released",
            ReleaseState::Dropped => "dropped",
            ReleaseState::Stopped => "stopped",
            ReleaseState::CalledOff => "called_off",
        }
    }

    fn named(name: &str) -> Option<ReleaseState> {
        use ReleaseState as State;
        let all =
            [State::Waiting, State::Released, State::Dropped, State::Stopped, State::CalledOff];
        all.into_iter().find(|state| state.name() == name)
    }
}

/// One case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseCaseRow {
    /// The version of the rule that was published.
    pub rule_hash: String,
    /// The deal.
    pub deal: DealKey,
    /// The rule.
    pub rule_id: String,
    /// Who is to read it: the deal's owner by then. Whoever owns the deal when its
    /// turn comes is looked up again.
    pub person: String,
    /// The lowest is the worst case, and comes first.
    pub order_key: i64,
    /// When it was added.
    pub added_at: UnixMs,
    /// Where it stands; `Waiting` for a new one.
    pub state: ReleaseState,
    /// Why it was dropped.
    pub reason: String,
    /// When it was settled.
    pub settled_at: Option<UnixMs>,
    /// The nudge it became.
    pub nudge_id: String,
}

impl ReleaseCaseRow {
    /// A new case.
    #[must_use]
    pub fn new(
        rule_id: &str,
        rule_hash: &str,
        deal: DealKey,
        person: &str,
        order_key: i64,
        added_at: UnixMs,
    ) -> Self {
        ReleaseCaseRow {
            rule_hash: rule_hash.to_owned(),
            deal,
            rule_id: rule_id.to_owned(),
            person: person.to_owned(),
            order_key,
            added_at,
            state: ReleaseState::Waiting,
            reason: String::new(),
            settled_at: None,
            nudge_id: String::new(),
        }
    }
}

/// What becomes of a case that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReleaseStep {
    /// It is settled: the row with state, reason, instant and nudge of then.
    Settled(ReleaseCaseRow),
    /// Somebody else owns the deal by now, and hears of it in their turn.
    HandOn(ReleaseCaseRow, String),
}

/// The cases of a store: see [`Store::release_case`].
#[derive(Clone)]
pub struct ReleaseCases(Store);

impl Store {
    /// How many nudges of a person wait to be decided, counted up to `limit`.
    pub async fn pending_of(&self, person: String, limit: usize) -> Result<usize> {
        self.read(move |main| {
            let counted = number(main, &PENDING, params![person, sql_limit(limit)])?;
            Ok(usize::try_from(counted).unwrap_or(usize::MAX))
        })
        .await
    }

    /// The present cases that wait to be released.
    #[must_use]
    pub fn release_case(&self) -> ReleaseCases {
        ReleaseCases(self.clone())
    }
}

impl ReleaseCases {
    /// Adds cases that wait. One that was settled waits again; one that waits stays
    /// as it is. Answers how many wait that did not.
    pub async fn add(&self, rows: Vec<ReleaseCaseRow>) -> Result<usize> {
        self.0
            .write(CommitClass::Original, move |tx| {
                let mut added = 0;
                for row in &rows {
                    added += add(tx, row)?;
                }
                Ok(added)
            })
            .await
    }

    /// A person's next cases, worst first.
    pub async fn next_for(&self, person: String, limit: usize) -> Result<Vec<ReleaseCaseRow>> {
        self.0
            .read(move |main| all(main, &NEXT_FOR, params![person, sql_limit(limit)], case_row))
            .await
    }

    /// Settles one that waits, outside a batch.
    pub async fn set_state(
        &self,
        row: ReleaseCaseRow,
        state: ReleaseState,
        reason: String,
        at: UnixMs,
    ) -> Result<()> {
        let settled = ReleaseCaseRow { state, reason, settled_at: Some(at), ..row };
        self.0
            .write_news(CommitClass::Original, News::NONE, move |tx| {
                step(tx, &ReleaseStep::Settled(settled))
            })
            .await
    }

    /// Everybody who has cases waiting: one index step each.
    pub async fn people(&self, limit: usize) -> Result<Vec<String>> {
        self.0
            .read(move |main| {
                let mut people = Vec::new();
                let mut next = first(main, &FIRST_PERSON, [], |row| row.get::<_, String>(0))?;
                while let Some(person) = next.filter(|_| people.len() < limit) {
                    next = first(main, &NEXT_PERSON, params![person], |row| row.get(0))?;
                    people.push(person);
                }
                Ok(people)
            })
            .await
    }

    /// How many of a person's cases were told since `since` or are on their way.
    pub async fn given(&self, person: String, since: UnixMs) -> Result<usize> {
        self.0
            .read(move |main| {
                let counted = number(main, &GIVEN, params![person, since.0])?;
                Ok(usize::try_from(counted).unwrap_or(usize::MAX))
            })
            .await
    }

    /// Stops what waits: of one rule, or of all with an empty name. Answers how many.
    pub async fn stop(&self, rule_id: String, audit: AuditEntry) -> Result<usize> {
        self.0
            .write(CommitClass::Original, move |tx| {
                let stopped = run(tx, &STOP, params![audit.at.0, rule_id])?;
                audit::append(tx, &audit)?;
                Ok(stopped)
            })
            .await
    }

    /// How many cases of a rule wait.
    pub async fn waiting(&self, rule_id: String) -> Result<u64> {
        self.0.read(move |main| Ok(number(main, &WAITING, params![rule_id])?.unsigned_abs())).await
    }

    /// How many there are: rule, version, state, reason.
    pub async fn counts(&self) -> Result<Vec<(String, String, String, String, u64)>> {
        self.0
            .read(|main| {
                all(main, &COUNTS, [], |row| {
                    let count: i64 = row.get(4)?;
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, count.unsigned_abs()))
                })
            })
            .await
    }

    /// Cases of one rule, or of all with an empty name, in the order of their turns.
    pub async fn list(&self, rule_id: String, limit: usize) -> Result<Vec<ReleaseCaseRow>> {
        self.0
            .read(move |main| all(main, &LIST, params![rule_id, sql_limit(limit)], case_row))
            .await
    }

    /// Forgets at most `limit` cases settled before an instant; answers how many.
    pub async fn forget(&self, before: UnixMs, limit: usize) -> Result<usize> {
        self.0
            .write_news(CommitClass::Derived, News::NONE, move |tx| {
                run(tx, &FORGET, params![before.0, sql_limit(limit)])
            })
            .await
    }
}

pub(super) fn add(main: &Connection, row: &ReleaseCaseRow) -> Result<usize> {
    let ReleaseCaseRow { rule_hash, deal, rule_id, person, order_key, added_at, .. } = row;
    let (connection, id) = (&deal.connection, &deal.id);
    run(main, &ADD, params![rule_hash, connection, id, rule_id, person, order_key, added_at.0])
}

/// Calls off what waits of a rule.
pub(super) fn call_off(main: &Connection, rule_id: &str, at: UnixMs) -> Result<()> {
    run(main, &CALL_OFF, params![at.0, rule_id]).map(drop)
}

pub(super) fn step(main: &Connection, step: &ReleaseStep) -> Result<()> {
    match step {
        ReleaseStep::Settled(row) => {
            let ReleaseCaseRow { rule_hash, deal, state, reason, settled_at, nudge_id, .. } = row;
            let at = settled_at.map_or(0, |at| at.0);
            let (connection, id) = (&deal.connection, &deal.id);
            run(
                main,
                &SET_STATE,
                params![state.name(), reason, at, nudge_id, rule_hash, connection, id],
            )
        }
        ReleaseStep::HandOn(row, person) => {
            let (connection, id) = (&row.deal.connection, &row.deal.id);
            run(main, &HAND_ON, params![person, row.rule_hash, connection, id])
        }
    }
    .map(drop)
}

fn case_row(row: &Row<'_>) -> rusqlite::Result<ReleaseCaseRow> {
    let word: String = row.get(7)?;
    let settled_at: i64 = row.get(9)?;
    Ok(ReleaseCaseRow {
        rule_hash: row.get(0)?,
        deal: DealKey { connection: row.get(1)?, id: row.get(2)? },
        rule_id: row.get(3)?,
        person: row.get(4)?,
        order_key: row.get(5)?,
        added_at: UnixMs(row.get(6)?),
        state: ReleaseState::named(&word).ok_or_else(|| unknown_word(7, &word))?,
        reason: row.get(8)?,
        settled_at: (settled_at != 0).then_some(UnixMs(settled_at)),
        nudge_id: row.get(10)?,
    })
}
