//! Tasks on the deal.

use std::sync::Arc;

use touchline::store::DeliveryState;
use touchline_hubspot::fake::{Fault, FaultKind};

use crate::house::{House, in_house, london};

/// A big deal, which asks for a message and a task.
async fn big_deal(house: &House) -> u64 {
    let deal = house.deal("Harbour Foods").await;
    grow(house, deal).await;
    deal
}

async fn grow(house: &House, deal: u64) {
    house.set(deal, "amount", "25000").await;
    house.seconds(3).await;
}

#[tokio::test]
async fn a_task_is_written_beside_the_message_and_completed_with_it() {
    in_house("", async |house: Arc<House>| {
        big_deal(&house).await;
        assert_eq!(house.headlines(), ["Harbour Foods is big"]);
        let tasks = house.hubspot.tasks();
        assert_eq!(tasks.len(), 1);
        let task = &tasks[0];
        assert_eq!(task.stored("hs_task_subject"), Some("Harbour Foods is big"));
        let owner = house.ada_owner.to_string();
        assert_eq!(task.stored("hubspot_owner_id"), Some(owner.as_str()));
        assert_eq!(task.time("hs_timestamp"), Some(london("2026-03-04 09:00")), "reminded then");
        let deliveries = house.deliveries(DeliveryState::Sent).await;
        let written = deliveries.iter().find(|row| row.channel == "task").unwrap();
        let body = task.stored("hs_task_body").unwrap();
        assert!(body.contains(&format!("touchline:{}", written.id)), "{body}");

        let ts = house.messages()[0].ts.clone();
        house.click(&ts, "nudge.done", None).await;
        assert_eq!(house.hubspot.tasks()[0].stored("hs_task_status"), Some("COMPLETED"));
    })
    .await;
}

#[tokio::test]
async fn when_the_reason_disappears_both_become_quiet() {
    in_house("", async |house: Arc<House>| {
        let deal = big_deal(&house).await;
        let ts = house.messages()[0].ts.clone();
        house.set(deal, "amount", "900").await;
        house.seconds(2).await;
        assert_eq!(house.reads(&ts), "Harbour Foods: no longer needed, the deal moved on.");
        assert_eq!(house.hubspot.tasks()[0].stored("hs_task_status"), Some("COMPLETED"));
    })
    .await;
}

/// The task has been on the deal all the while.
#[tokio::test]
async fn a_snoozed_nudge_comes_again_in_chat_and_keeps_its_task() {
    in_house("", async |house: Arc<House>| {
        big_deal(&house).await;
        let ts = house.messages()[0].ts.clone();
        house.click(&ts, "nudge.snooze", Some("1")).await;
        house.until("2026-03-04 09:00").await;
        assert_eq!(house.messages().len(), 2);
        assert_eq!(house.hubspot.tasks().len(), 1);
        let again = house.messages().pop().unwrap();
        house.click(&again.ts, "nudge.done", None).await;
        assert_eq!(house.reads(&again.ts), "Harbour Foods: done, thank you.");
        assert_eq!(house.hubspot.tasks()[0].stored("hs_task_status"), Some("COMPLETED"));
    })
    .await;
}

#[tokio::test]
async fn a_lost_answer_makes_no_second_task() {
    in_house("", async |house: Arc<House>| {
        let deal = house.deal("Harbour Foods").await;
        let lost = Fault::on("/tasks", FaultKind::ResetAfterEffect).method("POST").times(1);
        house.hubspot.fail(lost);
        grow(&house, deal).await;
        assert_eq!(house.deliveries(DeliveryState::Unknown).await.len(), 1);
        house.seconds(15).await;
        assert_eq!(house.hubspot.tasks().len(), 1, "found by its marker");
        assert_eq!(house.deliveries(DeliveryState::Sent).await.len(), 3);
        let ts = house.messages()[0].ts.clone();
        house.click(&ts, "nudge.done", None).await;
        assert_eq!(house.hubspot.tasks()[0].stored("hs_task_status"), Some("COMPLETED"));
    })
    .await;
}

#[tokio::test]
async fn a_task_that_was_never_written_is_written_once() {
    in_house("", async |house: Arc<House>| {
        let deal = house.deal("Harbour Foods").await;
        let broken = Fault::on("/tasks", FaultKind::Reset).method("POST").times(1);
        house.hubspot.fail(broken);
        grow(&house, deal).await;
        assert_eq!(house.deliveries(DeliveryState::Unknown).await.len(), 1);
        house.seconds(20).await;
        assert_eq!(house.hubspot.tasks().len(), 1);
        assert!(house.deliveries(DeliveryState::Unknown).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn somebody_without_chat_still_gets_the_task() {
    in_house("", async |house: Arc<House>| {
        house.slack.set_user(touchline_slack::fake::FakeUser {
            deleted: true,
            ..touchline_slack::fake::FakeUser::new("U1", crate::house::ADA, "Ada", "Europe/London")
        });
        let deal = big_deal(&house).await;
        house.move_on(deal).await;
        house.seconds(3).await;
        assert_eq!(house.hubspot.tasks().len(), 1);
        assert!(house.slack.messages().is_empty());
        house.until("2026-03-06 09:00").await;
        assert_eq!(house.ledger().await, ["moved: no_channel"]);
    })
    .await;
}
