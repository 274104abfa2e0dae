//! The movements a CRM reports about a deal.

use serde::{Deserialize, Serialize};

use super::{DealKey, Fact, Field, Value};
use crate::time::UnixMs;

/// One movement of one deal, as decoded from a vendor's event, a poll or an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The deal that moved.
    pub deal: DealKey,
    /// What moved.
    pub kind: ChangeKind,
    /// When it happened according to the vendor. A fact only: the engine's
    /// `now` is never taken from here.
    pub occurred_at: UnixMs,
    /// Who or what moved it.
    pub actor: Actor,
    /// The vendor's own id of this event, shown to templates as
    /// `change.vendor_id`. Not unique at every vendor, so never a key.
    pub vendor_id: Option<String>,
    /// The vendor's ordering number among changes of one instant; 0 where the
    /// vendor has none.
    pub vendor_seq: i64,
}

/// What a [`Change`] says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// The deal was created.
    Created,
    /// A field took a value. Vendors seldom send the previous one; it is
    /// derived from what is stored.
    FieldSet {
        /// The field.
        field: Field,
        /// Its new value.
        to: Fact<Value>,
    },
    /// Somebody wrote, called, met or noted.
    Activity(super::Activity),
    /// The deal was deleted.
    Deleted,
    /// A deleted deal came back.
    Restored,
    /// This deal was merged into another, which lives on.
    MergedInto {
        /// The vendor's id of the surviving deal.
        survivor: String,
    },
}

/// Who or what made a change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The sort of actor.
    pub kind: ActorKind,
    /// The vendor's user id, where one is told.
    pub user_id: Option<String>,
}

/// The sort of actor behind a change.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A person at the CRM's screen.
    Person,
    /// A person changing many records at once.
    Bulk,
    /// A file import.
    Import,
    /// Another application or automation.
    Integration,
    /// Touchline itself.
    Touchline,
    /// The vendor did not say.
    #[default]
    Unknown,
}

/// The sort of an activity.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActivityKind {
    /// An e-mail.
    Email,
    /// A call.
    Call,
    /// A meeting; it may lie in the future.
    Meeting,
    /// A task.
    Task,
    /// A note.
    Note,
}

/// Which way an activity went.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the buyer.
    Inbound,
    /// To the buyer.
    Outbound,
    /// The vendor does not say, or it has none (a note).
    #[default]
    Unknown,
}
