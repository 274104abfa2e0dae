//! What follows when an account was connected, or was not.

use touchline_kit::oauth::Grant;
use touchline_rules::facts::Metadata;

use super::connect_link::Errand;
use super::credentials::WORKING;
use super::grants::{Grants, HeldGrant, Kept};
use crate::service::Service;
use crate::store::{AuditEntry, NewWork, WorkKey};
use crate::wake::News;

/// The work of reading an account's pipelines, stages and owners.
const METADATA: &str = "metadata";
/// How often a grant is written over what somebody else wrote meanwhile.
const OVERTAKEN_MAX: u32 = 3;

/// Keeps a new grant, says that the connection works, and wakes who was waiting
/// for it. Reading goes on where it stopped.
///
/// # Errors
/// When the store cannot be written.
pub async fn connected(
    service: &Service,
    grants: &Grants,
    errand: &Errand,
    grant: &HeldGrant,
) -> anyhow::Result<()> {
    keep(grants, errand, grant).await?;
    let (name, now) = (errand.connection.clone(), service.now());
    service.store.set_connection_status(name, WORKING.to_owned(), String::new(), now).await?;
    audit(service, errand, "connection_connected", "").await?;
    let (kind, connection) = (METADATA.to_owned(), errand.connection.clone());
    let key = WorkKey { kind, connection, key: String::new() };
    service.store.ask_work(vec![NewWork { key, next_at: now, body: Vec::new() }]).await?;
    tracing::info!(connection = errand.connection, "connected");
    if let Some(connection) = service.connections.get(&errand.connection) {
        connection.renew();
    }
    service.wake.tell(News::LINES);
    Ok(())
}

/// Says so if a grant is for another account than the one whose deals are here
/// already: the ids of one would be taken for those of the other. `field` is where
/// the vendor's answer names its account.
#[must_use]
pub fn another_account(known: &Metadata, field: Option<&str>, grant: &Grant) -> Option<String> {
    let said = grant.extra.get(field?)?;
    let said = said.as_str().map_or_else(|| said.to_string(), str::to_owned);
    let known = known.account_id.as_deref().filter(|known| **known != *said)?;
    Some(format!("it is account {said}, and this connection holds account {known}"))
}

/// The admin's word is the newest: it goes over a refresh that came between.
async fn keep(grants: &Grants, errand: &Errand, grant: &HeldGrant) -> anyhow::Result<()> {
    for _ in 0..OVERTAKEN_MAX {
        let version = grants.version(&errand.connection).await?;
        if grants.keep(&errand.connection, version, grant).await? != Kept::Overtaken {
            return Ok(());
        }
    }
    anyhow::bail!("the grant of {} keeps changing", errand.connection)
}

/// Notes that the vendor gave nothing for a code.
pub async fn refused(service: &Service, errand: &Errand, why: &str) {
    if let Err(error) = audit(service, errand, "connection_refused", why).await {
        tracing::error!(error = format!("{error:#}"), "the audit log could not be written");
    }
}

async fn audit(service: &Service, errand: &Errand, action: &str, why: &str) -> anyhow::Result<()> {
    let told = serde_json::json!({
        "connection": errand.connection,
        "connector": errand.connector,
        "why": why,
    });
    let entry = AuditEntry {
        at: service.now(),
        actor: errand.by.clone(),
        action: action.to_owned(),
        body: serde_json::to_vec(&told)?,
    };
    service.store.append_audit(entry).await?;
    Ok(())
}
