//! Facts that follow from a deal's ordered past, never from the order of arrival.

use super::deal::DealFacts;
use super::track::{Track, Version};
use super::{Fact, Field, Metadata, Stage, StageKind, Value};
use crate::time::UnixMs;

impl DealFacts {
    /// The present stage in its pipeline: its index and whether a deal there is
    /// open. `None` when the stage is not known, or not in the metadata.
    #[must_use]
    pub fn stage_place(&self, metadata: &Metadata) -> Option<(usize, StageKind)> {
        self.stage_in(metadata).map(|(index, stage)| (index, stage.kind))
    }

    /// The present stage, with its index in its pipeline.
    #[must_use]
    pub fn stage_in<'m>(&self, metadata: &'m Metadata) -> Option<(usize, &'m Stage)> {
        metadata.stage(self.text(Field::Pipeline), self.text(Field::Stage)?)
    }

    /// Whether the deal is open, won or lost.
    #[must_use]
    pub fn stage_kind(&self, metadata: &Metadata) -> Option<StageKind> {
        self.stage_place(metadata).map(|(_, kind)| kind)
    }

    /// When the deal entered its present stage.
    #[must_use]
    pub fn stage_entered_at(&self) -> Option<UnixMs> {
        self.since(Field::Stage)
    }

    /// Since when a field holds its present value.
    #[must_use]
    pub fn since(&self, field: Field) -> Option<UnixMs> {
        self.tracks.get(&field).and_then(Track::since)
    }

    /// How often a field went from one value to another; its first value is no
    /// change.
    #[must_use]
    pub fn change_count(&self, field: Field) -> Option<u32> {
        self.tracks.get(&field).map(Track::move_count)
    }

    /// When a field last went from one value to another. `Empty` if it never did.
    #[must_use]
    pub fn changed_at(&self, field: Field) -> Fact<UnixMs> {
        self.tracks.get(&field).map_or(Fact::Unknown, Track::moved_at)
    }

    /// How often the deal went from one stage to another.
    #[must_use]
    pub fn stage_moves(&self) -> Option<u32> {
        self.change_count(Field::Stage)
    }

    /// When a closed deal was closed: the first of the closed stages it has
    /// been in without a break. `Empty` while it is open.
    #[must_use]
    pub fn closed_at(&self, metadata: &Metadata) -> Fact<UnixMs> {
        let Some(kind) = self.stage_kind(metadata) else { return Fact::Unknown };
        if kind == StageKind::Open {
            return Fact::Empty;
        }
        let versions = self.tracks.get(&Field::Stage).map_or(&[][..], Track::versions);
        let closed = |version: &&Version| self.is_closed_in(&version.value, metadata);
        match versions.iter().rev().take_while(closed).last() {
            Some(first) if !first.undated => Fact::Known(first.at),
            _ => Fact::Unknown,
        }
    }

    /// How often the close date moved later by a day or more while the deal was
    /// open, and by how many days in sum.
    #[must_use]
    pub fn pushes(&self, metadata: &Metadata) -> Option<(u32, i64)> {
        let stages = self.tracks.get(&Field::Stage);
        let was_open = |at: UnixMs| {
            let stage = stages.and_then(|track| track.held_at(at));
            !stage.is_some_and(|version| self.is_closed_in(&version.value, metadata))
        };
        self.tracks.get(&Field::CloseDate).map(|track| track.pushes(was_open))
    }

    fn is_closed_in(&self, stage: &Fact<Value>, metadata: &Metadata) -> bool {
        let Fact::Known(Value::Text(id)) = stage else { return false };
        let found = metadata.stage(self.text(Field::Pipeline), id);
        found.is_some_and(|(_, stage)| stage.kind != StageKind::Open)
    }

    /// Whether the deal names a stage or an owner that `metadata` does not have.
    #[must_use]
    pub fn outgrew(&self, metadata: &Metadata) -> bool {
        let stage = self.text(Field::Stage);
        let owner = self.text(Field::Owner);
        stage.is_some_and(|id| metadata.stage(self.text(Field::Pipeline), id).is_none())
            || owner.is_some_and(|id| metadata.owner(id).is_none())
    }
}
