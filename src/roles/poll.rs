//! Poll: the catch-up for what webhooks missed. It asks each CRM what changed
//! since it last asked, and asks fetch to read it. It begins where the first
//! read began, so that nothing falls between the two.

mod usage;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::future::join_all;
use serde::{Deserialize, Serialize};
use touchline_kit::{CallError, Crm, PollPage};
use touchline_rules::UnixMs;
use touchline_rules::facts::{DealKey, DealState, Hydration, Origin};
use touchline_rules::time::{HOUR_MS, MINUTE_MS};

use super::backfill::{BackfillProgress, Phase};
use super::batching::{FETCH, METADATA, understand};
use super::ingest::ACTIVITY;
use super::ingest::events::activity_key;
use super::rest::Rests;
use super::{Progress, Role};
use crate::connection::Connection;
use crate::service::Service;
use crate::store::{NewWork, Part, WorkKey};
use crate::wake::News;
use usage::UsageKeeper;

/// How far a vendor's clock may be from ours. A deal counts as read after a
/// change only if it was read this much later.
const CLOCKS_DIFFER_MS: i64 = MINUTE_MS;
/// How far a poll that begins anew reaches back behind the last one.
const ANEW_REACH_MS: i64 = HOUR_MS;
/// How long the poll waits when there is no more room for the work it asks for.
const NO_ROOM_WAIT_MS: i64 = MINUTE_MS;

/// The role.
pub struct Poll {
    service: Arc<Service>,
    rests: Rests,
    /// Connections that are to be polled at once.
    requested: Mutex<BTreeSet<String>>,
    usage: UsageKeeper,
}

/// Where the poll of one connection stands, as stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollState {
    /// Where to go on, in the connector's own words; `None` before the first page.
    pub cursor: Option<String>,
    /// More was waiting behind the last page.
    pub more: bool,
    /// When the last page was read.
    pub polled_at: Option<UnixMs>,
}

impl PollState {
    /// This state, or that of a poll that begins anew: a page that is still to be
    /// read was written by a clock that was wrong, and so was its cursor.
    fn unless_ahead_of(self, now: UnixMs) -> Self {
        let is_ahead = self.polled_at.is_some_and(|last| last > now);
        if is_ahead { PollState::default() } else { self }
    }
}

impl Poll {
    /// For this service.
    #[must_use]
    pub fn new(service: Arc<Service>) -> Self {
        Poll {
            service,
            rests: Rests::default(),
            requested: Mutex::default(),
            usage: UsageKeeper::default(),
        }
    }

    /// Makes the next poll of this connection come at once: a webhook was too
    /// large, or somebody asked for it.
    pub fn request(&self, connection: &str) {
        self.requested().insert(connection.to_owned());
        self.service.wake.tell(News::LINES);
    }

    fn requested(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.requested.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for the metadata of one connection and makes one step of its poll,
    /// whichever is due.
    async fn step(&self, connection: &Connection, now: UnixMs) -> anyhow::Result<Progress> {
        let Some(crm) = connection.crm() else { return Ok(Progress::default()) };
        let slug = &connection.slug;
        // The first read begins with the metadata, and says since when to poll.
        let Some(first) = BackfillProgress::load(&self.service.store, slug).await? else {
            return Ok(Progress::default());
        };
        let metadata = self.ask_metadata(slug, &first, now).await?;
        let part = self.service.store.connection_part(slug.clone(), Part::PollCursor).await?;
        let version = part.as_ref().map_or(0, |part| part.version);
        let state: PollState = match &part {
            Some(part) => serde_json::from_slice(&part.body)?,
            None => PollState::default(),
        };
        let state = state.unless_ahead_of(now);
        let is_requested = self.requested().contains(slug);
        let interval_ms = self.service.config.crm.poll_interval_minutes.max(1) * MINUTE_MS;
        let due = match state.polled_at {
            Some(last) if !state.more && !is_requested => last.plus_ms(interval_ms),
            _ => now,
        };
        let due = self.rests.until(slug, now).map_or(due, |until| due.max(until));
        if due > now {
            return Ok(metadata.and(Progress::idle_until(Some(due))));
        }
        let polled = self.poll(connection, crm, &first, state, version, now).await?;
        Ok(metadata.and(polled))
    }

    async fn poll(
        &self,
        connection: &Connection,
        crm: &dyn Crm,
        first: &BackfillProgress,
        state: PollState,
        version: i64,
        now: UnixMs,
    ) -> anyhow::Result<Progress> {
        let (session, view, slug) = (&connection.session, connection.view(), &connection.slug);
        // Without a cursor a connector begins at the instant it is told is now.
        let begin = || match state.polled_at {
            Some(last) => last.plus_ms(-ANEW_REACH_MS),
            None if first.started_at > now => now.plus_ms(-ANEW_REACH_MS),
            None => first.started_at,
        };
        let since = if state.cursor.is_none() { begin() } else { now };
        let page = match crm.changed_since(session, &view, state.cursor.as_deref(), since).await {
            Ok(page) => page,
            Err(CallError::Refused { detail, .. }) if state.cursor.is_some() => {
                tracing::warn!(connection = slug, "the poll begins anew: {detail}");
                let anew = PollState { cursor: None, ..state };
                self.store(slug, &anew, version, now).await?;
                return Ok(Progress::WORKED);
            }
            Err(error) => {
                let until = self.rests.failed(&self.service, slug, &error, now).await?;
                return Ok(Progress::idle_until(Some(until)));
            }
        };
        self.rests.worked(&self.service, slug).await?;
        let next =
            PollState { cursor: Some(page.cursor.clone()), more: page.more, polled_at: Some(now) };
        let work = self.work(slug, page, now).await?;
        let refused = self.service.store.ask_work(work).await?;
        if !refused.is_empty() {
            // The cursor stays: what found no room is found again.
            tracing::warn!(
                connection = slug,
                refused = refused.len(),
                "more reads are waiting than ingest.work_rows_max; the poll waits for them"
            );
            return Ok(Progress::idle_until(Some(now.plus_ms(NO_ROOM_WAIT_MS))));
        }
        if !next.more {
            self.requested().remove(slug);
        }
        self.store(slug, &next, version, now).await?;
        Ok(Progress::WORKED)
    }

    async fn store(
        &self,
        slug: &str,
        state: &PollState,
        version: i64,
        now: UnixMs,
    ) -> anyhow::Result<i64> {
        let (slug, body) = (slug.to_owned(), serde_json::to_vec(state)?);
        let store = &self.service.store;
        Ok(store.put_connection_part(slug, Part::PollCursor, version, body, now).await?)
    }

    /// The reads that a page asks for.
    async fn work(&self, slug: &str, page: PollPage, now: UnixMs) -> anyhow::Result<Vec<NewWork>> {
        let key = |id: &String| DealKey { connection: slug.to_owned(), id: id.clone() };
        let keys = page.deals.iter().map(|(id, _)| key(id)).collect();
        let mut read_at = std::collections::HashMap::new();
        for row in self.service.store.load_subjects(keys).await? {
            // What cannot be understood counts as never read.
            let state = understand(&row);
            read_at.insert(row.id, state.as_ref().and_then(last_read_at).filter(|at| *at <= now));
        }
        let origin = serde_json::to_vec(&Origin::Poll)?;
        let is_old = |id: &str, changed_at: UnixMs| {
            let read_at = read_at.get(id).copied().flatten();
            read_at.is_some_and(|read_at| is_covered(read_at, changed_at))
        };
        let deals = page.deals.iter().filter(|(id, changed_at)| !is_old(id, *changed_at));
        let deals = deals.map(|(id, _)| (FETCH, id.clone(), origin.clone()));
        let activities =
            page.activities.iter().map(|one| (ACTIVITY, activity_key(one), Vec::new()));
        let work = deals.chain(activities).map(|(kind, key, body)| NewWork {
            key: WorkKey { kind: kind.to_owned(), connection: slug.to_owned(), key },
            next_at: now,
            body,
        });
        Ok(work.collect())
    }

    /// Asks for pipelines and owners when they were read long ago.
    async fn ask_metadata(
        &self,
        slug: &str,
        first: &BackfillProgress,
        now: UnixMs,
    ) -> anyhow::Result<Progress> {
        let part = self.service.store.connection_part(slug.to_owned(), Part::Metadata).await?;
        // Before that the first read is about to read them.
        let Some(part) = part.filter(|_| first.phase != Phase::Metadata) else {
            return Ok(Progress::default());
        };
        let interval_ms = self.service.config.crm.metadata_interval_minutes.max(1) * MINUTE_MS;
        let due = next_after(part.updated_at, interval_ms, now);
        if due > now {
            return Ok(Progress::idle_until(Some(due)));
        }
        let (kind, connection) = (METADATA.to_owned(), slug.to_owned());
        if self.service.store.work_waiting(kind.clone(), connection.clone()).await? == 0 {
            let key = WorkKey { kind, connection, key: String::new() };
            let work = NewWork { key, next_at: now, body: Vec::new() };
            self.service.store.ask_work(vec![work]).await?;
        }
        Ok(Progress::default())
    }
}

#[async_trait]
impl Role for Poll {
    fn name(&self) -> &'static str {
        "poll"
    }

    fn woken_by(&self) -> News {
        News::GROUND.and(News::LINES)
    }

    async fn tick(&self, now: UnixMs) -> anyhow::Result<Progress> {
        let crms = self.service.connections.crms();
        let mut all = Progress::default();
        for step in join_all(crms.map(|connection| self.step(connection, now))).await {
            all = all.and(step?);
        }
        self.usage.keep(&self.service, now).await?;
        Ok(all)
    }
}

/// When something that was done at `last` is done again. An instant that is
/// still to come was written by a clock that was wrong: at once.
fn next_after(last: UnixMs, interval_ms: i64, now: UnixMs) -> UnixMs {
    if last > now { now } else { last.plus_ms(interval_ms) }
}

/// When the whole record was last read: each reading leaves a word on whether
/// the deal exists.
fn last_read_at(state: &DealState) -> Option<UnixMs> {
    let existence = state.facts.existence.filter(|_| state.hydration == Hydration::Done)?;
    Some(existence.at)
}

/// Whether a record read at `read_at` shows a change of `changed_at`.
///
/// Only a whole reading counts. That a webhook told of a newer change says
/// nothing of the ones before it, and those are what the poll is for.
fn is_covered(read_at: UnixMs, changed_at: UnixMs) -> bool {
    read_at >= changed_at.plus_ms(CLOCKS_DIFFER_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_reading_well_after_the_change_covers_it() {
        let changed = UnixMs(1_000_000);
        assert!(!is_covered(changed, changed));
        assert!(!is_covered(changed.plus_ms(CLOCKS_DIFFER_MS - 1), changed));
        assert!(is_covered(changed.plus_ms(CLOCKS_DIFFER_MS), changed));
    }

    #[test]
    fn what_a_wrong_clock_wrote_is_due_at_once() {
        let (now, ahead) = (UnixMs(1_000_000), UnixMs(9_000_000));
        assert_eq!(next_after(ahead, 300, now), now);
        assert_eq!(next_after(now, 300, now), now.plus_ms(300));
        let state =
            |at| PollState { cursor: Some("there".to_owned()), more: false, polled_at: Some(at) };
        assert_eq!(state(ahead).unless_ahead_of(now), PollState::default());
        assert_eq!(state(now).unless_ahead_of(now), state(now));
    }

    #[test]
    fn a_deal_never_read_has_no_reading() {
        let key = DealKey { connection: "hubspot".into(), id: "1".into() };
        assert_eq!(last_read_at(&DealState::new(key)), None);
    }
}
