//! `touchline rules list|log|diff|present|requests`: rules as they are, without
//! changing anything.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use touchline_rules::UnixMs;
use touchline_rules::life::RuleState;
use touchline_rules::nearest::did_you_mean;

use super::super::ConfigFile;
use super::super::open;
use super::life::{failed, lifecycle, undecided};
use crate::coaching::rulesets::{BUILTIN, read_packs};
use crate::lifecycle::book::{RuleBook, state_of};
use crate::lifecycle::history::Entry;
use crate::lifecycle::listing::RuleLine;
use crate::lifecycle::present::{PresentCount, PresentState};
use crate::lifecycle::steps::short;
use crate::lifecycle::whole::AskedRule;

#[derive(Args)]
pub(in crate::cli) struct ListArgs {
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(in crate::cli) struct ShowArgs {
    /// A rule's id, `builtin:PACK`, or the id of a request.
    #[arg(value_name = "RULE")]
    what: String,
    /// Another version of the rule, by its hash or the beginning of it.
    #[arg(long, value_name = "HASH")]
    version: Option<String>,
}

#[derive(Args)]
pub(in crate::cli) struct LogArgs {
    /// The rule's id.
    rule: String,
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(in crate::cli) struct DiffArgs {
    /// The rule's id.
    rule: String,
    /// The older version, or the beginning of its hash; without it, the one before.
    #[arg(long, value_name = "HASH")]
    from: Option<String>,
    /// The newer one; without it, the one in force.
    #[arg(long, value_name = "HASH")]
    to: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(in crate::cli) struct PresentArgs {
    /// One rule's id; without it, every rule.
    rule: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) async fn list(file: ConfigFile, args: ListArgs) -> anyhow::Result<ExitCode> {
    let lifecycle = lifecycle(file, false).await?;
    let lines = match lifecycle.list(open::clock().now()).await {
        Ok(lines) => lines,
        Err(error) => return Ok(failed(&error)),
    };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&lines)?);
        return Ok(ExitCode::SUCCESS);
    }
    lines.iter().for_each(|line| print!("{}", line_in_words(line)));
    let waiting = lifecycle.requests().await?.len();
    if waiting > 0 {
        eprintln!(
            "requests that wait for a second person: {waiting}\nhint: `touchline rules requests` lists them"
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn line_in_words(line: &RuleLine) -> String {
    let mut out = format!("{:<9} {}: {}\n", line.state.title(), line.rule, line.title);
    let mut parts = Vec::new();
    if let Some(since) = line.since {
        let why = if line.why.is_empty() { String::new() } else { format!(" ({})", line.why) };
        parts.push(format!("since {}, by {}{why}", day(since), line.by));
    }
    parts.push(line.from.clone());
    parts.extend(line.team.iter().map(|team| format!("team of {team}")));
    out += &format!("{:<9} {}\n", "", parts.join(" · "));
    let owner = line.owner.as_deref().unwrap_or("nobody");
    let ends = match line.expires_at {
        Some(at) => format!(" · ends {} unless confirmed", day(at)),
        None if line.state.looks() => " · does not expire".to_owned(),
        None => String::new(),
    };
    out += &format!("{:<9} owner {owner}{ends}\n", "");
    out += &format!("{:<9} {}\n", "", line.health);
    for note in &line.notes {
        out += &format!("{:<9} {note}\n", "");
    }
    out
}

pub(super) async fn show(file: ConfigFile, args: ShowArgs) -> anyhow::Result<ExitCode> {
    let ShowArgs { what, version } = args;
    if what.starts_with(BUILTIN) {
        if version.is_some() {
            let message = "a pack that ships has one version\nhint: leave --version out";
            return Ok(open::wrong_call(message));
        }
        read_packs(&[what])?.iter().for_each(|file| print!("{}", file.text));
        return Ok(ExitCode::SUCCESS);
    }
    match lifecycle(file, false).await?.whole(&what, version.as_deref()).await {
        Ok(text) => print!("{text}"),
        Err(error) => return Ok(failed(&error)),
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn log(file: ConfigFile, args: LogArgs) -> anyhow::Result<ExitCode> {
    let lifecycle = lifecycle(file, false).await?;
    let entries = match lifecycle.log(&args.rule).await {
        Ok(entries) => entries,
        Err(error) => return Ok(failed(&error)),
    };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&entries)?);
    } else {
        entries.iter().for_each(|entry| print!("{}", entry_in_words(entry)));
    }
    Ok(ExitCode::SUCCESS)
}

fn entry_in_words(entry: &Entry) -> String {
    let version = if entry.version.is_empty() { "no version" } else { short(&entry.version) };
    let why = if entry.why.is_empty() { String::new() } else { format!(": {}", entry.why) };
    let mut out = format!(
        "{} {} ({}, {version}) by {}{why}\n",
        entry.at, entry.action, entry.state, entry.actor
    );
    for line in &entry.difference {
        out += &format!("  {line}\n");
    }
    out
}

pub(super) async fn diff(file: ConfigFile, args: DiffArgs) -> anyhow::Result<ExitCode> {
    let lifecycle = lifecycle(file, false).await?;
    let found = lifecycle.diff(&args.rule, args.from.as_deref(), args.to.as_deref()).await;
    let (from, to, lines) = match found {
        Ok(found) => found,
        Err(error) => return Ok(failed(&error)),
    };
    if args.json {
        let told = json!({ "rule": args.rule, "from": from, "to": to, "difference": lines });
        println!("{}", serde_json::to_string_pretty(&told)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("{}: {} → {}", args.rule, short(&from), short(&to));
    if lines.is_empty() {
        println!("  they say the same");
    }
    lines.iter().for_each(|line| println!("  {line}"));
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn present(file: ConfigFile, args: PresentArgs) -> anyhow::Result<ExitCode> {
    let lifecycle = lifecycle(file, false).await?;
    let (_, book) = lifecycle.book().await?;
    let mut set = book.in_force();
    if let Some(id) = &args.rule {
        if set.rule(id).is_none() {
            let known: Vec<&str> = set.rules().iter().map(|rule| rule.id.as_str()).collect();
            eprintln!("touchline: there is no rule `{id}`\nhint: {}", did_you_mean(id, &known));
            return Ok(ExitCode::FAILURE);
        }
        set = set.only(|rule| rule.id == *id);
    }
    let found = lifecycle.present(&set, open::clock().now()).await?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&found)?);
    } else {
        print!("{}", present_in_words(&found));
        if found.counts.is_empty() {
            eprintln!("{}", nothing_present(&book, args.rule.as_deref()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Why there is nothing to count: of one rule, or of all.
fn nothing_present(book: &RuleBook, rule: Option<&str>) -> String {
    let Some(rule) = rule.and_then(|id| book.written.rule(id)) else {
        return "no rule that is on looks at deals by their state; one that waits for an event is never true by itself".to_owned();
    };
    let life = book.life_of(rule);
    let (id, state) = (&rule.id, state_of(&life));
    if !state.looks() {
        let step = if state == RuleState::Paused { "resume" } else { "watch" };
        let (is, since) = (state.title(), day(life.since));
        return format!(
            "`{id}` is {is} since {since}, so it looks at nothing\nhint: `touchline rules {step} {id}` lets it look again"
        );
    }
    if rule.scope.is_deal() {
        format!("`{id}` waits for an event; no deal meets it by itself")
    } else {
        format!(
            "`{id}` is about people, not deals; the service looks at them\nhint: `touchline rules explain {id} --person EMAIL` shows one"
        )
    }
}

fn present_in_words(found: &PresentState) -> String {
    let mut out = String::new();
    for (rule, count) in &found.counts {
        let undecided = undecided(count);
        out += &format!("{rule}: {} of {} open deals{undecided}\n", count.meets, count.open);
        for case in found.cases.iter().filter(|case| case.rule == *rule && case.meets) {
            let since = case.since.map_or_else(|| "-".to_owned(), day);
            let deal = format!("{} {}", case.connection, case.deal);
            out += &format!(
                "  {deal:<24} since {since:<10}  {:<30}  {}\n",
                case.said.in_words(),
                case.name
            );
        }
    }
    out
}

pub(super) async fn requests(file: ConfigFile, args: ListArgs) -> anyhow::Result<ExitCode> {
    let requests = match lifecycle(file, false).await?.requests().await {
        Ok(requests) => requests,
        Err(error) => return Ok(failed(&error)),
    };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&requests)?);
        return Ok(ExitCode::SUCCESS);
    }
    for request in &requests {
        let why = if request.why.is_empty() { String::new() } else { format!(": {}", request.why) };
        println!("{}  draft, asked for by {} on {}{why}", request.id, request.by, day(request.at));
        request.lines.iter().for_each(|line| println!("  {line}"));
        request.rules.iter().for_each(|rule| print!("{}", asked_in_words(rule)));
        if !request.rules.is_empty() {
            println!("  whole: touchline rules show {}", request.id);
        }
    }
    if requests.is_empty() {
        eprintln!("nothing waits for a second person");
    }
    Ok(ExitCode::SUCCESS)
}

/// What a second person is asked to agree to, for one rule.
fn asked_in_words(rule: &AskedRule) -> String {
    let mut out = format!("  {}: {}\n", rule.rule, rule.title);
    for (key, text) in &rule.decides {
        out += &format!("    {key}: {}\n", text.replace('\n', "\n      "));
    }
    out += &format!("    tip: {}\n", rule.headline);
    out += &format!("         {}\n", rule.body.replace('\n', "\n         "));
    out += &format!("    read by: {}\n", rule.reader);
    if let Some(count) = &rule.present {
        let PresentCount { open, meets, unknown } = count;
        out += &format!("    open deals that met it when it was asked for: {meets} of {open}");
        out += &match unknown {
            0 => "\n".to_owned(),
            unknown => format!("; of {unknown} a fact was missing to say\n"),
        };
    }
    out
}

/// The day of an instant, in UTC.
fn day(at: UnixMs) -> String {
    at.to_string().chars().take_while(|letter| *letter != 'T').collect()
}
