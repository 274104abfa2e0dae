//! When things are said, and how much.

use std::sync::Arc;

use touchline::store::DeliveryState;
use touchline_rules::attention::Sending;

use crate::house::{House, in_house};

#[tokio::test]
async fn an_interruption_comes_at_once_and_after_one_hello() {
    in_house("", async |house: Arc<House>| {
        let deal = house.deal("Harbour Foods").await;
        house.move_on(deal).await;
        house.seconds(3).await;
        let all: Vec<String> = house.slack.messages().iter().map(|m| m.text.clone()).collect();
        assert_eq!(all.len(), 2, "{all:?}");
        assert!(all[0].starts_with("Hello from Touchline"), "{all:?}");
        assert!(all[1].contains("Harbour Foods moved to Qualified To Buy"), "{all:?}");

        let other = house.deal("Mill Street").await;
        house.move_on(other).await;
        house.seconds(2).await;
        assert_eq!(house.slack.messages().len(), 3, "the hello is said once");
        assert_eq!(house.deliveries(DeliveryState::Sent).await.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn an_interruption_at_night_waits_for_the_end_of_quiet_hours() {
    in_house("", async |house: Arc<House>| {
        house.until("2026-03-03 19:30").await;
        let deal = house.deal("Harbour Foods").await;
        house.move_on(deal).await;
        house.until("2026-03-04 07:59").await;
        assert!(house.slack.messages().is_empty());
        house.until("2026-03-04 08:00").await;
        assert_eq!(house.headlines(), ["Harbour Foods moved to Qualified To Buy"]);
    })
    .await;
}

#[tokio::test]
async fn a_digest_is_one_message_at_nine() {
    in_house("", async |house: Arc<House>| {
        for name in ["Harbour Foods", "Mill Street"] {
            let deal = house.deal(name).await;
            house.set(deal, "closedate", "2026-06-01").await;
        }
        house.until("2026-03-04 08:55").await;
        assert!(house.messages().is_empty());
        house.until("2026-03-04 09:00").await;
        let messages = house.messages();
        assert_eq!(messages.len(), 1);
        let reads = messages[0].reads();
        for part in
            ["2 things worth your time", "Harbour Foods was pushed", "Mill Street was pushed"]
        {
            assert!(reads.contains(part), "{part} in {reads}");
        }
        house.until("2026-03-05 09:00").await;
        assert_eq!(house.messages().len(), 1, "it is said once");
    })
    .await;
}

#[tokio::test]
async fn what_waited_says_how_things_are_when_it_is_sent() {
    in_house("", async |house: Arc<House>| {
        let deal = house.deal("Harbour Foods").await;
        house.set(deal, "closedate", "2026-06-01").await;
        house.set(deal, "dealname", "Harbour Food Group").await;
        house.until("2026-03-04 09:00").await;
        let ts = house.messages()[0].ts.clone();
        let reads = house.reads(&ts);
        assert!(reads.contains("Harbour Food Group was pushed"), "{reads}");
        assert!(!reads.contains("Harbour Foods"), "{reads}");
        // What was said is what is kept: unfolding it shows the same.
        house.set(deal, "dealname", "Harbour & Sons").await;
        house.click(&ts, "nudge.why", None).await;
        let reads = house.reads(&ts);
        assert!(reads.contains("Harbour Food Group"), "{reads}");
    })
    .await;
}

#[tokio::test]
async fn budget_and_spacing_hold() {
    in_house("", async |house: Arc<House>| {
        let deals = [house.deal("One").await, house.deal("Two").await, house.deal("Three").await];
        for deal in deals {
            house.move_on(deal).await;
            house.seconds(1).await;
        }
        house.set(deals[0], "dealstage", "presentationscheduled").await;
        house.seconds(10).await;
        let mut said = house.headlines();
        said.sort();
        assert_eq!(said, ["One moved to Qualified To Buy", "Two moved to Qualified To Buy"]);
        house.until("2026-03-04 09:00").await;
        let digest = house.messages()[2].reads();
        assert!(digest.contains("Three moved"), "what found no budget is in the digest: {digest}");
        assert!(!digest.contains("One moved"), "the deal was spoken of yesterday: {digest}");
    })
    .await;
}

#[tokio::test]
async fn what_is_decided_while_sending_is_off_is_never_sent() {
    in_house("", async |house: Arc<House>| {
        house.set_sending(Sending::Off).await;
        let deal = house.deal("Harbour Foods").await;
        house.move_on(deal).await;
        assert_eq!(house.ledger().await, ["moved: sending_off"]);
        house.set_sending(Sending::Everyone).await;
        house.until("2026-03-05 09:00").await;
        assert!(house.slack.messages().is_empty());
    })
    .await;
}

#[tokio::test]
async fn switching_off_stops_what_was_decided_already() {
    in_house("", async |house: Arc<House>| {
        let deal = house.deal("Harbour Foods").await;
        house.slack.fail("*", touchline_slack::fake::FaultKind::Status(503), 4);
        house.move_on(deal).await;
        house.set_sending(Sending::Off).await;
        house.seconds(60).await;
        house.set_sending(Sending::Everyone).await;
        house.until("2026-03-04 12:00").await;
        assert!(house.slack.messages().is_empty());
        assert_eq!(house.ledger().await, ["moved: sending_off"]);
    })
    .await;
}

#[tokio::test]
async fn a_reason_that_is_gone_before_the_sending_is_not_said() {
    in_house("", async |house: Arc<House>| {
        let deal = house.deal("Harbour Foods").await;
        house.slack.fail("users.lookupByEmail", touchline_slack::fake::FaultKind::Status(503), 3);
        house.move_on(deal).await;
        house.set(deal, "hs_next_step", "Demo on Thursday").await;
        house.seconds(60).await;
        assert!(house.messages().is_empty());
        assert_eq!(house.ledger().await, ["moved: reason_gone"]);
    })
    .await;
}

#[tokio::test]
async fn old_facts_are_read_again_before_a_nudge_goes_out() {
    in_house("", async |house: Arc<House>| {
        house.until("2026-03-03 19:30").await;
        let deals = [house.deal("Harbour Foods").await, house.deal("Mill Street").await];
        for deal in deals {
            house.move_on(deal).await;
        }
        // Nobody tells us of this: HubSpot's webhooks are lost.
        house.clock.set(crate::house::london("2026-03-04 07:00"));
        house.lose_webhooks(deals[0], "hs_next_step", "Demo on Thursday").await;
        house.until("2026-03-04 08:00").await;
        assert_eq!(house.headlines(), ["Mill Street moved to Qualified To Buy"]);
        assert_eq!(house.ledger().await, ["moved: reason_gone"]);
    })
    .await;
}

#[tokio::test]
async fn a_nudge_waits_for_a_dead_crm_until_it_expires() {
    in_house("", async |house: Arc<House>| {
        house.until("2026-03-03 19:30").await;
        let deal = house.deal("Harbour Foods").await;
        house.move_on(deal).await;
        house.hubspot.set_down(true);
        house.until("2026-03-04 08:00").await;
        house.until("2026-03-04 12:00").await;
        assert!(house.messages().is_empty(), "nobody knows whether it is still true");
        house.hubspot.set_down(false);
        house.seconds(400).await;
        assert_eq!(house.headlines(), ["Harbour Foods moved to Qualified To Buy"]);
    })
    .await;
}
