//! Fetch: does the reads that others asked for. What was read goes into the
//! inbox first, and only then is the work taken away: a crash between the two
//! reads again, which is harmless.

pub mod metadata;
mod people;
mod records;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use touchline_rules::UnixMs;

use super::batching::{FETCH, METADATA};
use super::flight::Flight;
use super::ingest::ACTIVITY;
use super::rest::Rests;
use super::{PERSON, Progress, Role};
use crate::connection::Connection;
use crate::service::Service;
use crate::store::WorkRow;
use crate::wake::News;
use records::Read;
pub(super) use records::append_records;

/// Every kind of work that is done here.
const KINDS: &[&str] = &[METADATA, PERSON, ACTIVITY, FETCH];
/// Deals read in one tick, all connections together; at least one batch of each.
const DEALS_MAX: usize = 500;
/// Activities looked up in one tick.
const ACTIVITIES_MAX: usize = 200;
/// Activities looked up by one call of a connector.
const ACTIVITIES_BATCH: usize = 50;
/// People looked up in one tick: one call each.
const PEOPLE_MAX: usize = 20;
/// Accounts whose metadata is read in one tick.
const ACCOUNTS_MAX: usize = 100;
/// Times one tick claims anew before it only finishes what it has begun.
const ROUNDS_MAX: usize = 1_000;
/// While calls are under way, how long until it looks for what became due by
/// time alone. Real time, as the calls take.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The role.
pub struct Fetch {
    service: Arc<Service>,
    rests: Rests,
}

/// The rest of a connection's work has to wait.
struct PutOff {
    until: UnixMs,
    why: String,
}

/// What came of a piece of work: go on with the next, or let it wait.
type Step = ControlFlow<PutOff>;

impl Fetch {
    /// For this service.
    #[must_use]
    pub fn new(service: Arc<Service>) -> Self {
        Fetch { service, rests: Rests::default() }
    }

    /// Claims what is due, each kind with room of its own, so that a crowd of
    /// one kind does not keep the others waiting.
    async fn claim(&self, now: UnixMs, skip: &[String]) -> anyhow::Result<Vec<WorkRow>> {
        let limits = self.service.connections.crms().filter_map(|one| one.crm());
        let deals = limits.map(|crm| crm.fetch_limit()).sum::<usize>().clamp(1, DEALS_MAX);
        let lease_ms = self.service.config.crm.lease_ms;
        let rooms: Vec<(&'static [&'static str], usize)> = vec![
            (&[METADATA], ACCOUNTS_MAX),
            (&[FETCH], deals),
            (&[ACTIVITY], ACTIVITIES_MAX),
            (&[PERSON], PEOPLE_MAX),
        ];
        Ok(self.service.store.claim_work_each(rooms, now, lease_ms, skip.to_vec()).await?)
    }

    /// Reads until nothing is due or under way. Each connection goes at its own
    /// pace, so that a slow vendor delays its own work only.
    async fn work<'a>(&'a self, now: UnixMs, flight: &mut Flight<'a>) -> anyhow::Result<()> {
        let service = &self.service;
        let mut news = service.wake.listen(self.woken_by());
        for _ in 0..ROUNDS_MAX {
            if service.is_stopping() {
                break;
            }
            news.catch_up();
            let now = service.now().max(now);
            let mut skip = self.rests.skip(now);
            let busy = service.connections.iter().filter(|one| flight.room(&one.slug, 1) == 0);
            skip.extend(busy.map(|one| one.slug.clone()));
            let due = service.store.next_work_except(KINDS, skip.clone()).await?;
            if due.is_some_and(|due| due <= now) {
                let mut by_connection = BTreeMap::<String, Vec<WorkRow>>::new();
                for row in self.claim(now, &skip).await? {
                    by_connection.entry(row.key.connection.clone()).or_default().push(row);
                }
                for (slug, rows) in by_connection {
                    let at = slug.clone();
                    flight.begin(&slug, async move { self.work_at(&at, rows, now).await });
                }
            }
            if flight.is_empty() {
                return Ok(());
            }
            tokio::select! {
                ended = flight.next() => ended.unwrap_or(Ok(()))?,
                () = news.news() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
        Ok(())
    }

    /// Does the work of one connection, kind after kind. When the connection
    /// cannot be reached, what is left waits.
    async fn work_at(&self, slug: &str, rows: Vec<WorkRow>, now: UnixMs) -> anyhow::Result<()> {
        let Some(connection) = self.service.connections.get(slug).cloned() else {
            tracing::warn!(
                connection = slug,
                rows = rows.len(),
                "its work is dropped: it is not configured any more"
            );
            return Ok(self.service.store.finish_work(rows).await?);
        };
        let mut groups = group(rows).into_iter();
        while let Some((what, rows)) = groups.next() {
            let step = match what {
                What::Metadata => self.metadata(&connection, rows, now).await?,
                What::Deals(origin) => {
                    self.records(&connection, Read::Deals(origin), rows, now).await?
                }
                What::Activities => self.records(&connection, Read::Activities, rows, now).await?,
                What::People => self.people(&connection, rows, now).await?,
            };
            if let ControlFlow::Break(put_off) = step {
                for (_, rows) in groups.by_ref() {
                    self.put_off(rows, &put_off).await?;
                }
            }
        }
        Ok(())
    }

    async fn metadata(
        &self,
        connection: &Connection,
        rows: Vec<WorkRow>,
        now: UnixMs,
    ) -> anyhow::Result<Step> {
        let Some(crm) = connection.crm() else {
            self.service.store.finish_work(rows).await?;
            return Ok(Step::Continue(()));
        };
        if let Some(again) = metadata::read_lately(&self.service, &connection.slug, now).await? {
            let why = "it was read a moment ago".to_owned();
            self.put_off(rows, &PutOff { until: again, why }).await?;
            return Ok(Step::Continue(()));
        }
        match metadata::refresh(&self.service, connection, crm).await? {
            Ok(()) => {
                self.rests.worked(&self.service, &connection.slug).await?;
                self.service.store.finish_work(rows).await?;
                Ok(Step::Continue(()))
            }
            Err(error) => self.fail(connection, rows, &error, now).await,
        }
    }

    /// Lets the connection rest and its work wait.
    async fn fail(
        &self,
        connection: &Connection,
        rows: Vec<WorkRow>,
        error: &touchline_kit::CallError,
        now: UnixMs,
    ) -> anyhow::Result<Step> {
        let until = self.rests.failed(&self.service, &connection.slug, error, now).await?;
        let put_off = PutOff { until, why: error.to_string() };
        self.put_off(rows, &put_off).await?;
        Ok(Step::Break(put_off))
    }

    async fn put_off(&self, rows: Vec<WorkRow>, put_off: &PutOff) -> anyhow::Result<()> {
        for row in rows {
            let why = put_off.why.clone();
            self.service.store.retry_work(row.key, put_off.until, why).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Role for Fetch {
    fn name(&self) -> &'static str {
        "fetch"
    }

    fn woken_by(&self) -> News {
        News::READS.and(News::LINES)
    }

    async fn tick(&self, now: UnixMs) -> anyhow::Result<Progress> {
        let skip = self.rests.skip(now);
        let due = self.service.store.next_work_except(KINDS, skip.clone()).await?;
        if due.is_none_or(|due| due > now) {
            let rested = Progress::idle_until(self.rests.next(now));
            return Ok(Progress::idle_until(due).and(rested));
        }
        let mut flight = Flight::default();
        let worked = self.work(now, &mut flight).await;
        // What was begun is finished whatever happened beside it.
        let mut ended = Ok(());
        while let Some(result) = flight.next().await {
            ended = ended.and(result);
        }
        worked?;
        ended?;
        Ok(Progress::WORKED)
    }
}

/// What one call can do together.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum What {
    Metadata,
    Deals(touchline_rules::facts::Origin),
    Activities,
    People,
}

/// Rows by what is done with them, in the order in which it is done.
fn group(rows: Vec<WorkRow>) -> Vec<(What, Vec<WorkRow>)> {
    let mut groups: Vec<(What, Vec<WorkRow>)> = Vec::new();
    for row in rows {
        let what = match row.key.kind.as_str() {
            METADATA => What::Metadata,
            ACTIVITY => What::Activities,
            PERSON => What::People,
            _ => What::Deals(records::origin_of(&row)),
        };
        match groups.iter_mut().find(|(one, _)| *one == what) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((what, vec![row])),
        }
    }
    groups
}
