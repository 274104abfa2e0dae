//! `touchline admin deliveries`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::open::{self, Word};
use crate::config::Config;
use crate::store::{AuditEntry, DeliveryRow, DeliveryState, Store, StoreError};

/// Deliveries of one state that are listed, or settled by one `--all`.
pub(in crate::cli) const LISTED_MAX: usize = 1_000;

#[derive(Subcommand)]
pub(in crate::cli) enum DeliveriesCommand {
    /// List those that failed, and those of which nobody knows whether they arrived.
    List {
        /// Print JSON Lines.
        #[arg(long)]
        json: bool,
    },
    /// Try failed ones again, once what was wrong has been put right.
    ///
    /// One whose time is over is not sent any more: discard it. An introduction
    /// has no such time, and what waits behind it follows.
    Replay(Chosen),
    /// Give failed ones up, or let rest what nobody will ever know.
    ///
    /// What failed stays in its reader's ledger; what may have arrived counts as
    /// sent.
    Discard(Chosen),
}

#[derive(Args)]
pub(in crate::cli) struct Chosen {
    /// Which, as `list` names them.
    #[arg(value_name = "ID", required_unless_present = "all")]
    ids: Vec<String>,
    /// All of them: to replay, all that failed.
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    #[command(flatten)]
    word: Word,
    /// Print JSON Lines.
    #[arg(long)]
    json: bool,
}

#[derive(Copy, Clone, PartialEq, Eq)]
enum Verb {
    Replay,
    Discard,
}

pub(super) async fn run(config: &Config, command: DeliveriesCommand) -> anyhow::Result<ExitCode> {
    let store = open::existing(config)?;
    match command {
        DeliveriesCommand::List { json } => list(&store, json).await,
        DeliveriesCommand::Replay(chosen) => settle(config, &store, chosen, Verb::Replay).await,
        DeliveriesCommand::Discard(chosen) => settle(config, &store, chosen, Verb::Discard).await,
    }
}

/// What failed, and what nobody looks into any more.
async fn load(store: &Store) -> anyhow::Result<Vec<DeliveryRow>> {
    let mut rows = store.deliveries_in(DeliveryState::Failed, LISTED_MAX).await?;
    let unknown = store.deliveries_in(DeliveryState::Unknown, LISTED_MAX).await?;
    rows.extend(unknown.into_iter().filter(DeliveryRow::is_left_alone));
    Ok(rows)
}

async fn list(store: &Store, json: bool) -> anyhow::Result<ExitCode> {
    let rows = load(store).await?;
    for row in &rows {
        let DeliveryRow { id, connection, channel, person, created_at, state, why, .. } = row;
        if json {
            let line = json!({
                "id": id,
                "state": state.name(),
                "connection": connection,
                "channel": channel,
                "person": person,
                "created_at": created_at.to_string(),
                "expires_at": row.expires_at.to_string(),
                "attempts": row.attempts,
                "why": why,
            });
            println!("{line}");
        } else {
            let why = why.replace('\n', "\n        ");
            println!(
                "{id}  {}  {created_at}  {channel} to {person} by {connection}\n        {why}",
                state.name()
            );
        }
    }
    if rows.is_empty() {
        eprintln!("no delivery waits for a decision");
    } else if !json {
        eprintln!("hint: `touchline admin deliveries replay ID --reason TEXT` tries one again");
    }
    Ok(ExitCode::SUCCESS)
}

async fn settle(
    config: &Config,
    store: &Store,
    chosen: Chosen,
    verb: Verb,
) -> anyhow::Result<ExitCode> {
    let Some(reason) = chosen.word.reason() else { return Ok(open::needs_reason()) };
    let by = chosen.word.actor(config)?;
    let ids = if chosen.all {
        let rows = load(store).await?;
        let is_meant =
            |row: &DeliveryRow| verb == Verb::Discard || row.state == DeliveryState::Failed;
        rows.into_iter().filter(is_meant).map(|row| row.id).collect()
    } else {
        chosen.ids.clone()
    };
    let mut failed = 0;
    for id in ids {
        // The word first: a change without a trace would be worse than a trace
        // of a change that failed.
        let verb_name = if verb == Verb::Replay { "replay" } else { "discard" };
        let told = json!({ "delivery": id, "reason": reason });
        let entry = AuditEntry {
            at: open::clock().now(),
            actor: by.clone(),
            action: format!("delivery_{verb_name}"),
            body: serde_json::to_vec(&told)?,
        };
        store.append_audit(entry).await?;
        let settled = settle_one(store, id.clone(), verb).await;
        failed += u32::from(settled.is_err());
        tell(&id, settled, chosen.json);
    }
    if failed > 0 && !chosen.json {
        eprintln!("hint: `touchline admin deliveries list` shows those that can be decided on");
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Answers what became of it.
async fn settle_one(store: &Store, id: String, verb: Verb) -> Result<&'static str, StoreError> {
    let now = open::clock().now();
    match verb {
        Verb::Replay => store.replay_delivery(id, now).await.map(|()| "waits to be sent again"),
        Verb::Discard => store.discard_delivery(id, now).await.map(|state| match state {
            DeliveryState::Accepted => "rests: it counts as sent",
            _ => "discarded",
        }),
    }
}

fn tell(id: &str, settled: Result<&str, StoreError>, json: bool) {
    match settled {
        Ok(done) if json => println!("{}", json!({ "id": id, "done": done })),
        Ok(done) => println!("{id}  {done}"),
        Err(error) if json => println!("{}", json!({ "id": id, "error": error.to_string() })),
        Err(error) => eprintln!("{id}  {error}"),
    }
}
