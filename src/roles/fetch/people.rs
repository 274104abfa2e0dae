//! People: how chat knows them.

use touchline_kit::CallError;
use touchline_rules::UnixMs;

use super::records::REFUSED_TRIES_MAX;
use super::{Fetch, Step};
use crate::coaching::people::{ChatStatus, Person};
use crate::connection::Connection;
use crate::roles::backoff;
use crate::store::{StoreError, WorkRow};

impl Fetch {
    /// Looks each of these up by e-mail, one call each.
    pub(super) async fn people(
        &self,
        connection: &Connection,
        rows: Vec<WorkRow>,
        now: UnixMs,
    ) -> anyhow::Result<Step> {
        let service = &self.service;
        let Some(channel) = connection.channel() else {
            service.store.finish_work(rows).await?;
            return Ok(Step::Continue(()));
        };
        let mut rows = rows.into_iter();
        while let Some(row) = rows.next() {
            let email = row.key.key.as_str();
            let Some(person) = service.people.get(email) else {
                // Erased meanwhile.
                service.store.finish_work(vec![row]).await?;
                continue;
            };
            let view = connection.view();
            match channel.find_person(&connection.session, &view, email).await {
                Ok(found) => {
                    self.rests.worked(service, &connection.slug).await?;
                    let mut known = Person::clone(&person);
                    match found {
                        Some(found) => {
                            known.time_zone.clone_from(&found.time_zone);
                            let connection = connection.slug.clone();
                            known.chat = ChatStatus::Found { connection, person: found };
                        }
                        None => known.chat = ChatStatus::Missing { at: now },
                    }
                    self.keep(known, row, now).await?;
                }
                Err(error @ (CallError::Refused { .. } | CallError::NotFound { .. }))
                    if row.attempts >= REFUSED_TRIES_MAX =>
                {
                    tracing::warn!(
                        connection = connection.slug,
                        "chat refuses to look a person up: {error}"
                    );
                    let mut known = Person::clone(&person);
                    known.chat = ChatStatus::Missing { at: now };
                    self.keep(known, row, now).await?;
                }
                Err(error @ (CallError::Refused { .. } | CallError::NotFound { .. })) => {
                    let wait_ms = backoff::reading_ms(&service.config.crm, email, row.attempts);
                    let at = now.plus_ms(wait_ms);
                    service.store.retry_work(row.key, at, error.to_string()).await?;
                }
                Err(error) => {
                    let left = std::iter::once(row).chain(rows).collect();
                    return self.fail(connection, left, &error, now).await;
                }
            }
        }
        Ok(Step::Continue(()))
    }

    async fn keep(&self, person: Person, row: WorkRow, now: UnixMs) -> anyhow::Result<()> {
        let store = &self.service.store;
        match self.service.people.put(person).await {
            Ok(_) => store.finish_work(vec![row]).await?,
            // A command changed the person meanwhile: look again.
            Err(StoreError::Conflict { .. }) => {
                let crm = &self.service.config.crm;
                let at = now.plus_ms(backoff::reading_ms(crm, &row.key.key, row.attempts));
                store
                    .retry_work(row.key, at, "the person was changed meanwhile".to_owned())
                    .await?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}
