//! A whole record, taken apart into the changes it tells of.

use super::deal::{DealFacts, INITIAL_VALUE_WINDOW_MS};
use super::{Actor, Change, ChangeKind, Fact, Field, HistoryItem, Observation, Origin, Value};
use crate::time::{SECOND_MS, UnixMs};

/// How many past values of one record are looked at; the newest.
pub const HISTORY_ITEMS_MAX: usize = 4_096;

/// How far apart a vendor's event and its own history may date one change.
pub const STAMPS_DIFFER_MAX_MS: i64 = 5 * SECOND_MS;

/// One change to fold, and whether it may fire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The change.
    pub change: Change,
    /// False for history.
    pub live: bool,
    /// Only the reading of the value has a date, not its setting.
    pub undated: bool,
}

/// What is taken as live when a record is read.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum LiveFrom {
    /// Nothing: all of it is history.
    Never,
    /// Changes at or after this instant.
    At(UnixMs),
    /// Values newer than the newest stored one of their field.
    Stored,
}

/// Takes `observation` apart into changes in the order in which they happened,
/// with those that `waiting` held for it. `earliest` is the earliest waiting
/// change's instant, and `seen` whether the deal was read before.
///
/// Who may fire follows from [`Origin`]: history never does.
#[must_use]
pub fn diff(
    facts: &DealFacts,
    observation: &Observation,
    waiting: Vec<Change>,
    earliest: Option<UnixMs>,
    seen: bool,
) -> Vec<Step> {
    let live_from = match (observation.origin, earliest) {
        // A webhook change that waited is live whatever read answers it.
        (_, Some(earliest)) => LiveFrom::At(earliest),
        // A deal that was read meanwhile: whatever asked, it is a re-read.
        (Origin::Hydrate | Origin::Poll | Origin::Refresh, None) if seen => LiveFrom::Stored,
        _ => LiveFrom::Never,
    };
    let told = Told { facts, observation, waiting: &waiting };
    let created = told.created_at();
    let mut steps: Vec<Step> = told.present_values(live_from);
    steps.extend(told.past_values(live_from));
    steps.extend(told.activities(live_from));
    steps.extend(waiting.into_iter().map(|change| Step { change, live: true, undated: false }));
    for step in &mut steps {
        // What came with the creation is known before anything fires about it.
        step.live &= !is_initial(&step.change, created);
    }
    steps.sort_by_cached_key(order);
    steps
}

/// Live or not, when, rank among changes of one instant, the vendor's number,
/// and for a field its value.
type Order = (bool, UnixMs, u8, i64, Option<(Field, Fact<Value>)>);

/// History first, then what is live, each in the order in which it happened.
fn order(step: &Step) -> Order {
    let change = &step.change;
    let (rank, value) = match &change.kind {
        ChangeKind::Created => (0, None),
        ChangeKind::FieldSet { field: Field::CreatedAt, to } if !step.live => {
            // First of all: whether a value is the first one depends on it.
            return (false, UnixMs::MIN, 0, 0, Some((Field::CreatedAt, to.clone())));
        }
        ChangeKind::FieldSet { field, to } => (1, Some((*field, to.clone()))),
        _ => (2, None),
    };
    (step.live, change.occurred_at, rank, change.vendor_seq, value)
}

fn is_initial(change: &Change, created: Option<UnixMs>) -> bool {
    matches!(change.kind, ChangeKind::FieldSet { .. })
        && created.is_some_and(|at| change.occurred_at <= at.plus_ms(INITIAL_VALUE_WINDOW_MS))
}

struct Told<'a> {
    facts: &'a DealFacts,
    observation: &'a Observation,
    waiting: &'a [Change],
}

impl Told<'_> {
    fn created_at(&self) -> Option<UnixMs> {
        let listed = self.observation.fields.iter().find_map(|(field, value)| match value {
            Fact::Known(Value::Time(at)) if *field == Field::CreatedAt => Some(*at),
            _ => None,
        });
        let reported = self.waiting.iter().filter(|change| change.kind == ChangeKind::Created);
        listed
            .or_else(|| self.facts.created_at())
            .or_else(|| reported.map(|change| change.occurred_at).min())
    }

    fn step(&self, field: Field, to: Fact<Value>, at: UnixMs) -> Step {
        let change = Change {
            deal: self.facts.key.clone(),
            kind: ChangeKind::FieldSet { field, to },
            occurred_at: at,
            actor: Actor::default(),
            vendor_id: None,
            vendor_seq: 0,
        };
        Step { change, live: false, undated: false }
    }

    fn history_of(&self, field: Field) -> impl Iterator<Item = &HistoryItem> {
        self.observation.history.iter().filter(move |item| item.field == field)
    }

    /// Present values that nothing else explains.
    fn present_values(&self, live_from: LiveFrom) -> Vec<Step> {
        let read_at = self.observation.observed_at;
        let mut steps = Vec::new();
        for (field, value) in &self.observation.fields {
            let newest_past = self.history_of(*field).max_by_key(|item| (item.at, item.vendor_seq));
            if *value == Fact::Unknown || newest_past.is_some_and(|item| item.value == *value) {
                continue;
            }
            let newest = self.newest_told(*field, read_at);
            if newest.as_ref() == Some(value) {
                continue;
            }
            let mut step = self.step(*field, value.clone(), read_at);
            step.undated = newest.is_none();
            step.live = !step.undated && live_from != LiveFrom::Never;
            steps.push(step);
        }
        steps
    }

    /// The newest value of a field that was told of at or before `until`.
    fn newest_told(&self, field: Field, until: UnixMs) -> Option<Fact<Value>> {
        let stored = self.facts.tracks.get(&field).and_then(|track| track.held_at(until));
        let stored = stored.map(|version| (version.at, version.seq, version.value.clone()));
        let past =
            self.history_of(field).map(|item| (item.at, item.vendor_seq, item.value.clone()));
        let waiting = self.waiting.iter().filter_map(|change| match &change.kind {
            ChangeKind::FieldSet { field: of, to } if *of == field => {
                Some((change.occurred_at, change.vendor_seq, to.clone()))
            }
            _ => None,
        });
        let told = stored.into_iter().chain(past).chain(waiting);
        told.filter(|(at, ..)| *at <= until).max().map(|(.., value)| value)
    }

    fn past_values(&self, live_from: LiveFrom) -> Vec<Step> {
        let mut items: Vec<&HistoryItem> = self.observation.history.iter().collect();
        items.sort_by_key(|item| std::cmp::Reverse((item.at, item.vendor_seq)));
        items.truncate(HISTORY_ITEMS_MAX);
        items.retain(|item| !self.waits(item));
        let steps = items.into_iter().map(|item| {
            let mut step = self.step(item.field, item.value.clone(), item.at);
            step.change.actor = item.actor.clone();
            step.change.vendor_seq = item.vendor_seq;
            step.live = match live_from {
                LiveFrom::Never => false,
                LiveFrom::At(earliest) => item.at >= earliest,
                LiveFrom::Stored => self.newer_than_stored(item),
            };
            step
        });
        steps.collect()
    }

    /// A waiting change tells the same, with the vendor's event id. If the
    /// history alone were taken, dated a moment before the event, it would make
    /// a repeated value of the event, and nothing would fire.
    fn waits(&self, item: &HistoryItem) -> bool {
        self.waiting.iter().any(|change| {
            let same = matches!(&change.kind, ChangeKind::FieldSet { field, to }
                if *field == item.field && *to == item.value);
            let apart_ms = change.occurred_at.since_ms(item.at).saturating_abs();
            same && apart_ms <= STAMPS_DIFFER_MAX_MS
        })
    }

    fn newer_than_stored(&self, item: &HistoryItem) -> bool {
        let newest = self.facts.tracks.get(&item.field).and_then(|track| track.newest());
        newest.is_some_and(|newest| (item.at, item.vendor_seq) > (newest.at, newest.seq))
    }

    /// Activities that a poll found, once the deal's activities were read
    /// before: only then is it known that they are new.
    fn activities(&self, live_from: LiveFrom) -> Vec<Step> {
        let known = &self.facts.activities;
        let Some(list) = &self.observation.activities else { return Vec::new() };
        if live_from != LiveFrom::Stored || !known.read {
            return Vec::new();
        }
        let read_at = self.observation.observed_at;
        let newest = known.last(None, read_at);
        let new = list.iter().filter(|one| one.at <= read_at && Some(one.at) > newest);
        let steps = new.map(|activity| {
            let mut step = self.step(Field::Name, Fact::Unknown, activity.at);
            step.change.kind = ChangeKind::Activity(activity.clone());
            step.live = true;
            step
        });
        steps.collect()
    }
}
