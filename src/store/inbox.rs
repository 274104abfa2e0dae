//! The inbox: every request as it came, in order of arrival.

use std::borrow::Cow;

use rusqlite::types::Type;
use rusqlite::{Connection, Row, TransactionBehavior, params};
use touchline_rules::UnixMs;

use super::Store;
use super::error::{Result, StoreError};
use super::sqlite::append::Log;
use super::sqlite::checkpoint::Checkpoints;
use super::sqlite::overwrite_deleted;
use super::sqlite::worker::Handle;
use super::statement::{all_while, number, run, sql_limit, statements};

statements! {
    NEWEST(0) = "SELECT COALESCE(MAX(seq), 0) FROM inbox";
    APPEND(7) = "INSERT INTO inbox (seq, connection, kind, received_at, headers, body, raw_bytes) \
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    AFTER(2) = "SELECT seq, connection, kind, received_at, headers, body, raw_bytes FROM inbox \
        WHERE seq > $1 ORDER BY seq LIMIT $2";
    /// What is empty already, its end cut off, would be NULL.
    BLANK(1) = "UPDATE inbox SET headers = COALESCE(substr(headers, 1, 0), headers), body = COALESCE(substr(body, 1, 0), body), \
        raw_bytes = 0 WHERE seq = $1";
}

/// Shorter bodies are stored as they are: little to save, and most have one event.
const PACKED_BYTES_MIN: usize = 1_024;

/// A request to be made durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewInbox {
    /// Slug of the connection it came in on.
    pub connection: String,
    /// What the connector's `decode` is told about it.
    pub kind: String,
    /// When it arrived.
    pub received_at: UnixMs,
    /// The kept headers, as the caller encodes them.
    pub headers: Vec<u8>,
    /// The raw body.
    pub body: Vec<u8>,
}

impl NewInbox {
    /// Headers and body together, as the limits count them.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.headers.len() + self.body.len()
    }
}

/// A stored request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxRow {
    /// Its place in the order of arrival.
    pub seq: u64,
    /// What was stored.
    pub request: NewInbox,
}

impl InboxRow {
    /// Whether a row still fits into a page of so many bytes; the first always does.
    pub(super) fn within(bytes_max: usize) -> impl FnMut(&InboxRow) -> bool {
        let mut bytes = 0_usize;
        move |row| {
            let first = bytes == 0;
            bytes = bytes.saturating_add(row.request.bytes().max(1));
            first || bytes <= bytes_max
        }
    }
}

/// Why a request was not stored. It must not be acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Too much waits already.
    #[error("the inbox queue is full; try again in {retry_after_ms} ms")]
    Full {
        /// How long to wait at least; the caller adds jitter.
        retry_after_ms: i64,
    },
    /// It could not be written.
    #[error(transparent)]
    Failed(StoreError),
}

/// `inbox.db` as the appender's thread writes it.
pub(super) struct InboxLog {
    pub connection: Connection,
    /// The ingest cursor at opening: new rows begin above it even if the file
    /// behind them was lost or restored from an older copy.
    pub floor: i64,
    pub checkpoints: Handle<Checkpoints>,
    pub checkpoint_every_rows: u64,
    pub checkpoint_every_bytes: u64,
    pub rows_since_checkpoint: u64,
    pub bytes_since_checkpoint: u64,
}

impl Log for InboxLog {
    fn append(&mut self, rows: &[NewInbox]) -> Result<u64> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let first = number(&tx, &NEWEST, [])?.max(self.floor) + 1;
        for (seq, row) in (first..).zip(rows) {
            let NewInbox { connection, kind, received_at, headers, body } = row;
            let (body, raw_bytes) = packed(body);
            let of = params![seq, connection, kind, received_at.0, headers, body, raw_bytes];
            run(&tx, &APPEND, of)?;
        }
        tx.commit()?;
        self.rows_since_checkpoint += rows.len() as u64;
        self.bytes_since_checkpoint += rows.iter().map(|row| row.bytes() as u64).sum::<u64>();
        if self.rows_since_checkpoint >= self.checkpoint_every_rows
            || self.bytes_since_checkpoint >= self.checkpoint_every_bytes
        {
            (self.rows_since_checkpoint, self.bytes_since_checkpoint) = (0, 0);
            // A full queue means that a checkpoint is waiting already.
            drop(self.checkpoints.post(|checkpoints| drop(checkpoints.run())));
        }
        Ok(first.unsigned_abs())
    }
}

impl Store {
    /// Makes one request durable and answers its sequence number.
    ///
    /// # Errors
    /// [`AppendError`]; the request must then not be acknowledged.
    pub async fn append(&self, row: NewInbox) -> std::result::Result<u64, AppendError> {
        self.append_all(vec![row]).await
    }

    /// Makes several rows durable together, in this order, and answers the
    /// first one's sequence number.
    ///
    /// # Errors
    /// [`AppendError`]; none of them is stored then.
    pub async fn append_all(&self, rows: Vec<NewInbox>) -> std::result::Result<u64, AppendError> {
        self.appender().append(rows).await
    }

    /// Rows after `seq` in order of arrival: at most `rows_max`, and no more
    /// than `bytes_max` of bodies unless the first alone is larger.
    pub async fn inbox_after(
        &self,
        seq: u64,
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<InboxRow>> {
        self.read_inbox(move |connection| {
            let limits = params![seq.cast_signed(), sql_limit(rows_max)];
            all_while(connection, &AFTER, limits, inbox_row, InboxRow::within(bytes_max))
        })
        .await
    }

    /// The newest row's sequence number; with [`Store::cursor`] it tells the lag.
    pub async fn inbox_newest(&self) -> Result<u64> {
        self.read_inbox(|connection| Ok(number(connection, &NEWEST, [])?.unsigned_abs())).await
    }

    /// Copies both logs back into their files without making a commit wait, and
    /// answers the cursor that is on the disk for certain.
    pub async fn checkpoint(&self) -> Result<u64> {
        self.checkpoints().run(|checkpoints| Ok(checkpoints.run()?.unsigned_abs())).await
    }

    /// Deletes the inbox rows that arrived before `received_before` and whose
    /// effects are on the disk for certain, as the last full checkpoint knows;
    /// answers how many.
    pub async fn purge_inbox(&self, received_before: UnixMs) -> Result<usize> {
        self.checkpoints().run(move |checkpoints| checkpoints.purge(received_before)).await
    }

    /// Empties stored requests for a privacy deletion; their places stay.
    pub async fn blank_inbox(&self, seqs: Vec<u64>) -> Result<()> {
        self.checkpoints().run(move |checkpoints| blank(&mut checkpoints.inbox, &seqs)).await
    }
}

fn blank(inbox: &mut Connection, seqs: &[u64]) -> Result<()> {
    let tx = inbox.transaction_with_behavior(TransactionBehavior::Immediate)?;
    overwrite_deleted(&tx, true)?;
    for seq in seqs {
        run(&tx, &BLANK, params![seq.cast_signed()])?;
    }
    overwrite_deleted(&tx, false)?;
    Ok(tx.commit()?)
}

fn inbox_row(row: &Row<'_>) -> rusqlite::Result<InboxRow> {
    Ok(InboxRow {
        seq: row.get::<_, i64>(0)?.unsigned_abs(),
        request: NewInbox {
            connection: row.get(1)?,
            kind: row.get(2)?,
            received_at: UnixMs(row.get(3)?),
            headers: row.get(4)?,
            body: unpacked(row.get(5)?, row.get(6)?)?,
        },
    })
}

/// A body as it is stored, and its length before if it was compressed.
fn packed(body: &[u8]) -> (Cow<'_, [u8]>, i64) {
    let raw_bytes = i64::try_from(body.len()).unwrap_or(0);
    if body.len() < PACKED_BYTES_MIN || raw_bytes == 0 {
        return (Cow::Borrowed(body), 0);
    }
    let packed = lz4_flex::block::compress(body);
    if packed.len() < body.len() {
        (Cow::Owned(packed), raw_bytes)
    } else {
        (Cow::Borrowed(body), 0)
    }
}

fn unpacked(body: Vec<u8>, raw_bytes: i64) -> rusqlite::Result<Vec<u8>> {
    let raw_bytes = usize::try_from(raw_bytes).unwrap_or(0);
    if raw_bytes == 0 {
        return Ok(body);
    }
    lz4_flex::block::decompress(&body, raw_bytes)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(5, Type::Blob, Box::new(error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_body_comes_back_as_it_was(
            unit in prop::collection::vec(any::<u8>(), 0..400),
            times in 0_usize..50,
        ) {
            let body = unit.repeat(times);
            let (stored, raw_bytes) = packed(&body);
            prop_assert!(stored.len() <= body.len());
            prop_assert_eq!(unpacked(stored.into_owned(), raw_bytes).unwrap(), body);
        }
    }

    #[test]
    fn what_was_not_written_by_us_is_an_error_and_no_panic() {
        assert!(unpacked(b"no such thing".to_vec(), 2_000).is_err());
        assert_eq!(unpacked(Vec::new(), 0).unwrap(), b"");
    }
}
