//! Baselines of won deals: a few snapshots for each connection, and the deals
//! they are made from.

use rusqlite::params;
use touchline_rules::UnixMs;

use super::Store;
use super::deal::{DealRow, deal_row};
use super::error::Result;
use super::sqlite::writer::CommitClass;
use super::statement::{all, run, sql_limit, statements};
use crate::wake::News;

statements! {
    /// One that is there already stays: it is never changed.
    ADD(4) = "INSERT INTO baseline (connection, at, in_force_from, body) \
        VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    FORGET(3) = "DELETE FROM baseline WHERE connection = $1 AND at NOT IN \
        (SELECT at FROM baseline WHERE connection = $2 ORDER BY at DESC LIMIT $3)";
    NEWEST(2) = "SELECT body FROM baseline WHERE connection = $1 ORDER BY at DESC LIMIT $2";
    /// Deals that are won, or that changed so lately that they may have been.
    WON(4) = "SELECT connection, id, version, owner, pipeline, stage, status, engine_at, body \
        FROM deal WHERE connection = $1 AND id > $2 AND (status = 'won' OR engine_at > $3) \
        ORDER BY id LIMIT $4";
}

/// A snapshot, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaselineRow {
    /// Slug of the connection.
    pub connection: String,
    /// The local midnight whose knowledge it holds.
    pub at: UnixMs,
    /// From when on it counts.
    pub in_force_from: UnixMs,
    /// The snapshot.
    pub body: Vec<u8>,
}

impl Store {
    /// Keeps a snapshot, and of its connection only the newest `kept`.
    pub async fn add_baseline(&self, row: BaselineRow, kept: usize) -> Result<()> {
        self.write_news(CommitClass::Derived, News::GROUND, move |tx| {
            let BaselineRow { connection, at, in_force_from, body } = row;
            run(tx, &ADD, params![connection, at.0, in_force_from.0, body])?;
            run(tx, &FORGET, params![connection, connection, sql_limit(kept)]).map(drop)
        })
        .await
    }

    /// The newest snapshots of a connection, newest first.
    pub async fn baselines(&self, connection: String, limit: usize) -> Result<Vec<Vec<u8>>> {
        self.read(move |main| {
            all(main, &NEWEST, params![connection, sql_limit(limit)], |row| row.get(0))
        })
        .await
    }

    /// A page of the deals behind `after` that are won, or that were looked at
    /// after `since` and may have been won until then.
    pub async fn deals_won_or_since(
        &self,
        connection: String,
        after: String,
        since: UnixMs,
        limit: usize,
    ) -> Result<Vec<DealRow>> {
        self.read(move |main| {
            let of = params![connection, after, since.0, sql_limit(limit)];
            all(main, &WON, of, deal_row)
        })
        .await
    }
}
