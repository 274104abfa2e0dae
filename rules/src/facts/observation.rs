//! Whole records as they were read.

use serde::{Deserialize, Serialize};

use super::{ActivityKind, Actor, DealKey, Direction, Fact, Field, PersonMark, Value};
use crate::time::UnixMs;

/// A deal as a CRM showed it at one instant, with what it tells of the past.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// The deal.
    pub deal: DealKey,
    /// Why it was read.
    pub origin: Origin,
    /// When it was read.
    pub observed_at: UnixMs,
    /// The present value of each field that was asked for. A field that is not
    /// listed stays as it was.
    pub fields: Vec<(Field, Fact<Value>)>,
    /// Past values of fields with history, in any order, the present one included.
    pub history: Vec<HistoryItem>,
    /// Every activity of the deal inside the look-back, or `None` when
    /// activities were not read: then they stay Unknown.
    pub activities: Option<Vec<Activity>>,
    /// The record no longer exists, or is archived.
    pub gone: bool,
    /// Where a person can open the deal.
    pub url: Option<String>,
}

/// Why an [`Observation`] was made. It decides which of its changes may fire.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A webhook named a deal not seen before. Changes from the earliest
    /// waiting webhook change on may fire; older ones are history.
    Hydrate,
    /// The catch-up poll found it changed. Changes newer than what is stored may fire.
    Poll,
    /// Read on connect. Everything is history.
    Backfill,
    /// Read from a file. Everything is history, and its times are estimates.
    Import,
    /// Re-read just before a delivery. As [`Origin::Poll`].
    Refresh,
}

/// One past value of one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryItem {
    /// The field.
    pub field: Field,
    /// The value it took.
    pub value: Fact<Value>,
    /// When it took it.
    pub at: UnixMs,
    /// Who set it.
    pub actor: Actor,
    /// The vendor's ordering number among values of one instant; 0 where there is none.
    pub vendor_seq: i64,
}

/// Something somebody did about a deal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// The vendor's id, unique together with `kind`.
    pub id: String,
    /// Its sort.
    pub kind: ActivityKind,
    /// Which way it went.
    pub direction: Direction,
    /// When it happened, or will (a meeting).
    pub at: UnixMs,
    /// Written by Touchline: kept out of every activity fact.
    pub by_touchline: bool,
    /// The people at the buyer's who took part; `None` where nobody told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people: Option<Vec<PersonMark>>,
}
