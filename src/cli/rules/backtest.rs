//! `touchline rules backtest`: what rules would have said over a past.

mod comparison;
mod judged;
mod past;
mod text;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{ArgGroup, Args};
use jiff::civil::Date;
use serde::Serialize;
use touchline_rules::attention::Sending;
use touchline_rules::backtest::{Lacking, Lockstep, Pace, Player, Report, Setup};
use touchline_rules::facts::Change;
use touchline_rules::ruleset::RuleSet;
use touchline_rules::{Calendar, UnixMs};

use super::super::{ConfigFile, open};
use crate::coaching::settings::{SendingTo, policy};
use crate::demo::course::Course;
use crate::history::inactive::Telling;
use judged::{judged, load};
use past::Past;

/// How often the progress is told: changes.
const TOLD_EVERY: usize = 1_000;

const AFTER_HELP: &str = "\
A history is made by `touchline history import`; with --from-store it is what the service
has stored of a connection. The rules are taken to have been on from its first change, and
everybody to be sent to, within the configured limits of attention.

What the report says of each rule:
  fires         how often it would have spoken, and of how many deals
  a seller      firings of one seller in one week, over all weeks of all sellers
  lead time     days from a firing to the end of its deal
  by itself     how much was settled anyway within the rule's outcome window: nudges that
                would have been pointless
  lost deals    whether it would have spoken before they were lost
  evenness      how much falls on the busiest tenth of sellers and of deals
  attention     what would have been sent, in which form, and what not, and why

It never says that a rule helps: no past can show that. What is missing in the past is
named: rules that rest on it are listed as inactive.

Examples:
  touchline rules backtest --history past.jsonl
  touchline rules backtest --rules new/ --against builtin:core-pipeline --history past.jsonl
  touchline rules backtest --from-store --since 2026-01-01 --json > report.json";

#[derive(Args)]
#[command(after_help = AFTER_HELP, group = ArgGroup::new("past").required(true))]
pub(in crate::cli) struct BacktestArgs {
    /// Packs to test: a file, a folder of .yaml files, or builtin:NAME. Without any, the
    /// rules in force here, declared and published, as they stand; without a database, the
    /// configured packs.
    #[arg(long, value_name = "PATH")]
    rules: Vec<String>,
    /// The past: a file made by `touchline history import`. This or --from-store is
    /// required.
    #[arg(long, value_name = "FILE", group = "past")]
    history: Option<PathBuf>,
    /// The past: what the configured database has stored. This or --history is required.
    #[arg(long, group = "past")]
    from_store: bool,
    /// Whose past, where several accounts are connected.
    #[arg(long, value_name = "NAME", requires = "from_store")]
    connection: Option<String>,
    /// Count what fires from this day on. Earlier days are played all the same.
    #[arg(long, value_name = "DAY", value_parser = day)]
    since: Option<Date>,
    /// Play the past until the beginning of this day.
    #[arg(long, value_name = "DAY", value_parser = day)]
    until: Option<Date>,
    /// Other packs that the rules are held against: what they would have said instead.
    #[arg(long, value_name = "PATH")]
    against: Vec<String>,
    /// Print JSON on standard output.
    #[arg(long)]
    json: bool,
}

fn day(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| "write a day, as in 2026-03-02".to_owned())
}

pub(super) async fn run(file: ConfigFile, args: BacktestArgs) -> anyhow::Result<ExitCode> {
    if args.since.zip(args.until).is_some_and(|(since, until)| until <= since) {
        return Ok(open::wrong_call(
            "the period is empty: --until must lie after --since\nhint: --until names the first day that is left out",
        ));
    }
    let config = Arc::new(file.load()?);
    let past = match &args.history {
        Some(file) => Past::of_file(&config, file)?,
        None => Past::of_store(&config, args.connection.as_deref()).await?,
    };
    check_period(&past, args.since, args.until)?;
    let Some(judged) = judged(&config, &args.rules, &past.metadata).await? else {
        return Ok(ExitCode::FAILURE);
    };
    let against = match args.against.as_slice() {
        [] => None,
        packs => match load(packs, &past.metadata)? {
            None => return Ok(ExitCode::FAILURE),
            set => set,
        },
    };
    let to = SendingTo { sending: Sending::Everyone, pilot: Vec::new() };
    let policy = policy(&config, &to);
    let calendar = past.crew.calendar.clone();
    let at = |day: Option<Date>| day.map(|day| calendar.start_of(day));
    let setup = Setup {
        rules: &judged.rules,
        metadata: &past.metadata,
        crew: &past.crew,
        policy: &policy,
        trust: past.trust(),
        pace: Pace::AtOnce,
        since: at(args.since).unwrap_or(past.first),
        until: at(args.until).unwrap_or(UnixMs::MAX),
        estimated: past.estimated,
    };
    let report = play(&past, setup, against.as_ref())?;
    if args.json {
        let told = Told { report: &report, rules_from: &judged.from };
        println!("{}", serde_json::to_string_pretty(&told)?);
    } else {
        print!("{}", text::told(&report, &judged.from, &calendar));
    }
    Ok(ExitCode::SUCCESS)
}

/// The report as scripts get it.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    report: &'a Report,
    /// Which rules were judged, in words.
    rules_from: &'a str,
}

/// Refuses a period in which nothing of the past lies.
fn check_period(past: &Past, since: Option<Date>, until: Option<Date>) -> anyhow::Result<()> {
    let calendar = &past.crew.calendar;
    let at = |day: Date| calendar.start_of(day);
    let day = |at: UnixMs| calendar.local_date(at);
    let (first, last) = (day(past.first), day(past.as_of.plus_ms(-1)));
    if let Some(since) = since.filter(|since| at(*since) >= past.as_of) {
        anyhow::bail!(
            "the period begins after the past: --since {since}, and it is known until {last}\nhint: give a day from {first} to {last}"
        );
    }
    if let Some(until) = until.filter(|until| at(*until) <= past.first) {
        anyhow::bail!(
            "the period ends before the past begins: --until {until}, and its first change is of {first}\nhint: give a day from {first} to {last}"
        );
    }
    Ok(())
}

/// One player or two.
enum Playing<'a> {
    Alone(Box<Player<'a, ()>>),
    Beside(Box<Lockstep<'a>>),
}

impl Playing<'_> {
    fn change(&mut self, at: UnixMs, change: Change) -> bool {
        match self {
            Playing::Alone(player) => player.change(at, change),
            Playing::Beside(players) => players.change(at, change),
        }
    }

    fn finish(self, as_of: UnixMs, lacking: Vec<Lacking>) -> Report {
        match self {
            Playing::Alone(player) => player.finish(as_of, lacking).0,
            Playing::Beside(players) => players.finish(as_of, lacking),
        }
    }
}

fn play(past: &Past, setup: Setup<'_>, against: Option<&RuleSet>) -> anyhow::Result<Report> {
    let mut playing = match against {
        None => Playing::Alone(Box::new(Player::new(setup, ()))),
        Some(rules) => Playing::Beside(Box::new(Lockstep::new(setup, Setup { rules, ..setup }))),
    };
    let mut telling = Telling::new(setup.metadata);
    let changes = usize::try_from(past.changes).unwrap_or(usize::MAX);
    let mut course = Course::new(changes, "changes played");
    let calendar: &Calendar = &setup.crew.calendar;
    let note = |at: UnixMs| at.to_zoned(&calendar.zone).strftime("%-d %b %Y").to_string();
    let (mut played, mut last) = (0, past.first);
    for (number, told) in past.play()?.enumerate() {
        let (at, change) = told.with_context(|| past.name.clone())?;
        if number.is_multiple_of(TOLD_EVERY) {
            course.at(number, &note(at));
        }
        if at >= setup.until {
            break;
        }
        telling.hear(&change);
        playing.change(at, change);
        (played, last) = (number + 1, at);
    }
    course.at(played, &note(last));
    course.end();
    let lacking = telling.inactive(setup.rules).into_iter();
    let lacking = lacking.map(|one| Lacking { rule: one.rule_id, missing: one.missing }).collect();
    Ok(playing.finish(past.as_of, lacking))
}
