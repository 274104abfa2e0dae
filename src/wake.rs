//! Who is woken by what. Every write says what it may have made to do, and
//! tells it here once it is committed; a role listens to what it can work on.
//!
//! A wake-up is never lost:
//! - the writing thread tells, after the commit and before its caller is
//!   answered, so nobody who stops waiting for the answer keeps it back;
//! - a listener notes what it has heard *before* its role looks: a commit that
//!   the look could not see is told after that, and ends the next wait at once;
//! - a write that says nothing of itself wakes everybody ([`News::ALL`]), so
//!   what is forgotten costs time and no wake-up;
//! - what nobody in this process can tell (a command that writes beside us, time
//!   that passes) is found by the look that every idle role makes once a second.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// How many things there are to tell.
const TOPICS: usize = 12;

/// What a commit may have made for somebody to do. A set.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct News(u16);

impl News {
    /// Nothing that anybody waits for.
    pub const NONE: News = News(0);
    /// A stored request: ingest.
    pub const INBOX: News = News(1);
    /// A nudge to decide on: attention.
    pub const NUDGES: News = News(1 << 1);
    /// A delivery that waits: deliver.
    pub const DELIVERIES: News = News(1 << 2);
    /// A deal's next instant has moved: timers.
    pub const TIMERS: News = News(1 << 3);
    /// Something to read at a vendor: fetch.
    pub const READS: News = News(1 << 4);
    /// Something that was to be read was read, or put off: a first read goes on.
    pub const READS_DONE: News = News(1 << 5);
    /// A message or task to change: edit.
    pub const EDITS: News = News(1 << 6);
    /// A nudge to follow up: outcomes.
    pub const FOLLOW_UPS: News = News(1 << 7);
    /// What all deals rest on: an account, its first read, the rules.
    pub const GROUND: News = News(1 << 8);
    /// A line to a vendor that can be used again, or is asked to be used now.
    pub const LINES: News = News(1 << 9);
    /// Something that a vendor asks to erase: erase.
    pub const ERASURES: News = News(1 << 10);
    /// Something that a deal tells of people: portfolio.
    pub const PEOPLE: News = News(1 << 11);
    /// All of it: settings, people, connections, and what nobody thought of.
    pub const ALL: News = News((1 << TOPICS) - 1);

    /// Both.
    #[must_use]
    pub const fn and(self, other: News) -> News {
        News(self.0 | other.0)
    }

    /// This if `is_so`, else nothing.
    #[must_use]
    pub const fn when(self, is_so: bool) -> News {
        if is_so { self } else { News::NONE }
    }
}

/// Where news are told and heard. Clones are the same place.
#[derive(Clone, Debug, Default)]
pub struct Wake(Arc<Board>);

#[derive(Debug, Default)]
struct Board {
    /// How often each was told.
    counts: [AtomicU64; TOPICS],
    /// Who is to be woken, and by what.
    listeners: Mutex<Vec<(News, Arc<Notify>)>>,
}

impl Board {
    fn told(&self, of: News) -> u64 {
        let topics = self.counts.iter().enumerate().filter(|(topic, _)| of.0 & (1 << topic) != 0);
        topics.fold(0, |sum, (_, count)| sum.wrapping_add(count.load(Ordering::SeqCst)))
    }

    fn listeners(&self) -> MutexGuard<'_, Vec<(News, Arc<Notify>)>> {
        // Nothing under the lock can leave it half-changed.
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake {
    /// Wakes who listens to any of `news`.
    pub fn tell(&self, news: News) {
        for (topic, count) in self.0.counts.iter().enumerate() {
            if news.0 & (1 << topic) != 0 {
                count.fetch_add(1, Ordering::SeqCst);
            }
        }
        for (of, notify) in self.0.listeners().iter() {
            if of.0 & news.0 != 0 {
                notify.notify_one();
            }
        }
    }

    /// How often any `of` these was told: while it stands still, who found
    /// nothing to do would find nothing again.
    #[must_use]
    pub fn count(&self, of: News) -> u64 {
        self.0.told(of)
    }

    /// A listener that hears everything of these from now on.
    #[must_use]
    pub fn listen(&self, of: News) -> Listener {
        let (board, notify) = (Arc::clone(&self.0), Arc::new(Notify::new()));
        board.listeners().push((of, Arc::clone(&notify)));
        Listener { heard: board.told(of), board, of, notify }
    }
}

/// Hears some news, until it is dropped.
#[derive(Debug)]
pub struct Listener {
    board: Arc<Board>,
    of: News,
    notify: Arc<Notify>,
    heard: u64,
}

impl Listener {
    /// Forgets what was told so far: for just before a look that will see it.
    /// Answers whether there was any.
    pub fn catch_up(&mut self) -> bool {
        let now = self.board.told(self.of);
        std::mem::replace(&mut self.heard, now) != now
    }

    /// Waits until something is told that was not caught up with.
    pub async fn news(&mut self) {
        // What is told after the comparison leaves a permit that ends the wait.
        while self.board.told(self.of) == self.heard {
            self.notify.notified().await;
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.board.listeners().retain(|(_, notify)| !Arc::ptr_eq(notify, &self.notify));
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn only_those_are_woken_who_listen_to_it() {
        let wake = Wake::default();
        let mut deliver = wake.listen(News::DELIVERIES.and(News::LINES));
        wake.tell(News::NUDGES);
        wake.tell(News::NONE);
        assert_eq!(deliver.news().now_or_never(), None);
        wake.tell(News::LINES.and(News::NUDGES));
        assert_eq!(deliver.news().now_or_never(), Some(()));
        assert_eq!(deliver.news().now_or_never(), Some(()), "until it has caught up");
        assert!(deliver.catch_up() && !deliver.catch_up());
        assert_eq!(deliver.news().now_or_never(), None);
        wake.tell(News::ALL);
        assert_eq!(deliver.news().now_or_never(), Some(()), "everybody hears that");
        assert_eq!(wake.count(News::NUDGES), 3);
        assert_eq!(wake.count(News::NONE), 0);
    }

    #[test]
    fn what_is_told_between_the_catching_up_and_the_wait_is_heard() {
        let wake = Wake::default();
        let mut timers = wake.listen(News::TIMERS);
        timers.catch_up();
        wake.tell(News::TIMERS);
        assert_eq!(timers.news().now_or_never(), Some(()));
    }
}
