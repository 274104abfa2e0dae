//! Which rules a back-test judges: named packs, or what is in force here.

use std::sync::Arc;

use touchline_rules::facts::Metadata;
use touchline_rules::ruleset::{RuleSet, Severity};

use super::super::{accounts_of, tell};
use crate::cli::open;
use crate::coaching::rulesets::read_packs;
use crate::config::Config;
use crate::lifecycle::Lifecycle;

/// Rules, and where they come from in words.
pub(super) struct Judged {
    pub rules: RuleSet,
    pub from: String,
}

/// The named packs; without any, the rules in force: declared and published, as they
/// stand in the database. Without a database, the configured packs. `None` when they
/// have errors, which are told.
pub(super) async fn judged(
    config: &Arc<Config>,
    packs: &[String],
    account: &Metadata,
) -> anyhow::Result<Option<Judged>> {
    if !packs.is_empty() {
        let from = format!("the packs {}", packs.join(", "));
        return Ok(load(packs, account)?.map(|rules| Judged { rules, from }));
    }
    if !config.database_path().exists() {
        let from = format!("the configured packs ({})", config.rules.join(", "));
        return Ok(load(&config.rules, account)?.map(|rules| Judged { rules, from }));
    }
    let store = open::existing(config)?;
    let accounts = accounts_of(config, &store).await;
    let lifecycle = Lifecycle::new(store, Arc::clone(config), accounts);
    let (_, book) = lifecycle.book().await?;
    let all = book.in_force();
    let looks = |id: &str| book.standing(id).state.looks();
    let rules = all.only(|rule| looks(&rule.id));
    let resting = all.rules().len() - rules.rules().len();
    let besides = match resting {
        0 => String::new(),
        1 => "; 1 rests or is out of use".to_owned(),
        more => format!("; {more} rest or are out of use"),
    };
    let from = format!("those in force here, declared and published, as they stand{besides}");
    Ok(Some(Judged { rules, from }))
}

/// Reads packs, and says what is wrong with them. Names of stages and people are
/// checked against the past's account; what it does not have is no reason to stop.
pub(super) fn load(packs: &[String], account: &Metadata) -> anyhow::Result<Option<RuleSet>> {
    let files = read_packs(packs)?;
    let loaded = RuleSet::load(&files, &[("the past", account)]);
    if loaded.set.is_some() {
        return Ok(loaded.set);
    }
    let without = RuleSet::load(&files, &[]);
    let faulty = if without.set.is_some() { &loaded } else { &without };
    let errors = faulty.diagnostics.iter().filter(|one| one.severity == Severity::Error);
    tell(&errors.cloned().collect::<Vec<_>>());
    if without.set.is_some() {
        eprintln!("the past has no such names: where rules ask for them, they are not true");
    } else {
        eprintln!("the rules have errors; nothing was played");
    }
    Ok(without.set)
}
