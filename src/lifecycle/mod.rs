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
use crate::store::{RuleBookRows, RuleLifeRow, Store};
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

    /// What is wrong with a declared file, in one line that names it, where what was
    /// last understood of the files stands in for them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn fault(&self) -> Result<Option<String>, LifeError> {
        let Err(error) = self.declared() else { return Ok(None) };
        let (_, rows) = self.store.rule_book().await?;
        let stands_in = self.last_declared(&rows).await?.is_some();
        let told = format!("{error:#}");
        let first = told.lines().find(|line| line.contains(": error[")).or(told.lines().next());
        Ok(first.filter(|_| stands_in).map(str::to_owned))
    }

    /// What the files declared when they were last understood, also where a published
    /// version is in force; `None` where nothing was kept of them.
    async fn last_declared(&self, rows: &RuleBookRows) -> Result<Option<RuleSet>, LifeError> {
        let mut kept = Vec::new();
        for life in &rows.lives {
            let hash = if life.stored { self.beneath(life).await? } else { life.hash.clone() };
            kept.extend(self.store.rule_version(hash).await?);
        }
        if kept.is_empty() {
            return Ok(None);
        }
        Ok(Some(book::kept_rules(&kept, &[])?))
    }

    /// The version that a file declares of a rule of which a published one is in
    /// force; empty where none does.
    async fn beneath(&self, life: &RuleLifeRow) -> Result<String, LifeError> {
        let log = self.store.rule_log(life.rule_id.clone(), steps::VERSIONS_MAX).await?;
        let by_file = [declared::DECLARE, declared::BESIDE, declared::WITHDRAW];
        let last = log.into_iter().find(|row| by_file.contains(&row.action.as_str()));
        Ok(last.map(|row| row.hash).unwrap_or_default())
    }
}

/// The word that stands for Touchline itself in logs.
pub const TOUCHLINE: &str = "touchline";

/// SHA-256 of a cause, for ids that follow from it.
fn digest(cause: &str) -> [u8; 32] {
    Sha256::digest(cause.as_bytes()).into()
}
