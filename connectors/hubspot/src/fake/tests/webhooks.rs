//! Webhooks as a target on loopback sees them.

use std::future::Future;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, AtomicUsize};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::json;
use touchline_rules::time::{DAY_MS, HOUR_MS, MINUTE_MS};

use super::*;
use crate::fake::{
    Actor, Direction, MAX_RETRIES, ObjectKind, OlderSignature, WebhookFile, WebhookKnobs, sign_v1,
    sign_v3,
};

/// What a target saw, and how it answers.
#[derive(Default)]
struct Target {
    seen: Mutex<Vec<(HeaderMap, Bytes)>>,
    status: AtomicU16,
    busy: AtomicUsize,
    busiest: AtomicUsize,
}

impl Target {
    fn answering(status: u16) -> Arc<Target> {
        Arc::new(Target { status: AtomicU16::new(status), ..Target::default() })
    }

    fn batches(&self) -> Vec<Vec<Value>> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(|(_, body)| serde_json::from_slice(body).unwrap()).collect()
    }

    fn events(&self) -> Vec<Value> {
        self.batches().concat()
    }
}

async fn take(State(target): State<Arc<Target>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let busy = target.busy.fetch_add(1, Ordering::SeqCst) + 1;
    target.busiest.fetch_max(busy, Ordering::SeqCst);
    tokio::task::yield_now().await;
    target.seen.lock().unwrap().push((headers, body));
    target.busy.fetch_sub(1, Ordering::SeqCst);
    StatusCode::from_u16(target.status.load(Ordering::SeqCst)).unwrap()
}

/// Points the fake at the target and runs the story while the target serves.
async fn with_target<T>(
    fake: &FakeHubSpot,
    target: &Arc<Target>,
    story: impl Future<Output = T>,
) -> T {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/hooks/hubspot", listener.local_addr().unwrap());
    fake.set_target("https://tl.example.com/hooks/hubspot?a=%40", Some(&address));
    let app = Router::new().fallback(take).with_state(target.clone());
    tokio::select! {
        ended = axum::serve(listener, app) => panic!("the target ended: {ended:?}"),
        out = story => out,
    }
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["subscriptionType"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_creation_sits_among_its_property_changes() {
    let (fake, _) = fake();
    let target = Target::answering(200);
    let deal = with_target(&fake, &target, async {
        let values = [("dealname", "Acme"), ("amount", "10"), ("closedate", "2026-12-01")];
        let deal = fake.create_deal(&values, &Actor::user(7)).unwrap();
        assert_eq!(fake.tick(fake.now()).await, None);
        deal
    })
    .await;
    let batches = target.batches();
    assert_eq!(batches.len(), 1);
    let events = &batches[0];
    let creation = events.iter().position(|e| e["subscriptionType"] == "object.creation").unwrap();
    assert!(creation > 0 && creation < events.len() - 1, "{:?}", names(events));
    assert_eq!(events.len(), 6, "five initial values and the creation");
    for event in events {
        assert_eq!(event["occurredAt"], json!(START.0));
        assert_eq!(event["objectId"], json!(deal));
        assert_eq!(event["objectTypeId"], "0-3");
        assert_eq!(event["sourceId"], "userId:7");
        assert_eq!(event["changeSource"], "CRM_UI");
        assert_eq!(event["attemptNumber"], 0);
    }
    let close = events.iter().find(|event| event["propertyName"] == "closedate").unwrap();
    assert_eq!(close["propertyValue"], "1796083200000");
}

#[tokio::test]
async fn requests_are_signed_over_the_public_address() {
    let (fake, _) = fake();
    let target = Target::answering(200);
    with_target(&fake, &target, async {
        fake.create_deal(&[], &Actor::user(7)).unwrap();
        fake.tick(fake.now()).await;
        let raw = WebhookKnobs {
            decoded_uri: false,
            older_signature: OlderSignature::Off,
            ..WebhookKnobs::default()
        };
        fake.set_webhook_knobs(raw);
        fake.create_deal(&[], &Actor::user(7)).unwrap();
        fake.tick(fake.now()).await;
        assert_eq!(fake.send_raw(b"not json".to_vec(), &[]).await.unwrap(), 200);
    })
    .await;
    let secret = &fake.config().client_secret;
    let seen = target.seen.lock().unwrap();
    let v3 = |uri: &str, body: &[u8]| sign_v3(secret, "POST", uri, body, START);
    let (headers, body) = &seen[0];
    assert_eq!(
        headers["x-hubspot-signature-v3"],
        v3("https://tl.example.com/hooks/hubspot?a=@", body)
    );
    assert_eq!(headers["x-hubspot-request-timestamp"], START.0.to_string());
    assert_eq!(headers["x-hubspot-signature"], sign_v1(secret, body));
    assert_eq!(headers["x-hubspot-signature-version"], "v1");
    let (headers, body) = &seen[1];
    assert_eq!(
        headers["x-hubspot-signature-v3"],
        v3("https://tl.example.com/hooks/hubspot?a=%40", body)
    );
    assert!(!headers.contains_key("x-hubspot-signature"));
    assert_eq!(&seen[2].1[..], b"not json");
}

#[tokio::test]
async fn a_refused_batch_is_tried_ten_more_times_in_a_day() {
    let (fake, clock) = fake();
    let target = Target::answering(404);
    with_target(&fake, &target, async {
        fake.create_deal(&[], &Actor::user(7)).unwrap();
        let mut next = fake.tick(fake.now()).await;
        while let Some(due) = next {
            assert!(due > fake.now(), "never at once");
            clock.set(due.plus_ms(-1));
            assert_eq!(fake.tick(fake.now()).await, Some(due), "not before it is due");
            clock.set(due);
            next = fake.tick(due).await;
        }
    })
    .await;
    let attempts = fake.webhook_attempts();
    let numbers: Vec<u32> = attempts.iter().map(|attempt| attempt.number).collect();
    assert_eq!(numbers, (0..=MAX_RETRIES).collect::<Vec<_>>());
    let last = attempts.last().unwrap();
    assert!((20 * HOUR_MS..=DAY_MS).contains(&last.at.since_ms(START)), "{:?}", last.at);
    assert_eq!(fake.webhook_counts().given_up, 1);
    assert!(fake.webhooks_idle());
    // Each attempt has its own number, time and signature; the event keeps its id.
    let seen = target.seen.lock().unwrap();
    let signatures: std::collections::BTreeSet<_> = seen
        .iter()
        .map(|(headers, _)| headers["x-hubspot-signature-v3"].to_str().unwrap())
        .collect();
    assert_eq!(signatures.len(), seen.len());
    drop(seen);
    let events: Vec<_> = target.batches().into_iter().map(|batch| batch[0].clone()).collect();
    assert!(events.iter().all(|event| event["eventId"] == events[0]["eventId"]));
    assert_eq!(events[10]["attemptNumber"], 10);
}

#[tokio::test]
async fn an_absent_target_is_tried_again_and_reached() {
    let (fake, clock) = fake();
    // A port that was free a moment ago: nothing listens there.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    fake.set_target(&format!("http://{free}/"), None);
    fake.create_deal(&[], &Actor::user(7)).unwrap();
    let due = fake.tick(fake.now()).await.unwrap();
    assert_eq!(fake.webhook_attempts()[0].status, None);
    assert!((50_000..70_000).contains(&due.since_ms(START)));
    let target = Target::answering(204);
    clock.advance_ms(2 * MINUTE_MS);
    with_target(&fake, &target, fake.tick(fake.now())).await;
    assert_eq!(fake.webhook_counts().accepted, 1);
    assert_eq!(target.events()[0]["attemptNumber"], 1);
}

#[tokio::test]
async fn batches_hold_a_hundred_and_ten_are_in_flight() {
    let (fake, _) = fake_with(|config| config.webhooks.batch_events = 500);
    let target = Target::answering(200);
    with_target(&fake, &target, async {
        for _ in 0..800 {
            fake.create_deal(&[], &Actor::import(7)).unwrap();
        }
        fake.tick(fake.now()).await;
    })
    .await;
    let sizes: Vec<usize> = target.batches().iter().map(Vec::len).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 2_400);
    assert!(sizes.iter().all(|size| (1..=100).contains(size)), "{sizes:?}");
    assert!(target.busiest.load(Ordering::SeqCst) <= 10);
    assert!(target.events().iter().all(|event| event["changeSource"] == "IMPORT"));
}

#[tokio::test]
async fn untidy_deliveries_by_the_seed() {
    let knobs = WebhookKnobs {
        shuffle: true,
        duplicate_percent: 50,
        repeated_event_id_percent: 50,
        event_type_field: true,
        batch_events: 3,
        ..WebhookKnobs::default()
    };
    let run = async |seed: u64| {
        let (fake, clock) = fake_with(|config| {
            config.seed = seed;
            config.webhooks = knobs.clone();
            config.max_concurrent_requests = 1;
        });
        let target = Target::answering(200);
        with_target(&fake, &target, async {
            for _ in 0..20 {
                fake.create_deal(&[], &Actor::user(7)).unwrap();
            }
            let next = fake.tick(fake.now()).await.unwrap();
            clock.set(next);
            assert_eq!(fake.tick(next).await, None);
        })
        .await;
        target.events()
    };
    let events = run(5).await;
    assert_eq!(events, run(5).await);
    assert!(events.len() > 70, "60 events and about 30 doubles: {}", events.len());
    let distinct = |name: &str| {
        let values: std::collections::BTreeSet<String> =
            events.iter().map(|event| event[name].to_string()).collect();
        values.len()
    };
    assert!(distinct("eventId") < 60, "some ids are repeated");
    assert!(events.iter().all(|e| e["eventType"].is_string() && e["subscriptionType"].is_null()));
    let order: Vec<u64> = events.iter().map(|event| event["objectId"].as_u64().unwrap()).collect();
    assert!(!order.is_sorted(), "shuffled");
}

#[tokio::test]
async fn classic_and_generic_formats_side_by_side() {
    let file = r#"{"config":{"settings":{"targetUrl":"https://tl.example.com/","maxConcurrentRequests":10},
      "subscriptions":{"crmObjects":[
        {"subscriptionType":"object.propertyChange","objectType":"deal","propertyName":"amount","active":true},
        {"subscriptionType":"object.creation","objectType":"email","active":true}],
      "legacyCrmObjects":[
        {"subscriptionType":"deal.propertyChange","propertyName":"amount","active":true},
        {"subscriptionType":"deal.merge","active":true},
        {"subscriptionType":"deal.restore","active":true},
        {"subscriptionType":"deal.associationChange","active":true},
        {"subscriptionType":"deal.deletion","active":true}],
      "hubEvents":[{"subscriptionType":"contact.privacyDeletion","active":true}]}}}"#;
    let file = WebhookFile::parse(file, &[]).unwrap();
    let (fake, _) = fake_with(|config| *config = config.clone().with_webhook_file(file));
    let target = Target::answering(200);
    with_target(&fake, &target, async {
        let by = Actor::bulk(7);
        let deal = fake.create_deal(&[], &by).unwrap();
        let other = fake.create_deal(&[], &by).unwrap();
        fake.set(deal, "amount", "5", &by).unwrap();
        fake.set(deal, "amount", "5", &by).unwrap();
        fake.set(deal, "dealname", "Unheard", &by).unwrap();
        fake.log_email(deal, Direction::Inbound, fake.now(), &by).unwrap();
        let contact = fake.create(ObjectKind::Contact, &[], &by).unwrap();
        fake.associate(deal, contact, &by).unwrap();
        fake.dissociate(deal, contact, &by).unwrap();
        fake.merge(deal, other, &by).unwrap();
        fake.delete(ObjectKind::Deal, deal, &by).unwrap();
        fake.restore(ObjectKind::Deal, deal, &by).unwrap();
        fake.privacy_delete(contact, &by).unwrap();
        fake.tick(fake.now()).await;
    })
    .await;
    let events = target.events();
    assert_eq!(
        names(&events),
        [
            "object.propertyChange",
            "deal.propertyChange",
            "object.creation",
            "deal.associationChange",
            "deal.associationChange",
            "deal.associationChange",
            "deal.merge",
            "deal.deletion",
            "deal.restore",
            "contact.privacyDeletion",
        ]
    );
    assert_eq!(events[0]["isSensitive"], false);
    assert_eq!(events[1]["objectTypeId"], Value::Null);
    assert_eq!(events[2]["objectTypeId"], "0-49");
    assert_eq!(events[3]["associationType"], "DEAL_TO_EMAIL");
    assert_eq!(events[4]["associationType"], "DEAL_TO_CONTACT");
    assert_eq!(events[4]["associationRemoved"], false);
    assert_eq!(events[5]["associationRemoved"], true);
    assert_eq!(events[6]["primaryObjectId"], events[6]["newObjectId"]);
    assert_eq!(events[7]["changeFlag"], "DELETED");
}

#[tokio::test]
async fn writes_of_the_app_echo_and_new_subscriptions_act_late() {
    let (fake, clock) = fake_with(|config| config.webhooks.settings_cache_ms = 5 * MINUTE_MS);
    let target = Target::answering(200);
    with_target(&fake, &target, async {
        let body = json!({"properties": {"dealname": "By app"}});
        expect(&fake, 201, "POST", "/crm/v3/objects/deals", body);
        fake.tick(fake.now()).await;
        let heard = fake.webhook_counts().events;
        fake.subscribe(Vec::new());
        fake.create_deal(&[], &Actor::user(7)).unwrap();
        assert!(fake.webhook_counts().events > heard, "the old ones still act");
        clock.advance_ms(5 * MINUTE_MS);
        let heard = fake.webhook_counts().events;
        fake.create_deal(&[], &Actor::user(7)).unwrap();
        assert_eq!(fake.webhook_counts().events, heard);
    })
    .await;
    assert!(target.events().iter().all(|event| event["changeSource"] == "INTEGRATION"));
}

#[tokio::test]
async fn a_past_played_fast_is_tried_again_fast() {
    let (fake, clock) = fake_with(|config| config.webhooks.first_retry_ms = Some(200));
    let target = Target::answering(429);
    with_target(&fake, &target, async {
        fake.create_deal(&[], &Actor::user(7)).unwrap();
        let first = fake.tick(fake.now()).await.unwrap();
        assert!((180..=220).contains(&first.since_ms(START)), "{first}");
        clock.set(first);
        let second = fake.tick(first).await.unwrap();
        assert!((360..=440).contains(&second.since_ms(first)), "{second}");
        clock.set(second);
        target.status.store(204, Ordering::SeqCst);
        assert_eq!(fake.tick(second).await, None);
    })
    .await;
}
