//! HubSpot's search: the only way to list records by a condition.
//!
//! It lags behind by moments to a minute, shows nothing archived, gives 200
//! records a page and refuses to go beyond 10,000 results of one query. Offsets
//! also shift while records change. So no offset is ever used here: each page
//! is a new query that starts behind the last record of the one before.

use serde_json::{Value, json};
use touchline_kit::CallError;

use super::line::{Bucket, Request};
use super::paths;

/// The most records on a page.
pub(super) const PAGE_MAX: usize = 200;
/// Every record has it, and it grows with time.
pub(super) const ID: &str = "hs_object_id";
/// When a record was last changed, by anybody.
pub(super) const CHANGED_AT: &str = "hs_lastmodifieddate";

/// A condition on one property.
pub(super) fn filter(property: &str, operator: &str, value: &str) -> Value {
    json!({"propertyName": property, "operator": operator, "value": value})
}

/// A condition that needs no value.
pub(super) fn filter_bare(property: &str, operator: &str) -> Value {
    json!({"propertyName": property, "operator": operator})
}

/// One query: records that meet every filter of any group, ascending.
pub(super) struct Query<'a> {
    /// Path name of the type.
    pub objects: &'a str,
    pub groups: Vec<Vec<Value>>,
    /// The property to sort by.
    pub sort: &'a str,
    pub limit: usize,
}

impl Query<'_> {
    pub fn request(self) -> Request {
        let groups: Vec<Value> =
            self.groups.into_iter().map(|filters| json!({"filters": filters})).collect();
        let body = json!({
            "filterGroups": groups,
            "sorts": [{"propertyName": self.sort, "direction": "ASCENDING"}],
            "properties": [CHANGED_AT],
            "limit": self.limit,
        });
        Request::ask(paths::search(self.objects), body, Bucket::Searches)
    }
}

/// An id as the number that search compares it as.
///
/// # Errors
/// When HubSpot gave an id that is none: going on would mean to guess.
pub(super) fn id_number(id: &str) -> Result<u64, CallError> {
    id.parse().map_err(|_| CallError::Unavailable {
        retry_at: None,
        detail: "HubSpot's search answered with an id that is not a number".into(),
    })
}

/// A cursor that is not one of ours, or of an older version.
pub(super) fn bad_cursor(what: &str) -> CallError {
    CallError::Refused {
        code: "bad_cursor".into(),
        detail: format!("the {what} cursor cannot be read: start again without one"),
    }
}
