//! Stored requests become events: pieces of news in the order they arrived.

use std::sync::Arc;

use touchline_kit::{ActivityRef, Inbound, StoredRequest};
use touchline_rules::UnixMs;
use touchline_rules::facts::{ActivityKind, Change, Observation};

use crate::guard::guarded;
use crate::service::Service;
use crate::store::{InboxRow, NewInbox};

/// The kind of an inbox row that a webhook made; the connector's own kind follows.
pub const HOOK: &str = "hook:";
/// The kind of an inbox row with read records.
pub const OBSERVATIONS: &str = "observations";
/// The kind of an inbox row with changes that were looked up.
pub const CHANGES: &str = "changes";

/// One piece of news and where it stands in the inbox.
pub struct Event {
    /// The inbox row.
    pub seq: u64,
    /// Its place in the row, from 0.
    pub place: u32,
    /// Slug of the connection.
    pub connection: String,
    /// When the row arrived.
    pub received_at: UnixMs,
    /// The row, for a dead letter.
    pub request: Arc<NewInbox>,
    /// What it says.
    pub said: Said,
}

/// What an event says.
pub enum Said {
    /// Something that makes sense.
    Well(Inbound),
    /// Authentic, but it makes no sense, for this reason.
    Badly(String),
    /// Its connector panicked over it, with these words: our own fault.
    Panicked(String),
}

/// The events of one row, with its sequence number. Total: a row of a connection
/// that is gone, or one that nobody can read, is an event that says so; so is one
/// over which its connector panics.
pub fn decode(service: &Service, row: InboxRow) -> (u64, Vec<Event>) {
    let InboxRow { seq, request } = row;
    let said = guarded(|| read(service, &request));
    let said = said.unwrap_or_else(|panic| vec![Said::Panicked(panic)]);
    let request = Arc::new(request);
    let events = said.into_iter().enumerate().map(|(place, said)| Event {
        seq,
        place: u32::try_from(place).unwrap_or(u32::MAX),
        connection: request.connection.clone(),
        received_at: request.received_at,
        request: Arc::clone(&request),
        said,
    });
    (seq, events.collect())
}

fn read(service: &Service, request: &NewInbox) -> Vec<Said> {
    match request.kind.as_str() {
        OBSERVATIONS => records::<Observation>(&request.body, Inbound::Observation),
        CHANGES => records::<Change>(&request.body, Inbound::Change),
        kind => {
            let Some(connection) = service.connections.get(&request.connection) else {
                return vec![Said::Badly("its connection is not configured any more".to_owned())];
            };
            let stored = StoredRequest {
                headers: serde_json::from_slice(&request.headers).unwrap_or_default(),
                body: request.body.clone(),
                received_at: request.received_at,
            };
            let kind = kind.strip_prefix(HOOK).unwrap_or(kind);
            let decoded = connection.connector.decode(kind, &stored, &connection.view());
            decoded
                .into_iter()
                .map(|inbound| inbound.map_or_else(|bad| Said::Badly(bad.reason), Said::Well))
                .collect()
        }
    }
}

fn records<T: serde::de::DeserializeOwned>(body: &[u8], of: fn(T) -> Inbound) -> Vec<Said> {
    match serde_json::from_slice::<Vec<T>>(body) {
        Ok(records) => records.into_iter().map(|record| Said::Well(of(record))).collect(),
        Err(error) => vec![Said::Badly(format!("a record of our own cannot be read: {error}"))],
    }
}

/// An activity's key among the work rows, for example `email:512`.
pub fn activity_key(activity: &ActivityRef) -> String {
    format!("{}:{}", activity_name(activity.kind), activity.id)
}

/// The activity behind [`activity_key`].
#[must_use]
pub fn activity_of(key: &str) -> Option<ActivityRef> {
    const KINDS: [ActivityKind; 5] = [
        ActivityKind::Email,
        ActivityKind::Call,
        ActivityKind::Meeting,
        ActivityKind::Task,
        ActivityKind::Note,
    ];
    let (name, id) = key.split_once(':')?;
    let kind = KINDS.into_iter().find(|kind| activity_name(*kind) == name)?;
    Some(ActivityRef { kind, id: id.to_owned() })
}

fn activity_name(kind: ActivityKind) -> &'static str {
    match kind {
        ActivityKind::Email => "email",
        ActivityKind::Call => "call",
        ActivityKind::Meeting => "meeting",
        ActivityKind::Task => "task",
        ActivityKind::Note => "note",
    }
}
