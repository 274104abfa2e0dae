//! Backfill: the first read of an account. Its metadata first, then its deals
//! page by page, each made durable before the place to go on is: a crash reads
//! one page twice, which is harmless. Nothing fires from it.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;
use jiff::Span;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use touchline_kit::{BackfillPlan, CallError, Crm, mapping};
use touchline_rules::UnixMs;
use touchline_rules::time::{DAY_MS, MINUTE_MS};

use super::batching::{FETCH, METADATA};
use super::fetch::{append_records, metadata};
use super::ingest::ACTIVITY;
use super::ingest::events::OBSERVATIONS;
use super::rest::Rests;
use super::{Progress, Role};
use crate::config::CrmConfig;
use crate::connection::Connection;
use crate::service::Service;
use crate::store::{AppendError, Part, Store};
use crate::wake::News;

/// How long a page lets fetches go first, at most.
const YIELDS_MS: i64 = MINUTE_MS;
/// What goes first.
const FIRST: &[&str] = &[FETCH, ACTIVITY, METADATA];

/// The role.
pub struct Backfill {
    service: Arc<Service>,
    rests: Rests,
}

/// How far the first read of an account is, as stored: what `doctor` and a
/// progress bar show, and where a new start goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackfillProgress {
    /// When it began. The catch-up poll begins there too.
    pub started_at: UnixMs,
    /// Closed deals are read if they closed since.
    pub closed_since: UnixMs,
    /// Activities are read if they happened since.
    pub activity_since: UnixMs,
    /// What is being read.
    pub phase: Phase,
    /// Where to go on, in the connector's own words; `None` before the first page.
    pub cursor: Option<String>,
    /// Deals read so far.
    pub read: u64,
    /// Deals there are in all, where the vendor tells.
    pub total: Option<u64>,
    /// The inbox row of the last page: the first read has taken effect when
    /// ingest is there.
    pub last_seq: u64,
    /// Why it waits, if it does.
    pub waiting: Option<Waiting>,
    /// When all was read.
    pub finished_at: Option<UnixMs>,
    /// What was mapped then: see [`mapping::fingerprint`]. Facts mapped since are
    /// not known of any deal until it is read again.
    #[serde(default)]
    pub mapped: String,
}

/// What a first read is at.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Pipelines, stages, owners.
    Metadata,
    /// Deals.
    Deals,
    /// All was read.
    Done,
}

/// Why a first read waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Until when.
    pub until: UnixMs,
    /// For what.
    pub why: String,
    /// The sort of failure, as [`touchline_kit::CallError::code`] names it.
    #[serde(default)]
    pub code: String,
}

impl BackfillProgress {
    /// A first read that begins now.
    #[must_use]
    pub fn begin(crm: &CrmConfig, now: UnixMs) -> Self {
        let months = Span::new().try_months(-crm.backfill_closed_months.max(0));
        let closed_since =
            months.ok().and_then(|span| now.to_zoned(&TimeZone::UTC).checked_add(span).ok());
        BackfillProgress {
            started_at: now,
            closed_since: closed_since.map_or(UnixMs::MIN, |at| UnixMs::from(at.timestamp())),
            activity_since: now.plus_ms(-crm.activity_look_back_days.max(0).saturating_mul(DAY_MS)),
            phase: Phase::Metadata,
            cursor: None,
            read: 0,
            total: None,
            last_seq: 0,
            waiting: None,
            finished_at: None,
            mapped: String::new(),
        }
    }

    /// All deals once more, because other properties are mapped now. What counts
    /// as older than the connection stays.
    fn again(&self, crm: &CrmConfig, mapped: String, now: UnixMs) -> Self {
        let anew = BackfillProgress::begin(crm, now);
        BackfillProgress { started_at: self.started_at, mapped, phase: Phase::Deals, ..anew }
    }

    /// How far the first read of a connection is; `None` before it begins.
    ///
    /// # Errors
    /// When the store cannot be read, or what is stored not be understood.
    pub async fn load(store: &Store, connection: &str) -> anyhow::Result<Option<Self>> {
        Ok(load(store, connection).await?.map(|(progress, ..)| progress))
    }

    fn plan(&self) -> BackfillPlan {
        BackfillPlan { closed_since: self.closed_since, activity_since: self.activity_since }
    }
}

/// With its version and when it was written.
async fn load(
    store: &Store,
    slug: &str,
) -> anyhow::Result<Option<(BackfillProgress, i64, UnixMs)>> {
    let part = store.connection_part(slug.to_owned(), Part::Backfill).await?;
    let read =
        part.map(|part| Ok((serde_json::from_slice(&part.body)?, part.version, part.updated_at)));
    read.transpose()
}

impl Backfill {
    /// For this service.
    #[must_use]
    pub fn new(service: Arc<Service>) -> Self {
        Backfill { service, rests: Rests::default() }
    }

    /// Does one step of one connection's first read.
    async fn step(&self, connection: &Connection, now: UnixMs) -> anyhow::Result<Progress> {
        let Some(crm) = connection.crm() else { return Ok(Progress::default()) };
        if let Some(until) = self.rests.until(&connection.slug, now) {
            return Ok(Progress::idle_until(Some(until)));
        }
        let stored = load(&self.service.store, &connection.slug).await?;
        let mapped = mapping::fingerprint(&connection.view().settings);
        let (progress, version, page_at) = match stored {
            Some((progress, version, _)) if progress.mapped != mapped => {
                tracing::info!(
                    connection = connection.slug,
                    "other properties are mapped now: reading all deals"
                );
                let again = progress.again(&self.service.config.crm, mapped, now);
                let version = self.store(connection, &again, version).await?;
                (again, version, now)
            }
            Some((progress, ..)) if progress.phase == Phase::Done => return Ok(Progress::default()),
            Some(stored) => stored,
            None => {
                let begun = BackfillProgress::begin(&self.service.config.crm, now);
                let progress = BackfillProgress { mapped, ..begun };
                let version = self.store(connection, &progress, 0).await?;
                (progress, version, now)
            }
        };
        if let Some(until) = self.yields(&connection.slug, page_at, now).await? {
            return Ok(Progress::idle_until(Some(until)));
        }
        match self.read(connection, crm, progress.clone()).await? {
            Ok(next) => {
                self.rests.worked(&self.service, &connection.slug).await?;
                if next.phase == Phase::Done {
                    tracing::info!(
                        connection = connection.slug,
                        deals = next.read,
                        "the first read is done"
                    );
                }
                self.store(connection, &next, version).await?;
                Ok(Progress::WORKED)
            }
            Err(error) => {
                let until = self.rests.failed(&self.service, &connection.slug, &error, now).await?;
                let waiting =
                    Some(Waiting { until, why: error.to_string(), code: error.code().to_owned() });
                self.store(connection, &BackfillProgress { waiting, ..progress }, version).await?;
                Ok(Progress::idle_until(Some(until)))
            }
        }
    }

    /// Until when the next page waits, because live deals are waiting for the same
    /// vendor's limits. A busy account holds it up for a while, not for ever.
    async fn yields(
        &self,
        slug: &str,
        page_at: UnixMs,
        now: UnixMs,
    ) -> anyhow::Result<Option<UnixMs>> {
        let until = page_at.plus_ms(YIELDS_MS);
        if until <= now {
            return Ok(None);
        }
        let all = self.service.connections.iter().map(|one| one.slug.clone());
        let others = all.filter(|other| other != slug).collect();
        let due = self.service.store.next_work_except(FIRST, others).await?;
        Ok(due.filter(|due| *due <= now).map(|_| until))
    }

    /// Reads what is next and makes it durable; answers how far the read is then.
    async fn read(
        &self,
        connection: &Connection,
        crm: &dyn Crm,
        at: BackfillProgress,
    ) -> anyhow::Result<Result<BackfillProgress, CallError>> {
        let at = BackfillProgress { waiting: None, ..at };
        if at.phase == Phase::Metadata {
            let read = metadata::refresh(&self.service, connection, crm).await?;
            return Ok(read.map(|()| BackfillProgress { phase: Phase::Deals, ..at }));
        }
        let (session, view) = (&connection.session, connection.view());
        let page = match crm.backfill(session, &view, &at.plan(), at.cursor.as_deref()).await {
            Ok(page) => page,
            Err(error) => return Ok(Err(error)),
        };
        let mut next = BackfillProgress { total: page.total.or(at.total), ..at };
        if !page.observations.is_empty() {
            let records = &page.observations;
            let slug = &connection.slug;
            match append_records(&self.service, slug, OBSERVATIONS, records).await {
                Ok(seq) => next.last_seq = seq,
                Err(AppendError::Full { retry_after_ms }) => {
                    let retry_at = Some(self.service.now().plus_ms(retry_after_ms.max(1)));
                    let detail = "the inbox is full".to_owned();
                    return Ok(Err(CallError::Unavailable { retry_at, detail }));
                }
                Err(AppendError::Failed(error)) => return Err(error.into()),
            }
            next.read = next.read.saturating_add(records.len() as u64);
        }
        next.cursor = page.next;
        if next.cursor.is_none() {
            next.phase = Phase::Done;
            next.finished_at = Some(self.service.now());
        }
        Ok(Ok(next))
    }

    async fn store(
        &self,
        connection: &Connection,
        progress: &BackfillProgress,
        version: i64,
    ) -> anyhow::Result<i64> {
        let (slug, body) = (connection.slug.clone(), serde_json::to_vec(progress)?);
        let now = self.service.now();
        Ok(self.service.store.put_connection_part(slug, Part::Backfill, version, body, now).await?)
    }
}

#[async_trait]
impl Role for Backfill {
    fn name(&self) -> &'static str {
        "backfill"
    }

    fn woken_by(&self) -> News {
        News::READS_DONE.and(News::GROUND).and(News::LINES)
    }

    async fn tick(&self, now: UnixMs) -> anyhow::Result<Progress> {
        let crms = self.service.connections.crms();
        let mut all = Progress::default();
        for step in join_all(crms.map(|connection| self.step(connection, now))).await {
            all = all.and(step?);
        }
        Ok(all)
    }
}
