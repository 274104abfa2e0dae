//! The list of rules: where each stands, whether it helps, and when it ends.

use serde::Serialize;
use touchline_rules::life::{Expiry, Health, HealthLimits, OutcomeOf, RuleState};
use touchline_rules::ruleset::Rule;
use touchline_rules::time::DAY_MS;
use touchline_rules::{Calendar, UnixMs};

use super::book::{RuleBook, state_of};
use super::notices::is_to_owner;
use super::steps::in_words;
use super::{LifeError, Lifecycle};
use crate::config::Config;
use crate::store::{NOTICE_UNTOLD, RuleLifeRow, Store};

/// The newest notices of a rule among which the one to its owner is looked for.
const NOTICES_SEEN: usize = 50;

/// One rule as it is listed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleLine {
    /// The rule.
    pub rule: String,
    /// Its title.
    pub title: String,
    /// Its pack.
    pub pack: String,
    /// The state it is in.
    pub state: RuleState,
    /// Since when; `None` if nobody ever put it there.
    pub since: Option<UnixMs>,
    /// Who put it there.
    pub by: String,
    /// Why.
    pub why: String,
    /// The manager whose team's rule it is; `None` for the company's.
    pub team: Option<String>,
    /// Where it comes from: its file, or `published`.
    pub from: String,
    /// The version in force.
    pub version: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// When it ends, unless it is confirmed.
    pub expires_at: Option<UnixMs>,
    /// What its readers answered, since `health_since`: as far as it may be told.
    pub health: Health,
    /// From when on answers are counted.
    pub health_since: UnixMs,
    /// What else is to be known: choices of teams, an owner who was not told.
    pub notes: Vec<String>,
}

/// The limits of a rule's health, as configured.
#[must_use]
pub fn limits(config: &Config) -> HealthLimits {
    let health = &config.rule_health;
    HealthLimits {
        answers_min: u64::from(health.answers_min),
        not_true_here_percent_max: health.not_true_here_percent_max.limit(),
        useful_percent_min: health.useful_percent_min.limit(),
    }
}

/// From when on the answers to a rule are counted: since it began as it is now,
/// and not further back than configured.
#[must_use]
pub fn counted_from(config: &Config, life: &RuleLifeRow, now: UnixMs) -> UnixMs {
    let days = i64::from(config.rule_health.days);
    life.counted_from.max(now.plus_ms(-days.saturating_mul(DAY_MS)))
}

/// What readers answered to a rule since an instant.
///
/// # Errors
/// When the store cannot be read.
pub async fn health(store: &Store, rule: &str, since: UnixMs) -> Result<Health, LifeError> {
    let answers = store.rule_answers(rule.to_owned(), since).await?;
    let outcomes = answers.outcomes.iter();
    let outcomes = outcomes.map(|(nudge, person, kind)| OutcomeOf { nudge, person, kind });
    Ok(Health::count(answers.sent, outcomes))
}

/// When a rule ends unless it is confirmed: counted from when it was put on, or
/// confirmed last, in the calendar of the installation. `None` for one that does
/// not expire, that looks at nothing, or of which nobody knows since when.
#[must_use]
pub fn expiry(config: &Config, rule: &Rule, life: &RuleLifeRow) -> Option<Expiry> {
    let from = life.confirmed_at;
    if !config.rule_health.expiry || from.0 == 0 || !state_of(life).looks() {
        return None;
    }
    Some(Expiry::of(rule.expires?, from, &calendar(config)))
}

fn calendar(config: &Config) -> Calendar {
    let known = config.calendar_in(&config.time_zone).filter(|_| !config.time_zone.is_empty());
    known
        .or_else(|| config.calendar_in("UTC"))
        .unwrap_or_else(|| Calendar::weekdays(jiff::tz::TimeZone::UTC))
}

impl Lifecycle {
    /// Every rule, in the order of their files.
    ///
    /// # Errors
    /// When the store or a file cannot be read.
    pub async fn list(&self, now: UnixMs) -> Result<Vec<RuleLine>, LifeError> {
        let (_, book) = self.book().await?;
        let mut lines = Vec::new();
        for rule in book.written.rules() {
            lines.push(self.line(&book, rule, now).await?);
        }
        Ok(lines)
    }

    async fn line(&self, book: &RuleBook, rule: &Rule, now: UnixMs) -> Result<RuleLine, LifeError> {
        let life = book.life_of(rule);
        let health_since = counted_from(&self.config, &life, now);
        let health = health(&self.store, &rule.id, health_since).await?;
        let from = if life.stored {
            match book.declared.rule(&rule.id) {
                Some(declared) => format!("published, in place of {}", declared.file),
                None => "published".to_owned(),
            }
        } else {
            rule.file.clone()
        };
        Ok(RuleLine {
            rule: rule.id.clone(),
            title: rule.title.clone(),
            pack: rule.pack.clone(),
            state: state_of(&life),
            since: (life.since.0 != 0).then_some(life.since),
            by: life.actor.clone(),
            why: life.why.clone(),
            team: (!life.team.is_empty()).then(|| life.team.clone()),
            from,
            version: rule.version_hash.clone(),
            owner: rule.owner.clone(),
            expires_at: expiry(&self.config, rule, &life).map(|expiry| expiry.ends_at),
            health,
            health_since,
            notes: self.notes(book, rule).await?,
        })
    }

    async fn notes(&self, book: &RuleBook, rule: &Rule) -> Result<Vec<String>, LifeError> {
        let mut notes = Vec::new();
        for choice in book.rows.choices.iter().filter(|choice| choice.rule_id == rule.id) {
            let how = match serde_json::from_slice(&choice.body) {
                Ok(to) if choice.kind == super::book::TIGHTEN => in_words(&to, rule),
                _ => "muted".to_owned(),
            };
            notes.push(format!("for the team of {}: {how} ({})", choice.team, choice.why));
        }
        let waiting = self.store.release_case().waiting(rule.id.clone()).await?;
        if waiting > 0 {
            notes.push(format!("present cases still to be told: {waiting}"));
        }
        let newest = self.store.rule_notices(rule.id.clone(), NOTICES_SEEN).await?;
        let admins = &self.config.admins;
        let to_owner = newest.iter().find(|notice| is_to_owner(notice, rule));
        if let Some(notice) = to_owner.filter(|notice| notice.state == NOTICE_UNTOLD) {
            let others = admins.iter().any(|admin| *admin != notice.person);
            let instead = if others { " The admins are told instead." } else { "" };
            notes.push(format!(
                "its owner was not told ({}): {}{instead}",
                notice.kind.replace('_', " "),
                notice.why
            ));
        }
        Ok(notes)
    }
}
