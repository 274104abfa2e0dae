//! The audit log: append-only, each row holding the hash of the one before.

use rusqlite::{Connection, Row, Transaction, params};
use sha2::{Digest, Sha256};
use touchline_rules::UnixMs;

use super::Store;
use super::error::Result;
use super::sqlite::writer::CommitClass;
use super::statement::{all, first, run, sql_limit, statements};

/// Rows checked in one read.
const CHECK_PAGE_ROWS: usize = 200;
/// What the first row holds in place of a predecessor's hash.
const GENESIS: [u8; 32] = [0; 32];

statements! {
    LAST(0) = "SELECT seq, at, actor, action, body, prev_hash, hash FROM audit \
        ORDER BY seq DESC LIMIT 1";
    ADD(7) = "INSERT INTO audit (seq, at, actor, action, body, prev_hash, hash) \
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    AFTER(2) = "SELECT seq, at, actor, action, body, prev_hash, hash FROM audit WHERE seq > $1 \
        ORDER BY seq LIMIT $2";
    BEFORE(2) = "SELECT seq, at, actor, action, body, prev_hash, hash FROM audit WHERE seq < $1 \
        ORDER BY seq DESC LIMIT $2";
}

/// Something done that must be answered for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: UnixMs,
    /// Who: a person's e-mail, `admin`, or `touchline`.
    pub actor: String,
    /// What, for example `setting.sending`.
    pub action: String,
    /// Before, after and reason, without secrets.
    pub body: Vec<u8>,
}

/// A row of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Its place, from 1 without gaps.
    pub seq: i64,
    /// What was done.
    pub entry: AuditEntry,
    /// The hash of the row before.
    pub prev_hash: Vec<u8>,
    /// The hash over `prev_hash`, `seq` and the entry.
    pub hash: Vec<u8>,
}

/// What a check of the whole log found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditCheck {
    /// Rows that follow from one another.
    pub rows: i64,
    /// The hash of the last of them. Kept outside the database, it also shows a
    /// log that was cut off or written anew.
    pub head: Vec<u8>,
    /// The first place at which the log was tampered with.
    pub broken_at: Option<i64>,
}

impl Store {
    /// Appends a row; answers its place.
    pub async fn append_audit(&self, entry: AuditEntry) -> Result<i64> {
        self.write(CommitClass::Original, move |tx| append(tx, &entry)).await
    }

    /// The rows before `seq`, newest first; [`i64::MAX`] begins at the end.
    pub async fn audit_before(&self, seq: i64, limit: usize) -> Result<Vec<AuditRow>> {
        self.read(move |main| all(main, &BEFORE, params![seq, sql_limit(limit)], audit_row)).await
    }

    /// Recomputes every hash from the first row on, up to the first that is wrong.
    pub async fn check_audit(&self) -> Result<AuditCheck> {
        let mut check = AuditCheck { rows: 0, head: GENESIS.to_vec(), broken_at: None };
        loop {
            let after = check.rows;
            let page = self
                .read(move |main| {
                    all(main, &AFTER, params![after, sql_limit(CHECK_PAGE_ROWS)], audit_row)
                })
                .await?;
            let last = page.len() < CHECK_PAGE_ROWS;
            for row in page {
                let expected = hash(&check.head, check.rows + 1, &row.entry);
                let follows = row.seq == check.rows + 1 && row.prev_hash == check.head;
                if !follows || row.hash != expected {
                    check.broken_at = Some(check.rows + 1);
                    return Ok(check);
                }
                check.rows = row.seq;
                check.head = row.hash;
            }
            if last {
                return Ok(check);
            }
        }
    }
}

/// Appends a row in the transaction of the change that it tells of.
pub(super) fn append(tx: &Transaction<'_>, entry: &AuditEntry) -> Result<i64> {
    let (seq, prev_hash) = match last(tx)? {
        Some(row) => (row.seq + 1, row.hash),
        None => (1, GENESIS.to_vec()),
    };
    let hash = hash(&prev_hash, seq, entry);
    let AuditEntry { at, actor, action, body } = entry;
    run(tx, &ADD, params![seq, at.0, actor, action, body, prev_hash, hash])?;
    Ok(seq)
}

fn last(main: &Connection) -> Result<Option<AuditRow>> {
    first(main, &LAST, [], audit_row)
}

/// Every part with its length before it, so that no two entries look alike.
fn hash(prev_hash: &[u8], seq: i64, entry: &AuditEntry) -> Vec<u8> {
    let AuditEntry { at, actor, action, body } = entry;
    let mut sha = Sha256::new();
    let parts: [&[u8]; 6] = [
        prev_hash,
        &seq.to_be_bytes(),
        &at.0.to_be_bytes(),
        actor.as_bytes(),
        action.as_bytes(),
        body,
    ];
    for part in parts {
        sha.update((part.len() as u64).to_be_bytes());
        sha.update(part);
    }
    sha.finalize().to_vec()
}

fn audit_row(row: &Row<'_>) -> rusqlite::Result<AuditRow> {
    Ok(AuditRow {
        seq: row.get(0)?,
        entry: AuditEntry {
            at: UnixMs(row.get(1)?),
            actor: row.get(2)?,
            action: row.get(3)?,
            body: row.get(4)?,
        },
        prev_hash: row.get(5)?,
        hash: row.get(6)?,
    })
}
