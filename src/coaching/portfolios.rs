//! Portfolios as they are kept: what rules about a person are looked at with.

use touchline_rules::UnixMs;
use touchline_rules::attention::Outcome;
use touchline_rules::facts::{DealKey, DealState, Metadata};
use touchline_rules::portfolio::{
    ANSWERS_DAYS, EDITS_KEPT_DAYS, Edit, Led, PUSHES_DAYS, Portfolio, Push, RuleAnswers, Standing,
    Target, standing,
};
use touchline_rules::ruleset::RuleSet;
use touchline_rules::time::DAY_MS;
use tracing::warn;

use super::people::People;
use crate::config::{PersonConfig, TargetPeriod};
use crate::store::{self, PortfolioDealRow, Store};

/// Rules of one owner that are looked at for how they are answered.
const OWN_RULES_MAX: usize = 200;
/// A day more than is counted: instants are rounded to the person's midnights.
const SLACK_DAYS: i64 = 1;

/// Everything that is known of a person as of `now`.
///
/// # Errors
/// When the store cannot be read.
pub async fn load(
    store: &Store,
    people: &People,
    rules: &RuleSet,
    person: &str,
    now: UnixMs,
) -> store::Result<Portfolio> {
    let own = store.portfolio_deals(vec![person.to_owned()]).await?;
    let target = people.configured(person).and_then(target_of);
    let led = led(store, people, rules, person, now).await?;
    Ok(Portfolio { deals: standings(&own, now), target, led })
}

/// What somebody is to win, as configuration says.
#[must_use]
pub fn target_of(configured: &PersonConfig) -> Option<Target> {
    let quarterly = configured.target_period != Some(TargetPeriod::Month);
    Some(Target { amount: configured.target?, quarterly })
}

async fn led(
    store: &Store,
    people: &People,
    rules: &RuleSet,
    person: &str,
    now: UnixMs,
) -> store::Result<Option<Led>> {
    let team = people.led_by(person);
    if team.is_empty() {
        return Ok(None);
    }
    let ago = |days: i64| now.plus_ms(-(days + SLACK_DAYS) * DAY_MS);
    let deals = store.portfolio_deals(team.clone()).await?;
    let edits = store.portfolio_edits(team.clone(), ago(EDITS_KEPT_DAYS)).await?;
    let is_own = |owner: &Option<String>| {
        owner.as_ref().is_some_and(|owner| owner.eq_ignore_ascii_case(person))
    };
    let of_own = rules.rules().iter().filter(|rule| is_own(&rule.owner));
    let own_rules: Vec<String> = of_own.map(|rule| rule.id.clone()).take(OWN_RULES_MAX).collect();
    let (mut pushes, mut answers) = (Vec::new(), Vec::new());
    if !own_rules.is_empty() {
        for to in &team {
            let since = ago(PUSHES_DAYS);
            let reached = store.nudges_reached(to.clone(), own_rules.clone(), since).await?;
            pushes.extend(reached.into_iter().map(|at| Push { to: to.clone(), at }));
        }
        for rule in own_rules {
            answers.push(answered(store, rule, ago(ANSWERS_DAYS)).await?);
        }
    }
    Ok(Some(Led {
        by: person.to_owned(),
        people: u32::try_from(team.len()).unwrap_or(u32::MAX),
        since: people.configured(person).and_then(|one| one.manager_since),
        deals: standings(&deals, now),
        edits: edits.iter().filter_map(|body| understood::<Edit>(body)).collect(),
        pushes,
        answers,
    }))
}

async fn answered(store: &Store, rule: String, since: UnixMs) -> store::Result<RuleAnswers> {
    let kinds = [
        Outcome::Done,
        Outcome::AlreadyDone,
        Outcome::NotTrueHere,
        Outcome::NotNow,
        Outcome::Muted,
    ];
    let kinds = kinds.map(Outcome::name).to_vec();
    let counted = Outcome::NotTrueHere.name();
    let (answers, not_true, people) = store.answers_counted(rule, kinds, counted, since).await?;
    let count = |n: i64| u32::try_from(n).unwrap_or(u32::MAX);
    Ok(RuleAnswers { answers: count(answers), not_true: count(not_true), people: count(people) })
}

fn standings(rows: &[PortfolioDealRow], now: UnixMs) -> Vec<Standing> {
    let known = rows.iter().filter_map(|row| understood::<Standing>(&row.body));
    known.filter(|standing| standing.is_kept(now)).collect()
}

/// What cannot be read is left out: the deal tells it again in the night.
fn understood<T: serde::de::DeserializeOwned>(body: &[u8]) -> Option<T> {
    let read = serde_json::from_slice(body);
    read.inspect_err(|error| warn!(%error, "a portfolio's row cannot be read")).ok()
}

/// Deals looked at in one page of a check.
const CHECK_PAGE: usize = 500;

/// How many deals of a connection were looked at, and how many tell something else
/// by now than what was folded of them. Such a deal tells it again with its next
/// change, and in the night.
///
/// # Errors
/// When the store cannot be read.
pub async fn differing(
    store: &Store,
    connection: &str,
    metadata: &Metadata,
) -> store::Result<(usize, usize)> {
    let (mut looked, mut differ) = (0, 0);
    let mut after = DealKey { connection: connection.to_owned(), id: String::new() };
    loop {
        let mut page = store.deals_after(Some(after.clone()), CHECK_PAGE).await?;
        page.retain(|row| row.connection == connection);
        let Some(last) = page.last() else { return Ok((looked, differ)) };
        let folded = store.portfolio_after((after.connection, after.id), CHECK_PAGE * 2).await?;
        after = DealKey { connection: connection.to_owned(), id: last.id.clone() };
        for row in &page {
            let Ok(state) = serde_json::from_slice::<DealState>(&row.body) else { continue };
            let now = standing(&state, metadata);
            let known =
                folded.iter().find(|one| one.connection == connection && one.deal == row.id);
            let told = known.and_then(|one| serde_json::from_slice::<Standing>(&one.body).ok());
            looked += 1;
            // One closed long ago is forgotten, and says nothing any more.
            let is_forgotten = known.is_none() && !now.as_ref().is_some_and(Standing::is_open);
            differ += usize::from(now != told && !is_forgotten);
        }
    }
}
