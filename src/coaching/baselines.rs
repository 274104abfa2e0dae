//! Baselines as they are kept: what is usual among each connection's won deals.

use touchline_rules::baseline::{Baseline, Baselines};

use crate::service::Service;
use crate::store::{self, Store};

/// How many snapshots are kept of a connection: enough for a timer that is caught
/// up on to be judged by the one of its own day.
pub const KEPT: usize = 8;

/// The snapshots of a connection. One that this build cannot read is left out; the
/// next midnight makes another.
///
/// # Errors
/// When the store cannot be read.
pub async fn load(store: &Store, connection: &str) -> store::Result<Baselines> {
    let bodies = store.baselines(connection.to_owned(), KEPT).await?;
    Ok(Baselines::of(bodies.iter().filter_map(|body| {
        let read = serde_json::from_slice::<Baseline>(body).inspect_err(|error| {
            tracing::warn!(connection, %error, "a baseline cannot be read and is left out");
        });
        read.ok()
    })))
}

/// Puts what is stored of every connection in force.
///
/// # Errors
/// When the store cannot be read.
pub async fn restore(service: &Service) -> store::Result<()> {
    for connection in service.connections.crms() {
        let baselines = load(&service.store, &connection.slug).await?;
        service.set_baselines(&connection.slug, baselines);
    }
    Ok(())
}
