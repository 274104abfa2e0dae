//! Portfolio: what deals told of people is folded in, and the rules about people
//! are looked at. One commit folds, with the cursor of the log; another holds
//! what a look came to. A person is looked at when something of theirs was told,
//! and at every midnight of theirs.
//!
//! Nobody is looked at before all deals have told where they stand, which a sweep
//! sees to, and while the log is behind: half a portfolio would say things that
//! are not so.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;
use touchline_rules::UnixMs;
use touchline_rules::engine::{Outcome, PersonState, step_person};
use touchline_rules::portfolio::{
    CLOSED_KEPT_DAYS, EDITS_KEPT_DAYS, PersonFacts, Portfolio as Deals, Standing,
};
use touchline_rules::time::{DAY_MS, HOUR_MS};

use super::batching::{Told, ended_rows, fire_person};
use super::sweep::SweepState;
use super::{Progress, Role};
use crate::coaching::portfolios::load;
use crate::guard::guarded;
use crate::service::{Ground, Service};
use crate::store::{
    Batch, CommitClass, Fenced, Fold, Part, PersonStateRow, PortfolioDealRow, PortfolioEditRow,
    StoreError, ToldRow,
};
use crate::wake::News;

/// Entries of the log folded in one tick.
const ENTRIES_MAX: usize = 1_000;
/// People looked at in one tick.
const PEOPLE_MAX: usize = 16;
/// Rows forgotten in one transaction.
const FORGET_MAX: usize = 1_000;
/// How often what is old is forgotten.
const FORGET_EVERY_MS: i64 = DAY_MS;
/// How long a person over whom the engine panicked is left alone.
const SET_ASIDE_MS: i64 = HOUR_MS;

/// The role.
pub struct Portfolio {
    service: Arc<Service>,
    notes: Mutex<Notes>,
}

/// What it remembers from one tick to the next.
#[derive(Default)]
struct Notes {
    /// The rule set without rules about people for which all was cleared.
    cleared_for: Option<String>,
    /// The rule set for which everybody who leads others is known.
    leaders_for: Option<String>,
    forget_at: Option<UnixMs>,
}

impl Portfolio {
    /// For this service.
    #[must_use]
    pub fn new(service: Arc<Service>) -> Self {
        Portfolio { service, notes: Mutex::default() }
    }

    /// Folds the next stretch of the log; answers whether there was any.
    async fn fold(&self) -> anyhow::Result<bool> {
        let (from, entries) = self.service.store.portfolio_log(ENTRIES_MAX).await?;
        let Some((to, _)) = entries.last() else { return Ok(false) };
        let fold = folded(from, *to, &entries);
        match self.service.store.fold_portfolio(fold).await {
            // Somebody else folded them: there is nothing left to do.
            Ok(()) | Err(StoreError::Conflict { .. }) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether every account was read and has told where its deals stand.
    async fn is_told(&self) -> anyhow::Result<bool> {
        for connection in self.service.connections.crms() {
            let part = self.service.store.connection_part(connection.slug.clone(), Part::Sweep);
            let Some(part) = part.await? else { return Ok(false) };
            if !serde_json::from_slice::<SweepState>(&part.body)?.portfolios {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn look_at(&self, row: PersonStateRow, now: UnixMs) -> anyhow::Result<()> {
        let service = &self.service;
        let ground = service.ground();
        let portfolio =
            load(&service.store, &service.people, ground.rules(), &row.person, now).await?;
        let looked = guarded(|| looked_at(service, &ground, &row, &portfolio, now));
        let batch = match looked {
            Ok(batch) => batch?,
            Err(panic) => {
                let person = &row.person;
                tracing::error!(person, panic, "a person could not be looked at; later again");
                let people = vec![PersonStateRow { due_at: now.plus_ms(SET_ASIDE_MS), ..row }];
                let settings_version = service.settings.current().version;
                Batch { settings_version, people, ..Batch::default() }
            }
        };
        // Derived from what is stored: after a power cut the person is due again, and
        // the look makes the same firings.
        match service.store.commit_batch(batch, CommitClass::Derived).await {
            Ok(Fenced::Done(_)) => Ok(()),
            Ok(Fenced::SettingsChanged { .. }) => {
                service.settings.refresh().await?;
                Ok(())
            }
            // Something was told of the person meanwhile: look again.
            Err(StoreError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Forgets everything once no rule is about people; answers whether there is more.
    async fn clear(&self, notes: &mut Notes, rules: &str) -> anyhow::Result<bool> {
        if notes.cleared_for.as_deref() == Some(rules) {
            return Ok(false);
        }
        let gone = self.service.store.clear_portfolio(FORGET_MAX).await?;
        if gone == 0 {
            notes.cleared_for = Some(rules.to_owned());
            notes.leaders_for = None;
        }
        Ok(gone > 0)
    }

    async fn forget(&self, notes: &mut Notes, now: UnixMs) -> anyhow::Result<bool> {
        if notes.forget_at.is_some_and(|at| at > now) {
            return Ok(false);
        }
        let ago = |days: i64| now.plus_ms(-days * DAY_MS);
        let (closed, edits) = (ago(CLOSED_KEPT_DAYS), ago(EDITS_KEPT_DAYS));
        let gone = self.service.store.forget_portfolio(closed, edits, FORGET_MAX).await?;
        if gone < FORGET_MAX {
            notes.forget_at = Some(now.plus_ms(FORGET_EVERY_MS));
        }
        Ok(gone > 0)
    }

    /// Who leads others is looked at although nobody may have a deal of their own.
    async fn know_leaders(&self, notes: &mut Notes, rules: &str) -> anyhow::Result<()> {
        if notes.leaders_for.as_deref() != Some(rules) {
            self.service.store.know_people(self.service.people.leaders()).await?;
            notes.leaders_for = Some(rules.to_owned());
        }
        Ok(())
    }
}

/// What a stretch of the log comes to.
fn folded(from: i64, to: i64, entries: &[(i64, ToldRow)]) -> Fold {
    let mut people = BTreeSet::new();
    let mut fold = Fold { from, to, ..Fold::default() };
    for (seq, row) in entries {
        let (connection, deal) = (row.connection.clone(), row.deal.clone());
        match serde_json::from_slice(&row.body) {
            Ok(Told::Standing { version, standing }) => {
                fold.deals.push(deal_row(connection, deal, version, standing));
            }
            Ok(Told::Edit(edit)) => {
                people.insert(edit.by.clone());
                fold.edits.push(PortfolioEditRow {
                    id: edit.id.clone(),
                    owner: edit.owner.clone(),
                    connection,
                    deal,
                    at: edit.at,
                    body: serde_json::to_vec(&edit).unwrap_or_default(),
                });
            }
            // The deal tells it again in the night.
            Err(error) => {
                tracing::error!(seq, deal.id = row.deal, %error, "an entry cannot be read");
            }
        }
    }
    fold.people = people.into_iter().collect();
    fold
}

fn deal_row(
    connection: String,
    deal: String,
    version: i64,
    standing: Option<Standing>,
) -> PortfolioDealRow {
    PortfolioDealRow {
        connection,
        deal,
        owner: standing.as_ref().map(|one| one.owner.clone()).unwrap_or_default(),
        version,
        closed_at: standing.as_ref().filter(|one| !one.is_open()).map(|one| {
            // One that was closed nobody knows when is as good as long ago.
            one.closed_at.unwrap_or(UnixMs(1))
        }),
        body: standing.and_then(|one| serde_json::to_vec(&one).ok()).unwrap_or_default(),
    }
}

/// What a look at one person comes to.
fn looked_at(
    service: &Service,
    ground: &Ground<'_>,
    row: &PersonStateRow,
    portfolio: &Deals,
    now: UnixMs,
) -> Result<Batch, serde_json::Error> {
    let mut state = understood(row);
    let metadata = service.account();
    let calendar = service.people.calendar_of(Some(&row.person), &metadata);
    let facts = |at: UnixMs| PersonFacts::of(portfolio, at, &calendar);
    let Outcome { firings, ended, next_due, .. } =
        ground.in_world_of_person(&metadata, &calendar, |world| {
            step_person(&mut state, facts, now, world)
        });
    let settings_version = service.settings.current().version;
    let mut batch = Batch { settings_version, ..Batch::default() };
    for firing in &firings {
        let known = facts(firing.at);
        if let Some(fired) = fire_person(service, ground, firing, &known, &metadata)? {
            batch.firings.push(fired.firing);
            batch.nudges.push(fired.nudge);
            batch.suppressed.extend(fired.suppressed);
        }
    }
    batch.ended.extend(ended.iter().flat_map(ended_rows));
    batch.people.push(PersonStateRow {
        due_at: next_due.unwrap_or(UnixMs::MAX),
        body: serde_json::to_vec(&state)?,
        ..row.clone()
    });
    Ok(batch)
}

/// What is remembered of a person. What cannot be read begins anew, in silence.
fn understood(row: &PersonStateRow) -> PersonState {
    if row.body.is_empty() {
        return PersonState::new(&row.person);
    }
    serde_json::from_slice(&row.body).unwrap_or_else(|error| {
        tracing::error!(person = row.person, %error, "what is remembered cannot be read");
        PersonState::new(&row.person)
    })
}

#[async_trait]
impl Role for Portfolio {
    fn name(&self) -> &'static str {
        "portfolio"
    }

    fn woken_by(&self) -> News {
        News::PEOPLE.and(News::GROUND)
    }

    async fn tick(&self, now: UnixMs) -> anyhow::Result<Progress> {
        let mut notes = self.notes.lock().await;
        let rules = self.service.rules.current();
        if !rules.has_person_rules() {
            let more = self.clear(&mut notes, rules.hash()).await?;
            return Ok(if more { Progress::WORKED } else { Progress::default() });
        }
        notes.cleared_for = None;
        if self.fold().await? || self.forget(&mut notes, now).await? {
            return Ok(Progress::WORKED);
        }
        if !self.is_told().await? {
            // The sweep that sees to it tells when it has ended.
            return Ok(Progress::default());
        }
        self.know_leaders(&mut notes, rules.hash()).await?;
        let (due, next) = self.service.store.people_due(now, PEOPLE_MAX).await?;
        if due.is_empty() {
            return Ok(Progress::idle_until(next));
        }
        for row in due {
            self.look_at(row, now).await?;
        }
        Ok(Progress::WORKED)
    }
}

#[cfg(test)]
mod tests;
