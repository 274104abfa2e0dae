use touchline::roles::batching::subject_key;
use touchline::store::SubjectKey;
use touchline_rules::facts::{DealKey, Field};
use touchline_rules::time::{DAY_MS, MINUTE_MS, SECOND_MS};

use crate::house::{House, calls, seller};

#[tokio::test]
async fn a_change_whose_webhook_never_came_is_found_and_fires() {
    let house = House::new().await;
    let deal = house.deal("Alder Foods");
    let running = house.started().await;
    running.run_for(10 * MINUTE_MS).await;
    house.hubspot.set(deal, "dealstage", "contractsent", &seller()).expect("set");
    let changed = running.now();
    running.run_for(6 * MINUTE_MS).await;
    let state = running.hydrated(deal).await;
    assert_eq!(state.facts.text(Field::Stage), Some("contractsent"));
    let fired = running.fired("moved", deal).await.expect("fired");
    assert!(fired.since_ms(changed) <= 5 * MINUTE_MS, "{fired}");
}

/// Every webhook of a new deal was lost. What the poll finds is news, only late;
/// what is older than the connection is not.
#[tokio::test]
async fn a_deal_whose_webhooks_were_all_lost_is_news_when_the_poll_finds_it() {
    let house = House::new().await;
    let running = house.started().await;
    running.run_for(10 * MINUTE_MS).await;
    let made = house.deal("Alder Foods");
    house.hubspot.set(made, "amount", "25000", &seller()).expect("set");
    let long_ago = seller().at(running.now().plus_ms(-30 * DAY_MS));
    let values = [("dealname", "Imported"), ("dealstage", "appointmentscheduled"), ("amount", "9")];
    let imported = house.hubspot.create_deal(&values, &long_ago).expect("a deal");
    house.hubspot.set(imported, "amount", "25000", &seller()).expect("set");
    house.clock.advance_ms(MINUTE_MS);
    house.hubspot.set(made, "dealstage", "contractsent", &seller()).expect("set");
    running.run_for(6 * MINUTE_MS).await;
    for rule in ["made", "moved", "big"] {
        assert!(running.fired(rule, made).await.is_some(), "{rule} is late, not lost");
        assert_eq!(running.fired(rule, imported).await, None, "{rule} of an older deal");
    }
    assert_eq!(running.truth("big", imported).await, Some(true), "seeded");
    let firings =
        async || running.service.store.firings_of(subject(made), 9).await.expect("firings");
    assert_eq!(firings().await.len(), 3);
    // The webhooks come after all: nothing is said twice.
    running.open_hooks().await;
    running.deliver().await;
    running.run_for(10 * MINUTE_MS).await;
    assert_eq!(firings().await.len(), 3);
}

fn subject(deal: u64) -> SubjectKey {
    subject_key(&DealKey { connection: "hubspot".into(), id: deal.to_string() })
}

#[tokio::test]
async fn a_request_polls_at_once() {
    let house = House::new().await;
    let deal = house.deal("Alder Foods");
    let running = house.started().await;
    running.run_for(10 * MINUTE_MS + SECOND_MS).await;
    house.hubspot.set(deal, "dealstage", "contractsent", &seller()).expect("set");
    running.run_for(SECOND_MS).await;
    assert_eq!(running.fired("moved", deal).await, None);
    running.poll.request("hubspot");
    running.run_for(SECOND_MS).await;
    assert!(running.fired("moved", deal).await.is_some());
}

/// A webhook about a newer change does not hide an older one that was lost.
#[tokio::test]
async fn a_lost_change_is_found_behind_one_that_came() {
    let house = House::new().await;
    let deal = house.deal("Alder Foods");
    let running = house.started().await;
    running.run_for(10 * MINUTE_MS).await;
    house.hubspot.set(deal, "dealstage", "contractsent", &seller()).expect("set");
    // Nobody listens yet: this one is lost.
    running.deliver().await;
    running.open_hooks().await;
    house.clock.advance_ms(SECOND_MS);
    house.hubspot.set(deal, "amount", "900", &seller()).expect("set");
    running.deliver().await;
    running.settle().await;
    assert_eq!(running.hydrated(deal).await.facts.text(Field::Stage), Some("appointmentscheduled"));
    running.run_for(6 * MINUTE_MS).await;
    assert_eq!(running.hydrated(deal).await.facts.text(Field::Stage), Some("contractsent"));
    assert!(running.fired("moved", deal).await.is_some());
}

#[tokio::test]
async fn what_was_read_since_is_not_read_again() {
    let house = House::new().await;
    let deal = house.deal("Alder Foods");
    let running = house.started().await;
    running.run_for(10 * MINUTE_MS).await;
    house.hubspot.set(deal, "amount", "900", &seller()).expect("set");
    house.clock.advance_ms(2 * MINUTE_MS);
    running.run_for(10 * MINUTE_MS).await;
    let reads = calls(&house.hubspot, "deals/batch/read");
    running.run_for(DAY_MS / 4).await;
    assert_eq!(calls(&house.hubspot, "deals/batch/read"), reads);
}

#[tokio::test]
async fn polls_and_counts_go_on_where_a_restart_found_them() {
    let house = House::new().await;
    let deal = house.deal("Alder Foods");
    let running = house.started().await;
    running.run_for(11 * MINUTE_MS).await;
    let usage = |running: &crate::house::Running| {
        running.service.connections.get("hubspot").expect("connected").session.usage()
    };
    let before = usage(&running);
    assert!(before.calls_today > 0);
    running.stop();
    // While nobody is there, something happens.
    house.hubspot.set(deal, "dealstage", "contractsent", &seller()).expect("set");
    house.clock.advance_ms(3 * 60 * MINUTE_MS);
    let running = house.start().await;
    let kept = usage(&running).calls_today;
    assert!(kept > 0 && kept <= before.calls_today, "{kept} of {}", before.calls_today);
    running.settle().await;
    assert!(running.fired("moved", deal).await.is_some());
}

#[tokio::test]
async fn a_new_stage_is_known_within_the_hour() {
    let house = House::new().await;
    let running = house.started().await;
    let pipelines =
        |running: &crate::house::Running| running.service.metadata("hubspot").pipelines.len();
    let before = pipelines(&running);
    let rules = running.service.rules.current();
    let mut second = touchline_hubspot::fake::default_pipeline();
    second.id = "second".into();
    house.hubspot.add_pipeline(second);
    running.run_for(62 * MINUTE_MS).await;
    assert_eq!(pipelines(&running), before + 1);
    let compiled_anew = running.service.rules.current();
    assert!(!std::sync::Arc::ptr_eq(&rules, &compiled_anew), "against what the account has now");
    assert_eq!(rules.hash(), compiled_anew.hash());
}
