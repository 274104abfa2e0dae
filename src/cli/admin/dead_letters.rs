//! `touchline admin dead-letters`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::open::{self, Word};
use crate::config::Config;
use crate::store::{AuditEntry, DeadLetterRow, DeadLetterState, Store};

/// Dead letters read in one page.
const PAGE: usize = 500;
/// The most dead letters that one command looks at.
const LOOKED_AT_MAX: usize = 100_000;

#[derive(Subcommand)]
pub(in crate::cli) enum DeadLettersCommand {
    /// List those that wait for a decision, with why they were given up.
    List {
        /// Those already replayed or discarded too.
        #[arg(long)]
        all: bool,
        /// Print JSON Lines.
        #[arg(long)]
        json: bool,
    },
    /// Put them into the inbox again; what was handled before is recognised.
    Replay(Chosen),
    /// Give them up for good.
    Discard(Chosen),
}

#[derive(Args)]
pub(in crate::cli) struct Chosen {
    /// Which, as `list` names them: 17 or 17/3.
    #[arg(value_name = "ID", value_parser = id, required_unless_present = "all")]
    ids: Vec<(u64, u32)>,
    /// All that wait.
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    #[command(flatten)]
    word: Word,
}

fn id(text: &str) -> Result<(u64, u32), String> {
    let (seq, place) = text.split_once('/').unwrap_or((text, "0"));
    let parsed = seq.parse().ok().zip(place.parse().ok());
    parsed.ok_or_else(|| "write it as `list` does: 17 or 17/3".to_owned())
}

pub(super) async fn run(config: &Config, command: DeadLettersCommand) -> anyhow::Result<ExitCode> {
    let store = open::existing(config)?;
    match command {
        DeadLettersCommand::List { all, json } => list(&store, all, json).await,
        DeadLettersCommand::Replay(chosen) => settle(&store, chosen, "replay").await,
        DeadLettersCommand::Discard(chosen) => settle(&store, chosen, "discard").await,
    }
}

/// Dead letters in the order of arrival; those that wait, or all.
pub(in crate::cli) async fn load(store: &Store, all: bool) -> anyhow::Result<Vec<DeadLetterRow>> {
    let (mut letters, mut after, mut looked_at) = (Vec::new(), None, 0);
    while looked_at < LOOKED_AT_MAX {
        let page = store.dead_letters(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some((last.seq, last.place));
        looked_at += page.len();
        let wanted = |letter: &DeadLetterRow| all || letter.state == DeadLetterState::Waiting;
        letters.extend(page.into_iter().filter(wanted));
    }
    Ok(letters)
}

async fn list(store: &Store, all: bool, json: bool) -> anyhow::Result<ExitCode> {
    let letters = load(store, all).await?;
    for letter in &letters {
        let DeadLetterRow { seq, place, request, attempts, reason, state } = letter;
        let state = word(*state);
        if json {
            let line = json!({
                "id": format!("{seq}/{place}"),
                "state": state,
                "connection": request.connection,
                "kind": request.kind,
                "received_at": request.received_at.to_string(),
                "attempts": attempts,
                "reason": reason,
            });
            println!("{line}");
        } else {
            println!(
                "{seq}/{place}  {state}  {}  {}  {reason}",
                request.received_at, request.connection
            );
        }
    }
    if letters.is_empty() {
        eprintln!("no dead letters");
    } else if !json {
        eprintln!("hint: `touchline admin dead-letters replay ID --reason TEXT` tries one again");
    }
    Ok(ExitCode::SUCCESS)
}

fn word(state: DeadLetterState) -> &'static str {
    match state {
        DeadLetterState::Waiting => "waiting",
        DeadLetterState::Replayed => "replayed",
        DeadLetterState::Discarded => "discarded",
    }
}

async fn settle(store: &Store, chosen: Chosen, verb: &str) -> anyhow::Result<ExitCode> {
    let Some(reason) = chosen.word.reason() else { return Ok(open::needs_reason()) };
    let ids = match chosen.all {
        true => load(store, false).await?.iter().map(|one| (one.seq, one.place)).collect(),
        false => chosen.ids.clone(),
    };
    let mut failed = 0;
    for (seq, place) in ids {
        // The word first: a change without a trace would be worse than a trace
        // of a change that failed.
        let told = json!({ "dead_letter": format!("{seq}/{place}"), "reason": reason });
        let entry = AuditEntry {
            at: open::clock().now(),
            actor: chosen.word.actor(),
            action: format!("dead_letter_{verb}"),
            body: serde_json::to_vec(&told)?,
        };
        store.append_audit(entry).await?;
        let settled = match verb {
            "replay" => store
                .replay_dead_letter(seq, place)
                .await
                .map(|at| format!("replayed as inbox row {at}")),
            _ => store.discard_dead_letter(seq, place).await.map(|()| "discarded".to_owned()),
        };
        match settled {
            Ok(done) => println!("{seq}/{place}  {done}"),
            Err(error) => {
                failed += 1;
                eprintln!("{seq}/{place}  {error}");
            }
        }
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
