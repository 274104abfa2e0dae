//! The data check: what the open deals of an account carry, and whether enough
//! of them show activity for rules to rest on it.
//!
//! Until the first check of an account nothing is trusted: a rule that counts
//! silence must not speak of deals whose e-mails nobody logs. A pipeline without
//! open deals proves nothing, so there the verdict before stands.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use touchline_rules::UnixMs;
use touchline_rules::condition::Slot;
use touchline_rules::facts::schema::{DEAL_FIELDS, deal_slots};
use touchline_rules::facts::{DealState, Field, Hydration, Metadata, StageKind};

use crate::service::Verdicts;
use crate::store::{AuditEntry, Part, Store, StoreError};

/// The setting that holds what admins decided, by connection and pipeline.
const OVERRIDES: &str = "activity_overrides";
/// Longest reason that is kept with an override, in bytes.
const REASON_BYTES_MAX: usize = 1_000;

/// Open deals counted so far, by pipeline id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally(BTreeMap<String, PipelineTally>);

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct PipelineTally {
    open: u64,
    active: u64,
    /// By fact, how many of the open deals carry it.
    carried: BTreeMap<String, u64>,
}

/// What a data check found in one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataCheck {
    /// When.
    pub at: UnixMs,
    /// The share of open deals that must show activity, in percent.
    pub needed_percent: u32,
    /// Inside of so many days.
    pub within_days: i64,
    /// Each pipeline, by id.
    pub pipelines: Vec<PipelineCheck>,
}

/// What a data check found in one pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelineCheck {
    /// The vendor's id.
    pub id: String,
    /// The name people see.
    pub label: String,
    /// Open deals that were read.
    pub open_deals: u64,
    /// Those that show any activity.
    pub active_deals: u64,
    /// Whether rules may rest on activity here.
    pub trusted: bool,
    /// An admin's word, which goes before what was measured.
    pub overridden: Option<bool>,
    /// Each fact that rules may read, in the order of its declaration.
    pub facts: Vec<FactShare>,
}

/// How many open deals carry one fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactShare {
    /// As rules name it, for example `deal.next_step`.
    pub name: String,
    /// Open deals whose CRM record says something here.
    pub deals: u64,
    /// Their share, in percent, rounded down; 0 without open deals.
    pub percent: u64,
}

impl Tally {
    /// Counts one deal, if it is open and was read.
    pub fn add(&mut self, deal: &DealState, metadata: &Metadata, since: UnixMs, now: UnixMs) {
        let facts = &deal.facts;
        let is_open = facts.stage_kind(metadata) == Some(StageKind::Open) && !facts.is_gone();
        let Some(pipeline) = facts.text(Field::Pipeline) else { return };
        if !is_open || deal.hydration != Hydration::Done {
            return;
        }
        let tally = self.0.entry(pipeline.to_owned()).or_default();
        tally.open += 1;
        let activities = &facts.activities;
        let is_recent = activities.last(None, now).is_some_and(|at| at >= since);
        // A booked meeting is something that was done about the deal.
        tally.active += u64::from(is_recent || activities.recency(now).next_meeting.is_some());
        let slots = deal_slots(facts, metadata, true, now);
        for (name, _, place, _) in DEAL_FIELDS {
            if !matches!(slots[usize::from(place)], Slot::Unknown | Slot::Empty) {
                *tally.carried.entry(name.to_owned()).or_default() += 1;
            }
        }
    }

    /// The verdicts that follow. Their version rises if they differ from those
    /// `before`; what admins decided stays.
    #[must_use]
    pub fn verdicts(
        &self,
        metadata: &Metadata,
        before: &Verdicts,
        needed_percent: u32,
    ) -> Verdicts {
        let is_trusted = |id: &&String| match self.0.get(*id).filter(|tally| tally.open > 0) {
            Some(tally) => tally.active * 100 >= tally.open * u64::from(needed_percent),
            None => before.trusted.contains(*id),
        };
        let mut trusted: Vec<String> =
            self.pipelines(metadata).into_keys().filter(is_trusted).cloned().collect();
        trusted.sort();
        let version = before.version + i64::from(trusted != before.trusted);
        Verdicts { version, trusted, overridden: before.overridden.clone() }
    }

    /// The report.
    #[must_use]
    pub fn report(
        &self,
        metadata: &Metadata,
        verdicts: &Verdicts,
        (needed_percent, within_days): (u32, i64),
        at: UnixMs,
    ) -> DataCheck {
        let none = PipelineTally::default();
        let pipelines = self.pipelines(metadata).into_iter().map(|(id, label)| {
            let tally = self.0.get(id).unwrap_or(&none);
            let facts = DEAL_FIELDS.iter().map(|(name, ..)| {
                let deals = tally.carried.get(*name).copied().unwrap_or(0);
                let percent = (deals * 100).checked_div(tally.open).unwrap_or(0);
                FactShare { name: (*name).to_owned(), deals, percent }
            });
            PipelineCheck {
                id: id.clone(),
                label: label.to_owned(),
                open_deals: tally.open,
                active_deals: tally.active,
                trusted: verdicts.trusts(id),
                overridden: verdicts.overridden.get(id).copied(),
                facts: facts.collect(),
            }
        });
        DataCheck { at, needed_percent, within_days, pipelines: pipelines.collect() }
    }

    /// Those of the account and those that deals name, with their labels.
    fn pipelines<'a>(&'a self, metadata: &'a Metadata) -> BTreeMap<&'a String, &'a str> {
        let counted = self.0.keys().map(|id| (id, id.as_str()));
        let known = metadata.pipelines.iter().map(|one| (&one.id, one.label.as_str()));
        counted.chain(known).collect()
    }
}

impl DataCheck {
    /// The latest check of a connection; `None` before the first.
    ///
    /// # Errors
    /// When the store cannot be read, or what is stored not be understood.
    pub async fn load(store: &Store, connection: &str) -> anyhow::Result<Option<DataCheck>> {
        let part = store.connection_part(connection.to_owned(), Part::DataCheck).await?;
        Ok(part.map(|part| serde_json::from_slice(&part.body)).transpose()?)
    }

    /// Stores it as the latest check of a connection.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn store(&self, store: &Store, connection: &str) -> anyhow::Result<()> {
        put(store, connection, Part::DataCheck, serde_json::to_vec(self)?, self.at).await
    }
}

/// What holds for a connection: as measured last, and as admins decided.
///
/// # Errors
/// When the store cannot be read, or what is stored not be understood.
pub async fn load_verdicts(store: &Store, connection: &str) -> anyhow::Result<Verdicts> {
    let part = store.connection_part(connection.to_owned(), Part::ActivityVerdict).await?;
    let measured: Option<Verdicts> =
        part.map(|part| serde_json::from_slice(&part.body)).transpose()?;
    let decided = overrides(store).await?.remove(connection).unwrap_or_default();
    Ok(Verdicts { overridden: decided.into_iter().collect(), ..measured.unwrap_or_default() })
}

/// Stores what was measured.
///
/// # Errors
/// When the store cannot be written.
pub async fn store_verdicts(
    store: &Store,
    connection: &str,
    verdicts: &Verdicts,
    now: UnixMs,
) -> anyhow::Result<()> {
    put(store, connection, Part::ActivityVerdict, serde_json::to_vec(verdicts)?, now).await
}

/// An admin decides that activity in a pipeline counts (`Some(true)`), does not
/// (`Some(false)`), or leaves it to what is measured (`None`). A running service
/// takes it over with its next sweep; nothing that is true then fires for it.
///
/// # Errors
/// When the store cannot be read or written.
pub async fn override_activity(
    store: &Store,
    connection: &str,
    pipeline: &str,
    trust: Option<bool>,
    (by, reason): (&str, &str),
    now: UnixMs,
) -> anyhow::Result<()> {
    anyhow::ensure!(
        reason.len() <= REASON_BYTES_MAX,
        "the reason is longer than {REASON_BYTES_MAX} bytes"
    );
    let mut all = overrides(store).await?;
    let of_connection = all.entry(connection.to_owned()).or_default();
    let before = match trust {
        Some(trust) => of_connection.insert(pipeline.to_owned(), trust),
        None => of_connection.remove(pipeline),
    };
    let told = serde_json::json!({
        "connection": connection, "pipeline": pipeline, "before": before, "set": trust,
        "reason": reason,
    });
    let audit = AuditEntry {
        at: now,
        actor: by.to_owned(),
        action: "activity_override_set".to_owned(),
        body: serde_json::to_vec(&told)?,
    };
    store.put_setting(OVERRIDES.to_owned(), serde_json::to_vec(&all)?, audit).await?;
    Ok(())
}

type Overrides = BTreeMap<String, BTreeMap<String, bool>>;

async fn overrides(store: &Store) -> anyhow::Result<Overrides> {
    let row = store.setting(OVERRIDES.to_owned()).await?;
    Ok(row.map(|row| serde_json::from_slice(&row.body)).transpose()?.unwrap_or_default())
}

async fn put(
    store: &Store,
    connection: &str,
    part: Part,
    body: Vec<u8>,
    now: UnixMs,
) -> anyhow::Result<()> {
    let known = store.connection_part(connection.to_owned(), part).await?;
    let version = known.map_or(0, |part| part.version);
    match store.put_connection_part(connection.to_owned(), part, version, body, now).await {
        // Only a second service could have written it, and there is none.
        Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(open: u64, active: u64) -> Tally {
        let tally = PipelineTally { open, active, ..PipelineTally::default() };
        Tally(BTreeMap::from([("sales".to_owned(), tally)]))
    }

    fn verdict(open: u64, active: u64, before: &Verdicts) -> Verdicts {
        counted(open, active).verdicts(&Metadata::default(), before, 60)
    }

    #[test]
    fn sixty_of_a_hundred_are_enough_and_fifty_nine_are_not() {
        let nothing = Verdicts::default();
        assert!(verdict(100, 60, &nothing).trusts("sales"));
        assert!(!verdict(100, 59, &nothing).trusts("sales"));
        assert!(verdict(1, 1, &nothing).trusts("sales"));
        assert!(!verdict(3, 1, &nothing).trusts("sales"));
    }

    #[test]
    fn the_version_rises_only_with_another_verdict() {
        let first = verdict(10, 9, &Verdicts::default());
        assert_eq!(first.version, 1);
        assert_eq!(verdict(10, 8, &first), first);
        assert_eq!(verdict(10, 1, &first).version, 2);
    }

    #[test]
    fn a_pipeline_without_open_deals_keeps_its_verdict() {
        let trusting = verdict(10, 9, &Verdicts::default());
        assert!(verdict(0, 0, &trusting).trusts("sales"));
        assert!(!verdict(0, 0, &Verdicts::default()).trusts("sales"));
    }

    #[test]
    fn an_admins_word_goes_before_what_is_measured() {
        let mut before = Verdicts::default();
        before.overridden.insert("sales".to_owned(), true);
        let after = verdict(10, 0, &before);
        assert!(after.trusts("sales"));
        let report = counted(10, 0).report(&Metadata::default(), &after, (60, 30), UnixMs(0));
        assert_eq!(report.pipelines[0].overridden, Some(true));
        assert!(report.pipelines[0].trusted);
    }
}
