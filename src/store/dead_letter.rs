//! What could not be processed, and the count of tries that decides it.

use rusqlite::{Connection, Row, params};
use touchline_rules::UnixMs;

use super::Store;
use super::error::{Result, StoreError};
use super::inbox::{AppendError, NewInbox};
use super::sqlite::writer::CommitClass;
use super::statement::{all, first, number, run, sql_limit, statements, unknown_word};

statements! {
    ADD(9) = "INSERT INTO dead_letter (seq, place, connection, kind, received_at, attempts, \
        reason, headers, body, state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'waiting') \
        ON CONFLICT DO NOTHING";
    GET(2) = "SELECT seq, place, connection, kind, received_at, attempts, reason, state, headers, \
        body FROM dead_letter WHERE seq = $1 AND place = $2";
    LIST(3) = "SELECT seq, place, connection, kind, received_at, attempts, reason, state, headers, \
        body FROM dead_letter WHERE (seq, place) > ($1, $2) ORDER BY seq, place LIMIT $3";
    /// What it said is kept no longer than somebody may need it.
    SETTLE(3) = "UPDATE dead_letter SET state = $1, headers = substr(headers, 1, 0), \
        body = substr(body, 1, 0) WHERE seq = $2 AND place = $3";
    TRY(2) = "INSERT INTO attempt (seq, place, tries) VALUES ($1, $2, 1) \
        ON CONFLICT (seq, place) DO UPDATE SET tries = attempt.tries + 1 RETURNING tries";
    FORGET_TRIES(1) = "DELETE FROM attempt WHERE seq <= $1";
}

/// What happened to a dead letter.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum DeadLetterState {
    /// An admin may look at it.
    Waiting,
    /// It was appended to the inbox again.
    Replayed,
    /// An admin gave it up.
    Discarded,
}

impl DeadLetterState {
    fn name(self) -> &'static str {
        match self {
            DeadLetterState::Waiting => "waiting",
            DeadLetterState::Replayed => "replayed",
            DeadLetterState::Discarded => "discarded",
        }
    }
}

/// A piece of the inbox that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterRow {
    /// The inbox row it came from.
    pub seq: u64,
    /// Its place in that row, from 0; 0 also for the whole row.
    pub place: u32,
    /// The row as it came: it outlives the inbox, and can be appended again.
    /// Empty once it was replayed or discarded.
    pub request: NewInbox,
    /// Tries until it was given up.
    pub attempts: u32,
    /// Why, without quoting field values.
    pub reason: String,
    /// What happened to it since; a new one waits.
    pub state: DeadLetterState,
}

impl Store {
    /// Dead letters after this one in the order of arrival; `None` begins.
    pub async fn dead_letters(
        &self,
        after: Option<(u64, u32)>,
        limit: usize,
    ) -> Result<Vec<DeadLetterRow>> {
        let (seq, place) = after.map_or((-1, 0), |(seq, place)| (seq.cast_signed(), place));
        self.read(move |main| {
            all(main, &LIST, params![seq, place, sql_limit(limit)], dead_letter_row)
        })
        .await
    }

    /// Appends a waiting dead letter to the inbox again; answers its new place there.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it was replayed or discarded before.
    pub async fn replay_dead_letter(&self, seq: u64, place: u32) -> Result<u64> {
        let letter = self.read(move |main| waiting(main, seq, place)).await?;
        let appended = self.append(letter.request).await.map_err(|error| match error {
            AppendError::Failed(error) => error,
            AppendError::Full { .. } => {
                StoreError::Overloaded { queue: "inbox", limit: self.options().append_rows_max }
            }
        })?;
        self.settle_dead_letter(seq, place, DeadLetterState::Replayed).await?;
        Ok(appended)
    }

    /// Gives a waiting dead letter up for good.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it was replayed or discarded before.
    pub async fn discard_dead_letter(&self, seq: u64, place: u32) -> Result<()> {
        self.settle_dead_letter(seq, place, DeadLetterState::Discarded).await
    }

    async fn settle_dead_letter(&self, seq: u64, place: u32, state: DeadLetterState) -> Result<()> {
        self.write(CommitClass::Original, move |tx| {
            waiting(tx, seq, place)?;
            run(tx, &SETTLE, params![state.name(), seq.cast_signed(), place]).map(drop)
        })
        .await
    }

    /// Counts a try of a piece of the inbox that failed; answers the number of
    /// tries with this one. They are stored, so that a restart does not begin
    /// anew. A try that took the whole process with it is not counted: only a
    /// panic, which is caught, or an error is the piece's own fault for certain.
    pub async fn count_failed_try(&self, seq: u64, place: u32) -> Result<u32> {
        self.write(CommitClass::Derived, move |tx| {
            let tries = number(tx, &TRY, params![seq.cast_signed(), place])?;
            Ok(u32::try_from(tries).unwrap_or(u32::MAX))
        })
        .await
    }

    /// Forgets the counted tries of inbox rows up to `seq`.
    pub async fn forget_tries(&self, seq: u64) -> Result<usize> {
        self.write(CommitClass::Derived, move |tx| {
            run(tx, &FORGET_TRIES, params![seq.cast_signed()])
        })
        .await
    }
}

pub(super) fn add(main: &Connection, row: &DeadLetterRow) -> Result<()> {
    let NewInbox { connection, kind, received_at, headers, body } = &row.request;
    let (seq, received_at) = (row.seq.cast_signed(), received_at.0);
    let DeadLetterRow { place, attempts, reason, .. } = row;
    run(
        main,
        &ADD,
        params![seq, place, connection, kind, received_at, attempts, reason, headers, body],
    )
    .map(drop)
}

fn waiting(main: &Connection, seq: u64, place: u32) -> Result<DeadLetterRow> {
    let id = format!("{seq}/{place}");
    let found = first(main, &GET, params![seq.cast_signed(), place], dead_letter_row)?;
    let letter = found.ok_or_else(|| StoreError::not_found("dead letter", &id))?;
    match letter.state {
        DeadLetterState::Waiting => Ok(letter),
        state => {
            let detail = format!("was {} already", state.name());
            Err(StoreError::conflict("dead letter", &id, detail))
        }
    }
}

fn dead_letter_row(row: &Row<'_>) -> rusqlite::Result<DeadLetterRow> {
    use DeadLetterState::{Discarded, Replayed, Waiting};
    let word: String = row.get(7)?;
    let state = [Waiting, Replayed, Discarded].into_iter().find(|state| state.name() == word);
    Ok(DeadLetterRow {
        seq: row.get::<_, i64>(0)?.unsigned_abs(),
        place: row.get(1)?,
        request: NewInbox {
            connection: row.get(2)?,
            kind: row.get(3)?,
            received_at: UnixMs(row.get(4)?),
            headers: row.get(8)?,
            body: row.get(9)?,
        },
        attempts: row.get(5)?,
        reason: row.get(6)?,
        state: state.ok_or_else(|| unknown_word(7, &word))?,
    })
}
