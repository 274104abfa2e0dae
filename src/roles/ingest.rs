//! Ingest: from stored requests to facts, firings and pending nudges. Calls no vendor.

mod answers;
mod apply;
mod commands;
pub mod events;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use touchline_kit::{ConnectionEvent, Inbound};
use touchline_rules::UnixMs;
use touchline_rules::attention::Tally;
use touchline_rules::facts::{Actor, ChangeKind, DealKey, Origin};

use super::batching::{Batching, content_hash};
use super::{Progress, Role};
use crate::coaching::broken::note_broken;
use crate::guard::guarded;
use crate::service::Service;
use crate::store::{
    Batch, BatchOutcome, CommitClass, CursorMove, DedupeKey, Fenced, NewDeadLetter, StoreError,
};
use crate::wake::News;
use answers::load_answers;
pub use answers::{AnswerBody, COMPLETE, EDIT};
use apply::{Applied, Prepared, end_of_save};
use events::{Event, Said, decode};

/// Work: look an activity up of which only the id is known.
pub const ACTIVITY: &str = "activity";
/// Bytes of stored requests that are read for one batch.
const READ_BYTES_MAX: usize = 16 << 20;
/// Tries of one batch when somebody else's writes come between, each with half as
/// many events as the one before: at the end of them is a single event.
const CONFLICTS_MAX: u32 = 16;

/// The role.
pub struct Ingest {
    service: Arc<Service>,
}

impl Ingest {
    /// For this service.
    #[must_use]
    pub fn new(service: Arc<Service>) -> Self {
        Ingest { service }
    }

    /// Handles one stretch of events, in halves down to the one that cannot be
    /// handled, which after some counted tries becomes a dead letter.
    async fn handle(&self, events: &[Event], cursor: Option<CursorMove>) -> anyhow::Result<()> {
        let mut waiting = vec![(events, cursor)];
        while let Some((events, cursor)) = waiting.pop() {
            let failure = match self.attempt(events, cursor).await? {
                Ok(taken) if taken < events.len() => {
                    waiting.push((&events[taken..], cursor));
                    continue;
                }
                Ok(_) => continue,
                Err(failure) => failure,
            };
            match events {
                [] => anyhow::bail!("a batch of nothing failed: {failure}"),
                [event] => self.give_up_after_tries(event, &failure, cursor).await?,
                _ => {
                    let (first, second) = events.split_at(events.len() / 2);
                    waiting.push((second, cursor));
                    waiting.push((first, None));
                }
            }
        }
        Ok(())
    }

    /// Commits the first of these events, as many as one transaction may take, and
    /// answers how many. The inner error is the events' own fault.
    async fn attempt(
        &self,
        events: &[Event],
        cursor: Option<CursorMove>,
    ) -> anyhow::Result<Result<usize, String>> {
        if let Some(failure) = events.iter().find_map(panicked) {
            return Ok(Err(failure));
        }
        for conflicts in 0..CONFLICTS_MAX {
            // What takes less time has less come between.
            let some = &events[..end_of_save(events, events.len() >> conflicts)];
            let prepared = self.prepare(some).await?;
            let is_over = self.stopwatch();
            let Applied { mut batch, class, taken } =
                match guarded(|| prepared.apply(some, is_over)) {
                    Ok(Ok(applied)) => applied,
                    Ok(Err(error)) => return Ok(Err(error.to_string())),
                    Err(panic) => return Ok(Err(panic)),
                };
            // Until all are taken, the first ones are recognised as seen.
            batch.cursor = cursor.filter(|_| taken == events.len());
            match self.service.store.commit_batch(batch, class).await {
                Ok(Fenced::Done(outcome)) => {
                    report(&outcome);
                    self.after_commit(&events[..taken]).await?;
                    return Ok(Ok(taken));
                }
                Ok(Fenced::SettingsChanged { .. }) => drop(self.service.settings.refresh().await?),
                Err(StoreError::Conflict { .. })
                    if cursor.is_none_or(|step| step.from < step.to) =>
                {
                    // A command wrote beside us; what it did is loaded anew. A cursor
                    // that somebody else moved shows as rows that are gone.
                    if let Some(step) = cursor
                        && self.service.store.cursor().await? != step.from
                    {
                        return Ok(Ok(events.len()));
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        anyhow::bail!("somebody else's writes came between, {CONFLICTS_MAX} times in a row")
    }

    /// Tells when the work of one transaction has taken its time.
    fn stopwatch(&self) -> impl Fn() -> bool {
        let (service, began) = (&self.service, self.service.now());
        let most = i64::try_from(service.config.ingest.batch_ms_max).unwrap_or(i64::MAX);
        move || service.now().since_ms(began) >= most
    }

    async fn prepare(&self, events: &[Event]) -> anyhow::Result<Prepared<'_>> {
        let store = &self.service.store;
        let keys: Vec<_> = events.iter().filter_map(dedupe_key).collect();
        let seen = store.seen(keys).await?;
        let deals: BTreeSet<DealKey> = events.iter().filter_map(deal_of).collect();
        let answers = load_answers(&self.service, events).await?;
        let mut batching = Batching::load(&self.service, deals).await?;
        batching.watch(hands(events)).await?;
        Ok(Prepared { batching, seen, answers })
    }

    async fn give_up_after_tries(
        &self,
        event: &Event,
        failure: &str,
        cursor: Option<CursorMove>,
    ) -> anyhow::Result<()> {
        let tries = self.service.store.count_failed_try(event.seq, event.place).await?;
        if tries < self.service.config.ingest.tries_max {
            anyhow::bail!("an event could not be handled (try {tries}): {failure}");
        }
        tracing::error!(
            inbox.seq = event.seq,
            place = event.place,
            failure,
            "an event is given up; see `touchline doctor`"
        );
        let mut batching = Batching::load(&self.service, BTreeSet::new()).await?;
        batching.batch.dead_letters.push(dead_letter(event, tries, failure));
        let batch = Batch { cursor, ..batching.finish()? };
        match self.service.store.commit_batch(batch, CommitClass::Original).await? {
            Fenced::Done(_) => Ok(()),
            Fenced::SettingsChanged { .. } => {
                self.service.settings.refresh().await?;
                anyhow::bail!("settings changed while an event was given up")
            }
        }
    }

    /// What a connection said of itself is written on its own: it is rare, and original.
    async fn after_commit(&self, events: &[Event]) -> anyhow::Result<()> {
        for event in events {
            let Said::Well(Inbound::Connection(said)) = &event.said else { continue };
            match said {
                ConnectionEvent::Revoked { reason } => {
                    let (store, slug) = (&self.service.store, &event.connection);
                    if let Some(connection) = self.service.connections.get(slug) {
                        let connector = connection.connector.manifest().name;
                        note_broken(store, slug, connector, reason, event.received_at).await?;
                    }
                }
                ConnectionEvent::PrivacyDeletion { object_type, .. } => {
                    tracing::info!(
                        connection = event.connection,
                        object_type,
                        "the vendor asks to erase a record; what names it goes within the hour"
                    );
                }
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Role for Ingest {
    fn name(&self) -> &'static str {
        "ingest"
    }

    fn woken_by(&self) -> News {
        News::INBOX
    }

    async fn tick(&self, _now: UnixMs) -> anyhow::Result<Progress> {
        let service = &self.service;
        let events_max = service.config.ingest.batch_events_max.max(1);
        let cursor = service.store.cursor().await?;
        let rows = service.store.inbox_after(cursor, events_max, READ_BYTES_MAX).await?;
        let bytes: usize = rows.iter().map(|row| row.request.bytes()).sum();
        // Short of both limits, these were all there were. What comes later is told.
        let mut is_all = rows.len() < events_max && bytes < READ_BYTES_MAX / 2;
        let mut taken = Vec::new();
        let mut to = cursor;
        for row in rows {
            let events = decode(service, row);
            if !taken.is_empty() && taken.len() + events.1.len() > events_max {
                is_all = false;
                break;
            }
            to = events.0;
            taken.extend(events.1);
        }
        if to == cursor {
            return Ok(Progress::default());
        }
        let step = CursorMove { from: cursor, to };
        let mut slices = taken.chunks(events_max).peekable();
        if slices.peek().is_none() {
            self.handle(&[], Some(step)).await?;
        }
        while let Some(slice) = slices.next() {
            // A request larger than a batch moves the cursor with its last slice;
            // should we stop before, its first ones are recognised as seen.
            let step = slices.peek().is_none().then_some(step);
            self.handle(slice, step).await?;
        }
        Ok(if is_all { Progress::done_until(None) } else { Progress::WORKED })
    }
}

fn panicked(event: &Event) -> Option<String> {
    let Said::Panicked(failure) = &event.said else { return None };
    Some(failure.clone())
}

fn deal_of(event: &Event) -> Option<DealKey> {
    match &event.said {
        Said::Well(Inbound::Change(change)) => Some(change.deal.clone()),
        Said::Well(Inbound::Observation(read)) => Some(read.deal.clone()),
        _ => None,
    }
}

/// Everybody who changed something in these events, each a connection and a name.
fn hands(events: &[Event]) -> BTreeSet<(String, String)> {
    let mut hands = BTreeSet::new();
    let mut add = |connection: &str, actor: &Actor, kind: &ChangeKind| {
        hands.extend(Tally::hand(actor, kind).map(|hand| (connection.to_owned(), hand)));
    };
    for event in events {
        match &event.said {
            Said::Well(Inbound::Change(change)) => {
                add(&change.deal.connection, &change.actor, &change.kind);
            }
            Said::Well(Inbound::Observation(read)) if fires(read.origin) => {
                for item in &read.history {
                    add(&read.deal.connection, &item.actor, &ChangeKind::Created);
                }
            }
            _ => {}
        }
    }
    hands
}

/// Whether what such a record tells may be news.
fn fires(origin: Origin) -> bool {
    !matches!(origin, Origin::Backfill | Origin::Import)
}

fn dedupe_key(event: &Event) -> Option<DedupeKey> {
    let Said::Well(Inbound::Change(change)) = &event.said else { return None };
    let hash = content_hash(&change.deal, &change.kind, change.occurred_at);
    Some(DedupeKey::new(change.occurred_at, hash))
}

fn dead_letter(event: &Event, attempts: u32, reason: &str) -> NewDeadLetter {
    NewDeadLetter {
        seq: event.seq,
        place: event.place,
        request: Arc::clone(&event.request),
        attempts,
        reason: reason.to_owned(),
    }
}

fn report(outcome: &BatchOutcome) {
    if !outcome.work_refused.is_empty() {
        tracing::warn!(
            refused = outcome.work_refused.len(),
            "more reads are waiting for the CRM than ingest.work_rows_max; the catch-up poll will find the rest"
        );
    }
}

#[cfg(test)]
mod tests;
