//! The non-secret settings of a HubSpot connection.

use serde_json::Value;
use touchline_kit::{Allowed, ConnectionView, Setting, mapping};
use touchline_rules::time::DAY_MS;

/// Days of activity that are read with a deal when nothing is configured.
const LOOK_BACK_DAYS: i64 = 90;
/// The longest look-back that may be configured, in days.
const LOOK_BACK_DAYS_MAX: i64 = 730;

/// What may be configured: the fields of [`Settings`].
pub(crate) const DECLARED: &[Setting] = &[
    Setting { name: ACCEPT_V1_V2, allowed: Allowed::Switch },
    Setting { name: ACTIVITY_CONTACTS, allowed: Allowed::Switch },
    Setting { name: mapping::FACTS, allowed: Allowed::Facts },
    Setting { name: mapping::PHASES, allowed: Allowed::Phases },
    Setting { name: LOOK_BACK, allowed: Allowed::Number { least: 1, most: LOOK_BACK_DAYS_MAX } },
    Setting { name: POLL_ACTIVITIES, allowed: Allowed::Switch },
    Setting { name: PORTAL_ID, allowed: Allowed::Id },
];
const ACCEPT_V1_V2: &str = "accept_signature_v1_v2";
const ACTIVITY_CONTACTS: &str = mapping::ACTIVITY_CONTACTS;
const LOOK_BACK: &str = "activity_look_back_days";
const POLL_ACTIVITIES: &str = "poll_activities";
const PORTAL_ID: &str = "portal_id";

/// What may be configured under `[connections.<name>]` besides secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// `accept_signature_v1_v2`: take the older signatures, which carry no time.
    pub accept_v1_v2: bool,
    /// `activity_contacts`: read who took part in e-mails, calls and meetings.
    pub activity_contacts: bool,
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
        let switch = |name: &str| on.settings.get(name).and_then(Value::as_bool);
        let days = on.settings.get(LOOK_BACK).and_then(Value::as_i64).unwrap_or(LOOK_BACK_DAYS);
        let portal_id = on.settings.get(PORTAL_ID).and_then(Value::as_str);
        Settings {
            accept_v1_v2: switch(ACCEPT_V1_V2).unwrap_or(true),
            activity_contacts: switch(ACTIVITY_CONTACTS).unwrap_or(false),
            look_back_ms: days * DAY_MS,
            poll_activities: switch(POLL_ACTIVITIES).unwrap_or(true),
            portal_id: portal_id.map(str::to_owned),
        }
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
        assert!(!settings.activity_contacts);
        assert_eq!(settings.look_back_ms, 90 * DAY_MS);
        assert_eq!(settings.portal_id, None);
    }

    #[test]
    fn takes_configured_values() {
        let mut on = connection(Some("33"));
        on.settings.insert("accept_signature_v1_v2".into(), json!(false));
        on.settings.insert("poll_activities".into(), json!(false));
        on.settings.insert("activity_contacts".into(), json!(true));
        on.settings.insert("activity_look_back_days".into(), json!(730));
        on.settings.insert("portal_id".into(), json!("77"));
        let settings = Settings::of(&on);
        assert!(!settings.accept_v1_v2);
        assert!(!settings.poll_activities);
        assert!(settings.activity_contacts);
        assert_eq!(settings.look_back_ms, 730 * DAY_MS);
        assert_eq!(account_id(&on).as_deref(), Some("77"));
    }
}
