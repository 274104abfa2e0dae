//! Erase: what a vendor asks to be forgotten about one of its records.
//!
//! Of a deal there is its state, history, firings, nudges and texts. Of any other
//! record, a contact say, nothing is derived: no rule reads it, and of activities
//! only id, kind, direction and time are kept. What names it are requests as they
//! came, in the inbox and with dead letters; those are emptied whole, for they
//! were handled and nothing needs them any more.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::json;
use touchline_rules::UnixMs;
use touchline_rules::facts::DealKey;
use touchline_rules::time::{HOUR_MS, MINUTE_MS, SECOND_MS};

use super::ingest::events::Event;
use super::{Progress, Role};
use crate::service::Service;
use crate::store::{AuditEntry, InboxRow, NewWork, Store, WorkKey, WorkRow};
use crate::wake::News;

/// Work: erase a record; the key names its type and id.
pub const ERASE: &str = "erase";
const KINDS: &[&str] = &[ERASE];
/// The type of a deal, as connectors call it.
const DEAL: &str = "deal";
/// A vendor says the same thing in several requests within minutes: this waits
/// for the last of them.
const WAIT_MS: i64 = 15 * MINUTE_MS;
/// Longer than any erasure takes; this role is the only one that does them.
const LEASE_MS: i64 = HOUR_MS;
/// When the disk has not yet all that was asked for, it is tried again after that.
const AGAIN_MS: i64 = 10 * SECOND_MS;
/// Records erased in one walk through the inbox.
const RECORDS_MAX: usize = 100;
/// Stored requests looked at in one step.
const PAGE_ROWS: usize = 1_000;
/// The same in bytes.
const PAGE_BYTES: usize = 16 << 20;

/// What is to be erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    object_type: String,
    object_id: String,
    /// The request in which the vendor asked.
    asked_in: u64,
}

/// The work of erasing a record that the vendor named.
pub(super) fn asked(event: &Event, object_type: &str, object_id: &str) -> NewWork {
    let record = Record {
        object_type: object_type.to_owned(),
        object_id: object_id.to_owned(),
        asked_in: event.seq,
    };
    NewWork {
        key: WorkKey {
            kind: ERASE.to_owned(),
            connection: event.connection.clone(),
            key: format!("{object_type}:{object_id}"),
        },
        next_at: event.received_at.plus_ms(WAIT_MS),
        body: serde_json::to_vec(&record).unwrap_or_default(),
    }
}

/// The role.
pub struct Erase {
    service: Arc<Service>,
}

impl Erase {
    /// For this service.
    #[must_use]
    pub fn new(service: Arc<Service>) -> Self {
        Erase { service }
    }

    async fn erase(&self, work: Vec<WorkRow>, now: UnixMs) -> anyhow::Result<()> {
        let store = &self.service.store;
        // A request may be emptied only when it is certain that it is not read
        // again: an empty one would make no sense.
        let handled = store.checkpoint().await?;
        let mut records = Vec::new();
        for row in work {
            match serde_json::from_slice::<Record>(&row.body) {
                Ok(record) if record.asked_in > handled => {
                    let why = "what was asked is not certain to be on the disk yet".to_owned();
                    store.retry_work(row.key, now.plus_ms(AGAIN_MS), why).await?;
                }
                Ok(record) => records.push((row, record)),
                Err(_) => store.finish_work(vec![row]).await?,
            }
        }
        if records.is_empty() {
            return Ok(());
        }
        let mut emptied = self.empty_requests(&records, handled).await?;
        for (row, record) in records {
            let connection = &row.key.connection;
            let requests = emptied.remove(&row.key).unwrap_or_default();
            let told = json!({
                "connection": connection,
                "object_type": record.object_type,
                "object_id": record.object_id,
                "requests_emptied": requests,
            });
            let audit = AuditEntry {
                at: now,
                actor: "touchline".to_owned(),
                action: "privacy_deletion".to_owned(),
                body: serde_json::to_vec(&told)?,
            };
            if record.object_type == DEAL {
                let deal = DealKey { connection: connection.clone(), id: record.object_id.clone() };
                store.erase_deal(deal, audit).await?;
            } else {
                store.append_audit(audit).await?;
            }
            tracing::info!(
                connection,
                object_type = record.object_type,
                requests,
                "a record was erased, as the vendor asked"
            );
            store.finish_work(vec![row]).await?;
        }
        // The copy in the log goes too.
        store.checkpoint().await?;
        Ok(())
    }

    /// Empties the stored requests that name one of the records; answers how many
    /// for each.
    async fn empty_requests(
        &self,
        records: &[(WorkRow, Record)],
        handled: u64,
    ) -> anyhow::Result<BTreeMap<WorkKey, u64>> {
        let store = &self.service.store;
        let mut emptied = BTreeMap::new();
        for place in [Place::Inbox, Place::DeadLetters] {
            let mut after = 0;
            loop {
                let page = place.page(store, after).await?;
                let Some(last) = page.last() else { break };
                after = last.seq;
                let naming = naming(records, &page, &mut emptied, |row| match place {
                    Place::Inbox => row.seq <= handled,
                    Place::DeadLetters => true,
                });
                if !naming.is_empty() {
                    match place {
                        Place::Inbox => store.blank_inbox(naming).await?,
                        Place::DeadLetters => store.blank_dead_requests(naming).await?,
                    }
                }
            }
        }
        Ok(emptied)
    }
}

/// Where requests are stored as they came.
#[derive(Copy, Clone)]
enum Place {
    Inbox,
    DeadLetters,
}

impl Place {
    async fn page(self, store: &Store, after: u64) -> crate::store::Result<Vec<InboxRow>> {
        match self {
            Place::Inbox => store.inbox_after(after, PAGE_ROWS, PAGE_BYTES).await,
            Place::DeadLetters => store.dead_requests_after(after, PAGE_ROWS, PAGE_BYTES).await,
        }
    }
}

/// Those of a page that name a record, each counted for the record.
fn naming(
    records: &[(WorkRow, Record)],
    page: &[InboxRow],
    counts: &mut BTreeMap<WorkKey, u64>,
    is_handled: impl Fn(&InboxRow) -> bool,
) -> Vec<u64> {
    let mut found = Vec::new();
    for row in page.iter().filter(|row| is_handled(row)) {
        let mut is_named = false;
        for (work, record) in records {
            let is_theirs = work.key.connection == row.request.connection;
            if is_theirs && names(&row.request.body, &record.object_id) {
                is_named = true;
                *counts.entry(work.key.clone()).or_default() += 1;
            }
        }
        if is_named {
            found.push(row.seq);
        }
    }
    found
}

/// Whether an id stands in a body as a word of its own. Another number may look
/// the same: then too much is emptied, never too little.
fn names(body: &[u8], id: &str) -> bool {
    let id = id.as_bytes();
    let is_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    !id.is_empty()
        && body.windows(id.len()).enumerate().any(|(at, part)| {
            let before = at.checked_sub(1).and_then(|at| body.get(at));
            part == id && !is_word(before) && !is_word(body.get(at + id.len()))
        })
}

#[async_trait]
impl Role for Erase {
    fn name(&self) -> &'static str {
        "erase"
    }

    fn woken_by(&self) -> News {
        News::ERASURES
    }

    async fn tick(&self, now: UnixMs) -> anyhow::Result<Progress> {
        let store = &self.service.store;
        let next = store.next_work_at(KINDS).await?;
        if next.is_none_or(|next| now < next) {
            return Ok(Progress::idle_until(next));
        }
        let work = store.claim_work(KINDS, now, RECORDS_MAX, LEASE_MS, Vec::new()).await?;
        if work.is_empty() {
            return Ok(Progress::idle_until(next));
        }
        self.erase(work, now).await?;
        Ok(Progress::WORKED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_as_a_word_only() {
        for body in [r#"[{"objectId":501}]"#, r#"{"id":"501"}"#, "501", "a=501&b=1"] {
            assert!(names(body.as_bytes(), "501"), "{body}");
        }
        for body in [r#"{"objectId":5012}"#, r#"{"objectId":1501}"#, "x501", "50", ""] {
            assert!(!names(body.as_bytes(), "501"), "{body}");
        }
        assert!(!names(b"anything", ""));
    }
}
