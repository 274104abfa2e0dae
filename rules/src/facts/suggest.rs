//! Which of an account's properties fill which facts, and where its stages stand
//! in the sale: guessed from the names people gave them.
//!
//! A guess is for a person to read and paste, so each has its reason, and what
//! fits badly is left out rather than offered.

mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::{Field, Metadata, Stage, StageKind, StagePhase};
use crate::condition::Type;
use words::{Phrase, facts, phases, words};

/// How many properties and stages are looked at.
pub const OFFERED_MAX: usize = 5_000;

/// A property that an account has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    /// The CRM's internal name: what a mapping names.
    pub name: String,
    /// What people see.
    pub label: String,
    /// What it holds; `None` for what no fact can be read from.
    pub holds: Option<Type>,
}

/// A property for a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactGuess {
    /// The fact.
    pub field: Field,
    /// The property's internal name.
    pub property: String,
    /// Why, for people.
    pub reason: String,
}

/// A phase for a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhaseGuess {
    /// The stage's id.
    pub stage: String,
    /// The name people see.
    pub label: String,
    /// The phase.
    pub phase: StagePhase,
    /// Why, for people.
    pub reason: String,
}

/// How well a name fits a phrase: the whole of it before a part, the label before
/// the internal name, and the less besides the better.
type Fit = (u8, usize);

/// The best property for each fact, in the order of [`Field::ALL`]. No property is
/// offered twice.
#[must_use]
pub fn suggest_facts(offered: &[Offered]) -> Vec<FactGuess> {
    let mut fitting: Vec<(Fit, Field, &Offered, String)> = Vec::new();
    for one in offered.iter().take(OFFERED_MAX) {
        let Some(holds) = one.holds else { continue };
        let (label, name) = (words(&one.label), words(&one.name));
        for (field, phrases) in facts() {
            if field.value_type() != holds {
                continue;
            }
            let fit = phrases.iter().enumerate().filter_map(|(rank, phrase)| {
                let (fit, reason) = fit(phrase, &label, &name, one)?;
                Some(((fit.0, fit.1 * phrases.len() + rank), reason))
            });
            if let Some((fit, reason)) = fit.min() {
                fitting.push((fit, field, one, reason));
            }
        }
    }
    fitting.sort_by(|a, b| (a.0, a.1, &a.2.name).cmp(&(b.0, b.1, &b.2.name)));
    let (mut filled, mut used) = (BTreeSet::new(), BTreeSet::new());
    let mut guesses = Vec::new();
    for (_, field, one, reason) in fitting {
        if filled.contains(&field) || used.contains(&one.name) {
            continue;
        }
        filled.insert(field);
        used.insert(&one.name);
        guesses.push(FactGuess { field, property: one.name.clone(), reason });
    }
    guesses.sort_by_key(|guess| guess.field);
    guesses
}

fn fit(phrase: &Phrase, label: &[String], name: &[String], of: &Offered) -> Option<(Fit, String)> {
    let shown = &of.label;
    if let Some(spare) = phrase.within(label) {
        let rank = if spare == 0 { 0 } else { 2 };
        return Some(((rank, spare), format!("its label is “{shown}”")));
    }
    let spare = phrase.within(name)?;
    let rank = if spare == 0 { 1 } else { 3 };
    Some(((rank, spare), format!("its name says “{phrase}” (label “{shown}”)")))
}

/// A phase for each open stage: by what its name says, else by its place among
/// the open stages of its pipeline.
#[must_use]
pub fn suggest_phases(account: &Metadata) -> Vec<PhaseGuess> {
    let mut guesses = Vec::new();
    for pipeline in &account.pipelines {
        let open: Vec<&Stage> =
            pipeline.stages.iter().filter(|stage| stage.kind == StageKind::Open).collect();
        for (place, stage) in open.iter().enumerate() {
            let (phase, reason) = by_words(stage).unwrap_or_else(|| by_place(place, open.len()));
            let (stage, label) = (stage.id.clone(), stage.label.clone());
            guesses.push(PhaseGuess { stage, label, phase, reason });
        }
    }
    guesses.truncate(OFFERED_MAX);
    guesses
}

fn by_words(stage: &Stage) -> Option<(StagePhase, String)> {
    let label = words(&stage.label);
    let found = phases().into_iter().find_map(|(phase, phrases)| {
        let phrase = phrases.into_iter().find(|phrase| phrase.within(&label).is_some())?;
        Some((phase, format!("its name says “{phrase}”")))
    })?;
    Some(found)
}

fn by_place(place: usize, count: usize) -> (StagePhase, String) {
    let phase = match (place * 3) / count.max(1) {
        0 => StagePhase::Early,
        1 => StagePhase::Middle,
        _ => StagePhase::Late,
    };
    (phase, format!("it is open stage {} of {count}; its name says nothing", place + 1))
}

/// Both as the tables of a connection, to be pasted into the configuration.
#[must_use]
pub fn as_toml(connection: &str, facts: &[FactGuess], phases: &[PhaseGuess]) -> String {
    let mut out = format!("[connections.{connection}.facts]\n");
    let width = facts.iter().map(|guess| guess.field.name().len()).max().unwrap_or(0);
    for guess in facts {
        let (name, property) = (guess.field.name(), quoted(&guess.property));
        out += &format!("{name:width$} = {property}  # {}\n", one_line(&guess.reason));
    }
    let missing: Vec<&str> = Field::ALL
        .into_iter()
        .filter(|field| field.is_named_fact())
        .filter(|field| facts.iter().all(|guess| guess.field != *field))
        .map(Field::name)
        .collect();
    if !missing.is_empty() {
        out += &format!("# nothing fits: {}\n", missing.join(", "));
    }
    out += &format!("\n[connections.{connection}.phases]\n");
    for phase in StagePhase::ALL {
        let stages: Vec<&PhaseGuess> = phases.iter().filter(|guess| guess.phase == phase).collect();
        if stages.is_empty() {
            out += &format!("# no stage: {}\n", phase.name());
            continue;
        }
        out += &format!("{} = [\n", phase.name());
        for guess in stages {
            let (stage, label) = (quoted(&guess.stage), one_line(&guess.label));
            out += &format!("  {stage},  # {label}: {}\n", one_line(&guess.reason));
        }
        out += "]\n";
    }
    out
}

/// TOML's basic strings escape as JSON's do.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A comment must not end early, whatever people call their stages.
fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
