//! Nudges: what one person might be told because of one firing.

use rusqlite::{Connection, Row, params};
use touchline_rules::UnixMs;

use super::Store;
use super::error::Result;
use super::ledger::SuppressedRow;
use super::statement::{all, first, run, sql_limit, statements, unknown_word};
use super::timer::SubjectKey;

/// Nudges of one subject that are looked at; one has far fewer.
const NUDGES_OF_SUBJECT_MAX: usize = 200;

/// One select list for every query of a [`NudgeRow`].
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, firing_id, person, connection, subject_kind, subject_id, rule_id, \
             rule_hash, attention, priority, created_at, due_at, expires_at, state, body \
             FROM nudge ",
            $rest
        )
    };
}

statements! {
    ADD(15) = "INSERT INTO nudge (id, firing_id, person, connection, subject_kind, subject_id, \
        rule_id, rule_hash, attention, priority, created_at, due_at, expires_at, state, body) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
        ON CONFLICT DO NOTHING";
    GET(1) = select!("WHERE id = $1");
    OF_FIRING(1) = select!("WHERE firing_id = $1 ORDER BY id");
    OF_SUBJECT(4) = select!("WHERE connection = $1 AND subject_kind = $2 AND subject_id = $3 \
        ORDER BY created_at DESC, id LIMIT $4");
    OF_DELIVERY(1) = select!("WHERE id IN (SELECT nudge_id FROM delivery_nudge WHERE delivery_id = $1) \
        ORDER BY priority, created_at, id");
    PENDING(3) = select!("WHERE person = $1 AND state = 'pending' AND due_at <= $2 \
        ORDER BY priority, due_at, id LIMIT $3");
    HELD(1) = select!("WHERE state = 'held' ORDER BY created_at, id LIMIT $1");
    SET_STATE(3) = "UPDATE nudge SET state = $1, due_at = $2 WHERE id = $3";
    SET_BODY(2) = "UPDATE nudge SET body = $1 WHERE id = $2";
    ADD_OUTCOME(6) = "INSERT INTO outcome (id, nudge_id, person, kind, at, body) \
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    OUTCOMES(2) = "SELECT id, nudge_id, person, kind, at, body FROM outcome WHERE nudge_id = $1 \
        ORDER BY at, id LIMIT $2";
}

/// Where a nudge stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NudgeState {
    /// Attention has to decide at its `due_at`.
    Pending,
    /// A delivery carries it.
    Decided,
    /// Not sent; the ledger says why.
    Suppressed,
    /// Part of a mass change: an admin releases or discards it.
    Held,
    /// Its reason went away.
    Ended,
    /// Its reader answered it.
    Answered,
}

impl NudgeState {
    const ALL: [NudgeState; 6] = [
        NudgeState::Pending,
        NudgeState::Decided,
        NudgeState::Suppressed,
        NudgeState::Held,
        NudgeState::Ended,
        NudgeState::Answered,
    ];

    /// The name stored rows use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            NudgeState::Pending => "pending",
            NudgeState::Decided => "decided",
            NudgeState::Suppressed => "suppressed",
            NudgeState::Held => "held",
            NudgeState::Ended => "ended",
            NudgeState::Answered => "answered",
        }
    }
}

/// One nudge for one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NudgeRow {
    /// Derived from firing and person: the same cause makes the same nudge.
    pub id: String,
    /// The firing.
    pub firing_id: String,
    /// Who reads it.
    pub person: String,
    /// What it is about.
    pub subject: SubjectKey,
    /// The rule.
    pub rule_id: String,
    /// The version of the rule that made it.
    pub rule_hash: String,
    /// `interrupt`, `digest`, `card` or `private`.
    pub attention: String,
    /// 1 to 9, 1 first.
    pub priority: i64,
    /// When it was made.
    pub created_at: UnixMs,
    /// When attention looks at it (again).
    pub due_at: UnixMs,
    /// After this it is not worth saying.
    pub expires_at: UnixMs,
    /// Where it stands.
    pub state: NudgeState,
    /// Everything else.
    pub body: Vec<u8>,
}

impl NudgeRow {
    /// This nudge's ledger row.
    #[must_use]
    pub fn suppressed(&self, reason: &str, at: UnixMs) -> SuppressedRow {
        SuppressedRow {
            nudge_id: self.id.clone(),
            person: self.person.clone(),
            connection: self.subject.connection.clone(),
            subject_id: self.subject.id.clone(),
            rule_id: self.rule_id.clone(),
            reason: reason.to_owned(),
            at,
            body: Vec::new(),
        }
    }
}

/// What came of a nudge: an answer, or a change that its rule hoped for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeRow {
    /// Derived from its cause, so that a replay adds nothing.
    pub id: String,
    /// The nudge.
    pub nudge_id: String,
    /// Whose.
    pub person: String,
    /// `done`, `not_helpful`, `outcome_met` …
    pub kind: String,
    /// When.
    pub at: UnixMs,
    /// Everything else.
    pub body: Vec<u8>,
}

impl Store {
    /// One nudge.
    pub async fn nudge(&self, id: String) -> Result<Option<NudgeRow>> {
        self.read(move |main| get(main, &id)).await
    }

    /// A subject's nudges, newest first.
    pub async fn nudges_of(&self, subject: SubjectKey) -> Result<Vec<NudgeRow>> {
        self.read(move |main| {
            let SubjectKey { kind, connection, id } = &subject;
            let of = params![connection, kind, id, sql_limit(NUDGES_OF_SUBJECT_MAX)];
            all(main, &OF_SUBJECT, of, nudge_row)
        })
        .await
    }

    /// The nudges that one delivery carries, most important first.
    pub async fn nudges_of_delivery(&self, delivery_id: String) -> Result<Vec<NudgeRow>> {
        self.read(move |main| of_delivery(main, &delivery_id)).await
    }

    /// What came of a nudge so far.
    pub async fn outcomes_of(&self, nudge_id: String, limit: usize) -> Result<Vec<OutcomeRow>> {
        self.read(move |main| {
            all(main, &OUTCOMES, params![nudge_id, sql_limit(limit)], |row| {
                Ok(OutcomeRow {
                    id: row.get(0)?,
                    nudge_id: row.get(1)?,
                    person: row.get(2)?,
                    kind: row.get(3)?,
                    at: UnixMs(row.get(4)?),
                    body: row.get(5)?,
                })
            })
        })
        .await
    }
}

pub(super) fn held(main: &Connection, limit: usize) -> Result<Vec<NudgeRow>> {
    all(main, &HELD, params![sql_limit(limit)], nudge_row)
}

/// Adds a nudge; one that exists keeps the state it has reached.
pub(super) fn add(main: &Connection, nudge: &NudgeRow) -> Result<bool> {
    let added = run(
        main,
        &ADD,
        params![
            nudge.id,
            nudge.firing_id,
            nudge.person,
            nudge.subject.connection,
            nudge.subject.kind,
            nudge.subject.id,
            nudge.rule_id,
            nudge.rule_hash,
            nudge.attention,
            nudge.priority,
            nudge.created_at.0,
            nudge.due_at.0,
            nudge.expires_at.0,
            nudge.state.name(),
            nudge.body,
        ],
    )?;
    Ok(added == 1)
}

pub(super) fn get(main: &Connection, id: &str) -> Result<Option<NudgeRow>> {
    first(main, &GET, params![id], nudge_row)
}

pub(super) fn of_firing(main: &Connection, firing_id: &str) -> Result<Vec<NudgeRow>> {
    all(main, &OF_FIRING, params![firing_id], nudge_row)
}

pub(super) fn of_delivery(main: &Connection, delivery_id: &str) -> Result<Vec<NudgeRow>> {
    all(main, &OF_DELIVERY, params![delivery_id], nudge_row)
}

/// A person's pending nudges that are due, in the order attention decides them.
pub(super) fn pending(
    main: &Connection,
    person: &str,
    now: UnixMs,
    limit: usize,
) -> Result<Vec<NudgeRow>> {
    all(main, &PENDING, params![person, now.0, sql_limit(limit)], nudge_row)
}

pub(super) fn set_state(
    main: &Connection,
    id: &str,
    state: NudgeState,
    due_at: UnixMs,
) -> Result<()> {
    run(main, &SET_STATE, params![state.name(), due_at.0, id]).map(drop)
}

/// Keeps what a nudge says by now.
pub(super) fn set_body(main: &Connection, id: &str, body: &[u8]) -> Result<()> {
    run(main, &SET_BODY, params![body, id]).map(drop)
}

/// Moves a nudge into the ledger.
pub(super) fn suppress(
    main: &Connection,
    nudge: &NudgeRow,
    reason: &str,
    at: UnixMs,
) -> Result<()> {
    set_state(main, &nudge.id, NudgeState::Suppressed, nudge.due_at)?;
    super::ledger::add(main, &nudge.suppressed(reason, at))
}

pub(super) fn add_outcome(main: &Connection, row: &OutcomeRow) -> Result<()> {
    let OutcomeRow { id, nudge_id, person, kind, at, body } = row;
    run(main, &ADD_OUTCOME, params![id, nudge_id, person, kind, at.0, body]).map(drop)
}

fn nudge_row(row: &Row<'_>) -> rusqlite::Result<NudgeRow> {
    let state: String = row.get(13)?;
    let known = NudgeState::ALL.into_iter().find(|known| known.name() == state);
    let state = known.ok_or_else(|| unknown_word(13, &state))?;
    Ok(NudgeRow {
        id: row.get(0)?,
        firing_id: row.get(1)?,
        person: row.get(2)?,
        subject: SubjectKey { connection: row.get(3)?, kind: row.get(4)?, id: row.get(5)? },
        rule_id: row.get(6)?,
        rule_hash: row.get(7)?,
        attention: row.get(8)?,
        priority: row.get(9)?,
        created_at: UnixMs(row.get(10)?),
        due_at: UnixMs(row.get(11)?),
        expires_at: UnixMs(row.get(12)?),
        state,
        body: row.get(14)?,
    })
}
