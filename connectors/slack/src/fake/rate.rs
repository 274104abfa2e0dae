//! Slack's rate limits: per method by tier, and per conversation for messages.
//!
//! Source: <https://docs.slack.dev/apis/web-api/rate-limits>.

use std::collections::HashMap;

use touchline_rules::UnixMs;
use touchline_rules::time::{MINUTE_MS, SECOND_MS};

/// How many messages a conversation takes at once.
const CHANNEL_BURST: i64 = 5;
/// How many keys are remembered; beyond it the oldest state is forgotten.
const KEYS_MAX: usize = 10_000;

/// A bucket of `calls` that fills again within `period_ms`.
#[derive(Copy, Clone)]
pub(super) struct Allowance {
    burst: i64,
    per_call_ms: i64,
}

impl Allowance {
    const fn per_min(calls: i64) -> Self {
        Allowance { burst: calls, per_call_ms: MINUTE_MS / calls }
    }

    /// What a method may be called per workspace.
    pub(super) fn of_method(method: &str) -> Option<Self> {
        match method {
            // Limited per conversation instead.
            "chat.postMessage" | "auth.test" | "oauth.v2.access" => None,
            "chat.update" | "conversations.open" | "users.lookupByEmail" => Some(Self::per_min(50)),
            _ => Some(Self::per_min(100)),
        }
    }

    /// What a conversation takes: one message a second, and short bursts.
    pub(super) const CHANNEL: Allowance =
        Allowance { burst: CHANNEL_BURST, per_call_ms: SECOND_MS };
}

pub(super) struct Rate {
    pub on: bool,
    /// Per key, the instant at which its bucket is full again.
    full_at: HashMap<String, UnixMs>,
}

impl Rate {
    pub(super) fn new() -> Self {
        Rate { on: true, full_at: HashMap::new() }
    }

    /// Takes one call, or says after how many seconds there is one.
    pub(super) fn take(&mut self, key: &str, allowed: Allowance, now: UnixMs) -> Result<(), i64> {
        if !self.on {
            return Ok(());
        }
        if self.full_at.len() >= KEYS_MAX {
            self.full_at.retain(|_, full_at| *full_at > now);
        }
        let full_at = self.full_at.get(key).copied().unwrap_or(now).max(now);
        let next_full_at = full_at.plus_ms(allowed.per_call_ms);
        let excess_ms = next_full_at.since_ms(now) - allowed.burst * allowed.per_call_ms;
        if excess_ms > 0 {
            return Err((excess_ms + SECOND_MS - 1) / SECOND_MS);
        }
        self.full_at.insert(key.to_owned(), next_full_at);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_one_a_second() {
        let mut rate = Rate::new();
        let mut take = |at_ms| rate.take("D1", Allowance::CHANNEL, UnixMs(at_ms));
        for _ in 0..CHANNEL_BURST {
            assert_eq!(take(0), Ok(()));
        }
        assert_eq!(take(0), Err(1));
        assert_eq!(take(999), Err(1));
        assert_eq!(take(1_000), Ok(()));
        assert_eq!(take(1_000), Err(1));
    }

    #[test]
    fn a_tier_says_how_long_to_wait() {
        let mut rate = Rate::new();
        let allowed = Allowance::of_method("chat.update").unwrap();
        for _ in 0..50 {
            assert_eq!(rate.take("chat.update", allowed, UnixMs(0)), Ok(()));
        }
        assert_eq!(rate.take("chat.update", allowed, UnixMs(0)), Err(2));
        assert_eq!(rate.take("chat.update", allowed, UnixMs(1_200)), Ok(()));
    }
}
