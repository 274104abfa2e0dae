//! Values that can also be `"off"`, and secrets that may live elsewhere.

use std::fmt;

use jiff::civil::Time;
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

/// A ceiling, or `"off"` for none.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum OrOff {
    /// No ceiling.
    Off,
    /// At most so many.
    At(u32),
}

impl OrOff {
    /// The ceiling, if there is one.
    #[must_use]
    pub fn limit(self) -> Option<u32> {
        match self {
            OrOff::Off => None,
            OrOff::At(limit) => Some(limit),
        }
    }
}

impl<'de> Deserialize<'de> for OrOff {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = OrOff;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number or \"off\"")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<OrOff, E> {
                let number = u32::try_from(value);
                number
                    .map(OrOff::At)
                    .map_err(|_| E::invalid_value(de::Unexpected::Signed(value), &self))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<OrOff, E> {
                let number = u32::try_from(value);
                number
                    .map(OrOff::At)
                    .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(value), &self))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<OrOff, E> {
                match value.parse() {
                    Ok(number) => Ok(OrOff::At(number)),
                    Err(_) if value == "off" => Ok(OrOff::Off),
                    Err(_) => Err(E::invalid_value(de::Unexpected::Str(value), &self)),
                }
            }
        }
        deserializer.deserialize_any(Number)
    }
}

/// A vendor limit as configured: calls in the limit's own period, which its name
/// ends with (`calls_per_10s`), or `"off"`.
#[derive(Copy, Clone, Debug, PartialEq)]
pub enum LimitOverride {
    /// Not enforced by us.
    Off,
    /// So many calls in the limit's period.
    Calls(f64),
}

impl<'de> Deserialize<'de> for LimitOverride {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Shape {
            Number(f64),
            Text(String),
        }
        match Shape::deserialize(deserializer)? {
            Shape::Number(rate) if rate > 0.0 => Ok(LimitOverride::Calls(rate)),
            Shape::Text(text) if text == "off" => Ok(LimitOverride::Off),
            _ => Err(de::Error::custom(
                "a limit is a number of calls above 0, in the time that its name ends with, or \"off\"",
            )),
        }
    }
}

/// From and until, in a person's own zone; it may run over midnight. `None` for `"off"`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct QuietHours(pub Option<(Time, Time)>);

impl<'de> Deserialize<'de> for QuietHours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "off" {
            return Ok(QuietHours(None));
        }
        let hours = text
            .split_once('-')
            .and_then(|(from, until)| Some((clock_time(from.trim())?, clock_time(until.trim())?)));
        hours.map(|hours| QuietHours(Some(hours))).ok_or_else(|| {
            de::Error::custom(format!("`{text}` should read like \"18:00-08:00\", or be \"off\""))
        })
    }
}

/// Reads `HH:MM`.
pub(super) fn clock_time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

pub(super) fn clock_times<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Time>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    let times = texts.iter().map(|text| {
        clock_time(text)
            .ok_or_else(|| de::Error::custom(format!("`{text}` should read like \"09:00\"")))
    });
    times.collect()
}

/// Follows `env:NAME` and `file:PATH`; any other text is the secret itself. Else
/// what is wrong, and what to do.
#[expect(clippy::disallowed_methods, reason = "configuration is the one reader of the environment")]
pub(super) fn resolve_secret(written: &str) -> Result<SecretString, (String, String)> {
    let value = if let Some(name) = written.strip_prefix("env:") {
        std::env::var(name).map_err(|_| {
            let problem = format!("the environment variable {name} is not set");
            (problem, format!("set {name} where touchline is started"))
        })?
    } else if let Some(path) = written.strip_prefix("file:") {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let problem = format!("cannot read {path}: {error}");
            (problem, "write the secret into that file, readable by touchline".to_owned())
        })?;
        text.trim_end_matches(['\r', '\n']).to_owned()
    } else {
        written.to_owned()
    };
    if value.is_empty() {
        let hint = "write env:NAME, file:PATH or the secret itself, or leave the key out";
        return Err(("the secret is empty".to_owned(), hint.to_owned()));
    }
    Ok(SecretString::from(value))
}

/// Whether the person at the terminal wants no colours (no-color.org).
#[must_use]
#[expect(clippy::disallowed_methods, reason = "configuration is the one reader of the environment")]
pub fn no_colours() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|chosen| !chosen.is_empty())
}
