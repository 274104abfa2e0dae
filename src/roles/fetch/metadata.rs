//! Metadata: pipelines, stages and owners of an account, and the people who
//! follow from them.

use std::collections::BTreeMap;
use std::sync::Arc;

use touchline_kit::{CallError, Crm, mapping};
use touchline_rules::UnixMs;
use touchline_rules::facts::Metadata;
use touchline_rules::time::MINUTE_MS;

use crate::coaching::people::{ChatStatus, Person, is_to_be_looked_for_again};
use crate::connection::{Connection, Connections};
use crate::roles::attention::look_up;
use crate::service::Service;
use crate::store::{Part, Store, StoreError};
use crate::wake::News;

/// The least time between two reads of one account's metadata, however often
/// deals name what it does not have.
const READ_GAP_MS: i64 = MINUTE_MS;
/// People whom one read asks chat about at most; the next read asks on.
const PEOPLE_ASKED_MAX: usize = 500;

/// When metadata may be read again, if it was read a moment ago. A reading that
/// is still to come was written by a clock that was wrong, and says nothing.
pub(super) async fn read_lately(
    service: &Service,
    slug: &str,
    now: UnixMs,
) -> anyhow::Result<Option<UnixMs>> {
    let part = service.store.connection_part(slug.to_owned(), Part::Metadata).await?;
    let read_at = part.map(|part| part.updated_at).filter(|at| *at <= now);
    Ok(read_at.map(|at| at.plus_ms(READ_GAP_MS)).filter(|again| *again > now))
}

/// Reads an account's metadata, keeps it, and gets to know its owners.
///
/// A change of it is a new generation of what rules rest on: they are checked
/// and compiled against it, and a sweep follows.
///
/// # Errors
/// When the store fails; the inner error when the vendor does.
pub async fn refresh(
    service: &Service,
    connection: &Connection,
    crm: &dyn Crm,
) -> anyhow::Result<Result<(), CallError>> {
    let read = match crm.metadata(&connection.session, &connection.view()).await {
        Ok(read) => read,
        Err(error) => return Ok(Err(error)),
    };
    let slug = &connection.slug;
    let body = serde_json::to_vec(&read)?;
    let known = service.store.connection_part(slug.clone(), Part::Metadata).await?;
    let version = known.map_or(0, |part| part.version);
    let put = service.store.put_connection_part(
        slug.clone(),
        Part::Metadata,
        version,
        body,
        service.now(),
    );
    match put.await {
        // Whoever else wrote it has just read the same account.
        Ok(_) | Err(StoreError::Conflict { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    if *service.metadata(slug) != read {
        tracing::info!(
            connection = slug,
            pipelines = read.pipelines.len(),
            owners = read.owners.len(),
            "read the account"
        );
        take_over(connection, read.clone());
        service.rules.recheck(&service.accounts());
        service.wake.tell(News::GROUND);
    }
    meet(service, &read).await?;
    Ok(Ok(()))
}

/// Puts the stored metadata and today's count of calls of every connection in
/// force: before rules are loaded, which are checked against it.
///
/// # Errors
/// When the store cannot be read.
pub async fn restore(store: &Store, connections: &Connections) -> anyhow::Result<()> {
    for connection in connections.iter() {
        if let Some(mut metadata) = stored(store, &connection.slug).await? {
            mapping::apply(&mut metadata, &connection.view().settings);
            take_over(connection, metadata);
        }
        // After the zone, which decides what today is.
        let part = store.connection_part(connection.slug.clone(), Part::Usage).await?;
        if let Some(usage) = part.and_then(|part| serde_json::from_slice(&part.body).ok()) {
            connection.session.restore_usage(&usage);
        }
    }
    Ok(())
}

/// The metadata of a connection as last read, with the mapping of that time: see
/// [`crate::coaching::account_settings::apply_mapping`].
///
/// # Errors
/// When the store cannot be read.
pub async fn stored(store: &Store, connection: &str) -> crate::store::Result<Option<Metadata>> {
    let part = store.connection_part(connection.to_owned(), Part::Metadata).await?;
    Ok(part.and_then(|part| serde_json::from_slice(&part.body).ok()))
}

fn take_over(connection: &Connection, metadata: Metadata) {
    if let Some(zone) = &metadata.time_zone
        && let Err(error) = connection.session.set_time_zone(zone)
    {
        tracing::warn!(connection = connection.slug, "{error}");
    }
    connection.set_metadata(Arc::new(metadata));
}

/// Makes the owners, and those whom configuration names, people; asks chat about
/// those it was not asked about.
async fn meet(service: &Service, metadata: &Metadata) -> anyhow::Result<()> {
    let now = service.now();
    let chat = service.connections.chat().map(|chat| chat.slug.clone());
    let mut work = Vec::new();
    for (email, name) in everybody(service, metadata) {
        let person = match service.people.get(&email) {
            Some(person) => person,
            None => match service.people.put(Person::new(&email, &name)).await {
                Ok(person) => person,
                // Somebody else has just met them; the next read sees it.
                Err(StoreError::Conflict { .. }) => continue,
                Err(error) => return Err(error.into()),
            },
        };
        if let Some(chat) = &chat
            && work.len() < PEOPLE_ASKED_MAX
            && is_to_be_looked_up(&person.chat, now)
        {
            work.push(look_up(chat, &email, now));
        }
    }
    if !work.is_empty() {
        // What finds no room is asked for by the next read.
        service.store.ask_work(work).await?;
    }
    Ok(())
}

fn everybody(service: &Service, metadata: &Metadata) -> BTreeMap<String, String> {
    let configured =
        service.config.people.iter().flat_map(|(email, person)| {
            [Some(email), person.manager.as_ref()].into_iter().flatten()
        });
    let mut all: BTreeMap<_, _> =
        configured.map(|email| (email.to_lowercase(), String::new())).collect();
    for owner in metadata.owners.iter().filter(|owner| !owner.archived) {
        if let Some(email) = owner.email.as_ref().filter(|email| !email.is_empty()) {
            all.insert(email.to_lowercase(), owner.name.clone());
        }
    }
    all
}

fn is_to_be_looked_up(chat: &ChatStatus, now: UnixMs) -> bool {
    match chat {
        ChatStatus::Unlooked => true,
        ChatStatus::Missing { at } => is_to_be_looked_for_again(*at, now),
        ChatStatus::Found { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coaching::people::is_to_be_looked_for_again;
    use crate::roles::stand::{ADA, CRM, START, Stand, account};

    #[tokio::test]
    async fn what_a_wrong_clock_wrote_keeps_nobody_from_reading() {
        const DAY: i64 = touchline_rules::time::DAY_MS;
        let stand = Stand::new("").await;
        stand.store_account(&account(&[ADA])).await;
        let lately = async |now| read_lately(&stand.service, CRM, now).await.unwrap();
        assert_eq!(lately(START).await, Some(START.plus_ms(READ_GAP_MS)));
        assert_eq!(lately(START.plus_ms(-DAY)).await, None);
        assert!(is_to_be_looked_for_again(START, START.plus_ms(-1)));
        assert!(!is_to_be_looked_for_again(START, START.plus_ms(DAY - 1)));
        assert!(is_to_be_looked_for_again(START, START.plus_ms(DAY)));
    }
}
