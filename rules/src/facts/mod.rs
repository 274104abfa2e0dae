//! What is known of a deal, and how it came to be known.
//!
//! [`change`] holds the movements a CRM reports, [`observation`] whole records
//! as they were read, [`metadata`] the account around them. [`deal`] is what is
//! stored of one deal: [`fold`] takes one change into it, [`diff`] takes a
//! record apart into changes, [`derived`] reads what follows from the past, and
//! [`schema`] is how conditions see it. [`author`] says who made an edit, and
//! [`suggest`] which of a CRM's properties fill which facts.

pub mod activities;
pub mod author;
pub mod change;
pub mod civil_day;
pub mod deal;
pub mod derived;
pub mod diff;
pub mod event;
pub mod field;
pub mod fold;
pub mod metadata;
pub mod observation;
pub mod person;
pub mod phase;
pub mod place;
pub mod schema;
mod slots;
pub mod suggest;
pub mod track;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub use author::{ChangedBy, Managers};
pub use change::{ActivityKind, Actor, ActorKind, Change, ChangeKind, Direction};
pub use civil_day::civil_day;
pub use deal::{DealFacts, DealState, Hydration};
pub use event::{ChangeView, EventKind};
pub use field::Field;
pub use metadata::{Metadata, Owner, Pipeline, Stage, StageKind};
pub use observation::{Activity, HistoryItem, Observation, Origin};
pub use person::PersonMark;
pub use phase::StagePhase;

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
