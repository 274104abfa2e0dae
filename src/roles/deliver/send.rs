//! One call, and what its outcome means.

use touchline_kit::{CallError, Message, Receipt};
use touchline_rules::UnixMs;
use touchline_rules::time::SECOND_MS;

use super::Deliver;
use super::last_look::Job;
use crate::coaching::messages;
use crate::coaching::settings::policy;
use crate::connection::Connection;
use crate::roles::backoff;
use crate::roles::escalate::fair_chance;
use crate::roles::lines::note_broken;
use crate::roles::outcomes::watch;
use crate::store::{self, DeliveryRow};

/// When the outcome of a call is unknown, how long until somebody asks. The
/// vendor's own search lags behind its writes.
const LOOK_AFTER_MS: i64 = 10 * SECOND_MS;

impl Deliver {
    /// Sends a claimed delivery and keeps what came of it.
    pub(super) async fn send(&self, row: DeliveryRow, job: Job) -> anyhow::Result<()> {
        let service = &self.service;
        let Some(connection) = service.connections.get(&row.connection).cloned() else {
            let why = "its connection is not configured any more".to_owned();
            return Ok(service.store.record_failed(row.id, why).await?);
        };
        match self.call(&connection, &row, job).await {
            Ok(receipt) => self.sent(&row, &receipt).await,
            Err(error) => self.not_sent(&connection, &row, error).await,
        }
    }

    async fn call(
        &self,
        connection: &Connection,
        row: &DeliveryRow,
        job: Job,
    ) -> Result<Receipt, CallError> {
        let (session, view) = (&connection.session, connection.view());
        let (to, message) = match job {
            Job::Crm(write) => {
                let crm = connection.crm().ok_or_else(|| no_side("CRM"))?;
                return crm.write(session, &view, &write).await;
            }
            Job::Chat(to, message) => (to, message),
            Job::Hello(to) => (to, self.hello()),
        };
        let channel = connection.channel().ok_or_else(|| no_side("chat"))?;
        channel.deliver(session, &view, &to, &row.id, &message).await
    }

    fn hello(&self) -> Message {
        let service = &self.service;
        let settings = service.settings.current();
        // Only people have an address; a command without a name acts as `operator`.
        let by = settings.by.as_ref().filter(|by| by.contains('@'));
        let by = by.map(|email| service.people.name_of(email));
        let titles = service.connections.crms().map(|crm| crm.connector.manifest().title);
        let reads: Vec<&str> = titles.collect();
        messages::hello(by.as_deref(), &reads, &policy(&service.config, &settings.to))
    }

    /// Keeps the receipt, and looks out for what the nudge hoped for.
    pub(super) async fn sent(&self, row: &DeliveryRow, receipt: &Receipt) -> anyhow::Result<()> {
        let at = self.service.now();
        self.lines.came_through(&row.connection);
        let receipt = serde_json::to_vec(receipt)?;
        let mut follow_up = watch(&self.service, row, at)?;
        follow_up.extend(fair_chance(&self.service, row, at)?);
        self.service.store.record_sent(row.id.clone(), receipt, at, follow_up).await?;
        Ok(())
    }

    async fn not_sent(
        &self,
        connection: &Connection,
        row: &DeliveryRow,
        error: CallError,
    ) -> anyhow::Result<()> {
        let (store, now) = (&self.service.store, self.service.now());
        let (id, slug) = (row.id.clone(), row.connection.as_str());
        let why = error.to_string();
        tracing::debug!(delivery.id = id, connection = slug, %error, "not sent");
        match error {
            CallError::Limited { retry_at, detail } => {
                self.lines.limited(slug, &row.person, &detail, retry_at);
                store.record_retry(id, retry_at.max(now.plus_ms(1)), why, false).await?;
            }
            CallError::Unavailable { retry_at, .. } => {
                if let Some(until) = retry_at.filter(|until| *until > now) {
                    self.lines.down(slug, until);
                }
                self.try_again(row, retry_at, why, now).await?;
            }
            CallError::Ambiguous { .. } => {
                store.record_unknown(id, why, now.plus_ms(LOOK_AFTER_MS)).await?;
            }
            CallError::Unauthorized { .. } => {
                self.lines.broke(slug, now);
                note_broken(&self.service, connection, &error, now).await?;
                store.record_retry(id, now, why, false).await?;
            }
            CallError::Forbidden { .. }
            | CallError::NotFound { .. }
            | CallError::Refused { .. } => {
                tracing::error!(delivery.id = id, connection = slug, %error, "the vendor refuses a delivery");
                store.record_failed(id, format!("{why}\nhint: {}", hint(&error))).await?;
            }
        }
        Ok(())
    }

    /// Waits with back-off, or fails after the last try.
    async fn try_again(
        &self,
        row: &DeliveryRow,
        retry_at: Option<UnixMs>,
        why: String,
        now: UnixMs,
    ) -> store::Result<()> {
        let (store, delivery) = (&self.service.store, &self.service.config.delivery);
        if row.attempts >= delivery.tries_max {
            let tries = row.attempts;
            let why = format!(
                "given up after {tries} tries: {why}\nhint: replay it once the vendor can be reached"
            );
            return store.record_failed(row.id.clone(), why).await;
        }
        let wait = backoff::sending_ms(delivery, &row.id, row.attempts);
        let until = retry_at.unwrap_or(now).max(now.plus_ms(wait));
        store.record_retry(row.id.clone(), until, why, true).await
    }
}

fn no_side(what: &str) -> CallError {
    CallError::Refused { code: "no_side".into(), detail: format!("this connection has no {what}") }
}

fn hint(error: &CallError) -> &'static str {
    match error {
        CallError::Forbidden { .. } => "give the app the permission that is named, then replay it",
        CallError::NotFound { .. } => {
            "the person or the deal is gone at the vendor; there is nothing to replay"
        }
        _ => "this content is not accepted; please report it, with the vendor's words",
    }
}
