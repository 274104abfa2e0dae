//! Associations between records, kept on both ends.

use touchline_rules::UnixMs;

use super::catalog;
use super::error::FakeError;
use super::events::{Happening, Moved};
use super::model::{Actor, ObjectKind};
use super::store::Account;

impl Account {
    /// Associates two records by these type ids; none means the unlabelled one.
    pub fn link(
        &mut self,
        from: u64,
        to: u64,
        types: &[u32],
        actor: &Actor,
        now: UnixMs,
    ) -> Result<(), FakeError> {
        let (from_kind, to_kind) = (self.kind_of(from)?, self.kind_of(to)?);
        check_types(from_kind, to_kind, types)?;
        let at = actor.occurred_at.unwrap_or(now);
        let added = self.connect(from, to, types);
        let mut moved = Vec::new();
        for (there, back) in added {
            let primary = catalog::primary_type(from_kind, to_kind) == Some((there, back));
            let what = Happening::associated(to, to_kind, false, primary);
            moved.push(Moved::new(from_kind, from, at, actor, what));
            let what = Happening::associated(from, from_kind, false, primary);
            moved.push(Moved::new(to_kind, to, at, actor, what));
        }
        for (kind, id, other) in [(from_kind, from, to_kind), (to_kind, to, from_kind)] {
            if kind == ObjectKind::Deal && other.is_activity() {
                self.shade(id, now);
                self.touch(id, at, now);
            }
        }
        self.announce(moved, now);
        Ok(())
    }

    /// Takes an association away.
    pub fn dissociate(
        &mut self,
        from: u64,
        to: u64,
        actor: &Actor,
        now: UnixMs,
    ) -> Result<(), FakeError> {
        let (from_kind, to_kind) = (self.kind_of(from)?, self.kind_of(to)?);
        if self.unlink(from, to) {
            let at = actor.occurred_at.unwrap_or(now);
            let there = Happening::associated(to, to_kind, true, false);
            let back = Happening::associated(from, from_kind, true, false);
            self.announce(
                vec![
                    Moved::new(from_kind, from, at, actor, there),
                    Moved::new(to_kind, to, at, actor, back),
                ],
                now,
            );
        }
        Ok(())
    }

    /// Adds the types on both sides; returns those that are new.
    pub fn connect(&mut self, from: u64, to: u64, types: &[u32]) -> Vec<(u32, u32)> {
        let kinds =
            (self.records.get(&from).map(|r| r.kind), self.records.get(&to).map(|r| r.kind));
        let (Some(from_kind), Some(to_kind)) = kinds else { return Vec::new() };
        // A primary association brings the unlabelled one with it.
        let wanted = types.iter().filter_map(|there| {
            catalog::reverse_type(from_kind, to_kind, *there).map(|back| (*there, back))
        });
        let mut added = Vec::new();
        for (there, back) in wanted.chain(catalog::default_type(from_kind, to_kind)) {
            let mut new = false;
            if let Some(record) = self.records.get_mut(&from) {
                new |= record.links.entry(to).or_default().insert(there);
            }
            if let Some(record) = self.records.get_mut(&to) {
                new |= record.links.entry(from).or_default().insert(back);
            }
            if new {
                added.push((there, back));
            }
        }
        added
    }

    pub fn unlink(&mut self, from: u64, to: u64) -> bool {
        let had =
            self.records.get_mut(&from).is_some_and(|record| record.links.remove(&to).is_some());
        if let Some(record) = self.records.get_mut(&to) {
            record.links.remove(&from);
        }
        had
    }
}

/// Do these type ids fit between the two kinds?
pub(super) fn check_types(
    from: ObjectKind,
    to: ObjectKind,
    types: &[u32],
) -> Result<(), FakeError> {
    if catalog::default_type(from, to).is_none() {
        return Err(FakeError::NoAssociation { from, to, type_id: 0 });
    }
    match types.iter().find(|id| catalog::reverse_type(from, to, **id).is_none()) {
        Some(type_id) => Err(FakeError::NoAssociation { from, to, type_id: *type_id }),
        None => Ok(()),
    }
}
