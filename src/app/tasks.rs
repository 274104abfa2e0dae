//! The tasks of a running service: started by name, and none ends unnoticed.

use std::collections::HashMap;
use std::future::Future;

use tokio::task::{Id, JoinSet};
use tokio::time::Instant;

/// Tasks that go on until a stop is asked for.
#[derive(Default)]
pub(super) struct Tasks {
    running: JoinSet<()>,
    names: HashMap<Id, &'static str>,
}

impl Tasks {
    /// Starts a task.
    pub(super) fn start(
        &mut self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let id = self.running.spawn(task).id();
        self.names.insert(id, name);
    }

    /// Waits until one has ended, which none should: a panic.
    pub(super) async fn ended(&mut self) -> anyhow::Error {
        let (id, why) = match self.running.join_next_with_id().await {
            Some(Ok((id, ()))) => (Some(id), "it came to its end".to_owned()),
            Some(Err(error)) => (Some(error.id()), error.to_string()),
            None => (None, "nothing is running".to_owned()),
        };
        let name = id.and_then(|id| self.names.get(&id)).copied().unwrap_or("service");
        anyhow::anyhow!(
            "the {name} role ended by itself: {why}\n\
             hint: start again, nothing acknowledged is lost; if it ends again, `touchline doctor` \
             may tell why"
        )
    }

    /// Waits until all have ended, and ends what has not by `deadline`.
    pub(super) async fn finish(&mut self, deadline: Instant) {
        let all = async { while self.running.join_next().await.is_some() {} };
        if tokio::time::timeout_at(deadline, all).await.is_err() {
            tracing::warn!(
                "stopped while something was still under way; it is done again at the next start"
            );
        }
        self.running.shutdown().await;
    }
}
