//! All that is stored of one deal, as one value.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::activities::Activities;
use super::track::Track;
use super::{Change, DealKey, Fact, Field, Value};
use crate::baseline::Quoted;
use crate::time::UnixMs;

/// How many past values of a deal are kept one by one; older ones become counters.
///
/// Within this bound any order of arrival ends in the same facts. Beyond it a
/// late change older than the oldest one kept is left out.
pub const VERSIONS_MAX: usize = 200;
/// How many changes wait with a deal that was never read. One more, and the
/// deal is evaluated with what is known.
pub const WAITING_MAX: usize = 256;
/// A field's first value that comes this soon after the creation belongs to
/// it, and is not a change. Vendors stamp both within the same request.
pub const INITIAL_VALUE_WINDOW_MS: i64 = 2_000;

/// One deal: its facts, what waits for them, and what the engine remembers.
/// The service stores it as one document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DealState {
    /// What is known of the deal.
    pub facts: DealFacts,
    /// Whether the record was ever read.
    pub hydration: Hydration,
    /// Changes that wait until it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Change>,
    /// What the engine remembers of each rule here, by rule id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rules: BTreeMap<String, RuleMemory>,
    /// Content hash of the rule set that `rules` was last brought in line with.
    #[serde(default)]
    pub rule_set: String,
    /// Whether activity facts were trusted when the rules were last evaluated.
    #[serde(default)]
    pub activity_trusted: bool,
    /// The latest engine time of this deal; time never runs back from here.
    pub last_engine_at: Option<UnixMs>,
    /// When the CRM last told anything of this deal, by a change or a record:
    /// how old what is known of it is. Timers do not move it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_at: Option<UnixMs>,
    /// The next instant at which something here can happen by time alone.
    pub next_due: Option<UnixMs>,
}

/// Whether a deal's record was ever read.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hydration {
    /// Never heard of, or heard of but never read and nothing waits.
    #[default]
    Unseen,
    /// Changes wait for the record since this engine time.
    Waiting {
        /// When the first of them came.
        since: UnixMs,
        /// The earliest `occurred_at` among them.
        earliest: UnixMs,
    },
    /// The record did not come in time; what was not told stays Unknown.
    Overdue {
        /// The earliest `occurred_at` among the changes that waited.
        earliest: UnixMs,
    },
    /// The record was read.
    Done,
}

/// What is known of a deal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DealFacts {
    /// The deal.
    pub key: DealKey,
    /// Where a person can open it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The past of each field that was ever told.
    pub tracks: BTreeMap<Field, Track>,
    /// What was done about it.
    pub activities: Activities,
    /// When its creation was reported to have happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<UnixMs>,
    /// The newest word on whether it exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existence: Option<Existence>,
    /// The deal it was merged into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged: Option<Merged>,
}

/// The newest word on whether a deal exists.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Existence {
    /// When that was so.
    pub at: UnixMs,
    /// The vendor's ordering number.
    pub seq: i64,
    /// It is deleted.
    pub deleted: bool,
}

/// The newest word on what a deal was merged into.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Merged {
    /// When.
    pub at: UnixMs,
    /// The vendor's ordering number.
    pub seq: i64,
    /// The vendor's id of the surviving deal.
    pub survivor: String,
}

/// What the engine remembers of one rule on one deal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleMemory {
    /// The trigger hash this belongs to.
    pub trigger: String,
    /// The last known truth of a state rule; `None` before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truth: Option<bool>,
    /// The episode that is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub episode: Option<Episode>,
    /// When the rule last fired here; the cooldown runs from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fired_at: Option<UnixMs>,
    /// The threshold from won deals that the rule is held against here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
}

/// A threshold as it was resolved when the deal entered the measured state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// What came of it; `None` where there was no number at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quoted: Option<Quoted>,
    /// The pipeline that the deal was in.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pipeline: String,
    /// The stage, for what is told stage by stage.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stage: String,
    /// There was no baseline yet to take it from.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub provisional: bool,
}

/// A threshold is never NaN: it is a count, or was read as a number.
impl Eq for Held {}

/// A span of time during which a state rule is true of a deal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Episode {
    /// When the rule became true, or was first seen to be.
    pub start: UnixMs,
    /// It was already true when first looked at: listed, never fired.
    #[serde(default)]
    pub seeded: bool,
    /// The firings it made, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub firings: Vec<String>,
}

impl DealState {
    /// A deal nobody has heard of yet.
    #[must_use]
    pub fn new(key: DealKey) -> Self {
        DealState {
            facts: DealFacts::new(key),
            hydration: Hydration::Unseen,
            waiting: Vec::new(),
            rules: BTreeMap::new(),
            rule_set: String::new(),
            activity_trusted: false,
            last_engine_at: None,
            told_at: None,
            next_due: None,
        }
    }

    /// Whether rules may look at this deal: its record was read, or waiting
    /// for it was given up.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self.hydration, Hydration::Done | Hydration::Overdue { .. })
    }
}

impl DealFacts {
    /// Nothing known yet.
    #[must_use]
    pub fn new(key: DealKey) -> Self {
        DealFacts {
            key,
            url: None,
            tracks: BTreeMap::new(),
            activities: Activities::default(),
            created: None,
            existence: None,
            merged: None,
        }
    }

    /// The present value of a field.
    #[must_use]
    pub fn value(&self, field: Field) -> &Fact<Value> {
        let newest = self.tracks.get(&field).and_then(Track::newest);
        newest.map_or(&Fact::Unknown, |version| &version.value)
    }

    /// The present value of a text field.
    #[must_use]
    pub fn text(&self, field: Field) -> Option<&str> {
        match self.value(field) {
            Fact::Known(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// When the deal was created, as its record says or its creation was reported.
    #[must_use]
    pub fn created_at(&self) -> Option<UnixMs> {
        match self.value(Field::CreatedAt) {
            Fact::Known(Value::Time(at)) => Some(*at),
            _ => self.created,
        }
    }

    /// Deleted, or merged into another deal.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.merged.is_some() || self.existence.is_some_and(|existence| existence.deleted)
    }

    /// Folds the oldest versions away beyond [`VERSIONS_MAX`].
    pub(super) fn trim(&mut self) {
        let kept: usize = self.tracks.values().map(|track| track.versions().len()).sum();
        if kept > VERSIONS_MAX {
            self.fold_oldest();
        }
    }

    fn fold_oldest(&mut self) {
        let foldable = self.tracks.iter_mut().filter(|(_, track)| track.versions().len() > 1);
        let oldest = foldable.min_by_key(|(field, track)| {
            let first = track.versions().first().map(|version| (version.at, version.seq));
            (first, **field)
        });
        if let Some((_, track)) = oldest {
            track.fold_oldest();
        }
    }
}
