//! What could not be processed, and the count of tries that decides it.
//!
//! A request is kept once, however many of its events were given up, and only
//! while one of them waits for a decision.

use std::sync::Arc;

use rusqlite::{Connection, Row, params};
use touchline_rules::UnixMs;

use super::Store;
use super::error::{Result, StoreError};
use super::inbox::{AppendError, InboxRow, NewInbox};
use super::places::{self, only};
use super::sqlite::overwrite_deleted;
use super::sqlite::writer::CommitClass;
use super::statement::{all, all_while, first, number, run, sql_limit, statements, unknown_word};
use crate::wake::News;

statements! {
    ADD(4) = "INSERT INTO dead_letter (seq, place, attempts, reason, state) \
        VALUES ($1, $2, $3, $4, 'waiting') ON CONFLICT DO NOTHING";
    HAS_REQUEST(1) = "SELECT COUNT(*) FROM dead_request WHERE seq = $1";
    ADD_REQUEST(6) = "INSERT INTO dead_request (seq, connection, kind, received_at, headers, body) \
        VALUES ($1, $2, $3, $4, $5, $6)";
    REQUEST(1) = "SELECT seq, connection, kind, received_at, headers, body FROM dead_request \
        WHERE seq = $1";
    REQUESTS_AFTER(2) = "SELECT seq, connection, kind, received_at, headers, body \
        FROM dead_request WHERE seq > $1 ORDER BY seq LIMIT $2";
    STATE(2) = "SELECT state FROM dead_letter WHERE seq = $1 AND place = $2";
    WAITING(1) = "SELECT place FROM dead_letter WHERE seq = $1 AND state = 'waiting' \
        ORDER BY place";
    LIST(3) = "SELECT l.seq, l.place, r.connection, r.kind, r.received_at, l.attempts, l.reason, \
        l.state FROM dead_letter AS l INNER JOIN dead_request AS r ON r.seq = l.seq \
        WHERE (l.seq, l.place) > ($1, $2) ORDER BY l.seq, l.place LIMIT $3";
    SETTLE(3) = "UPDATE dead_letter SET state = $1 WHERE seq = $2 AND place = $3 \
        AND state = 'waiting'";
    DISCARD_ALL(1) = "UPDATE dead_letter SET state = 'discarded' WHERE seq = $1 \
        AND state = 'waiting'";
    /// What it said is kept no longer than somebody may need it.
    EMPTY(2) = "UPDATE dead_request SET headers = COALESCE(substr(headers, 1, 0), headers), \
        body = COALESCE(substr(body, 1, 0), body) WHERE seq = $1 AND NOT EXISTS \
        (SELECT 1 FROM dead_letter WHERE seq = $2 AND state = 'waiting')";
    TRY(2) = "INSERT INTO attempt (seq, place, tries) VALUES ($1, $2, 1) \
        ON CONFLICT (seq, place) DO UPDATE SET tries = attempt.tries + 1 RETURNING tries";
    FORGET_TRIES(1) = "DELETE FROM attempt WHERE seq <= $1";
    OLD(2) = "SELECT seq FROM dead_request WHERE received_at < $1 ORDER BY received_at LIMIT $2";
    FORGET_LETTERS(1) = "DELETE FROM dead_letter WHERE seq = $1";
    FORGET_REQUEST(1) = "DELETE FROM dead_request WHERE seq = $1";
}

/// What happened to a dead letter.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum DeadLetterState {
    /// An admin may look at it.
    Waiting,
    /// It was appended to the inbox again.
    Replayed,
    /// An admin gave it up, or what it said had to be erased.
    Discarded,
}

use DeadLetterState::{Discarded, Replayed, Waiting};

impl DeadLetterState {
    /// The name that stored rows use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Waiting => "waiting",
            Replayed => "replayed",
            Discarded => "discarded",
        }
    }

    fn read(row: &Row<'_>, index: usize) -> rusqlite::Result<Self> {
        let word: String = row.get(index)?;
        let state = [Waiting, Replayed, Discarded].into_iter().find(|state| state.name() == word);
        state.ok_or_else(|| unknown_word(index, &word))
    }
}

/// A piece of the inbox that is given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDeadLetter {
    /// The inbox row it came from.
    pub seq: u64,
    /// Its place in that row, from 0; 0 also for the whole row.
    pub place: u32,
    /// The row as it came: it outlives the inbox, and can be appended again.
    pub request: Arc<NewInbox>,
    /// Tries until it was given up.
    pub attempts: u32,
    /// Why, without quoting field values.
    pub reason: String,
}

/// A piece of the inbox that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterRow {
    /// The inbox row it came from.
    pub seq: u64,
    /// Its place in that row.
    pub place: u32,
    /// Slug of the connection it came in on.
    pub connection: String,
    /// What the connector's `decode` is told about its request.
    pub kind: String,
    /// When the request arrived.
    pub received_at: UnixMs,
    /// Tries until it was given up.
    pub attempts: u32,
    /// Why.
    pub reason: String,
    /// What happened to it since.
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

    /// Appends a request to the inbox again, once, for those of its events that
    /// are named and wait; without names, for all that wait. Its other events
    /// are left alone. Answers its new place there, and for which events it is.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] when one of them was
    /// replayed or discarded before: then nothing is done.
    pub async fn replay_dead_letters(&self, seq: u64, places: Vec<u32>) -> Result<(u64, Vec<u32>)> {
        let (request, places) = self
            .read(move |main| {
                let places = chosen(main, seq, &places)?;
                let request = first(main, &REQUEST, params![seq.cast_signed()], request_row)?;
                Ok((request.ok_or_else(|| none_of(seq))?.request, places))
            })
            .await?;
        let again = NewInbox { kind: only(&places, &request.kind), ..request };
        let appended = self.append(again).await.map_err(|error| match error {
            AppendError::Failed(error) => error,
            AppendError::Full { .. } => {
                StoreError::Overloaded { queue: "inbox", limit: self.options().append_rows_max }
            }
        })?;
        Ok((appended, self.settle_dead_letters(seq, places, Replayed).await?))
    }

    /// Gives those events of a request up for good that are named and wait;
    /// without names, all that wait. Answers which.
    ///
    /// # Errors
    /// As [`Store::replay_dead_letters`].
    pub async fn discard_dead_letters(&self, seq: u64, places: Vec<u32>) -> Result<Vec<u32>> {
        self.settle_dead_letters(seq, places, Discarded).await
    }

    async fn settle_dead_letters(
        &self,
        seq: u64,
        places: Vec<u32>,
        state: DeadLetterState,
    ) -> Result<Vec<u32>> {
        self.write_news(CommitClass::Original, News::NONE, move |tx| {
            let places = chosen(tx, seq, &places)?;
            for place in &places {
                run(tx, &SETTLE, params![state.name(), seq.cast_signed(), place])?;
            }
            run(tx, &EMPTY, params![seq.cast_signed(), seq.cast_signed()])?;
            Ok(places)
        })
        .await
    }

    /// The requests that dead letters came in after `seq`, in order of arrival:
    /// at most `rows_max`, and no more than `bytes_max` of bodies unless the
    /// first alone is larger.
    pub async fn dead_requests_after(
        &self,
        seq: u64,
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<InboxRow>> {
        self.read(move |main| {
            let after = params![seq.cast_signed(), sql_limit(rows_max)];
            all_while(main, &REQUESTS_AFTER, after, request_row, InboxRow::within(bytes_max))
        })
        .await
    }

    /// Empties requests for a privacy deletion: their events that wait are
    /// discarded, for there is nothing left to replay.
    pub async fn blank_dead_requests(&self, seqs: Vec<u64>) -> Result<()> {
        self.write_news(CommitClass::Original, News::NONE, move |tx| {
            overwrite_deleted(tx, true)?;
            for seq in seqs {
                let seq = seq.cast_signed();
                run(tx, &DISCARD_ALL, params![seq])?;
                run(tx, &EMPTY, params![seq, seq])?;
            }
            overwrite_deleted(tx, false)
        })
        .await
    }

    /// Forgets the dead letters of at most `limit` requests that arrived before
    /// an instant; answers of how many.
    pub async fn forget_dead_letters(&self, before: UnixMs, limit: usize) -> Result<usize> {
        self.write_news(CommitClass::Derived, News::NONE, move |tx| {
            let old = params![before.0, sql_limit(limit)];
            let old: Vec<i64> = all(tx, &OLD, old, |row| row.get(0))?;
            for seq in &old {
                run(tx, &FORGET_LETTERS, params![seq])?;
                run(tx, &FORGET_REQUEST, params![seq])?;
            }
            Ok(old.len())
        })
        .await
    }

    /// Counts a try of a piece of the inbox that failed; answers the number of
    /// tries with this one. They are stored, so that a restart does not begin
    /// anew. A try that took the whole process with it is not counted: only a
    /// panic, which is caught, or an error is the piece's own fault for certain.
    pub async fn count_failed_try(&self, seq: u64, place: u32) -> Result<u32> {
        self.write_news(CommitClass::Derived, News::NONE, move |tx| {
            let tries = number(tx, &TRY, params![seq.cast_signed(), place])?;
            Ok(u32::try_from(tries).unwrap_or(u32::MAX))
        })
        .await
    }

    /// Forgets the counted tries of inbox rows up to `seq`, which are handled.
    pub async fn forget_tries(&self, seq: u64) -> Result<usize> {
        self.write_news(CommitClass::Derived, News::NONE, move |tx| {
            run(tx, &FORGET_TRIES, params![seq.cast_signed()])
        })
        .await
    }
}

/// Adds a letter, and its request unless another letter brought it.
pub(super) fn add(main: &Connection, letter: &NewDeadLetter) -> Result<()> {
    let seq = letter.seq.cast_signed();
    if number(main, &HAS_REQUEST, params![seq])? == 0 {
        let NewInbox { connection, kind, received_at, headers, body } = &*letter.request;
        // Of a replayed request all places can be replayed again, each as its own.
        let kind = places::of(kind).1;
        run(main, &ADD_REQUEST, params![seq, connection, kind, received_at.0, headers, body])?;
    }
    run(main, &ADD, params![seq, letter.place, letter.attempts, letter.reason]).map(drop)
}

/// The named places of a request, or all that wait. Each of them waits.
fn chosen(main: &Connection, seq: u64, places: &[u32]) -> Result<Vec<u32>> {
    let waiting: Vec<u32> = all(main, &WAITING, params![seq.cast_signed()], |row| row.get(0))?;
    if places.is_empty() {
        return if waiting.is_empty() { Err(none_of(seq)) } else { Ok(waiting) };
    }
    if let Some(place) = places.iter().find(|place| !waiting.contains(place)) {
        let id = format!("{seq}/{place}");
        let at = params![seq.cast_signed(), place];
        let state = first(main, &STATE, at, |row| DeadLetterState::read(row, 0))?;
        let state = state.ok_or_else(|| StoreError::not_found("dead letter", &id))?;
        let detail = format!("was {} already", state.name());
        return Err(StoreError::conflict("dead letter", &id, detail));
    }
    let mut places = places.to_vec();
    places.sort_unstable();
    places.dedup();
    Ok(places)
}

fn none_of(seq: u64) -> StoreError {
    StoreError::not_found("dead letter that waits, of request", &seq.to_string())
}

fn request_row(row: &Row<'_>) -> rusqlite::Result<InboxRow> {
    Ok(InboxRow {
        seq: row.get::<_, i64>(0)?.unsigned_abs(),
        request: NewInbox {
            connection: row.get(1)?,
            kind: row.get(2)?,
            received_at: UnixMs(row.get(3)?),
            headers: row.get(4)?,
            body: row.get(5)?,
        },
    })
}

fn dead_letter_row(row: &Row<'_>) -> rusqlite::Result<DeadLetterRow> {
    Ok(DeadLetterRow {
        seq: row.get::<_, i64>(0)?.unsigned_abs(),
        place: row.get(1)?,
        connection: row.get(2)?,
        kind: row.get(3)?,
        received_at: UnixMs(row.get(4)?),
        attempts: row.get(5)?,
        reason: row.get(6)?,
        state: DeadLetterState::read(row, 7)?,
    })
}
