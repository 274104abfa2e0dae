//! `touchline admin preferences`

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::json;
use touchline_rules::UnixMs;
use touchline_rules::attention::{CHOICES, Choice, PersonalChoice, Policy};

use super::known::{check_rule, warn_of_strangers};
use crate::cli::open::{self, Word, email};
use crate::coaching::readers::LIMITS;
use crate::coaching::settings::{Settings, policy};
use crate::config::Config;
use crate::store::{AuditEntry, PreferenceKind, PreferenceRow, Store};

/// Said instead of the tips that the person stopped.
const MUTES_NOT_SHOWN: &str =
    "muted tips are not shown: only the person sees them, with /touchline settings in chat";

#[derive(Args)]
pub(in crate::cli) struct PreferencesArgs {
    /// Whose, by e-mail.
    #[arg(value_parser = email)]
    person: String,
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Print one JSON object.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Verb {
    /// Show what the person chose, without the tips that were stopped; the default.
    Show,
    /// Choose for the person, in the words that `/touchline` takes in chat.
    ///
    /// `interruptions 1`, `digest 09:00 14:00`, `digest-only on`, `quiet 17:00-09:00`,
    /// `days mon tue wed`, `weekly off`, `mute RULE`, `unmute RULE`. A choice is only
    /// ever stricter than the [attention] of the configuration.
    Set {
        /// The choice.
        #[arg(required = true, value_name = "CHOICE")]
        words: Vec<String>,
        #[command(flatten)]
        word: Word,
    },
    /// Take everything back, mutes too: all is as configured.
    Clear {
        #[command(flatten)]
        word: Word,
    },
}

pub(super) async fn run(config: &Arc<Config>, args: PreferencesArgs) -> anyhow::Result<ExitCode> {
    let PreferencesArgs { person, verb, json } = args;
    let (choice, word) = match verb {
        None | Some(Verb::Show) => {
            let store = open::existing(config)?;
            print!("{}", told(&load(&store, &person).await?, json));
            return Ok(ExitCode::SUCCESS);
        }
        Some(Verb::Clear { word }) => (Choice::Clear, word),
        Some(Verb::Set { words, word }) => match Choice::read(&words.join(" ")) {
            Ok(choice) => (choice, word),
            Err(_) => return Ok(open::wrong_call(&not_a_choice(&words.join(" ")))),
        },
    };
    let Some(reason) = word.reason() else { return Ok(open::needs_reason()) };
    let store = open::existing(config)?;
    let before = load(&store, &person).await?;
    match &choice {
        Choice::Mute(rule) => check_rule(config, &store, rule, []).await?,
        // Not from what is muted: that would tell it.
        Choice::Unmute(rule) => check_rule(config, &store, rule, []).await?,
        _ => {}
    }
    let (made, cleared) = steps(&choice, &person, &before)?;
    let body = json!({ "person": person, "choice": choice, "reason": reason });
    let entry = AuditEntry {
        at: open::clock().now(),
        actor: word.actor(config)?,
        action: "preferences_set".to_owned(),
        body: serde_json::to_vec(&body)?,
    };
    store.change_preferences(made, cleared, entry).await?;
    warn_of_strangers(config, &store, std::slice::from_ref(&person)).await?;
    let to = Settings::sending_to(&store, config).await?;
    if let Some(ceiling) = ceiling(&choice, &policy(config, &to)) {
        eprintln!("note: {ceiling}");
    }
    print!("{}", told(&load(&store, &person).await?, json));
    Ok(ExitCode::SUCCESS)
}

/// What the company's own limit makes of a choice that goes beyond it.
fn ceiling(choice: &Choice, policy: &Policy) -> Option<String> {
    match (choice, policy.interruptions_per_day) {
        (Choice::Interruptions(Some(most)), Some(ceiling)) if *most > ceiling => Some(format!(
            "the ceiling of {ceiling} a day holds, interruptions_per_day under [attention] in the configuration"
        )),
        _ => None,
    }
}

fn not_a_choice(typed: &str) -> String {
    let known: Vec<String> = CHOICES
        .iter()
        .filter(|(words, _)| *words != "show")
        .map(|(words, _)| format!("  {words}"))
        .collect();
    format!("`{typed}` is no choice\nhint: write one of\n{}", known.join("\n"))
}

/// What a person chose.
struct Chosen {
    choice: PersonalChoice,
    muted: Vec<String>,
    paused_until: Option<UnixMs>,
}

async fn load(store: &Store, person: &str) -> anyhow::Result<Chosen> {
    let mut chosen =
        Chosen { choice: PersonalChoice::default(), muted: Vec::new(), paused_until: None };
    for PreferenceRow { kind, key, until, body, .. } in store.preferences(person.to_owned()).await?
    {
        match kind {
            PreferenceKind::Mute => chosen.muted.push(key),
            PreferenceKind::Pause if until > open::clock().now() => {
                chosen.paused_until = Some(until)
            }
            PreferenceKind::Limit if key == LIMITS => {
                chosen.choice = serde_json::from_slice(&body).unwrap_or_default();
            }
            _ => {}
        }
    }
    Ok(chosen)
}

type Cleared = Vec<(String, PreferenceKind, String)>;

fn steps(
    choice: &Choice,
    person: &str,
    before: &Chosen,
) -> anyhow::Result<(Vec<PreferenceRow>, Cleared)> {
    let row = |kind, key: &str, body| PreferenceRow {
        person: person.to_owned(),
        kind,
        key: key.to_owned(),
        until: UnixMs::MAX,
        body,
    };
    let gone = |kind, key: &str| (person.to_owned(), kind, key.to_owned());
    Ok(match choice {
        Choice::Mute(rule) => (vec![row(PreferenceKind::Mute, rule, Vec::new())], Vec::new()),
        Choice::Unmute(rule) => (Vec::new(), vec![gone(PreferenceKind::Mute, rule)]),
        Choice::Clear => {
            let muted = before.muted.iter().map(|rule| gone(PreferenceKind::Mute, rule));
            let limits = std::iter::once(gone(PreferenceKind::Limit, LIMITS));
            (Vec::new(), muted.chain(limits).collect())
        }
        other => {
            let body = serde_json::to_vec(&other.made(before.choice.clone()))?;
            (vec![row(PreferenceKind::Limit, LIMITS, body)], Vec::new())
        }
    })
}

/// Which tips somebody stopped are answers, and answers are shown under no name:
/// they are never part of this.
fn told(chosen: &Chosen, json: bool) -> String {
    let Chosen { choice, paused_until, .. } = chosen;
    if json {
        let paused_until = paused_until.map(|until| until.to_string());
        let all =
            json!({ "choice": choice, "paused_until": paused_until, "note": MUTES_NOT_SHOWN });
        return format!("{all}\n");
    }
    let mut lines = choice.lines();
    lines.extend(paused_until.map(|until| format!("paused until {until}")));
    if lines.is_empty() {
        lines.push("no hours or limits chosen: they are as configured".to_owned());
    }
    lines.push(MUTES_NOT_SHOWN.to_owned());
    lines.iter().map(|line| format!("{line}\n")).collect()
}
