//! Nudges of which nobody knew whom they are for: the deal's owner was new, and
//! the account had to be read again. They wait, stored, until it was.

use touchline_rules::UnixMs;
use touchline_rules::attention::Reason;
use touchline_rules::engine::nudge_id;
use touchline_rules::facts::{DealKey, DealState, Metadata};
use touchline_rules::time::{DAY_MS, MINUTE_MS, SECOND_MS};

use super::decisions::UNREADABLE;
use super::{Attention, PENDING_MAX, TRIES_MAX};
use crate::coaching::nudges::{NoRecipient, NudgeBody, recipient};
use crate::roles::batching::{METADATA, NOBODY, understand, written};
use crate::store::{Decision, Fenced, NewWork, NudgeRow, Part, StoreError, WorkKey};

/// An account answers for an owner if it was read this much later: a read that
/// was under way when the nudge was made may have missed somebody new.
const READ_AFTER_MS: i64 = MINUTE_MS;
/// The first and the longest wait between two looks; in between it grows with
/// the time already waited, of which it is this part.
const WAIT_MS: (i64, i64) = (2 * SECOND_MS, MINUTE_MS);
const WAIT_SHARE: i64 = 8;
/// An account that cannot be read for so long ends the wait.
const PATIENCE_MS: i64 = 3 * DAY_MS;

impl Attention {
    /// Looks for the readers of nudges that have none. Answers whether that was
    /// committed; if not, they are still due.
    pub(super) async fn find_readers(&self, now: UnixMs) -> anyhow::Result<bool> {
        let (service, nobody) = (&self.service, NOBODY.to_owned());
        for _ in 0..TRIES_MAX {
            let settings = service.settings.current();
            let waiting = service
                .store
                .load_recipient(nobody.clone(), now, PENDING_MAX, now, String::new())
                .await?;
            if waiting.settings_version != settings.version {
                service.settings.refresh().await?;
                continue;
            }
            let mut decisions = Vec::new();
            for nudge in waiting.pending {
                decisions.push(self.find_reader(nudge, now).await?);
            }
            match service.store.commit_attention(settings.version, decisions).await {
                Ok(Fenced::Done(_)) => return Ok(true),
                Ok(Fenced::SettingsChanged { .. }) => drop(service.settings.refresh().await?),
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(false)
    }

    async fn find_reader(&self, nudge: NudgeRow, now: UnixMs) -> anyhow::Result<Decision> {
        let store = &self.service.store;
        let suppress = |nudge: NudgeRow, reason: &str| Decision::Suppress {
            nudge_id: nudge.id,
            reason: reason.to_owned(),
            at: now,
        };
        let Ok(body) = serde_json::from_slice::<NudgeBody>(&nudge.body) else {
            return Ok(suppress(nudge, UNREADABLE));
        };
        let deal = body.firing.deal.clone();
        let state = self.deal(deal.clone()).await?;
        let part = store.connection_part(deal.connection.clone(), Part::Metadata).await?;
        let read_at = part.as_ref().map(|part| part.updated_at);
        // As stored: what is in force may be the account of a moment before.
        let metadata = part.and_then(|part| serde_json::from_slice::<Metadata>(&part.body).ok());
        let metadata = metadata.unwrap_or_default();
        let found = match &state {
            Some(state) => recipient(&body.firing, state, &metadata, &self.service.people),
            None => Err(NoRecipient::OwnerUnread),
        };
        let is_known = state.is_some();
        let has_answered =
            read_at.is_some_and(|at| at <= now && at.since_ms(nudge.created_at) >= READ_AFTER_MS);
        // Whoever reads the account gets to know its owners right after.
        let is_met = |email: &String| self.service.people.get(email).is_some() || has_answered;
        match (found, state) {
            (Ok(person), Some(state)) if is_met(&person) => {
                self.assign(nudge, body, &state, &metadata, person, now)
            }
            (Err(NoRecipient::OwnerUnread), Some(_)) if has_answered => {
                Ok(suppress(nudge, NoRecipient::NoOwner.name()))
            }
            (Err(why @ (NoRecipient::NoOwner | NoRecipient::NoManager)), _) => {
                Ok(suppress(nudge, why.name()))
            }
            (found, _) => {
                let waited_ms = now.since_ms(nudge.created_at);
                if waited_ms >= PATIENCE_MS {
                    return Ok(suppress(nudge, Reason::Expired.name()));
                }
                if is_known && found.is_err() {
                    self.ask_account(&deal.connection, now).await?;
                }
                let until = now.plus_ms((waited_ms / WAIT_SHARE).clamp(WAIT_MS.0, WAIT_MS.1));
                Ok(Decision::Defer { nudge_id: nudge.id, until, attention: nudge.attention })
            }
        }
    }

    async fn deal(&self, key: DealKey) -> anyhow::Result<Option<DealState>> {
        let row = self.service.store.load_subjects(vec![key]).await?.pop();
        Ok(row.as_ref().and_then(understand))
    }

    /// The nudge is this person's. It greets them by name if the rule is still
    /// the version that spoke; otherwise it stays as it was written.
    fn assign(
        &self,
        nudge: NudgeRow,
        body: NudgeBody,
        state: &DealState,
        metadata: &Metadata,
        person: String,
        now: UnixMs,
    ) -> anyhow::Result<Decision> {
        let rules = self.service.rules.current();
        let firing = &body.firing;
        let rule = rules.rule(&nudge.rule_id);
        let anew = rule.filter(|rule| rule.version_hash == firing.rule_version).and_then(|rule| {
            written(&self.service, &rules, rule, firing, state, metadata, &person).ok()
        });
        Ok(Decision::Assign {
            id: nudge_id(&nudge.firing_id, &person),
            body: serde_json::to_vec(anew.as_ref().unwrap_or(&body))?,
            nudge_id: nudge.id,
            person,
            at: now,
        })
    }

    /// Sees to it that the account is read again.
    async fn ask_account(&self, connection: &str, now: UnixMs) -> anyhow::Result<()> {
        let (store, kind) = (&self.service.store, METADATA.to_owned());
        let connection = connection.to_owned();
        if store.work_waiting(kind.clone(), connection.clone()).await? == 0 {
            let key = WorkKey { kind, connection, key: String::new() };
            store.ask_work(vec![NewWork { key, next_at: now, body: Vec::new() }]).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
