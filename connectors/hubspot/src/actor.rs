//! Who made a change, from HubSpot's change source.

use touchline_rules::facts::{Actor, ActorKind};

/// Change sources and the sort of actor behind them. The set is open: one that
/// is not listed is [`ActorKind::Unknown`]. The same words stand in a webhook's
/// `changeSource` and in a property history's `sourceType`.
const SOURCES: &[(&str, ActorKind)] = &[
    ("CRM_UI", ActorKind::Person),
    ("USER", ActorKind::Person),
    ("MOBILE_IOS", ActorKind::Person),
    ("MOBILE_ANDROID", ActorKind::Person),
    ("CRM_UI_BULK_ACTION", ActorKind::Bulk),
    ("BATCH_UPDATE", ActorKind::Bulk),
    ("IMPORT", ActorKind::Import),
    ("INTEGRATION", ActorKind::Integration),
    ("INTEGRATIONS_PLATFORM", ActorKind::Integration),
    ("API", ActorKind::Integration),
    ("AUTOMATION_PLATFORM", ActorKind::Integration),
    ("WORKFLOWS", ActorKind::Integration),
    ("SALESFORCE", ActorKind::Integration),
    ("CALCULATED", ActorKind::Integration),
];

/// How `sourceId` names a user.
const USER_PREFIX: &str = "userId:";

/// The actor that a change source and its id name.
pub(crate) fn actor(source: Option<&str>, source_id: Option<&str>) -> Actor {
    let known = SOURCES.iter().find(|(name, _)| Some(*name) == source);
    Actor {
        kind: known.map_or(ActorKind::Unknown, |(_, kind)| *kind),
        user_id: source_id.and_then(user_id),
    }
}

fn user_id(source_id: &str) -> Option<String> {
    let id = source_id.strip_prefix(USER_PREFIX)?;
    let is_number = !id.is_empty() && id.len() <= 20 && id.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_people_from_bulk_imports_and_machines() {
        assert_eq!(actor(Some("CRM_UI"), Some("userId:7")).kind, ActorKind::Person);
        assert_eq!(actor(Some("CRM_UI_BULK_ACTION"), None).kind, ActorKind::Bulk);
        assert_eq!(actor(Some("IMPORT"), None).kind, ActorKind::Import);
        assert_eq!(actor(Some("API"), Some("12345")).kind, ActorKind::Integration);
        assert_eq!(actor(Some("ACADEMY"), None).kind, ActorKind::Unknown);
        assert_eq!(actor(None, None), Actor::default());
    }

    #[test]
    fn reads_a_user_only_from_a_user_id() {
        assert_eq!(actor(None, Some("userId:75514748")).user_id.as_deref(), Some("75514748"));
        for odd in ["75514748", "userId:", "userId:7x", "userId:-1", "userId: 7"] {
            assert_eq!(actor(None, Some(odd)).user_id, None, "{odd}");
        }
    }
}
