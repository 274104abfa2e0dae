//! `touchline admin dead-letters`

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::counted::counted;
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
    /// Put them into the inbox again: these events, and no others of their requests.
    Replay(Chosen),
    /// Give them up for good.
    Discard(Chosen),
}

#[derive(Args)]
pub(in crate::cli) struct Chosen {
    /// Which, as `list` names them: 17/3, or 17 for all of that request that wait.
    #[arg(value_name = "ID", value_parser = id, required_unless_present = "all")]
    ids: Vec<(u64, Option<u32>)>,
    /// All that wait.
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    #[command(flatten)]
    word: Word,
}

fn id(text: &str) -> Result<(u64, Option<u32>), String> {
    let parsed = match text.split_once('/') {
        Some((seq, place)) => seq.parse().ok().zip(place.parse().ok().map(Some)),
        None => seq_alone(text),
    };
    parsed.ok_or_else(|| "write it as `list` does: 17/3, or 17 for a whole request".to_owned())
}

fn seq_alone(text: &str) -> Option<(u64, Option<u32>)> {
    Some((text.parse().ok()?, None))
}

pub(super) async fn run(config: &Config, command: DeadLettersCommand) -> anyhow::Result<ExitCode> {
    let store = open::existing(config)?;
    match command {
        DeadLettersCommand::List { all, json } => list(&store, all, json).await,
        DeadLettersCommand::Replay(chosen) => settle(config, &store, chosen, "replay").await,
        DeadLettersCommand::Discard(chosen) => settle(config, &store, chosen, "discard").await,
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
        let DeadLetterRow { seq, place, connection, kind, received_at, attempts, reason, state } =
            letter;
        let state = state.name();
        if json {
            let line = json!({
                "id": format!("{seq}/{place}"),
                "state": state,
                "connection": connection,
                "kind": kind,
                "received_at": received_at.to_string(),
                "attempts": attempts,
                "reason": reason,
            });
            println!("{line}");
        } else {
            println!("{seq}/{place}  {state}  {received_at}  {connection}  {reason}");
        }
    }
    if letters.is_empty() {
        eprintln!("no dead letters");
    } else if !json {
        eprintln!("hint: `touchline admin dead-letters replay ID --reason TEXT` tries one again");
    }
    Ok(ExitCode::SUCCESS)
}

/// What is chosen, by request: its places, or none for all that wait.
async fn by_request(
    store: &Store,
    chosen: &Chosen,
) -> anyhow::Result<BTreeMap<u64, BTreeSet<u32>>> {
    let mut requests = BTreeMap::<u64, BTreeSet<u32>>::new();
    if chosen.all {
        let seqs = load(store, false).await?.into_iter().map(|letter| letter.seq);
        return Ok(seqs.map(|seq| (seq, BTreeSet::new())).collect());
    }
    let whole: BTreeSet<u64> =
        chosen.ids.iter().filter(|(_, place)| place.is_none()).map(|(seq, _)| *seq).collect();
    for (seq, place) in &chosen.ids {
        let places = requests.entry(*seq).or_default();
        places.extend(place.filter(|_| !whole.contains(seq)));
    }
    Ok(requests)
}

async fn settle(
    config: &Config,
    store: &Store,
    chosen: Chosen,
    verb: &str,
) -> anyhow::Result<ExitCode> {
    let Some(reason) = chosen.word.reason() else { return Ok(open::needs_reason()) };
    let by = chosen.word.actor(config)?;
    let mut failed = 0;
    for (seq, places) in by_request(store, &chosen).await? {
        // The word first: a change without a trace would be worse than a trace
        // of a change that failed.
        let told = json!({ "request": seq, "places": places, "reason": reason });
        let entry = AuditEntry {
            at: open::clock().now(),
            actor: by.clone(),
            action: format!("dead_letter_{verb}"),
            body: serde_json::to_vec(&told)?,
        };
        store.append_audit(entry).await?;
        let places: Vec<u32> = places.into_iter().collect();
        let named = places.iter().map(|place| format!("{seq}/{place}")).collect::<Vec<_>>();
        let settled = match verb {
            "replay" => store.replay_dead_letters(seq, places).await.map(|(at, places)| {
                format!("{} replayed as inbox row {at}", counted(places.len(), "event"))
            }),
            _ => store
                .discard_dead_letters(seq, places)
                .await
                .map(|places| format!("{} discarded", counted(places.len(), "event"))),
        };
        let named = if named.is_empty() { seq.to_string() } else { named.join(" ") };
        match settled {
            Ok(done) => println!("{named}  {done}"),
            Err(error) => {
                failed += 1;
                eprintln!("{named}  {error}");
            }
        }
    }
    if failed > 0 {
        eprintln!("hint: `touchline admin dead-letters list --all` shows what there is");
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
