//! One field's values, in the order in which they held.

use serde::{Deserialize, Serialize};

use super::{Fact, Value};
use crate::time::{DAY_MS, UnixMs};

/// A value that a field took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// When it took it, by the vendor's clock.
    pub at: UnixMs,
    /// The vendor's ordering number among values of one instant.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub seq: i64,
    /// The value.
    pub value: Fact<Value>,
    /// The field held this value at `at`, but since when nobody told us.
    #[serde(default, skip_serializing_if = "is_false")]
    pub undated: bool,
}

impl Version {
    /// The order law: newest by (occurred_at, vendor_seq, value), never by arrival.
    fn order(&self) -> (UnixMs, i64, &Fact<Value>) {
        (self.at, self.seq, &self.value)
    }
}

/// The past of one field: its versions, oldest first, and counters for those
/// too old to be kept one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Track {
    versions: Vec<Version>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    folded: Option<Folded>,
}

/// What remains of versions that were let go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Folded {
    /// The newest version let go. Nothing older than it is taken any more.
    last: Version,
    /// Since when `last.value` held; `None` when that is not known.
    since: Option<UnixMs>,
    /// Movements among the versions let go that left a value.
    moves: u32,
    /// When the last of those was; `None` when that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moved_at: Option<UnixMs>,
    /// Those that moved a time later by a day or more.
    pushes: u32,
    /// Whole days of those pushes.
    pushed_days: i64,
}

/// What became of a version handed to [`Track::insert`].
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It was there already.
    Duplicate,
    /// It is older than what is still kept one by one, and was left out.
    BeyondHorizon,
    /// It stands at this place.
    At(usize),
}

impl Track {
    /// Every version that is kept one by one, oldest first.
    #[must_use]
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// The newest version.
    #[must_use]
    pub fn newest(&self) -> Option<&Version> {
        self.versions.last().or(self.folded.as_ref().map(|folded| &folded.last))
    }

    /// The version that held just before the one at `index`.
    #[must_use]
    pub fn before(&self, index: usize) -> Option<&Version> {
        match index.checked_sub(1) {
            Some(previous) => self.versions.get(previous),
            None => self.folded.as_ref().map(|folded| &folded.last),
        }
    }

    /// The version that took over from the one at `index`.
    #[must_use]
    pub fn after(&self, index: usize) -> Option<&Version> {
        self.versions.get(index.checked_add(1)?)
    }

    /// The version that held at `at`, the instant included.
    #[must_use]
    pub fn held_at(&self, at: UnixMs) -> Option<&Version> {
        let count = self.versions.partition_point(|version| version.at <= at);
        match count.checked_sub(1) {
            Some(index) => self.versions.get(index),
            None => self.folded.as_ref().map(|folded| &folded.last).filter(|last| last.at <= at),
        }
    }

    /// Puts a version in its place.
    pub fn insert(&mut self, version: Version) -> Inserted {
        if let Some(folded) = &self.folded
            && version.order() <= folded.last.order()
        {
            return Inserted::BeyondHorizon;
        }
        match self.versions.binary_search_by(|kept| kept.order().cmp(&version.order())) {
            Ok(index) => {
                self.versions[index].undated &= version.undated;
                Inserted::Duplicate
            }
            Err(index) => {
                self.versions.insert(index, version);
                Inserted::At(index)
            }
        }
    }

    /// Lets the oldest version go into the counters. The newest always stays.
    pub fn fold_oldest(&mut self) {
        if self.versions.len() < 2 {
            return;
        }
        let oldest = self.versions.remove(0);
        self.folded = Some(match self.folded.take() {
            None => Folded {
                since: (!oldest.undated).then_some(oldest.at),
                last: oldest,
                moves: 0,
                moved_at: None,
                pushes: 0,
                pushed_days: 0,
            },
            Some(before) => before.then(oldest),
        });
    }

    /// Takes away every version newer than `at`.
    pub(crate) fn forget_after(&mut self, at: UnixMs) {
        self.versions.retain(|version| version.at <= at);
    }

    /// Takes away the version of this instant and number, whatever it says.
    pub(crate) fn forget(&mut self, at: UnixMs, seq: i64) {
        self.versions.retain(|version| (version.at, version.seq) != (at, seq));
    }

    /// Movements from one value to another, oldest first. The first version is
    /// not one of them.
    pub fn moves(&self) -> impl Iterator<Item = (&Version, &Version)> {
        let first = self.folded.as_ref().map(|folded| &folded.last);
        let all = first.into_iter().chain(&self.versions);
        let next = all.clone().skip(1);
        all.zip(next).filter(|(from, to)| from.value != to.value)
    }

    /// Movements that left a value: filling in a blank is none.
    fn changes(&self) -> impl Iterator<Item = (&Version, &Version)> {
        self.moves().filter(|(from, _)| from.value.known().is_some())
    }

    /// How often the value changed. That it was filled in is no change.
    #[must_use]
    pub fn move_count(&self) -> u32 {
        let kept = u32::try_from(self.changes().count()).unwrap_or(u32::MAX);
        self.folded.as_ref().map_or(0, |folded| folded.moves).saturating_add(kept)
    }

    /// Since when the present value holds; `None` when that is not known.
    #[must_use]
    pub fn since(&self) -> Option<UnixMs> {
        if let Some((_, to)) = self.moves().last() {
            return (!to.undated).then_some(to.at);
        }
        match (&self.folded, self.versions.first()) {
            (Some(folded), _) => folded.since,
            (None, Some(first)) => (!first.undated).then_some(first.at),
            (None, None) => None,
        }
    }

    /// When the value last changed. `Empty` if it never did since it was first
    /// told, `Unknown` if only the reading of the change has a date.
    #[must_use]
    pub fn moved_at(&self) -> Fact<UnixMs> {
        let dated = |at: Option<UnixMs>| at.map_or(Fact::Unknown, Fact::Known);
        match (self.changes().last(), &self.folded) {
            (Some((_, to)), _) => dated((!to.undated).then_some(to.at)),
            (None, Some(folded)) if folded.moves > 0 => dated(folded.moved_at),
            (None, _) => Fact::Empty,
        }
    }

    /// How often a time moved later by a day or more, and by how many days in
    /// sum. `counts` says whether a movement at that instant is to be counted.
    #[must_use]
    pub fn pushes(&self, counts: impl Fn(UnixMs) -> bool) -> (u32, i64) {
        let folded = self.folded.as_ref();
        let start = folded.map_or((0, 0), |folded| (folded.pushes, folded.pushed_days));
        self.moves().filter(|(_, to)| counts(to.at)).fold(start, |(pushes, days), (from, to)| {
            match days_moved(&from.value, &to.value) {
                Some(later) if later > 0 => (pushes.saturating_add(1), days.saturating_add(later)),
                _ => (pushes, days),
            }
        })
    }
}

impl Folded {
    fn then(mut self, next: Version) -> Folded {
        if next.value != self.last.value {
            self.since = (!next.undated).then_some(next.at);
            if self.last.value.known().is_some() {
                self.moves = self.moves.saturating_add(1);
                self.moved_at = self.since;
            }
            if let Some(days) = days_moved(&self.last.value, &next.value).filter(|days| *days > 0) {
                self.pushes = self.pushes.saturating_add(1);
                self.pushed_days = self.pushed_days.saturating_add(days);
            }
        }
        self.last = next;
        self
    }
}

/// Days from one time to another, rounded to the nearest: vendors keep a time
/// of day with a date that people only ever set as a date. `None` unless both
/// are times.
#[must_use]
pub fn days_moved(from: &Fact<Value>, to: &Fact<Value>) -> Option<i64> {
    match (from, to) {
        (Fact::Known(Value::Time(from)), Fact::Known(Value::Time(to))) => {
            Some(to.since_ms(*from).saturating_add(DAY_MS / 2).div_euclid(DAY_MS))
        }
        _ => None,
    }
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

fn is_false(flag: &bool) -> bool {
    !*flag
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(at: i64, value: &str) -> Version {
        let value = Fact::Known(Value::Text(value.into()));
        Version { at: UnixMs(at), seq: 0, value, undated: false }
    }

    fn day(at: i64, day: i64) -> Version {
        let value = Fact::Known(Value::Time(UnixMs(day * DAY_MS)));
        Version { at: UnixMs(at), seq: 0, value, undated: false }
    }

    #[test]
    fn a_repeated_value_is_no_movement() {
        let mut track = Track::default();
        for version in [text(1, "a"), text(5, "b"), text(7, "b")] {
            track.insert(version);
        }
        assert_eq!(track.move_count(), 1);
        assert_eq!(track.since(), Some(UnixMs(5)));
        assert_eq!(track.insert(text(5, "b")), Inserted::Duplicate);
    }

    #[test]
    fn a_value_that_never_moved_has_no_last_move() {
        let mut track = Track::default();
        track.insert(text(1, "a"));
        assert_eq!(track.moved_at(), Fact::Empty);
        track.fold_oldest();
        assert_eq!(track.moved_at(), Fact::Empty);
        track.insert(text(5, "b"));
        track.insert(text(7, "b"));
        assert_eq!(track.moved_at(), Fact::Known(UnixMs(5)));
        let mut filled = Track::default();
        filled.insert(Version { value: Fact::Empty, undated: true, ..text(1, "") });
        filled.insert(text(2, "a"));
        let told = |track: &Track| (track.move_count(), track.moved_at());
        assert_eq!(told(&filled), (0, Fact::Empty), "filling in a blank is no change");
        filled.insert(Version { value: Fact::Empty, ..text(3, "") });
        filled.insert(text(4, "b"));
        assert_eq!(told(&filled), (1, Fact::Known(UnixMs(3))));
        for _ in 0..4 {
            filled.fold_oldest();
            assert_eq!(told(&filled), (1, Fact::Known(UnixMs(3))));
        }
        assert_eq!(filled.since(), Some(UnixMs(4)));
    }

    #[test]
    fn only_moves_of_a_day_and_later_are_pushes() {
        let mut track = Track::default();
        for version in [day(1, 10), day(2, 20), day(3, 15), day(4, 16)] {
            track.insert(version);
        }
        track.insert(Version {
            value: Fact::Known(Value::Time(UnixMs(16 * DAY_MS + 1_000))),
            ..day(5, 0)
        });
        assert_eq!(track.pushes(|_| true), (2, 11));
    }

    #[test]
    fn folding_keeps_every_derived_fact() {
        let mut track = Track::default();
        for at in 0..9 {
            track.insert(day(at, at / 2));
        }
        let told = |track: &Track| {
            let counts = (track.move_count(), track.pushes(|_| true));
            (counts, track.since(), track.moved_at(), track.newest().cloned())
        };
        let facts = told(&track);
        for _ in 0..20 {
            track.fold_oldest();
            assert_eq!(told(&track), facts);
        }
        assert_eq!(track.versions().len(), 1);
        assert_eq!(track.insert(day(0, 50)), Inserted::BeyondHorizon);
    }
}
