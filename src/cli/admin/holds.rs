//! `touchline admin holds`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;
use touchline_rules::attention::Sending;

use crate::cli::counted::counted;
use crate::cli::open::{self, Word};
use crate::coaching::letters::headline;
use crate::coaching::settings::{SendingTo, Settings};
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
        Ok(nudges) if release => {
            let to = Settings::sending_to(store, config).await?;
            println!("{}", released(nudges, &to));
        }
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

/// What becomes of nudges that are held no longer.
fn released(nudges: usize, to: &SendingTo) -> String {
    let go = format!("{} {}", counted(nudges, "nudge"), if nudges == 1 { "goes" } else { "go" });
    match to.sending {
        _ if nudges == 0 => "nothing was held; the hold is over".to_owned(),
        Sending::Everyone => format!("{go} on: attention decides on each as on any other"),
        Sending::Pilot => format!(
            "{go} on: only the pilot of {} is sent anything, the rest goes into the readers’ ledgers",
            to.pilot.len()
        ),
        Sending::Off => {
            format!("{go} into the readers’ ledgers, and nobody is sent anything: sending is off")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_released_goes_where_sending_lets_it() {
        let to = |sending| SendingTo { sending, pilot: vec!["ada@example.com".to_owned()] };
        let told = [Sending::Off, Sending::Pilot, Sending::Everyone];
        let told: Vec<_> = told.map(|sending| released(68, &to(sending))).into();
        insta::assert_snapshot!(told.join("\n"), @r"
        68 nudges go into the readers’ ledgers, and nobody is sent anything: sending is off
        68 nudges go on: only the pilot of 1 is sent anything, the rest goes into the readers’ ledgers
        68 nudges go on: attention decides on each as on any other
        ");
        assert_eq!(released(0, &to(Sending::Off)), "nothing was held; the hold is over");
        assert!(released(1, &to(Sending::Off)).starts_with("1 nudge goes into"));
    }
}
