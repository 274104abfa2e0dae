//! `touchline admin holds`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::open::{self, Word};
use crate::coaching::letters::headline;
use crate::config::Config;
use crate::store::{AuditEntry, HoldReport, Store};

/// Holds that are listed.
const LISTED_MAX: usize = 200;
/// Messages that had left before, listed for each.
const LEFT_MAX: usize = 20;

#[derive(Subcommand)]
pub(in crate::cli) enum HoldsCommand {
    /// List mass changes whose nudges are held back, and what had left before.
    List {
        /// Those that were decided on, too.
        #[arg(long)]
        all: bool,
        /// Print JSON Lines.
        #[arg(long)]
        json: bool,
    },
    /// Let the nudges go on: attention decides on each as on any other.
    ///
    /// What became too old meanwhile is not sent, and the limits of each person hold.
    Release(Chosen),
    /// Discard the nudges into their readers' ledgers.
    Discard(Chosen),
}

#[derive(Args)]
pub(in crate::cli) struct Chosen {
    /// Which, as `list` names it.
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    word: Word,
}

pub(super) async fn run(config: &Config, command: HoldsCommand) -> anyhow::Result<ExitCode> {
    let store = open::existing(config)?;
    match command {
        HoldsCommand::List { all, json } => list(&store, all, json).await,
        HoldsCommand::Release(chosen) => settle(config, &store, chosen, true).await,
        HoldsCommand::Discard(chosen) => settle(config, &store, chosen, false).await,
    }
}

async fn list(store: &Store, all: bool, json: bool) -> anyhow::Result<ExitCode> {
    let reports = store.holds(!all, LISTED_MAX, LEFT_MAX).await?;
    for HoldReport { hold, held, left, left_first } in &reports {
        let first = left_first.iter();
        if json {
            let first: Vec<_> = first
                .map(|(nudge, channel)| {
                    json!({ "nudge": nudge.id, "person": nudge.person, "channel": channel, "headline": headline(nudge) })
                })
                .collect();
            let line = json!({
                "id": hold.id,
                "state": hold.state.name(),
                "connection": hold.connection,
                "actor": hold.actor,
                "from": hold.from.to_string(),
                "until": hold.until.to_string(),
                "opened_at": hold.opened_at.to_string(),
                "changes": hold.changes,
                "held": held,
                "left_before": left,
                "left_first": first,
            });
            println!("{line}");
            continue;
        }
        println!(
            "{}  {}  {} in {}  {} to {}\n        {} changes, {held} nudges held, {left} had left before",
            hold.id,
            hold.state.name(),
            hold.actor,
            hold.connection,
            hold.from,
            hold.until,
            hold.changes
        );
        for (nudge, channel) in first {
            println!("        left: {channel} to {}: {}", nudge.person, headline(nudge));
        }
    }
    if reports.is_empty() {
        eprintln!("nothing is held back");
    } else if !json {
        eprintln!("hint: `touchline admin holds release|discard ID --reason TEXT` decides");
    }
    Ok(ExitCode::SUCCESS)
}

async fn settle(
    config: &Config,
    store: &Store,
    chosen: Chosen,
    release: bool,
) -> anyhow::Result<ExitCode> {
    let Some(reason) = chosen.word.reason() else { return Ok(open::needs_reason()) };
    let verb = if release { "release" } else { "discard" };
    let entry = AuditEntry {
        at: open::clock().now(),
        actor: chosen.word.actor(config)?,
        action: format!("hold_{verb}"),
        body: serde_json::to_vec(&json!({ "hold": chosen.id, "reason": reason }))?,
    };
    match store.settle_hold(chosen.id, release, entry).await {
        Ok(nudges) if release => println!("{nudges} nudges go on"),
        Ok(nudges) => println!("{nudges} nudges are discarded; their readers’ ledgers say so"),
        Err(error) => {
            eprintln!(
                "touchline: {error}\nhint: `touchline admin holds list` shows what can be decided on"
            );
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}
