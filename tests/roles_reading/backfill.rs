use std::sync::Arc;

use touchline::roles::Role as _;
use touchline::roles::backfill::{Backfill, Phase};
use touchline::store::{NewWork, WorkKey};
use touchline_hubspot::fake::Actor;
use touchline_kit::DailyOverride;
use touchline_rules::facts::Field;
use touchline_rules::time::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS};

use crate::house::{House, START, calls};

#[tokio::test]
async fn a_first_read_that_was_killed_goes_on_and_reads_everything_once_in_effect() {
    let house = House::new().await;
    let mut deals = Vec::new();
    for n in 0..500 {
        let deal = house.deal(&format!("Deal {n}"));
        let moved = Actor::user(7).at(START.plus_ms(-n * MINUTE_MS - DAY_MS));
        if n % 3 == 0 {
            house.hubspot.set(deal, "dealstage", "closedlost", &moved).expect("set");
        }
        deals.push(deal);
    }
    house.clock.advance_ms(HOUR_MS);
    let running = house.start().await;
    let backfill = Backfill::new(Arc::clone(&running.service));
    // Into the middle: whatever else is running has not even looked.
    while running.read_so_far().await < 200 {
        let progress = backfill.tick(running.now()).await.expect("a tick");
        if !progress.worked {
            house.clock.advance_ms(SECOND_MS);
        }
    }
    drop(backfill);
    running.stop();
    let searches = calls(&house.hubspot, "deals/search");

    let running = house.start().await;
    running.run_for(10 * MINUTE_MS).await;
    let first = running.backfill().await;
    assert_eq!((first.phase, first.read, first.total), (Phase::Done, 500, Some(500)), "{first:?}");
    assert_eq!(first.waiting, None);
    for (n, deal) in deals.iter().enumerate() {
        let state = running.hydrated(*deal).await;
        assert_eq!(state.facts.text(Field::Name), Some(format!("Deal {n}").as_str()));
        assert!(state.rules.values().all(|rule| rule.fired_at.is_none()), "history fired");
    }
    // Ten pages of fifty, the first count, and the phase that ended empty.
    assert!(calls(&house.hubspot, "deals/search") - searches < 20);
}

#[tokio::test]
async fn the_first_read_yields_to_polls_and_goes_on_the_next_day() {
    let mut house = House::new().await;
    // 60 calls a day are for first reads, 30 more for following.
    house.daily = DailyOverride { account_calls: Some(1_000), share_percent: Some(10), off: false };
    for n in 0..400 {
        house.deal(&format!("Deal {n}"));
    }
    house.clock.advance_ms(HOUR_MS);
    let running = house.start().await;
    running.run_for(20 * MINUTE_MS).await;
    let first = running.backfill().await;
    assert_eq!(first.phase, Phase::Deals);
    assert!(first.read > 0 && first.read < 400, "{first:?}");
    let waiting = first.waiting.expect("it waits");
    assert!(waiting.why.contains("daily share"), "{waiting:?}");
    // Midnight in London.
    assert_eq!(waiting.until, START.plus_ms(16 * HOUR_MS));
    let searches = calls(&house.hubspot, "deals/search");
    house.clock.advance_ms(5 * MINUTE_MS);
    running.settle().await;
    assert!(calls(&house.hubspot, "deals/search") > searches, "the poll goes on");
    let session = &running.service.connections.get("hubspot").expect("connected").session;
    let usage = session.usage();
    assert!(usage.calls_today <= 100 && usage.share == Some(100), "{usage:?}");
}

#[tokio::test]
async fn a_page_lets_live_deals_go_first_but_not_for_ever() {
    let house = House::new().await;
    for n in 0..3 {
        house.deal(&format!("Deal {n}"));
    }
    let running = house.start().await;
    let backfill = Backfill::new(Arc::clone(&running.service));
    assert!(backfill.tick(running.now()).await.expect("metadata").worked);
    let (kind, connection) = ("fetch".to_owned(), "hubspot".to_owned());
    let key = WorkKey { kind, connection, key: "1".into() };
    let live = NewWork { key, next_at: running.now(), body: Vec::new() };
    running.service.store.ask_work(vec![live]).await.expect("room");
    let waits = backfill.tick(running.now()).await.expect("a tick");
    let until = START.plus_ms(MINUTE_MS);
    assert_eq!((waits.worked, waits.next), (false, Some(until)));
    house.clock.set(until);
    assert!(backfill.tick(running.now()).await.expect("a page").worked);
}
