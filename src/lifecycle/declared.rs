//! Declared rules: what the configured files say is kept, version by version, each
//! time it is read.

use std::collections::BTreeSet;

use serde_json::json;
use touchline_rules::UnixMs;
use touchline_rules::life::RuleState;
use touchline_rules::ruleset::{Rule, RuleSet};

use super::Signature;
use super::book::state_of;
use super::steps::{Head, moved};
use crate::store::{Fenced, RuleBookRows, RuleChange, RuleLifeRow, RuleVersionRow, Store};

/// The actor of what files declare.
pub const CONFIGURATION: &str = "configuration";
/// What the logs say of a version that a file declares.
pub const DECLARE: &str = "declare";
/// What they say of one beside which a published version stays in force.
pub const BESIDE: &str = "declare_beside";
/// What they say of a rule that no file declares any more.
pub const WITHDRAW: &str = "withdraw";
/// Tries when settings move meanwhile.
const TRIES_MAX: u32 = 8;

/// Keeps what `declared` says that was not kept yet. A rule that decides by
/// something else than before, or was away, begins anew; one of which a published
/// version is in force keeps that.
///
/// # Errors
/// When the store cannot be read or written.
pub async fn declare(store: &Store, declared: &RuleSet, now: UnixMs) -> anyhow::Result<()> {
    for _ in 0..TRIES_MAX {
        let (version, rows) = store.rule_book().await?;
        let mut known = BTreeSet::new();
        for rule in declared.rules() {
            if store.rule_version(rule.version_hash.clone()).await?.is_some() {
                known.insert(rule.version_hash.clone());
            }
        }
        let Some(change) = change(version, &rows, declared, &known, now)? else { return Ok(()) };
        if let Fenced::Done(_) = store.commit_rules(change).await? {
            return Ok(());
        }
    }
    anyhow::bail!("settings keep changing")
}

/// What is to be kept; `None` if all is.
fn change(
    version: i64,
    rows: &RuleBookRows,
    declared: &RuleSet,
    known: &BTreeSet<String>,
    now: UnixMs,
) -> anyhow::Result<Option<RuleChange>> {
    let signed =
        Signature { by: CONFIGURATION.to_owned(), agreed_by: None, why: String::new(), at: now };
    let mut change = signed.change(version, DECLARE, json!({}))?;
    let mut told = Vec::new();
    for rule in declared.rules() {
        let life = rows.lives.iter().find(|life| life.rule_id == rule.id);
        if !known.contains(&rule.version_hash) {
            change.versions.push(RuleVersionRow {
                hash: rule.version_hash.clone(),
                rule_id: rule.id.clone(),
                created_at: now,
                body: declared.file_of(rule).into_bytes(),
            });
        }
        let is_new = !known.contains(&rule.version_hash);
        let Some(next) = next_life(life, rule, is_new, &signed) else { continue };
        let why = format!("{}:{}", rule.file, rule.line);
        let signed = Signature { why, ..signed.clone() };
        let logged = RuleLifeRow { hash: rule.version_hash.clone(), ..next.clone() };
        let action = if next.stored { BESIDE } else { DECLARE };
        change.log.push(signed.log(action, &logged));
        told.push(json!({ "rule": rule.id, "version": rule.version_hash }));
        change.lives.push(next);
    }
    for life in &rows.lives {
        let is_away = life.hash.is_empty() || life.stored;
        if !is_away && declared.rule(&life.rule_id).is_none() {
            let next =
                RuleLifeRow { hash: String::new(), trigger_hash: String::new(), ..life.clone() };
            change.log.push(signed.log(WITHDRAW, &next));
            told.push(json!({ "rule": life.rule_id, "version": null }));
            change.lives.push(next);
        }
    }
    change.audit.body = serde_json::to_vec(&json!({ "rules": told }))?;
    Ok((!told.is_empty()).then_some(change))
}

/// Where a declared rule stands from now on; `None` if as before.
fn next_life(
    life: Option<&RuleLifeRow>,
    rule: &Rule,
    is_new: bool,
    signed: &Signature,
) -> Option<RuleLifeRow> {
    match life {
        None => Some(RuleLifeRow {
            rule_id: rule.id.clone(),
            state: RuleState::On.name().to_owned(),
            before: RuleState::On.name().to_owned(),
            since: signed.at,
            actor: signed.actor(),
            hash: rule.version_hash.clone(),
            trigger_hash: rule.trigger_hash.clone(),
            counted_from: signed.at,
            confirmed_at: signed.at,
            ..RuleLifeRow::default()
        }),
        // Its published version stays in force.
        Some(life) if life.stored => is_new.then(|| life.clone()),
        Some(life) if life.hash == rule.version_hash => None,
        Some(life) => {
            let head = Head { rule, stored: false };
            let next = moved(life, state_of(life), Some(&head), signed);
            // Who put it where it stands, and why, is not the file's to say.
            Some(RuleLifeRow { actor: life.actor.clone(), why: life.why.clone(), ..next })
        }
    }
}
