//! What one deal means for its owner's portfolio.

use jiff::civil::Date;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

use super::CLOSED_COUNTED_DAYS;
use crate::facts::{DealState, Fact, Field, Metadata, StageKind, Value, civil_day};
use crate::time::{DAY_MS, UnixMs};

/// How many values of the next step's date are kept: the newest.
const NEXT_STEPS_MAX: usize = 8;

/// One deal, as its owner's portfolio holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// E-mail of its owner, lower case.
    pub owner: String,
    /// Open, won or lost.
    pub kind: StageKind,
    /// When it was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<UnixMs>,
    /// When it was won or lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<UnixMs>,
    /// Its amount in the account's currency; `None` if it has none, or in another
    /// one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<f64>,
    /// It has an amount in another currency.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub foreign: bool,
    /// The day on which it is to close.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close_on: Option<Date>,
    /// Since when the next step had which date, oldest first; `None` where the
    /// account does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_steps: Option<Vec<(UnixMs, Option<Date>)>>,
}

/// What a deal means for its owner; `None` for one that is gone, that has no known
/// owner, or of which nobody knows whether it is open.
#[must_use]
pub fn standing(state: &DealState, metadata: &Metadata) -> Option<Standing> {
    let facts = &state.facts;
    if facts.is_gone() || !state.is_ready() {
        return None;
    }
    let kind = facts.stage_kind(metadata)?;
    let owner = metadata.owner(facts.text(Field::Owner)?)?.email.as_ref()?.to_lowercase();
    let currency = facts.text(Field::Currency).or(metadata.currency.as_deref());
    let foreign = currency != metadata.currency.as_deref();
    let amount = match facts.value(Field::Amount) {
        Fact::Known(Value::Number(amount)) => amount.to_f64(),
        _ => None,
    };
    Some(Standing {
        owner,
        kind,
        created_at: facts.created_at(),
        closed_at: facts.closed_at(metadata).known().copied(),
        amount: amount.filter(|_| !foreign),
        foreign: foreign && amount.is_some(),
        close_on: match facts.value(Field::CloseDate) {
            Fact::Known(Value::Time(at)) => civil_day(Field::CloseDate, *at, metadata),
            _ => None,
        },
        next_steps: next_steps(state, metadata),
    })
}

fn next_steps(state: &DealState, metadata: &Metadata) -> Option<Vec<(UnixMs, Option<Date>)>> {
    if metadata.unmapped.contains(&Field::NextStepDate) {
        return None;
    }
    let track = state.facts.tracks.get(&Field::NextStepDate)?;
    let versions = track.versions();
    let newest = versions.get(versions.len().saturating_sub(NEXT_STEPS_MAX)..)?;
    let dated = newest.iter().map(|version| {
        let day = match &version.value {
            Fact::Known(Value::Time(at)) => civil_day(Field::NextStepDate, *at, metadata),
            _ => None,
        };
        (version.at, day)
    });
    Some(dated.collect())
}

impl Standing {
    /// Whether it is open now.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.kind == StageKind::Open
    }

    /// Whether it still counts in its owner's portfolio at `now`. One that was closed
    /// nobody knows when is as good as long ago.
    #[must_use]
    pub fn is_kept(&self, now: UnixMs) -> bool {
        let since = now.plus_ms(-CLOSED_COUNTED_DAYS * DAY_MS);
        self.is_open() || self.closed_at.is_some_and(|at| at >= since)
    }

    /// From when until just before when it was open, as far as its present word on
    /// that goes; `None` where nobody can tell.
    pub(super) fn open_between(&self) -> Option<(UnixMs, UnixMs)> {
        let until = if self.is_open() { UnixMs::MAX } else { self.closed_at? };
        Some((self.created_at.unwrap_or(UnixMs::MIN), until))
    }

    /// Whether it was open at `at`.
    pub(super) fn was_open(&self, at: UnixMs) -> bool {
        self.open_between().is_some_and(|(from, until)| from <= at && at < until)
    }

    /// Whether at `at`, on `today`, its next step had a date that had not passed;
    /// `None` where nobody can tell.
    pub(super) fn has_dated_step(&self, at: UnixMs, today: Date) -> Option<bool> {
        let told = self.next_steps.as_ref()?;
        let held = told.iter().rev().find(|(since, _)| *since <= at);
        Some(held.and_then(|(_, day)| *day).is_some_and(|day| day >= today))
    }
}
