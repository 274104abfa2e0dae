//! Nudges held back because of a mass change, until an admin decides.

use rusqlite::Connection;
use touchline_rules::UnixMs;

use super::Store;
use super::delivery::{self, DeliveryRow, DeliveryState};
use super::error::Result;
use super::nudge::{self, NudgeRow, NudgeState};
use super::sqlite::writer::CommitClass;

/// The ledger's word for what an admin discarded.
pub(super) const DISCARDED: &str = "discarded";

impl Store {
    /// Holds back what nobody was sent yet: pending nudges, and decided ones
    /// whose deliveries all still wait. A digest they leave is decided anew.
    /// Answers how many are held by this.
    pub async fn hold_nudges(&self, ids: Vec<String>) -> Result<usize> {
        self.write(CommitClass::Original, move |tx| {
            let mut held = 0;
            for id in &ids {
                if let Some(nudge) = nudge::get(tx, id)? {
                    held += usize::from(hold(tx, &nudge)?);
                }
            }
            Ok(held)
        })
        .await
    }

    /// Nudges that are held, oldest first.
    pub async fn held_nudges(&self, limit: usize) -> Result<Vec<NudgeRow>> {
        self.read(move |main| nudge::held(main, limit)).await
    }

    /// Lets held nudges go on (attention looks at them at `now`), or discards
    /// them into the ledger. Answers how many were held.
    pub async fn settle_held(&self, ids: Vec<String>, release: bool, now: UnixMs) -> Result<usize> {
        self.write(CommitClass::Original, move |tx| {
            let mut settled = 0;
            for id in &ids {
                let held = nudge::get(tx, id)?.filter(|nudge| nudge.state == NudgeState::Held);
                let Some(nudge) = held else { continue };
                if release {
                    nudge::set_state(tx, id, NudgeState::Pending, now)?;
                } else {
                    nudge::suppress(tx, &nudge, DISCARDED, now)?;
                }
                settled += 1;
            }
            Ok(settled)
        })
        .await
    }
}

/// Holds one nudge back; answers whether it was not sent yet, and is held now.
pub(super) fn hold(main: &Connection, nudge: &NudgeRow) -> Result<bool> {
    if !matches!(nudge.state, NudgeState::Pending | NudgeState::Decided) {
        return Ok(false);
    }
    let deliveries = delivery::of_nudge(main, &nudge.id)?;
    // What is sent again may have arrived the first time.
    let may_have_gone_out = |row: &DeliveryRow| {
        row.resends > 0 || !matches!(row.state, DeliveryState::Waiting | DeliveryState::Dropped)
    };
    if deliveries.iter().any(may_have_gone_out) {
        return Ok(false);
    }
    for row in deliveries.iter().filter(|row| row.state == DeliveryState::Waiting) {
        for other in nudge::of_delivery(main, &row.id)? {
            if other.state == NudgeState::Decided {
                nudge::set_state(main, &other.id, NudgeState::Pending, other.due_at)?;
            }
        }
        delivery::take_back(main, &row.id)?;
    }
    nudge::set_state(main, &nudge.id, NudgeState::Held, nudge.due_at)?;
    Ok(true)
}
