use touchline_hubspot::fake::{Fault, FaultKind};
use touchline_rules::facts::Hydration;
use touchline_rules::time::{MINUTE_MS, SECOND_MS};

use crate::house::{House, seller, statuses};

#[tokio::test]
async fn hubspot_is_down_for_an_hour_and_other_deals_go_on() {
    let house = House::new().await;
    let known = house.deal("Known");
    let running = house.started().await;
    running.open_hooks().await;
    house.hubspot.set_down(true);
    let unseen = house.deal("Unseen");
    house.clock.advance_ms(10 * SECOND_MS);
    for deal in [known, unseen] {
        house.hubspot.set(deal, "dealstage", "qualifiedtobuy", &seller()).expect("set");
    }
    // Accepting and judging what is known does not wait for HubSpot.
    running.deliver().await;
    running.settle().await;
    assert!(running.fired("moved", known).await.is_some());
    let waiting = running.state(unseen).await.expect("heard of");
    assert!(matches!(waiting.hydration, Hydration::Waiting { .. }));
    running.run_for(60 * MINUTE_MS).await;
    let failed = statuses(&house.hubspot, "/").get(&503).copied().unwrap_or(0);
    assert!((2..200).contains(&failed), "{failed} calls in an hour of outage");
    house.hubspot.set_down(false);
    running.run_for(6 * MINUTE_MS).await;
    assert!(running.fired("moved", unseen).await.is_some());
}

#[tokio::test]
async fn a_token_that_ended_breaks_the_connection_until_it_works_again() {
    let house = House::new().await;
    let deal = house.deal("Alder Foods");
    let running = house.started().await;
    assert_eq!(running.status("hubspot").await, "working");
    house.hubspot.fail(Fault::on("", FaultKind::ExpiredToken));
    house.hubspot.set(deal, "dealstage", "qualifiedtobuy", &seller()).expect("set");
    running.run_for(10 * MINUTE_MS).await;
    assert_eq!(running.status("hubspot").await, "broken");
    let asked = statuses(&house.hubspot, "/")[&401];
    assert!(asked <= 3, "{asked}");
    house.hubspot.clear_faults();
    running.run_for(30 * MINUTE_MS).await;
    assert_eq!(running.status("hubspot").await, "working");
    assert!(running.fired("moved", deal).await.is_some());
}
