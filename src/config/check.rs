//! What the types alone cannot refuse.

use jiff::tz::TimeZone;
use tracing_subscriber::EnvFilter;

use super::{Config, ConfigError, weekday_index};

/// Refuses values that are of the right type and still make no sense.
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    public_url(&config.public_url)?;
    database(&config.database)?;
    zone("time_zone", Some(&config.time_zone).filter(|zone| !zone.is_empty()))?;
    for (index, day) in config.working_days.iter().enumerate() {
        if weekday_index(day).is_none() {
            let known = "write mon, tue, wed, thu, fri, sat or sun";
            return invalid(format!("working_days[{index}]"), format!("`{day}` is no day"), known);
        }
    }
    if let Err(error) = EnvFilter::try_new(&config.log.level) {
        let problem = format!("`{}` is no filter: {error}", config.log.level);
        return invalid("log.level", problem, "write error, warn, info, debug or trace");
    }
    if config.http.bodies_bytes_max < config.http.body_max_bytes {
        return invalid(
            "http.bodies_bytes_max",
            "one body alone may be larger",
            "write at least http.body_max_bytes",
        );
    }
    percent("crm.activity_share_percent", config.crm.activity_share_percent, 0)?;
    rule_health(config)?;
    for (index, email) in config.admins.iter().enumerate() {
        if !is_email(email) {
            let problem = format!("`{email}` is no e-mail address");
            let hint = "write who may change the company's rules, as in admin@example.com";
            return invalid(format!("admins[{index}]"), problem, hint);
        }
    }
    said_days(config)?;
    attention(config)?;
    for (slug, connection) in &config.connections {
        if !is_slug(slug) {
            return invalid(
                format!("connections.{slug}"),
                format!("`{slug}` cannot be a connection's name"),
                "use a-z, 0-9 and -, at most 40",
            );
        }
        if let Some(share) = connection.daily_share_percent {
            percent(&format!("connections.{slug}.daily_share_percent"), share, 1)?;
        }
        if let Some(url) = &connection.base_url
            && !is_web_address(url)
        {
            return invalid(
                format!("connections.{slug}.base_url"),
                format!("`{url}` is no web address"),
                "leave it out for the vendor's own, or write http:// or https:// and a host",
            );
        }
    }
    for (email, person) in &config.people {
        zone(&format!("people.\"{email}\".time_zone"), person.time_zone.as_ref())?;
    }
    Ok(())
}

fn invalid<T>(
    key: impl Into<String>,
    problem: impl Into<String>,
    hint: impl Into<String>,
) -> Result<T, ConfigError> {
    Err(ConfigError::invalid(key, problem, hint))
}

fn public_url(written: &str) -> Result<(), ConfigError> {
    let hint = "write what vendors call, as in https://touchline.example.com";
    if !is_web_address(written) {
        let problem = format!("`{written}` does not begin with https:// (or http://) and a host");
        return invalid("public_url", problem, hint);
    }
    if written.contains(['?', '#']) {
        return invalid("public_url", format!("`{written}` holds more than an address"), hint);
    }
    Ok(())
}

fn is_web_address(written: &str) -> bool {
    let parsed = url::Url::parse(written);
    parsed.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

fn database(written: &str) -> Result<(), ConfigError> {
    let file = written.strip_prefix("sqlite:").filter(|file| !file.is_empty());
    if file.is_some() {
        return Ok(());
    }
    invalid(
        "database",
        format!("`{written}` names no database"),
        "write sqlite: and a file, as in sqlite:touchline.db",
    )
}

fn zone(key: &str, written: Option<&String>) -> Result<(), ConfigError> {
    match written {
        Some(zone) if TimeZone::get(zone).is_err() => invalid(
            key,
            format!("`{zone}` is no time zone"),
            "write an IANA name, as in Europe/London",
        ),
        _ => Ok(()),
    }
}

fn percent(key: &str, written: u32, least: u32) -> Result<(), ConfigError> {
    if (least..=100).contains(&written) {
        return Ok(());
    }
    invalid(key, format!("got {written}"), format!("write a percentage from {least} to 100"))
}

fn rule_health(config: &Config) -> Result<(), ConfigError> {
    let health = &config.rule_health;
    let limits = [
        ("rule_health.not_true_here_percent_max", health.not_true_here_percent_max),
        ("rule_health.useful_percent_min", health.useful_percent_min),
    ];
    for (key, limit) in limits {
        percent(key, limit.limit().unwrap_or_default(), 0)?;
    }
    for (key, number) in
        [("rule_health.answers_min", health.answers_min), ("rule_health.days", health.days)]
    {
        if number == 0 {
            return invalid(key, "got 0", "write 1 or more");
        }
    }
    Ok(())
}

fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
}

/// Budgets, outcomes and snoozes look back at what was said.
fn said_days(config: &Config) -> Result<(), ConfigError> {
    const LEAST: u32 = 90;
    match config.retention.said_days.limit() {
        Some(days) if days < LEAST => invalid(
            "retention.said_days",
            format!("got {days}"),
            format!("write {LEAST} or more, or \"off\""),
        ),
        _ => Ok(()),
    }
}

fn attention(config: &Config) -> Result<(), ConfigError> {
    /// What is remembered of one hand is a few times as much.
    const MASS_DEALS_MAX: u32 = 10_000;
    let attention = &config.attention;
    if attention.mass_change_deals.limit().is_some_and(|deals| deals > MASS_DEALS_MAX) {
        let hint = format!("write at most {MASS_DEALS_MAX}, or \"off\"");
        return invalid("attention.mass_change_deals", "that is too many to remember", hint);
    }
    if attention.mass_change_minutes < 1 {
        let problem = format!("got {}", attention.mass_change_minutes);
        return invalid("attention.mass_change_minutes", problem, "write 1 or more");
    }
    Ok(())
}

fn is_slug(text: &str) -> bool {
    const SLUG_CHARS_MAX: usize = 40;
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.len() <= SLUG_CHARS_MAX && text.chars().all(allowed)
}
