//! Deeds: what somebody does with rules, signed, and committed as one change.

use serde::{Deserialize, Serialize};
use touchline_rules::UnixMs;
use touchline_rules::life::{Step, Tightening};

use super::approvals::Request;
use super::authority::Allowed;
use super::book::RuleBook;
use super::plan::Publishing;
use super::{LifeError, Lifecycle};
use crate::store::{AuditEntry, Fenced, RuleChange, RuleLifeRow, RuleLogRow};

/// Tries of one change when settings move meanwhile.
const TRIES_MAX: u32 = 8;

/// What somebody does with rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Puts new versions on.
    Publish(Publishing),
    /// Moves a rule on in its life.
    Step {
        /// The rule.
        rule: String,
        /// How.
        step: Step,
    },
    /// Says that a rule is still right: its time begins anew.
    Confirm {
        /// The rule.
        rule: String,
    },
    /// Goes back to a version that was kept.
    Rollback {
        /// The rule.
        rule: String,
        /// The version, or the beginning of its hash; `None` for the one before.
        to: Option<String>,
    },
    /// A team hears nothing of a company rule, or hears of it again.
    Mute {
        /// The rule.
        rule: String,
        /// The team's manager.
        team: String,
        /// Nothing, or again.
        muted: bool,
    },
    /// A team has stricter numbers, or the rule's own again.
    Tighten {
        /// The rule.
        rule: String,
        /// The team's manager.
        team: String,
        /// The numbers; `None` for the rule's own.
        to: Option<Tightening>,
    },
}

/// Who does something, when and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// E-mail, lower case.
    pub by: String,
    /// The second person, where one agreed.
    pub agreed_by: Option<String>,
    /// In words.
    pub why: String,
    /// When.
    pub at: UnixMs,
}

/// What came of a deed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is done: what happened, one line for each rule.
    Done(Vec<String>),
    /// It waits for a second person, under this id.
    Waits(String),
    /// There was nothing to do.
    Nothing,
}

/// What a deed means: the change, and a line for each rule.
pub(super) struct Meaning {
    pub change: RuleChange,
    pub lines: Vec<String>,
}

impl Signature {
    /// As logs name who did it.
    #[must_use]
    pub fn actor(&self) -> String {
        match &self.agreed_by {
            None => self.by.clone(),
            Some(second) => format!("{}, agreed by {second}", self.by),
        }
    }

    /// A change with an audit row and nothing else.
    pub(super) fn change(
        &self,
        settings_version: i64,
        action: &str,
        told: serde_json::Value,
    ) -> Result<RuleChange, LifeError> {
        let mut body = told;
        body["why"] = self.why.clone().into();
        let audit = AuditEntry {
            at: self.at,
            actor: self.actor(),
            action: format!("rule_{action}"),
            body: serde_json::to_vec(&body)?,
        };
        Ok(RuleChange::new(settings_version, audit))
    }

    /// What a rule's own log says of it.
    pub(super) fn log(&self, action: &str, life: &RuleLifeRow) -> RuleLogRow {
        RuleLogRow {
            rule_id: life.rule_id.clone(),
            seq: 0,
            at: self.at,
            actor: self.actor(),
            action: action.to_owned(),
            state: life.state.clone(),
            hash: life.hash.clone(),
            why: self.why.clone(),
        }
    }
}

impl Lifecycle {
    /// Does a deed, or keeps it until a second person agrees.
    ///
    /// # Errors
    /// [`LifeError`]: nothing was changed.
    pub async fn submit(&self, deed: Deed, signed: &Signature) -> Result<Outcome, LifeError> {
        for _ in 0..TRIES_MAX {
            let (version, book) = self.book().await?;
            let allowed = self.allowed(&signed.by, &deed, &book).await?;
            let meaning = self.meaning(version, &book, &deed, signed).await?;
            let Some(Meaning { change, lines }) = meaning else { return Ok(Outcome::Nothing) };
            let (change, outcome) = match allowed {
                Allowed::Now => (change, Outcome::Done(lines)),
                Allowed::WithSecond => {
                    let rules = self.asked(&book, &deed, signed.at).await?;
                    let request = Request::new(deed.clone(), signed, &book, (lines, rules));
                    let id = request.id.clone();
                    (request.kept(version, signed)?, Outcome::Waits(id))
                }
            };
            if let Fenced::Done(_) = self.store.commit_rules(change).await? {
                return Ok(outcome);
            }
        }
        Err(LifeError::Other(anyhow::anyhow!("settings keep changing; try again")))
    }

    /// What a deed means as things stand; `None` if nothing.
    pub(super) async fn meaning(
        &self,
        version: i64,
        book: &RuleBook,
        deed: &Deed,
        signed: &Signature,
    ) -> Result<Option<Meaning>, LifeError> {
        match deed {
            Deed::Publish(publishing) => self.published(version, book, publishing, signed).await,
            Deed::Step { rule, step } => {
                super::steps::stepped(version, book, rule, *step, signed).map(Some)
            }
            Deed::Confirm { rule } => {
                super::steps::confirmed(version, book, rule, signed).map(Some)
            }
            Deed::Rollback { rule, to } => {
                self.rolled_back(version, book, rule, to.as_deref(), signed).await.map(Some)
            }
            Deed::Mute { rule, team, muted } => {
                super::steps::muted(version, book, (rule, team, *muted), signed).map(Some)
            }
            Deed::Tighten { rule, team, to } => {
                super::steps::tightened(version, book, (rule, team, to.as_ref()), signed).map(Some)
            }
        }
    }
}
