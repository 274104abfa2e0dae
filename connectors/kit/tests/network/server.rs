//! Servers on loopback, which end with the test's runtime.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use touchline_kit::retry::classify_by_status;
use touchline_kit::testing::{ManualClock, loopback_session};
use touchline_kit::{Call, DailyQuota, Effect, Limit, Manifest, Priority, Session};
use touchline_rules::UnixMs;

pub const NOW: UnixMs = UnixMs(1_795_435_200_000);

pub static MANIFEST: Manifest = Manifest {
    name: "vendor",
    title: "Vendor",
    capabilities: &[],
    base_url: "https://api.vendor.example.com",
    secrets: &[],
    limits: &[
        Limit { name: "burst", calls: 1_000, period_ms: 1_000, burst: 1_000 },
        Limit { name: "per_channel", calls: 1, period_ms: 1_000, burst: 1 },
    ],
    oauth: Some(touchline_kit::OAuth {
        authorize_url: "https://app.vendor.example.com/authorize",
        token_path: "/oauth/token",
        scopes: &["read"],
        account_field: None,
    }),
    daily: Some(DailyQuota { calls: 100, share_percent: 10, header: Some("x-daily-limit") }),
    classify: classify_by_status,
    setup: &[],
};

/// A server that counts its requests.
pub struct Server {
    pub url: String,
    seen: Arc<AtomicUsize>,
}

impl Server {
    pub fn seen(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }

    pub fn session(&self) -> (Session, ManualClock) {
        let clock = ManualClock::new(NOW);
        (loopback_session(&self.url, &MANIFEST, &clock).unwrap(), clock)
    }
}

/// Answers every request with what `answer` makes of it.
pub async fn serve<F>(answer: F) -> Server
where
    F: Fn(Request) -> Response<Body> + Clone + Send + Sync + 'static,
{
    let seen = Arc::new(AtomicUsize::new(0));
    let handler = move |State(seen): State<Arc<AtomicUsize>>, request: Request| {
        seen.fetch_add(1, Ordering::SeqCst);
        let response = answer(request);
        async move { response }
    };
    let router = Router::new().fallback(handler).with_state(Arc::clone(&seen));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    #[expect(clippy::disallowed_methods, reason = "test server")]
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    Server { url, seen }
}

/// Reads one request of any client, writes these bytes, and then closes, or
/// never does.
pub async fn serve_raw(bytes: Vec<u8>, closes: bool) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    #[expect(clippy::disallowed_methods, reason = "test server")]
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4_096];
            _ = stream.read(&mut head).await;
            _ = stream.write_all(&bytes).await;
            if !closes {
                std::future::pending::<()>().await;
            }
        }
    });
    url
}

/// An address on which nobody listens.
pub async fn nobody() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

/// An answer with a status, one header, and a body.
pub fn answer(status: u16, header: (&str, &str), body: impl Into<Body>) -> Response<Body> {
    Response::builder().status(status).header(header.0, header.1).body(body.into()).unwrap()
}

pub fn read(path: &str) -> Call {
    Call {
        method: http::Method::GET,
        path: path.into(),
        query: Vec::new(),
        body: touchline_kit::Body::Empty,
        effect: Effect::Repeatable,
        priority: Priority::Deliver,
        limits: vec![("burst", String::new())],
    }
}

pub fn create(path: &str) -> Call {
    let body = touchline_kit::Body::Json(serde_json::json!({ "text": "hello" }));
    Call { method: http::Method::POST, body, effect: Effect::Creates, ..read(path) }
}
