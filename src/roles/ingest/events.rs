//! Stored requests become events: pieces of news in the order they arrived.

use std::sync::Arc;

use touchline_kit::{ActivityRef, Inbound, StoredRequest};
use touchline_rules::UnixMs;
use touchline_rules::facts::{ActivityKind, Change, Observation};

use crate::guard::guarded;
use crate::service::Service;
use crate::store::{InboxRow, NewInbox, places_of};

/// The kind of an inbox row that a webhook made; the connector's own kind follows.
pub const HOOK: &str = "hook:";
/// The kind of an inbox row with read records.
pub const OBSERVATIONS: &str = "observations";
/// The kind of an inbox row with changes that were looked up.
pub const CHANGES: &str = "changes";

/// Events of a request that was stored again: more than any request holds.
const PLACES_MAX: usize = 1_000_000;

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
/// over which its connector panics. Of a row that was stored again, only the events
/// that it was stored for.
pub fn decode(service: &Service, row: InboxRow) -> (u64, Vec<Event>) {
    let InboxRow { seq, request } = row;
    let (only, kind) = places_of(&request.kind);
    let said = match (guarded(|| read(service, &request, kind)), only) {
        (Ok(said), None) => (0..).zip(said).collect(),
        (Ok(said), Some(ranges)) => at_places(&ranges, said),
        (Err(panic), only) => {
            let first = only.and_then(|ranges| ranges.first().copied());
            vec![(first.map_or(0, |(from, _)| from), Said::Panicked(panic))]
        }
    };
    let request = Arc::new(request);
    let events = said.into_iter().map(|(place, said)| Event {
        seq,
        place,
        connection: request.connection.clone(),
        received_at: request.received_at,
        request: Arc::clone(&request),
        said,
    });
    (seq, events.collect())
}

/// The events at these places. Where there is none, the reason why the whole row
/// cannot be read, or that there is none: a letter never vanishes.
fn at_places(ranges: &[(u32, u32)], said: Vec<Said>) -> Vec<(u32, Said)> {
    let whole = match said.as_slice() {
        [Said::Badly(reason)] => reason.clone(),
        _ => "the request holds no event at this place any more".to_owned(),
    };
    let mut said: Vec<_> = said.into_iter().map(Some).collect();
    let places = ranges.iter().flat_map(|(from, to)| *from..=*to).take(PLACES_MAX);
    let found = places.map(|place| {
        let index = usize::try_from(place).unwrap_or(usize::MAX);
        let event = said.get_mut(index).and_then(Option::take);
        (place, event.unwrap_or_else(|| Said::Badly(whole.clone())))
    });
    found.collect()
}

fn read(service: &Service, request: &NewInbox, kind: &str) -> Vec<Said> {
    match kind {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(ranges: &[(u32, u32)], said: Vec<Said>) -> Vec<(u32, String)> {
        let text = |said| match said {
            Said::Well(inbound) => format!("{inbound:?}"),
            Said::Badly(reason) | Said::Panicked(reason) => reason,
        };
        at_places(ranges, said).into_iter().map(|(place, said)| (place, text(said))).collect()
    }

    #[test]
    fn of_a_row_stored_again_only_the_named_places_are_heard_and_none_vanishes() {
        let bad = |reason: &str| Said::Badly(reason.to_owned());
        let of = |place, text: &str| (place, text.to_owned());
        let three = || vec![bad("a"), bad("b"), bad("c")];
        assert_eq!(shown(&[(0, 0), (2, 2)], three()), [of(0, "a"), of(2, "c")]);
        let none = "the request holds no event at this place any more";
        assert_eq!(shown(&[(2, 3)], three()), [of(2, "c"), of(3, none)]);
        let gone = "its connection is not configured any more";
        assert_eq!(shown(&[(4, 5)], vec![bad(gone)]), [of(4, gone), of(5, gone)]);
    }
}
