//! Deliveries and the states they move through.
//!
//! ```text
//! waiting ──► claimed ──► sent
//!    ▲  │        │  ├───► unknown ───► sent | waiting | accepted (an admin lets it rest)
//!    │  │        │  └───► failed ────► waiting (an admin replays it) | dropped (or gives it up)
//!    └──┼────────┘
//!       └──► dropped
//! ```

use rusqlite::{Connection, Row, params};
use touchline_rules::UnixMs;

use super::Store;
use super::error::{Result, StoreError};
use super::statement::{all, first, run, sql_limit, statements, unknown_word};

/// Deliveries of one person that one look at the budget reads.
const RECENT_MAX: usize = 500;

const NO_RECEIPT: &[u8] = &[];

/// One select list for every query of a [`DeliveryRow`].
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, connection, channel, person, attention, subject, on_end, priority, \
             created_at, expires_at, state, why, until, attempts, resends, spent_at, sent_at, \
             receipt, body FROM delivery ",
            $rest
        )
    };
}
pub(super) use select;

statements! {
    GET(1) = select!("WHERE id = $1");
    OF_NUDGE(1) = select!(
        "WHERE id IN (SELECT delivery_id FROM delivery_nudge WHERE nudge_id = $1) ORDER BY id");
    OF_PERSON(4) = select!("WHERE person = $1 AND (created_at >= $2 OR spent_at >= $3 \
        OR state IN ('waiting', 'claimed')) ORDER BY created_at DESC, id LIMIT $4");
    IN_STATE(2) = select!("WHERE state = $1 ORDER BY created_at, id LIMIT $2");
    INSERT(13) = "INSERT INTO delivery (id, connection, channel, person, attention, subject, \
        on_end, priority, created_at, expires_at, until, body, state, why, attempts, resends, \
        spent_at, sent_at, receipt) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, \
        'waiting', '', 0, 0, 0, 0, $13) ON CONFLICT DO NOTHING";
    LINK(2) = "INSERT INTO delivery_nudge (nudge_id, delivery_id) VALUES ($1, $2) \
        ON CONFLICT DO NOTHING";
    RENEW(2) = "UPDATE delivery SET expires_at = $1 WHERE id = $2";
    /// Whether a reader has another hello that came or will come.
    OTHER_HELLO(4) = "SELECT COUNT(*) FROM delivery WHERE person = $1 AND connection = $2 \
        AND channel = $3 AND id <> $4 AND state NOT IN ('failed', 'dropped')";
    SAVE(9) = "UPDATE delivery SET state = $1, why = $2, until = $3, attempts = $4, resends = $5, \
        spent_at = $6, sent_at = $7, receipt = $8 WHERE id = $9";
    UNLINK_ALL(1) = "DELETE FROM delivery_nudge WHERE delivery_id = $1";
    REMOVE(1) = "DELETE FROM delivery WHERE id = $1 AND state = 'waiting'";
    REMOVE_DROPPED(1) = "DELETE FROM delivery WHERE id = $1 AND state = 'dropped' AND resends = 0";
    CARRIES(1) = "SELECT nudge_id FROM delivery_nudge WHERE delivery_id = $1 ORDER BY nudge_id";
    UNLINK(2) = "DELETE FROM delivery_nudge WHERE nudge_id = $1 AND delivery_id = $2";
    COUNT_WAITING(2) = "SELECT COUNT(*) FROM (SELECT 1 FROM delivery \
        WHERE connection = $1 AND state = 'waiting' LIMIT $2) AS counted";
}

/// Where a delivery stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeliveryState {
    /// To be sent, not before `until`.
    Waiting,
    /// A worker may be sending it right now.
    Claimed,
    /// The vendor has it and told where.
    Sent,
    /// It counts as sent, and nobody knows where it is: an admin let an unknown one rest.
    Accepted,
    /// It may or may not have been sent.
    Unknown,
    /// The vendor refuses it, and always will.
    Failed,
    /// Not sent, on purpose.
    Dropped,
}

use DeliveryState::{Accepted, Claimed, Dropped, Failed, Sent, Unknown, Waiting};

impl DeliveryState {
    /// Every state.
    pub const ALL: [DeliveryState; 7] =
        [Waiting, Claimed, Sent, Accepted, Unknown, Failed, Dropped];

    /// The name stored rows use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Waiting => "waiting",
            Claimed => "claimed",
            Sent => "sent",
            Accepted => "accepted",
            Unknown => "unknown",
            Failed => "failed",
            Dropped => "dropped",
        }
    }

    /// Whether a delivery may go from here to `next`.
    #[must_use]
    pub fn may_become(self, next: DeliveryState) -> bool {
        match self {
            Waiting => matches!(next, Claimed | Dropped),
            Claimed => matches!(next, Sent | Unknown | Waiting | Failed),
            Unknown => matches!(next, Sent | Accepted | Waiting),
            Failed => matches!(next, Waiting | Dropped),
            Sent | Accepted | Dropped => false,
        }
    }
}

/// One message to one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Derived from nudge, connection and channel.
    pub id: String,
    /// Slug of the connection that sends it.
    pub connection: String,
    /// `chat`, `task`, `note` …
    pub channel: String,
    /// Who reads it.
    pub person: String,
    /// `interrupt`, `digest`, `hello` …: how it counts against the budget.
    pub attention: String,
    /// The deal it is about, for the limit per deal; empty for a digest.
    pub subject: String,
    /// The work that quietens it once its reason is gone: `edit` or `complete`.
    pub on_end: String,
    /// 1 to 9, 1 first.
    pub priority: i64,
    /// When it was decided.
    pub created_at: UnixMs,
    /// After this it is not sent.
    pub expires_at: UnixMs,
    /// Where it stands.
    pub state: DeliveryState,
    /// Why it waits, failed or was dropped.
    pub why: String,
    /// Waiting: not before. Claimed: the lease's end. Unknown: when to look again.
    pub until: UnixMs,
    /// Claims so far.
    pub attempts: u32,
    /// Times it was sent again although the outcome was unknown: 0 or 1.
    pub resends: u32,
    /// When it was charged to the person's budget; `None` while it is not.
    pub spent_at: Option<UnixMs>,
    /// When the vendor took it.
    pub sent_at: Option<UnixMs>,
    /// Where the vendor put it; empty until sent.
    pub receipt: Vec<u8>,
    /// Everything else.
    pub body: Vec<u8>,
}

impl DeliveryRow {
    /// Whether its outcome is unknown and nobody looks into it any more.
    #[must_use]
    pub fn is_left_alone(&self) -> bool {
        self.state == Unknown && self.until >= UnixMs::MAX
    }

    /// This delivery in another state.
    pub(super) fn step(&self, next: DeliveryState, why: &str) -> Result<DeliveryRow> {
        if !self.state.may_become(next) {
            let detail = format!("is {} and cannot become {}", self.state.name(), next.name());
            return Err(StoreError::conflict("delivery", &self.id, detail));
        }
        Ok(DeliveryRow { state: next, why: why.to_owned(), ..self.clone() })
    }

    /// This delivery, no longer charged to anybody, for its last try certainly
    /// sent nothing. After a second sending the first may still have arrived,
    /// so that one stays charged.
    pub(super) fn refunded(self) -> DeliveryRow {
        match self.resends {
            0 => DeliveryRow { spent_at: None, ..self },
            _ => self,
        }
    }
}

impl Store {
    /// One delivery.
    pub async fn delivery(&self, id: String) -> Result<Option<DeliveryRow>> {
        self.read(move |main| get(main, &id)).await
    }

    /// The deliveries that carry a nudge.
    pub async fn deliveries_of_nudge(&self, nudge_id: String) -> Result<Vec<DeliveryRow>> {
        self.read(move |main| of_nudge(main, &nudge_id)).await
    }

    /// Deliveries in one state, oldest first: what failed, what is unknown.
    pub async fn deliveries_in(
        &self,
        state: DeliveryState,
        limit: usize,
    ) -> Result<Vec<DeliveryRow>> {
        self.read(move |main| {
            all(main, &IN_STATE, params![state.name(), sql_limit(limit)], delivery_row)
        })
        .await
    }
}

pub(super) fn get(main: &Connection, id: &str) -> Result<Option<DeliveryRow>> {
    first(main, &GET, params![id], delivery_row)
}

pub(super) fn of_nudge(main: &Connection, nudge_id: &str) -> Result<Vec<DeliveryRow>> {
    all(main, &OF_NUDGE, params![nudge_id], delivery_row)
}

/// What was decided for a person or charged to them since `since`, or is still
/// to be sent, with the nudges that each carries.
pub(super) fn recent(
    main: &Connection,
    person: &str,
    since: UnixMs,
) -> Result<Vec<(DeliveryRow, Vec<String>)>> {
    let of = params![person, since.0, since.0, sql_limit(RECENT_MAX)];
    let mut found = Vec::new();
    for row in all(main, &OF_PERSON, of, delivery_row)? {
        let carries = carried(main, &row.id)?;
        found.push((row, carries));
    }
    Ok(found)
}

/// The ids of the nudges that a delivery carries.
fn carried(main: &Connection, id: &str) -> Result<Vec<String>> {
    all(main, &CARRIES, params![id], |row| row.get(0))
}

/// Puts off when a delivery is not worth sending any more.
pub(super) fn renew(main: &Connection, id: &str, expires_at: UnixMs) -> Result<()> {
    run(main, &RENEW, params![expires_at.0, id]).map(drop)
}

/// Whether its reader has, or is to have, another introduction than this one.
pub(super) fn is_introduced(main: &Connection, row: &DeliveryRow) -> Result<bool> {
    let of = params![row.person, row.connection, row.channel, row.id];
    Ok(super::statement::number(main, &OTHER_HELLO, of)? > 0)
}

/// Takes a nudge out of a delivery.
pub(super) fn take_out(main: &Connection, id: &str, nudge_id: &str) -> Result<()> {
    run(main, &UNLINK, params![nudge_id, id]).map(drop)
}

/// How many wait at a connection, counted up to `limit`.
pub(super) fn count_waiting(main: &Connection, connection: &str, limit: usize) -> Result<usize> {
    let counted =
        super::statement::number(main, &COUNT_WAITING, params![connection, sql_limit(limit)])?;
    Ok(usize::try_from(counted).unwrap_or(usize::MAX))
}

/// Adds a waiting delivery with its nudges and answers whether it is new.
pub(super) fn add(main: &Connection, row: &super::NewDelivery) -> Result<bool> {
    let super::NewDelivery { id, connection, channel, person, attention, subject, on_end, .. } =
        row;
    let (created_at, expires_at, until) = (row.created_at.0, row.expires_at.0, row.until.0);
    let added = run(
        main,
        &INSERT,
        params![
            id,
            connection,
            channel,
            person,
            attention,
            subject,
            on_end,
            row.priority,
            created_at,
            expires_at,
            until,
            row.body,
            NO_RECEIPT,
        ],
    )?;
    for nudge in &row.nudges {
        run(main, &LINK, params![nudge, id])?;
    }
    Ok(added == 1)
}

/// Undoes a decision: the delivery was never there.
pub(super) fn take_back(main: &Connection, id: &str) -> Result<()> {
    if run(main, &REMOVE, params![id])? == 1 {
        run(main, &UNLINK_ALL, params![id])?;
    }
    Ok(())
}

/// Makes room for a decision made anew: a delivery of that id which was dropped
/// before anything left was never there. One that was sent again may have
/// arrived the first time, and stays.
pub(super) fn forget_dropped(main: &Connection, id: &str) -> Result<()> {
    if run(main, &REMOVE_DROPPED, params![id])? == 1 {
        run(main, &UNLINK_ALL, params![id])?;
    }
    Ok(())
}

/// Writes the columns that change.
pub(super) fn save(main: &Connection, row: &DeliveryRow) -> Result<()> {
    let moment = |at: Option<UnixMs>| at.map_or(0, |at| at.0);
    run(
        main,
        &SAVE,
        params![
            row.state.name(),
            row.why,
            row.until.0,
            row.attempts,
            row.resends,
            moment(row.spent_at),
            moment(row.sent_at),
            row.receipt,
            row.id,
        ],
    )
    .map(drop)
}

pub(super) fn delivery_row(row: &Row<'_>) -> rusqlite::Result<DeliveryRow> {
    let word: String = row.get(10)?;
    let state = DeliveryState::ALL.into_iter().find(|state| state.name() == word);
    let moment = |at: i64| (at != 0).then_some(UnixMs(at));
    Ok(DeliveryRow {
        id: row.get(0)?,
        connection: row.get(1)?,
        channel: row.get(2)?,
        person: row.get(3)?,
        attention: row.get(4)?,
        subject: row.get(5)?,
        on_end: row.get(6)?,
        priority: row.get(7)?,
        created_at: UnixMs(row.get(8)?),
        expires_at: UnixMs(row.get(9)?),
        state: state.ok_or_else(|| unknown_word(10, &word))?,
        why: row.get(11)?,
        until: UnixMs(row.get(12)?),
        attempts: row.get(13)?,
        resends: row.get(14)?,
        spent_at: moment(row.get(15)?),
        sent_at: moment(row.get(16)?),
        receipt: row.get(17)?,
        body: row.get(18)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_or_dropped_is_never_sent_again() {
        for end in [Sent, Accepted, Dropped] {
            assert!(DeliveryState::ALL.iter().all(|next| !end.may_become(*next)));
        }
        let into_claimed: Vec<_> =
            DeliveryState::ALL.into_iter().filter(|state| state.may_become(Claimed)).collect();
        assert_eq!(into_claimed, [Waiting], "a claim begins where nobody may be sending");
    }
}
