//! A server on loopback that answers as a test says and remembers what it was asked.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::Response;
use serde_json::{Value, json};
use touchline_hubspot::MANIFEST;
use touchline_kit::testing::{FAKE_TOKEN, ManualClock, loopback_session};
use touchline_kit::{ConnectionView, Session};
use touchline_rules::UnixMs;

/// 2026-11-23T08:00:00Z.
pub const NOW: UnixMs = UnixMs(1_795_420_800_000);

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Method and path.
    pub line: String,
    pub query: String,
    pub body: Value,
}

impl Seen {
    /// The ids of a batch's `inputs`.
    pub fn inputs(&self) -> Vec<String> {
        let inputs = self.body["inputs"].as_array().cloned().unwrap_or_default();
        inputs.iter().map(|one| one["id"].as_str().expect("an id").to_owned()).collect()
    }
}

/// A running server and a session to it, whose clock stands still.
pub struct Vendor {
    pub session: Session,
    pub on: ConnectionView,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Vendor {
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic while held").clone()
    }

    /// Method and path of each request, in order.
    pub fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|one| one.line).collect()
    }
}

/// Answers every authorised request with what `answer` makes of it.
pub async fn vendor<F>(answer: F) -> Vendor
where
    F: Fn(&Seen) -> (u16, Value) + Clone + Send + Sync + 'static,
{
    let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
    let handler = move |State(seen): State<Arc<Mutex<Vec<Seen>>>>, request: Request| {
        let answer = answer.clone();
        async move {
            let (head, body) = request.into_parts();
            let bytes: Bytes = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
            let is_ours = head.headers.get("authorization").and_then(|one| one.to_str().ok())
                == Some(&format!("Bearer {FAKE_TOKEN}"));
            let one = Seen {
                line: format!("{} {}", head.method, head.uri.path()),
                query: head.uri.query().unwrap_or_default().to_owned(),
                body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
            };
            let (status, body) = if is_ours { answer(&one) } else { (401, json!({})) };
            seen.lock().expect("no panic while held").push(one);
            Response::builder()
                .status(status)
                .body(Body::from(body.to_string()))
                .expect("an answer")
        }
    };
    let router = Router::new().fallback(handler).with_state(Arc::clone(&seen));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    #[expect(clippy::disallowed_methods, reason = "test server, ends with the test's runtime")]
    tokio::spawn(async move { axum::serve(listener, router).await });
    let session = loopback_session(&url, &MANIFEST, &ManualClock::new(NOW)).expect("a session");
    Vendor { session, on: connection(), seen }
}

pub fn connection() -> ConnectionView {
    ConnectionView {
        name: "hubspot".into(),
        public_url: "https://tl.example.test".into(),
        metadata: Arc::default(),
        settings: serde_json::Map::new(),
    }
}

/// An association answer: each of these records is tied to these.
pub fn ties(of: &[(&str, &[&str])]) -> Value {
    let one = |(from, to): &(&str, &[&str])| {
        let to: Vec<Value> = to.iter().map(|id| json!({"toObjectId": id})).collect();
        json!({"from": {"id": from}, "to": to})
    };
    json!({"status": "COMPLETE", "results": of.iter().map(one).collect::<Vec<_>>()})
}

/// A batch answer that holds these records.
pub fn records(of: &[(&str, Value)]) -> Value {
    let one = |(id, properties): &(&str, Value)| json!({"id": id, "properties": properties});
    json!({"status": "COMPLETE", "results": of.iter().map(one).collect::<Vec<_>>()})
}
