//! The two encodings in which Slack posts to us: JSON for events, a form for
//! interactions and commands.

use serde_json::Value;

/// The most form fields that are looked at. A slash command has about 14.
const FIELDS_MAX: usize = 64;

/// A body, read as its content type says.
#[derive(Clone, Debug)]
pub enum Payload {
    /// JSON; `None` when it is not valid.
    Json(Option<Value>),
    /// A form.
    Form(Vec<(String, String)>),
}

impl Payload {
    /// Reads a body. What is not declared as a form is taken for JSON.
    #[must_use]
    pub fn of(content_type: Option<&str>, body: &[u8]) -> Self {
        if !is_form(content_type) {
            return Payload::Json(serde_json::from_slice(body).ok());
        }
        let pairs = url::form_urlencoded::parse(body).take(FIELDS_MAX);
        Payload::Form(pairs.map(|(key, value)| (key.into_owned(), value.into_owned())).collect())
    }

    /// The first form field of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<String> {
        let Payload::Form(pairs) = self else { return None };
        pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    }

    /// The JSON document, if it is one.
    #[must_use]
    pub fn json(&self) -> Option<&Value> {
        match self {
            Payload::Json(value) => value.as_ref(),
            Payload::Form(_) => None,
        }
    }
}

/// Whether the content type declares a form.
#[must_use]
pub fn is_form(content_type: Option<&str>) -> bool {
    let declared = content_type.unwrap_or_default().trim_start().to_ascii_lowercase();
    declared.starts_with("application/x-www-form-urlencoded")
}
