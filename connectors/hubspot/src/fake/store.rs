//! The account's records: every change to one goes through here, so that
//! history, derived values, the search index and webhooks agree.

use std::collections::{BTreeMap, BTreeSet};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use touchline_rules::UnixMs;

use super::catalog::{self, PropertyDefinition};
use super::error::FakeError;
use super::events::{Happening, Moved};
use super::links::check_types;
use super::model::{Actor, ObjectKind, Owner, Pipeline, Put, Record, SearchShadow};
use super::outbox::Outbox;
use super::validate;

/// The first record id: above 2^32, as HubSpot's are today.
const FIRST_ID: u64 = 54_650_000_000;

/// The account.
pub(super) struct Account {
    pub records: BTreeMap<u64, Record>,
    pub by_kind: BTreeMap<ObjectKind, BTreeSet<u64>>,
    pub properties: BTreeMap<ObjectKind, BTreeMap<String, PropertyDefinition>>,
    pub pipelines: Vec<Pipeline>,
    pub owners: Vec<Owner>,
    pub outbox: Outbox,
    pub rng: ChaCha8Rng,
    /// How long a change takes to reach search.
    pub search_lag_ms: i64,
    /// Properties of records that answers leave out until somebody sets them.
    pub withheld: BTreeMap<u64, BTreeSet<String>>,
    next_id: u64,
}

impl Account {
    pub fn new(seed: u64, outbox: Outbox) -> Account {
        let mut account = Account {
            records: BTreeMap::new(),
            by_kind: BTreeMap::new(),
            properties: BTreeMap::new(),
            pipelines: Vec::new(),
            owners: Vec::new(),
            outbox,
            rng: ChaCha8Rng::seed_from_u64(seed),
            search_lag_ms: 0,
            withheld: BTreeMap::new(),
            next_id: FIRST_ID,
        };
        for kind in ObjectKind::ALL {
            for property in catalog::standard_properties(kind) {
                account.define(kind, property);
            }
        }
        account.add_pipeline(catalog::default_pipeline());
        account
    }

    pub fn define(&mut self, kind: ObjectKind, property: PropertyDefinition) {
        self.properties.entry(kind).or_default().insert(property.name.clone(), property);
    }

    /// Adds a pipeline, or replaces the one with its id.
    pub fn add_pipeline(&mut self, pipeline: Pipeline) {
        for property in pipeline.stages.iter().flat_map(catalog::stage_properties) {
            self.define(ObjectKind::Deal, property);
        }
        self.pipelines.retain(|known| known.id != pipeline.id);
        self.pipelines.push(pipeline);
    }

    /// Whether answers leave this property of the record out.
    pub fn withholds(&self, record: &Record, name: &str) -> bool {
        let withheld = self.withheld.get(&record.id).is_some_and(|names| names.contains(name));
        withheld && !record.values.contains_key(name)
    }

    /// A new id; gaps are seeded, so nothing can lean on neighbours.
    pub fn fresh_id(&mut self) -> u64 {
        self.next_id += self.rng.random_range(1..=97_u64);
        self.next_id
    }

    /// A live record of this kind.
    pub fn live(&self, kind: ObjectKind, id: u64) -> Result<&Record, FakeError> {
        self.records
            .get(&id)
            .filter(|record| record.kind == kind && record.is_live())
            .ok_or(FakeError::NotFound { kind, id: id.to_string() })
    }

    /// Follows merges to the record that lives on.
    pub fn surviving(&self, id: u64) -> u64 {
        let mut at = id;
        for _ in 0..self.records.len() {
            match self.records.get(&at).and_then(|record| record.merged_into) {
                Some(next) => at = next,
                None => break,
            }
        }
        at
    }

    /// Makes a record and its associations.
    pub fn create(
        &mut self,
        kind: ObjectKind,
        values: &[(String, String)],
        links: &[(u64, Vec<u32>)],
        actor: &Actor,
        now: UnixMs,
    ) -> Result<u64, FakeError> {
        let id = self.fresh_id();
        self.create_as(id, kind, values, links, actor, now)
    }

    /// As [`Account::create`], under an id that no record has.
    pub fn create_as(
        &mut self,
        id: u64,
        kind: ObjectKind,
        values: &[(String, String)],
        links: &[(u64, Vec<u32>)],
        actor: &Actor,
        now: UnixMs,
    ) -> Result<u64, FakeError> {
        if self.records.contains_key(&id) {
            return Err(FakeError::IdTaken { id });
        }
        let values = validate::for_create(self, kind, values)?;
        for (to, types) in links {
            let to_kind = self.kind_of(*to)?;
            check_types(kind, to_kind, types)?;
        }
        let at = actor.occurred_at.unwrap_or(now);
        let mut record = Record::new(id, kind, at);
        record.search_shadow = self.shadow_until(now, None);
        record.put("hs_object_source", &actor.change_source, at, actor);
        record.put("hs_object_source_id", actor.source_id.as_deref().unwrap_or(""), at, actor);
        self.records.insert(id, record);
        self.by_kind.entry(kind).or_default().insert(id);
        let mut moved = self.write(id, &values, at, actor);
        // HubSpot puts the creation among the property changes, not before them.
        moved.insert(moved.len() / 2, Moved::new(kind, id, at, actor, Happening::Created));
        self.announce(moved, now);
        for (to, types) in links {
            self.link(id, *to, types, actor, now)?;
        }
        Ok(id)
    }

    /// Writes values.
    pub fn update(
        &mut self,
        kind: ObjectKind,
        id: u64,
        values: &[(String, String)],
        actor: &Actor,
        now: UnixMs,
    ) -> Result<(), FakeError> {
        self.live(kind, id)?;
        let values = validate::for_update(self, id, values)?;
        let at = actor.occurred_at.unwrap_or(now);
        self.shade(id, now);
        let moved = self.write(id, &values, at, actor);
        self.touch(id, at, now);
        self.touch_deals_of(id, at, now);
        self.announce(moved, now);
        Ok(())
    }

    /// Archives a record.
    pub fn archive(
        &mut self,
        kind: ObjectKind,
        id: u64,
        actor: &Actor,
        now: UnixMs,
    ) -> Result<(), FakeError> {
        self.live(kind, id)?;
        let at = actor.occurred_at.unwrap_or(now);
        if let Some(record) = self.records.get_mut(&id) {
            record.archived_at = Some(at);
            record.updated_at = record.updated_at.max(at);
        }
        self.touch_deals_of(id, at, now);
        self.announce(vec![Moved::new(kind, id, at, actor, Happening::Deleted)], now);
        Ok(())
    }

    /// Brings an archived record back.
    pub fn restore(
        &mut self,
        kind: ObjectKind,
        id: u64,
        actor: &Actor,
        now: UnixMs,
    ) -> Result<(), FakeError> {
        let at = actor.occurred_at.unwrap_or(now);
        let record = self
            .records
            .get_mut(&id)
            .filter(|record| {
                record.kind == kind && !record.is_live() && record.merged_into.is_none()
            })
            .ok_or(FakeError::NotFound { kind, id: id.to_string() })?;
        record.archived_at = None;
        self.touch(id, at, now);
        self.announce(vec![Moved::new(kind, id, at, actor, Happening::Restored)], now);
        Ok(())
    }

    /// Merges `other` into `primary`: values that the primary lacks and all
    /// associations move over, the other one is gone.
    pub fn merge(
        &mut self,
        kind: ObjectKind,
        primary: u64,
        other: u64,
        actor: &Actor,
        now: UnixMs,
    ) -> Result<(), FakeError> {
        self.live(kind, primary)?;
        let gone = self.live(kind, other)?.clone();
        if primary == other {
            return Err(FakeError::NotFound { kind, id: other.to_string() });
        }
        let at = actor.occurred_at.unwrap_or(now);
        self.shade(primary, now);
        let mut moved_values = 0;
        for (name, history) in &gone.values {
            let lacks = self.records.get(&primary).is_some_and(|to| to.stored(name).is_none());
            if let (true, Some(last), Some(to)) =
                (lacks, history.last(), self.records.get_mut(&primary))
            {
                moved_values += i64::from(to.put(name, &last.value, at, actor) == Put::Present);
            }
        }
        for (to, types) in &gone.links {
            let types: Vec<u32> = types.iter().copied().collect();
            self.unlink(other, *to);
            if *to != primary {
                self.connect(primary, *to, &types);
            }
        }
        if let Some(record) = self.records.get_mut(&other) {
            record.archived_at = Some(at);
            record.merged_into = Some(primary);
        }
        if let Some(record) = self.records.get_mut(&primary) {
            let merged = match record.stored("hs_merged_object_ids") {
                Some(before) => format!("{before};{other}"),
                None => other.to_string(),
            };
            record.put("hs_merged_object_ids", &merged, at, actor);
        }
        self.touch(primary, at, now);
        let what = Happening::Merged { merged: other, moved_values };
        self.announce(vec![Moved::new(kind, primary, at, actor, what)], now);
        Ok(())
    }

    /// Queues webhooks for what happened.
    pub fn announce(&mut self, moved: Vec<Moved>, now: UnixMs) {
        self.outbox.announce(&moved, now, &mut self.rng);
    }

    /// The kind of a live record.
    pub fn kind_of(&self, id: u64) -> Result<ObjectKind, FakeError> {
        self.records
            .get(&id)
            .filter(|record| record.is_live())
            .map(|record| record.kind)
            .ok_or(FakeError::NoRecord { id })
    }

    /// Writes checked values, follows stages, and tells what changed.
    fn write(
        &mut self,
        id: u64,
        values: &[(String, String)],
        at: UnixMs,
        actor: &Actor,
    ) -> Vec<Moved> {
        let Some(record) = self.records.get_mut(&id) else { return Vec::new() };
        let kind = record.kind;
        let before = record.stored("dealstage").map(str::to_owned);
        let mut moved = Vec::new();
        for (name, value) in values {
            if record.put(name, value, at, actor) != Put::Unchanged {
                let what = Happening::PropertyChanged { name: name.clone(), value: value.clone() };
                moved.push(Moved::new(kind, id, at, actor, what));
            }
        }
        if kind == ObjectKind::Deal {
            super::derive::follow_stage(&self.pipelines, record, before.as_deref(), at);
        } else if kind == ObjectKind::Task {
            super::derive::follow_task(record, at);
        }
        moved
    }

    pub fn touch(&mut self, id: u64, at: UnixMs, now: UnixMs) {
        self.shade(id, now);
        if let Some(record) = self.records.get_mut(&id) {
            record.updated_at = record.updated_at.max(at);
        }
    }

    /// A changed activity changes its deals.
    fn touch_deals_of(&mut self, id: u64, at: UnixMs, now: UnixMs) {
        let Some(record) = self.records.get(&id).filter(|record| record.kind.is_activity()) else {
            return;
        };
        for other in record.links.keys().copied().collect::<Vec<_>>() {
            if self.records.get(&other).is_some_and(|to| to.kind == ObjectKind::Deal) {
                self.touch(other, at, now);
            }
        }
    }

    fn shadow_until(
        &self,
        now: UnixMs,
        values: Option<BTreeMap<String, String>>,
    ) -> Option<SearchShadow> {
        (self.search_lag_ms > 0)
            .then(|| SearchShadow { until: now.plus_ms(self.search_lag_ms), values })
    }

    /// Keeps what search still shows, before a change.
    pub fn shade(&mut self, id: u64, now: UnixMs) {
        let Some(record) = self.records.get(&id) else { return };
        if self.search_lag_ms == 0 || record.search_shadow.as_ref().is_some_and(|s| s.until > now) {
            return;
        }
        let shadow = self.shadow_until(now, Some(super::derive::flat(record)));
        if let Some(record) = self.records.get_mut(&id) {
            record.search_shadow = shadow;
        }
    }
}
