//! The tables of the configuration. Meanings and units: `config.default.toml`.

use std::collections::BTreeMap;

use jiff::civil::Time;
use serde::Deserialize;
use touchline_kit::{Manifest, Secrets};
use touchline_rules::attention::Day;

use super::ConfigError;
use super::value::{LimitOverride, OrOff, QuietHours, clock_times, resolve_secret};

/// `[log]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// Level or filter.
    pub level: String,
    /// Form of the lines.
    pub format: LogFormat,
}

impl LogConfig {
    /// Warnings and errors, for people: what a demo or a command shows.
    #[must_use]
    pub fn warnings() -> Self {
        LogConfig { level: "warn".to_owned(), format: LogFormat::Text }
    }
}

/// Form of the log lines.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl TryFrom<String> for LogFormat {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        one_of(&text, &[("text", LogFormat::Text), ("json", LogFormat::Json)])
    }
}

fn one_of<T: Copy>(text: &str, known: &[(&str, T)]) -> Result<T, String> {
    let found = known.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    let names = || known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    found.ok_or_else(|| format!("got `{text}`, expected one of {}", names()))
}

/// `[http]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each key is documented in config.default.toml")]
pub struct HttpConfig {
    pub body_max_bytes: usize,
    /// All webhook bodies being read or made durable at one moment, in bytes.
    pub bodies_bytes_max: usize,
    pub head_timeout_ms: u64,
    pub request_timeout_ms: u64,
    pub connections_max: usize,
    pub accept_timeout_ms: u64,
}

/// `[inbox]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each key is documented in config.default.toml")]
pub struct InboxConfig {
    pub queue_rows_max: usize,
    pub queue_bytes_max: usize,
    pub keep_days: u32,
}

/// `[ingest]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each key is documented in config.default.toml")]
pub struct IngestConfig {
    pub batch_events_max: usize,
    pub batch_ms_max: u64,
    pub hydrate_deadline_minutes: i64,
    pub tries_max: u32,
    pub dedupe_keep_days: i64,
    pub work_rows_max: usize,
}

/// `[retention]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each key is documented in config.default.toml")]
pub struct RetentionConfig {
    pub histories_days: OrOff,
    pub said_days: OrOff,
    pub dead_letters_days: OrOff,
}

/// `[crm]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each key is documented in config.default.toml")]
pub struct CrmConfig {
    pub backfill_closed_months: i32,
    pub activity_look_back_days: i64,
    pub activity_share_percent: u32,
    pub activity_share_days: i64,
    pub poll_interval_minutes: i64,
    pub metadata_interval_minutes: i64,
    pub lease_ms: i64,
    pub retry_base_ms: i64,
    pub retry_cap_ms: i64,
}

/// `[delivery]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each key is documented in config.default.toml")]
pub struct DeliveryConfig {
    pub fresh_max_age_minutes: i64,
    pub claims_per_connection: usize,
    pub lease_ms: i64,
    pub retry_base_ms: i64,
    pub retry_cap_ms: i64,
    pub tries_max: u32,
    pub queue_max: usize,
}

/// `[attention]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each key is documented in config.default.toml")]
pub struct AttentionConfig {
    pub sending: Sending,
    pub pilot: Vec<String>,
    pub interruptions_per_day: OrOff,
    pub interruptions_per_day_new: OrOff,
    pub new_person_working_days: u32,
    pub deal_spacing_working_days: OrOff,
    #[serde(deserialize_with = "clock_times")]
    pub digest_at: Vec<Time>,
    pub digest_items_max: OrOff,
    pub quiet_hours: QuietHours,
    pub event_max_age_hours: i64,
    pub expiry_working_days: u32,
    pub weekly_on: WeeklyOn,
    pub weekly_named_max: usize,
    pub present_per_day: u32,
    pub mass_change_deals: OrOff,
    pub mass_change_minutes: i64,
}

/// A weekday by its short name, or `"off"`.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct WeeklyOn(pub Option<Day>);

impl TryFrom<String> for WeeklyOn {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let days = Day::ALL.map(|day| (day.name(), Some(day)));
        let known: Vec<_> = days.into_iter().chain([("off", None)]).collect();
        one_of(&text, &known).map(WeeklyOn)
    }
}

/// `[rule_health]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each key is documented in config.default.toml")]
pub struct RuleHealthConfig {
    pub expiry: bool,
    pub answers_min: u32,
    pub days: u32,
    pub not_true_here_percent_max: OrOff,
    pub useful_percent_min: OrOff,
}

/// Who gets nudges.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Sending {
    /// Nobody.
    Off,
    /// The people named in `pilot`.
    Pilot,
    /// Everybody.
    Everyone,
}

impl TryFrom<String> for Sending {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let known =
            [("off", Sending::Off), ("pilot", Sending::Pilot), ("everyone", Sending::Everyone)];
        one_of(&text, &known)
    }
}

/// `[people."EMAIL"]`
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonConfig {
    /// IANA zone.
    pub time_zone: Option<String>,
    /// The manager's e-mail.
    pub manager: Option<String>,
    /// The name to use.
    pub name: Option<String>,
    /// What they are to win, in the CRM account's currency.
    pub target: Option<f64>,
    /// In which stretch of time; a quarter unless it says.
    pub target_period: Option<TargetPeriod>,
    /// Since when they lead others.
    pub manager_since: Option<jiff::civil::Date>,
}

/// The stretch of time of a target.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum TargetPeriod {
    /// A calendar month.
    Month,
    /// A quarter of the calendar year.
    Quarter,
}

impl TryFrom<String> for TargetPeriod {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let known = [("month", TargetPeriod::Month), ("quarter", TargetPeriod::Quarter)];
        one_of(&text, &known)
    }
}

/// `[connections.SLUG]`: common keys here, secrets and settings by the connector's manifest.
#[derive(Clone, Deserialize)]
pub struct ConnectionConfig {
    /// Which connector.
    pub connector: String,
    /// Another address than the vendor's: fakes and proxies.
    pub base_url: Option<String>,
    /// Vendor limits to change.
    #[serde(default)]
    pub limits: BTreeMap<String, LimitOverride>,
    /// Share of the account's daily calls, in percent, instead of the connector's own.
    pub daily_share_percent: Option<u32>,
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

/// Only the names of what is set: any value may be a secret.
impl std::fmt::Debug for ConnectionConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectionConfig")
            .field("connector", &self.connector)
            .field("keys", &self.rest.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl ConnectionConfig {
    /// The secrets that `manifest` names, resolved.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] naming the one that is missing or cannot be read, and
    /// what it is.
    pub fn secrets(&self, slug: &str, manifest: &Manifest) -> Result<Secrets, ConfigError> {
        let mut secrets = Secrets::default();
        for field in manifest.secrets {
            let invalid = |problem: String, hint: String| {
                ConfigError::invalid(format!("connections.{slug}.{}", field.name), problem, hint)
            };
            let written = match self.rest.get(field.name) {
                Some(serde_json::Value::String(written)) => written,
                None if !field.required => continue,
                other => {
                    let problem = match other {
                        None => "this secret is missing",
                        Some(_) => "a secret is text, in quotes",
                    };
                    let hint =
                        format!("write env:NAME, file:PATH or the secret itself. {}", field.help);
                    return Err(invalid(problem.to_owned(), hint));
                }
            };
            let value = resolve_secret(written).map_err(|(why, what_to_do)| {
                invalid(why, format!("{what_to_do}. {}", field.help))
            })?;
            secrets.insert_secret(field.name, value);
        }
        Ok(secrets)
    }

    /// The settings that are not secrets.
    #[must_use]
    pub fn settings(&self, manifest: &Manifest) -> serde_json::Map<String, serde_json::Value> {
        let is_secret = |key: &str| manifest.secrets.iter().any(|field| field.name == key);
        let settings = self.rest.iter().filter(|(key, _)| !is_secret(key));
        settings.map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}

/// E-mails are compared in lower case everywhere; here they are made so.
pub(super) fn by_lower_case_email(
    written: BTreeMap<String, PersonConfig>,
) -> Result<BTreeMap<String, PersonConfig>, ConfigError> {
    let mut people = BTreeMap::new();
    for (email, mut person) in written {
        person.manager = person.manager.map(|manager| manager.trim().to_lowercase());
        let lower = email.trim().to_lowercase();
        if person.target.is_some_and(|target| !target.is_finite() || target <= 0.0) {
            return Err(ConfigError::invalid(
                format!("people.\"{email}\".target"),
                "a target is an amount above 0".to_owned(),
                "leave it out where there is none",
            ));
        }
        if people.insert(lower.clone(), person).is_some() {
            return Err(ConfigError::invalid(
                format!("people.\"{email}\""),
                format!("{lower} is configured twice, in capitals and in small letters"),
                "keep one of the two",
            ));
        }
    }
    Ok(people)
}
