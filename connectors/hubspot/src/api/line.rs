//! One connection's line to HubSpot, with the limits each sort of call falls under.

use http::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;
use touchline_kit::{
    Body, Call, CallError, ConnectionView, Effect, Priority, Session, VendorAnswer,
};
use touchline_rules::UnixMs;

use super::classify::until_midnight;
use crate::manifest::{LIMIT_ASSOCIATIONS, LIMIT_CALLS, LIMIT_SEARCHES};

/// Which of HubSpot's buckets a call is taken from.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Bucket {
    Calls,
    Associations,
    Searches,
}

/// A request, still without priority.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub method: Method,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub body: Body,
    pub effect: Effect,
    pub bucket: Bucket,
}

impl Request {
    /// A GET.
    pub fn get(path: &str, query: &[(&str, &str)]) -> Request {
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        Request {
            method: Method::GET,
            path: path.to_owned(),
            query: query.iter().map(own).collect(),
            body: Body::Empty,
            effect: Effect::Repeatable,
            bucket: Bucket::Calls,
        }
    }

    /// A POST that only reads.
    pub fn ask(path: String, body: Value, bucket: Bucket) -> Request {
        Request {
            method: Method::POST,
            path,
            query: Vec::new(),
            body: Body::Json(body),
            effect: Effect::Repeatable,
            bucket,
        }
    }

    /// A POST that makes something.
    pub fn create(path: String, body: Value) -> Request {
        Request { effect: Effect::Creates, ..Request::ask(path, body, Bucket::Calls) }
    }

    /// A PATCH, which may be repeated.
    pub fn patch(path: String, body: Value) -> Request {
        Request { method: Method::PATCH, ..Request::ask(path, body, Bucket::Calls) }
    }

    fn into_call(self, priority: Priority) -> Call {
        let limit = match self.bucket {
            Bucket::Calls => LIMIT_CALLS,
            Bucket::Associations => LIMIT_ASSOCIATIONS,
            Bucket::Searches => LIMIT_SEARCHES,
        };
        Call {
            method: self.method,
            path: self.path,
            query: self.query,
            body: self.body,
            effect: self.effect,
            priority,
            limits: vec![(limit, String::new())],
        }
    }
}

/// A session in use for one purpose.
pub(super) struct Line<'a> {
    session: &'a Session,
    pub on: &'a ConnectionView,
    priority: Priority,
}

impl<'a> Line<'a> {
    pub fn new(session: &'a Session, on: &'a ConnectionView, priority: Priority) -> Line<'a> {
        Line { session, on, priority }
    }

    pub fn now(&self) -> UnixMs {
        self.session.now()
    }

    /// Makes one call.
    pub async fn send(&self, request: Request) -> Result<VendorAnswer, CallError> {
        let call = request.into_call(self.priority);
        let answer = self.session.call(call).await;
        answer.map_err(|error| until_midnight(error, self.on, self.now()))
    }

    /// Makes one call that reads, and reads its answer.
    pub async fn read<T: DeserializeOwned>(&self, request: Request) -> Result<T, CallError> {
        let path = request.path.clone();
        let answer = self.send(request).await?;
        parse(&path, &answer)
    }
}

/// Reads an answer as `T`.
///
/// # Errors
/// [`CallError::Unavailable`] when it is not what HubSpot documents: reading it
/// halfway could mean to forget records.
pub(super) fn parse<T: DeserializeOwned>(
    path: &str,
    answer: &VendorAnswer,
) -> Result<T, CallError> {
    serde_json::from_slice(&answer.body).map_err(|problem| CallError::Unavailable {
        retry_at: None,
        // The problem's own words could quote a customer's data.
        detail: format!(
            "HubSpot's answer to {path} is not in the documented form at line {} column {}",
            problem.line(),
            problem.column()
        ),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_call_names_its_bucket_and_effect() {
        let search = Request::ask("p".into(), json!({}), Bucket::Searches);
        let call = search.into_call(Priority::Background);
        assert_eq!(call.limits, [(LIMIT_SEARCHES, String::new())]);
        assert_eq!(call.effect, Effect::Repeatable);
        let create = Request::create("p".into(), json!({})).into_call(Priority::Deliver);
        assert_eq!(create.limits, [(LIMIT_CALLS, String::new())]);
        assert_eq!((create.effect, create.method), (Effect::Creates, Method::POST));
        let patch = Request::patch("p".into(), json!({})).into_call(Priority::Deliver);
        assert_eq!((patch.effect, patch.method), (Effect::Repeatable, Method::PATCH));
    }

    #[test]
    fn a_strange_answer_is_tried_again_and_quotes_nothing() {
        let body = b"{\"results\": \"private words\"}".to_vec();
        let answer = VendorAnswer { status: 200, headers: vec![], body };
        let read: Result<super::super::wire::Page<Value>, _> = parse("crm/x", &answer);
        let error = read.unwrap_err();
        assert!(matches!(error, CallError::Unavailable { retry_at: None, .. }));
        assert!(error.to_string().contains("crm/x"));
        assert!(!error.to_string().contains("private words"), "{error}");
    }
}
