use touchline::coaching::people::{ChatStatus, Person};
use touchline::roles::PERSON;
use touchline::roles::batching::FETCH;
use touchline::store::{NewWork, WorkKey};
use touchline_hubspot::fake::{Fault, FaultKind, Stage, default_pipeline};
use touchline_kit::{Crm as _, CrmWrite, CrmWriteKind};
use touchline_rules::facts::{DealKey, Field};
use touchline_rules::time::{DAY_MS, MINUTE_MS, SECOND_MS};

use crate::house::{House, Running, START, calls, seller};

#[tokio::test]
async fn a_webhook_about_an_unseen_deal_ends_in_a_deal_that_was_read() {
    let house = House::new().await;
    let running = house.started().await;
    running.open_hooks().await;
    let deal = house.deal("Alder Foods");
    house.clock.advance_ms(10 * SECOND_MS);
    house.hubspot.set(deal, "dealstage", "qualifiedtobuy", &seller()).expect("set");
    running.deliver().await;
    running.settle().await;
    let state = running.hydrated(deal).await;
    assert_eq!(state.facts.text(Field::Name), Some("Alder Foods"));
    assert_eq!(state.facts.text(Field::Stage), Some("qualifiedtobuy"));
    assert!(state.facts.activities.read && state.waiting.is_empty());
    assert!(running.fired("moved", deal).await.is_some());
}

/// HubSpot's stages change too: a deal moves to one that was made a minute ago.
#[tokio::test]
async fn a_move_to_a_stage_made_since_the_account_was_read_fires() {
    let house = House::new().await;
    let running = house.started().await;
    running.open_hooks().await;
    let deal = house.deal("Alder Foods");
    running.deliver().await;
    running.run_for(10 * MINUTE_MS).await;
    let mut pipeline = default_pipeline();
    let new = Stage {
        id: "legalreview".into(),
        label: "Legal review".into(),
        probability_tenths: 3,
        closed: false,
    };
    pipeline.stages.insert(1, new);
    house.hubspot.add_pipeline(pipeline);
    house.hubspot.set(deal, "dealstage", "legalreview", &seller()).expect("set");
    running.deliver().await;
    running.settle().await;
    assert!(running.fired("moved", deal).await.is_some());
}

/// A webhook comes before anything of the account was read.
#[tokio::test]
async fn what_comes_before_the_account_is_known_is_judged_on_it() {
    let house = House::new().await;
    let running = house.start().await;
    running.open_hooks().await;
    let deal = house.deal("Alder Foods");
    house.clock.advance_ms(10 * SECOND_MS);
    house.hubspot.set(deal, "dealstage", "qualifiedtobuy", &seller()).expect("set");
    running.deliver().await;
    for _ in 0..9 {
        // Whatever the service does first: reading the deal alone must do.
        let now = running.now();
        for role in running.roles.iter().filter(|role| ["ingest", "fetch"].contains(&role.name())) {
            role.tick(now).await.expect("a tick");
        }
    }
    assert!(running.fired("moved", deal).await.is_some());
}

/// An e-mail a day before the connection; days later Touchline writes a task
/// and a note. Neither the webhook nor the poll may take them for activity.
#[tokio::test]
async fn what_touchline_writes_never_counts_as_activity() {
    let mut house = House::new().await;
    house.poll_minutes = 60;
    let deal = house.deal("Alder Foods");
    let said = START.plus_ms(-DAY_MS);
    house
        .hubspot
        .log_email(deal, touchline_hubspot::fake::Direction::Inbound, said, &seller())
        .expect("an e-mail");
    let running = house.started().await;
    running.open_hooks().await;
    running.run_for(2 * DAY_MS).await;
    for kind in [CrmWriteKind::Task, CrmWriteKind::Note] {
        write(&running, deal, kind).await;
    }
    running.deliver().await;
    running.run_for(DAY_MS).await;
    assert_eq!(house.hubspot.tasks().len() + house.hubspot.notes().len(), 2);
    let state = running.hydrated(deal).await;
    assert_eq!(state.facts.activities.last(None, running.now()), Some(said));
    // The rule that counts silence sees five days of it, and not two.
    assert_eq!(running.truth("quiet", deal).await, Some(false));
    running.run_for(2 * DAY_MS).await;
    assert_eq!(running.truth("quiet", deal).await, Some(true));
    assert!(running.fired("quiet", deal).await.is_some());
}

async fn write(running: &Running, deal: u64, kind: CrmWriteKind) {
    let connection = running.service.connections.get("hubspot").expect("connected");
    let write = CrmWrite {
        kind,
        deal: DealKey { connection: "hubspot".into(), id: deal.to_string() },
        owner_id: None,
        subject: "Ask what changed".into(),
        body: "One line.".into(),
        due_at: running.now().plus_ms(DAY_MS),
        marker: format!("0a1b2c3d-{kind:?}").to_lowercase(),
    };
    let written =
        touchline_hubspot::HUBSPOT.write(&connection.session, &connection.view(), &write).await;
    written.expect("a receipt");
}

#[tokio::test]
async fn one_id_that_the_crm_refuses_spoils_itself_only() {
    let house = House::new().await;
    let running = house.started().await;
    let deals: Vec<u64> = (0..20).map(|n| house.deal(&format!("Deal {n}"))).collect();
    let mut ids: Vec<String> = deals.iter().map(u64::to_string).collect();
    ids.insert(7, "not-an-id".to_owned());
    ask(&running, "fetch", "hubspot", &ids).await;
    running.settle().await;
    for deal in deals {
        running.hydrated(deal).await;
    }
    let left = running.service.store.work_waiting("fetch".into(), "hubspot".into()).await;
    assert_eq!(left, Ok(0));
    // Halving finds the one in a handful of calls, not in one for each deal.
    assert!(calls(&house.hubspot, "deals/batch/read") < 16);
}

#[tokio::test]
async fn a_missing_permission_asks_a_few_times_and_forgets_nothing() {
    let house = House::new().await;
    let running = house.started().await;
    let deals: Vec<u64> = (0..20).map(|n| house.deal(&format!("Deal {n}"))).collect();
    let scope = "crm.objects.deals.read".to_owned();
    let missing = FaultKind::MissingScope { scope };
    house.hubspot.fail(Fault::on("deals/batch/read", missing));
    let ids: Vec<String> = deals.iter().map(u64::to_string).collect();
    ask(&running, "fetch", "hubspot", &ids).await;
    running.run_for(MINUTE_MS).await;
    assert!(calls(&house.hubspot, "deals/batch/read") < 16);
    house.hubspot.clear_faults();
    running.run_for(20 * MINUTE_MS).await;
    for deal in deals {
        running.hydrated(deal).await;
    }
}

async fn ask(running: &Running, kind: &str, connection: &str, keys: &[String]) {
    let work = keys.iter().map(|key| NewWork {
        key: WorkKey { kind: kind.into(), connection: connection.into(), key: key.clone() },
        next_at: running.now(),
        body: Vec::new(),
    });
    let refused = running.service.store.ask_work(work.collect()).await.expect("room");
    assert_eq!(refused, []);
}

#[tokio::test]
async fn owners_become_people_whom_chat_knows() {
    let house = House::new().await;
    house.hubspot.add_owner("unknown@example.com", "Una", "Known", 8);
    let running = house.started().await;
    let sam = running.service.people.get("seller0@example.com").expect("known");
    assert_eq!((sam.name.as_str(), sam.time_zone.as_deref()), ("Sam Seller", Some("Asia/Tokyo")));
    assert!(matches!(&sam.chat, ChatStatus::Found { person, .. } if person.id == "U1"));
    let una = running.service.people.get("unknown@example.com").expect("known");
    assert!(matches!(una.chat, ChatStatus::Missing { .. }), "{una:?}");
    assert_eq!(running.status("hubspot").await, "working");
    let lookups = || house.slack.requests().len();
    let before = lookups();
    running.run_for(3 * 60 * MINUTE_MS).await;
    assert_eq!(lookups(), before, "nobody is looked up twice a day");
    let waiting = running.service.store.work_waiting(PERSON.into(), "slack".into()).await;
    assert_eq!(waiting, Ok(0));
}

/// While the CRM takes its time over a deal, chat is asked about somebody new.
#[tokio::test]
async fn a_slow_vendor_delays_its_own_reads_only() {
    const EMAIL: &str = "new@example.com";
    let house = House::new().await;
    let running = house.started().await;
    let deal = house.deal("Alder Foods");
    let store = &running.service.store;
    running.service.people.put(Person::new(EMAIL, "New")).await.expect("a person");
    let ask = |kind: &str, connection: &str, key: String| {
        let key = WorkKey { kind: kind.into(), connection: connection.into(), key };
        store.ask_work(vec![NewWork { key, next_at: running.now(), body: Vec::new() }])
    };
    ask(FETCH, "hubspot", deal.to_string()).await.expect("work");
    house.hubspot.fail(Fault::on("/crm/", FaultKind::Slow { delay_ms: 5_000 }));
    let fetch = running.roles.iter().find(|role| role.name() == "fetch").expect("a role");
    let meanwhile = async {
        // Claimed: the CRM is being asked.
        while store.next_work_at(&[FETCH]).await.expect("work") <= Some(running.now()) {
            tokio::task::yield_now().await;
        }
        ask(PERSON, "slack", EMAIL.into()).await.expect("work");
        while running.service.people.get(EMAIL).expect("known").chat == ChatStatus::Unlooked {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        ended = fetch.tick(running.now()) => panic!("the CRM was waited for: {ended:?}"),
        () = meanwhile => {}
    }
    assert!(store.next_work_at(&[FETCH]).await.expect("work") > Some(running.now()), "still");
}
