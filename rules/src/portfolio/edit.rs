//! Edits that people made on deals.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::standing::Standing;
use crate::engine::AppliedChange;
use crate::facts::{ActorKind, DealKey, Field, Metadata};
use crate::ruleset::hash;
use crate::time::UnixMs;

/// A change of a field that a person made on a deal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edit {
    /// The same for the same change, however often it is told.
    pub id: String,
    /// E-mail of who made it.
    pub by: String,
    /// E-mail of the deal's owner.
    pub owner: String,
    /// The deal.
    pub deal: DealKey,
    /// When.
    pub at: UnixMs,
    /// The deal's amount then, in the account's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<f64>,
    /// The day on which the deal was to close then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close_on: Option<Date>,
}

/// The edit that a change means, on a deal that stands like this after it. `None`
/// for history, for what no known person did by hand, and for giving a deal to
/// somebody else, which is a manager's own work.
#[must_use]
pub fn edit(
    change: &AppliedChange,
    deal: &DealKey,
    standing: &Standing,
    metadata: &Metadata,
) -> Option<Edit> {
    let field = change.moved.filter(|field| *field != Field::Owner)?;
    if change.history || change.actor.kind != ActorKind::Person {
        return None;
    }
    let user = change.actor.user_id.as_deref()?;
    let is_user =
        |owner: &&crate::facts::Owner| owner.user_id.as_deref().unwrap_or(&owner.id) == user;
    let by = metadata.owners.iter().find(is_user)?.email.as_ref()?.to_lowercase();
    let id = hash(&[
        "edit",
        &deal.connection,
        &deal.id,
        field.name(),
        &change.occurred_at.0.to_string(),
        &change.vendor_seq.to_string(),
    ]);
    Some(Edit {
        id,
        by,
        owner: standing.owner.clone(),
        deal: deal.clone(),
        at: change.occurred_at,
        amount: standing.amount,
        close_on: standing.close_on,
    })
}
