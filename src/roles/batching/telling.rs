//! What a deal tells of people, beside its own commit: where it stands for its
//! owner, when that is another word than before, and edits that people made.
//! Where no rule is about people nothing is worked out.

use serde::{Deserialize, Serialize};
use touchline_rules::engine::AppliedChange;
use touchline_rules::facts::{DealKey, Metadata};
use touchline_rules::portfolio::{Edit, Standing, edit, standing};

use super::{Batching, Held};
use crate::service::Ground;
use crate::store::ToldRow;

/// One entry of the person-scope log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// Where a deal stands, by that version of it.
    Standing {
        /// The version of the deal.
        version: i64,
        /// `None` for a deal that says nothing of anybody.
        standing: Option<Standing>,
    },
    /// Somebody edited a deal.
    Edit(Edit),
}

/// What a deal of a batch has to tell.
#[derive(Default)]
pub(super) struct Telling {
    /// Somebody listens.
    is_heard: bool,
    /// Where it stood before the batch, once that was looked at.
    before: Option<Option<Standing>>,
    /// It tells where it stands even if that is the same as before.
    is_asked: bool,
    edits: Vec<Edit>,
}

impl Ground<'_> {
    /// Notes where a deal stands before the first step.
    pub(super) fn note_before(&self, held: &mut Held) {
        if self.rules().has_person_rules() && held.telling.before.is_none() {
            let metadata = self.metadata(&held.state.facts.key.connection);
            held.telling.is_heard = true;
            held.telling.before = Some(standing(&held.state, &metadata));
        }
    }

    /// Notes the edits among what was applied.
    pub(super) fn note_edits(&self, held: &mut Held, applied: &[AppliedChange]) {
        if !held.telling.is_heard || applied.is_empty() {
            return;
        }
        let key = held.state.facts.key.clone();
        let metadata = self.metadata(&key.connection);
        let Some(now) = standing(&held.state, &metadata) else { return };
        let edits = applied.iter().filter_map(|change| edit(change, &key, &now, &metadata));
        held.telling.edits.extend(edits);
    }

    /// Has a deal tell where it stands in any case.
    pub(super) fn tell_all(&self, held: &mut Held) {
        held.telling.is_asked = self.rules().has_person_rules();
    }
}

impl Batching<'_> {
    /// Has a deal tell what it means for people, whether or not it changed: so that
    /// all is told of deals that nothing happens to, and what went wrong is mended.
    pub fn tell(&mut self, key: &DealKey) {
        if let Some(held) = self.deals.get_mut(key) {
            self.ground.tell_all(held);
        }
    }
}

impl Held {
    /// What it tells at the end of the batch, as the log keeps it.
    pub(super) fn told_rows(
        &mut self,
        key: &DealKey,
        metadata: &Metadata,
    ) -> Result<Vec<ToldRow>, serde_json::Error> {
        let rows = self.told(metadata).into_iter().map(|told| {
            let (connection, deal) = (key.connection.clone(), key.id.clone());
            Ok(ToldRow { connection, deal, body: serde_json::to_vec(&told)? })
        });
        rows.collect()
    }

    /// What it tells at the end of the batch.
    fn told(&mut self, metadata: &Metadata) -> Vec<Told> {
        let telling = std::mem::take(&mut self.telling);
        if !telling.is_heard && !telling.is_asked {
            return Vec::new();
        }
        let now = standing(&self.state, metadata);
        let is_new = self.touched && telling.before.as_ref() != Some(&now);
        let mut told = Vec::new();
        if telling.is_asked || is_new {
            // The version that its row will have.
            let version = self.version + i64::from(self.touched);
            told.push(Told::Standing { version, standing: now });
        }
        told.extend(telling.edits.into_iter().map(Told::Edit));
        told
    }
}
