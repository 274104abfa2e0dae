//! Folding one change into what is known of a deal. Data decides: what a field
//! holds follows from (occurred_at, vendor_seq, value), never from arrival.

use super::deal::{DealFacts, Existence, INITIAL_VALUE_WINDOW_MS, Merged};
use super::track::{Inserted, Version};
use super::{Activity, Change, ChangeKind, Fact, Field, Value};

/// What a change did to the facts of a deal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: it was known already, or says nothing.
    None,
    /// The creation, reported for the first time.
    Created,
    /// A field went from one value to another.
    Moved(Movement),
    /// A field's past became better known, but nothing moved: the value at
    /// creation, or a repeated value.
    Noted(Field),
    /// An activity not heard of before.
    Activity(Activity),
    /// It was deleted, restored or merged.
    Existence,
}

/// A field that went from one value to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// The field.
    pub field: Field,
    /// The value just before it.
    pub from: Fact<Value>,
    /// The value it took.
    pub to: Fact<Value>,
    /// A newer value was already known.
    pub late: bool,
}

/// Folds `change` into `facts`.
///
/// `undated` marks a field value of which only the reading, not the setting,
/// has a date.
pub fn fold(facts: &mut DealFacts, change: &Change, undated: bool) -> Effect {
    // Saturates: a vendor's nonsense must not leave the range calendars know.
    let (at, seq) = (change.occurred_at.plus_ms(0), change.vendor_seq);
    match &change.kind {
        ChangeKind::Created => {
            let first = facts.created.is_none();
            facts.created = Some(facts.created.map_or(at, |known| known.min(at)));
            if first { Effect::Created } else { Effect::None }
        }
        ChangeKind::FieldSet { to: Fact::Unknown, .. } => Effect::None,
        ChangeKind::FieldSet { field, to } => {
            let value = tidy(to);
            fold_value(facts, *field, Version { at, seq, value, undated })
        }
        ChangeKind::Activity(activity) => {
            let new = facts.activities.insert(activity, at, seq);
            if new && !activity.by_touchline {
                Effect::Activity(activity.clone())
            } else {
                Effect::None
            }
        }
        ChangeKind::Deleted => exists(facts, Existence { at, seq, deleted: true }),
        ChangeKind::Restored => exists(facts, Existence { at, seq, deleted: false }),
        ChangeKind::MergedInto { survivor } => {
            let merged = Some(Merged { at, seq, survivor: survivor.clone() });
            if merged <= facts.merged {
                return Effect::None;
            }
            facts.merged = merged;
            Effect::Existence
        }
    }
}

/// An empty text is [`Fact::Empty`], whatever a decoder made of it, and times
/// stay within what calendars know.
fn tidy(value: &Fact<Value>) -> Fact<Value> {
    match value {
        Fact::Known(Value::Text(text)) if text.is_empty() => Fact::Empty,
        Fact::Known(Value::Time(at)) => Fact::Known(Value::Time(at.plus_ms(0))),
        other => other.clone(),
    }
}

fn exists(facts: &mut DealFacts, word: Existence) -> Effect {
    if facts.existence.is_some_and(|known| known >= word) {
        return Effect::None;
    }
    facts.existence = Some(word);
    Effect::Existence
}

fn fold_value(facts: &mut DealFacts, field: Field, version: Version) -> Effect {
    let Version { at, value: to, undated, .. } = version.clone();
    let created = facts.created_at();
    let track = facts.tracks.entry(field).or_default();
    let Inserted::At(index) = track.insert(version) else { return Effect::None };
    let before = track.before(index).map(|one| one.value.clone());
    let after = track.after(index).map(|one| one.value.clone());
    facts.trim();
    let from = match (before, created) {
        (Some(before), _) => before,
        (None, Some(created)) if at > created.plus_ms(INITIAL_VALUE_WINDOW_MS) => Fact::Empty,
        (None, Some(_)) => return Effect::Noted(field),
        (None, None) => Fact::Unknown,
    };
    // The same value one step later is the same movement, dated better.
    if from == to || after.as_ref() == Some(&to) || undated {
        return Effect::Noted(field);
    }
    Effect::Moved(Movement { field, from, to, late: after.is_some() })
}
