use proptest::prelude::*;
use serde_json::json;
use touchline_rules::UnixMs;

use super::*;
use crate::testing::connection;

const CREATED_IN_UI: &str = include_str!("../../tests/fixtures/created_in_ui.json");
const CLASSIC: &str = include_str!("../../tests/fixtures/classic.json");

fn read(body: impl AsRef<[u8]>) -> Vec<Result<Inbound, Undecodable>> {
    let body = body.as_ref().to_vec();
    let request = StoredRequest { headers: vec![], body, received_at: UnixMs(1) };
    decode("", &request, &connection(Some("33")))
}

/// One line for each piece of news.
fn lines(body: impl AsRef<[u8]>) -> String {
    let line = |one: &Result<Inbound, Undecodable>| match one {
        Ok(Inbound::Change(change)) => format!(
            "{} {:?} at {} by {:?} {} event {}",
            change.deal.id,
            change.kind,
            change.occurred_at,
            change.actor.kind,
            change.actor.user_id.as_deref().unwrap_or("-"),
            change.vendor_id.as_deref().unwrap_or("-"),
        ),
        Ok(other) => format!("{other:?}"),
        Err(bad) => format!("undecodable {:?}: {}", bad.index, bad.reason),
    };
    read(body).iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A stage change of deal 123 with some fields replaced; null removes one.
fn with(fields: serde_json::Value) -> String {
    let mut event = json!({
        "eventId": 1, "portalId": 33, "occurredAt": 1_762_216_307_945_i64, "objectId": 123,
        "subscriptionType": "deal.propertyChange", "propertyName": "dealstage",
        "propertyValue": "contractsent",
    });
    for (key, value) in fields.as_object().expect("an object") {
        event[key] = value.clone();
    }
    lines(json!([event]).to_string())
}

#[test]
fn a_deal_made_at_the_screen() {
    insta::assert_snapshot!(lines(CREATED_IN_UI), @r#"
    546500061938 FieldSet { field: Stage, to: Known(Text("appointmentscheduled")) } at 2025-11-04T00:31:47.945Z by Person 7 event 3816279340
    546500061938 FieldSet { field: Name, to: Known(Text("Example renewal")) } at 2025-11-04T00:31:47.945Z by Person 7 event 3816279341
    546500061938 Created at 2025-11-04T00:31:47.945Z by Person 7 event 3816279480
    546500061938 FieldSet { field: Amount, to: Known(Number(1250.00)) } at 2025-11-04T00:31:47.945Z by Person 7 event 3816279342
    546500061938 FieldSet { field: CloseDate, to: Known(Time(2025-11-25T09:00:00Z)) } at 2025-11-04T00:31:47.945Z by Person 7 event 3816279343
    "#);
}

#[test]
fn the_classic_sorts() {
    insta::assert_snapshot!(lines(CLASSIC), @r#"
    123 Created at 2025-11-04T00:31:47.945Z by Integration - event 1
    123 FieldSet { field: Owner, to: Empty } at 2025-11-04T00:31:47.945Z by Bulk 7 event 2
    124 MergedInto { survivor: "123" } at 2025-11-04T00:31:47.945Z by Person 7 event 3
    125 MergedInto { survivor: "123" } at 2025-11-04T00:31:47.945Z by Person 7 event 3
    125 Deleted at 2025-11-04T00:31:47.946Z by Person 7 event 4
    125 Restored at 2025-11-04T00:31:47.947Z by Import - event 5
    Ignored { what: "deal.associationChange" }
    Connection(PrivacyDeletion { object_type: "contact", object_id: "501" })
    Activity(ActivityRef { kind: Email, id: "9001" })
    Ignored { what: "company.propertyChange" }
    "#);
}

#[test]
fn a_change_carries_the_whole_identity() {
    insta::assert_debug_snapshot!(read(CREATED_IN_UI)[0], @r#"
    Ok(
        Change(
            Change {
                deal: DealKey {
                    connection: "hubspot",
                    id: "546500061938",
                },
                kind: FieldSet {
                    field: Stage,
                    to: Known(
                        Text(
                            "appointmentscheduled",
                        ),
                    ),
                },
                occurred_at: 2025-11-04T00:31:47.945Z,
                actor: Actor {
                    kind: Person,
                    user_id: Some(
                        "7",
                    ),
                },
                vendor_id: Some(
                    "3816279340",
                ),
                vendor_seq: 0,
            },
        ),
    )
    "#);
}

#[test]
fn one_bad_event_spoils_itself_only() {
    let body = r#"[
        {"portalId":33,"subscriptionType":"deal.creation","objectId":1,"occurredAt":1762216307945},
        7,
        {"portalId":33,"subscriptionType":"deal.creation","objectId":1e999,"occurredAt":1},
        {"portalId":33,"subscriptionType":"deal.creation","objectId":"\ud800","occurredAt":1},
        {"portalId":33,"subscriptionType":"deal.propertyChange","objectId":1,"occurredAt":1,
         "propertyName":"amount","propertyValue":"a lot"},
        {"portalId":33,"subscriptionType":"deal.deletion","objectId":2,"occurredAt":1762216307945}
    ]"#;
    insta::assert_snapshot!(lines(body), @r"
    1 Created at 2025-11-04T00:31:47.945Z by Unknown - event -
    undecodable Some(1): the event is not a JSON object
    undecodable Some(2): the event is not readable JSON: see line 1 column 66
    undecodable Some(3): the event is not readable JSON: see line 1 column 69
    undecodable Some(4): the value of amount is not a decimal number
    2 Deleted at 2025-11-04T00:31:47.945Z by Unknown - event -
    ");
}

#[test]
fn ids_are_never_rounded() {
    assert!(with(json!({"objectId": 9_007_199_254_740_993_u64})).starts_with("9007199254740993 "));
    assert!(with(json!({"objectId": u64::MAX})).starts_with("18446744073709551615 "));
    assert!(with(json!({"objectId": "546500061938"})).starts_with("546500061938 "));
    let too_large = r#"[{"portalId":33,"subscriptionType":"deal.creation","occurredAt":1,
        "objectId":18446744073709551616}]"#;
    assert!(lines(too_large).contains("objectId is not a whole number of at most 64 bits"));
    for odd in [json!(1.5), json!(-1), json!(true), json!(""), json!("../1"), json!([1])] {
        assert!(with(json!({"objectId": odd})).starts_with("undecodable Some(0): objectId"));
    }
}

#[test]
fn values_are_known_empty_or_unknown() {
    let to = |value| with(json!({"propertyName": "hs_next_step", "propertyValue": value}));
    assert!(to(json!("Call")).contains("Known(Text(\"Call\"))"));
    assert!(to(json!("")).contains("to: Empty"));
    assert!(to(json!(null)).contains("to: Empty"));
    assert!(to(json!("REDACTED")).contains("to: Unknown"));
    assert!(to(json!({"a": 1})).starts_with("undecodable"));
    let sensitive = json!({"propertyValue": "x", "isSensitive": true});
    assert!(with(sensitive).contains("to: Unknown"));
    let amount = |value| with(json!({"propertyName": "amount", "propertyValue": value}));
    assert!(amount(json!(1250)).contains("Known(Number(1250))"));
    assert!(amount(json!(0.1)).starts_with("undecodable"));
    let untold = r#"[{"portalId":33,"subscriptionType":"deal.propertyChange","objectId":1,
        "occurredAt":1,"propertyName":"dealstage"}]"#;
    assert!(lines(untold).contains("to: Unknown"));
}

#[test]
fn dates_come_both_ways() {
    for value in ["1764061200000", "2025-11-25T09:00:00Z"] {
        let told = with(json!({"propertyName": "closedate", "propertyValue": value}));
        assert!(told.contains("Known(Time(2025-11-25T09:00:00Z))"), "{told}");
    }
}

#[test]
fn a_time_is_needed() {
    for odd in [json!(null), json!("soon"), json!(1.5), json!(i64::MAX)] {
        assert!(with(json!({"occurredAt": odd})).contains("occurredAt is missing"));
    }
    assert!(with(json!({"occurredAt": "1762216307945"})).contains("2025-11-04T00:31:47.945Z"));
}

#[test]
fn what_is_not_known_is_named_and_what_is_not_read_is_ignored() {
    let told = |kind: &str, type_id: &str| {
        with(json!({"subscriptionType": kind, "objectTypeId": type_id}))
    };
    insta::assert_snapshot!(
        [
            told("deal.teleported", "0-3"),
            told("planet.creation", "0-3"),
            told("deal", "0-3"),
            told("contact.newMessage", ""),
            told("object.creation", "2-4711"),
            told("object.deletion", "0-27"),
            told("conversation.newMessage", ""),
            told("object.restore", "0-47"),
            with(json!({"propertyName": "hs_priority"})),
            with(json!({"subscriptionType": null})),
            with(json!({"subscriptionType": "object.creation"})),
            with(json!({"portalId": 44})),
            with(json!({"portalId": null})),
        ]
        .join("\n"),
        @r#"
    undecodable Some(0): the subscription type "deal.teleported" is not known here: switch it off in the app's webhooks, or report it
    undecodable Some(0): the subscription type "planet.creation" is not known here: switch it off in the app's webhooks, or report it
    undecodable Some(0): the subscription type "deal" is not known here: switch it off in the app's webhooks, or report it
    undecodable Some(0): the subscription type "contact.newMessage" is not known here: switch it off in the app's webhooks, or report it
    Ignored { what: "object.creation of 2-4711" }
    Ignored { what: "object.deletion of 0-27" }
    Ignored { what: "conversation.newMessage" }
    Activity(ActivityRef { kind: Meeting, id: "123" })
    Ignored { what: "deal property hs_priority" }
    undecodable Some(0): the event has no subscriptionType
    undecodable Some(0): the generic event has no objectTypeId
    undecodable Some(0): the event is of HubSpot account 44, this connection of account 33: install the app in that account only, or connect that account too
    undecodable Some(0): the event has no portalId
    "#
    );
}

#[test]
fn an_account_that_is_not_known_yet_refuses_nobody() {
    let body = CREATED_IN_UI.as_bytes().to_vec();
    let request = StoredRequest { headers: vec![], body, received_at: UnixMs(1) };
    assert!(decode("", &request, &connection(None)).iter().all(Result::is_ok));
    let mut configured = connection(None);
    configured.settings.insert("portal_id".into(), json!("44"));
    assert!(decode("", &request, &configured).iter().all(Result::is_err));
    assert_eq!(decode("card", &request, &connection(None)).len(), 1);
}

#[test]
fn activities_are_looked_up_when_they_matter() {
    let told = |fields: serde_json::Value| {
        let mut event = json!({"objectId": 9001, "subscriptionType": "object.propertyChange"});
        for (key, value) in fields.as_object().expect("an object") {
            event[key] = value.clone();
        }
        with(event)
    };
    let moved = told(json!({"objectTypeId": "0-47", "propertyName": "hs_timestamp"}));
    assert_eq!(moved, r#"Activity(ActivityRef { kind: Meeting, id: "9001" })"#);
    let typed = told(json!({"objectTypeId": "0-46", "propertyName": "hs_note_body"}));
    assert!(typed.starts_with("Ignored"));
    let tie = |kind: &str, removed| {
        with(json!({
            "subscriptionType": "deal.associationChange", "associationType": kind,
            "fromObjectId": 123, "toObjectId": 9001, "associationRemoved": removed,
        }))
    };
    assert_eq!(tie("DEAL_TO_TASK", false), r#"Activity(ActivityRef { kind: Task, id: "9001" })"#);
    assert_eq!(
        tie("MEETING_EVENT_TO_DEAL", false),
        r#"Activity(ActivityRef { kind: Meeting, id: "123" })"#
    );
    assert!(tie("DEAL_TO_TASK", true).starts_with("Ignored"));
    assert!(tie("nonsense", false).starts_with("Ignored"));
}

#[test]
fn a_merge_may_make_a_new_record() {
    let merge = with(json!({
        "subscriptionType": "deal.merge", "primaryObjectId": 1, "mergedObjectIds": [2, 1],
        "newObjectId": 3,
    }));
    let ends: Vec<_> = merge.lines().map(|line| line.split(" at ").next().unwrap()).collect();
    assert_eq!(ends, [r#"1 MergedInto { survivor: "3" }"#, r#"2 MergedInto { survivor: "3" }"#]);
    for odd in [json!({}), json!({"newObjectId": 1}), json!({"mergedObjectIds": 5})] {
        let mut fields = odd;
        fields["subscriptionType"] = json!("deal.merge");
        assert!(with(fields.clone()).starts_with("undecodable Some(0)"), "{fields}");
    }
}

#[test]
fn our_own_writes_are_known_by_the_app() {
    let own = json!({"changeSource": "INTEGRATION", "appId": 77, "sourceId": "77"});
    assert!(with(own).contains("by Touchline"));
    let other = json!({"changeSource": "INTEGRATION", "appId": 77, "sourceId": "78"});
    assert!(with(other).contains("by Integration"));
}

#[test]
fn a_body_that_is_no_batch_is_undecodable_as_a_whole() {
    let whole = |body: &[u8]| {
        let read = read(body);
        assert_eq!(read.len(), 1);
        let bad = read[0].as_ref().unwrap_err();
        assert_eq!(bad.index, None);
        bad.reason.clone()
    };
    assert!(whole(b"{}").contains("not a JSON array"));
    assert!(!whole(b"\"private words\"").contains("private"));
    assert!(whole(b"").contains("not a JSON array"));
    assert!(whole(b"[1,").contains("not a JSON array"));
    assert!(whole(b"[\"\xff\"]").contains("not valid UTF-8"));
    assert!(read(b"[]").is_empty());
}

#[test]
fn depth_and_number_of_events_are_bounded() {
    let deep = format!("[{}{}]", "[".repeat(100_000), "]".repeat(100_000));
    assert!(lines(deep).starts_with("undecodable Some(0): the event is not readable JSON"));
    let many = format!("[{}1]", "1,".repeat(EVENTS_MAX));
    let read = read(many);
    assert_eq!(read.len(), EVENTS_MAX + 1);
    let last = read[EVENTS_MAX].as_ref().unwrap_err();
    assert_eq!(last.reason, "only the first 65536 of 65537 events were read");
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(|one| json!(one)),
        any::<i64>().prop_map(|one| json!(one)),
        any::<f64>().prop_map(|one| json!(one)),
        "[a-z0-9.]{0,12}".prop_map(|one| json!(one)),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        proptest::collection::vec(inner, 0..4).prop_map(|one| json!(one))
    })
}

proptest! {
    #[test]
    fn no_bytes_panic(body in proptest::collection::vec(any::<u8>(), 0..256)) {
        let _ = read(body);
    }

    #[test]
    fn no_event_panics_and_none_spoils_its_neighbours(
        kind in prop_oneof!["[a-z_]{1,8}\\.[a-zA-Z]{1,18}",
            "(deal|object|contact)\\.(creation|deletion|merge|restore|propertyChange|associationChange)"],
        keys in proptest::collection::vec(prop_oneof![
            Just("objectId"), Just("occurredAt"), Just("propertyName"), Just("propertyValue"),
            Just("mergedObjectIds"), Just("objectTypeId"), Just("portalId"), Just("sourceId"),
            Just("associationType"), Just("eventId")], 0..6),
        values in proptest::collection::vec(any_json(), 6),
    ) {
        let mut odd = json!({"subscriptionType": kind, "portalId": 33, "objectId": 5,
            "occurredAt": 1, "objectTypeId": "0-3", "propertyName": "amount", "propertyValue": "1"});
        for (key, value) in keys.iter().zip(values) {
            odd[*key] = value;
        }
        let good = json!({"subscriptionType": "deal.creation", "portalId": 33, "objectId": 5,
            "occurredAt": 1});
        let read = read(json!([good, odd, good]).to_string());
        prop_assert!(read.first().unwrap().is_ok());
        prop_assert!(read.last().unwrap().is_ok());
        let at_fault = |one: &Result<Inbound, Undecodable>| one.as_ref().err().and_then(|bad| bad.index);
        prop_assert!(read.iter().filter_map(at_fault).all(|index| index == 1));
    }
}

#[test]
fn json_of_another_kind_is_wrong_nowhere_in_particular() {
    insta::assert_snapshot!(lines("{}"), @"undecodable None: the body is not a JSON array of events");
    insta::assert_snapshot!(lines("[1 2]"), @"undecodable None: the body is not a JSON array of events: see line 1 column 4");
}
