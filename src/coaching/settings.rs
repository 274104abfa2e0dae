//! What an admin steers while the service runs: who is sent anything at all.
//! Stored, so that it outlives restarts; configuration gives only the first value.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use touchline_rules::UnixMs;
use touchline_rules::attention::{MassLimit, Policy, Sending};
use touchline_rules::time::{HOUR_MS, MINUTE_MS};

use super::rulesets::RuleSets;
use crate::config::{self, Config};
use crate::store::{AuditEntry, Store};

/// The name of the stored setting.
const SENDING: &str = "sending";

/// Who is sent nudges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendingTo {
    /// Nobody, the pilot, everybody.
    pub sending: Sending,
    /// E-mails of the pilot, lower case.
    pub pilot: Vec<String>,
}

/// The settings in force, as of one version of the store's.
#[derive(Clone, Debug, Default)]
pub struct Current {
    /// Version in the store: batches and claims are fenced by it.
    pub version: i64,
    /// Who is sent nudges.
    pub to: SendingTo,
    /// Who decided that, as audited; `None` where configuration did.
    pub by: Option<String>,
}

/// The setting as stored.
#[derive(Serialize, Deserialize, Default)]
struct Stored {
    #[serde(flatten)]
    to: SendingTo,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
}

/// The settings, read again whenever their version moves.
pub struct Settings {
    store: Store,
    current: RwLock<Arc<Current>>,
    /// The rules that follow what is stored of them.
    rules: OnceLock<Arc<RuleSets>>,
}

impl Settings {
    /// Reads the settings; the very first time, from configuration.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn load(store: Store, config: &Config, now: UnixMs) -> anyhow::Result<Settings> {
        let first = configured(config);
        let body = serde_json::to_vec(&first)?;
        let audit = entry(now, "configuration", "sending_first_set", &body);
        store.put_first_setting(SENDING.to_owned(), body, audit).await?;
        let settings = Settings { store, current: RwLock::default(), rules: OnceLock::new() };
        settings.refresh().await?;
        Ok(settings)
    }

    /// From now on these rules follow what is stored of them, each time before a
    /// version of the settings is in force: whoever reads the version first never
    /// decides by older rules than it.
    pub fn lead(&self, rules: Arc<RuleSets>) {
        // Rules that are led already stay so.
        drop(self.rules.set(rules));
    }

    /// The settings in force as last read.
    #[must_use]
    pub fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads them again and answers them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn refresh(&self) -> anyhow::Result<Arc<Current>> {
        let (version, rows) = self.store.settings().await?;
        if let Some(rules) = self.rules.get() {
            rules.refresh(&self.store).await?;
        }
        let sending = rows.iter().find(|row| row.name == SENDING);
        let stored: Stored = sending
            .map_or_else(|| Ok(Stored::default()), |row| serde_json::from_slice(&row.body))?;
        let current = Arc::new(Current { version, to: stored.to, by: stored.by });
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&current);
        Ok(current)
    }

    /// Who is sent nudges, read without setting anything: for commands.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn sending_to(store: &Store, config: &Config) -> anyhow::Result<SendingTo> {
        match store.setting(SENDING.to_owned()).await? {
            Some(row) => Ok(serde_json::from_slice(&row.body)?),
            None => Ok(configured(config)),
        }
    }

    /// Sets who is sent nudges; takes effect before the next delivery of a
    /// running service.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn set_sending(
        store: &Store,
        to: &SendingTo,
        by: &str,
        reason: &str,
        now: UnixMs,
    ) -> anyhow::Result<()> {
        let stored = Stored { to: to.clone(), by: Some(by.to_owned()) };
        let body = serde_json::to_vec(&stored)?;
        let told = serde_json::to_vec(&serde_json::json!({ "set": to, "reason": reason }))?;
        store.put_setting(SENDING.to_owned(), body, entry(now, by, "sending_set", &told)).await?;
        Ok(())
    }
}

/// The first value, as configuration gives it.
fn configured(config: &Config) -> SendingTo {
    SendingTo {
        sending: match config.attention.sending {
            config::Sending::Off => Sending::Off,
            config::Sending::Pilot => Sending::Pilot,
            config::Sending::Everyone => Sending::Everyone,
        },
        pilot: config.attention.pilot.iter().map(|email| email.to_lowercase()).collect(),
    }
}

fn entry(at: UnixMs, actor: &str, action: &str, body: &[u8]) -> AuditEntry {
    AuditEntry { at, actor: actor.to_owned(), action: action.to_owned(), body: body.to_vec() }
}

/// The ceilings of attention as configured, with who is sent anything.
#[must_use]
pub fn policy(config: &Config, to: &SendingTo) -> Policy {
    let attention = &config.attention;
    Policy {
        sending: to.sending,
        interruptions_per_day: attention.interruptions_per_day.limit(),
        interruptions_per_day_new: attention.interruptions_per_day_new.limit(),
        new_person_working_days: attention.new_person_working_days,
        reserve_for_events: true,
        deal_spacing_working_days: attention.deal_spacing_working_days.limit(),
        digest_items_max: attention.digest_items_max.limit(),
        digest_at: attention.digest_at.clone(),
        quiet_hours: attention.quiet_hours.0,
        event_max_age_ms: attention.event_max_age_hours.saturating_mul(HOUR_MS),
        nudge_expiry_working_days: attention.expiry_working_days,
        hello: true,
        weekly_on: attention.weekly_on.0,
    }
}

/// When changes by one hand are a mass change; `None` when that is not looked at.
#[must_use]
pub fn mass_limit(config: &Config) -> Option<MassLimit> {
    let attention = &config.attention;
    let deals = attention.mass_change_deals.limit()?;
    let within_ms = attention.mass_change_minutes.saturating_mul(MINUTE_MS);
    Some(MassLimit { deals, within_ms })
}
