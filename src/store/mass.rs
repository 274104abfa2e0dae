//! Mass changes: who changed how much lately, the windows that are held back, and
//! which nudge came from which change.

use rusqlite::{Connection, Row, params};
use touchline_rules::UnixMs;

use super::Store;
use super::audit::{self, AuditEntry};
use super::error::{Result, StoreError};
use super::nudge::{self, NudgeRow};
use super::sqlite::writer::CommitClass;
use super::statement::{all, first, number, run, sql_limit, statements, unknown_word};
use super::{hold, setting};
use crate::wake::News;

/// Windows of one actor that are looked at: the latest.
const HOLDS_OF_ACTOR_MAX: usize = 8;

/// One select list for every query of a [`HoldRow`].
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, connection, actor, from_at, until_at, opened_at, changes, state, \
             settled_at FROM mass_hold ",
            $rest
        )
    };
}

/// A statement about the nudges of a window; its bounds are the parameters named.
macro_rules! of_window {
    ($before:literal, [$connection:literal, $actor:literal, $from:literal, $until:literal], $after:literal) => {
        concat!(
            $before,
            " (SELECT nudge_id FROM nudge_cause WHERE connection = ",
            $connection,
            " AND actor = ",
            $actor,
            " AND occurred_at >= ",
            $from,
            " AND occurred_at <= ",
            $until,
            ") ",
            $after
        )
    };
    ($before:literal, $after:literal) => {
        of_window!($before, ["$1", "$2", "$3", "$4"], $after)
    };
}

statements! {
    TALLY(2) = "SELECT body FROM mass_tally WHERE connection = $1 AND actor = $2";
    PUT_TALLY(4) = "INSERT INTO mass_tally (connection, actor, updated_at, body) \
        VALUES ($1, $2, $3, $4) ON CONFLICT (connection, actor) \
        DO UPDATE SET updated_at = excluded.updated_at, body = excluded.body";
    HOLDS_OF(3) = select!("WHERE connection = $1 AND actor = $2 ORDER BY until_at DESC LIMIT $3");
    HOLD(1) = select!("WHERE id = $1");
    HOLDS(1) = select!("ORDER BY opened_at DESC, id LIMIT $1");
    OPEN_HOLDS(1) = select!("WHERE state = 'open' ORDER BY opened_at, id LIMIT $1");
    PUT_HOLD(7) = "INSERT INTO mass_hold (id, connection, actor, from_at, until_at, opened_at, \
        changes, state, settled_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', 0) \
        ON CONFLICT (id) DO UPDATE SET from_at = excluded.from_at, until_at = excluded.until_at, \
        changes = excluded.changes";
    ADD_CAUSE(4) = "INSERT INTO nudge_cause (nudge_id, connection, actor, occurred_at) \
        VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    RENAME(2) = "UPDATE nudge_cause SET nudge_id = $1 WHERE nudge_id = $2";
    COVERING(4) = select!("WHERE connection = $1 AND actor = $2 AND from_at <= $3 AND until_at >= $4 \
        ORDER BY opened_at DESC LIMIT 1");
    UNSENT(4) = of_window!("SELECT id FROM nudge WHERE state IN ('pending', 'decided') AND id IN", "ORDER BY id");
    COUNT_HELD(4) = of_window!("SELECT COUNT(*) FROM nudge WHERE state = 'held' AND id IN", "");
    LEFT(5) = of_window!("SELECT n.id, d.channel FROM nudge AS n \
        INNER JOIN delivery_nudge AS l ON l.nudge_id = n.id \
        INNER JOIN delivery AS d ON d.id = l.delivery_id \
        AND d.state IN ('claimed', 'sent', 'accepted', 'unknown') WHERE n.id IN",
        "ORDER BY d.created_at, n.id, d.channel LIMIT $5");
    COUNT_LEFT(4) = of_window!("SELECT COUNT(*) FROM nudge AS n \
        INNER JOIN delivery_nudge AS l ON l.nudge_id = n.id \
        INNER JOIN delivery AS d ON d.id = l.delivery_id \
        AND d.state IN ('claimed', 'sent', 'accepted', 'unknown') WHERE n.id IN", "");
    RELEASE(5) = of_window!("UPDATE nudge SET state = 'pending', due_at = $1 \
        WHERE state = 'held' AND id IN", ["$2", "$3", "$4", "$5"], "");
    LEDGER(5) = of_window!("INSERT INTO suppressed (nudge_id, person, connection, subject_id, \
        rule_id, reason, at, body) SELECT id, person, connection, subject_id, rule_id, \
        'discarded', $1, COALESCE(substr(body, 1, 0), body) FROM nudge WHERE state = 'held' AND id IN",
        ["$2", "$3", "$4", "$5"], "ON CONFLICT DO NOTHING");
    DISCARD(4) = of_window!("UPDATE nudge SET state = 'suppressed' WHERE state = 'held' AND id IN", "");
    SETTLE(3) = "UPDATE mass_hold SET state = $1, settled_at = $2 WHERE id = $3";
    FORGET_TALLIES(2) = "DELETE FROM mass_tally WHERE (connection, actor) IN \
        (SELECT connection, actor FROM mass_tally WHERE updated_at < $1 LIMIT $2)";
    FORGET_HOLDS(2) = "DELETE FROM mass_hold WHERE id IN \
        (SELECT id FROM mass_hold WHERE state <> 'open' AND settled_at < $1 LIMIT $2)";
}

/// Where a window stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum HoldState {
    /// Held back.
    Open,
    /// An admin let it go on.
    Released,
    /// An admin discarded it.
    Discarded,
}

impl HoldState {
    /// The name stored rows use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            HoldState::Open => "open",
            HoldState::Released => "released",
            HoldState::Discarded => "discarded",
        }
    }

    fn named(name: &str) -> Option<HoldState> {
        let all = [HoldState::Open, HoldState::Released, HoldState::Discarded];
        all.into_iter().find(|state| state.name() == name)
    }
}

/// A window in which one actor changed too many deals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldRow {
    /// Derived from actor and beginning: a replay makes the same.
    pub id: String,
    /// Slug of the connection.
    pub connection: String,
    /// Who, as tallies tell hands apart.
    pub actor: String,
    /// When the first of the changes happened.
    pub from: UnixMs,
    /// When the last of them did, so far.
    pub until: UnixMs,
    /// When the limit was crossed.
    pub opened_at: UnixMs,
    /// Changes counted into it.
    pub changes: i64,
    /// Where it stands.
    pub state: HoldState,
    /// When an admin decided; `None` while nobody has.
    pub settled_at: Option<UnixMs>,
}

/// An actor's latest changes, as the caller understands them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TallyRow {
    /// Slug of the connection.
    pub connection: String,
    /// Who.
    pub actor: String,
    /// When it was counted.
    pub updated_at: UnixMs,
    /// The count.
    pub body: Vec<u8>,
}

/// Whose change is behind a nudge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CauseRow {
    /// The nudge.
    pub nudge_id: String,
    /// Slug of the connection.
    pub connection: String,
    /// Who.
    pub actor: String,
    /// When the change happened.
    pub occurred_at: UnixMs,
}

/// What a batch tells of mass changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MassStep {
    /// Counts as they are after the batch.
    pub tallies: Vec<TallyRow>,
    /// Windows that opened or grew; `true` for those that cover what came before.
    pub holds: Vec<(HoldRow, bool)>,
    /// The causes of the batch's nudges.
    pub causes: Vec<CauseRow>,
}

/// What is known of one actor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActorPast {
    /// The count, if there is one.
    pub tally: Option<Vec<u8>>,
    /// The latest windows.
    pub holds: Vec<HoldRow>,
}

/// A window as it stands, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldReport {
    /// The window.
    pub hold: HoldRow,
    /// Nudges held back.
    pub held: u64,
    /// Messages and tasks of it that had left before, or were on their way.
    pub left: u64,
    /// The first of these: nudge and channel.
    pub left_first: Vec<(NudgeRow, String)>,
}

impl Store {
    /// What is known of these actors, each a connection and a name, in one look.
    pub async fn actors_past(&self, of: Vec<(String, String)>) -> Result<Vec<ActorPast>> {
        self.read(move |main| {
            let past = of.iter().map(|(connection, actor)| {
                let holds = params![connection, actor, sql_limit(HOLDS_OF_ACTOR_MAX)];
                Ok(ActorPast {
                    tally: first(main, &TALLY, params![connection, actor], |row| row.get(0))?,
                    holds: all(main, &HOLDS_OF, holds, hold_row)?,
                })
            });
            past.collect()
        })
        .await
    }

    /// Windows, the open ones only or the newest of all, with what is held in each
    /// and at most `left_max` of what had left before.
    pub async fn holds(
        &self,
        open_only: bool,
        limit: usize,
        left_max: usize,
    ) -> Result<Vec<HoldReport>> {
        self.read(move |main| {
            let statement = if open_only { &OPEN_HOLDS } else { &HOLDS };
            let holds = all(main, statement, params![sql_limit(limit)], hold_row)?;
            holds.into_iter().map(|hold| report(main, hold, left_max)).collect()
        })
        .await
    }

    /// One window.
    pub async fn mass_hold(&self, id: String, left_max: usize) -> Result<Option<HoldReport>> {
        self.read(move |main| {
            let hold = first(main, &HOLD, params![id], hold_row)?;
            hold.map(|hold| report(main, hold, left_max)).transpose()
        })
        .await
    }

    /// Lets the nudges of a window go on (attention looks at them at the audit
    /// row's instant), or discards them into the ledger. Answers how many were held.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] when it was settled before.
    pub async fn settle_hold(&self, id: String, release: bool, audit: AuditEntry) -> Result<usize> {
        self.write(CommitClass::Original, move |tx| {
            let hold = first(tx, &HOLD, params![id], hold_row)?;
            let hold = hold.ok_or_else(|| StoreError::not_found("hold", &id))?;
            if hold.state != HoldState::Open {
                let detail = format!("was {} before", hold.state.name());
                return Err(StoreError::conflict("hold", &id, detail));
            }
            let HoldRow { connection, actor, from, until, .. } = &hold;
            let settled = if release {
                run(tx, &RELEASE, params![audit.at.0, connection, actor, from.0, until.0])?
            } else {
                run(tx, &LEDGER, params![audit.at.0, connection, actor, from.0, until.0])?;
                run(tx, &DISCARD, params![connection, actor, from.0, until.0])?
            };
            let state = if release { HoldState::Released } else { HoldState::Discarded };
            run(tx, &SETTLE, params![state.name(), audit.at.0, id])?;
            audit::append(tx, &audit)?;
            setting::bump(tx)?;
            Ok(settled)
        })
        .await
    }

    /// Forgets counts of before `counted_before` and windows settled before
    /// `settled_before`, at most `limit` of each; answers how many.
    pub async fn forget_mass(
        &self,
        counted_before: UnixMs,
        settled_before: UnixMs,
        limit: usize,
    ) -> Result<usize> {
        self.write_news(CommitClass::Derived, News::NONE, move |tx| {
            let tallies = run(tx, &FORGET_TALLIES, params![counted_before.0, sql_limit(limit)])?;
            let holds = run(tx, &FORGET_HOLDS, params![settled_before.0, sql_limit(limit)])?;
            Ok(tallies.max(holds))
        })
        .await
    }
}

/// Commits a batch's part, after its nudges. What a window covers is held in the
/// same transaction, so that nobody ever sees it pending.
pub(super) fn commit(main: &Connection, step: &MassStep) -> Result<()> {
    for TallyRow { connection, actor, updated_at, body } in &step.tallies {
        run(main, &PUT_TALLY, params![connection, actor, updated_at.0, body])?;
    }
    for (hold, _) in &step.holds {
        let HoldRow { id, connection, actor, from, until, opened_at, changes, .. } = hold;
        let row = params![id, connection, actor, from.0, until.0, opened_at.0, changes];
        run(main, &PUT_HOLD, row)?;
    }
    for cause in &step.causes {
        add_cause(main, cause)?;
    }
    for (hold, _) in step.holds.iter().filter(|(_, reaches_back)| *reaches_back) {
        let unsent: Vec<String> = all(main, &UNSENT, window(hold), |row| row.get(0))?;
        for id in unsent {
            if let Some(nudge) = nudge::get(main, &id)? {
                hold::hold(main, &nudge)?;
            }
        }
    }
    Ok(())
}

fn add_cause(main: &Connection, cause: &CauseRow) -> Result<()> {
    let CauseRow { nudge_id, connection, actor, occurred_at } = cause;
    if run(main, &ADD_CAUSE, params![nudge_id, connection, actor, occurred_at.0])? == 0 {
        return Ok(());
    }
    let at = params![connection, actor, occurred_at.0, occurred_at.0];
    let Some(covering) = first(main, &COVERING, at, hold_row)? else { return Ok(()) };
    let Some(nudge) = nudge::get(main, nudge_id)? else { return Ok(()) };
    match covering.state {
        HoldState::Open => hold::hold(main, &nudge).map(drop),
        HoldState::Discarded if nudge.state == nudge::NudgeState::Pending => {
            nudge::suppress(main, &nudge, hold::DISCARDED, nudge.created_at)
        }
        HoldState::Discarded | HoldState::Released => Ok(()),
    }
}

/// A nudge has another id from now on.
pub(super) fn renamed(main: &Connection, before: &str, id: &str) -> Result<()> {
    run(main, &RENAME, params![id, before]).map(drop)
}

fn window(hold: &HoldRow) -> [&dyn rusqlite::ToSql; 4] {
    [&hold.connection, &hold.actor, &hold.from.0, &hold.until.0]
}

fn report(main: &Connection, hold: HoldRow, left_max: usize) -> Result<HoldReport> {
    let HoldRow { connection, actor, from, until, .. } = &hold;
    let of = params![connection, actor, from.0, until.0, sql_limit(left_max)];
    let ids: Vec<(String, String)> = all(main, &LEFT, of, |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut left_first = Vec::new();
    for (id, channel) in ids {
        left_first.extend(nudge::get(main, &id)?.map(|nudge| (nudge, channel)));
    }
    Ok(HoldReport {
        held: number(main, &COUNT_HELD, window(&hold))?.unsigned_abs(),
        left: number(main, &COUNT_LEFT, window(&hold))?.unsigned_abs(),
        left_first,
        hold,
    })
}

fn hold_row(row: &Row<'_>) -> rusqlite::Result<HoldRow> {
    let word: String = row.get(7)?;
    let settled_at: i64 = row.get(8)?;
    Ok(HoldRow {
        id: row.get(0)?,
        connection: row.get(1)?,
        actor: row.get(2)?,
        from: UnixMs(row.get(3)?),
        until: UnixMs(row.get(4)?),
        opened_at: UnixMs(row.get(5)?),
        changes: row.get(6)?,
        state: HoldState::named(&word).ok_or_else(|| unknown_word(7, &word))?,
        settled_at: (settled_at != 0).then_some(UnixMs(settled_at)),
    })
}
