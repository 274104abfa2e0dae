//! On what terms a rule holds: whose deal it is may decide, or whom it is about.

use crate::attention::AttentionClass;
use crate::condition::Truth;
use crate::facts::{DealFacts, Fact, Field, Value};
use crate::life::Bound;
use crate::ruleset::{Period, Rule, RuleSet};

use super::World;

/// Whose deal it is, or who the person is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// No rule asks.
    Unasked,
    /// Not told, or an owner whom the account does not have yet.
    Unknown,
    /// Nobody's, or of somebody without an address.
    Nobody,
    /// Of the person with this e-mail, lower case.
    Person(String),
}

/// What holds for one deal or person.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(super) struct Terms<'r> {
    pub trigger: &'r str,
    /// What a team asks of the rule's threshold for its people.
    pub bound: Option<Bound>,
    pub attention: AttentionClass,
    pub cooldown: Option<Period>,
}

impl Whose {
    /// The owner of a deal.
    pub(super) fn deal(facts: &DealFacts, world: &World<'_>) -> Whose {
        if !world.rules.asks_owner() {
            return Whose::Unasked;
        }
        let id = match facts.value(Field::Owner) {
            Fact::Known(Value::Text(id)) => id,
            Fact::Unknown => return Whose::Unknown,
            Fact::Known(_) | Fact::Empty => return Whose::Nobody,
        };
        let Some(owner) = world.metadata.owner(id) else { return Whose::Unknown };
        let email = owner.email.as_ref().map(|email| email.to_lowercase());
        email.map_or(Whose::Nobody, Whose::Person)
    }

    /// The person with this e-mail.
    pub(super) fn person(email: &str, rules: &RuleSet) -> Whose {
        if rules.asks_owner() { Whose::Person(email.to_lowercase()) } else { Whose::Unasked }
    }

    /// Whether the rule holds here at all.
    pub(super) fn covers(&self, rule: &Rule) -> Truth {
        let reach = &rule.standing.reach;
        match self {
            _ if reach.is_everybody() => Truth::True,
            Whose::Unasked | Whose::Unknown => Truth::Unknown,
            Whose::Nobody => Truth::from(reach.covers("")),
            Whose::Person(email) => Truth::from(reach.covers(email)),
        }
    }

    /// Whether what is remembered under `trigger` is of these terms. Of a deal whose
    /// owner nobody knows just now, whatever is remembered stays.
    pub(super) fn fits(&self, rule: &Rule, trigger: &str) -> bool {
        match self {
            Whose::Unasked | Whose::Unknown => {
                let tightened = rule.standing.reach.tightened.iter();
                let mut known = tightened.map(|one| one.trigger_hash.as_str());
                rule.trigger_hash == trigger || known.any(|known| known == trigger)
            }
            Whose::Nobody | Whose::Person(_) => self.terms(rule).trigger == trigger,
        }
    }

    /// On what terms.
    pub(super) fn terms<'r>(&self, rule: &'r Rule) -> Terms<'r> {
        let own = Terms {
            trigger: &rule.trigger_hash,
            bound: None,
            attention: rule.attention,
            cooldown: rule.cooldown,
        };
        let Whose::Person(email) = self else { return own };
        let tightened = rule.standing.reach.tightened.iter();
        let Some(tightened) = tightened.into_iter().find(|one| one.people.contains(email)) else {
            return own;
        };
        Terms {
            trigger: &tightened.trigger_hash,
            bound: tightened.bound,
            attention: tightened.to.attention.unwrap_or(own.attention),
            cooldown: tightened.to.cooldown.or(own.cooldown),
        }
    }
}
