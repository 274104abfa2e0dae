//! The rule book: what files declare, what was published over it, and where each
//! rule stands; and the rule set that follows.

use std::collections::BTreeMap;
use std::sync::Arc;

use touchline_rules::facts::Metadata;
use touchline_rules::life::{Reach, RuleState, Standing, Tightened, Tightening};
use touchline_rules::ruleset::{Rule, RuleSet, joined};

use super::teams::Teams;
use crate::store::{RuleBookRows, RuleLifeRow, RuleVersionRow};

/// The kind of a team's choice to hear nothing of a rule.
pub const MUTE: &str = "mute";
/// The kind of a team's choice of stricter numbers.
pub const TIGHTEN: &str = "tighten";

/// All rules as they are written, and where they stand.
#[derive(Clone, Debug)]
pub struct RuleBook {
    /// As the configured files declare them.
    pub declared: Arc<RuleSet>,
    /// With the published ones in their places.
    pub written: RuleSet,
    /// What is stored of them.
    pub rows: RuleBookRows,
    /// Who leads whom.
    pub teams: Teams,
}

impl RuleBook {
    /// Puts it together. What published rules say of stages and owners is checked
    /// against `accounts`, if there are any.
    ///
    /// # Errors
    /// When a published rule is wrong, in itself or for these accounts.
    pub fn of(
        declared: Arc<RuleSet>,
        rows: RuleBookRows,
        teams: Teams,
        accounts: &[(String, Arc<Metadata>)],
    ) -> anyhow::Result<RuleBook> {
        let mut written = (*declared).clone();
        if !rows.stored.is_empty() {
            written = written.with(kept_rules(&rows.stored, accounts)?);
        }
        Ok(RuleBook { declared, written, rows, teams })
    }

    /// Where a rule stands, if anything is stored of it.
    #[must_use]
    pub fn life(&self, rule: &str) -> Option<&RuleLifeRow> {
        self.rows.lives.iter().find(|life| life.rule_id == rule)
    }

    /// Where `rule` stands: as stored, or on as its file declares it.
    #[must_use]
    pub fn life_of(&self, rule: &Rule) -> RuleLifeRow {
        self.life(&rule.id).cloned().unwrap_or_else(|| RuleLifeRow {
            rule_id: rule.id.clone(),
            state: RuleState::On.name().to_owned(),
            before: RuleState::On.name().to_owned(),
            hash: rule.version_hash.clone(),
            trigger_hash: rule.trigger_hash.clone(),
            ..RuleLifeRow::default()
        })
    }

    /// The rules as they stand: the set that serves.
    #[must_use]
    pub fn in_force(&self) -> RuleSet {
        let standings =
            self.written.rules().iter().map(|rule| (rule.id.clone(), self.standing(&rule.id)));
        self.written.standing(&standings.collect::<BTreeMap<_, _>>())
    }

    /// How a rule stands.
    #[must_use]
    pub fn standing(&self, rule: &str) -> Standing {
        let life = self.life(rule);
        Standing {
            state: life.map_or(RuleState::On, state_of),
            epoch: life.map_or(0, |life| life.epoch),
            reach: self.reach(rule, life.map_or("", |life| life.team.as_str())),
        }
    }

    /// For whose deals a rule of that team, or of the company, holds.
    #[must_use]
    pub fn reach(&self, rule: &str, team: &str) -> Reach {
        let mut reach = Reach::default();
        if !team.is_empty() {
            reach.only = Some(self.teams.members(team));
            return reach;
        }
        for choice in self.rows.choices.iter().filter(|choice| choice.rule_id == rule) {
            let people = self.teams.members(&choice.team);
            if choice.kind == MUTE {
                reach.except.extend(people);
            } else if let Ok(to) = serde_json::from_slice::<Tightening>(&choice.body)
                // What is no longer stricter than the rule itself counts for nothing.
                && self.written.rule(rule).is_none_or(|rule| to.check(rule).is_ok())
            {
                reach.tightened.push(Tightened::new(people, to));
            }
        }
        reach
    }
}

/// The state that a row names; one that nobody knows rests.
#[must_use]
pub fn state_of(life: &RuleLifeRow) -> RuleState {
    RuleState::named(&life.state).unwrap_or(RuleState::Paused)
}

/// What a person sees as the place of published rules.
fn place(pack: &str) -> String {
    format!("published pack `{pack}`")
}

/// Kept versions as a rule set.
///
/// # Errors
/// When one is wrong, in itself or for these accounts.
pub(super) fn kept_rules(
    stored: &[RuleVersionRow],
    accounts: &[(String, Arc<Metadata>)],
) -> anyhow::Result<RuleSet> {
    let texts = stored.iter().map(|row| std::str::from_utf8(&row.body).unwrap_or_default());
    let files = joined(texts, place);
    let (set, _) = crate::coaching::rulesets::compile(&files, accounts)?;
    Ok(set)
}

/// One kept version as a rule, checked in itself only.
///
/// # Errors
/// When this build does not understand it.
pub fn version(row: &RuleVersionRow) -> anyhow::Result<(Rule, RuleSet)> {
    let set = kept_rules(std::slice::from_ref(row), &[])?;
    let rule = set.rules().first().cloned();
    let rule = rule.ok_or_else(|| anyhow::anyhow!("the version {} holds no rule", row.hash))?;
    Ok((rule, set))
}
