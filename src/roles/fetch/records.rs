//! Deals and activities: read in batches, appended to the inbox. One id that the
//! vendor refuses spoils itself only.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use serde::Serialize;
use touchline_kit::{ActivityRef, CallError, Crm};
use touchline_rules::UnixMs;
use touchline_rules::facts::{Actor, Change, ChangeKind, Fact, Field, Observation, Origin, Value};

use super::{ACTIVITIES_BATCH, Fetch, PutOff, Step, metadata};
use crate::connection::Connection;
use crate::roles::backfill::BackfillProgress;
use crate::roles::backoff;
use crate::roles::ingest::events::{CHANGES, OBSERVATIONS, activity_of};
use crate::roles::rest::BROKEN_REST_MS;
use crate::service::Service;
use crate::store::{self, AppendError, NewInbox, StoreError, WorkRow};

/// Tries of one id that the vendor refuses while nothing else was asked for
/// beside it; then it is given up.
pub(super) const REFUSED_TRIES_MAX: u32 = 5;
/// Single ids that may be forbidden before any was read. From then on it is not
/// the ids' fault but a permission that is missing, and halving finds nothing.
const FORBIDDEN_FIRST_MAX: usize = 3;

/// What is read.
#[derive(Copy, Clone, Debug)]
pub(super) enum Read {
    Deals(Origin),
    Activities,
}

/// Why the deal of a row is read. Who asks without a word saw it in a webhook.
pub(super) fn origin_of(row: &WorkRow) -> Origin {
    serde_json::from_slice(&row.body).unwrap_or(Origin::Hydrate)
}

/// Makes records durable as one inbox row; answers its place there.
///
/// # Errors
/// [`AppendError`]; they are then not stored.
pub(in crate::roles) async fn append_records<T: Serialize>(
    service: &Service,
    connection: &str,
    kind: &str,
    records: &[T],
) -> Result<u64, AppendError> {
    let row = inbox_row(service, connection, kind, records).map_err(AppendError::Failed)?;
    service.store.append(row).await
}

fn inbox_row<T: Serialize>(
    service: &Service,
    connection: &str,
    kind: &str,
    records: &[T],
) -> store::Result<NewInbox> {
    let body = serde_json::to_vec(records)
        .map_err(|error| StoreError::Unexpected { detail: error.to_string() })?;
    Ok(NewInbox {
        connection: connection.to_owned(),
        kind: kind.to_owned(),
        received_at: service.now(),
        headers: Vec::new(),
        body,
    })
}

/// The creations that no webhook told of: deals that the poll found, that nobody
/// here has ever heard of, and that were made after the first read began. They
/// are news, only late. Whatever is older is history and stays silent.
async fn lost_creations(
    service: &Service,
    slug: &str,
    read: &[Observation],
) -> anyhow::Result<Vec<Change>> {
    let Some(first) = BackfillProgress::load(&service.store, slug).await? else {
        return Ok(Vec::new());
    };
    let keys = read.iter().map(|one| one.deal.clone()).collect();
    let rows = service.store.load_subjects(keys).await?;
    let known: BTreeSet<String> = rows.into_iter().map(|row| row.id).collect();
    let unheard_of = read.iter().filter(|one| !one.gone && !known.contains(&one.deal.id));
    let made = unheard_of.filter_map(|one| {
        let occurred_at = created_at(one).filter(|at| *at >= first.started_at)?;
        Some(Change {
            deal: one.deal.clone(),
            kind: ChangeKind::Created,
            occurred_at,
            actor: Actor::default(),
            vendor_id: None,
            vendor_seq: 0,
        })
    });
    Ok(made.collect())
}

/// The stage that a record is in. Those of its past may have been deleted since.
fn stage_of(read: &Observation) -> Option<&str> {
    read.fields.iter().find_map(|(field, value)| match value {
        Fact::Known(Value::Text(id)) if *field == Field::Stage => Some(id.as_str()),
        _ => None,
    })
}

fn created_at(read: &Observation) -> Option<UnixMs> {
    read.fields.iter().find_map(|(field, value)| match value {
        Fact::Known(Value::Time(at)) if *field == Field::CreatedAt => Some(*at),
        _ => None,
    })
}

impl Fetch {
    /// Reads these rows' records. A batch that is refused is halved, down to the
    /// one id that is at fault.
    pub(super) async fn records(
        &self,
        connection: &Connection,
        what: Read,
        rows: Vec<WorkRow>,
        now: UnixMs,
    ) -> anyhow::Result<Step> {
        let Some(crm) = connection.crm() else {
            self.service.store.finish_work(rows).await?;
            return Ok(Step::Continue(()));
        };
        let size = match what {
            Read::Deals(_) => crm.fetch_limit().max(1),
            Read::Activities => ACTIVITIES_BATCH,
        };
        let mut parts = chunks(rows, size);
        let mut refused: Vec<(WorkRow, CallError)> = Vec::new();
        let mut some_read = false;
        while let Some(mut part) = parts.pop() {
            let error = match self.read_part(connection, crm, what, &part).await? {
                Ok(ControlFlow::Continue(())) => {
                    some_read = true;
                    self.service.store.finish_work(part).await?;
                    continue;
                }
                Ok(ControlFlow::Break(put_off)) => {
                    parts.push(part);
                    parts.push(refused.into_iter().map(|(row, _)| row).collect());
                    self.put_off(parts.concat(), &put_off).await?;
                    return Ok(Step::Break(put_off));
                }
                Err(error) => error,
            };
            if !is_about_the_ids(&error) {
                parts.push(part);
                parts.push(refused.into_iter().map(|(row, _)| row).collect());
                return self.fail(connection, parts.concat(), &error, now).await;
            }
            let is_permission = matches!(error, CallError::Forbidden { .. });
            if is_permission && !some_read && refused.len() + 1 >= FORBIDDEN_FIRST_MAX {
                tracing::warn!(
                    connection = connection.slug,
                    "the CRM does not permit a read; what was asked for waits: {error}"
                );
                parts.push(part);
                parts.push(refused.into_iter().map(|(row, _)| row).collect());
                let put_off = PutOff { until: now.plus_ms(BROKEN_REST_MS), why: error.to_string() };
                self.put_off(parts.concat(), &put_off).await?;
                return Ok(Step::Continue(()));
            }
            let second = part.split_off(part.len() / 2);
            if part.is_empty() {
                refused.extend(second.into_iter().map(|row| (row, error.clone())));
            } else {
                parts.extend([second, part]);
            }
        }
        if some_read {
            self.rests.worked(&self.service, &connection.slug).await?;
        }
        self.settle_refused(refused, some_read, now).await?;
        Ok(Step::Continue(()))
    }

    /// Gives up what was refused while others were read, or often enough alone.
    async fn settle_refused(
        &self,
        refused: Vec<(WorkRow, CallError)>,
        some_read: bool,
        now: UnixMs,
    ) -> anyhow::Result<()> {
        let store = &self.service.store;
        for (row, error) in refused {
            let is_permission = matches!(error, CallError::Forbidden { .. });
            if some_read || (!is_permission && row.attempts >= REFUSED_TRIES_MAX) {
                let (kind, key) = (&row.key.kind, &row.key.key);
                tracing::error!(
                    connection = row.key.connection,
                    kind,
                    key,
                    "the CRM refuses to show one record, so it is given up: {error}"
                );
                store.finish_work(vec![row]).await?;
                continue;
            }
            let wait_ms = match is_permission {
                true => BROKEN_REST_MS,
                false => backoff::reading_ms(&self.service.config.crm, &row.key.key, row.attempts),
            };
            store.retry_work(row.key, now.plus_ms(wait_ms), error.to_string()).await?;
        }
        Ok(())
    }

    /// Reads the account again before records are taken in that name a stage it
    /// is not known to have: what a move to it means could not be said, and
    /// whatever it is a reason for would be lost. A stage made within a minute of
    /// the last reading is met by the next.
    async fn meet_stages(
        &self,
        connection: &Connection,
        crm: &dyn Crm,
        read: &[Observation],
    ) -> anyhow::Result<Result<(), CallError>> {
        let metadata = self.service.metadata(&connection.slug);
        let is_known = |id: &str| metadata.stage(None, id).is_some();
        let now = self.service.now();
        if read.iter().filter_map(stage_of).all(is_known)
            || metadata::read_lately(&self.service, &connection.slug, now).await?.is_some()
        {
            return Ok(Ok(()));
        }
        match metadata::refresh(&self.service, connection, crm).await? {
            // The records are there; that pipelines may not be read is shown by
            // whoever reads them for their own sake.
            Err(error) if is_about_the_ids(&error) => Ok(Ok(())),
            read => Ok(read),
        }
    }

    /// One call, and what it told made durable.
    async fn read_part(
        &self,
        connection: &Connection,
        crm: &dyn Crm,
        what: Read,
        part: &[WorkRow],
    ) -> anyhow::Result<Result<Step, CallError>> {
        let (session, view) = (&connection.session, connection.view());
        let slug = &connection.slug;
        let appended = match what {
            Read::Deals(origin) => {
                let ids: Vec<String> = part.iter().map(|row| row.key.key.clone()).collect();
                match crm.fetch(session, &view, &ids, origin).await {
                    Ok(read) => {
                        if let Err(error) = self.meet_stages(connection, crm, &read).await? {
                            return Ok(Err(error));
                        }
                        let made = match origin {
                            Origin::Poll => lost_creations(&self.service, slug, &read).await?,
                            _ => Vec::new(),
                        };
                        let mut rows = Vec::new();
                        if !made.is_empty() {
                            rows.push(inbox_row(&self.service, slug, CHANGES, &made)?);
                        }
                        rows.push(inbox_row(&self.service, slug, OBSERVATIONS, &read)?);
                        self.service.store.append_all(rows).await
                    }
                    Err(error) => return Ok(Err(error)),
                }
            }
            Read::Activities => {
                // A key that nobody can read names nothing to look up.
                let refs: Vec<ActivityRef> =
                    part.iter().filter_map(|row| activity_of(&row.key.key)).collect();
                match crm.activities(session, &view, &refs).await {
                    Ok(changes) if changes.is_empty() => Ok(0),
                    Ok(changes) => append_records(&self.service, slug, CHANGES, &changes).await,
                    Err(error) => return Ok(Err(error)),
                }
            }
        };
        match appended {
            Ok(_) => Ok(Ok(Step::Continue(()))),
            Err(AppendError::Full { retry_after_ms }) => {
                let until = self.service.now().plus_ms(retry_after_ms.max(1));
                Ok(Ok(Step::Break(PutOff { until, why: "the inbox is full".to_owned() })))
            }
            Err(AppendError::Failed(error)) => Err(error.into()),
        }
    }
}

/// Whether smaller pieces of the same request may do better.
fn is_about_the_ids(error: &CallError) -> bool {
    matches!(
        error,
        CallError::Refused { .. } | CallError::NotFound { .. } | CallError::Forbidden { .. }
    )
}

/// In pieces of at most `size`; the first rows in the last piece.
fn chunks(rows: Vec<WorkRow>, size: usize) -> Vec<Vec<WorkRow>> {
    rows.chunks(size).rev().map(<[WorkRow]>::to_vec).collect()
}
