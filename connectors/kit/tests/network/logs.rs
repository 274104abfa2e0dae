//! What the log says of a call, and what it must not.

use std::io;
use std::sync::{Arc, Mutex};

use touchline_kit::testing::{ManualClock, loopback_config};
use touchline_kit::{Body, Call, Session, SessionConfig};
use tracing_subscriber::fmt::MakeWriter;

use crate::server::{MANIFEST, NOW, answer, create, read, serve};

/// Keeps all that is logged.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Captured {
    type Writer = Captured;

    fn make_writer(&self) -> Captured {
        self.clone()
    }
}

#[tokio::test]
async fn one_line_for_each_call_without_token_query_or_body() {
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(captured.clone())
        .with_ansi(false)
        .finish();
    // For the whole process: a subscriber of one thread would miss what another
    // thread's test met first. So this also reads the log of the other tests.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    tracing::callsite::rebuild_interest_cache();
    let server = serve(|_| answer(200, ("x-private", "private-header"), "private-answer")).await;
    let clock = ManualClock::new(NOW);
    let connection = "logged".to_owned();
    let config = SessionConfig { connection, ..loopback_config(&server.url, &MANIFEST, &clock) };
    let session = Session::new(config).unwrap();
    let query = vec![("email".to_owned(), "private-query".to_owned())];
    let body = Body::Json(serde_json::json!({ "text": "private-text" }));
    session.call(Call { query, body, ..create("v1/tasks") }).await.unwrap();
    let form = Body::Form(vec![("text".into(), "private-form".into())]);
    session.call(Call { body: form, ..create("v1/notes?private-path") }).await.unwrap();
    session
        .call(Call { limits: vec![("per_channel", "C1".into())], ..read("v1/me") })
        .await
        .unwrap();
    let limits = vec![("per_channel", "C1".into())];
    session.call(Call { limits, ..read("v1/me") }).await.unwrap_err();

    let text = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<&str> =
        text.lines().filter(|line| line.contains("vendor call connection=logged")).collect();
    assert_eq!(lines.len(), 4, "{text}");
    let expected = "DEBUG touchline_kit::session: vendor call connection=logged method=POST \
                    path=\"v1/tasks\" status=200 outcome=\"ok\" latency_ms=0";
    assert!(lines[0].ends_with(expected), "{}", lines[0]);
    assert!(lines[3].contains("outcome=\"limited\""), "{}", lines[3]);
    for secret in ["fake-", "Bearer", "private"] {
        assert!(!text.contains(secret), "`{secret}` is in the log:\n{text}");
    }
}
