//! Which happenings an app is told about, as its webhook file declares them.

use serde::Deserialize;

use super::model::ObjectKind;

/// What a subscription waits for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A record was made.
    Creation,
    /// A record was archived.
    Deletion,
    /// A property has a new value.
    PropertyChange,
    /// Two records became one.
    Merge,
    /// An archived record came back.
    Restore,
    /// An association was made or taken away.
    AssociationChange,
    /// A contact was erased for good.
    PrivacyDeletion,
}

impl Action {
    fn parse(word: &str) -> Option<Action> {
        Some(match word {
            "creation" => Action::Creation,
            "deletion" => Action::Deletion,
            "propertyChange" => Action::PropertyChange,
            "merge" => Action::Merge,
            "restore" => Action::Restore,
            "associationChange" => Action::AssociationChange,
            "privacyDeletion" => Action::PrivacyDeletion,
            _ => return None,
        })
    }
}

/// One entry of a webhook file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its id, which events carry.
    pub id: u64,
    /// As events carry it: `object.propertyChange`, `deal.deletion`.
    pub subscription_type: String,
    /// In the generic format, whose events carry the object type id.
    pub generic: bool,
    /// On which records.
    pub kind: ObjectKind,
    /// What it waits for.
    pub action: Action,
    /// Which property, for property changes.
    pub property: Option<String>,
}

/// A webhook file, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookFile {
    /// Where events go.
    pub target_url: String,
    /// How many requests HubSpot keeps in flight.
    pub max_concurrent_requests: usize,
    /// What is subscribed, active entries only.
    pub subscriptions: Vec<Subscription>,
}

/// Why a webhook file is refused.
#[derive(Debug, thiserror::Error)]
pub enum WebhookFileError {
    /// Not the JSON that a project declares.
    #[error("the webhook file is not as HubSpot projects write it: {0}")]
    Json(#[from] serde_json::Error),
    /// A placeholder that the profile does not fill.
    #[error("the webhook file names ${{{0}}}, which no variable fills")]
    Unfilled(String),
    /// A subscription that HubSpot does not know.
    #[error("subscription {index} ({kind}) is not one that HubSpot knows")]
    Unknown {
        /// Its place, counted over all lists from 0.
        index: usize,
        /// Its type.
        kind: String,
    },
    /// HubSpot wants more than 5 requests in flight.
    #[error("maxConcurrentRequests is {0}; HubSpot wants more than 5")]
    Concurrency(usize),
}

#[derive(Deserialize)]
struct File {
    config: FileConfig,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FileConfig {
    settings: FileSettings,
    subscriptions: FileLists,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FileSettings {
    target_url: String,
    max_concurrent_requests: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FileLists {
    #[serde(default)]
    crm_objects: Vec<FileEntry>,
    #[serde(default)]
    legacy_crm_objects: Vec<FileEntry>,
    #[serde(default)]
    hub_events: Vec<FileEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FileEntry {
    subscription_type: String,
    object_type: Option<String>,
    property_name: Option<String>,
    active: bool,
}

/// The first subscription id that the fake gives out.
const FIRST_SUBSCRIPTION_ID: u64 = 7_662_200;

impl WebhookFile {
    /// Reads `webhooks-hsmeta.json` after filling `${NAME}` from `variables`, as
    /// a HubSpot profile does.
    ///
    /// # Errors
    /// [`WebhookFileError`] when HubSpot would refuse the file.
    pub fn parse(text: &str, variables: &[(&str, &str)]) -> Result<WebhookFile, WebhookFileError> {
        let file: File = serde_json::from_str(&substitute(text, variables)?)?;
        let settings = file.config.settings;
        if settings.max_concurrent_requests <= 5 {
            return Err(WebhookFileError::Concurrency(settings.max_concurrent_requests));
        }
        let lists = file.config.subscriptions;
        let entries = (lists.crm_objects.into_iter().map(|entry| (true, entry)))
            .chain(lists.legacy_crm_objects.into_iter().map(|entry| (false, entry)))
            .chain(lists.hub_events.into_iter().map(|entry| (false, entry)));
        let mut subscriptions = Vec::new();
        for (index, (generic, entry)) in entries.enumerate() {
            let active = entry.active;
            let kind = entry.subscription_type.clone();
            let subscription = read_entry(index, generic, entry)
                .ok_or(WebhookFileError::Unknown { index, kind })?;
            if active {
                subscriptions.push(subscription);
            }
        }
        Ok(WebhookFile {
            target_url: settings.target_url,
            max_concurrent_requests: settings.max_concurrent_requests,
            subscriptions,
        })
    }
}

fn read_entry(index: usize, generic: bool, entry: FileEntry) -> Option<Subscription> {
    let (object, word) = entry.subscription_type.split_once('.')?;
    let action = Action::parse(word)?;
    let kind = match generic {
        true if object == "object" => ObjectKind::parse(entry.object_type.as_deref()?)?,
        true => return None,
        false => ObjectKind::parse(object)?,
    };
    if (action == Action::PropertyChange) != entry.property_name.is_some() {
        return None;
    }
    Some(Subscription {
        id: FIRST_SUBSCRIPTION_ID + index as u64,
        subscription_type: entry.subscription_type,
        generic,
        kind,
        action,
        property: entry.property_name,
    })
}

fn substitute(text: &str, variables: &[(&str, &str)]) -> Result<String, WebhookFileError> {
    let mut parts = text.split("${");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) =
            part.split_once('}').ok_or_else(|| WebhookFileError::Unfilled(part.to_owned()))?;
        let value = variables.iter().find(|(known, _)| *known == name);
        let (_, value) = value.ok_or_else(|| WebhookFileError::Unfilled(name.to_owned()))?;
        out.push_str(value);
        out.push_str(rest);
    }
    Ok(out)
}

/// Subscriptions in the generic format: creation, deletion, merge, restore and
/// association changes of deals, these deal properties, and the creation of
/// every activity.
#[must_use]
pub fn generic_subscriptions(deal_properties: &[&str]) -> Vec<Subscription> {
    let mut wanted: Vec<(ObjectKind, &str, Option<String>)> = Vec::new();
    for word in ["creation", "deletion", "merge", "restore", "associationChange"] {
        wanted.push((ObjectKind::Deal, word, None));
    }
    for property in deal_properties {
        wanted.push((ObjectKind::Deal, "propertyChange", Some((*property).to_owned())));
    }
    for kind in ObjectKind::ALL.into_iter().filter(|kind| kind.is_activity()) {
        wanted.push((kind, "creation", None));
    }
    wanted
        .into_iter()
        .enumerate()
        .filter_map(|(index, (kind, word, property))| {
            Some(Subscription {
                id: FIRST_SUBSCRIPTION_ID + index as u64,
                subscription_type: format!("object.{word}"),
                generic: true,
                kind,
                action: Action::parse(word)?,
                property,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{"uid":"touchline_webhooks","type":"webhooks","config":{
        "settings":{"targetUrl":"${BASE_URL}/hooks/hubspot","maxConcurrentRequests":10},
        "subscriptions":{
          "crmObjects":[
            {"subscriptionType":"object.propertyChange","objectType":"deal","propertyName":"dealstage","active":true},
            {"subscriptionType":"object.creation","objectType":"meeting_event","active":true},
            {"subscriptionType":"object.creation","objectType":"note","active":false}],
          "legacyCrmObjects":[{"subscriptionType":"deal.deletion","active":true}],
          "hubEvents":[{"subscriptionType":"contact.privacyDeletion","active":true}]}}}"#;

    #[test]
    fn reads_a_project_file() {
        let file = WebhookFile::parse(FILE, &[("BASE_URL", "https://tl.example.com")]).unwrap();
        assert_eq!(file.target_url, "https://tl.example.com/hooks/hubspot");
        let seen: Vec<_> = file
            .subscriptions
            .iter()
            .map(|s| (s.subscription_type.as_str(), s.generic, s.kind))
            .collect();
        assert_eq!(
            seen,
            [
                ("object.propertyChange", true, ObjectKind::Deal),
                ("object.creation", true, ObjectKind::Meeting),
                ("deal.deletion", false, ObjectKind::Deal),
                ("contact.privacyDeletion", false, ObjectKind::Contact),
            ]
        );
    }

    #[test]
    fn refuses_what_hubspot_would() {
        let unfilled = WebhookFile::parse(FILE, &[]).unwrap_err();
        assert!(unfilled.to_string().contains("BASE_URL"), "{unfilled}");
        let odd = FILE.replace("deal.deletion", "deal.explosion");
        let odd = WebhookFile::parse(&odd, &[("BASE_URL", "")]).unwrap_err();
        assert!(odd.to_string().contains("deal.explosion"), "{odd}");
        let old = FILE.replace("objectType", "objectName");
        assert!(WebhookFile::parse(&old, &[("BASE_URL", "")]).is_err());
        let few = FILE.replace(":10}", ":5}");
        assert!(WebhookFile::parse(&few, &[("BASE_URL", "")]).is_err());
    }
}
