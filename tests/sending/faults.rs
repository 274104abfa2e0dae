//! What goes wrong at a vendor: nothing is lost, and nothing is said twice but
//! what nobody can tell of.

use std::sync::Arc;

use touchline::store::DeliveryState;
use touchline_hubspot::fake::{Fault, FaultKind as HubFault};
use touchline_kit::Clock as _;
use touchline_slack::fake::FaultKind;

use crate::house::{House, in_house};
use crate::vendors::roles;

/// A nudge whose message meets this fault on its first try.
async fn meets(fault: FaultKind, wait_s: i64) -> (usize, i64, i64) {
    let mut seen = (0, 0, 0);
    in_house("", async |house: Arc<House>| {
        let first = house.deal("First").await;
        house.move_on(first).await;
        house.seconds(3).await;
        let deal = house.deal("Harbour Foods").await;
        house.slack.fail("chat.postMessage", fault, 1);
        house.move_on(deal).await;
        house.seconds(wait_s).await;
        let said = house.headlines();
        let times = said.iter().filter(|line| line.contains("Harbour Foods")).count();
        let unknown = house.count("slack", "deliveries_unknown").await;
        seen = (times, unknown, house.count("slack", "deliveries_sent_again").await);
        assert!(house.deliveries(DeliveryState::Waiting).await.is_empty());
        assert!(house.deliveries(DeliveryState::Claimed).await.is_empty());
    })
    .await;
    seen
}

#[tokio::test]
async fn what_certainly_failed_is_sent_again_and_comes_once() {
    for fault in [
        FaultKind::RateLimited { retry_after_s: 5 },
        FaultKind::Status(500),
        FaultKind::Status(503),
        FaultKind::Error("service_unavailable".into()),
    ] {
        assert_eq!(meets(fault.clone(), 20).await, (1, 0, 0), "{fault:?}");
    }
}

#[tokio::test]
async fn what_nobody_can_tell_of_comes_at_most_twice_and_is_counted() {
    for (fault, times) in [
        (FaultKind::CloseBefore, 1),
        (FaultKind::CloseAfter, 2),
        (FaultKind::Slow { ms: 2_000 }, 2),
        (FaultKind::ErrorAfter("fatal_error".into()), 2),
    ] {
        assert_eq!(meets(fault.clone(), 20).await, (times, 1, 1), "{fault:?}");
    }
}

#[tokio::test]
async fn an_outcome_that_stays_unknown_is_kept_and_never_sent_a_third_time() {
    in_house("", async |house: Arc<House>| {
        let first = house.deal("First").await;
        house.move_on(first).await;
        house.seconds(3).await;
        let deal = house.deal("Harbour Foods").await;
        house.slack.fail("chat.postMessage", FaultKind::CloseAfter, 5);
        house.move_on(deal).await;
        house.seconds(60).await;
        house.until("2026-03-04 12:00").await;
        let said = house.headlines().iter().filter(|line| line.contains("Harbour Foods")).count();
        assert_eq!(said, 2);
        assert_eq!(house.deliveries(DeliveryState::Unknown).await.len(), 1);
        let summary = house.service.store.summary().await.unwrap();
        assert!(
            summary.deliveries.contains(&("chat".to_owned(), "unknown".to_owned(), 1)),
            "{summary:?}"
        );
        let shown = "deliveries of which it is not known whether they arrived: 1";
        assert!(doctor(&house).contains(shown), "{}", doctor(&house));
    })
    .await;
}

/// Two closed connections, and then Slack would take it: it stays unknown.
#[tokio::test]
async fn a_second_unknown_sending_is_the_last() {
    in_house("", async |house: Arc<House>| {
        let first = house.deal("First").await;
        house.move_on(first).await;
        house.seconds(3).await;
        let deal = house.deal("Harbour Foods").await;
        house.slack.fail("chat.postMessage", FaultKind::CloseBefore, 2);
        house.move_on(deal).await;
        house.seconds(60).await;
        house.until("2026-03-04 12:00").await;
        assert_eq!(house.headlines(), ["First moved to Qualified To Buy"]);
        assert_eq!(house.count("slack", "deliveries_unknown").await, 2);
        assert_eq!(house.deliveries(DeliveryState::Unknown).await.len(), 1);
    })
    .await;
}

/// One message a second may go to one reader. What waits for that is neither
/// claimed nor put back, and keeps nobody else waiting.
#[tokio::test]
async fn many_messages_for_one_reader_wait_for_their_limit_unclaimed() {
    const MANY: i64 = 40;
    let off = "interruptions_per_day = \"off\"\ndeal_spacing_working_days = \"off\"\n";
    in_house(off, async |house: Arc<House>| {
        let greeted = [house.ada_owner, house.bob_owner].map(|owner| house.deal_of(owner, "First"));
        house.seconds(3).await;
        for deal in greeted {
            house.move_on(deal).await;
        }
        house.seconds(3).await;
        let deals: Vec<u64> =
            (0..MANY).map(|n| house.deal_of(house.ada_owner, &format!("Deal {n}"))).collect();
        let of_bob = house.deal_of(house.bob_owner, "Bob's");
        house.seconds(30).await;
        let by = crate::house::by_hand();
        for deal in deals {
            house.hubspot.set(deal, "dealstage", "qualifiedtobuy", &by).unwrap();
        }
        house.seconds(10).await;
        house.move_on(of_bob).await;
        house.seconds(3).await;
        let said = house.headlines();
        assert!(said.iter().any(|line| line.starts_with("Bob's")), "{said:?}");
        assert!(house.deliveries(DeliveryState::Waiting).await.len() > 20, "{said:?}");
        house.seconds(MANY + 10).await;
        assert_eq!(house.headlines().len() as i64, MANY + 3);
        let sent = house.count("slack", "deliveries_sent").await;
        let put_back = house.count("slack", "deliveries_retried").await;
        assert!(put_back <= sent, "{put_back} claims were put back for {sent} that were sent");
    })
    .await;
}

#[tokio::test]
async fn a_limit_is_obeyed() {
    in_house("", async |house: Arc<House>| {
        let deal = house.deal("Harbour Foods").await;
        house.slack.fail("chat.postMessage", FaultKind::RateLimited { retry_after_s: 30 }, 1);
        house.move_on(deal).await;
        house.seconds(29).await;
        let posts = house.slack.requests().into_iter().filter(|r| r.method == "chat.postMessage");
        assert_eq!(posts.count(), 1, "no other try before Slack said so");
        house.seconds(10).await;
        assert_eq!(house.headlines(), ["Harbour Foods moved to Qualified To Buy"]);
    })
    .await;
}

#[tokio::test]
async fn a_token_that_was_taken_away_breaks_the_connection_and_loses_nothing() {
    in_house("", async |house: Arc<House>| {
        let first = house.deal("First").await;
        house.move_on(first).await;
        house.seconds(3).await;
        let deal = house.deal("Harbour Foods").await;
        house.slack.fail("*", FaultKind::Error("token_revoked".into()), 3);
        house.move_on(deal).await;
        let store = &house.service.store;
        assert_eq!(store.broken_connections().await.unwrap(), ["slack"]);
        let calls = house.slack.requests().len();
        house.seconds(60).await;
        assert_eq!(house.slack.requests().len(), calls, "it is left alone");
        house.seconds(20 * 60).await;
        assert!(store.broken_connections().await.unwrap().is_empty(), "it works again");
        assert_eq!(house.headlines()[1], "Harbour Foods moved to Qualified To Buy");
    })
    .await;
}

#[tokio::test]
async fn a_dead_crm_delays_no_message() {
    in_house("", async |house: Arc<House>| {
        let deal = house.deal("Harbour Foods").await;
        house.hubspot.fail(Fault::on("/tasks", HubFault::Status(503)).method("POST"));
        house.set(deal, "amount", "25000").await;
        house.seconds(3).await;
        assert_eq!(house.headlines(), ["Harbour Foods is big"]);
        assert!(house.hubspot.tasks().is_empty());
        house.hubspot.clear_faults();
        house.seconds(60).await;
        assert_eq!(house.hubspot.tasks().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_crm_that_hangs_delays_no_message() {
    in_house("", async |house: Arc<House>| {
        let first = house.deal("First").await;
        house.move_on(first).await;
        house.seconds(3).await;
        let deal = house.deal("Harbour Foods").await;
        let hangs = HubFault::Slow { delay_ms: 5_000 };
        house.hubspot.fail(Fault::on("/tasks", hangs).method("POST"));
        house.hubspot.set(deal, "amount", "25000", &crate::house::by_hand()).unwrap();
        house.hubspot.tick(house.service.now()).await;
        let now = house.service.now();
        for role in house.roles.iter().take(3) {
            role.tick(now).await.unwrap();
        }
        let said = async {
            while house.messages().len() < 2 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            () = said => {}
            _ = house.roles[3].tick(now) => panic!("the message waited for the task"),
        }
    })
    .await;
}

#[tokio::test]
async fn a_refused_message_has_failed_and_says_what_to_do() {
    in_house("", async |house: Arc<House>| {
        let first = house.deal("First").await;
        house.move_on(first).await;
        house.seconds(3).await;
        let deal = house.deal("Harbour Foods").await;
        house.slack.fail("chat.postMessage", FaultKind::Error("restricted_action".into()), 1);
        house.move_on(deal).await;
        house.seconds(30).await;
        let failed = house.deliveries(DeliveryState::Failed).await;
        assert_eq!(failed.len(), 1);
        assert!(failed[0].why.contains("restricted_action\nhint: "), "{}", failed[0].why);
        let told = doctor(&house);
        let hint = "hint: `touchline admin deliveries list`, then replay or discard them";
        assert!(told.contains("failed deliveries: 1") && told.contains(hint), "{told}");
        house
            .service
            .store
            .replay_delivery(failed[0].id.clone(), house.service.now())
            .await
            .unwrap();
        house.seconds(2).await;
        assert_eq!(house.headlines()[1], "Harbour Foods moved to Qualified To Buy");
    })
    .await;
}

/// Until an admin has put it right, what follows an introduction waits.
#[tokio::test]
async fn what_waits_behind_a_failed_introduction_follows_when_it_is_replayed() {
    in_house("", async |house: Arc<House>| {
        let deal = house.deal("Harbour Foods").await;
        house.slack.fail("chat.postMessage", FaultKind::Error("missing_scope".into()), 1);
        house.move_on(deal).await;
        house.seconds(40).await;
        assert!(house.headlines().is_empty());
        let failed = house.deliveries(DeliveryState::Failed).await;
        assert_eq!((failed.len(), failed[0].channel.as_str()), (1, "hello"));
        let told = doctor(&house);
        let behind = "messages that wait for an introduction that failed: 1; replay it in time";
        assert!(told.contains(behind), "{told}");
        house.clock.advance_ms(24 * 3_600_000);
        let now = house.service.now();
        house.service.store.replay_delivery(failed[0].id.clone(), now).await.unwrap();
        house.seconds(90).await;
        assert_eq!(house.headlines(), ["Harbour Foods moved to Qualified To Buy"]);
    })
    .await;
}

#[tokio::test]
async fn a_claim_of_a_process_that_died_is_settled_by_the_next() {
    in_house("", async |house: Arc<House>| {
        let first = house.deal("First").await;
        house.move_on(first).await;
        house.seconds(3).await;
        let deal = house.deal("Harbour Foods").await;
        house.hubspot.set(deal, "dealstage", "qualifiedtobuy", &crate::house::by_hand()).unwrap();
        house.hubspot.tick(house.service.now()).await;
        for role in house.roles.iter().take(3) {
            role.tick(house.service.now()).await.unwrap();
        }
        // The process dies after the claim: whether it sent, nobody knows.
        let store = &house.service.store;
        let rooms = std::collections::BTreeMap::from([("slack".to_owned(), 9.into())]);
        let now = house.service.now();
        let due = store.due_deliveries(now, rooms, true).await.unwrap();
        let (row, _) = &due.deliveries[0];
        let look = touchline::store::LastLook::Claim {
            until: now.plus_ms(60_000),
            without: Vec::new(),
            said: Vec::new(),
        };
        store
            .settle_due(due.settings_version, now, vec![(row.id.clone(), look)], Vec::new())
            .await
            .unwrap();
        let next = roles(&house.service);
        for _ in 0..90 {
            house.clock.advance_ms(1_000);
            for role in &next {
                role.tick(house.service.now()).await.unwrap();
            }
        }
        assert_eq!(house.headlines()[1], "Harbour Foods moved to Qualified To Buy");
        assert_eq!(house.count("slack", "deliveries_sent_again").await, 1);
    })
    .await;
}

/// What `touchline doctor` prints about the house's database.
fn doctor(house: &House) -> String {
    let at = |name: &str| house.folder.path().join(name).display().to_string();
    let text = format!(
        "database = \"sqlite:{}\"\nkey_file = \"{}\"\n",
        at("house.db"),
        at("touchline.key")
    );
    std::fs::write(at("touchline.toml"), text).unwrap();
    let mut doctor = std::process::Command::new(env!("CARGO_BIN_EXE_touchline"));
    let out = doctor.args(["doctor", "--config", &at("touchline.toml")]).output().unwrap();
    String::from_utf8(out.stdout).unwrap()
}

/// Nobody can say before then whether there is a message to edit.
#[tokio::test]
async fn an_edit_waits_until_an_unknown_outcome_is_settled() {
    in_house("", async |house: Arc<House>| {
        let first = house.deal("First").await;
        house.move_on(first).await;
        house.seconds(3).await;
        let deal = house.deal("Harbour Foods").await;
        house.slack.fail("chat.postMessage", FaultKind::CloseAfter, 1);
        house.move_on(deal).await;
        let said = house.messages().into_iter().find(|one| one.text.contains("Harbour Foods"));
        house.click(&said.expect("it arrived").ts, "nudge.done", None).await;
        let unknown = house.deliveries(DeliveryState::Unknown).await.remove(0);
        assert!(unknown.until > house.clock.now().plus_ms(2_000));
        let edit = house.service.store.next_work_at(&["edit"]).await.unwrap();
        assert_eq!(edit, Some(unknown.until));
    })
    .await;
}
