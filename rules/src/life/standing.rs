//! How a rule stands in this installation: its state, and for whom it holds.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::state::RuleState;
use crate::attention::AttentionClass;
use crate::condition::Growth;
use crate::facts::schema::place;
use crate::ruleset::{Period, PeriodUnit, Rule, hash};
use crate::time::{DAY_MS, HOUR_MS};

/// How a rule stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// Where in its life.
    pub state: RuleState,
    /// Rises whenever the rule begins anew: what is true then is taken in silence.
    pub epoch: i64,
    /// For whose deals.
    pub reach: Reach,
}

/// For whose deals a rule holds, by the e-mail of the deal's owner, lower case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reach {
    /// Only for deals of these people: the rule is their team's. `None`: everybody.
    pub only: Option<BTreeSet<String>>,
    /// Not for deals of these: their team muted it.
    pub except: BTreeSet<String>,
    /// What teams tightened for their people.
    pub tightened: Vec<Tightened>,
}

/// Other numbers for the deals of some people.
#[derive(Clone, Debug, PartialEq)]
pub struct Tightened {
    /// The people.
    pub people: BTreeSet<String>,
    /// The numbers.
    pub to: Tightening,
    /// The trigger hash that follows; filled in by [`Standing::of`].
    pub trigger_hash: String,
    /// What the threshold is held to, likewise.
    pub bound: Option<Bound>,
}

impl Tightened {
    /// These numbers for these people; the rest follows with [`Standing::of`].
    #[must_use]
    pub fn new(people: BTreeSet<String>, to: Tightening) -> Tightened {
        Tightened { people, to, trigger_hash: String::new(), bound: None }
    }
}

/// A number that a threshold is not laxer than.
#[derive(Copy, Clone, Debug, PartialEq)]
pub enum Bound {
    /// The larger the threshold, the less the rule speaks.
    AtLeast(f64),
    /// The smaller the threshold, the less the rule speaks.
    AtMost(f64),
}

impl Bound {
    /// The number, if `own` is laxer.
    #[must_use]
    pub fn tighter_than(self, own: f64) -> Option<f64> {
        match self {
            Bound::AtLeast(number) => (number > own).then_some(number),
            Bound::AtMost(number) => (number < own).then_some(number),
        }
    }

    /// `number` as a bound of this rule's threshold; `None` where it cannot be told
    /// which way the rule speaks less.
    fn of(rule: &Rule, number: f64) -> Option<Bound> {
        let unless =
            rule.unless.as_ref().map_or(Growth::None, |one| one.growth(place::THRESHOLD).turned());
        match rule.when.growth(place::THRESHOLD).and(unless) {
            // The condition is true less often the larger the number is.
            Growth::Falls => Some(Bound::AtLeast(number)),
            Growth::Rises => Some(Bound::AtMost(number)),
            Growth::None | Growth::Both => None,
        }
    }
}

/// What a team may ask of a company rule for its own people: to speak less.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tightening {
    /// Another threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// A quieter class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention: Option<AttentionClass>,
    /// A longer cooldown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cooldown: Option<Period>,
}

/// Why a number is no tightening.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}\nhint: {hint}")]
pub struct TighteningRefused {
    /// What stands in the way.
    pub problem: String,
    /// What to do instead.
    pub hint: String,
}

impl Reach {
    /// Whether it is for everybody alike.
    #[must_use]
    pub fn is_everybody(&self) -> bool {
        self.only.is_none() && self.except.is_empty() && self.tightened.is_empty()
    }

    /// Whether deals of this owner are looked at.
    #[must_use]
    pub fn covers(&self, owner: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(owner)) && !self.except.contains(owner)
    }
}

impl Standing {
    /// The same, for `rule` as it is written: with the hashes that follow.
    #[must_use]
    pub(crate) fn of(mut self, rule: &Rule) -> Standing {
        let own = self.trigger_of(rule);
        for tightened in &mut self.reach.tightened {
            tightened.trigger_hash = match tightened.to.threshold {
                Some(number) => hash(&[&own, "tightened", &number.to_string()]),
                None => own.clone(),
            };
            tightened.bound = tightened.to.threshold.and_then(|number| Bound::of(rule, number));
        }
        self
    }

    /// The trigger hash of `rule` as it stands: one that begins anew has another.
    pub(crate) fn trigger_of(&self, rule: &Rule) -> String {
        match (self.state.looks(), self.epoch) {
            (true, 0) => rule.trigger_hash.clone(),
            (true, epoch) => hash(&[&rule.trigger_hash, "epoch", &epoch.to_string()]),
            (false, epoch) => hash(&[&rule.trigger_hash, "resting", &epoch.to_string()]),
        }
    }

    /// What makes two sets behave differently, as text to be hashed; nothing for
    /// a rule that is on for everybody as it always was.
    pub(crate) fn key(&self) -> Option<String> {
        (*self != Standing::default()).then(|| format!("{self:?}"))
    }
}

impl Tightening {
    /// Refuses what would make `rule` speak more, or about other things.
    ///
    /// # Errors
    /// [`TighteningRefused`], with what to do instead.
    pub fn check(&self, rule: &Rule) -> Result<(), TighteningRefused> {
        let refused =
            |problem: String, hint: &str| Err(TighteningRefused { problem, hint: hint.to_owned() });
        if *self == Tightening::default() {
            return refused(
                "nothing is tightened".to_owned(),
                "add --threshold, --attention or --cooldown",
            );
        }
        if let Some(number) = self.threshold {
            check_threshold(rule, number)?;
        }
        if let Some(class) = self.attention
            && loudness(class) > loudness(rule.attention)
        {
            let problem = format!("`{}` is louder than `{}`", class.name(), rule.attention.name());
            return refused(problem, "a team may only make a rule quieter");
        }
        let rough_ms = |period: Period| i64::from(period.count) * unit_ms(period.unit);
        if let Some(cooldown) = self.cooldown
            && rule.cooldown.is_some_and(|own| rough_ms(cooldown) < rough_ms(own))
        {
            let own = rule.cooldown.map(|own| own.to_string()).unwrap_or_default();
            return refused(
                format!("a cooldown of {cooldown} is shorter than the rule's own, {own}"),
                "a team may only make a cooldown longer",
            );
        }
        Ok(())
    }
}

fn check_threshold(rule: &Rule, number: f64) -> Result<(), TighteningRefused> {
    let refused = |problem: String, hint: String| Err(TighteningRefused { problem, hint });
    let Some(own) = rule.threshold else {
        return refused(
            "the rule has no threshold".to_owned(),
            "a team may make it quieter, or mute it".to_owned(),
        );
    };
    let Some(bound) = Bound::of(rule, number) else {
        return refused(
            "whether another threshold makes this rule speak less cannot be told".to_owned(),
            "change the rule itself, or mute it".to_owned(),
        );
    };
    // What follows won deals is held to the number wherever it would be laxer.
    let Some(own) = own.number() else { return Ok(()) };
    if own == number || bound.tighter_than(own).is_some() {
        return Ok(());
    }
    let better = if matches!(bound, Bound::AtLeast(_)) { "larger" } else { "smaller" };
    refused(
        format!("a threshold of {number} makes the rule speak more than {own} does"),
        format!("a team may only make it {better}"),
    )
}

/// Interrupting is louder than a digest, which is as loud as a private one; a
/// card is the quietest.
fn loudness(class: AttentionClass) -> u8 {
    match class {
        AttentionClass::Card => 0,
        AttentionClass::Digest | AttentionClass::Private => 1,
        AttentionClass::Interrupt => 2,
    }
}

/// A working day counts as a day here: what differs is compared by a person.
fn unit_ms(unit: PeriodUnit) -> i64 {
    match unit {
        PeriodUnit::Hours => HOUR_MS,
        PeriodUnit::Days | PeriodUnit::WorkingDays => DAY_MS,
    }
}
