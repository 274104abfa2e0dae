//! `touchline rules publish|list|log|diff|…`: the life of rules, by the functions
//! that a console calls too.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use serde_json::json;
use touchline_rules::attention::AttentionClass;
use touchline_rules::life::{RuleState, Step, Tightening};
use touchline_rules::ruleset::Period;

use super::super::ConfigFile;
use super::super::open::{self, email};
use super::accounts_of;
use crate::coaching::rulesets::read_packs;
use crate::lifecycle::plan::{Plan, Publishing};
use crate::lifecycle::present::PresentCount;
use crate::lifecycle::steps::short;
use crate::lifecycle::{Deed, LifeError, Lifecycle, Outcome, Signature};

/// Who does it, and why.
#[derive(Args)]
pub(in crate::cli) struct Signed {
    /// Who does this. It is recorded and believed: whoever can read the database may
    /// write any name here.
    #[arg(long = "as", value_name = "EMAIL", value_parser = email)]
    by: String,
    /// Why, for the rule's log and the audit log.
    #[arg(long, value_name = "TEXT", alias = "reason")]
    why: String,
}

impl Signed {
    fn signature(&self) -> Signature {
        signature(&self.by, &self.why)
    }
}

fn signature(by: &str, why: &str) -> Signature {
    let (by, why) = (by.to_owned(), why.trim().to_owned());
    Signature { by, agreed_by: None, why, at: open::clock().now() }
}

/// One rule, and who does what with it.
#[derive(Args)]
pub(in crate::cli) struct StepArgs {
    /// The rule's id, as `rules list` shows it.
    rule: String,
    #[command(flatten)]
    signed: Signed,
}

#[derive(Args)]
pub(in crate::cli) struct RollbackArgs {
    /// The rule's id.
    rule: String,
    /// The version, or the beginning of its hash; without it, the one before.
    #[arg(long, value_name = "HASH")]
    to: Option<String>,
    #[command(flatten)]
    signed: Signed,
}

#[derive(Args)]
pub(in crate::cli) struct MuteArgs {
    /// The company rule's id.
    rule: String,
    /// The manager whose team it is.
    #[arg(long, value_name = "EMAIL", value_parser = email)]
    team: String,
    /// Hear of it again.
    #[arg(long)]
    undo: bool,
    #[command(flatten)]
    signed: Signed,
}

#[derive(Args)]
pub(in crate::cli) struct TightenArgs {
    /// The company rule's id.
    rule: String,
    /// The manager whose team it is.
    #[arg(long, value_name = "EMAIL", value_parser = email)]
    team: String,
    /// Another threshold, by which the rule speaks less.
    #[arg(long, value_name = "NUMBER")]
    threshold: Option<f64>,
    /// A quieter class: digest, private or card.
    #[arg(long, value_name = "CLASS", value_parser = class)]
    attention: Option<AttentionClass>,
    /// A longer cooldown: 21d, 5bd.
    #[arg(long, value_name = "PERIOD", value_parser = period)]
    cooldown: Option<Period>,
    /// The rule's own numbers again.
    #[arg(long, conflicts_with_all = ["threshold", "attention", "cooldown"])]
    undo: bool,
    #[command(flatten)]
    signed: Signed,
}

#[derive(Args)]
pub(in crate::cli) struct SettleArgs {
    /// The request's id, as `rules requests` lists it.
    id: String,
    /// The second person.
    #[arg(long = "as", value_name = "EMAIL", value_parser = email)]
    by: String,
    /// Why, for the logs.
    #[arg(long, value_name = "TEXT", alias = "reason", default_value = "")]
    why: String,
}

#[derive(Args)]
pub(in crate::cli) struct PublishArgs {
    /// A pack: a file, or a folder of .yaml files.
    #[arg(value_name = "PATH")]
    path: String,
    /// Who does this. It is recorded and believed: whoever can read the database may
    /// write any name here.
    #[arg(long = "as", value_name = "EMAIL", value_parser = email)]
    by: String,
    /// Why, for the rules' logs and the audit log; needed with --yes.
    #[arg(long, value_name = "TEXT", alias = "reason", default_value = "")]
    why: String,
    /// Only for deals of the people whom this manager manages.
    #[arg(long, value_name = "EMAIL", value_parser = email)]
    team: Option<String>,
    /// The state they come to; without it, new rules are on and others stay as they are.
    #[arg(long)]
    state: Option<State>,
    /// What is told of deals that meet them already.
    #[arg(long, default_value = "only-new")]
    present: Present,
    /// Put them on. Without it, what would happen is shown and nothing is changed.
    #[arg(long)]
    yes: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Copy, Clone, ValueEnum)]
enum State {
    /// Watching: worked out and recorded, and told to nobody.
    Shadow,
    /// Not possible yet.
    #[value(hide = true)]
    Trial,
    /// It speaks.
    On,
}

#[derive(Copy, Clone, PartialEq, Eq, ValueEnum)]
enum Present {
    /// Nothing: only what becomes true from now on.
    OnlyNew,
    /// Them too, the worst first, a few a day in each reader's digest.
    AlsoPresent,
}

fn class(text: &str) -> Result<AttentionClass, String> {
    let known = [
        AttentionClass::Interrupt,
        AttentionClass::Digest,
        AttentionClass::Card,
        AttentionClass::Private,
    ];
    let found = known.into_iter().find(|class| class.name() == text);
    found.ok_or_else(|| "write interrupt, digest, private or card".to_owned())
}

fn period(text: &str) -> Result<Period, String> {
    Period::parse(text).ok_or_else(|| "write a length of time, as in 21d, 5bd or 12h".to_owned())
}

/// The rules of the configured database. A database that is not there yet is made
/// for what is `written` only.
pub(super) async fn lifecycle(file: ConfigFile, written: bool) -> anyhow::Result<Lifecycle> {
    let config = Arc::new(file.load()?);
    let store = if written { open::store(&config)? } else { open::existing(&config)? };
    let accounts = accounts_of(&config, &store).await;
    let lifecycle = Lifecycle::new(store, config, accounts);
    if let Some(fault) = lifecycle.fault().await? {
        eprintln!(
            "warning: {fault}\n  hint: until that is mended, declared rules count as they were read last; `touchline rules check` shows everything that is wrong"
        );
    }
    Ok(lifecycle)
}

pub(super) async fn publish(file: ConfigFile, args: PublishArgs) -> anyhow::Result<ExitCode> {
    if args.yes && args.why.trim().is_empty() {
        return Ok(needs_why());
    }
    let files = read_packs(std::slice::from_ref(&args.path))?;
    let publishing = Publishing {
        team: args.team.clone().unwrap_or_default(),
        state: args.state.map(|state| match state {
            State::Shadow => RuleState::Shadow,
            State::Trial => RuleState::Trial,
            State::On => RuleState::On,
        }),
        also_present: args.present == Present::AlsoPresent,
        ..Publishing::of(files)
    };
    let lifecycle = lifecycle(file, true).await?;
    let signed = signature(&args.by, &args.why);
    let plan = match lifecycle.plan(&publishing, &signed).await {
        Ok(plan) => plan,
        Err(error) => return Ok(failed(&error)),
    };
    let outcome = if args.yes {
        match lifecycle.submit(Deed::Publish(publishing), &signed).await {
            Ok(outcome) => Some(outcome),
            Err(error) => return Ok(failed(&error)),
        }
    } else {
        None
    };
    if args.json {
        let told = json!({ "plan": plan, "outcome": outcome });
        println!("{}", serde_json::to_string_pretty(&told)?);
    } else {
        for warning in &plan.warnings {
            eprintln!("{warning}");
        }
        print!("{}", in_words(&plan));
        match &outcome {
            None if plan.needs_second => {
                eprintln!(
                    "nothing was changed yet\nhint: add --yes to ask for it; a second person agrees to a company rule"
                );
            }
            None => eprintln!("nothing was changed yet\nhint: add --yes to put it on"),
            Some(Outcome::Done(lines)) => {
                // The differences were shown with the plan.
                let told = lines.iter().filter(|line| !line.starts_with(' '));
                told.for_each(|line| println!("{line}"));
            }
            Some(outcome) => tell(outcome),
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The deals that nobody can judge, if there are any.
pub(super) fn undecided(count: &PresentCount) -> String {
    match count.unknown {
        0 => String::new(),
        1 => "; 1 more cannot be judged, because a fact is missing".to_owned(),
        more => format!("; {more} more cannot be judged, because a fact is missing"),
    }
}

/// What publishing would mean, rule by rule.
fn in_words(plan: &Plan) -> String {
    let mut out = String::new();
    for rule in &plan.rules {
        let what = match (&rule.from, rule.changes()) {
            (None, _) => format!("new, {}", rule.state.title()),
            (Some(_), true) => format!(
                "{} → {}, {}",
                short(rule.from.as_deref().unwrap_or_default()),
                short(&rule.to),
                rule.state.title()
            ),
            (Some(_), false) => format!("as it is, {}", rule.state.title()),
        };
        out += &format!("{}: {} ({what})\n", rule.rule, rule.title);
        for line in &rule.difference {
            out += &format!("  {line}\n");
        }
        if rule.begins_anew && rule.from.is_some() {
            out += "  it begins anew: what is already true is not told\n";
        }
        out += &match &rule.present {
            None if rule.about_people => {
                "  it is about people, and the service looks at each of them in turn\n".to_owned()
            }
            None => "  it waits for its event: no deal meets it already\n".to_owned(),
            Some(count) => format!(
                "  open deals that meet it already: {} of {}{}\n",
                count.meets,
                count.open,
                undecided(count)
            ),
        };
    }
    out + &format!("tests passed: {}\n", plan.tests)
}

pub(super) async fn step(file: ConfigFile, args: StepArgs, step: Step) -> anyhow::Result<ExitCode> {
    let deed = Deed::Step { rule: args.rule, step };
    submit(file, deed, &args.signed).await
}

pub(super) async fn confirm(file: ConfigFile, args: StepArgs) -> anyhow::Result<ExitCode> {
    submit(file, Deed::Confirm { rule: args.rule }, &args.signed).await
}

pub(super) async fn rollback(file: ConfigFile, args: RollbackArgs) -> anyhow::Result<ExitCode> {
    submit(file, Deed::Rollback { rule: args.rule, to: args.to }, &args.signed).await
}

pub(super) async fn mute(file: ConfigFile, args: MuteArgs) -> anyhow::Result<ExitCode> {
    let deed = Deed::Mute { rule: args.rule, team: args.team, muted: !args.undo };
    submit(file, deed, &args.signed).await
}

pub(super) async fn tighten(file: ConfigFile, args: TightenArgs) -> anyhow::Result<ExitCode> {
    let TightenArgs { rule, team, threshold, attention, cooldown, undo, signed } = args;
    let to = (!undo).then_some(Tightening { threshold, attention, cooldown });
    submit(file, Deed::Tighten { rule, team, to }, &signed).await
}

pub(super) async fn settle(
    file: ConfigFile,
    args: SettleArgs,
    agrees: bool,
) -> anyhow::Result<ExitCode> {
    let lifecycle = lifecycle(file, false).await?;
    let SettleArgs { id, by, why } = args;
    let now = open::clock().now();
    Ok(match lifecycle.settle(&id, agrees, &by, why.trim(), now).await {
        Ok(outcome) => {
            tell(&outcome);
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
    })
}

async fn submit(file: ConfigFile, deed: Deed, signed: &Signed) -> anyhow::Result<ExitCode> {
    if signed.why.trim().is_empty() {
        return Ok(needs_why());
    }
    let lifecycle = lifecycle(file, true).await?;
    Ok(match lifecycle.submit(deed, &signed.signature()).await {
        Ok(outcome) => {
            tell(&outcome);
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
    })
}

fn needs_why() -> ExitCode {
    open::wrong_call("a change needs a reason\nhint: add --why \"why\", for the rule's log")
}

fn tell(outcome: &Outcome) {
    match outcome {
        Outcome::Done(lines) => lines.iter().for_each(|line| println!("{line}")),
        Outcome::Nothing => println!("everything is as it was"),
        Outcome::Waits(id) => {
            println!("request {id} waits for a second person");
            eprintln!(
                "hint: `touchline rules approve {id} --as OTHER@…`; an admin or another manager may"
            );
        }
    }
}

pub(super) fn failed(error: &LifeError) -> ExitCode {
    eprintln!("touchline: {error:#}");
    ExitCode::FAILURE
}
