//! Links and states that work once: sign-in, OAuth, confirmations.

use rusqlite::params;
use touchline_rules::UnixMs;

use super::Store;
use super::error::Result;
use super::sqlite::writer::CommitClass;
use super::statement::{first, run, sql_limit, statements};
use crate::wake::News;

statements! {
    ADD(4) = "INSERT INTO link (nonce_hash, purpose, expires_at, body, used_at) \
        VALUES ($1, $2, $3, $4, 0)";
    USE(4) = "UPDATE link SET used_at = $1 WHERE nonce_hash = $2 AND purpose = $3 \
        AND used_at = 0 AND expires_at > $4 RETURNING body";
    LOOK(3) = "SELECT body, used_at FROM link WHERE nonce_hash = $1 AND purpose = $2 \
        AND expires_at > $3";
    FORGET(2) = "DELETE FROM link WHERE nonce_hash IN \
        (SELECT nonce_hash FROM link WHERE expires_at <= $1 LIMIT $2)";
}

/// A link to be used once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLink {
    /// Hash of its nonce; the nonce itself is only in the link.
    pub nonce_hash: [u8; 32],
    /// What it is good for; it opens nothing else.
    pub purpose: String,
    /// Until when, exclusive.
    pub expires_at: UnixMs,
    /// What its use needs to know.
    pub body: Vec<u8>,
}

impl Store {
    /// Remembers a link that was handed out.
    pub async fn add_link(&self, link: NewLink) -> Result<()> {
        self.write_news(CommitClass::Original, News::NONE, move |tx| {
            let NewLink { nonce_hash, purpose, expires_at, body } = &link;
            run(tx, &ADD, params![nonce_hash, purpose, expires_at.0, body]).map(drop)
        })
        .await
    }

    /// Uses a link up: its body the first time, `None` when it is unknown, used,
    /// expired or made for another purpose. Strangers can ask as often as they
    /// like: only a link that works is written, and nobody is woken for it.
    pub async fn use_link(
        &self,
        nonce_hash: [u8; 32],
        purpose: String,
        now: UnixMs,
    ) -> Result<Option<Vec<u8>>> {
        let found = self.look_at_link(nonce_hash, purpose.clone(), now).await?;
        if found.is_none_or(|(_, used)| used) {
            return Ok(None);
        }
        self.write_news(CommitClass::Original, News::NONE, move |tx| {
            first(tx, &USE, params![now.0, nonce_hash, purpose, now.0], |row| row.get(0))
        })
        .await
    }

    /// Looks at a link without using it up: its body, and whether it was used;
    /// `None` when it is unknown, expired or made for another purpose.
    pub async fn look_at_link(
        &self,
        nonce_hash: [u8; 32],
        purpose: String,
        now: UnixMs,
    ) -> Result<Option<(Vec<u8>, bool)>> {
        self.read(move |main| {
            let wanted = params![nonce_hash, purpose, now.0];
            first(main, &LOOK, wanted, |row| Ok((row.get(0)?, row.get::<_, i64>(1)? != 0)))
        })
        .await
    }

    /// Forgets at most `limit` links that have expired; answers how many.
    pub async fn forget_links(&self, now: UnixMs, limit: usize) -> Result<usize> {
        self.write_news(CommitClass::Derived, News::NONE, move |tx| {
            run(tx, &FORGET, params![now.0, sql_limit(limit)])
        })
        .await
    }
}
