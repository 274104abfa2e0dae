//! The webhook queue: which events wait, how they are batched, and when a failed
//! batch is tried again. Pure but for the seeded random numbers.

use std::collections::VecDeque;

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};
use touchline_rules::UnixMs;
use touchline_rules::time::MINUTE_MS;

use super::events::Moved;
use super::subscriptions::Subscription;

/// The most events that HubSpot puts into one request.
pub const MAX_BATCH_EVENTS: usize = 100;

/// How often HubSpot tries again after the first attempt.
pub const MAX_RETRIES: u32 = 10;

/// Waits before each retry, in minutes. HubSpot says only "up to 10, spread over
/// 24 hours, randomised"; these add up to 21.9 hours, and 24.0 with the most jitter.
const RETRY_AFTER_MINUTES: [i64; MAX_RETRIES as usize] =
    [1, 5, 15, 30, 60, 120, 180, 240, 300, 360];

/// Jitter of a retry, in thousandths of the wait.
const JITTER_PER_MILLE: std::ops::RangeInclusive<i64> = -95..=95;

/// How many requests are remembered for tests to look at.
const MAX_ATTEMPTS_KEPT: usize = 10_000;

/// Which older signature accompanies version 3.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum OlderSignature {
    /// None.
    Off,
    /// Version 1, as CRM webhooks carry it.
    V1,
    /// Version 2.
    V2,
}

/// How untidy the deliveries are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookKnobs {
    /// Order inside and between batches is drawn by the seed.
    pub shuffle: bool,
    /// How many of a hundred events are sent a second time a moment later.
    pub duplicate_percent: u8,
    /// How many of a hundred events carry the id of the event before.
    pub repeated_event_id_percent: u8,
    /// The type field is called `eventType`, as in old samples.
    pub event_type_field: bool,
    /// Events per request, 1 to [`MAX_BATCH_EVENTS`].
    pub batch_events: usize,
    /// From the movement to the first attempt.
    pub delay_ms: i64,
    /// Version 3 signs the decoded URI, as documented; otherwise the raw one.
    pub decoded_uri: bool,
    /// Which older signature goes along.
    pub older_signature: OlderSignature,
    /// Version 3 and its timestamp are left out.
    pub without_v3: bool,
    /// How long changed subscriptions take to act (HubSpot: up to 5 minutes).
    pub settings_cache_ms: i64,
    /// Retries come after this long, doubled each time, instead of HubSpot's
    /// minutes: for playing a past faster than it was lived.
    pub first_retry_ms: Option<i64>,
}

impl Default for WebhookKnobs {
    fn default() -> Self {
        WebhookKnobs {
            shuffle: false,
            duplicate_percent: 0,
            repeated_event_id_percent: 0,
            event_type_field: false,
            batch_events: MAX_BATCH_EVENTS,
            delay_ms: 0,
            decoded_uri: true,
            older_signature: OlderSignature::V1,
            without_v3: false,
            settings_cache_ms: 0,
            first_retry_ms: None,
        }
    }
}

/// One request, waiting to be tried.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Batch {
    events: Vec<Map<String, Value>>,
    pub attempt: u32,
    pub due: UnixMs,
    /// Of the wait after this attempt. Drawn when the batch is taken, not when
    /// its answer comes: answers come in no fixed order.
    jitter_per_mille: i64,
}

impl Batch {
    pub fn len(&self) -> usize {
        self.events.len()
    }

    fn order(&self) -> (UnixMs, Option<u64>) {
        (self.due, self.events.first().and_then(|event| event.get("eventId")?.as_u64()))
    }

    /// The body of the present attempt.
    pub fn body(&self) -> Vec<u8> {
        let events: Vec<Value> = self
            .events
            .iter()
            .map(|event| {
                let mut event = event.clone();
                event.insert("attemptNumber".into(), json!(self.attempt));
                Value::Object(event)
            })
            .collect();
        Value::Array(events).to_string().into_bytes()
    }
}

/// One attempt that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When, on the fake's clock.
    pub at: UnixMs,
    /// Counted from 0.
    pub number: u32,
    /// How many events.
    pub events: usize,
    /// The answer's status; `None` for no connection or no answer in time.
    pub status: Option<u16>,
    /// The body.
    pub body: Vec<u8>,
}

/// What became of the webhooks so far.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookCounts {
    /// Events that subscriptions heard of.
    pub events: u64,
    /// Requests made.
    pub attempts: u64,
    /// Requests answered with 2xx.
    pub accepted: u64,
    /// Requests given up after the last retry.
    pub given_up: u64,
}

pub(super) struct Outbox {
    pub portal_id: i64,
    pub app_id: i64,
    pub knobs: WebhookKnobs,
    pub counts: WebhookCounts,
    pub last_failed: Option<Attempt>,
    subscriptions: Vec<Subscription>,
    coming: Option<(UnixMs, Vec<Subscription>)>,
    fresh: VecDeque<(UnixMs, Map<String, Value>)>,
    waiting: Vec<Batch>,
    attempts: VecDeque<Attempt>,
    last_event_id: u64,
}

impl Outbox {
    pub fn new(portal_id: i64, app_id: i64, subscriptions: Vec<Subscription>) -> Outbox {
        Outbox {
            portal_id,
            app_id,
            knobs: WebhookKnobs::default(),
            counts: WebhookCounts::default(),
            last_failed: None,
            subscriptions,
            coming: None,
            fresh: VecDeque::new(),
            waiting: Vec::new(),
            attempts: VecDeque::new(),
            last_event_id: 3_816_279_000,
        }
    }

    /// Replaces the subscriptions; they act after the settings cache.
    pub fn subscribe(&mut self, subscriptions: Vec<Subscription>, now: UnixMs) {
        self.coming = Some((now.plus_ms(self.knobs.settings_cache_ms), subscriptions));
    }

    /// Queues one event per movement and subscription that hears of it.
    pub fn announce(&mut self, moved: &[Moved], now: UnixMs, rng: &mut ChaCha8Rng) {
        if self.coming.as_ref().is_some_and(|(from, _)| *from <= now)
            && let Some((_, subscriptions)) = self.coming.take()
        {
            self.subscriptions = subscriptions;
        }
        let due = now.plus_ms(self.knobs.delay_ms);
        for movement in moved {
            let heard: Vec<_> = self
                .subscriptions
                .iter()
                .filter(|subscription| movement.is_heard_by(subscription))
                .map(|subscription| movement.event(subscription, self.portal_id, self.app_id))
                .collect();
            for mut event in heard {
                event.insert("eventId".into(), json!(self.next_event_id(rng)));
                if self.knobs.event_type_field
                    && let Some(kind) = event.remove("subscriptionType")
                {
                    event.insert("eventType".into(), kind);
                }
                self.counts.events += 1;
                if percent(rng, self.knobs.duplicate_percent) {
                    self.fresh.push_back((due.plus_ms(1), event.clone()));
                }
                self.fresh.push_back((due, event));
            }
        }
    }

    /// Takes the requests that are due: new batches, then retries.
    pub fn take_due(&mut self, now: UnixMs, rng: &mut ChaCha8Rng) -> Vec<Batch> {
        let mut ready = Vec::new();
        let mut later = VecDeque::new();
        for (due, event) in self.fresh.drain(..) {
            if due <= now {
                ready.push(event);
            } else {
                later.push_back((due, event));
            }
        }
        self.fresh = later;
        if self.knobs.shuffle {
            ready.shuffle(rng);
        }
        let size = self.knobs.batch_events.clamp(1, MAX_BATCH_EVENTS);
        let mut batches: Vec<Batch> = ready
            .chunks(size)
            .map(|events| Batch {
                events: events.to_vec(),
                attempt: 0,
                due: now,
                jitter_per_mille: 0,
            })
            .collect();
        let (due, waiting) = self.waiting.drain(..).partition(|batch: &Batch| batch.due <= now);
        self.waiting = waiting;
        let mut due: Vec<Batch> = due;
        due.sort_by_key(Batch::order);
        batches.extend(due);
        if self.knobs.shuffle {
            batches.shuffle(rng);
        }
        for batch in &mut batches {
            batch.jitter_per_mille = rng.random_range(JITTER_PER_MILLE);
        }
        batches
    }

    /// Notes an attempt, and when to try again if it failed.
    pub fn settle(&mut self, mut batch: Batch, status: Option<u16>, at: UnixMs, body: Vec<u8>) {
        self.counts.attempts += 1;
        if self.attempts.len() == MAX_ATTEMPTS_KEPT {
            self.attempts.pop_front();
        }
        let (number, events) = (batch.attempt, batch.len());
        self.attempts.push_back(Attempt { at, number, events, status, body });
        // Whether HubSpot follows redirects is not documented: only 4xx, 5xx and
        // silence are said to be tried again, so 3xx counts as received.
        if status.is_some_and(|code| code < 400) {
            self.counts.accepted += 1;
            return;
        }
        self.last_failed = Some(Attempt { at, number, events, status, body: Vec::new() });
        let Some(minutes) = RETRY_AFTER_MINUTES.get(batch.attempt as usize) else {
            self.counts.given_up += 1;
            return;
        };
        let quick_ms = self.knobs.first_retry_ms.map(|first_ms| first_ms << batch.attempt);
        let wait_ms = quick_ms.unwrap_or(minutes * MINUTE_MS);
        let jitter_ms = wait_ms / 1000 * batch.jitter_per_mille;
        batch.attempt += 1;
        batch.due = at.plus_ms(wait_ms + jitter_ms);
        self.waiting.push(batch);
    }

    /// When the next request is due.
    pub fn next_due(&self) -> Option<UnixMs> {
        let fresh = self.fresh.iter().map(|(due, _)| *due);
        fresh.chain(self.waiting.iter().map(|batch| batch.due)).min()
    }

    /// Events and requests not yet accepted or given up.
    pub fn is_empty(&self) -> bool {
        self.fresh.is_empty() && self.waiting.is_empty()
    }

    /// The attempts remembered, oldest first.
    pub fn attempts(&self) -> Vec<Attempt> {
        self.attempts.iter().cloned().collect()
    }

    fn next_event_id(&mut self, rng: &mut ChaCha8Rng) -> u64 {
        if !percent(rng, self.knobs.repeated_event_id_percent) {
            self.last_event_id += rng.random_range(1..=50_u64);
        }
        self.last_event_id
    }
}

fn percent(rng: &mut ChaCha8Rng, percent: u8) -> bool {
    percent > 0 && rng.random_range(0..100) < u32::from(percent)
}
