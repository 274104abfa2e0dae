//! The lines to vendors as those who write to them see them: broken until a
//! test succeeds, or held back for a while.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use touchline_kit::CallError;
use touchline_rules::UnixMs;
use touchline_rules::time::MINUTE_MS;

use crate::coaching::broken;
use crate::connection::Connection;
use crate::service::Service;
use crate::store::{self, WORKING};

/// A broken connection is tried again after that.
const TEST_EVERY_MS: i64 = 5 * MINUTE_MS;

/// Notes that the credentials of a connection no longer work.
///
/// # Errors
/// When the store cannot be written.
pub async fn note_broken(
    service: &Service,
    connection: &Connection,
    error: &CallError,
    now: UnixMs,
) -> store::Result<()> {
    let connector = connection.connector.manifest().name;
    broken::note_broken(&service.store, &connection.slug, connector, &error.to_string(), now).await
}

/// What one role remembers of the lines it writes to.
#[derive(Default)]
pub struct Lines(Mutex<BTreeMap<String, Line>>);

#[derive(Default)]
struct Line {
    /// When a broken line is tried next.
    test_at: Option<UnixMs>,
    /// Nothing is begun until then.
    held_until: Option<UnixMs>,
    /// Readers for whom a limit holds calls back, and until when.
    readers: BTreeMap<String, UnixMs>,
    /// Whose call was held back last and by which limit, with nothing let
    /// through since.
    limited: Option<(String, String)>,
}

impl Lines {
    /// Takes over which connections are broken, and answers those whose test is
    /// due. Each is due again later.
    pub fn tests_due(&self, broken: &[String], now: UnixMs) -> Vec<String> {
        let mut lines = self.lock();
        for (slug, line) in lines.iter_mut() {
            if !broken.contains(slug) {
                line.test_at = None;
            }
        }
        let mut due = Vec::new();
        for slug in broken {
            let line = lines.entry(slug.clone()).or_default();
            if line.test_at.is_none_or(|at| at <= now) {
                due.push(slug.clone());
                line.test_at = Some(now.plus_ms(TEST_EVERY_MS));
            }
        }
        due
    }

    /// A line broke just now: it is not asked again at once.
    pub fn broke(&self, slug: &str, now: UnixMs) {
        self.lock().entry(slug.to_owned()).or_default().test_at = Some(now.plus_ms(TEST_EVERY_MS));
    }

    /// Whether nothing is to be begun on a connection now.
    pub fn is_held(&self, slug: &str, now: UnixMs) -> bool {
        self.lock().get(slug).and_then(|line| line.held_until).is_some_and(|until| until > now)
    }

    /// A limit held a call for this reader back until `retry_at`: nothing more
    /// is begun for them until then. When the same limit, by its own words, holds
    /// two readers in a row, it is the whole line's.
    pub fn limited(&self, slug: &str, reader: &str, limit: &str, retry_at: UnixMs) {
        let mut lines = self.lock();
        let line = lines.entry(slug.to_owned()).or_default();
        let is_shared =
            |(before, by): &(String, String)| before.as_str() != reader && by.as_str() == limit;
        if line.limited.as_ref().is_some_and(is_shared) {
            line.held_until = Some(retry_at);
        }
        line.limited = Some((reader.to_owned(), limit.to_owned()));
        line.readers.insert(reader.to_owned(), retry_at);
    }

    /// The readers on a connection for whom nothing is begun now. What is over
    /// is forgotten, so there are never more than were held back lately.
    pub fn held_readers(&self, slug: &str, now: UnixMs) -> Vec<String> {
        let mut lines = self.lock();
        let Some(line) = lines.get_mut(slug) else { return Vec::new() };
        line.readers.retain(|_, until| *until > now);
        line.readers.keys().cloned().collect()
    }

    /// The vendor cannot be reached, and says (or the breaker does) until when.
    pub fn down(&self, slug: &str, until: UnixMs) {
        self.lock().entry(slug.to_owned()).or_default().held_until = Some(until);
    }

    /// A call came through.
    pub fn came_through(&self, slug: &str) {
        if let Some(line) = self.lock().get_mut(slug) {
            line.limited = None;
            line.held_until = None;
        }
    }

    /// The next instant after `now` at which a line is tried or let go.
    pub fn next(&self, now: UnixMs) -> Option<UnixMs> {
        let lines = self.lock();
        let of_lines = lines.values().flat_map(|line| [line.test_at, line.held_until]);
        let of_readers = lines.values().flat_map(|line| line.readers.values().copied());
        of_lines.flatten().chain(of_readers).filter(|at| *at > now).min()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Line>> {
        // Nothing under the lock can leave it half-changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the vendor whether a broken line works again, and notes it if so.
///
/// # Errors
/// When the store cannot be written.
pub async fn test_line(
    service: &Service,
    connection: &Connection,
    now: UnixMs,
) -> anyhow::Result<()> {
    let view = connection.view();
    let tested = match (connection.channel(), connection.crm()) {
        (Some(channel), _) => channel.self_test(&connection.session, &view).await,
        (None, Some(crm)) => crm.self_test(&connection.session, &view).await,
        (None, None) => return Ok(()),
    };
    match tested {
        Ok(account) => {
            let (slug, status) = (connection.slug.clone(), WORKING.to_owned());
            service.store.set_connection_status(slug, status, String::new(), now).await?;
            tracing::info!(connection = connection.slug, account, "the connection works again");
        }
        Err(error) => {
            tracing::debug!(connection = connection.slug, %error, "still broken");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_line_is_tested_now_and_then_until_it_works() {
        let (lines, now) = (Lines::default(), UnixMs(0));
        let broken = ["slack".to_owned()];
        lines.broke("slack", now);
        assert!(lines.tests_due(&broken, now).is_empty(), "it broke just now");
        let later = now.plus_ms(TEST_EVERY_MS);
        assert_eq!(lines.next(now), Some(later));
        assert_eq!(lines.tests_due(&broken, later), broken);
        assert!(lines.tests_due(&broken, later).is_empty(), "once each time");
        assert!(lines.tests_due(&[], later).is_empty());
        assert_eq!(lines.next(later), None, "it works again");
        assert_eq!(lines.tests_due(&broken, later), broken, "found broken: asked at once");
    }

    #[test]
    fn a_limit_of_one_reader_holds_nobody_else() {
        let (lines, now, until) = (Lines::default(), UnixMs(0), UnixMs(1_000));
        let (ada, bob) = ("ada@example.com", "bob@example.com");
        lines.limited("slack", ada, "channel of Ada", until);
        lines.limited("slack", ada, "channel of Ada", until);
        lines.limited("slack", bob, "channel of Bob", until);
        assert!(!lines.is_held("slack", now));
        assert_eq!(lines.held_readers("slack", now), [ada, bob]);
        assert_eq!(lines.next(now), Some(until), "they are let go then");
        assert!(lines.held_readers("slack", until).is_empty());
        assert_eq!(lines.next(now), None, "and forgotten");
    }

    #[test]
    fn a_limit_that_holds_two_readers_in_a_row_is_the_lines() {
        let (lines, now, until) = (Lines::default(), UnixMs(0), UnixMs(1_000));
        let (ada, bob) = ("ada@example.com", "bob@example.com");
        lines.limited("slack", ada, "workspace", until);
        assert!(!lines.is_held("slack", now));
        lines.limited("slack", bob, "workspace", until);
        assert!(lines.is_held("slack", now) && !lines.is_held("slack", until));
        lines.came_through("slack");
        lines.limited("slack", ada, "workspace", until);
        assert!(!lines.is_held("slack", now), "something came through in between");
    }
}
