//! On what terms a rule holds for one deal: whose deal it is may decide.

use crate::attention::AttentionClass;
use crate::condition::Truth;
use crate::facts::{DealFacts, Fact, Field, Value};
use crate::ruleset::{Period, Rule};

use super::World;

/// Whose deal it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DealOwner {
    /// No rule asks.
    Unasked,
    /// Not told, or an owner whom the account does not have yet.
    Unknown,
    /// Nobody's, or of somebody without an address.
    Nobody,
    /// Of the person with this e-mail, lower case.
    Person(String),
}

/// What holds for one deal.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(super) struct Terms<'r> {
    pub trigger: &'r str,
    pub threshold: Option<f64>,
    pub attention: AttentionClass,
    pub cooldown: Option<Period>,
}

impl DealOwner {
    pub(super) fn of(facts: &DealFacts, world: &World<'_>) -> DealOwner {
        if !world.rules.asks_owner() {
            return DealOwner::Unasked;
        }
        let id = match facts.value(Field::Owner) {
            Fact::Known(Value::Text(id)) => id,
            Fact::Unknown => return DealOwner::Unknown,
            Fact::Known(_) | Fact::Empty => return DealOwner::Nobody,
        };
        let Some(owner) = world.metadata.owner(id) else { return DealOwner::Unknown };
        let email = owner.email.as_ref().map(|email| email.to_lowercase());
        email.map_or(DealOwner::Nobody, DealOwner::Person)
    }

    /// Whether the rule holds for this deal at all.
    pub(super) fn covers(&self, rule: &Rule) -> Truth {
        let reach = &rule.standing.reach;
        match self {
            _ if reach.is_everybody() => Truth::True,
            DealOwner::Unasked | DealOwner::Unknown => Truth::Unknown,
            DealOwner::Nobody => Truth::from(reach.covers("")),
            DealOwner::Person(email) => Truth::from(reach.covers(email)),
        }
    }

    /// Whether what is remembered under `trigger` is of these terms. Of a deal whose
    /// owner nobody knows just now, whatever is remembered stays.
    pub(super) fn fits(&self, rule: &Rule, trigger: &str) -> bool {
        match self {
            DealOwner::Unasked | DealOwner::Unknown => {
                let tightened = rule.standing.reach.tightened.iter();
                let mut known = tightened.map(|one| one.trigger_hash.as_str());
                rule.trigger_hash == trigger || known.any(|known| known == trigger)
            }
            DealOwner::Nobody | DealOwner::Person(_) => self.terms(rule).trigger == trigger,
        }
    }

    /// On what terms.
    pub(super) fn terms<'r>(&self, rule: &'r Rule) -> Terms<'r> {
        let own = Terms {
            trigger: &rule.trigger_hash,
            threshold: rule.threshold,
            attention: rule.attention,
            cooldown: rule.cooldown,
        };
        let DealOwner::Person(email) = self else { return own };
        let tightened = rule.standing.reach.tightened.iter();
        let Some(tightened) = tightened.into_iter().find(|one| one.people.contains(email)) else {
            return own;
        };
        Terms {
            trigger: &tightened.trigger_hash,
            threshold: tightened.to.threshold.or(own.threshold),
            attention: tightened.to.attention.unwrap_or(own.attention),
            cooldown: tightened.to.cooldown.or(own.cooldown),
        }
    }
}
