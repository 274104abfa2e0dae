//! The inbox writer: a self-clocked group commit.
//!
//! There is no timer. The thread takes all that waits, writes it in one
//! transaction with one sync, answers everybody, and looks again: under load
//! groups grow by themselves, and a lone request waits for nobody.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::store::error::{Result, StoreError};
use crate::store::failure::Failure;
use crate::store::inbox::{AppendError, NewInbox};
use crate::wake::{News, Wake};

/// Writes a group durably. Apart from its thread so that a failing disk can be
/// tested without one.
pub(in crate::store) trait Log: Send + 'static {
    /// Appends all rows or none, and answers the first one's sequence number;
    /// the others follow it.
    fn append(&mut self, rows: &[NewInbox]) -> Result<u64>;
}

struct Waiting {
    rows: Vec<NewInbox>,
    answer: oneshot::Sender<std::result::Result<u64, AppendError>>,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Waiting>,
    /// Rows and bytes that wait or are being written.
    held_rows: usize,
    held_bytes: usize,
    closed: bool,
}

/// What may wait at once.
#[derive(Copy, Clone, Debug)]
pub(in crate::store) struct AppendLimits {
    pub rows_max: usize,
    pub bytes_max: usize,
    pub retry_after_ms: i64,
}

struct Shared {
    limits: AppendLimits,
    queue: Mutex<Queue>,
    ready: Condvar,
    wake: Wake,
    failure: Failure,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn release(&self, rows: usize, bytes: usize) {
        let mut queue = self.lock();
        queue.held_rows -= rows;
        queue.held_bytes -= bytes;
    }
}

/// The inbox writer's thread and the queue in front of it.
pub(in crate::store) struct Appender {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Appender {
    pub fn start(
        log: impl Log,
        limits: AppendLimits,
        failure: Failure,
        wake: Wake,
    ) -> Result<Self> {
        let shared = Arc::new(Shared {
            limits,
            queue: Mutex::default(),
            ready: Condvar::new(),
            wake,
            failure,
        });
        let of_thread = Arc::clone(&shared);
        let builder = std::thread::Builder::new().name("inbox-write".to_owned());
        let thread = builder.spawn(move || write_groups(&of_thread, log));
        let thread =
            thread.map_err(|error| StoreError::Unexpected { detail: error.to_string() })?;
        Ok(Appender { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Appends rows together and answers the first one's sequence number once
    /// all are on the disk.
    pub async fn append(&self, rows: Vec<NewInbox>) -> std::result::Result<u64, AppendError> {
        let answered = self.enqueue(rows)?;
        let lost = || AppendError::Failed(StoreError::Closed);
        answered.await.unwrap_or_else(|_| Err(lost()))
    }

    fn enqueue(
        &self,
        rows: Vec<NewInbox>,
    ) -> std::result::Result<oneshot::Receiver<std::result::Result<u64, AppendError>>, AppendError>
    {
        self.shared.failure.check().map_err(AppendError::Failed)?;
        let limits = self.shared.limits;
        let bytes: usize = rows.iter().map(NewInbox::bytes).sum();
        let mut queue = self.shared.lock();
        if queue.closed {
            return Err(AppendError::Failed(StoreError::Closed));
        }
        // Something larger than the whole queue may still pass when nothing else waits.
        let idle = queue.held_rows == 0;
        let fits = queue.held_rows + rows.len() <= limits.rows_max
            && queue.held_bytes.saturating_add(bytes) <= limits.bytes_max;
        if !fits && !idle {
            return Err(AppendError::Full { retry_after_ms: limits.retry_after_ms });
        }
        queue.held_rows += rows.len();
        queue.held_bytes += bytes;
        let (answer, answered) = oneshot::channel();
        queue.waiting.push(Waiting { rows, answer });
        self.shared.ready.notify_one();
        Ok(answered)
    }

    /// Takes no more, writes what waits, and ends the thread. Blocks until then.
    pub fn finish(&self) {
        self.close();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // The thread has no panicking path; there is nothing to learn from it.
            drop(thread.join());
        }
    }

    fn close(&self) {
        self.shared.lock().closed = true;
        self.shared.ready.notify_all();
    }
}

impl Drop for Appender {
    fn drop(&mut self) {
        self.close();
    }
}

fn write_groups(shared: &Shared, mut log: impl Log) {
    while let Some(group) = next_group(shared) {
        write_group(shared, &mut log, group);
    }
}

fn next_group(shared: &Shared) -> Option<Vec<Waiting>> {
    let mut queue = shared.lock();
    while queue.waiting.is_empty() {
        if queue.closed {
            return None;
        }
        queue = shared.ready.wait(queue).unwrap_or_else(PoisonError::into_inner);
    }
    Some(std::mem::take(&mut queue.waiting))
}

fn write_group(shared: &Shared, log: &mut impl Log, group: Vec<Waiting>) {
    let mut rows = Vec::new();
    let mut answers = Vec::with_capacity(group.len());
    for waiting in group {
        answers.push((waiting.rows.len() as u64, waiting.answer));
        rows.extend(waiting.rows);
    }
    let written = shared.failure.check().and_then(|()| log.append(&rows));
    if let Err(error) = &written {
        shared.failure.note(error);
    }
    shared.release(rows.len(), rows.iter().map(NewInbox::bytes).sum());
    if written.is_ok() {
        shared.wake.tell(News::INBOX);
    }
    let mut next = written;
    for (count, answer) in answers {
        // A caller that no longer waits lost its answer, not its row.
        drop(answer.send(next.clone().map_err(AppendError::Failed)));
        next = next.map(|seq| seq + count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use touchline_rules::UnixMs;

    /// Answers what the test sends, one message for each group.
    struct Scripted {
        verdicts: mpsc::Receiver<Result<u64>>,
        groups: mpsc::Sender<usize>,
    }

    impl Log for Scripted {
        fn append(&mut self, rows: &[NewInbox]) -> Result<u64> {
            self.groups.send(rows.len()).unwrap();
            self.verdicts.recv().unwrap()
        }
    }

    fn row(bytes: usize) -> NewInbox {
        NewInbox {
            connection: "crm".into(),
            kind: "events".into(),
            received_at: UnixMs(0),
            headers: vec![],
            body: vec![0; bytes],
        }
    }

    fn scripted() -> (Arc<Appender>, mpsc::Sender<Result<u64>>, mpsc::Receiver<usize>) {
        let (verdict, verdicts) = mpsc::channel();
        let (groups, seen) = mpsc::channel();
        let limits = AppendLimits { rows_max: 3, bytes_max: 100, retry_after_ms: 7 };
        let log = Scripted { verdicts, groups };
        (
            Arc::new(Appender::start(log, limits, Failure::new(), Wake::default()).unwrap()),
            verdict,
            seen,
        )
    }

    #[tokio::test]
    async fn all_that_waits_becomes_one_group() {
        let (appender, verdict, seen) = scripted();
        let first = appender.enqueue(vec![row(1)]).unwrap();
        assert_eq!(seen.recv().unwrap(), 1);
        let second = appender.enqueue(vec![row(1)]).unwrap();
        let third = appender.enqueue(vec![row(1)]).unwrap();
        verdict.send(Ok(1)).unwrap();
        verdict.send(Ok(2)).unwrap();
        assert_eq!(first.await.unwrap(), Ok(1));
        assert_eq!(seen.recv().unwrap(), 2);
        assert_eq!((second.await.unwrap(), third.await.unwrap()), (Ok(2), Ok(3)));
    }

    #[tokio::test]
    async fn rows_and_bytes_are_bounded_and_what_is_being_written_counts() {
        let (appender, verdict, seen) = scripted();
        let first = appender.enqueue(vec![row(60)]).unwrap();
        seen.recv().unwrap();
        let full = AppendError::Full { retry_after_ms: 7 };
        assert_eq!(appender.enqueue(vec![row(41)]).unwrap_err(), full);
        let second = appender.enqueue(vec![row(10), row(10)]).unwrap();
        assert_eq!(appender.enqueue(vec![row(0)]).unwrap_err(), full);
        verdict.send(Ok(1)).unwrap();
        verdict.send(Ok(2)).unwrap();
        assert_eq!((first.await.unwrap(), second.await.unwrap()), (Ok(1), Ok(2)));
        let huge = appender.enqueue(vec![row(1_000)]).unwrap();
        verdict.send(Ok(4)).unwrap();
        assert_eq!(huge.await.unwrap(), Ok(4));
    }

    #[tokio::test]
    async fn after_a_failed_sync_nothing_is_acknowledged() {
        let (appender, verdict, seen) = scripted();
        let first = appender.enqueue(vec![row(1)]).unwrap();
        seen.recv().unwrap();
        let behind = appender.enqueue(vec![row(1)]).unwrap();
        let failed = StoreError::Failed { detail: "disk I/O error".into() };
        verdict.send(Err(failed.clone())).unwrap();
        assert_eq!(first.await.unwrap(), Err(AppendError::Failed(failed.clone())));
        assert_eq!(behind.await.unwrap(), Err(AppendError::Failed(failed.clone())));
        assert_eq!(seen.try_recv(), Err(mpsc::TryRecvError::Empty), "the log was tried again");
        assert_eq!(appender.append(vec![row(1)]).await, Err(AppendError::Failed(failed.clone())));
        assert_eq!(appender.shared.failure.wait().await, failed);
    }

    #[tokio::test]
    async fn a_full_disk_fails_the_group_and_not_the_next() {
        let (appender, verdict, _seen) = scripted();
        verdict.send(Err(StoreError::DiskFull)).unwrap();
        verdict.send(Ok(1)).unwrap();
        let failed = appender.append(vec![row(1)]).await;
        assert_eq!(failed, Err(AppendError::Failed(StoreError::DiskFull)));
        assert_eq!(appender.append(vec![row(1)]).await, Ok(1));
    }
}
