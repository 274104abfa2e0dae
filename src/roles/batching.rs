//! Deals in the hands of one batch: loaded once, stepped many times, written once.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};
use touchline_rules::UnixMs;
use touchline_rules::engine::{EpisodeEnd, Firing, Outcome, Stimulus, nudge_id, step};
use touchline_rules::facts::{ChangeKind, DealKey, DealState, Fact, Field, Metadata, Value};

use crate::coaching::nudges::{NoRecipient, NudgeBody, Reader, recipient};
use crate::service::Service;
use crate::store::{
    Batch, ChangeRow, Count, DealRow, EndedFiring, FiringRow, NewWork, NudgeRow, NudgeState,
    SubjectKey, SuppressedRow, TimerRow, WorkKey,
};

/// The subject kind of a deal.
pub const DEAL: &str = "deal";
/// Work: read a deal.
pub const FETCH: &str = "fetch";
/// Work: read pipelines, stages and owners again.
pub const METADATA: &str = "metadata";
/// Work: see what a deal's changes mean for nudges already sent about it.
pub const FOLLOW: &str = "follow";
/// A rule that spoke of a deal that long ago is not followed any more.
const FOLLOWED_MS: i64 = 30 * touchline_rules::time::DAY_MS;
/// The scope of the service's own counts.
pub const COUNTS: &str = "service";
/// How long an undecided nudge lives at most; attention's own expiry is shorter.
const NUDGE_LIFE_MS: i64 = 90 * touchline_rules::time::DAY_MS;

struct Held {
    state: DealState,
    version: i64,
    /// The status that its row has.
    status: String,
    touched: bool,
}

/// The deals of a batch and what the batch will change.
pub struct Batching<'a> {
    service: &'a Service,
    deals: BTreeMap<DealKey, Held>,
    asked: BTreeSet<WorkKey>,
    /// What will be committed.
    pub batch: Batch,
}

impl<'a> Batching<'a> {
    /// Loads `keys`.
    ///
    /// # Errors
    /// When the store cannot be read, or a stored deal not be understood.
    pub async fn load(service: &'a Service, keys: BTreeSet<DealKey>) -> anyhow::Result<Self> {
        let rows = service.store.load_subjects(keys.iter().cloned().collect()).await?;
        let mut batching = Batching::of(service, rows)?;
        for key in keys {
            batching.deals.entry(key.clone()).or_insert_with(|| Held {
                state: DealState::new(key),
                version: 0,
                status: String::new(),
                touched: false,
            });
        }
        Ok(batching)
    }

    /// Holds deals that were read already.
    ///
    /// # Errors
    /// When a stored deal cannot be understood.
    pub fn of(service: &'a Service, rows: Vec<DealRow>) -> anyhow::Result<Self> {
        let mut deals = BTreeMap::new();
        for row in rows {
            let DealRow { connection, id, version, status, body, .. } = row;
            let state = serde_json::from_slice(&body)?;
            let key = DealKey { connection, id };
            deals.insert(key, Held { state, version, status, touched: false });
        }
        let batch =
            Batch { settings_version: service.settings.current().version, ..Batch::default() };
        Ok(Batching { service, deals, asked: BTreeSet::new(), batch })
    }

    /// A deal of the batch as it is by now.
    #[must_use]
    pub fn deal(&self, key: &DealKey) -> Option<&DealState> {
        self.deals.get(key).map(|held| &held.state)
    }

    /// Steps one deal of the batch and notes what follows from it.
    pub fn step(&mut self, key: &DealKey, stimulus: Stimulus<'_>, at: UnixMs) {
        let Some(held) = self.deals.get_mut(key) else { return };
        held.touched = true;
        let service = self.service;
        let outcome =
            service.in_world(&mut held.state, |state, world| step(state, stimulus, at, world));
        self.note(key, outcome, at);
    }

    /// As [`Batching::step`], but a deal that this leaves as it was, except for the
    /// instant, is not written: most deals that are looked at by the way.
    pub fn look(&mut self, key: &DealKey, stimulus: Stimulus<'_>, at: UnixMs) {
        let Some(held) = self.deals.get(key) else { return };
        let (before, touched) = (held.state.clone(), held.touched);
        self.step(key, stimulus, at);
        let metadata = self.service.metadata(&key.connection);
        let Some(held) = self.deals.get_mut(key) else { return };
        let engine_at = std::mem::replace(&mut held.state.last_engine_at, before.last_engine_at);
        let moved = held.state != before || status_of(&held.state, &metadata) != held.status;
        held.state.last_engine_at = engine_at;
        held.touched = touched || moved;
    }

    fn note(&mut self, key: &DealKey, outcome: Outcome, at: UnixMs) {
        let Some(held) = self.deals.get(key) else { return };
        let metadata = self.service.metadata(&key.connection);
        let is_followed = !outcome.applied.is_empty() && has_spoken_since(&held.state, at);
        let Self { batch, service, .. } = self;
        for firing in &outcome.firings {
            fire(batch, service, firing, &held.state, &metadata, None);
        }
        for firing in &outcome.late {
            fire(batch, service, firing, &held.state, &metadata, Some("late"));
        }
        batch.ended.extend(outcome.ended.iter().flat_map(ended_rows));
        batch.changes.extend(outcome.applied.into_iter().map(|applied| ChangeRow {
            connection: key.connection.clone(),
            deal: key.id.clone(),
            field: change_name(&applied.kind),
            occurred_at: applied.occurred_at,
            vendor_seq: applied.vendor_seq,
            value_hash: hash16(&serde_json::to_vec(&applied.kind).unwrap_or_default()).to_vec(),
            engine_at: applied.engine_at,
            late: applied.late,
            body: serde_json::to_vec(&applied).unwrap_or_default(),
        }));
        if outcome.needs_fetch {
            self.ask(FETCH, &key.connection, &key.id, at);
        }
        if is_followed {
            self.ask(FOLLOW, &key.connection, &key.id, at);
        }
        if outcome.needs_metadata {
            self.ask(METADATA, &key.connection, "", at);
        }
    }

    /// Asks for work, once a batch for the same thing.
    pub fn ask(&mut self, kind: &str, connection: &str, key: &str, at: UnixMs) {
        let key = WorkKey {
            kind: kind.to_owned(),
            connection: connection.to_owned(),
            key: key.to_owned(),
        };
        if self.asked.insert(key.clone()) {
            self.batch.work.push(NewWork { key, next_at: at, body: Vec::new() });
        }
    }

    /// Adds to one of the service's counts.
    pub fn count(&mut self, name: &str, value: i64) {
        if value != 0 {
            self.batch.counts.push(Count {
                scope: COUNTS.to_owned(),
                name: name.to_owned(),
                bucket: 0,
                value,
            });
        }
    }

    /// The batch with every deal that was stepped, ready to be committed.
    #[must_use]
    pub fn finish(mut self) -> Batch {
        for (key, held) in self.deals {
            if !held.touched {
                continue;
            }
            let Held { state, version, .. } = held;
            let metadata = self.service.metadata(&key.connection);
            self.batch.timers.push(TimerRow { subject: subject_key(&key), due_at: state.next_due });
            self.batch.deals.push(deal_row(key, &state, version, &metadata));
        }
        self.batch
    }
}

/// Whether a rule spoke of this deal lately, so that somebody may be reading
/// what it said.
fn has_spoken_since(state: &DealState, at: UnixMs) -> bool {
    let spoke = state.rules.values().filter_map(|memory| memory.fired_at);
    spoke.into_iter().any(|fired| at.since_ms(fired) < FOLLOWED_MS)
}

/// Adds a firing with its one nudge for one reader: pending, or suppressed at once.
fn fire(
    batch: &mut Batch,
    service: &Service,
    firing: &Firing,
    state: &DealState,
    metadata: &Metadata,
    suppressed: Option<&str>,
) {
    let rules = service.rules.current();
    let Some(rule) = rules.rule(&firing.rule_id) else { return };
    let reader = recipient(firing, state, metadata, &service.people);
    let subject = subject_key(&firing.deal);
    batch.firings.push(FiringRow {
        id: firing.id.clone(),
        subject: subject.clone(),
        rule_id: firing.rule_id.clone(),
        rule_hash: firing.rule_version.clone(),
        fired_at: firing.at,
        ended_at: None,
        body: serde_json::to_vec(firing).unwrap_or_default(),
    });
    let nobody = reader.as_ref().err().copied().map(NoRecipient::name);
    let person = reader.unwrap_or_default();
    let id = nudge_id(&firing.id, &person);
    let reason = suppressed.or(nobody);
    let pack = rules.packs().iter().find(|pack| pack.id == rule.pack);
    let pack = pack.map_or(rule.pack.as_str(), |pack| pack.title.as_str());
    let reader = Reader {
        name: service.people.name_of(&person),
        zone: service.people.calendar_of(Some(&person), metadata).zone,
    };
    let written = NudgeBody::write(firing, rule, pack, state, metadata, &reader);
    let (body, reason) = match written {
        Ok(body) => (serde_json::to_vec(&body).unwrap_or_default(), reason),
        Err(error) => {
            tracing::warn!(rule.id = firing.rule_id, deal.id = firing.deal.id, %error, "a rule's text could not be written");
            (Vec::new(), reason.or(Some("text_failed")))
        }
    };
    let nudge = NudgeRow {
        id,
        firing_id: firing.id.clone(),
        person,
        subject,
        rule_id: firing.rule_id.clone(),
        rule_hash: firing.rule_version.clone(),
        attention: firing.attention.name().to_owned(),
        priority: i64::from(firing.priority),
        created_at: firing.at,
        due_at: firing.at,
        expires_at: firing.at.plus_ms(NUDGE_LIFE_MS),
        state: if reason.is_some() { NudgeState::Suppressed } else { NudgeState::Pending },
        body,
    };
    if let Some(reason) = reason {
        let row: SuppressedRow = nudge.suppressed(reason, firing.at);
        batch.suppressed.push(row);
    }
    batch.nudges.push(nudge);
}

fn deal_row(key: DealKey, state: &DealState, version: i64, metadata: &Metadata) -> DealRow {
    let text = |field| state.facts.text(field).unwrap_or_default().to_owned();
    DealRow {
        connection: key.connection,
        id: key.id,
        version,
        owner: text(Field::Owner),
        pipeline: text(Field::Pipeline),
        stage: text(Field::Stage),
        status: status_of(state, metadata).to_owned(),
        engine_at: state.last_engine_at.unwrap_or(UnixMs(0)),
        body: serde_json::to_vec(state).unwrap_or_default(),
    }
}

fn status_of(state: &DealState, metadata: &Metadata) -> &'static str {
    let facts = &state.facts;
    let stage = facts.text(Field::Stage);
    let kind = stage.and_then(|stage| metadata.stage(facts.text(Field::Pipeline), stage));
    match kind {
        _ if facts.is_gone() => "gone",
        Some((_, stage)) => stage.kind.name(),
        None => "unknown",
    }
}

/// The store's key of a deal.
#[must_use]
pub fn subject_key(deal: &DealKey) -> SubjectKey {
    SubjectKey { kind: DEAL.to_owned(), connection: deal.connection.clone(), id: deal.id.clone() }
}

fn ended_rows(end: &EpisodeEnd) -> impl Iterator<Item = EndedFiring> {
    let reason = serde_json::to_value(end.cause).ok();
    let reason = reason.and_then(|word| word.as_str().map(str::to_owned));
    let reason = reason.unwrap_or_else(|| "reason_gone".to_owned());
    end.firing_ids.iter().map(move |id| EndedFiring {
        firing_id: id.clone(),
        at: end.at,
        reason: reason.clone(),
    })
}

fn change_name(kind: &ChangeKind) -> String {
    match kind {
        ChangeKind::Created => "created".to_owned(),
        ChangeKind::FieldSet { field, .. } => field.name().to_owned(),
        ChangeKind::Activity(activity) => format!("activity:{}", activity.id),
        ChangeKind::Deleted => "deleted".to_owned(),
        ChangeKind::Restored => "restored".to_owned(),
        ChangeKind::MergedInto { .. } => "merged".to_owned(),
    }
}

/// The first 16 bytes of the SHA-256 of `bytes`.
#[must_use]
pub fn hash16(bytes: &[u8]) -> [u8; 16] {
    let digest = Sha256::digest(bytes);
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    half
}

/// What identifies the content of a change, however often and under whatever
/// event id it is delivered.
#[must_use]
pub fn content_hash(deal: &DealKey, kind: &ChangeKind, occurred_at: UnixMs) -> [u8; 16] {
    let value = match kind {
        ChangeKind::FieldSet { to: Fact::Known(Value::Text(text)), .. } => text.clone(),
        other => serde_json::to_string(other).unwrap_or_default(),
    };
    let parts = [deal.connection.as_str(), &deal.id, &change_name(kind), &value];
    let mut bytes = Vec::with_capacity(128);
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes.extend_from_slice(&occurred_at.0.to_le_bytes());
    hash16(&bytes)
}
