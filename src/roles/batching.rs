//! Deals in the hands of one batch: loaded once, stepped many times on one
//! snapshot of rules and accounts, written once.

mod firings;
mod guarding;
mod mass;
mod release;
mod stored;
mod telling;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use touchline_rules::UnixMs;
use touchline_rules::engine::{AppliedChange, Outcome, Stimulus, step};
use touchline_rules::facts::{DealKey, DealState};
use touchline_rules::time::DAY_MS;

use crate::service::{Ground, Service};
use crate::store::{self, Batch, ChangeRow, Count, DealRow, NewWork, TimerRow, WorkKey};
use firings::{Fired, fire};
pub(super) use firings::{NOBODY, asked, fire_person, written};
use mass::{Cause, MassWatch, cause_of};
pub(super) use release::Turn;
pub(super) use stored::ended_rows;
use stored::{change_name, deal_row, status_of};
pub use stored::{content_hash, hash16, id_of, subject_key, understand};
use telling::Telling;
pub use telling::Told;

/// The subject kind of a deal.
pub const DEAL: &str = "deal";
/// Work: read a deal.
pub const FETCH: &str = "fetch";
/// Work: read pipelines, stages and owners again.
pub const METADATA: &str = "metadata";
/// Work: see what a deal's changes mean for nudges already sent about it.
pub const FOLLOW: &str = "follow";
/// A rule that spoke of a deal that long ago is not followed any more.
const FOLLOWED_MS: i64 = 30 * DAY_MS;
/// The scope of the service's own counts.
pub const COUNTS: &str = "service";

struct Held {
    state: DealState,
    version: i64,
    /// The status that its row has.
    status: String,
    touched: bool,
    /// What it tells of people.
    telling: Telling,
}

/// The deals of a batch and what the batch will change.
pub struct Batching<'a> {
    service: &'a Service,
    ground: Ground<'a>,
    deals: BTreeMap<DealKey, Held>,
    asked: BTreeSet<WorkKey>,
    /// Something of it could not be put into words to be stored.
    unwritable: Option<serde_json::Error>,
    /// Who changed how much.
    mass: MassWatch,
    /// What will be committed.
    pub batch: Batch,
}

impl<'a> Batching<'a> {
    /// Loads `keys`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn load(service: &'a Service, keys: BTreeSet<DealKey>) -> store::Result<Self> {
        let rows = service.store.load_subjects(keys.iter().cloned().collect()).await?;
        let mut batching = Batching::of(service, rows);
        for key in keys {
            batching.deals.entry(key.clone()).or_insert_with(|| Held {
                state: DealState::new(key),
                version: 0,
                status: String::new(),
                touched: false,
                telling: Telling::default(),
            });
        }
        Ok(batching)
    }

    /// Holds deals that were read already. One that cannot be understood begins
    /// anew and is read again at the vendor; it keeps nobody else waiting.
    #[must_use]
    pub fn of(service: &'a Service, rows: Vec<DealRow>) -> Self {
        let batch =
            Batch { settings_version: service.settings.current().version, ..Batch::default() };
        let mut batching = Batching {
            service,
            ground: service.ground(),
            deals: BTreeMap::new(),
            asked: BTreeSet::new(),
            unwritable: None,
            mass: MassWatch::default(),
            batch,
        };
        for row in rows {
            batching.hold(row);
        }
        batching
    }

    fn hold(&mut self, row: DealRow) {
        let understood = understand(&row);
        let touched = understood.is_none();
        let DealRow { connection, id, version, status, .. } = row;
        if touched {
            self.ask(FETCH, &connection, &id, self.service.now());
            self.count("deals_begun_anew", 1);
        }
        let key = DealKey { connection, id };
        let state = understood.unwrap_or_else(|| DealState::new(key.clone()));
        let telling = Telling::default();
        self.deals.insert(key, Held { state, version, status, touched, telling });
    }

    /// The slug of the chat, if there is one.
    #[must_use]
    pub fn chat(&self) -> Option<String> {
        self.service.connections.chat().map(|chat| chat.slug.clone())
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
        self.ground.note_before(held);
        let outcome =
            self.ground.in_world(&mut held.state, |state, world| step(state, stimulus, at, world));
        let cause = self.count_hands(key, stimulus, &outcome, at);
        self.note(key, outcome, cause, at);
    }

    /// As [`Batching::step`], but a deal that this leaves as it was, except for the
    /// instant, is not written: most deals that are looked at by the way.
    pub fn look(&mut self, key: &DealKey, stimulus: Stimulus<'_>, at: UnixMs) {
        let Some(held) = self.deals.get(key) else { return };
        let (before, touched) = (held.state.clone(), held.touched);
        self.step(key, stimulus, at);
        let metadata = self.ground.metadata(&key.connection);
        let Some(held) = self.deals.get_mut(key) else { return };
        let engine_at = std::mem::replace(&mut held.state.last_engine_at, before.last_engine_at);
        let moved = held.state != before || status_of(&held.state, &metadata) != held.status;
        held.state.last_engine_at = engine_at;
        held.touched = touched || moved;
    }

    fn note(&mut self, key: &DealKey, outcome: Outcome, cause: Option<Cause>, at: UnixMs) {
        let Some(held) = self.deals.get(key) else { return };
        let live = outcome.applied.iter().filter(|applied| !applied.history);
        let of = |one: &AppliedChange| Cause::of(&one.actor, &one.kind, one.occurred_at);
        let causes: Vec<Cause> = live.filter_map(of).chain(cause).collect();
        let now = held.state.last_engine_at;
        let is_followed = !outcome.applied.is_empty() && has_spoken_since(&held.state, at);
        let on_time = outcome.firings.iter().map(|firing| (firing, None));
        let late = outcome.late.iter().map(|firing| (firing, Some("late")));
        for (firing, suppressed) in on_time.chain(late) {
            match fire(self.service, &self.ground, firing, &held.state, suppressed) {
                Ok(Some(Fired { firing: row, nudge, suppressed })) => {
                    if let Some(cause) = cause_of(firing, &causes, now) {
                        self.mass.caused(&nudge.id, &key.connection, &cause);
                    }
                    self.batch.firings.push(row);
                    self.batch.nudges.push(nudge);
                    self.batch.suppressed.extend(suppressed);
                }
                Ok(None) => {}
                Err(error) => self.unwritable = Some(error),
            }
        }
        self.batch.ended.extend(outcome.ended.iter().flat_map(ended_rows));
        if let Some(held) = self.deals.get_mut(key) {
            self.ground.note_edits(held, &outcome.applied);
        }
        for applied in outcome.applied {
            let value_hash = hash16(&self.written(&applied.kind)).to_vec();
            let body = self.written(&applied);
            self.batch.changes.push(ChangeRow {
                connection: key.connection.clone(),
                deal: key.id.clone(),
                field: change_name(&applied.kind),
                occurred_at: applied.occurred_at,
                vendor_seq: applied.vendor_seq,
                value_hash,
                engine_at: applied.engine_at,
                late: applied.late,
                body,
            });
        }
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

    /// `what` as it is stored. If that fails, so does [`Batching::finish`].
    pub fn written(&mut self, what: &impl Serialize) -> Vec<u8> {
        serde_json::to_vec(what).unwrap_or_else(|error| {
            self.unwritable = Some(error);
            Vec::new()
        })
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
    ///
    /// # Errors
    /// When something of it could not be put into words to be stored: nothing of
    /// it may be committed then.
    pub fn finish(mut self) -> Result<Batch, serde_json::Error> {
        if let Some(error) = self.unwritable {
            return Err(error);
        }
        self.batch.mass = self.mass.finish()?;
        for (key, mut held) in self.deals {
            let metadata = self.ground.metadata(&key.connection);
            self.batch.told.extend(held.told_rows(&key, &metadata)?);
            if !held.touched {
                continue;
            }
            let Held { state, version, .. } = held;
            self.batch.timers.push(TimerRow { subject: subject_key(&key), due_at: state.next_due });
            self.batch.deals.push(deal_row(key, &state, version, &metadata)?);
        }
        Ok(self.batch)
    }
}

/// Whether a rule spoke of this deal lately, so that somebody may be reading
/// what it said.
fn has_spoken_since(state: &DealState, at: UnixMs) -> bool {
    let spoke = state.rules.values().filter_map(|memory| memory.fired_at);
    spoke.into_iter().any(|fired| at.since_ms(fired) < FOLLOWED_MS)
}

#[cfg(test)]
mod tests;
