//! Configuration: one struct, read once at start.
//!
//! `config.default.toml` is the embedded base and the reference; a file and then
//! `TOUCHLINE_*` variables override it. This is the only place that reads the
//! environment.

mod changed;
mod check;
mod error;
mod sections;
mod value;
mod written;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use touchline_rules::Calendar;

pub use error::ConfigError;
pub use sections::{
    AttentionConfig, ConnectionConfig, CrmConfig, DeliveryConfig, HttpConfig, InboxConfig,
    IngestConfig, LogConfig, LogFormat, PersonConfig, RetentionConfig, RuleHealthConfig, Sending,
    TargetPeriod, WeeklyOn,
};
pub use value::{LimitOverride, OrOff, QuietHours, no_colours};
use written::Written;

/// The documented defaults, as printed by `touchline config`.
pub const DEFAULTS: &str = include_str!("config.default.toml");

const ENVIRONMENT_PREFIX: &str = "TOUCHLINE";

/// Everything that can be configured. Meanings and units: `config.default.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the service listens.
    pub listen: SocketAddr,
    /// What vendors call, without a trailing slash.
    pub public_url: String,
    /// `sqlite:FILE`.
    pub database: String,
    /// Where the sealing key lies.
    pub key_file: PathBuf,
    /// Rule packs.
    pub rules: Vec<String>,
    /// E-mails of those who may change the company's rules and are told what waits
    /// for an admin, lower case.
    pub admins: Vec<String>,
    /// IANA zone of last resort; empty for none.
    pub time_zone: String,
    /// Worked weekdays, as `mon` … `sun`.
    pub working_days: Vec<String>,
    /// Days off.
    pub holidays: Vec<Date>,
    /// Logging.
    pub log: LogConfig,
    /// Limits of the HTTP side.
    pub http: HttpConfig,
    /// The durable intake.
    pub inbox: InboxConfig,
    /// Processing.
    pub ingest: IngestConfig,
    /// How long things are kept.
    pub retention: RetentionConfig,
    /// Reading from CRMs.
    pub crm: CrmConfig,
    /// Sending.
    pub delivery: DeliveryConfig,
    /// Ceilings of attention.
    pub attention: AttentionConfig,
    /// When a rule pauses itself.
    pub rule_health: RuleHealthConfig,
    /// Vendor accounts by slug.
    pub connections: BTreeMap<String, ConnectionConfig>,
    /// What neither CRM nor chat say of a person, by e-mail.
    pub people: BTreeMap<String, PersonConfig>,
    #[serde(skip)]
    written: Written,
}

impl Config {
    /// Reads the defaults, then `file` if given, then the environment.
    ///
    /// # Errors
    /// [`ConfigError`], naming file, line and key, and the nearest known one.
    pub fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
        let environment = config::Environment::with_prefix(ENVIRONMENT_PREFIX)
            .prefix_separator("_")
            .separator("__")
            .try_parsing(true);
        let text = file.map(|path| {
            std::fs::read_to_string(path)
                .map_err(|cause| ConfigError::Read { path: path.to_owned(), cause })
        });
        let text = text.transpose()?;
        let written = Written::here(file.zip(text.as_deref()));
        written.check_syntax()?;
        let builder = layers(text.as_deref().unwrap_or_default()).add_source(environment);
        let read = Self::finish(builder).map_err(|error| error.placed(&written))?;
        Ok(Config { written, ..read })
    }

    /// Reads the defaults, then `text`: for tests and the demo. Ignores the environment.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_toml(text: &str) -> Result<Config, ConfigError> {
        Self::finish(layers(text))
    }

    fn finish(
        builder: config::ConfigBuilder<config::builder::DefaultState>,
    ) -> Result<Config, ConfigError> {
        let built = builder.build().map_err(ConfigError::from_layers)?;
        let mut config: Config = built.try_deserialize().map_err(ConfigError::from_layers)?;
        config.public_url = config.public_url.trim_end_matches('/').to_owned();
        config.people = sections::by_lower_case_email(config.people)?;
        config.admins.iter_mut().for_each(|email| *email = email.trim().to_lowercase());
        check::check(&config)?;
        Ok(config)
    }

    /// The file it was read from.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.written.file()
    }

    /// An error about a key that only its connector can judge, saying where the
    /// key is written.
    pub(crate) fn invalid(
        &self,
        key: impl Into<String>,
        problem: impl Into<String>,
        hint: impl Into<String>,
    ) -> ConfigError {
        self.placed(ConfigError::invalid(key, problem, hint))
    }

    /// The same error, saying where the key is written.
    pub(crate) fn placed(&self, error: ConfigError) -> ConfigError {
        error.placed(&self.written)
    }

    /// The calendar in the zone of that name with the configured working days
    /// and holidays; `None` when the name is unknown.
    #[must_use]
    pub fn calendar_in(&self, zone: &str) -> Option<Calendar> {
        let mut calendar = Calendar::weekdays(TimeZone::get(zone).ok()?);
        let worked = self.working_days.iter().filter_map(|day| weekday_index(day));
        calendar.working_weekdays = [false; 7];
        worked.for_each(|index| calendar.working_weekdays[index] = true);
        calendar.holidays.extend(self.holidays.iter().copied());
        Some(calendar)
    }

    /// The database file.
    #[must_use]
    pub fn database_path(&self) -> PathBuf {
        PathBuf::from(self.database.trim_start_matches("sqlite:"))
    }
}

fn layers(text: &str) -> config::ConfigBuilder<config::builder::DefaultState> {
    let source = |text| config::File::from_str(text, config::FileFormat::Toml);
    config::Config::builder().add_source(source(DEFAULTS)).add_source(source(text))
}

fn weekday_index(name: &str) -> Option<usize> {
    const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    NAMES.iter().position(|known| *known == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_complete_and_send_nothing() {
        let config = Config::from_toml("").unwrap();
        assert_eq!(config.attention.sending, Sending::Off);
        assert_eq!(config.http.body_max_bytes, 8 * 1024 * 1024);
    }

    #[test]
    fn a_misspelt_key_names_the_nearest_known_one() {
        let error = Config::from_toml("[attention]\nquiet_ours = \"off\"").unwrap_err();
        let shown = error.to_string();
        assert!(
            shown.contains("quiet_ours") && shown.contains("did you mean `quiet_hours`"),
            "{shown}"
        );
    }

    #[test]
    fn off_switches_a_ceiling_off_and_a_wrong_value_names_its_key() {
        let config = Config::from_toml(
            "[attention]\ninterruptions_per_day = \"off\"\nquiet_hours = \"off\"",
        )
        .unwrap();
        assert_eq!(config.attention.interruptions_per_day, OrOff::Off);
        assert_eq!(config.attention.quiet_hours, QuietHours(None));
        let error =
            Config::from_toml("[attention]\nquiet_hours = \"late\"").unwrap_err().to_string();
        assert!(error.contains("quiet_hours"), "{error}");
    }

    #[test]
    fn what_was_said_is_kept_for_a_quarter_at_least() {
        let of = |days: &str| Config::from_toml(&format!("[retention]\nsaid_days = {days}"));
        assert_eq!(of("90").unwrap().retention.said_days, OrOff::At(90));
        assert_eq!(of("\"off\"").unwrap().retention.said_days, OrOff::Off);
        let error = of("89").unwrap_err().to_string();
        assert!(error.contains("retention.said_days"), "{error}");
    }

    #[test]
    fn connections_and_people_are_read_and_secrets_never_shown() {
        let config = Config::from_toml(
            "[connections.hubspot]\nconnector = \"hubspot\"\nclient_secret = \"fake-secret\"\nlimits = { search_per_s = 3, burst = \"off\" }\n[people.\"seller0@example.com\"]\ntime_zone = \"Europe/London\"",
        )
        .unwrap();
        assert!(!format!("{config:?}").contains("fake-secret"));
        let hubspot = &config.connections["hubspot"];
        assert_eq!(hubspot.connector, "hubspot");
        assert_eq!(hubspot.limits["burst"], LimitOverride::Off);
        assert_eq!(
            config.people["seller0@example.com"].time_zone.as_deref(),
            Some("Europe/London")
        );
    }

    #[test]
    fn people_are_known_by_their_e_mail_in_small_letters() {
        let text = "[people.\"Ann@Example.com\"]\nmanager = \"Lead@Example.com\"\n";
        let people = Config::from_toml(text).unwrap().people;
        assert_eq!(people["ann@example.com"].manager.as_deref(), Some("lead@example.com"));
        let twice = format!("{text}[people.\"ann@example.com\"]\nname = \"Ann\"\n");
        let error = Config::from_toml(&twice).unwrap_err().to_string();
        assert!(error.contains("ann@example.com is configured twice"), "{error}");
    }

    #[test]
    fn admins_are_people_with_an_address() {
        let config = Config::from_toml("admins = [\"Ann@Example.com\"]").unwrap();
        assert_eq!(config.admins, ["ann@example.com"]);
        let error = Config::from_toml("admins = [\"ann\"]").unwrap_err().to_string();
        assert!(error.contains("admins[0]: `ann` is no e-mail address"), "{error}");
    }

    #[test]
    fn the_limits_of_a_rules_health_are_percentages() {
        let off = "[rule_health]\nuseful_percent_min = \"off\"";
        let health = Config::from_toml(off).unwrap().rule_health;
        assert_eq!((health.useful_percent_min, health.answers_min), (OrOff::Off, 30));
        let error = Config::from_toml("[rule_health]\nnot_true_here_percent_max = 101");
        assert!(error.unwrap_err().to_string().contains("not_true_here_percent_max"));
    }

    #[test]
    fn a_slug_is_a_slug() {
        assert!(Config::from_toml("[connections.\"Hub Spot\"]\nconnector = \"hubspot\"").is_err());
    }
}
