//! `touchline admin release`

use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use serde_json::json;

use super::known::check_rule;
use crate::cli::open::{self, Word};
use crate::coaching::ledger::in_words;
use crate::config::Config;
use crate::store::{AuditEntry, ReleaseState, Store};

/// Cases listed one by one.
const LISTED_MAX: usize = 10_000;

#[derive(Subcommand)]
pub(in crate::cli) enum ReleaseCommand {
    /// List the present cases of published rules: how many wait, were told or dropped.
    List {
        /// Of this rule only.
        #[arg(long, value_name = "ID")]
        rule: Option<String>,
        /// Print each case, as JSON Lines.
        #[arg(long)]
        json: bool,
    },
    /// Stop what waits; what was told stays told.
    Stop {
        /// Of this rule only.
        #[arg(long, value_name = "ID")]
        rule: Option<String>,
        #[command(flatten)]
        word: Word,
    },
}

pub(super) async fn run(config: &Arc<Config>, command: ReleaseCommand) -> anyhow::Result<ExitCode> {
    let store = open::existing(config)?;
    match command {
        ReleaseCommand::List { rule, json } => {
            check(config, &store, rule.as_deref()).await?;
            match json {
                true => each(&store, rule.unwrap_or_default()).await,
                false => list(&store, rule.as_deref()).await,
            }
        }
        ReleaseCommand::Stop { rule, word } => {
            let Some(reason) = word.reason() else { return Ok(open::needs_reason()) };
            check(config, &store, rule.as_deref()).await?;
            let body = json!({ "rule": rule, "reason": reason });
            let entry = AuditEntry {
                at: open::clock().now(),
                actor: word.actor(config)?,
                action: "release_stop".to_owned(),
                body: serde_json::to_vec(&body)?,
            };
            let stopped = store.release_case().stop(rule.unwrap_or_default(), entry).await?;
            println!("{stopped} cases are stopped");
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Refuses a rule that neither is known here nor ever released anything.
async fn check(config: &Arc<Config>, store: &Store, rule: Option<&str>) -> anyhow::Result<()> {
    let Some(rule) = rule else { return Ok(()) };
    let released = store.release_case().counts().await?;
    check_rule(config, store, rule, released.into_iter().map(|(id, ..)| id)).await
}

async fn list(store: &Store, rule: Option<&str>) -> anyhow::Result<ExitCode> {
    let counts = store.release_case().counts().await?;
    let mut any = false;
    for (id, _, state, reason, times) in &counts {
        if rule.is_some_and(|rule| rule != id) {
            continue;
        }
        any = true;
        let why = if reason.is_empty() { String::new() } else { format!("  {}", in_words(reason)) };
        println!("  {times:>7}  {id}  {state}{why}");
    }
    if !any {
        eprintln!("no present case was ever released");
    } else if counts.iter().any(|(_, _, state, ..)| state == ReleaseState::Waiting.name()) {
        eprintln!(
            "hint: `touchline admin release stop --reason TEXT` keeps those that wait from being told"
        );
    }
    Ok(ExitCode::SUCCESS)
}

async fn each(store: &Store, rule: String) -> anyhow::Result<ExitCode> {
    for case in store.release_case().list(rule, LISTED_MAX).await? {
        let line = json!({
            "rule": case.rule_id,
            "version": case.rule_hash,
            "connection": case.deal.connection,
            "deal": case.deal.id,
            "person": case.person,
            "order_key": case.order_key,
            "state": case.state.name(),
            "reason": case.reason,
            "settled_at": case.settled_at.map(|at| at.to_string()),
        });
        println!("{line}");
    }
    Ok(ExitCode::SUCCESS)
}
