//! What Touchline writes itself is no reason to speak.

use std::sync::Arc;

use touchline_hubspot::fake::Actor;

use crate::house::{House, in_house};

impl House {
    fn ours(&self) -> Actor {
        Actor::integration(self.hubspot.config().app_id)
    }

    async fn firings(&self) -> u64 {
        let summary = self.service.store.summary().await.unwrap();
        summary.firings.iter().map(|(_, times)| times).sum()
    }
}

#[tokio::test]
async fn our_task_is_written_heard_of_and_fires_nothing() {
    in_house("", async |house: Arc<House>| {
        let deal = house.deal("Harbour Foods").await;
        house.set(deal, "amount", "25000").await;
        house.seconds(3).await;
        assert_eq!(house.hubspot.tasks().len(), 1);
        let before = house.firings().await;
        let told = house.hubspot.webhook_counts().accepted;
        house.seconds(60).await;
        let ts = house.messages()[0].ts.clone();
        house.click(&ts, "nudge.done", None).await;
        house.seconds(60).await;
        assert!(house.hubspot.webhook_counts().accepted >= told);
        assert_eq!(house.firings().await, before, "neither the task nor its end says anything new");
        assert_eq!(house.messages().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_property_that_our_own_app_writes_moves_facts_and_no_event_rule() {
    in_house("", async |house: Arc<House>| {
        let deal = house.deal("Harbour Foods").await;
        let before = house.firings().await;
        let (hubspot, ours) = (&house.hubspot, house.ours());
        hubspot.set(deal, "closedate", "2026-06-01", &ours).unwrap();
        hubspot.set(deal, "dealstage", "qualifiedtobuy", &ours).unwrap();
        house.seconds(5).await;
        assert_eq!(house.firings().await, before);
        // Another app's is news; so is the same by hand.
        hubspot.set(deal, "closedate", "2026-07-01", &Actor::integration(4_711)).unwrap();
        house.seconds(5).await;
        assert_eq!(house.firings().await, before + 1);
    })
    .await;
}
