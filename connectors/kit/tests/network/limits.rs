//! Limits, pauses, the daily share and the token, as a session applies them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use secrecy::SecretString;
use touchline_kit::testing::{ManualClock, loopback_config};
use touchline_kit::{
    Call, CallError, DailyOverride, Override, Priority, Session, SessionConfig, TokenSource,
};
use touchline_rules::time::DAY_MS;

use crate::server::{MANIFEST, NOW, answer, read, serve};

fn retry_at(error: &CallError) -> Option<i64> {
    match error {
        CallError::Limited { retry_at, .. } => Some(retry_at.since_ms(NOW)),
        _ => None,
    }
}

fn in_channel(channel: &str) -> Call {
    Call { limits: vec![("per_channel", channel.to_owned())], ..read("x") }
}

#[tokio::test]
async fn a_call_over_a_limit_is_not_sent_and_told_when() {
    let server = serve(|_| answer(200, ("x", "y"), "")).await;
    let (session, clock) = server.session();
    session.call(in_channel("C1")).await.unwrap();
    let error = session.call(in_channel("C1")).await.unwrap_err();
    assert_eq!(retry_at(&error), Some(1_000), "{error}");
    session.call(in_channel("C2")).await.unwrap();
    assert_eq!(server.seen(), 2);
    clock.advance_ms(1_000);
    session.call(in_channel("C1")).await.unwrap();
    assert_eq!(server.seen(), 3);
}

#[tokio::test]
async fn a_limit_can_be_switched_off() {
    let server = serve(|_| answer(200, ("x", "y"), "")).await;
    let limits = BTreeMap::from([("per_channel".to_owned(), Override::Off)]);
    let clock = ManualClock::new(NOW);
    let config = SessionConfig { limits, ..loopback_config(&server.url, &MANIFEST, &clock) };
    let session = Session::new(config).unwrap();
    for _ in 0..5 {
        session.call(in_channel("C1")).await.unwrap();
    }
}

#[tokio::test]
async fn a_429_pauses_its_keys_until_the_vendors_instant() {
    let calls = Arc::new(AtomicUsize::new(0));
    let server = serve(move |_| match calls.fetch_add(1, Ordering::SeqCst) {
        0 => answer(429, ("retry-after", "7"), ""),
        _ => answer(200, ("x", "y"), ""),
    })
    .await;
    let (session, clock) = server.session();
    let first = session.call(in_channel("C1")).await.unwrap_err();
    assert_eq!(retry_at(&first), Some(7_000));
    clock.advance_ms(6_999);
    let second = session.call(in_channel("C1")).await.unwrap_err();
    assert_eq!((retry_at(&second), server.seen()), (Some(7_000), 1));
    session.call(in_channel("C2")).await.unwrap();
    clock.advance_ms(1);
    session.call(in_channel("C1")).await.unwrap();
    assert_eq!(server.seen(), 3);
}

#[tokio::test]
async fn the_daily_share_lets_deliveries_pass_longest_and_ends_at_midnight() {
    let server = serve(|_| answer(200, ("x", "y"), "")).await;
    let (session, clock) = server.session();
    session.set_time_zone("Asia/Kolkata").unwrap();
    let mut sent = Vec::new();
    for priority in [Priority::Background, Priority::Follow, Priority::Deliver] {
        while session.call(Call { priority, ..read("x") }).await.is_ok() {}
        sent.push(server.seen());
    }
    assert_eq!(sent, [6, 9, 10], "10 % of 100, by priority");
    let usage = session.usage();
    assert_eq!((usage.calls_today, usage.share, usage.refused), (10, Some(10), 3));
    let error = session.call(read("x")).await.unwrap_err();
    // Noon UTC is 17:30 in India.
    assert_eq!(retry_at(&error), Some(23_400_000));
    assert_eq!(
        error.to_string(),
        "limited until 2026-11-23T18:30:00Z: daily share: 10 of 10 calls are made"
    );
    clock.advance_ms(23_400_000);
    session.call(read("x")).await.unwrap();
    assert_eq!(session.usage().calls_today, 1);
    assert!(session.set_time_zone("Atlantis/Main").is_err());
}

#[tokio::test]
async fn the_vendors_header_corrects_the_share() {
    let server = serve(|_| answer(200, ("X-Daily-Limit", "250000"), "")).await;
    let (session, _) = server.session();
    session.call(read("x")).await.unwrap();
    let usage = session.usage();
    assert_eq!((usage.account_limit, usage.share), (Some(250_000), Some(25_000)));
}

#[tokio::test]
async fn a_restart_does_not_give_a_second_share() {
    let server = serve(|_| answer(200, ("x", "y"), "")).await;
    let (before, _) = server.session();
    while before.call(read("x")).await.is_ok() {}
    let (after, clock) = server.session();
    after.restore_usage(&before.usage());
    assert!(after.call(read("x")).await.is_err());
    clock.advance_ms(DAY_MS);
    after.call(read("x")).await.unwrap();
}

#[tokio::test]
async fn the_share_is_configurable() {
    let server = serve(|_| answer(200, ("x", "y"), "")).await;
    let clock = ManualClock::new(NOW);
    let daily = DailyOverride { share_percent: Some(50), ..DailyOverride::default() };
    let config = SessionConfig { daily, ..loopback_config(&server.url, &MANIFEST, &clock) };
    assert_eq!(Session::new(config).unwrap().usage().share, Some(50));
}

/// Gives another token each time, and at last says that the grant is gone.
struct Rotating(AtomicUsize);

#[async_trait]
impl TokenSource for Rotating {
    async fn token(&self) -> Result<SecretString, CallError> {
        match self.0.fetch_add(1, Ordering::SeqCst) {
            n @ 0..2 => Ok(SecretString::from(format!("fake-{n}"))),
            2 => Ok(SecretString::from("fake-\n")),
            _ => Err(CallError::Unauthorized { detail: "invalid_grant".into() }),
        }
    }
}

#[tokio::test]
async fn the_token_is_asked_for_each_call() {
    let server = serve(|request| {
        let bearer = request.headers()["authorization"].to_str().unwrap().to_owned();
        answer(200, ("x", "y"), bearer)
    })
    .await;
    let tokens = Arc::new(Rotating(AtomicUsize::new(0)));
    let clock = ManualClock::new(NOW);
    let config = SessionConfig { tokens, ..loopback_config(&server.url, &MANIFEST, &clock) };
    let session = Session::new(config).unwrap();
    for expected in ["Bearer fake-0", "Bearer fake-1"] {
        let got = session.call(read("x")).await.unwrap();
        assert_eq!(String::from_utf8(got.body).unwrap(), expected);
    }
    let unsendable = session.call(read("x")).await.unwrap_err();
    assert!(unsendable.to_string().contains("characters"), "{unsendable}");
    let gone = session.call(read("x")).await.unwrap_err();
    assert_eq!(gone, CallError::Unauthorized { detail: "invalid_grant".into() });
    assert_eq!((server.seen(), session.usage().calls_today), (2, 2));
}
