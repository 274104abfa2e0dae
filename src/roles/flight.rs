//! Calls under way within one tick: bounded for each connection, so that one
//! that hangs takes the places of no other.

use std::collections::BTreeMap;
use std::future::Future;

use futures::StreamExt as _;
use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::FuturesUnordered;

/// Calls under way, by the connection they use.
#[derive(Default)]
pub struct Flight<'a> {
    calls: FuturesUnordered<BoxFuture<'a, (String, anyhow::Result<()>)>>,
    of: BTreeMap<String, usize>,
}

impl<'a> Flight<'a> {
    /// Begins a call on a connection.
    pub fn begin(
        &mut self,
        connection: &str,
        call: impl Future<Output = anyhow::Result<()>> + Send + 'a,
    ) {
        *self.of.entry(connection.to_owned()).or_default() += 1;
        let connection = connection.to_owned();
        self.calls.push(call.map(|result| (connection, result)).boxed());
    }

    /// How many more calls a connection may have under way, of `most`.
    #[must_use]
    pub fn room(&self, connection: &str, most: usize) -> usize {
        most.saturating_sub(self.of.get(connection).copied().unwrap_or(0))
    }

    /// Whether nothing is under way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Waits until one call has ended; `None` at once when none is under way.
    pub async fn next(&mut self) -> Option<anyhow::Result<()>> {
        let (connection, result) = self.calls.next().await?;
        if let Some(of) = self.of.get_mut(&connection) {
            *of = of.saturating_sub(1);
        }
        Some(result)
    }
}
