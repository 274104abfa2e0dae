//! What is known of a deal, and how it came to be known.
//!
//! [`change`] holds the movements a CRM reports, [`observation`] whole records
//! as they were read, [`metadata`] the account around them. [`deal`] is what is
//! stored of one deal: [`fold`] takes one change into it, [`diff`] takes a
//! record apart into changes, [`derived`] reads what follows from the past, and
//! [`schema`] is how conditions see it.

pub mod activities;
pub mod change;
pub mod close_day;
pub mod deal;
pub mod derived;
pub mod diff;
pub mod event;
pub mod fold;
pub mod metadata;
pub mod observation;
pub mod schema;
pub mod track;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub use change::{ActivityKind, Actor, ActorKind, Change, ChangeKind, Direction};
pub use close_day::close_day;
pub use deal::{DealFacts, DealState, Hydration};
pub use event::{ChangeView, EventKind};
pub use metadata::{Metadata, Owner, Pipeline, Stage, StageKind};
pub use observation::{Activity, HistoryItem, Observation, Origin};

use crate::time::UnixMs;

/// A deal's identity: the connection it was heard on and the vendor's own id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DealKey {
    /// Slug of the connection.
    pub connection: String,
    /// The vendor's id, always as text.
    pub id: String,
}

/// What is known of one fact.
///
/// *Empty*: the CRM says blank. *Unknown*: nobody told us (not mapped, not
/// permitted, not fetched). Rules treat the two differently.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact<T> {
    /// The CRM holds this value.
    Known(T),
    /// The CRM holds no value.
    Empty,
    /// Nobody told us.
    #[default]
    Unknown,
}

impl<T> Fact<T> {
    /// The value, if there is one.
    pub fn known(&self) -> Option<&T> {
        match self {
            Fact::Known(value) => Some(value),
            Fact::Empty | Fact::Unknown => None,
        }
    }
}

/// A value of one CRM field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Text; never empty (an empty text is [`Fact::Empty`]).
    Text(String),
    /// An exact decimal number.
    Number(Decimal),
    /// An instant.
    Time(UnixMs),
}

/// The deal fields that a CRM sets and rules may read. Facts derived from
/// their history (pushes, stage moves, time in stage) are not listed here.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The deal's name (text).
    Name,
    /// Pipeline id (text).
    Pipeline,
    /// Stage id (text).
    Stage,
    /// The vendor's owner id (text).
    Owner,
    /// Amount in [`Field::Currency`] (number).
    Amount,
    /// ISO 4217 code (text).
    Currency,
    /// Expected or actual close (time).
    CloseDate,
    /// When the deal was created in the CRM (time).
    CreatedAt,
    /// The agreed next step (text).
    NextStep,
    /// Why a lost deal was lost (text).
    LossReason,
}

impl Field {
    /// Every field, in declaration order.
    pub const ALL: [Field; 10] = [
        Field::Name,
        Field::Pipeline,
        Field::Stage,
        Field::Owner,
        Field::Amount,
        Field::Currency,
        Field::CloseDate,
        Field::CreatedAt,
        Field::NextStep,
        Field::LossReason,
    ];

    /// The name rules and stored rows use, for example `close_date`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Field::Name => "name",
            Field::Pipeline => "pipeline",
            Field::Stage => "stage",
            Field::Owner => "owner",
            Field::Amount => "amount",
            Field::Currency => "currency",
            Field::CloseDate => "close_date",
            Field::CreatedAt => "created_at",
            Field::NextStep => "next_step",
            Field::LossReason => "loss_reason",
        }
    }
}
