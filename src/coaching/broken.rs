//! Connections whose access was taken away: noted once, told once.

use touchline_rules::UnixMs;

use crate::store::{self, Store};

/// Notes that the credentials of a connection no longer work, and tells it if
/// that is news. Until a test succeeds or it is connected anew, nothing is sent.
///
/// # Errors
/// When the store cannot be written.
pub async fn note_broken(
    store: &Store,
    connection: &str,
    connector: &str,
    reason: &str,
    now: UnixMs,
) -> store::Result<()> {
    let (name, connector) = (connection.to_owned(), connector.to_owned());
    if store.break_connection(name, connector, reason.to_owned(), now).await? {
        tracing::error!(
            connection,
            reason,
            "access was taken away; nothing is sent until it is back\nhint: connect again with `touchline connect`, or put the new token into the configuration and restart"
        );
    }
    Ok(())
}
