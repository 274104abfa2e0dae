//! `touchline rules explain RULE --person EMAIL`: what a rule about a person says
//! of one, and why. For an admin who tests a rule; nobody else is shown it.

use std::sync::Arc;

use serde::Serialize;
use touchline_rules::UnixMs;
use touchline_rules::baseline::Baselines;
use touchline_rules::condition::{Explanation, Truth};
use touchline_rules::engine::{PersonState, World, explain_person, inactive_on_person};
use touchline_rules::facts::Metadata;
use touchline_rules::portfolio::PersonFacts;
use touchline_rules::ruleset::Rule;

use super::explain_standing::{finds, kept};
use crate::coaching::people::People;
use crate::coaching::portfolios;
use crate::config::Config;
use crate::lifecycle::book::RuleBook;
use crate::roles::fetch::metadata::stored;
use crate::store::Store;

/// What came out.
#[derive(Serialize)]
pub(super) struct ToldOfPerson {
    rule: String,
    person: String,
    at: String,
    /// Where the rule stands.
    state: &'static str,
    /// One word: true, not true, unknown, or what keeps the rule silent.
    verdict: &'static str,
    /// The same in a sentence.
    because: String,
    explanation: Explanation,
}

/// Judges the person in the world in which the service would.
pub(super) async fn tell(
    config: &Arc<Config>,
    store: &Store,
    (book, rule): (&RuleBook, &Rule),
    person: &str,
    at: UnixMs,
) -> anyhow::Result<ToldOfPerson> {
    let person = person.trim().to_lowercase();
    let rules = &book.in_force();
    let kept = kept(book, rule, Some(&person));
    let is_silenced = kept.as_ref().is_some_and(|kept| !kept.is_watched);
    let rule = book.written.rule(&rule.id).filter(|_| is_silenced).unwrap_or(rule);
    let people = People::load(store.clone(), Arc::clone(config)).await?;
    let Some(row) = store.person_state(person.clone()).await? else {
        anyhow::bail!(
            "nobody is known as {person} who owns a deal or leads others\nhint: give the e-mail of the CRM account; people are known once `touchline serve` has looked at a rule about people"
        );
    };
    let mut metadata = Metadata::default();
    for slug in config.connections.keys() {
        if let Some(account) = stored(store, slug).await? {
            metadata = account;
            break;
        }
    }
    let calendar = people.calendar_of(Some(&person), &metadata);
    let portfolio = portfolios::load(store, &people, rules, &person, at).await?;
    let facts = PersonFacts::of(&portfolio, at, &calendar);
    let world = World {
        rules,
        metadata: &metadata,
        calendar: &calendar,
        activity_trusted: false,
        hydrate_deadline_ms: 0,
        managers: people.managers(),
        live_max_age_ms: 0,
        baselines: Baselines::none(),
    };
    let explanation = explain_person(rule, &person, &facts, at, &world);
    let missing = inactive_on_person(&person, &facts, at, &world);
    let missing = missing.into_iter().find(|(id, _)| *id == rule.id);
    let state: PersonState = serde_json::from_slice(&row.body).unwrap_or_default();
    let (verdict, because) = match explanation.truth {
        Truth::True => ("true", since(rule, &state)),
        Truth::False => ("not true", "a part that must be true is not".to_owned()),
        Truth::Unknown => match missing {
            Some((_, fact)) => ("unknown", format!("nobody can tell {fact} yet")),
            None => ("unknown", "a part of it cannot be told".to_owned()),
        },
    };
    let (verdict, because) = match kept {
        None => (verdict, because),
        Some(kept) => {
            let found = finds(explanation.truth, "this person");
            (kept.verdict, format!("{}; {found}", kept.because))
        }
    };
    let state = book.standing(&rule.id).state.name();
    let (rule, at) = (rule.id.clone(), at.to_string());
    Ok(ToldOfPerson { rule, person, at, state, verdict, because, explanation })
}

fn since(rule: &Rule, state: &PersonState) -> String {
    let memory = state.rules.get(&rule.id).filter(|memory| memory.trigger == rule.trigger_hash);
    match memory.and_then(|memory| memory.episode.as_ref()) {
        Some(episode) if episode.seeded => format!(
            "it was already true when first looked at ({}), so it says nothing",
            episode.start
        ),
        Some(episode) => format!("it has been true since {}", episode.start),
        None => "it speaks when the person is next looked at".to_owned(),
    }
}

impl ToldOfPerson {
    /// For people.
    pub(super) fn print(&self) {
        println!("{} on {}, as of {}", self.rule, self.person, self.at);
        println!("{}: {}\n\n{}", self.verdict, self.because, self.explanation);
    }
}
