//! The present state of rules: which open deals meet them now, said or not, worked
//! out on the stored deals by the engine that serves.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use touchline_rules::UnixMs;
use touchline_rules::baseline::Baselines;
use touchline_rules::condition::Truth;
use touchline_rules::engine::{World, explain_rule, present};
use touchline_rules::facts::{DealKey, DealState, Field, Metadata};
use touchline_rules::life::severity;
use touchline_rules::ruleset::{Audience, Rule, RuleSet};
use touchline_rules::time::{HOUR_MS, MINUTE_MS};

use super::{LifeError, Lifecycle};
use crate::coaching;
use crate::coaching::data_check::load_verdicts;
use crate::coaching::people::People;
use crate::service::Verdicts;
use crate::store::{DealRow, DeliveryState, NudgeState, SubjectKey};

/// Deals read at once.
const PAGE: usize = 256;
/// The status of deals that are looked at.
const OPEN: &str = "open";

/// One open deal that a rule finds something of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Case {
    /// The rule.
    pub rule: String,
    /// The version that found it.
    #[serde(skip)]
    pub hash: String,
    /// The deal's connection.
    pub connection: String,
    /// The vendor's id of the deal.
    pub deal: String,
    /// Its name.
    pub name: String,
    /// Whether it meets the rule; otherwise a fact is missing to say so.
    pub meets: bool,
    /// Since when, as far as anybody looked.
    pub since: Option<UnixMs>,
    /// What was said of it.
    pub said: Said,
    /// How far beyond the rule's numbers it is; more is worse.
    pub severity: i64,
    /// Who would read of it. Not shown: the list is about deals.
    #[serde(skip)]
    pub person: Option<String>,
}

/// What was said of a case.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// A nudge went out.
    Sent,
    /// One waits to be decided or sent.
    Waiting,
    /// It was worked out, and the ledger says why it was not sent.
    Kept,
    /// It was already true when the rule began: nothing is said.
    Silent,
    /// Nobody looked at the deal since it is so.
    Unlooked,
}

impl Said {
    /// In words.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Said::Sent => "sent",
            Said::Waiting => "waiting",
            Said::Kept => "not sent, the ledger says why",
            Said::Silent => "silent, it was true before",
            Said::Unlooked => "not looked at yet",
        }
    }
}

/// The present state of one rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresentCount {
    /// Open deals looked at.
    pub open: u64,
    /// Of these, so many meet it.
    pub meets: u64,
    /// For so many a fact is missing to say.
    pub unknown: u64,
}

/// What the walk over all open deals found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PresentState {
    /// By state rule. An event rule waits for its event and meets nothing.
    pub counts: BTreeMap<String, PresentCount>,
    /// Every case, by rule, the worst first.
    pub cases: Vec<Case>,
}

/// What deals are judged in.
struct Worlds<'a> {
    lifecycle: &'a Lifecycle,
    people: People,
    verdicts: BTreeMap<String, Verdicts>,
    baselines: BTreeMap<String, Baselines>,
}

impl Lifecycle {
    /// The present state of the rules of `set` on every open deal.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn present(&self, set: &RuleSet, now: UnixMs) -> Result<PresentState, LifeError> {
        let worlds = self.worlds().await?;
        let mut found = PresentState::default();
        for rule in set.state_rules() {
            found.counts.entry(rule.id.clone()).or_default();
        }
        let mut after: Option<DealKey> = None;
        loop {
            let page = self.store.deals_after(after.take(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(DealKey { connection: last.connection.clone(), id: last.id.clone() });
            for row in page.into_iter().filter(|row| row.status == OPEN) {
                let Some(state) = read(&row) else { continue };
                let cases = worlds.look(set, &state, now, &mut found.counts);
                for mut case in cases {
                    case.said = self.said(set, &state, &case).await?;
                    found.cases.push(case);
                }
            }
        }
        found.cases.sort_by(|a, b| {
            let key = |case: &Case| {
                let place = (case.connection.clone(), case.deal.clone());
                (case.rule.clone(), !case.meets, std::cmp::Reverse(case.severity), place)
            };
            key(a).cmp(&key(b))
        });
        Ok(found)
    }

    async fn worlds(&self) -> Result<Worlds<'_>, LifeError> {
        let (mut verdicts, mut baselines) = (BTreeMap::new(), BTreeMap::new());
        for (slug, _) in &self.accounts {
            verdicts.insert(slug.clone(), load_verdicts(&self.store, slug).await?);
            baselines.insert(slug.clone(), coaching::baselines::load(&self.store, slug).await?);
        }
        let people = People::load(self.store.clone(), Arc::clone(&self.config)).await?;
        Ok(Worlds { lifecycle: self, people, verdicts, baselines })
    }

    /// What was said of a case. Only what is stored of the very rule counts.
    async fn said(&self, set: &RuleSet, state: &DealState, case: &Case) -> Result<Said, LifeError> {
        let rule = set.rule(&case.rule);
        let memory = state.rules.get(&case.rule);
        let memory =
            memory.filter(|memory| rule.is_some_and(|rule| rule.trigger_hash == memory.trigger));
        let Some(episode) = memory.and_then(|memory| memory.episode.as_ref()) else {
            return Ok(Said::Unlooked);
        };
        if episode.firings.is_empty() {
            return Ok(if episode.seeded { Said::Silent } else { Said::Unlooked });
        }
        let subject = SubjectKey {
            kind: "deal".to_owned(),
            connection: case.connection.clone(),
            id: case.deal.clone(),
        };
        let mut said = Said::Kept;
        for nudge in self.store.nudges_of(subject).await? {
            if !episode.firings.contains(&nudge.firing_id) {
                continue;
            }
            let sent = self.store.deliveries_of_nudge(nudge.id.clone()).await?;
            let is_sent = |state| {
                matches!(
                    state,
                    DeliveryState::Sent | DeliveryState::Accepted | DeliveryState::Unknown
                )
            };
            if sent.iter().any(|delivery| is_sent(delivery.state)) {
                return Ok(Said::Sent);
            }
            if matches!(nudge.state, NudgeState::Pending | NudgeState::Held | NudgeState::Decided) {
                said = Said::Waiting;
            }
        }
        Ok(said)
    }
}

fn read(row: &DealRow) -> Option<DealState> {
    let state: DealState = serde_json::from_slice(&row.body).ok()?;
    state.is_ready().then_some(state)
}

impl Worlds<'_> {
    /// Looks at one deal, and counts.
    fn look(
        &self,
        set: &RuleSet,
        state: &DealState,
        now: UnixMs,
        counts: &mut BTreeMap<String, PresentCount>,
    ) -> Vec<Case> {
        let slug = &state.facts.key.connection;
        let account = self.lifecycle.accounts.iter().find(|(known, _)| known == slug);
        let metadata = account.map(|(_, metadata)| Arc::clone(metadata)).unwrap_or_default();
        let owner = People::owner_email(&metadata, state.facts.text(Field::Owner));
        let calendar = self.people.calendar_of(owner.as_deref(), &metadata);
        let pipeline = state.facts.text(Field::Pipeline).unwrap_or_default();
        let config = &self.lifecycle.config;
        let world = World {
            rules: set,
            metadata: &metadata,
            calendar: &calendar,
            activity_trusted: self.verdicts.get(slug).is_some_and(|known| known.trusts(pipeline)),
            managers: self.people.managers(),
            baselines: self.baselines.get(slug).unwrap_or(Baselines::none()),
            hydrate_deadline_ms: config.ingest.hydrate_deadline_minutes * MINUTE_MS,
            live_max_age_ms: config.attention.event_max_age_hours.saturating_mul(HOUR_MS),
        };
        let mut cases = Vec::new();
        for (rule, truth) in present(state, now, &world) {
            let count = counts.entry(rule.id.clone()).or_default();
            count.open += 1;
            match truth {
                Truth::False => continue,
                Truth::True => count.meets += 1,
                Truth::Unknown => count.unknown += 1,
            }
            cases.push(self.case(rule, state, truth == Truth::True, now, &world, &metadata));
        }
        cases
    }

    fn case(
        &self,
        rule: &Rule,
        state: &DealState,
        meets: bool,
        now: UnixMs,
        world: &World<'_>,
        metadata: &Metadata,
    ) -> Case {
        let DealKey { connection, id } = &state.facts.key;
        let owner = People::owner_email(metadata, state.facts.text(Field::Owner));
        let person = match rule.audience {
            Audience::Owner => owner,
            Audience::Manager => owner.and_then(|owner| self.people.manager_of(&owner)),
            // Such a rule is about no deal.
            Audience::Person => None,
        };
        let memory = state.rules.get(&rule.id);
        let episode = memory.and_then(|memory| memory.episode.as_ref());
        let severity = if meets { severity(&explain_rule(rule, state, now, world)) } else { 0 };
        Case {
            rule: rule.id.clone(),
            hash: rule.version_hash.clone(),
            connection: connection.clone(),
            deal: id.clone(),
            name: state.facts.text(Field::Name).unwrap_or_default().to_owned(),
            meets,
            since: episode.filter(|_| meets).map(|episode| episode.start),
            said: Said::Unlooked,
            severity,
            person,
        }
    }
}
