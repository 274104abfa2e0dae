//! The non-secret settings of a HubSpot connection.

use serde_json::Value;
use touchline_kit::ConnectionView;
use touchline_rules::time::DAY_MS;

/// Days of activity that are read with a deal when nothing is configured.
const LOOK_BACK_DAYS: i64 = 90;
/// The longest look-back that may be configured, in days.
const LOOK_BACK_DAYS_MAX: i64 = 730;

/// The keys of [`Settings`].
pub(crate) const NAMES: &[&str] =
    &["accept_signature_v1_v2", "activity_look_back_days", "poll_activities", "portal_id"];

/// What may be configured under `[connections.<name>]` besides secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// `accept_signature_v1_v2`: take the older signatures, which carry no time.
    pub accept_v1_v2: bool,
    /// `activity_look_back_days`, in milliseconds.
    pub look_back_ms: i64,
    /// `poll_activities`: look for changed activities too, for accounts whose
    /// app has no webhooks for them.
    pub poll_activities: bool,
    /// `portal_id`: the account, where it cannot be read.
    pub portal_id: Option<String>,
}

impl Settings {
    pub fn of(on: &ConnectionView) -> Settings {
        let days = on.settings.get("activity_look_back_days").and_then(Value::as_i64);
        let days = days.unwrap_or(LOOK_BACK_DAYS).clamp(1, LOOK_BACK_DAYS_MAX);
        Settings {
            accept_v1_v2: is_on(on, "accept_signature_v1_v2"),
            look_back_ms: days * DAY_MS,
            poll_activities: is_on(on, "poll_activities"),
            portal_id: on.settings.get("portal_id").and_then(plain),
        }
    }
}

/// True unless switched off: an environment variable arrives as text.
fn is_on(on: &ConnectionView, name: &str) -> bool {
    match on.settings.get(name) {
        Some(Value::Bool(chosen)) => *chosen,
        Some(Value::String(chosen)) => !matches!(chosen.as_str(), "false" | "off"),
        _ => true,
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => number.as_u64().map(|id| id.to_string()),
        _ => None,
    }
}

/// The account this connection belongs to: configured, or as the vendor said.
pub(crate) fn account_id(on: &ConnectionView) -> Option<String> {
    Settings::of(on).portal_id.or_else(|| on.metadata.account_id.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::connection;

    #[test]
    fn says_what_holds_without_configuration() {
        let settings = Settings::of(&connection(None));
        assert!(settings.accept_v1_v2);
        assert!(settings.poll_activities);
        assert_eq!(settings.look_back_ms, 90 * DAY_MS);
        assert_eq!(settings.portal_id, None);
    }

    #[test]
    fn takes_configured_values_within_their_limits() {
        let mut on = connection(Some("33"));
        on.settings.insert("accept_signature_v1_v2".into(), json!(false));
        on.settings.insert("poll_activities".into(), json!("off"));
        on.settings.insert("activity_look_back_days".into(), json!(100_000));
        on.settings.insert("portal_id".into(), json!(77));
        let settings = Settings::of(&on);
        assert!(!settings.accept_v1_v2);
        assert!(!settings.poll_activities);
        assert_eq!(settings.look_back_ms, 730 * DAY_MS);
        assert_eq!(account_id(&on).as_deref(), Some("77"));
    }
}
