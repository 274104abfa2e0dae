//! The past that the service itself has stored, as a history: every change it ever
//! applied, at the instant at which it became known.

use touchline_rules::UnixMs;
use touchline_rules::engine::AppliedChange;
use touchline_rules::facts::{ActorKind, Change, ChangeKind, DealKey};

use super::sort::Sorter;
use super::stream::{Changes, Overview};
use crate::store::{ChangePlace, Store};

/// Rows read at once.
const PAGE: usize = 2_000;

/// The stored past of one connection, sorted on disk.
pub struct StoredPast {
    sorter: Sorter,
    /// What it tells of.
    pub overview: Overview,
    /// Some of it was imported: its times are estimates.
    pub estimated: bool,
}

impl StoredPast {
    /// Reads the changes of `connection`. One that arrived live counts from when it
    /// arrived, one that was read as history from when it happened. Changes of one
    /// deal and one instant come in the order of their fields' names: the store does
    /// not keep the order in which they arrived.
    ///
    /// # Errors
    /// When the store cannot be read, or there is no room to sort.
    pub async fn read(store: &Store, connection: &str) -> anyhow::Result<StoredPast> {
        let mut past =
            StoredPast { sorter: Sorter::new(), overview: Overview::default(), estimated: false };
        let mut after = ChangePlace::default();
        loop {
            let page = store.changes_after(connection.to_owned(), after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.place();
            for row in page {
                let told: AppliedChange = serde_json::from_slice(&row.body)?;
                past.add(DealKey { connection: row.connection, id: row.deal }, told)?;
            }
        }
        Ok(past)
    }

    fn add(&mut self, deal: DealKey, told: AppliedChange) -> anyhow::Result<()> {
        self.overview.activities |= matches!(told.kind, ChangeKind::Activity(_));
        self.estimated |= told.actor.kind == ActorKind::Import;
        let at: UnixMs = if told.history { told.occurred_at } else { told.engine_at };
        self.overview.count(at);
        let change = Change {
            deal,
            kind: told.kind,
            occurred_at: told.occurred_at,
            actor: told.actor,
            vendor_id: told.vendor_id,
            vendor_seq: told.vendor_seq,
        };
        self.sorter.add(at, &serde_json::to_vec(&change)?)?;
        Ok(())
    }

    /// Its changes, in order.
    ///
    /// # Errors
    /// When what was sorted cannot be read.
    pub fn changes(self) -> anyhow::Result<Changes> {
        Ok(Changes::Sorted(self.sorter.sorted()?))
    }
}
