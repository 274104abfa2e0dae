//! What happened, and how a webhook event says it.

use serde_json::{Map, Value, json};
use touchline_rules::UnixMs;

use super::model::{Actor, ObjectKind};
use super::subscriptions::{Action, Subscription};
use super::validate::parse_time;

/// What happened to a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Happening {
    Created,
    PropertyChanged { name: String, value: String },
    Deleted,
    Restored,
    Merged { merged: u64, moved_values: i64 },
    Associated { other: u64, other_kind: ObjectKind, removed: bool, primary: bool },
    PrivacyDeleted,
}

impl Happening {
    pub fn associated(other: u64, other_kind: ObjectKind, removed: bool, primary: bool) -> Self {
        Happening::Associated { other, other_kind, removed, primary }
    }

    fn action(&self) -> Action {
        match self {
            Happening::Created => Action::Creation,
            Happening::PropertyChanged { .. } => Action::PropertyChange,
            Happening::Deleted => Action::Deletion,
            Happening::Restored => Action::Restore,
            Happening::Merged { .. } => Action::Merge,
            Happening::Associated { .. } => Action::AssociationChange,
            Happening::PrivacyDeleted => Action::PrivacyDeletion,
        }
    }
}

/// Something that happened to one record, at one time, by someone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moved {
    pub kind: ObjectKind,
    pub id: u64,
    pub at: UnixMs,
    pub change_source: String,
    pub source_id: Option<String>,
    pub what: Happening,
}

impl Moved {
    pub fn new(kind: ObjectKind, id: u64, at: UnixMs, by: &Actor, what: Happening) -> Moved {
        Moved {
            kind,
            id,
            at,
            change_source: by.change_source.clone(),
            source_id: by.source_id.clone(),
            what,
        }
    }

    /// Does this subscription hear of it? `hs_lastmodifieddate` and calculated
    /// properties never reach this point: they are not written as changes.
    pub fn is_heard_by(&self, subscription: &Subscription) -> bool {
        let property = match &self.what {
            Happening::PropertyChanged { name, .. } => Some(name.as_str()),
            _ => None,
        };
        subscription.kind == self.kind
            && subscription.action == self.what.action()
            && subscription.property.as_deref() == property
    }

    /// The event without `eventId` and `attemptNumber`.
    pub fn event(
        &self,
        subscription: &Subscription,
        portal_id: i64,
        app_id: i64,
    ) -> Map<String, Value> {
        let mut event = Map::new();
        let mut put = |name: &str, value: Value| {
            event.insert(name.to_owned(), value);
        };
        put("subscriptionId", json!(subscription.id));
        put("portalId", json!(portal_id));
        put("appId", json!(app_id));
        put("occurredAt", json!(self.at.0));
        put("subscriptionType", json!(subscription.subscription_type));
        put("changeSource", json!(self.change_source));
        if let Some(source_id) = &self.source_id {
            put("sourceId", json!(source_id));
        }
        let ends_two = matches!(self.what, Happening::Associated { .. });
        if subscription.generic && !ends_two {
            put("objectTypeId", json!(self.kind.type_id()));
        }
        match &self.what {
            Happening::Created => {
                put("objectId", json!(self.id));
                put("changeFlag", json!("CREATED"));
            }
            Happening::Deleted | Happening::PrivacyDeleted => {
                put("objectId", json!(self.id));
                put("changeFlag", json!("DELETED"));
            }
            Happening::Restored => put("objectId", json!(self.id)),
            Happening::PropertyChanged { name, value } => {
                put("objectId", json!(self.id));
                put("propertyName", json!(name));
                put("propertyValue", json!(event_value(name, value)));
                if subscription.generic {
                    put("isSensitive", json!(false));
                }
            }
            Happening::Merged { merged, moved_values } => {
                put("objectId", json!(self.id));
                put("primaryObjectId", json!(self.id));
                put("mergedObjectIds", json!([merged]));
                put("newObjectId", json!(self.id));
                put("numberOfPropertiesMoved", json!(moved_values));
                put("changeFlag", json!("MERGED"));
            }
            Happening::Associated { other, other_kind, removed, primary } => {
                let (from, to) = (self.kind.singular(), other_kind.singular());
                let name = format!("{from}_TO_{to}").to_ascii_uppercase();
                put("associationType", json!(name));
                put("fromObjectId", json!(self.id));
                put("toObjectId", json!(other));
                put("associationRemoved", json!(removed));
                put("isPrimaryAssociation", json!(primary));
                if subscription.generic {
                    // Not verified: the generic format names both types somehow.
                    put("fromObjectTypeId", json!(self.kind.type_id()));
                    put("toObjectTypeId", json!(other_kind.type_id()));
                }
            }
        }
        event
    }
}

/// Events carry times as milliseconds where REST answers carry ISO 8601 (from
/// memory; a reader has to take both).
fn event_value(name: &str, value: &str) -> String {
    let is_time = name.ends_with("date") || name.ends_with("_time") || name == "hs_timestamp";
    match parse_time(value) {
        Some(at) if is_time => at.0.to_string(),
        _ => value.to_owned(),
    }
}
