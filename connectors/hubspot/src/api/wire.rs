//! HubSpot's answers as they come: every field that may be missing is optional,
//! ids are text or numbers.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use touchline_rules::UnixMs;

use crate::properties::instant;

/// An id: text in today's answers, a number in older ones.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id(pub String);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Id, D::Error> {
        struct IdVisitor;
        impl Visitor<'_> for IdVisitor {
            type Value = Id;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id as text or whole number")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Id, E> {
                let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
                let is_id = (1..=64).contains(&text.len()) && text.bytes().all(plain);
                if is_id { Ok(Id(text.to_owned())) } else { Err(E::custom("an id is malformed")) }
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Id, E> {
                Ok(Id(number.to_string()))
            }
        }
        from.deserialize_any(IdVisitor)
    }
}

/// A property value: documented as text or null; bare numbers and flags are
/// taken as their text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Text(pub Option<String>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Text, D::Error> {
        Ok(Text(match Value::deserialize(from)? {
            Value::Null => None,
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            Value::Array(_) | Value::Object(_) => {
                return Err(D::Error::custom("a property is neither text nor null"));
            }
        }))
    }
}

/// One CRM record.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    pub id: Id,
    #[serde(default)]
    properties: Option<BTreeMap<String, Text>>,
    #[serde(default)]
    properties_with_history: Option<BTreeMap<String, Vec<Past>>>,
    #[serde(default)]
    archived: Option<bool>,
    #[serde(default)]
    pub url: Option<String>,
    #[serde(default)]
    updated_at: Option<String>,
}

impl Record {
    /// The property as it stands: `None` if the account has no such property.
    pub fn property(&self, name: &str) -> Option<&Text> {
        self.properties.as_ref()?.get(name)
    }

    /// The property's text, if it holds any.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.property(name)?.0.as_deref().filter(|text| !text.is_empty())
    }

    /// The property's instant, if it holds one.
    pub fn time(&self, name: &str) -> Option<UnixMs> {
        self.text(name).and_then(instant)
    }

    /// Past values, as HubSpot orders them: newest first.
    pub fn history(&self, name: &str) -> &[Past] {
        let of = self.properties_with_history.as_ref().and_then(|all| all.get(name));
        of.map_or(&[], Vec::as_slice)
    }

    pub fn is_archived(&self) -> bool {
        self.archived.unwrap_or(false)
    }

    /// When it was last changed, by the property or else by the record.
    pub fn changed_at(&self) -> Option<UnixMs> {
        let record = || self.updated_at.as_deref().and_then(instant);
        self.time("hs_lastmodifieddate").or_else(record)
    }
}

/// A past value of a property.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Past {
    #[serde(default)]
    pub value: Text,
    #[serde(default)]
    pub timestamp: Text,
    #[serde(default)]
    pub source_type: Option<String>,
    #[serde(default)]
    pub source_id: Option<String>,
    #[serde(default)]
    pub updated_by_user_id: Option<Id>,
}

/// A list, a page of a search, or the answer to a batch.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", bound = "T: Deserialize<'de>")]
pub(super) struct Page<T> {
    #[serde(default)]
    pub total: Option<u64>,
    pub results: Vec<T>,
    #[serde(default)]
    paging: Option<Paging>,
    #[serde(default)]
    errors: Option<Vec<BatchError>>,
}

impl<T> Page<T> {
    /// Where the next page begins.
    pub fn after(&self) -> Option<&str> {
        self.paging.as_ref()?.after()
    }

    pub fn errors(&self) -> &[BatchError] {
        self.errors.as_deref().unwrap_or_default()
    }
}

/// Where a list goes on.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Paging {
    #[serde(default)]
    next: Option<Next>,
}

#[derive(Clone, Debug, Deserialize)]
struct Next {
    #[serde(default)]
    after: Text,
}

impl Paging {
    pub fn after(&self) -> Option<&str> {
        self.next.as_ref()?.after.0.as_deref()
    }
}

/// What went wrong with some inputs of a batch.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BatchError {
    #[serde(default)]
    category: Option<String>,
    #[serde(default)]
    sub_category: Option<Value>,
    #[serde(default)]
    context: Option<Value>,
}

impl BatchError {
    /// The inputs simply do not exist, or are tied to nothing.
    pub fn is_absence(&self) -> bool {
        let sub = self.sub_category.as_ref().and_then(Value::as_str).unwrap_or_default();
        self.category.as_deref() == Some("OBJECT_NOT_FOUND")
            || sub.contains("NO_ASSOCIATIONS_FOUND")
    }

    /// The inputs it is about, where it names them.
    pub fn ids(&self) -> impl Iterator<Item = String> {
        let ids = self.context.as_ref().and_then(|one| one.get("ids")).and_then(Value::as_array);
        let text = |one: &Value| match one {
            Value::String(id) => Some(id.clone()),
            Value::Number(id) => Some(id.to_string()),
            _ => None,
        };
        ids.into_iter().flatten().filter_map(text)
    }

    /// For a message to the admin.
    pub fn name(&self) -> &str {
        self.category.as_deref().unwrap_or("an error without category")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(text: &str) -> Record {
        serde_json::from_str(text).expect("a record")
    }

    #[test]
    fn a_record_may_hold_next_to_nothing() {
        let bare = record(r#"{"id": 546500061938}"#);
        assert_eq!(bare.id, Id("546500061938".into()));
        assert_eq!((bare.property("amount"), bare.text("amount")), (None, None));
        assert!(!bare.is_archived() && bare.history("amount").is_empty());
        assert_eq!(bare.changed_at(), None);
        let nulls = record(
            r#"{"id":"1","properties":null,"propertiesWithHistory":null,"archived":null,
                "url":null,"updatedAt":"2025-11-04T00:31:47.945Z"}"#,
        );
        assert_eq!(nulls.changed_at(), Some(UnixMs(1_762_216_307_945)));
    }

    #[test]
    fn values_are_text_whatever_they_come_as() {
        let odd = record(r#"{"id":"1","properties":{"a":"x","b":null,"c":5,"d":true,"e":""}}"#);
        let text = |name| odd.property(name).and_then(|one| one.0.as_deref());
        assert_eq!(text("a"), Some("x"));
        assert_eq!(text("b"), None);
        assert_eq!((text("c"), text("d")), (Some("5"), Some("true")));
        assert_eq!((odd.text("e"), odd.property("f")), (None, None));
        assert!(serde_json::from_str::<Record>(r#"{"id":"1","properties":{"a":[]}}"#).is_err());
    }

    #[test]
    fn ids_stay_ids() {
        for odd in ["\"\"", "\"../x\"", "1.5", "-1", "null", "\"a/b\""] {
            assert!(serde_json::from_str::<Id>(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn pages_and_errors_are_read_leniently() {
        let page: Page<Record> = serde_json::from_str(
            r#"{"status":"COMPLETE","results":[],"numErrors":1,"paging":{"next":{"after":200}},
                "errors":[{"status":"error","category":"OBJECT_NOT_FOUND","subCategory":{},
                           "context":{"ids":["5",6]}}]}"#,
        )
        .expect("a page");
        assert_eq!(page.after(), Some("200"));
        assert!(page.errors()[0].is_absence());
        assert_eq!(page.errors()[0].ids().collect::<Vec<_>>(), ["5", "6"]);
        let last: Page<Record> =
            serde_json::from_str(r#"{"results":[],"paging":null}"#).expect("a page");
        assert_eq!((last.after(), last.errors().len()), (None, 0));
    }
}
