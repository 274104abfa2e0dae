//! One event of a batch, each field read with care for what vendors really send.

use serde_json::{Map, Value};
use touchline_rules::UnixMs;
use touchline_rules::facts::{Actor, ActorKind};

use super::{Reason, quoted};
use crate::actor::actor;
use crate::properties::in_range;

/// The longest id, in bytes. HubSpot's have up to 19 digits.
const ID_BYTES_MAX: usize = 64;

/// One event.
pub(super) struct Event<'a> {
    fields: &'a Map<String, Value>,
    /// The account it comes from.
    pub portal_id: String,
}

impl<'a> Event<'a> {
    /// # Errors
    /// When the account is missing or not an id.
    pub fn of(fields: &'a Map<String, Value>) -> Result<Event<'a>, Reason> {
        let portal_id = read_id(fields, "portalId")?.ok_or("the event has no portalId")?;
        Ok(Event { fields, portal_id })
    }

    /// `subscriptionType`, or `eventType` where only that is sent.
    pub fn told_type(&self) -> Option<&'a str> {
        self.text("subscriptionType").or_else(|| self.text("eventType"))
    }

    /// `objectTypeId` of generic events.
    pub fn type_id(&self) -> Option<&'a str> {
        self.text("objectTypeId")
    }

    pub fn object_id(&self) -> Result<String, Reason> {
        Ok(self.id("objectId")?.ok_or("the event has no objectId")?)
    }

    /// An id by its key; `None` if it is absent or null.
    pub fn id(&self, key: &str) -> Result<Option<String>, Reason> {
        read_id(self.fields, key)
    }

    /// A list of ids by its key; empty if it is absent or null.
    pub fn ids(&self, key: &str, limit: usize) -> Result<Vec<String>, Reason> {
        let list = match self.fields.get(key) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(list)) if list.len() <= limit => list,
            Some(Value::Array(_)) => return Err(format!("{key} holds more than {limit} ids")),
            Some(_) => return Err(format!("{key} is not a list")),
        };
        list.iter().map(|one| as_id(one).map_err(|problem| format!("{key} {problem}"))).collect()
    }

    /// # Errors
    /// When it is missing or not an instant: arrival is no substitute, for a
    /// repeat arrives at another time and would no longer be known as one.
    pub fn occurred_at(&self) -> Result<UnixMs, Reason> {
        let ms = match self.fields.get("occurredAt") {
            Some(Value::Number(number)) => number.as_i64(),
            Some(Value::String(text)) => text.parse().ok(),
            _ => None,
        };
        let at = ms.and_then(in_range);
        at.ok_or_else(|| "occurredAt is missing or not a number of milliseconds".into())
    }

    pub fn property_name(&self) -> Result<&'a str, Reason> {
        Ok(self.text("propertyName").ok_or("the property change has no propertyName")?)
    }

    /// The value as text. The outer `None`: the event does not tell it. The
    /// inner one: it is null.
    pub fn property_value(&self) -> Result<Option<Option<String>>, Reason> {
        match self.fields.get("propertyValue") {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(Value::String(text)) => Ok(Some(Some(text.clone()))),
            Some(Value::Bool(flag)) => Ok(Some(Some(flag.to_string()))),
            Some(Value::Number(number)) if !number.is_f64() => Ok(Some(Some(number.to_string()))),
            Some(Value::Number(_)) => {
                Err("propertyValue is a bare number that cannot be read exactly".into())
            }
            Some(_) => Err("propertyValue is neither text nor null".into()),
        }
    }

    pub fn is_sensitive(&self) -> Option<bool> {
        self.fields.get("isSensitive").and_then(Value::as_bool)
    }

    pub fn association_removed(&self) -> bool {
        self.fields.get("associationRemoved").and_then(Value::as_bool).unwrap_or(false)
    }

    /// The types at both ends of an association: type ids where they are sent,
    /// else the words of `DEAL_TO_TASK`.
    pub fn association_ends(&self) -> (Option<&'a str>, Option<&'a str>) {
        let words = self.text("associationType").and_then(|one| one.split_once("_TO_"));
        let (from, to) = words.unzip();
        let from_id = self.text("fromObjectTypeId");
        (from_id.or(from), self.text("toObjectTypeId").or(to))
    }

    /// An app's own changes carry its id as their source (not verified on a
    /// real account; if it does not hold, they count as another integration's).
    pub fn actor(&self) -> Actor {
        let source_id = self.source_id();
        let mut who = actor(self.text("changeSource"), source_id.as_deref());
        let own_app = read_id(self.fields, "appId").ok().flatten();
        if who.kind == ActorKind::Integration && own_app.is_some() && own_app == source_id {
            who.kind = ActorKind::Touchline;
        }
        who
    }

    fn source_id(&self) -> Option<String> {
        match self.fields.get("sourceId") {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        }
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        self.fields.get(key).and_then(Value::as_str)
    }
}

fn read_id(fields: &Map<String, Value>, key: &str) -> Result<Option<String>, Reason> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => as_id(value).map(Some).map_err(|problem| format!("{key} {problem}")),
    }
}

/// An id as text. A number beyond 64 bits has already lost digits when it
/// arrives here as a float, so it is refused rather than guessed.
fn as_id(value: &Value) -> Result<String, Reason> {
    match value {
        Value::Number(number) => match number.as_u64() {
            Some(id) => Ok(id.to_string()),
            None => Err("is not a whole number of at most 64 bits".into()),
        },
        Value::String(text) if is_id(text) => Ok(text.clone()),
        Value::String(text) => Err(format!("is not an id: {:?}", quoted(text))),
        _ => Err("is neither a number nor text".into()),
    }
}

fn is_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain)
}
