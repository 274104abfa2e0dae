//! Stories of the fake: the account, webhooks over a real loopback connection,
//! REST and OAuth. Time is a number that the tests move.

mod account;
mod card;
mod connection;
mod oauth;
mod properties;
mod rest;
mod webhooks;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::Value;
use touchline_kit::Clock;
use touchline_rules::UnixMs;

use super::{ApiAnswer, ApiRequest, FakeConfig, FakeHubSpot};

/// 2026-11-24T09:00:00Z, a Tuesday.
const START: UnixMs = UnixMs(1_795_510_800_000);

struct ManualClock(AtomicI64);

impl ManualClock {
    fn new() -> Arc<ManualClock> {
        Arc::new(ManualClock(AtomicI64::new(START.0)))
    }

    fn set(&self, at: UnixMs) {
        self.0.store(at.0, Ordering::SeqCst);
    }

    fn advance_ms(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixMs {
        UnixMs(self.0.load(Ordering::SeqCst))
    }
}

/// A fake on a manual clock.
fn fake() -> (Arc<FakeHubSpot>, Arc<ManualClock>) {
    fake_with(|_| {})
}

fn fake_with(change: impl FnOnce(&mut FakeConfig)) -> (Arc<FakeHubSpot>, Arc<ManualClock>) {
    let clock = ManualClock::new();
    let mut config = FakeConfig::new(clock.clone());
    change(&mut config);
    (FakeHubSpot::new(config), clock)
}

/// Calls the fake with its static token.
fn call(fake: &FakeHubSpot, method: &str, path: &str, body: Value) -> ApiAnswer {
    fake.answer(&ApiRequest::json_call(method, path, &fake.config().access_token, &body))
}

/// Calls the fake and expects this status; returns the body.
fn expect(fake: &FakeHubSpot, status: u16, method: &str, path: &str, body: Value) -> Value {
    let answer = call(fake, method, path, body);
    assert_eq!(answer.status, status, "{method} {path}: {:?}", answer.body);
    answer.body.unwrap_or(Value::Null)
}

fn get(fake: &FakeHubSpot, path: &str) -> Value {
    expect(fake, 200, "GET", path, Value::Null)
}
