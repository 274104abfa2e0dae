//! What a person chooses by typing, all the way to what reaches them.

use std::sync::Arc;

use crate::house::{ADA, House, in_house};

impl House {
    /// Ada types `/touchline {text}` and reads the reply.
    pub async fn types(&self, text: &str) -> String {
        self.clock.advance_ms(1_000);
        let sent = self.slack.send_command("U1", text).await.unwrap();
        assert_eq!(sent.status, 200, "{}", sent.body);
        self.settle().await;
        let reply: serde_json::Value = serde_json::from_str(&sent.body).unwrap();
        reply["text"].as_str().unwrap_or_default().to_owned()
    }

    async fn chosen(&self) -> Vec<String> {
        let rows = self.service.store.preferences(ADA.into()).await.unwrap();
        rows.into_iter().map(|row| format!("{} {}", row.kind.name(), row.key)).collect()
    }
}

/// Ada is known in chat once she was written to.
async fn greeted(house: &House) {
    let deal = house.deal("First Foods").await;
    house.move_on(deal).await;
    house.seconds(3).await;
    assert_eq!(house.messages().len(), 1);
}

#[tokio::test]
async fn fewer_interruptions_and_never_more() {
    in_house("interruptions_per_day = 3\n", async |house: Arc<House>| {
        greeted(&house).await;
        let reply = house.types("interruptions 9").await;
        assert!(reply.contains("never more than your company allows"), "{reply}");
        for name in ["Two", "Three", "Four"] {
            let deal = house.deal(name).await;
            house.move_on(deal).await;
        }
        house.seconds(3).await;
        assert_eq!(house.messages().len(), 3, "nine are not three");
        house.types("interruptions 1").await;
        house.until("2026-03-04 09:30").await;
        let before = house.messages().len();
        for name in ["Five", "Six"] {
            let deal = house.deal(name).await;
            house.move_on(deal).await;
        }
        house.seconds(3).await;
        assert_eq!(house.messages().len(), before + 1);
    })
    .await;
}

#[tokio::test]
async fn own_hours_days_and_digest_times_hold() {
    in_house("", async |house: Arc<House>| {
        greeted(&house).await;
        house.types("quiet 10:00-15:00").await;
        house.types("digest 16:00").await;
        house.types("days mon tue thu fri").await;
        let deal = house.deal("Harbour Foods").await;
        house.move_on(deal).await;
        house.seconds(5).await;
        assert_eq!(house.messages().len(), 1, "these are her own quiet hours");
        house.until("2026-03-03 15:00").await;
        assert_eq!(house.messages().len(), 2);
        let pushed = house.deal("Mill Street").await;
        house.set(pushed, "closedate", "2026-06-01").await;
        house.until("2026-03-03 16:00").await;
        assert_eq!(house.messages().len(), 3, "her digest comes at four");
        let other = house.deal("Oak Lane").await;
        house.set(other, "closedate", "2026-06-01").await;
        // Wednesday is not hers; the company's nine o'clock is not either.
        house.until("2026-03-04 16:00").await;
        house.until("2026-03-05 09:00").await;
        assert_eq!(house.messages().len(), 3);
        house.until("2026-03-05 16:00").await;
        assert_eq!(house.messages().len(), 4);
    })
    .await;
}

#[tokio::test]
async fn muted_shown_and_cleared() {
    in_house("", async |house: Arc<House>| {
        greeted(&house).await;
        house.types("mute moved").await;
        house.types("weekly off").await;
        let reply = house.types("show").await;
        assert!(reply.contains("come as a message"), "{reply}");
        house.seconds(2).await;
        let letter = house.messages().pop().unwrap().reads();
        for part in ["Your settings", "weekly off", "mute moved"] {
            assert!(letter.contains(part), "{part} in {letter}");
        }
        let deal = house.deal("Harbour Foods").await;
        house.move_on(deal).await;
        assert_eq!(house.ledger().await, ["moved: muted"]);
        house.types("unmute moved").await;
        assert_eq!(house.chosen().await, ["limit attention"]);
        house.types("mute moved").await;
        house.types("pause week").await;
        house.types("resume").await;
        house.types("clear").await;
        assert!(house.chosen().await.is_empty());
        house.types("spared").await;
        house.seconds(2).await;
        let letter = house.messages().pop().unwrap().reads();
        assert!(
            letter.contains("Harbour Foods moved to Qualified To Buy. You muted this tip."),
            "{letter}"
        );
    })
    .await;
}

#[tokio::test]
async fn whoever_is_not_in_the_pilot_gets_no_answer_by_message() {
    in_house("", async |house: Arc<House>| {
        greeted(&house).await;
        house.set_sending(touchline_rules::attention::Sending::Pilot).await;
        house.types("show").await;
        house.seconds(5).await;
        assert_eq!(house.messages().len(), 1);
    })
    .await;
}
