//! Deals as they are known now, and their history.

use rusqlite::{Connection, Row, params};
use touchline_rules::UnixMs;
use touchline_rules::facts::DealKey;

use super::Store;
use super::error::{Result, StoreError};
use super::statement::{all, first, run, sql_limit, statements};

/// One select list for every query of a [`DealRow`].
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT connection, id, version, owner, pipeline, stage, status, engine_at, body \
             FROM deal ",
            $rest
        )
    };
}

statements! {
    LOAD(2) = select!("WHERE connection = $1 AND id = $2");
    AFTER(3) = select!("WHERE (connection, id) > ($1, $2) ORDER BY connection, id LIMIT $3");
    INSERT(8) = "INSERT INTO deal (connection, id, version, owner, pipeline, stage, status, \
        engine_at, body) VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
    /// Names no indexed column, so the owner's index is left alone.
    UPDATE_BODY(9) = "UPDATE deal SET version = version + 1, engine_at = $1, body = $2 \
        WHERE connection = $3 AND id = $4 AND version = $5 \
        AND owner = $6 AND pipeline = $7 AND stage = $8 AND status = $9";
    UPDATE_ALL(9) = "UPDATE deal SET version = version + 1, owner = $1, pipeline = $2, \
        stage = $3, status = $4, engine_at = $5, body = $6 \
        WHERE connection = $7 AND id = $8 AND version = $9";
    APPEND_CHANGE(9) = "INSERT INTO change (connection, deal, field, occurred_at, vendor_seq, \
        value_hash, engine_at, late, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
        ON CONFLICT DO NOTHING";
    CHANGES(3) = "SELECT connection, deal, field, occurred_at, vendor_seq, value_hash, engine_at, \
        late, body FROM change WHERE connection = $1 AND deal = $2 \
        ORDER BY occurred_at, vendor_seq, field, value_hash LIMIT $3";
    CHANGES_AFTER(7) = "SELECT connection, deal, field, occurred_at, vendor_seq, value_hash, \
        engine_at, late, body FROM change WHERE connection = $1 \
        AND (deal, field, occurred_at, vendor_seq, value_hash) > ($2, $3, $4, $5, $6) \
        ORDER BY deal, field, occurred_at, vendor_seq, value_hash LIMIT $7";
}

/// A deal as it is known now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DealRow {
    /// Slug of the connection.
    pub connection: String,
    /// The vendor's id.
    pub id: String,
    /// As loaded; 0 for a deal that is new. The commit fails if somebody else
    /// wrote the deal since.
    pub version: i64,
    /// The vendor's owner id; empty when unknown.
    pub owner: String,
    /// Pipeline id; empty when unknown.
    pub pipeline: String,
    /// Stage id; empty when unknown.
    pub stage: String,
    /// The caller's own word: open, won, lost, waiting, gone …
    pub status: String,
    /// The engine time of the last change.
    pub engine_at: UnixMs,
    /// Everything else.
    pub body: Vec<u8>,
}

/// One change of one deal, as kept in its history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRow {
    /// Slug of the connection.
    pub connection: String,
    /// The vendor's id of the deal.
    pub deal: String,
    /// What changed: a field's name or the kind of change.
    pub field: String,
    /// When, by the vendor.
    pub occurred_at: UnixMs,
    /// The vendor's order within one instant.
    pub vendor_seq: i64,
    /// Hash of the value: together with what stands above it makes the change
    /// unique, so that a replay appends nothing.
    pub value_hash: Vec<u8>,
    /// The engine time it was applied at.
    pub engine_at: UnixMs,
    /// Older than what was applied of the same field before.
    pub late: bool,
    /// Everything else.
    pub body: Vec<u8>,
}

/// Where a change stands among those of its connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangePlace {
    deal: String,
    field: String,
    occurred_at: i64,
    vendor_seq: i64,
    value_hash: Vec<u8>,
}

impl ChangeRow {
    /// Where it stands.
    #[must_use]
    pub fn place(&self) -> ChangePlace {
        ChangePlace {
            deal: self.deal.clone(),
            field: self.field.clone(),
            occurred_at: self.occurred_at.0,
            vendor_seq: self.vendor_seq,
            value_hash: self.value_hash.clone(),
        }
    }
}

impl Store {
    /// The deals among `keys` that are known, in the order of `keys`.
    pub async fn load_subjects(&self, keys: Vec<DealKey>) -> Result<Vec<DealRow>> {
        self.read(move |connection| {
            let load = |key: &DealKey| load_deal(connection, &key.connection, &key.id);
            keys.iter().filter_map(|key| load(key).transpose()).collect()
        })
        .await
    }

    /// A page of all deals in the order of their keys; `None` begins.
    pub async fn deals_after(&self, after: Option<DealKey>, limit: usize) -> Result<Vec<DealRow>> {
        self.read(move |connection| {
            let (name, id) = after.map_or_else(Default::default, |key| (key.connection, key.id));
            all(connection, &AFTER, params![name, id, sql_limit(limit)], deal_row)
        })
        .await
    }

    /// A page of all changes of one connection, deal by deal; the default place begins.
    pub async fn changes_after(
        &self,
        connection: String,
        after: ChangePlace,
        limit: usize,
    ) -> Result<Vec<ChangeRow>> {
        self.read(move |main| {
            let ChangePlace { deal, field, occurred_at, vendor_seq, value_hash } = after;
            let from = params![
                connection,
                deal,
                field,
                occurred_at,
                vendor_seq,
                value_hash,
                sql_limit(limit)
            ];
            all(main, &CHANGES_AFTER, from, change_row)
        })
        .await
    }

    /// A deal's history in the order (occurred_at, vendor sequence, field, value).
    pub async fn changes_of(&self, deal: DealKey, limit: usize) -> Result<Vec<ChangeRow>> {
        self.read(move |connection| {
            let of = params![deal.connection, deal.id, sql_limit(limit)];
            all(connection, &CHANGES, of, change_row)
        })
        .await
    }
}

/// One deal.
pub(super) fn load_deal(main: &Connection, connection: &str, id: &str) -> Result<Option<DealRow>> {
    first(main, &LOAD, params![connection, id], deal_row)
}

/// Writes a deal, if it is still the version that was loaded.
pub(super) fn put(main: &Connection, deal: &DealRow) -> Result<()> {
    let DealRow { connection, id, version, owner, pipeline, stage, status, engine_at, body } = deal;
    let engine_at = engine_at.0;
    let written = if *version == 0 {
        let row = params![connection, id, owner, pipeline, stage, status, engine_at, body];
        run(main, &INSERT, row)?
    } else {
        let moved_nothing =
            params![engine_at, body, connection, id, version, owner, pipeline, stage, status];
        let whole =
            params![owner, pipeline, stage, status, engine_at, body, connection, id, version];
        match run(main, &UPDATE_BODY, moved_nothing)? {
            0 => run(main, &UPDATE_ALL, whole)?,
            written => written,
        }
    };
    if written == 0 {
        let changed = format!("is no longer at version {version}");
        return Err(StoreError::conflict("deal", &format!("{connection}/{id}"), changed));
    }
    Ok(())
}

/// Appends a change to its deal's history; one that is there already is left alone.
pub(super) fn append_change(main: &Connection, change: &ChangeRow) -> Result<()> {
    let row = params![
        change.connection,
        change.deal,
        change.field,
        change.occurred_at.0,
        change.vendor_seq,
        change.value_hash,
        change.engine_at.0,
        i64::from(change.late),
        change.body,
    ];
    run(main, &APPEND_CHANGE, row).map(drop)
}

pub(super) fn deal_row(row: &Row<'_>) -> rusqlite::Result<DealRow> {
    Ok(DealRow {
        connection: row.get(0)?,
        id: row.get(1)?,
        version: row.get(2)?,
        owner: row.get(3)?,
        pipeline: row.get(4)?,
        stage: row.get(5)?,
        status: row.get(6)?,
        engine_at: UnixMs(row.get(7)?),
        body: row.get(8)?,
    })
}

fn change_row(row: &Row<'_>) -> rusqlite::Result<ChangeRow> {
    Ok(ChangeRow {
        connection: row.get(0)?,
        deal: row.get(1)?,
        field: row.get(2)?,
        occurred_at: UnixMs(row.get(3)?),
        vendor_seq: row.get(4)?,
        value_hash: row.get(5)?,
        engine_at: UnixMs(row.get(6)?),
        late: row.get::<_, i64>(7)? != 0,
        body: row.get(8)?,
    })
}
