//! What holds for any input.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::fake::events::Happening;
use crate::fake::{Actor, ObjectKind, RateLimits, WebhookKnobs, decode_uri};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "[a-z0-9.:*%-]{0,8}".prop_map(Value::from),
        Just(json!("18446744073709551615")),
        Just(json!("dealstage")),
        Just(json!("GTE")),
    ];
    let names = prop_oneof![
        Just("inputs"),
        Just("id"),
        Just("properties"),
        Just("propertiesWithHistory"),
        Just("associations"),
        Just("to"),
        Just("types"),
        Just("filterGroups"),
        Just("filters"),
        Just("propertyName"),
        Just("operator"),
        Just("value"),
        Just("values"),
        Just("sorts"),
        Just("limit"),
        Just("after"),
        Just("amount"),
    ]
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(names.clone(), inner, 0..5)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

fn any_path() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("crm"),
        Just("v3"),
        Just("v4"),
        Just("2026-09"),
        Just("objects"),
        Just("associations"),
        Just("pipelines"),
        Just("owners"),
        Just("properties"),
        Just("oauth"),
        Just("token"),
        Just("deals"),
        Just("0-27"),
        Just("contacts"),
        Just("batch"),
        Just("read"),
        Just("create"),
        Just("update"),
        Just("search"),
        Just("default"),
        Just("default?limit=18446744073709551615&after=18446744073709551615"),
        Just("DEAL"),
    ];
    let heads = prop_oneof![
        Just("/crm/v3/objects/deals"),
        Just("/crm/v4/associations/deals/tasks"),
        Just("")
    ];
    (heads, prop::collection::vec(part, 0..6))
        .prop_map(|(head, parts)| format!("{head}/{}", parts.join("/")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_call_has_an_answer(
        method in prop_oneof![Just("GET"), Just("POST"), Just("PUT"), Just("PATCH"), Just("DELETE")],
        path in any_path(),
        body in any_json(),
    ) {
        let (fake, _) = fake_with(|config| config.limits = RateLimits::off());
        let deal = fake.create_deal(&[("dealname", "Acme")], &Actor::user(7)).unwrap();
        let path = path.replace("DEAL", &deal.to_string());
        let answer = call(&fake, method, &path, body);
        prop_assert!(answer.status < 500, "{method} {path}: {answer:?}");
        prop_assert_eq!(fake.call_count(), 1);
    }

    #[test]
    fn decoding_an_address_never_fails(uri in "\\PC*") {
        prop_assert!(decode_uri(&uri).len() <= uri.len());
    }

    /// Events, sorted by time, tell the same story as the property history.
    #[test]
    fn events_and_history_agree(
        moves in prop::collection::vec((0_usize..3, 0_i64..20, 0_u8..4), 1..40),
        knobs_shuffle in any::<bool>(),
    ) {
        let (fake, _) = fake_with(|config| {
            config.webhooks = WebhookKnobs { shuffle: knobs_shuffle, ..WebhookKnobs::default() };
        });
        let start = Actor::user(7).at(START.plus_ms(-1));
        let deals: Vec<u64> = (0..3)
            .map(|_| fake.create_deal(&[("amount", "0")], &start).unwrap())
            .collect();
        for (deal, at, amount) in moves {
            let by = Actor::user(7).at(START.plus_ms(at));
            fake.set(deals[deal], "amount", &amount.to_string(), &by).unwrap();
        }
        let mut told: BTreeMap<(u64, i64), Vec<String>> = BTreeMap::new();
        for event in drain(&fake) {
            if event["propertyName"] == "amount" {
                let key = (event["objectId"].as_u64().unwrap(), event["occurredAt"].as_i64().unwrap());
                told.entry(key).or_default().push(event["propertyValue"].as_str().unwrap().into());
            }
        }
        let mut kept: BTreeMap<(u64, i64), Vec<String>> = BTreeMap::new();
        for deal in deals {
            let mut newest_first = fake.history(deal, "amount");
            prop_assert!(newest_first.is_sorted_by(|a, b| a.timestamp >= b.timestamp));
            prop_assert_eq!(fake.value(deal, "amount"), Some(newest_first[0].value.clone()));
            newest_first.reverse();
            for entry in newest_first {
                kept.entry((deal, entry.timestamp.0)).or_default().push(entry.value);
            }
        }
        for values in told.values_mut().chain(kept.values_mut()) {
            values.sort();
        }
        prop_assert_eq!(told, kept);
    }
}

/// The events that would be sent now.
fn drain(fake: &FakeHubSpot) -> Vec<Value> {
    let now = fake.now();
    let mut inner = fake.lock();
    let account = &mut inner.account;
    let batches = account.outbox.take_due(now, &mut account.rng);
    batches
        .iter()
        .flat_map(|batch| serde_json::from_slice::<Vec<Value>>(&batch.body()).unwrap())
        .collect()
}

#[test]
fn calculated_properties_fire_nothing() {
    let property = "hs_is_closed".to_owned();
    let (fake, _) = fake_with(|config| {
        for subscription in &mut config.subscriptions {
            subscription.property = subscription.property.as_ref().map(|_| property.clone());
        }
    });
    let deal = fake.create_deal(&[], &Actor::user(7)).unwrap();
    fake.set(deal, "dealstage", "closedwon", &Actor::user(7)).unwrap();
    let told = drain(&fake);
    assert_eq!(told.len(), 1, "only the creation: {told:?}");
    let heard = Happening::PropertyChanged { name: property, value: "true".into() };
    let by = Actor::user(7);
    let moved = crate::fake::events::Moved::new(ObjectKind::Deal, deal, START, &by, heard);
    let subscribed = &fake.config().subscriptions;
    assert!(subscribed.iter().any(|one| moved.is_heard_by(one)), "the subscription itself is live");
}

#[test]
fn calls_that_the_fake_does_not_have_are_marked() {
    let (fake, _) = fake();
    call(&fake, "GET", "/crm/v3/owners/", Value::Null);
    call(&fake, "GET", "/crm/v3/objects/deals/1", Value::Null);
    call(&fake, "GET", "/crm/v3/lists", Value::Null);
    call(&fake, "PUT", "/crm/v3/objects/deals", Value::Null);
    let served: Vec<bool> = fake.calls().iter().map(|call| call.served).collect();
    assert_eq!(served, [true, true, false, false]);
}
