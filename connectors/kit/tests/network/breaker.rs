//! The circuit breaker, as a session applies it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use touchline_kit::CallError;
use touchline_kit::session::{BREAKER_AFTER, BREAKER_PAUSE_MS};

use crate::server::{NOW, answer, create, read, serve};

fn retry_at(error: &CallError) -> Option<i64> {
    match error {
        CallError::Unavailable { retry_at, .. } => retry_at.map(|at| at.since_ms(NOW)),
        _ => None,
    }
}

#[tokio::test]
async fn a_dead_vendor_is_left_alone_and_tried_with_one_call() {
    let status = Arc::new(AtomicU16::new(500));
    let answers = Arc::clone(&status);
    let server = serve(move |_| answer(answers.load(Ordering::SeqCst), ("x", "y"), "")).await;
    let (session, clock) = server.session();
    for n in 0..BREAKER_AFTER {
        let call = if n == 0 { create("x") } else { read("x") };
        assert!(session.call(call).await.is_err());
    }
    let error = session.call(read("x")).await.unwrap_err();
    assert_eq!(retry_at(&error), Some(BREAKER_PAUSE_MS), "{error}");
    assert_eq!(server.seen(), 5, "the sixth call was not sent");

    clock.advance_ms(BREAKER_PAUSE_MS);
    assert!(session.call(read("x")).await.is_err());
    assert_eq!(server.seen(), 6, "one trial");
    let error = session.call(read("x")).await.unwrap_err();
    assert_eq!(retry_at(&error), Some(3 * BREAKER_PAUSE_MS), "the pause doubled");

    clock.advance_ms(2 * BREAKER_PAUSE_MS);
    status.store(200, Ordering::SeqCst);
    session.call(read("x")).await.unwrap();
    session.call(read("x")).await.unwrap();
    assert_eq!(server.seen(), 8, "closed again");
}

#[tokio::test]
async fn refusals_and_locked_records_do_not_open_it() {
    for status in [400, 401, 403, 404, 423] {
        let server = serve(move |_| answer(status, ("x", "y"), "")).await;
        let (session, _) = server.session();
        for _ in 0..=BREAKER_AFTER {
            assert!(session.call(read("x")).await.is_err());
        }
        assert_eq!(server.seen(), 6, "{status}");
    }
}
