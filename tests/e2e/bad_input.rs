//! Whatever is authentic is kept, whatever it says: what makes no sense becomes a
//! dead letter with a reason, the rest takes effect, and the next good event
//! gets through.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use touchline::app::App;
use touchline_hubspot::fake::{Actor, ObjectKind};

use crate::fixture::*;
use crate::wire;

/// Patience with slow clients in these tests, in real time.
const IMPATIENT: &str = "[http]\nhead_timeout_ms = 200\nrequest_timeout_ms = 200\n";

/// One strange request.
struct Case {
    name: &'static str,
    body: Vec<u8>,
    status: u16,
    /// What the reasons of the new dead letters say, in order.
    dead: &'static [&'static str],
    /// How many changes take effect.
    changes: i64,
}

fn odd(name: &'static str, body: impl Into<Vec<u8>>, dead: &'static [&'static str]) -> Case {
    Case { name, body: body.into(), status: 200, dead, changes: 0 }
}

fn fine(name: &'static str, body: impl Into<Vec<u8>>, changes: i64) -> Case {
    Case { name, body: body.into(), status: 200, dead: &[], changes }
}

fn list(events: Vec<Value>) -> Vec<u8> {
    Value::Array(events).to_string().into_bytes()
}

/// The deals that the table speaks of.
struct Deals {
    known: u64,
    deleted: u64,
    survivor: u64,
    merged: u64,
    canary: u64,
}

fn unreadable() -> Vec<Case> {
    const NO_LIST: &[&str] = &["not a JSON array of events"];
    let mut broken = br#"[{"objectId":1,"name":""#.to_vec();
    broken.extend([0xc3, 0x28, 0xff]);
    broken.extend(br#""}]"#);
    let too_large = Case {
        name: "nine megabytes",
        body: vec![b' '; 9 << 20],
        status: 413,
        dead: &[],
        changes: 0,
    };
    vec![
        odd("nothing at all", "", NO_LIST),
        odd("not JSON", "hello", NO_LIST),
        odd("half of a list", r#"[{"objectId":1"#, NO_LIST),
        odd("an object", "{\"objectId\":1}", NO_LIST),
        odd("a number", "42", NO_LIST),
        odd("null", "null", NO_LIST),
        odd("no objects in the list", "[1,null,[]]", &["not a JSON object"; 3]),
        odd("nested too deeply to read", "[".repeat(200_000), NO_LIST),
        odd("an object in an object, a thousand times", nested(1_000), &["not readable JSON"]),
        odd("bytes that are no text", broken, &["not valid UTF-8"]),
        too_large,
        fine("an empty list", "[]", 0),
    ]
}

fn nested(depth: usize) -> String {
    format!("[{}1{}]", "{\"a\":".repeat(depth), "}".repeat(depth))
}

fn strange_events(scene: &Scene, deals: &Deals) -> Vec<Case> {
    let change = |value: &str| scene.change(deals.known, "amount", value);
    let with = |key: &str, value: Value| {
        let mut event = change("1");
        event[key] = value;
        list(vec![event])
    };
    let without = |key: &str| {
        let mut event = change("1");
        event.as_object_mut().unwrap().remove(key);
        list(vec![event])
    };
    let beyond = change("2").to_string().replace(&deals.known.to_string(), "1e400");
    vec![
        odd("another account's", with("portalId", json!(1)), &["of HubSpot account 1"]),
        odd("no account", without("portalId"), &["no portalId"]),
        odd(
            "an unknown type",
            with("subscriptionType", json!("deal.sneezed")),
            &["not known here"],
        ),
        odd("no type", without("subscriptionType"), &["no subscriptionType"]),
        odd("no deal", without("objectId"), &["no objectId"]),
        odd("a deal that is no id", with("objectId", json!({"id": 1})), &["neither a number nor"]),
        odd("an id beyond 64 bits", with("objectId", json!(1e30)), &["at most 64 bits"]),
        odd("a number that overflows", format!("[{beyond}]"), &["not readable JSON"]),
        odd("no time", without("occurredAt"), &["occurredAt is missing"]),
        odd("a time out of range", with("occurredAt", json!(u64::MAX)), &["occurredAt"]),
        odd("an amount of words", list(vec![change("lots")]), &["value of amount"]),
        odd("a list as value", with("propertyValue", json!([1])), &["neither text nor null"]),
        odd("no property", without("propertyName"), &["no propertyName"]),
        fine("a property nobody reads", with("propertyName", json!("hs_secret_sauce")), 0),
        fine("a contact's", with("subscriptionType", json!("contact.propertyChange")), 0),
        Case {
            changes: 1,
            ..odd("one bad of three", one_bad_of_three(scene, deals), &["no objectId"])
        },
    ]
}

fn one_bad_of_three(scene: &Scene, deals: &Deals) -> Vec<u8> {
    let good = scene.change(deals.known, "amount", "77");
    let ignored = scene.change(deals.known, "hs_secret_sauce", "1");
    list(vec![
        ignored,
        json!({ "portalId": scene.hubspot().config().portal_id,
        "subscriptionType": "deal.creation", "occurredAt": 1 }),
        good,
    ])
}

/// Strange, but true: what it says happens.
fn strange_truths(scene: &Scene, deals: &Deals) -> Vec<Case> {
    let at = scene.now().0;
    let crowd = (0..10_000).map(|n| {
        let mut event = scene.change(deals.known, "amount", &(100 + n).to_string());
        event["occurredAt"] = (at - 20_000 + n).into();
        event
    });
    let mut empty = scene.change(deals.known, "hs_next_step", "");
    empty["propertyValue"] = Value::Null;
    let exact = 9_007_199_254_740_993_u64;
    let mut merge = scene.event(deals.survivor, "deal.merge");
    merge["primaryObjectId"] = deals.survivor.into();
    merge["mergedObjectIds"] = json!([deals.merged]);
    vec![
        fine("ten thousand events", list(crowd.collect()), 10_000),
        fine("null for a value", list(vec![empty]), 1),
        fine("an id beyond 2^53", list(vec![scene.change(exact, "amount", "5")]), 1),
        fine("a deleted deal's", list(vec![scene.change(deals.deleted, "amount", "5")]), 1),
        fine("a merge", list(vec![merge]), 1),
        fine("a merged deal's", list(vec![scene.change(deals.merged, "amount", "5")]), 1),
        fine(
            "a deletion nobody expected",
            list(vec![scene.event(deals.deleted, "deal.deletion")]),
            1,
        ),
    ]
}

#[tokio::test]
async fn nothing_strange_harms() {
    let scene = Scene::set(Setting::default()).await;
    let deals = deals(&scene);
    let app = scene.stage.open().await.unwrap();
    let play = async {
        scene.connect(&app).await;
        let mut cases = unreadable();
        cases.extend(strange_events(&scene, &deals));
        cases.extend(strange_truths(&scene, &deals));
        assert!(cases.len() > 30);
        for (n, case) in cases.iter().enumerate() {
            one(&scene, &app, case, &deals, n).await;
        }
        let exact = scene.rows("SELECT id FROM deal WHERE id LIKE '90071992547409%'");
        assert_eq!(exact, [["9007199254740993"]], "not one digit is lost");
        let gone = |id: u64| format!("SELECT status FROM deal WHERE id = '{id}'");
        for id in [deals.deleted, deals.merged] {
            assert_eq!(scene.rows(&gone(id)), [["gone"]]);
        }
        scene.finish(&app).await;
    };
    scene.stage.play(&app, play).await;
}

fn deals(scene: &Scene) -> Deals {
    let deals = Deals {
        known: scene.deal("Harbour Foods"),
        deleted: scene.deal("Gone Fishing"),
        survivor: scene.deal("North"),
        merged: scene.deal("South"),
        canary: scene.deal("Canary"),
    };
    let by = Actor::user(ANN_USER);
    scene.hubspot().subscribe(Vec::new());
    scene.hubspot().delete(ObjectKind::Deal, deals.deleted, &by).unwrap();
    scene.hubspot().merge(deals.survivor, deals.merged, &by).unwrap();
    deals
}

async fn one(scene: &Scene, app: &App, case: &Case, deals: &Deals, n: usize) {
    const CHANGES: &str = "SELECT COUNT(*) FROM change";
    const DEAD: &str = "SELECT reason FROM dead_letter ORDER BY seq, place";
    let name = case.name;
    scene.wait_minutes(1);
    let (changes, dead, stored) = (scene.number(CHANGES), scene.rows(DEAD).len(), scene.appended());
    let headers = scene.hubspot().signed_headers("POST", &case.body, scene.now());
    let answer = scene.post_with(&headers, &case.body).await;
    assert_eq!(answer.status, case.status, "{name}");
    assert_eq!(scene.appended() - stored, i64::from(case.status == 200), "{name}: stored");
    scene.settle(app).await;
    let reasons: Vec<_> = scene.rows(DEAD).split_off(dead).concat();
    assert_eq!(reasons.len(), case.dead.len(), "{name}: {reasons:?}");
    for (reason, expected) in reasons.iter().zip(case.dead) {
        assert!(reason.contains(expected), "{name}: {reason}");
    }
    assert_eq!(scene.number(CHANGES) - changes, case.changes, "{name}: changes");

    let amount = format!("{}", 1_000 + n);
    let good = scene.change(deals.canary, "amount", &amount);
    assert_eq!(scene.post(&body(&good)).await.status, 200, "after {name}");
    scene.settle(app).await;
    let kept = format!("SELECT body FROM deal WHERE id = '{}'", deals.canary);
    assert!(scene.rows(&kept)[0][0].contains(&amount), "the good event after {name}");
    let alive = wire::send(&scene.stage.service_url, "GET /readyz", &[], b"").await;
    assert_eq!(alive.status, 200, "{name}");
}

/// Slow clients are waited for so long and no longer, and nobody waits for them.
#[tokio::test]
async fn a_slow_client_is_let_go_and_holds_nobody_up() {
    let config = format!("{IMPATIENT}{EAGER}");
    let scene = Scene::set(Setting { config: &config, ..Setting::default() }).await;
    let app = scene.stage.open().await.unwrap();
    let play = async {
        let base = &scene.stage.service_url;
        let drip = async |start: &str| {
            let mut stream = wire::connect(base).await;
            stream.write_all(start.as_bytes()).await.unwrap();
            let (mut from, mut to) = stream.into_split();
            let dripping = async {
                // One byte at a time, until the other side has had enough.
                while to.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            let reading = wire::read(&mut from);
            tokio::select! {
                () = dripping => 0,
                answer = reading => answer.status,
            }
        };
        let head = "POST /hooks/hubspot HTTP/1.1\r\nhost: service\r\nx-slow: ";
        let body_of =
            "POST /hooks/hubspot HTTP/1.1\r\nhost: service\r\ncontent-length: 5000\r\n\r\n";
        let meanwhile = async {
            for _ in 0..20 {
                assert_eq!(scene.post(b"[]").await.status, 200);
            }
        };
        let (slow_head, slow_body, ()) = tokio::join!(drip(head), drip(body_of), meanwhile);
        assert!([0, 408].contains(&slow_head), "{slow_head}");
        assert_eq!(slow_body, 408);
        assert_eq!(scene.appended(), 20, "the others came through, the slow ones did not");
        scene.finish(&app).await;
    };
    scene.stage.play(&app, play).await;
}

/// More than the calls of one catch-up poll.
const POLL_CALLS: u64 = 10;

/// What was too large to take is not lost: the CRM is asked what changed.
#[tokio::test]
async fn a_webhook_too_large_is_counted_and_made_good_by_the_poll() {
    let scene = Scene::set(Setting::default()).await;
    let deal = scene.deal("Harbour Foods");
    scene.hubspot().subscribe(Vec::new());
    let app = scene.stage.open().await.unwrap();
    let play = async {
        scene.connect(&app).await;
        scene.wait_minutes(1);
        let by = Actor::user(ANN_USER);
        scene.hubspot().set(deal, "dealstage", "contractsent", &by).unwrap();
        let stage = format!("SELECT stage FROM deal WHERE id = '{deal}'");
        scene.settle(&app).await;
        assert_eq!(scene.rows(&stage), [["appointmentscheduled"]], "nobody told us yet");
        assert_eq!(scene.post(&vec![b' '; 9 << 20]).await.status, 413);
        let counts = app.intake().counts("hubspot").unwrap();
        assert_eq!(counts.too_large.load(Ordering::Relaxed), 1);
        scene.live_minutes(&app, 1).await;
        assert_eq!(scene.rows(&stage), [["contractsent"]], "the poll found it");
        let told = "SELECT CAST(body AS TEXT) FROM connection_part WHERE part = 'intake'";
        let told = scene.rows(told).concat().concat();
        assert!(told.contains("\"too_large\":1"), "the doctor is told: {told}");
        // Nobody needs a secret to send one: they cannot use up the CRM's calls.
        let calls = scene.hubspot().call_count();
        for _ in 0..20 {
            assert_eq!(scene.post(&vec![b' '; 9 << 20]).await.status, 413);
            scene.settle(&app).await;
        }
        let polls = scene.hubspot().call_count() - calls;
        assert!(polls <= 2 * POLL_CALLS, "{polls} calls");
        scene.finish(&app).await;
    };
    scene.stage.play(&app, play).await;
}
