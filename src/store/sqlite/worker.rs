//! Threads that own connections, and the bounded queue in front of them.
//!
//! SQLite calls block, so they never run on the async runtime: a caller hands a
//! closure to a thread and awaits its answer.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::store::error::{Result, StoreError};

type Job<C> = Box<dyn FnOnce(&mut C) + Send>;

struct Waiting<C> {
    jobs: VecDeque<Job<C>>,
    closed: bool,
}

struct Queue<C> {
    name: &'static str,
    limit: usize,
    waiting: Mutex<Waiting<C>>,
    ready: Condvar,
}

impl<C> Queue<C> {
    fn lock(&self) -> MutexGuard<'_, Waiting<C>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: Job<C>) -> Result<()> {
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(StoreError::Closed);
        }
        if waiting.jobs.len() >= self.limit {
            return Err(StoreError::Overloaded { queue: self.name, limit: self.limit });
        }
        waiting.jobs.push_back(job);
        self.ready.notify_one();
        Ok(())
    }

    /// Waits for a job; `None` once the queue is closed and empty.
    fn pop(&self) -> Option<Job<C>> {
        let mut waiting = self.lock();
        loop {
            if let Some(job) = waiting.jobs.pop_front() {
                return Some(job);
            }
            if waiting.closed {
                return None;
            }
            waiting = self.ready.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_all();
    }
}

/// Hands jobs to [`Workers`] without owning them.
pub(in crate::store) struct Handle<C>(Arc<Queue<C>>);

impl<C> Clone for Handle<C> {
    fn clone(&self) -> Self {
        Handle(Arc::clone(&self.0))
    }
}

impl<C: 'static> Handle<C> {
    /// Queues a job and awaits its answer. A job that has been queued runs to
    /// its end even if the caller stops waiting.
    pub async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut C) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        self.post(move |state| drop(answer.send(job(state))))?;
        answered.await.unwrap_or_else(|_| {
            Err(StoreError::Unexpected { detail: "a database job did not finish".to_owned() })
        })
    }

    /// Queues a job whose answer nobody needs.
    pub fn post(&self, job: impl FnOnce(&mut C) + Send + 'static) -> Result<()> {
        self.0.push(Box::new(job))
    }
}

/// Threads of one kind. Dropping them lets what is queued finish.
pub(in crate::store) struct Workers<C> {
    handle: Handle<C>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl<C: Send + 'static> Workers<C> {
    /// Starts one thread for each state, all taking from one queue.
    pub fn start(name: &'static str, limit: usize, states: Vec<C>) -> Result<Self> {
        let waiting = Mutex::new(Waiting { jobs: VecDeque::new(), closed: false });
        let queue = Arc::new(Queue { name, limit, waiting, ready: Condvar::new() });
        let started = states.into_iter().map(|state| start_thread(name, Arc::clone(&queue), state));
        let threads = started.collect::<Result<Vec<_>>>()?;
        Ok(Workers { handle: Handle(queue), threads: Mutex::new(threads) })
    }

    pub fn handle(&self) -> Handle<C> {
        self.handle.clone()
    }

    /// Takes no more jobs, finishes those that wait, and ends the threads.
    /// Blocks until then.
    pub fn finish(&self) {
        self.handle.0.close();
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A job's panic is caught below, so the thread itself ends well.
            drop(thread.join());
        }
    }
}

impl<C> Drop for Workers<C> {
    fn drop(&mut self) {
        self.handle.0.close();
    }
}

fn start_thread<C: Send + 'static>(
    name: &'static str,
    queue: Arc<Queue<C>>,
    mut state: C,
) -> Result<JoinHandle<()>> {
    let work = move || {
        while let Some(job) = queue.pop() {
            // A panic in one job must not leave every later caller waiting. Its
            // transaction rolls back as it unwinds, and its caller gets an error.
            drop(catch_unwind(AssertUnwindSafe(|| job(&mut state))));
        }
    };
    let started = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    started.map_err(|error| StoreError::Unexpected { detail: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panicking_job_spoils_itself_only() {
        let workers = Workers::start("test", 8, vec![0_u32]).unwrap();
        let handle = workers.handle();
        let spoiled = handle.run(|_: &mut u32| -> Result<()> { panic!("on purpose") }).await;
        assert!(matches!(spoiled, Err(StoreError::Unexpected { .. })));
        assert_eq!(handle.run(|state| Ok(*state)).await, Ok(0));
        workers.finish();
        assert_eq!(handle.run(|state| Ok(*state)).await, Err(StoreError::Closed));
    }

    #[tokio::test]
    async fn a_full_queue_refuses() {
        let workers = Workers::start("test", 1, vec![()]).unwrap();
        let handle = workers.handle();
        let (go, gate) = std::sync::mpsc::channel::<()>();
        let (begun, running) = oneshot::channel();
        handle
            .post(move |()| {
                begun.send(()).unwrap();
                gate.recv().unwrap();
            })
            .unwrap();
        running.await.unwrap();
        handle.post(|()| {}).unwrap();
        let refused = handle.post(|()| {});
        assert_eq!(refused, Err(StoreError::Overloaded { queue: "test", limit: 1 }));
        go.send(()).unwrap();
    }
}
