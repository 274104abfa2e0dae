//! Connections at rest: after a failed read a connection is left alone for a
//! while, so that a dead one costs nothing and delays no other.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use touchline_kit::CallError;
use touchline_rules::UnixMs;
use touchline_rules::time::MINUTE_MS;

use super::backoff;
use super::lines::note_broken;
use crate::service::Service;
use crate::store::{self, BROKEN, NEW, WORKING};

/// How long a connection rests whose credentials no longer work, or that may
/// not read what it should. Somebody has to act; this is how soon it is noticed.
pub const BROKEN_REST_MS: i64 = 15 * MINUTE_MS;

/// Which connections a role leaves alone, and until when.
#[derive(Debug, Default)]
pub struct Rests(Mutex<BTreeMap<String, Rest>>);

#[derive(Debug, Default)]
struct Rest {
    until: Option<UnixMs>,
    /// The connection's count of renewals, and what it read when the rest began.
    renewals: Option<(Arc<AtomicU64>, u64)>,
    failures: u32,
    /// Its status in the store is known to be [`WORKING`].
    known_to_work: bool,
}

impl Rest {
    /// Until when, unless that is over or the connection was connected anew.
    fn until(&self, now: UnixMs) -> Option<UnixMs> {
        let renewed =
            |(count, before): &(Arc<AtomicU64>, u64)| count.load(Ordering::Relaxed) != *before;
        let is_over = self.renewals.as_ref().is_some_and(renewed);
        self.until.filter(|until| *until > now && !is_over)
    }
}

impl Rests {
    /// The connections to leave alone at `now`.
    #[must_use]
    pub fn skip(&self, now: UnixMs) -> Vec<String> {
        let resting = |rest: &Rest| rest.until(now).is_some();
        self.lock().iter().filter(|(_, rest)| resting(rest)).map(|(name, _)| name.clone()).collect()
    }

    /// Until when this connection rests, if it does.
    #[must_use]
    pub fn until(&self, connection: &str, now: UnixMs) -> Option<UnixMs> {
        self.lock().get(connection)?.until(now)
    }

    /// When the first connection that rests at `now` wakes up.
    #[must_use]
    pub fn next(&self, now: UnixMs) -> Option<UnixMs> {
        self.lock().values().filter_map(|rest| rest.until(now)).min()
    }

    /// Notes that a call was answered, and mends a status that said otherwise.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn worked(&self, service: &Service, connection: &str) -> store::Result<()> {
        let known = {
            let mut rests = self.lock();
            let rest = rests.entry(connection.to_owned()).or_default();
            (rest.until, rest.failures) = (None, 0);
            std::mem::replace(&mut rest.known_to_work, true)
        };
        if known {
            return Ok(());
        }
        let stored = service.store.connection(connection.to_owned()).await?;
        // An admin's own word, such as disconnected, is not ours to change.
        if stored.is_some_and(|row| row.status == BROKEN || row.status == NEW) {
            note_working(service, connection).await?;
        }
        Ok(())
    }

    /// Notes a failed call and answers until when the connection rests.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn failed(
        &self,
        service: &Service,
        connection: &str,
        error: &CallError,
        now: UnixMs,
    ) -> store::Result<UnixMs> {
        let failures = {
            let mut rests = self.lock();
            let rest = rests.entry(connection.to_owned()).or_default();
            rest.failures = rest.failures.saturating_add(1);
            rest.failures
        };
        let wait_ms = |tries| backoff::reading_ms(&service.config.crm, connection, tries);
        let until = match error {
            CallError::Limited { retry_at, .. } => {
                // A limit tells when one call is free again. Work of many calls
                // that comes back just then stops at the same place for ever, so
                // it waits longer each time, until enough of them are.
                let again = failures.saturating_sub(1);
                let waits = if again > 0 { wait_ms(again) } else { 0 };
                now.plus_ms(waits).max(*retry_at)
            }
            CallError::Unavailable { retry_at: Some(told), .. } => *told,
            CallError::Unavailable { .. } | CallError::Ambiguous { .. } => {
                now.plus_ms(wait_ms(failures))
            }
            CallError::Unauthorized { .. } => {
                if let Some(connection) = service.connections.get(connection) {
                    note_broken(service, connection, error, now).await?;
                }
                now.plus_ms(BROKEN_REST_MS)
            }
            CallError::Forbidden { .. }
            | CallError::NotFound { .. }
            | CallError::Refused { .. } => now.plus_ms(BROKEN_REST_MS),
        };
        // A word in the past would make a busy loop of it.
        let until = until.max(now.plus_ms(1));
        let is_broken = matches!(error, CallError::Unauthorized { .. });
        let mut rests = self.lock();
        let rest = rests.entry(connection.to_owned()).or_default();
        rest.until = Some(until);
        let renewals = service.connections.get(connection).map(|one| one.renewals());
        rest.renewals = renewals.map(|count| (Arc::clone(&count), count.load(Ordering::Relaxed)));
        rest.known_to_work &= !is_broken;
        drop(rests);
        let code = error.code();
        if let CallError::Limited { .. } = error {
            tracing::debug!(connection, code, %until, "reading waits: {error}");
        } else {
            tracing::info!(connection, code, %until, "a CRM or chat could not be read: {error}");
        }
        Ok(until)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Rest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn note_working(service: &Service, connection: &str) -> store::Result<()> {
    let (name, status) = (connection.to_owned(), WORKING.to_owned());
    // An account that was never tried is connected, not mended.
    let before = service.store.connection(name.clone()).await?.map(|row| row.status);
    let now = service.now();
    let is_news = service.store.set_connection_status(name, status, String::new(), now).await?;
    if is_news && before.as_deref() == Some(BROKEN) {
        tracing::info!(connection, "the connection works again");
    } else if is_news {
        tracing::info!(connection, "connected");
    }
    Ok(())
}
