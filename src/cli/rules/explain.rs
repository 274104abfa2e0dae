//! `touchline rules explain`: what one rule says of one deal, and why.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use touchline_rules::UnixMs;
use touchline_rules::condition::{Explanation, Seen, Truth};
use touchline_rules::engine::{World, explain_rule, threshold_of};
use touchline_rules::facts::schema::rests_on_activities;
use touchline_rules::facts::{DealKey, DealState, Field};
use touchline_rules::ruleset::{Rule, Trigger};
use touchline_rules::time::{HOUR_MS, MINUTE_MS};

use super::super::{ConfigFile, open};
use super::accounts_of;
use super::explain_standing::{Kept, finds, kept};
use super::newest_change::{Newest, ToldChange};
use crate::coaching::account_settings::apply_mapping;
use crate::coaching::baselines;
use crate::coaching::data_check::load_verdicts;
use crate::coaching::opening::no_connection;
use crate::coaching::people::People;
use crate::config::Config;
use crate::lifecycle::Lifecycle;
use crate::lifecycle::book::RuleBook;
use crate::roles::fetch::metadata::stored;
use crate::store::Store;
use touchline_rules::nearest::did_you_mean;

#[derive(Args)]
pub(in crate::cli) struct ExplainArgs {
    /// The rule's id, as `rules test` lists it.
    rule: String,
    /// The vendor's id of the deal.
    #[arg(long, value_name = "ID", required_unless_present = "person")]
    deal: Option<String>,
    /// The e-mail of the person, for a rule about a person.
    #[arg(long, value_name = "EMAIL", conflicts_with_all = ["deal", "connection"])]
    person: Option<String>,
    /// The deal's connection, where several know such a deal.
    #[arg(long, value_name = "SLUG")]
    connection: Option<String>,
    /// As of this instant, with what is known now; without it, now. For an event
    /// rule: the newest change that came by then.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    at: Option<UnixMs>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

fn instant(text: &str) -> Result<UnixMs, String> {
    let parsed = text.parse::<jiff::Timestamp>();
    parsed.map(UnixMs::from).map_err(|_| "write an instant, as in 2026-03-02T09:00:00Z".to_owned())
}

/// What came out.
#[derive(Serialize)]
struct Told {
    rule: String,
    connection: String,
    deal: String,
    at: String,
    /// Where the rule stands.
    state: &'static str,
    /// One word: see [`verdict`].
    verdict: &'static str,
    /// The same in a sentence.
    because: String,
    /// The change that an event rule was judged on.
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<ToldChange>,
    /// What its threshold is here and what that rests on, if on won deals.
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<String>,
    explanation: Explanation,
}

pub(super) async fn run(file: ConfigFile, args: ExplainArgs) -> anyhow::Result<ExitCode> {
    let config = Arc::new(file.load()?);
    let store = open::existing(&config)?;
    let accounts = accounts_of(&config, &store).await;
    let lifecycle = Lifecycle::new(store.clone(), Arc::clone(&config), accounts);
    let (_, book) = lifecycle.book().await?;
    let rules = book.in_force();
    let Some(rule) = rules.rule(&args.rule) else {
        let known: Vec<_> = rules.rules().iter().map(|rule| rule.id.as_str()).collect();
        anyhow::bail!(
            "there is no rule `{}` among the configured and the published packs\nhint: {}",
            args.rule,
            did_you_mean(&args.rule, &known)
        );
    };
    let at = args.at.unwrap_or_else(|| open::clock().now());
    if rule.scope.is_deal() != args.deal.is_some() {
        let (about, flag) = if rule.scope.is_deal() {
            ("a deal", "--deal ID")
        } else {
            ("a person", "--person EMAIL")
        };
        anyhow::bail!("the rule `{}` is about {about}\nhint: give {flag}", rule.id);
    }
    if let Some(person) = &args.person {
        let told = super::explain_person::tell(&config, &store, (&book, rule), person, at).await?;
        if args.json {
            println!("{}", serde_json::to_string_pretty(&told)?);
        } else {
            told.print();
        }
        return Ok(ExitCode::SUCCESS);
    }
    let state = deal(&config, &store, &args).await?;
    let told = tell(&config, &store, (&book, rule), &state, at).await?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&told)?);
    } else {
        println!("{} on deal {} of {}, as of {}", told.rule, told.deal, told.connection, told.at);
        if let Some(change) = &told.change {
            println!("{change}");
        }
        println!("{}: {}", told.verdict, told.because);
        if let Some(threshold) = &told.threshold {
            println!("threshold {threshold}");
        }
        println!("\n{}", told.explanation);
    }
    Ok(ExitCode::SUCCESS)
}

/// The deal that is meant, as it is known now.
async fn deal(config: &Config, store: &Store, args: &ExplainArgs) -> anyhow::Result<DealState> {
    if let Some(slug) = args.connection.as_ref().filter(|it| !config.connections.contains_key(*it))
    {
        return Err(no_connection(config, slug));
    }
    let slugs = config.connections.keys();
    let meant = slugs.filter(|slug| args.connection.as_ref().is_none_or(|only| only == *slug));
    let id = args.deal.clone().unwrap_or_default();
    let keys = meant.map(|slug| DealKey { connection: slug.clone(), id: id.clone() });
    let found = store.load_subjects(keys.collect()).await?;
    match found.as_slice() {
        [row] => Ok(serde_json::from_slice(&row.body)?),
        [] => anyhow::bail!(
            "the database knows no deal `{}`\nhint: give the vendor's own id of it; a deal is known once it was read or changed",
            id
        ),
        several => anyhow::bail!(
            "several connections know a deal `{}`\nhint: add --connection with one of {}",
            id,
            several.iter().map(|row| row.connection.as_str()).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// Judges the deal in the world in which the service would.
async fn tell(
    config: &Arc<Config>,
    store: &Store,
    (book, rule): (&RuleBook, &Rule),
    state: &DealState,
    at: UnixMs,
) -> anyhow::Result<Told> {
    let rules = &book.in_force();
    let DealKey { connection, id } = &state.facts.key;
    let mut metadata = stored(store, connection).await?.unwrap_or_default();
    apply_mapping(config, connection, &mut metadata);
    let people = People::load(store.clone(), Arc::clone(config)).await?;
    let owner = People::owner_email(&metadata, state.facts.text(Field::Owner));
    let pipeline = state.facts.text(Field::Pipeline).unwrap_or_default();
    let kept = kept(book, rule, owner.as_deref());
    // What it would find if it stood otherwise: by its words alone.
    let is_silenced = kept.as_ref().is_some_and(|kept| !kept.is_watched);
    let rule = book.written.rule(&rule.id).filter(|_| is_silenced).unwrap_or(rule);
    let world = World {
        rules,
        metadata: &metadata,
        calendar: &people.calendar_of(owner.as_deref(), &metadata),
        activity_trusted: load_verdicts(store, connection).await?.trusts(pipeline),
        managers: people.managers(),
        hydrate_deadline_ms: config.ingest.hydrate_deadline_minutes * MINUTE_MS,
        live_max_age_ms: config.attention.event_max_age_hours.saturating_mul(HOUR_MS),
        baselines: &baselines::load(store, connection).await?,
    };
    let newest = match &rule.on {
        Trigger::State => None,
        Trigger::Event(kind) => Newest::load(store, state, *kind, &metadata, at).await?,
    };
    let explanation = match &newest {
        Some(newest) => newest.explain(rule, state, &world),
        None => explain_rule(rule, state, at, &world),
    };
    let trusted = world.activity_trusted;
    let (verdict, because) = match &newest {
        None => verdict(rule, state, &explanation, trusted),
        Some(newest) => newest
            .verdict(rule, state, explanation.truth, &world)
            .unwrap_or_else(|| ("unknown", unknown(&explanation, trusted))),
    };
    let (verdict, because) = match kept {
        None => (verdict, because),
        Some(kept) => silenced(kept, verdict, &because, explanation.truth, newest.is_some()),
    };
    Ok(Told {
        rule: rule.id.clone(),
        connection: connection.clone(),
        deal: id.clone(),
        at: at.to_string(),
        state: book.standing(&rule.id).state.name(),
        verdict,
        because,
        change: newest.as_ref().map(Newest::told),
        threshold: threshold_of(rule, state, at, &world)
            .map(|quoted| format!("{}: {}", quoted.value, quoted.source())),
        explanation,
    })
}

/// The verdict on a rule that says nothing: first how it stands, then what it finds.
fn silenced(
    kept: Kept,
    verdict: &str,
    because: &str,
    truth: Truth,
    of_change: bool,
) -> (&'static str, String) {
    let of = if of_change { "the newest change" } else { "this deal" };
    let found = match (kept.is_watched, verdict) {
        (true, "silent") | (_, "unknown") => format!("{}: {because}", finds(truth, of)),
        _ => finds(truth, of),
    };
    (kept.verdict, format!("{}; {found}", kept.because))
}

/// The verdict without a change: on a state rule, or on an event rule that still
/// waits for its first event.
fn verdict(
    rule: &Rule,
    state: &DealState,
    explanation: &Explanation,
    activity_trusted: bool,
) -> (&'static str, String) {
    match (explanation.truth, &rule.on) {
        (Truth::False, Trigger::Event(kind)) => (
            "waits for its event",
            format!(
                "no {kind} of this deal is stored; as the deal is now, a part that must be true is not"
            ),
        ),
        (Truth::False, Trigger::State) => {
            ("not true", "a part that must be true is not".to_owned())
        }
        (Truth::Unknown, Trigger::Event(kind)) if tells_only_of_change(explanation) => (
            "waits for its event",
            format!("no {kind} of this deal is stored; the next one tells its `change`"),
        ),
        (Truth::Unknown, _) => ("unknown", unknown(explanation, activity_trusted)),
        (Truth::True, Trigger::Event(kind)) => (
            "waits for its event",
            format!(
                "no {kind} of this deal is stored; it fires at the next, whatever that changes"
            ),
        ),
        (Truth::True, Trigger::State) => holds(rule, state),
    }
}

/// Whether nothing but the change itself is missing.
fn tells_only_of_change(explanation: &Explanation) -> bool {
    let mut names = Vec::new();
    unknown_values(explanation, &mut names);
    names.iter().any(|name| name.contains("change."))
        && names.iter().all(|name| name.contains("change.") || name.contains('('))
}

/// A state rule that is true speaks once an episode, and not at all where it was
/// true before anybody looked.
fn holds(rule: &Rule, state: &DealState) -> (&'static str, String) {
    let memory = state.rules.get(&rule.id).filter(|memory| memory.trigger == rule.trigger_hash);
    let fired_at = memory.and_then(|memory| memory.fired_at);
    let fired = fired_at.map_or_else(String::new, |at| format!("; it last fired here {at}"));
    match memory.and_then(|memory| memory.episode.as_ref()) {
        Some(episode) if episode.seeded => (
            "holds",
            format!(
                "it was already true when first looked at ({}), so it says nothing",
                episode.start
            ),
        ),
        Some(episode) => ("holds", format!("it has been true since {}{fired}", episode.start)),
        None => (
            "fires",
            format!("it fires when the deal is next looked at, unless its cooldown forbids{fired}"),
        ),
    }
}

fn unknown(explanation: &Explanation, activity_trusted: bool) -> String {
    let mut names = Vec::new();
    unknown_values(explanation, &mut names);
    // A function's name says less than the fact it could not read.
    if names.iter().any(|name| !name.contains('(')) {
        names.retain(|name| !name.contains('('));
    }
    let mut text = match names.as_slice() {
        [name] if name == "threshold" => {
            "there are too few won deals for its threshold, and it has no fallback".to_owned()
        }
        [] => "a part of it cannot be told".to_owned(),
        names => format!("nobody told of {}", names.join(", ")),
    };
    if !activity_trusted && names.iter().any(|name| rests_on_activities(name)) {
        text += "; too few deals of this pipeline show activity, so nothing rests on it there";
    }
    text
}

/// The unknown values of the parts that leave the whole unknown.
fn unknown_values(part: &Explanation, names: &mut Vec<String>) {
    if part.truth != Truth::Unknown {
        return;
    }
    for seen in part.values.iter().filter(|seen| seen.value == Seen::Unknown) {
        if !names.contains(&seen.name) {
            names.push(seen.name.clone());
        }
    }
    part.parts.iter().for_each(|part| unknown_values(part, names));
}
