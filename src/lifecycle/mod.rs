//! The life of rules in this installation: who may change what, what a change
//! would mean, and the change itself. Commands call it, and so will a console.
//!
//! A change goes one way: a [`Deed`] is looked at ([`Lifecycle::plan`] for what is
//! published), allowed, or kept until a second person agrees
//! ([`Lifecycle::submit`], [`Lifecycle::approve`]), and committed with its versions,
//! its log and its audit row in one transaction. A running `serve` takes it over
//! with its next batch, and what is true then is not told ([`book`]).

pub mod approvals;
pub mod authority;
pub mod book;
pub mod declared;
pub mod deeds;
mod error;
pub mod history;
pub mod keeper;
pub mod listing;
pub mod notices;
pub mod plan;
pub mod present;
pub mod steps;
pub mod teams;
pub mod whole;

use std::sync::Arc;

use sha2::{Digest, Sha256};
use touchline_rules::facts::Metadata;
use touchline_rules::ruleset::RuleSet;

use crate::coaching::rulesets::{compile, read_packs};
use crate::config::Config;
use crate::store::{RuleBookRows, Store};
use book::RuleBook;
pub use deeds::{Deed, Outcome, Signature};
pub use error::LifeError;
use teams::Teams;

/// The place from which rules are looked at and changed.
#[derive(Clone)]
pub struct Lifecycle {
    store: Store,
    config: Arc<Config>,
    accounts: Vec<(String, Arc<Metadata>)>,
    teams: Teams,
}

impl Lifecycle {
    /// Over this store; rules are checked against `accounts`.
    #[must_use]
    pub fn new(store: Store, config: Arc<Config>, accounts: Vec<(String, Arc<Metadata>)>) -> Self {
        let teams = Teams::of(&config);
        Lifecycle { store, config, accounts, teams }
    }

    /// All rules as they are written and where they stand, with the version of
    /// the settings that this was read under.
    ///
    /// A mistake in a declared file keeps nobody from pausing a rule: what was last
    /// understood of the files stands in for them.
    ///
    /// # Errors
    /// When a declared file cannot be read, or a rule is wrong in itself, and nothing
    /// was kept of them.
    pub async fn book(&self) -> Result<(i64, RuleBook), LifeError> {
        let (version, rows) = self.store.rule_book().await?;
        let declared = match self.declared() {
            Ok(declared) => declared,
            Err(error) => self.last_declared(&rows).await?.ok_or(error)?,
        };
        let (declared, teams) = (Arc::new(declared), self.teams.clone());
        let book = RuleBook::of(Arc::clone(&declared), rows.clone(), teams.clone(), &self.accounts)
            .or_else(|_| RuleBook::of(declared, rows, teams, &[]))?;
        Ok((version, book))
    }

    /// The rules that the configured files declare.
    ///
    /// # Errors
    /// When a file cannot be read, or a rule is wrong in itself.
    pub fn declared(&self) -> anyhow::Result<RuleSet> {
        let files = read_packs(&self.config.rules)?;
        let (declared, _) = compile(&files, &self.accounts).or_else(|_| compile(&files, &[]))?;
        Ok(declared)
    }

    /// What the files declared when they were last understood; `None` where nothing
    /// was kept of them.
    async fn last_declared(&self, rows: &RuleBookRows) -> Result<Option<RuleSet>, LifeError> {
        let mut kept = Vec::new();
        for life in rows.lives.iter().filter(|life| !life.stored && !life.hash.is_empty()) {
            kept.extend(self.store.rule_version(life.hash.clone()).await?);
        }
        if kept.is_empty() {
            return Ok(None);
        }
        Ok(Some(book::kept_rules(&kept, &[])?))
    }
}

/// The word that stands for Touchline itself in logs.
pub const TOUCHLINE: &str = "touchline";

/// SHA-256 of a cause, for ids that follow from it.
fn digest(cause: &str) -> [u8; 32] {
    Sha256::digest(cause.as_bytes()).into()
}
