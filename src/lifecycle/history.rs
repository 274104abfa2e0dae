//! The past of a rule: its versions, who changed what and why, in words.

use serde::Serialize;
use touchline_rules::UnixMs;
use touchline_rules::life::difference;

use super::book::{RuleBook, version};
use super::declared::BESIDE;
use super::steps::{VERSIONS_MAX, known};
use super::{LifeError, Lifecycle};
use crate::store::RuleLogRow;

/// Entries of one rule's log that are shown.
const LOG_MAX: usize = 500;

/// One thing that was done to a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// When.
    pub at: UnixMs,
    /// Who.
    pub actor: String,
    /// What: `publish`, `pause`, `rollback` …
    pub action: String,
    /// The state it then was in.
    pub state: String,
    /// The version then in force; empty where there was none.
    pub version: String,
    /// Why.
    pub why: String,
    /// What that version says otherwise than the one before; nothing where it is
    /// the same.
    pub difference: Vec<String>,
}

impl Lifecycle {
    /// What was done to a rule, newest first.
    ///
    /// # Errors
    /// [`LifeError::NotFound`] for a rule that never was.
    pub async fn log(&self, id: &str) -> Result<Vec<Entry>, LifeError> {
        let rows = self.store.rule_log(id.to_owned(), LOG_MAX).await?;
        if rows.is_empty() {
            let (_, book) = self.book().await?;
            known(&book, id)?;
        }
        let mut entries = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let mut older = rows.iter().skip(at + 1).filter(|older| older.action != BESIDE);
            let older = older.find(|older| !older.hash.is_empty());
            entries.push(self.entry(row, older).await?);
        }
        Ok(entries)
    }

    async fn entry(
        &self,
        row: &RuleLogRow,
        older: Option<&RuleLogRow>,
    ) -> Result<Entry, LifeError> {
        let moved = older.filter(|older| !row.hash.is_empty() && older.hash != row.hash);
        let difference = match moved {
            Some(older) => self.between(&older.hash, &row.hash).await?,
            None => Vec::new(),
        };
        Ok(Entry {
            at: row.at,
            actor: row.actor.clone(),
            action: row.action.clone(),
            state: row.state.clone(),
            version: row.hash.clone(),
            why: row.why.clone(),
            difference,
        })
    }

    async fn between(&self, from: &str, to: &str) -> Result<Vec<String>, LifeError> {
        let from = self.store.rule_version(from.to_owned()).await?;
        let to = self.store.rule_version(to.to_owned()).await?;
        let (Some(from), Some(to)) = (from, to) else { return Ok(Vec::new()) };
        // A version that this build no longer understands is told as such.
        match (version(&from), version(&to)) {
            (Ok((from, _)), Ok((to, _))) => Ok(difference(&from, &to)),
            _ => Ok(vec!["this build does not understand one of the two versions".to_owned()]),
        }
    }

    /// What differs between two versions of a rule, given by the beginnings of their
    /// hashes: without `to`, the one in force; without `from`, the one before it.
    ///
    /// # Errors
    /// [`LifeError::NotFound`] where there is no such version.
    pub async fn diff(
        &self,
        id: &str,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<(String, String, Vec<String>), LifeError> {
        let (_, book) = self.book().await?;
        let to = match to {
            Some(hash) => self.kept(id, hash).await?.hash,
            None => known(&book, id)?.version_hash.clone(),
        };
        let from = match from {
            Some(hash) => self.kept(id, hash).await?.hash,
            None => self.before(id, &to).await?,
        };
        let lines =
            match (self.rule_of(&book, id, &from).await?, self.rule_of(&book, id, &to).await?) {
                (Some(from), Some(to)) => difference(&from, &to),
                _ => Vec::new(),
            };
        Ok((from, to, lines))
    }

    async fn rule_of(
        &self,
        book: &RuleBook,
        id: &str,
        hash: &str,
    ) -> Result<Option<touchline_rules::ruleset::Rule>, LifeError> {
        let written = [book.written.rule(id), book.declared.rule(id)];
        if let Some(rule) = written.into_iter().flatten().find(|rule| rule.version_hash == hash) {
            return Ok(Some(rule.clone()));
        }
        let row = self.store.rule_version(hash.to_owned()).await?;
        Ok(row.map(|row| version(&row)).transpose()?.map(|(rule, _)| rule))
    }

    /// The version that was in force before this one.
    async fn before(&self, id: &str, hash: &str) -> Result<String, LifeError> {
        let log = self.store.rule_log(id.to_owned(), VERSIONS_MAX).await?;
        let since = log.iter().position(|row| row.hash == hash).unwrap_or_default();
        let mut older = log.iter().skip(since).filter(|row| row.action != BESIDE);
        let older = older.find(|row| !row.hash.is_empty() && row.hash != hash);
        older.map(|row| row.hash.clone()).ok_or_else(|| {
            LifeError::not_found(
                format!("`{id}` had no other version before"),
                "name two: --from HASH --to HASH",
            )
        })
    }
}
