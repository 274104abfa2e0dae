//! What goes out, and what each way to fail means.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use touchline_kit::testing::{FAKE_TOKEN, ManualClock, loopback_config, loopback_session};
use touchline_kit::{Body, Call, CallError, NetworkPolicy, Session, SessionConfig, Timeouts};

use crate::server::{MANIFEST, NOW, answer, create, nobody, read, serve, serve_raw};

fn clock() -> ManualClock {
    ManualClock::new(NOW)
}

fn session(url: &str) -> Session {
    loopback_session(url, &MANIFEST, &clock()).unwrap()
}

/// The outcome of a read and of a write.
async fn outcomes(session: &Session) -> (CallError, CallError) {
    let read = session.call(read("x")).await.unwrap_err();
    (read, session.call(create("x")).await.unwrap_err())
}

#[tokio::test]
async fn a_call_carries_token_query_and_body_and_brings_the_answer() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    let server = serve(move |request| {
        let header = |name: &str| {
            let value = request.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let line = format!("{} {}", request.method(), request.uri());
        let headers = ["authorization", "content-type", "accept", "user-agent"].map(header);
        hears.lock().unwrap().push((line, headers));
        answer(201, ("X-Vendor", "yes"), "{}")
    })
    .await;
    let (session, _) = server.session();
    let query = vec![("q".to_owned(), "a b".to_owned())];
    let got = session.call(Call { query, ..create("v1/tasks") }).await.unwrap();
    let form = Body::Form(vec![("a".into(), "1&2".into())]);
    session.call(Call { body: form, ..create("/other") }).await.unwrap();

    assert_eq!((got.status, got.header("x-vendor")), (201, Some("yes")));
    assert_eq!(got.body, b"{}");
    let heard = heard.lock().unwrap();
    let bearer = format!("Bearer {FAKE_TOKEN}");
    let agent = concat!("touchline/", env!("CARGO_PKG_VERSION"));
    let json = "application/json; charset=utf-8";
    assert_eq!(heard[0].0, "POST /v1/tasks?q=a+b");
    assert_eq!(heard[0].1, [bearer.as_str(), json, "application/json", agent]);
    assert_eq!(heard[1].0, "POST /other");
    assert_eq!(heard[1].1[1], "application/x-www-form-urlencoded");
}

#[tokio::test]
async fn nobody_there_means_certainly_not_done() {
    let (read, write) = outcomes(&session(&format!("http://{}", nobody().await))).await;
    let detail = "cannot connect: connection refused".to_owned();
    assert_eq!(read, CallError::Unavailable { retry_at: None, detail });
    assert_eq!(write, read);
}

#[tokio::test]
async fn a_name_without_address_means_certainly_not_done() {
    let (read, write) = outcomes(&session("http://vendor.invalid")).await;
    assert_eq!((read.code(), write.code()), ("unavailable", "unavailable"));
}

#[tokio::test]
async fn no_answer_in_time_is_unknown_for_a_write() {
    let url = serve_raw(Vec::new(), false).await;
    let timeouts = Timeouts { connect: Duration::from_secs(5), total: Duration::from_millis(50) };
    let config = SessionConfig { timeouts, ..loopback_config(&url, &MANIFEST, &clock()) };
    let (read, write) = outcomes(&Session::new(config).unwrap()).await;
    let detail = "no whole answer: timed out".to_owned();
    assert_eq!(write, CallError::Ambiguous { detail: detail.clone() });
    assert_eq!(read, CallError::Unavailable { retry_at: None, detail });
}

#[tokio::test]
async fn a_connection_closed_at_once_or_mid_body_is_unknown_for_a_write() {
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_vec();
    for bytes in [Vec::new(), half] {
        let (read, write) = outcomes(&session(&serve_raw(bytes, true).await)).await;
        assert_eq!((read.code(), write.code()), ("unavailable", "ambiguous"), "{read} {write}");
    }
}

#[tokio::test]
async fn a_longer_answer_than_allowed_is_not_read() {
    let endless = axum::body::Bytes::from(vec![b'x'; 70_000]);
    let declared = serve(move |_| answer(200, ("x", "y"), endless.clone())).await;
    let mut chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..70 {
        chunked.extend_from_slice(b"3e8\r\n");
        chunked.extend_from_slice(&[b'x'; 1_000]);
        chunked.extend_from_slice(b"\r\n");
    }
    for url in [declared.url, serve_raw(chunked, false).await] {
        let config =
            SessionConfig { body_max: 64 << 10, ..loopback_config(&url, &MANIFEST, &clock()) };
        let session = Session::new(config).unwrap();
        let error = session.call(read("x")).await.unwrap_err();
        let detail = "the answer is longer than 65536 bytes".to_owned();
        assert_eq!(error, CallError::Unavailable { retry_at: None, detail });
    }
}

#[tokio::test]
async fn a_longer_answer_to_a_write_leaves_its_outcome_unknown() {
    let server = serve(|_| answer(200, ("x", "y"), vec![b'x'; 100])).await;
    let config =
        SessionConfig { body_max: 99, ..loopback_config(&server.url, &MANIFEST, &clock()) };
    let error = Session::new(config).unwrap().call(create("x")).await.unwrap_err();
    assert_eq!(error.code(), "ambiguous");
    let config =
        SessionConfig { body_max: 100, ..loopback_config(&server.url, &MANIFEST, &clock()) };
    assert_eq!(Session::new(config).unwrap().call(create("x")).await.unwrap().body.len(), 100);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let target = serve(|_| answer(200, ("x", "y"), "")).await;
    let to = target.url.clone();
    let server = serve(move |_| answer(307, ("location", &to), "")).await;
    let error = server.session().0.call(read("x")).await.unwrap_err();
    assert!(matches!(error, CallError::Refused { ref code, .. } if code == "307"), "{error}");
    assert_eq!((server.seen(), target.seen()), (1, 0));
}

#[tokio::test]
async fn the_guard_keeps_calls_from_this_machine() {
    let server = serve(|_| answer(200, ("x", "y"), "")).await;
    // Another network is open, so that plain http is allowed at all.
    let network = NetworkPolicy {
        allow_loopback: false,
        allow_private: vec!["192.0.2.0/24".parse().unwrap()],
    };
    let config = |url: &str| SessionConfig {
        network: network.clone(),
        ..loopback_config(url, &MANIFEST, &clock())
    };
    let literal = Session::new(config(&server.url)).unwrap_err().to_string();
    assert!(literal.contains("leads where calls may not go: 127.0.0.1"), "{literal}");
    let named = Session::new(config(&server.url.replace("127.0.0.1", "localhost"))).unwrap();
    let error = named.call(create("x")).await.unwrap_err();
    assert_eq!(error.code(), "unavailable");
    assert!(error.to_string().contains("allow_loopback would permit it"), "{error}");
    assert_eq!(server.seen(), 0);
}

#[test]
fn base_urls_that_would_leak_or_confuse_are_refused() {
    let error = |base_url: &str| {
        let config = SessionConfig {
            network: NetworkPolicy::default(),
            ..loopback_config(base_url, &MANIFEST, &clock())
        };
        Session::new(config).unwrap_err().to_string()
    };
    assert!(error("http://api.vendor.example.com").contains("plain http"));
    assert!(error("api.vendor.example.com").contains("write it like https://"));
    assert!(error("https://api.vendor.example.com/?a=b").contains("query"));
    assert!(error("https://a:b@api.vendor.example.com").contains("user name or password"));
    assert!(error("ftp://api.vendor.example.com").contains("neither http nor https"));
}

#[tokio::test]
async fn calls_that_a_connector_must_not_make_are_refused_unsent() {
    let server = serve(|_| answer(200, ("x", "y"), "")).await;
    let (session, _) = server.session();
    let climbing = session.call(read("deals/../../admin")).await.unwrap_err();
    assert!(climbing.to_string().starts_with("refused (bad_path)"), "{climbing}");
    let unlimited = Call { limits: vec![("tier9", String::new())], ..read("x") };
    let unlimited = session.call(unlimited).await.unwrap_err();
    assert!(unlimited.to_string().contains("declares no limit `tier9`"), "{unlimited}");
    assert_eq!((server.seen(), session.usage().calls_today), (0, 0));
}

/// Connectors hold the future across threads.
#[test]
fn calls_can_move_between_threads() {
    fn can_move<T: Send>(_: &T) {}
    let session = session("http://127.0.0.1:1");
    can_move(&session.call(read("x")));
}
