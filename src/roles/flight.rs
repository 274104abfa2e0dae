//! Calls under way within one tick: bounded for each connection, so that one
//! that hangs takes the places of no other.

use std::collections::BTreeMap;
use std::future::Future;

use futures::StreamExt as _;
use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::FuturesUnordered;

/// What ended: on which connection, for whom, and how.
type Ended = (String, String, anyhow::Result<()>);

/// Calls under way, by the connection they use.
#[derive(Default)]
pub struct Flight<'a> {
    calls: FuturesUnordered<BoxFuture<'a, Ended>>,
    /// For whom each call of a connection is; empty where it is for nobody.
    of: BTreeMap<String, Vec<String>>,
}

impl<'a> Flight<'a> {
    /// Begins a call on a connection.
    pub fn begin(
        &mut self,
        connection: &str,
        call: impl Future<Output = anyhow::Result<()>> + Send + 'a,
    ) {
        self.begin_for("", connection, call);
    }

    /// Begins a call on a connection for somebody.
    pub fn begin_for(
        &mut self,
        reader: &str,
        connection: &str,
        call: impl Future<Output = anyhow::Result<()>> + Send + 'a,
    ) {
        let (connection, reader) = (connection.to_owned(), reader.to_owned());
        self.of.entry(connection.clone()).or_default().push(reader.clone());
        self.calls.push(call.map(|result| (connection, reader, result)).boxed());
    }

    /// For whom a call is under way on a connection.
    #[must_use]
    pub fn readers(&self, connection: &str) -> Vec<String> {
        let all = self.of.get(connection).into_iter().flatten();
        all.filter(|reader| !reader.is_empty()).cloned().collect()
    }

    /// How many more calls a connection may have under way, of `most`.
    #[must_use]
    pub fn room(&self, connection: &str, most: usize) -> usize {
        most.saturating_sub(self.of.get(connection).map_or(0, Vec::len))
    }

    /// Whether nothing is under way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Waits until one call has ended; `None` at once when none is under way.
    pub async fn next(&mut self) -> Option<anyhow::Result<()>> {
        let (connection, reader, result) = self.calls.next().await?;
        if let Some(of) = self.of.get_mut(&connection)
            && let Some(place) = of.iter().position(|one| *one == reader)
        {
            of.swap_remove(place);
        }
        Some(result)
    }
}
