//! A call and its answer, apart from any server, and HubSpot's error envelope.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::error::FakeError;
use super::model::ObjectKind;

/// One call as the fake sees it.
#[derive(Clone, Debug, Default)]
pub struct ApiRequest {
    /// Upper case.
    pub method: String,
    /// Path without the query, decoded.
    pub path: String,
    /// Query pairs, decoded, in order.
    pub query: Vec<(String, String)>,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// Body.
    pub body: Vec<u8>,
}

impl ApiRequest {
    /// A request as a test writes it: method, path with query, token, JSON body.
    #[must_use]
    pub fn json_call(method: &str, path: &str, token: &str, body: &Value) -> Self {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        ApiRequest {
            method: method.to_owned(),
            path: path.to_owned(),
            query: pairs.into_owned().collect(),
            authorization: Some(format!("Bearer {token}")),
            content_type: Some("application/json".into()),
            body: if body.is_null() { Vec::new() } else { body.to_string().into_bytes() },
        }
    }

    /// The first query value of this name.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Every value of this name: repeated, comma-separated, or both.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        self.query
            .iter()
            .filter(|(known, _)| known == name)
            .flat_map(|(_, value)| value.split(','))
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// The body as JSON.
    pub(super) fn json(&self) -> Result<Value, ApiError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            ApiError::validation(format!("Invalid input JSON on line {}", error.line()))
        })
    }
}

/// How an answer reaches the caller.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Passage {
    /// At once.
    #[default]
    Whole,
    /// After so many milliseconds.
    Late(u64),
    /// The connection breaks in the middle of the body.
    Broken,
}

/// The fake's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiAnswer {
    /// Status.
    pub status: u16,
    /// Headers besides the content type.
    pub headers: Vec<(String, String)>,
    /// JSON body; `None` for none.
    pub body: Option<Value>,
    /// How it arrives.
    pub passage: Passage,
}

impl ApiAnswer {
    pub(super) fn ok(body: Value) -> ApiAnswer {
        ApiAnswer::with(200, body)
    }

    pub(super) fn with(status: u16, body: Value) -> ApiAnswer {
        ApiAnswer { status, headers: Vec::new(), body: Some(body), passage: Passage::Whole }
    }

    pub(super) fn empty() -> ApiAnswer {
        ApiAnswer { status: 204, headers: Vec::new(), body: None, passage: Passage::Whole }
    }
}

/// An error in HubSpot's general envelope. The categories `EXPIRED_AUTHENTICATION`,
/// `INVALID_AUTHENTICATION` and the inner shape of `MISSING_SCOPES` are from memory.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    pub(super) status: u16,
    pub(super) category: &'static str,
    pub(super) message: String,
    pub(super) errors: Option<Value>,
    pub(super) context: Option<Value>,
}

impl ApiError {
    pub(super) fn new(status: u16, category: &'static str, message: impl Into<String>) -> ApiError {
        ApiError { status, category, message: message.into(), errors: None, context: None }
    }

    pub(super) fn validation(message: impl Into<String>) -> ApiError {
        ApiError::new(400, "VALIDATION_ERROR", message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> ApiError {
        ApiError::new(404, "OBJECT_NOT_FOUND", message)
    }

    pub(super) fn no_object(kind: ObjectKind, id: &str) -> ApiError {
        let mut error = ApiError::not_found(format!("Object not found: {} {id}", kind.singular()));
        error.context = Some(json!({ "ids": [id] }));
        error
    }

    pub(super) fn missing_scope(scope: &str) -> ApiError {
        let message = "This app hasn't been granted all required scopes to make this call.";
        let mut error = ApiError::new(403, "MISSING_SCOPES", message);
        error.errors = Some(json!([{
            "message": "One or more of the following scopes are required.",
            "context": { "requiredGranularScopes": [scope] },
        }]));
        error
    }

    pub(super) fn expired() -> ApiError {
        let message = "The OAuth token used to make this call expired.";
        ApiError::new(401, "EXPIRED_AUTHENTICATION", message)
    }

    /// The envelope.
    pub(super) fn body(&self, correlation_id: &str) -> Value {
        let mut body = json!({
            "status": "error",
            "message": self.message,
            "correlationId": correlation_id,
            "category": self.category,
        });
        for (name, value) in [("errors", &self.errors), ("context", &self.context)] {
            if let Some(value) = value {
                body[name] = value.clone();
            }
        }
        body
    }
}

impl From<FakeError> for ApiError {
    fn from(error: FakeError) -> ApiError {
        let detail = |message: &str, code: &str, name: &str| {
            let mut answer =
                ApiError::validation(format!("Property values were not valid: {message}"));
            answer.errors = Some(json!([{
                "message": message,
                "code": code,
                "context": { "propertyName": [name] },
            }]));
            answer
        };
        match &error {
            FakeError::NotFound { kind, id } => ApiError::no_object(*kind, id),
            FakeError::UnknownProperty { name, .. } => detail(
                &format!("Property \"{name}\" does not exist"),
                "PROPERTY_DOESNT_EXIST",
                name,
            ),
            FakeError::InvalidValue { name, code, .. } => detail(&error.to_string(), code, name),
            FakeError::Required { name, .. } => detail(&error.to_string(), "REQUIRED_FIELD", name),
            FakeError::NoRecord { .. } => ApiError::not_found(error.to_string()),
            FakeError::NoAssociation { .. } | FakeError::IdTaken { .. } => {
                ApiError::validation(error.to_string())
            }
        }
    }
}

/// What HubSpot's edge says for these statuses; anything else is an internal error.
pub(super) fn outage(status: u16) -> ApiError {
    let (category, message) = match status {
        423 => ("LOCKED", "The resource is locked; wait before trying again."),
        502 => ("BAD_GATEWAY", "Bad gateway."),
        503 => ("SERVICE_UNAVAILABLE", "The service is not available at the moment."),
        504 => ("GATEWAY_TIMEOUT", "The service did not answer in time."),
        521..=524 => ("CONNECTION_ERROR", "The origin could not be reached."),
        _ => ("INTERNAL_ERROR", "internal error"),
    };
    ApiError::new(status, category, message)
}

/// A random UUID by the seed.
pub(super) fn uuid(rng: &mut ChaCha8Rng) -> String {
    let bits: u128 = rng.random();
    let hex = format!("{bits:032x}");
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}
