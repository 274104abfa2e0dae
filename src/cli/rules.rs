//! `touchline rules`

mod backtest;
mod explain;
mod explain_person;
mod explain_standing;
mod lesson;
mod life;
mod newest_change;
mod shown;

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use touchline_rules::condition::Severity;
use touchline_rules::facts::Metadata;
use touchline_rules::life::Step;
use touchline_rules::ruleset::{
    Loaded, RuleDiagnostic, RuleSet, TestReport, json_schema, run_tests,
};

use super::counted::counted;
use super::{ConfigFile, open};
use crate::coaching::account_settings::apply_mapping;
use crate::coaching::rulesets::read_packs;
use crate::config::Config;
use crate::roles::fetch::metadata::stored;
use crate::store::Store;

#[derive(Subcommand)]
pub(super) enum RulesCommand {
    /// Read rule packs and say everything that is wrong with them.
    ///
    /// Stages, pipelines and owners that rules name are checked against the
    /// connected accounts, if the database knows any. Every code is explained in
    /// rules/README.md. Exit code 0 without errors, 1 with errors; warnings alone
    /// are fine, unless --deny-warnings is given.
    Check(CheckArgs),
    /// Run the tests that rule packs carry.
    ///
    /// Each test is a small story of one deal, played through the engine that
    /// serves live traffic. Exit code 0 when all end as they say, 1 when one does
    /// not, or when the rules have errors.
    Test(Packs),
    /// Say what one rule finds on one deal of the database, part by part.
    ///
    /// The verdict on a state rule is one of: fires, holds, not true, unknown (some
    /// fact was never told). An event rule is judged on the deal's newest stored
    /// change that is such an event, as of when it was taken in: fired, silent (with
    /// the reason: the deal's past, Touchline's own change, too late, cooldown), not
    /// true, unknown; or it waits for its event, where none is stored. A rule about a
    /// person is true, not true or unknown. What the condition finds comes second where
    /// the rule says nothing anyhow: resting (paused, a draft), retired, only watched
    /// (worked out and told to nobody), not for this deal or person (its team muted the
    /// rule, or it is another team's). Nothing is changed and nobody is told anything.
    Explain(explain::ExplainArgs),
    /// Play a past and say what rules would have said: how often, when, and how much of it
    /// would have been pointless.
    Backtest(backtest::BacktestArgs),
    /// Read the lessons that rules lead to: all titles, or one with its question.
    Lesson(lesson::LessonArgs),
    /// Print the JSON Schema of rule packs, for editors.
    Schema,
    /// Show what new versions of rules would mean, and with --yes put them on.
    ///
    /// The files are checked and their tests run. For each rule: what it says
    /// otherwise than the version in force, and how many open deals meet it already.
    /// A running service takes it over with its next batch, and what is already true
    /// is not told. A published rule takes the place of a declared one of the same id.
    Publish(life::PublishArgs),
    /// Every rule: where it stands, who answers for it, when it ends, whether it helps.
    List(shown::ListArgs),
    /// Print what a rule says, as a rule file to edit and publish.
    ///
    /// The text of its file where a file declares it, else the kept version as JSON,
    /// which is YAML too. `builtin:PACK` prints a whole pack that ships, and the id of
    /// a request what it would publish.
    Show(shown::ShowArgs),
    /// What was done to a rule: its versions, who changed what and why.
    Log(shown::LogArgs),
    /// What two versions of a rule say otherwise, in words.
    Diff(shown::DiffArgs),
    /// Which open deals meet the rules now, whatever was sent about them.
    Present(shown::PresentArgs),
    /// Go back to a version that was kept.
    Rollback(life::RollbackArgs),
    /// Work a rule out and record it, and tell nobody.
    Watch(life::StepArgs),
    /// Let a rule rest: nothing of it fires, and what waits is not sent.
    Pause(life::StepArgs),
    /// Put a rule on (again). What is already true is not told.
    Resume(life::StepArgs),
    /// Take a rule out of use.
    Retire(life::StepArgs),
    /// Not possible yet: measure whether a rule helps.
    #[command(hide = true)]
    Trial(life::StepArgs),
    /// Say that a rule is still right: its time begins anew.
    Confirm(life::StepArgs),
    /// Let a team hear nothing of a company rule.
    Mute(life::MuteArgs),
    /// Give a team stricter numbers for a company rule.
    Tighten(life::TightenArgs),
    /// What waits for a second person.
    Requests(shown::ListArgs),
    /// Agree, as a second person, to what somebody asked for.
    Approve(life::SettleArgs),
    /// Refuse what somebody asked for, or take one's own request back.
    Refuse(life::SettleArgs),
}

#[derive(Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    packs: Packs,
    /// End with exit code 1 also when there are warnings.
    #[arg(long)]
    deny_warnings: bool,
}

#[derive(Args)]
pub(super) struct Packs {
    /// Packs: a file, a folder of .yaml files, or builtin:NAME. Without any, those of the
    /// configuration.
    #[arg(value_name = "PATH")]
    packs: Vec<String>,
    /// Print JSON on standard output.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(file: ConfigFile, command: RulesCommand) -> anyhow::Result<ExitCode> {
    match command {
        RulesCommand::Check(args) => check(file, args).await,
        RulesCommand::Test(packs) => test(file, packs).await,
        RulesCommand::Explain(args) => explain::run(file, args).await,
        RulesCommand::Backtest(args) => backtest::run(file, args).await,
        RulesCommand::Lesson(args) => lesson::run(&args),
        RulesCommand::Schema => {
            print!("{}", json_schema());
            Ok(ExitCode::SUCCESS)
        }
        RulesCommand::Publish(args) => life::publish(file, args).await,
        RulesCommand::List(args) => shown::list(file, args).await,
        RulesCommand::Show(args) => shown::show(file, args).await,
        RulesCommand::Log(args) => shown::log(file, args).await,
        RulesCommand::Diff(args) => shown::diff(file, args).await,
        RulesCommand::Present(args) => shown::present(file, args).await,
        RulesCommand::Rollback(args) => life::rollback(file, args).await,
        RulesCommand::Watch(args) => life::step(file, args, Step::Watch).await,
        RulesCommand::Pause(args) => life::step(file, args, Step::Pause).await,
        RulesCommand::Resume(args) => life::step(file, args, Step::Resume).await,
        RulesCommand::Retire(args) => life::step(file, args, Step::Retire).await,
        RulesCommand::Trial(args) => life::step(file, args, Step::Try).await,
        RulesCommand::Confirm(args) => life::confirm(file, args).await,
        RulesCommand::Mute(args) => life::mute(file, args).await,
        RulesCommand::Tighten(args) => life::tighten(file, args).await,
        RulesCommand::Requests(args) => shown::requests(file, args).await,
        RulesCommand::Approve(args) => life::settle(file, args, true).await,
        RulesCommand::Refuse(args) => life::settle(file, args, false).await,
    }
}

async fn check(file: ConfigFile, args: CheckArgs) -> anyhow::Result<ExitCode> {
    let CheckArgs { packs, deny_warnings } = args;
    let (loaded, files) = read(file, &packs.packs).await?;
    let errors = loaded.diagnostics.iter().filter(|one| one.severity == Severity::Error).count();
    if packs.json {
        println!("{}", serde_json::to_string_pretty(&loaded.diagnostics)?);
    } else {
        tell(&loaded.diagnostics);
    }
    let warnings = loaded.diagnostics.len() - errors;
    let rules = loaded.set.as_ref().map(|set| counted(set.rules().len(), "rule") + " in ");
    eprintln!(
        "{}{}: {}, {}",
        rules.unwrap_or_default(),
        counted(files, "pack"),
        counted(errors, "error"),
        counted(warnings, "warning")
    );
    let denied = deny_warnings && warnings > 0;
    Ok(if errors == 0 && !denied { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn test(file: ConfigFile, packs: Packs) -> anyhow::Result<ExitCode> {
    let (loaded, _) = read(file, &packs.packs).await?;
    let Some(set) = loaded.set else {
        tell(&loaded.diagnostics);
        eprintln!("the rules have errors; no test was run");
        return Ok(ExitCode::FAILURE);
    };
    let reports = run_tests(&set);
    let failed = reports.iter().filter(|report| report.failure.is_some()).count();
    if packs.json {
        println!("{}", serde_json::to_string_pretty(&as_json(&reports))?);
    } else {
        print!("{}", as_text(&set, &reports));
    }
    let ok = reports.len() - failed;
    eprintln!("{}: {ok} ok, {failed} failed", counted(reports.len(), "test"));
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Without packs of its own, a command needs the configuration; with them, it
/// takes what accounts the configuration knows, if there is one.
async fn read(file: ConfigFile, packs: &[String]) -> anyhow::Result<(Loaded, usize)> {
    let config = file.load()?;
    let packs = if packs.is_empty() { &config.rules } else { packs };
    let files = read_packs(packs)?;
    let accounts = accounts(&config).await;
    let accounts: Vec<_> =
        accounts.iter().map(|(slug, metadata)| (slug.as_str(), &**metadata)).collect();
    Ok((RuleSet::load(&files, &accounts), files.len()))
}

/// What the database knows of the connected accounts. Rules can be checked
/// without it, so that it cannot be read is no error here.
async fn accounts(config: &Config) -> Vec<(String, Arc<Metadata>)> {
    match open::existing(config) {
        Ok(store) => accounts_of(config, &store).await,
        Err(_) => Vec::new(),
    }
}

pub(super) async fn accounts_of(config: &Config, store: &Store) -> Vec<(String, Arc<Metadata>)> {
    let mut accounts = Vec::new();
    for slug in config.connections.keys() {
        match stored(store, slug).await {
            Ok(Some(mut metadata)) => {
                apply_mapping(config, slug, &mut metadata);
                accounts.push((slug.clone(), Arc::new(metadata)));
            }
            Ok(None) => {}
            Err(error) => eprintln!("warning: {slug} is not checked against: {error:#}"),
        }
    }
    accounts
}

fn tell(diagnostics: &[RuleDiagnostic]) {
    for diagnostic in diagnostics {
        eprintln!("{diagnostic}");
    }
}

/// One line for each rule, and under it what its failed tests found.
fn as_text(set: &RuleSet, reports: &[TestReport]) -> String {
    let mut out = String::new();
    for rule in set.rules() {
        let of_rule: Vec<_> = reports.iter().filter(|report| report.rule == rule.id).collect();
        let failed: Vec<_> = of_rule.iter().filter(|report| report.failure.is_some()).collect();
        let (word, count) = match (of_rule.len(), failed.len()) {
            (0, _) => ("none  ", "no tests".to_owned()),
            (all, 0) => ("ok    ", counted(all, "test")),
            (all, failed) => ("FAILED", format!("{failed} of {all} tests")),
        };
        out += &format!("{word}  {} ({count})\n", rule.id);
        for report in failed {
            let found = report.failure.as_deref().unwrap_or_default().replace('\n', "\n    ");
            out += &format!("  {}: {}\n    {found}\n", report.place, report.name);
        }
    }
    out
}

fn as_json(reports: &[TestReport]) -> Vec<serde_json::Value> {
    let one = |report: &TestReport| {
        serde_json::json!({
            "pack": report.pack,
            "rule": report.rule,
            "name": report.name,
            "place": report.place,
            "ok": report.failure.is_none(),
            "failure": report.failure,
        })
    };
    reports.iter().map(one).collect()
}
