//! `touchline rules backtest`: what rules would have said over a past.

mod comparison;
mod past;
mod text;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use jiff::civil::Date;
use touchline_rules::attention::Sending;
use touchline_rules::backtest::{Lacking, Lockstep, Pace, Player, Report, Setup};
use touchline_rules::facts::{Change, Metadata};
use touchline_rules::ruleset::{RuleSet, Severity};
use touchline_rules::{Calendar, UnixMs};

use super::super::{ConfigFile, open};
use super::tell;
use crate::coaching::rulesets::read_packs;
use crate::coaching::settings::{SendingTo, policy};
use crate::demo::course::Course;
use crate::history::inactive::Telling;
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
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct BacktestArgs {
    /// Packs to test: a file, a folder of .yaml files, or builtin:NAME. Without any, those
    /// of the configuration.
    #[arg(long, value_name = "PATH")]
    rules: Vec<String>,
    /// The past: a file made by `touchline history import`.
    #[arg(long, value_name = "FILE", required_unless_present = "from_store")]
    history: Option<PathBuf>,
    /// The past: what the configured database has stored.
    #[arg(long, conflicts_with = "history")]
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
    let packs = if args.rules.is_empty() { &config.rules } else { &args.rules };
    let Some(rules) = load(packs, &past.metadata)? else { return Ok(ExitCode::FAILURE) };
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
        rules: &rules,
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
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", text::told(&report, &calendar));
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads packs, and says what is wrong with them. Names of stages and people are
/// checked against the past's account; what it does not have is no reason to stop.
fn load(packs: &[String], account: &Metadata) -> anyhow::Result<Option<RuleSet>> {
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
    for (number, told) in past.play()?.enumerate() {
        let (at, change) = told.with_context(|| past.name.clone())?;
        if number.is_multiple_of(TOLD_EVERY) {
            course.at(number, &at.to_zoned(&calendar.zone).strftime("%-d %b %Y").to_string());
        }
        if at >= setup.until {
            break;
        }
        telling.hear(&change);
        playing.change(at, change);
    }
    course.end();
    let lacking = telling.inactive(setup.rules).into_iter();
    let lacking = lacking.map(|one| Lacking { rule: one.rule_id, missing: one.missing }).collect();
    Ok(playing.finish(past.as_of, lacking))
}
