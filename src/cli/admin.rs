//! `touchline admin`: commands that steer a running service by its database.

pub(in crate::cli) mod dead_letters;
pub(in crate::cli) mod deliveries;
pub(in crate::cli) mod holds;
mod known;
pub(in crate::cli) mod preferences;
pub(in crate::cli) mod release;

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use touchline_kit::signature::hex;
use touchline_rules::attention::Sending;

use super::open::{self, Word, email};
use crate::coaching::data_check::{load_verdicts, override_activity};
use crate::coaching::ledger::in_words;
use crate::coaching::opening::no_connection;
use crate::coaching::settings::{SendingTo, Settings};
use crate::config::Config;
use crate::roles::fetch::metadata::stored;
use crate::store::Store;
use touchline_rules::nearest::did_you_mean;

#[derive(Subcommand)]
pub(super) enum AdminCommand {
    /// Show or set who is sent nudges: nobody, a pilot, everyone.
    ///
    /// Takes effect before the next delivery of a running service, and outlives
    /// restarts. What is decided while sending is off is never sent later.
    Sending(SendingArgs),
    /// Events that could not be handled: look at them, replay or discard them.
    #[command(subcommand)]
    DeadLetters(dead_letters::DeadLettersCommand),
    /// Messages and tasks that failed: look at them, replay or discard them.
    #[command(subcommand)]
    Deliveries(deliveries::DeliveriesCommand),
    /// What one person chose: fewer interruptions, other hours.
    Preferences(preferences::PreferencesArgs),
    /// Mass changes whose nudges are held back: look at them, release or discard them.
    #[command(subcommand)]
    Holds(holds::HoldsCommand),
    /// Present cases of published rules: see how they drip out, or stop them.
    #[command(subcommand)]
    Release(release::ReleaseCommand),
    /// Decide whether activity in a pipeline counts, whatever the data check measured.
    ///
    /// Rules about silence are inactive in a pipeline where too few open deals
    /// show any activity; `doctor` lists the shares. A running service takes the
    /// decision over with its next sweep, and nothing that is true then fires for it.
    TrustActivity(TrustArgs),
    /// What rules said so far, and what was not sent and why, in numbers.
    ///
    /// While sending is off this is what sellers would have been told. No person
    /// is named: what was not sent to somebody is theirs to read.
    Ledger,
    /// The log of who changed what.
    #[command(subcommand)]
    Audit(AuditCommand),
}

#[derive(Args)]
pub(super) struct TrustArgs {
    /// Whether it counts.
    trust: Trust,
    /// The connection's name.
    #[arg(long, default_value = "hubspot", value_name = "SLUG")]
    connection: String,
    /// The vendor's id of the pipeline.
    #[arg(long, default_value = "default", value_name = "ID")]
    pipeline: String,
    #[command(flatten)]
    word: Word,
}

#[derive(Copy, Clone, ValueEnum)]
enum Trust {
    /// It counts.
    On,
    /// It does not count: rules resting on it stay inactive.
    Off,
    /// As the data check finds.
    Measured,
}

#[derive(Args)]
pub(super) struct SendingArgs {
    /// What to do.
    what: What,
    /// The pilot's e-mails, comma-separated; without it, those of before.
    #[arg(long, value_name = "EMAIL,…", value_delimiter = ',', value_parser = email)]
    people: Vec<String>,
    #[command(flatten)]
    word: Word,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Copy, Clone, ValueEnum)]
enum What {
    /// Show who is sent nudges now.
    Show,
    /// Send nothing to anybody.
    Off,
    /// Send to the named people only.
    Pilot,
    /// Send to everybody.
    Everyone,
}

#[derive(Subcommand)]
pub(super) enum AuditCommand {
    /// Recompute every hash of the log: exit code 1 when it was tampered with.
    Check,
    /// Print the newest entries as JSON Lines.
    Show {
        /// How many.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1_000))]
        last: u16,
    },
}

pub(super) async fn run(config: Config, command: AdminCommand) -> anyhow::Result<ExitCode> {
    let config = Arc::new(config);
    match command {
        AdminCommand::Sending(args) => sending(&config, args).await,
        AdminCommand::DeadLetters(command) => dead_letters::run(&config, command).await,
        AdminCommand::Deliveries(command) => deliveries::run(&config, command).await,
        AdminCommand::Preferences(args) => preferences::run(&config, args).await,
        AdminCommand::Holds(command) => holds::run(&config, command).await,
        AdminCommand::Release(command) => release::run(&config, command).await,
        AdminCommand::Ledger => ledger(&config).await,
        AdminCommand::TrustActivity(args) => trust_activity(&config, args).await,
        AdminCommand::Audit(AuditCommand::Check) => audit_check(&config).await,
        AdminCommand::Audit(AuditCommand::Show { last }) => audit_show(&config, last).await,
    }
}

async fn sending(config: &Config, args: SendingArgs) -> anyhow::Result<ExitCode> {
    let sending = match args.what {
        What::Show => None,
        What::Off => Some(Sending::Off),
        What::Pilot => Some(Sending::Pilot),
        What::Everyone => Some(Sending::Everyone),
    };
    let store = if sending.is_some() { open::store(config)? } else { open::existing(config)? };
    let before = Settings::sending_to(&store, config).await?;
    let Some(sending) = sending else {
        print!("{}", told(&before, args.json));
        return Ok(ExitCode::SUCCESS);
    };
    let Some(reason) = args.word.reason() else { return Ok(open::needs_reason()) };
    let by = args.word.actor(config)?;
    let pilot = if args.people.is_empty() { before.pilot.clone() } else { args.people };
    let to = SendingTo { sending, pilot };
    if sending == Sending::Pilot && to.pilot.is_empty() {
        let message = "a pilot needs people\nhint: add --people a@example.com,b@example.com";
        return Ok(open::wrong_call(message));
    }
    Settings::set_sending(&store, &to, &by, reason, open::clock().now()).await?;
    if sending == Sending::Pilot {
        known::warn_of_strangers(config, &store, &to.pilot).await?;
    }
    print!("{}", told(&to, args.json));
    Ok(ExitCode::SUCCESS)
}

async fn trust_activity(config: &Config, args: TrustArgs) -> anyhow::Result<ExitCode> {
    let TrustArgs { trust, connection, pipeline, word } = args;
    let Some(reason) = word.reason() else { return Ok(open::needs_reason()) };
    let by = word.actor(config)?;
    if !config.connections.contains_key(&connection) {
        return Err(no_connection(config, &connection));
    }
    let (decided, told) = match trust {
        Trust::On => (Some(true), "counts"),
        Trust::Off => (Some(false), "does not count"),
        Trust::Measured => (None, "counts if the data check finds enough of it"),
    };
    let store = open::existing(config)?;
    has_pipeline(&store, &connection, &pipeline).await?;
    let now = open::clock().now();
    override_activity(&store, &connection, &pipeline, decided, (&by, reason), now).await?;
    println!("activity in pipeline {pipeline} of {connection} {told}");
    Ok(ExitCode::SUCCESS)
}

/// Refuses a pipeline that the account does not have. One that it had when somebody
/// decided about it may still be decided about.
async fn has_pipeline(store: &Store, connection: &str, pipeline: &str) -> anyhow::Result<()> {
    let Some(account) = stored(store, connection).await? else {
        anyhow::bail!(
            "the account of {connection} was never read, so its pipelines are not known\nhint: start `touchline serve`, and decide once `touchline doctor` lists them"
        );
    };
    if account.pipelines.iter().any(|known| known.id == pipeline)
        || load_verdicts(store, connection).await?.overridden.contains_key(pipeline)
    {
        return Ok(());
    }
    let known: Vec<_> = account.pipelines.iter().map(|known| known.id.as_str()).collect();
    anyhow::bail!(
        "the account of {connection} has no pipeline `{pipeline}`\nhint: {}",
        did_you_mean(pipeline, &known)
    )
}

async fn ledger(config: &Config) -> anyhow::Result<ExitCode> {
    let summary = open::existing(config)?.summary().await?;
    if summary.firings.is_empty() {
        println!("no rule has fired yet");
        eprintln!(
            "hint: `touchline doctor` says whether webhooks arrive and which rules cannot decide"
        );
        return Ok(ExitCode::SUCCESS);
    }
    println!("fired, by rule");
    for (rule, times) in &summary.firings {
        println!("  {times:>7}  {rule}");
    }
    if summary.questions > 0 {
        println!("  {:>7}  questions to managers because of these", summary.questions);
    }
    let fates = summary.fates;
    println!(
        "of these, sent {}, waiting {}, not sent {}{}",
        fates.sent,
        fates.waiting,
        fates.not_sent,
        if fates.held == 0 { String::new() } else { format!(", held back {}", fates.held) }
    );
    if fates.held > 0 {
        eprintln!("hint: `touchline admin holds list` shows the mass changes that hold them back");
    }
    if !summary.suppressed.is_empty() {
        println!("not sent, by reason");
    }
    for (reason, times) in &summary.suppressed {
        println!("  {times:>7}  {reason:<16}  {}", in_words(reason));
    }
    if !summary.deliveries.is_empty() {
        println!("messages and tasks; a digest says several things in one");
    }
    for (channel, state, times) in &summary.deliveries {
        println!("  {times:>7}  {channel}, {state}");
    }
    Ok(ExitCode::SUCCESS)
}

fn told(to: &SendingTo, json: bool) -> String {
    if json {
        return format!("{}\n", serde_json::json!(to));
    }
    match to.sending {
        Sending::Off => "sending is off: nobody is sent anything\n".to_owned(),
        Sending::Everyone => "sending is on for everyone\n".to_owned(),
        Sending::Pilot => format!(
            "sending is on for a pilot of {}:\n  {}\n",
            to.pilot.len(),
            to.pilot.join("\n  ")
        ),
    }
}

async fn audit_check(config: &Config) -> anyhow::Result<ExitCode> {
    let check = open::existing(config)?.check_audit().await?;
    match check.broken_at {
        None => {
            println!("ok    {} entries follow from one another", check.rows);
            println!("      head {}", hex(&check.head));
            eprintln!(
                "hint: keep the head outside this machine; it also shows a log that was cut off"
            );
            Ok(ExitCode::SUCCESS)
        }
        Some(place) => {
            println!("bad   entry {place} was changed, or one before it was taken out");
            eprintln!(
                "hint: compare with a backup; entries up to {} are as they were written",
                place - 1
            );
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn audit_show(config: &Config, last: u16) -> anyhow::Result<ExitCode> {
    let mut rows = open::existing(config)?.audit_before(i64::MAX, usize::from(last)).await?;
    rows.reverse();
    for row in rows {
        let said: serde_json::Value = serde_json::from_slice(&row.entry.body).unwrap_or_default();
        let line = serde_json::json!({
            "seq": row.seq,
            "at": row.entry.at.to_string(),
            "actor": row.entry.actor,
            "action": row.entry.action,
            "said": said,
        });
        println!("{line}");
    }
    Ok(ExitCode::SUCCESS)
}
