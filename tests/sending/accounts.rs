//! Every reason to speak is accounted for: sent, on its way, or in the ledger.

use std::sync::Arc;
use std::time::Duration;

use touchline::demo;
use touchline::store::{DeliveryState, Fates, Store, StoreOptions, Summary};
use touchline_rules::UnixMs;

use crate::house::{House, in_house};

/// More than a season sends.
const DELIVERIES_MAX: usize = 10_000;

/// Firings times readers, and what became of them.
fn check(summary: &Summary) -> Fates {
    let total = |groups: &[(String, u64)]| groups.iter().map(|(_, n)| n).sum::<u64>();
    let fates = summary.fates;
    assert_eq!(fates.lost, 0, "{summary:?}");
    let all = total(&summary.firings) + summary.questions;
    assert_eq!(all, fates.sent + fates.waiting + fates.not_sent);
    assert_eq!(total(&summary.nudges), all, "one reader for each firing, and the managers asked");
    assert_eq!(total(&summary.suppressed), fates.not_sent);
    fates
}

async fn ledger_of(house: &House, person: &str) -> Vec<String> {
    let rows = house.service.store.suppressed_of(person.into(), UnixMs::MAX, 100).await.unwrap();
    rows.into_iter().map(|row| format!("{}: {}", row.rule_id, row.reason)).collect()
}

#[tokio::test]
async fn what_is_kept_for_a_card_or_has_no_reader_is_in_the_ledger() {
    in_house("", async |house: Arc<House>| {
        let deal = house.deal("Harbour Foods").await;
        house.set(deal, "dealname", "Harbour Foods Ltd").await;
        house.seconds(3).await;
        assert_eq!(house.ledger().await, ["renamed: card_only"]);
        assert_eq!(ledger_of(&house, "").await, ["for-a-manager: no_manager"]);
        assert_eq!(house.messages().len(), 0, "a card pushes nothing");

        house.set(deal, "hubspot_owner_id", "").await;
        house.seconds(3).await;
        house.set(deal, "dealname", "Harbour Foods plc").await;
        house.seconds(3).await;
        let mut nobody = ledger_of(&house, "").await;
        nobody.sort();
        assert_eq!(
            nobody,
            [
                "for-a-manager: no_manager",
                "for-a-manager: no_owner",
                "handed-over: no_owner",
                "renamed: no_owner"
            ]
        );
        let fates = check(&house.service.store.summary().await.unwrap());
        assert_eq!(fates, Fates { sent: 0, waiting: 0, not_sent: 5, held: 0, lost: 0 });
    })
    .await;
}

/// A snoozed nudge whose rule is muted meanwhile was sent once, and is counted so.
#[tokio::test]
async fn what_was_sent_and_later_held_back_was_sent() {
    in_house("", async |house: Arc<House>| {
        let first = house.deal("Harbour Foods").await;
        house.move_on(first).await;
        house.seconds(3).await;
        let snoozed = house.messages()[0].ts.clone();
        house.click(&snoozed, "nudge.snooze", Some("1")).await;
        let waiting = check(&house.service.store.summary().await.unwrap());
        assert_eq!((waiting.sent, waiting.waiting), (1, 0));
        let second = house.deal("Mill Street").await;
        house.move_on(second).await;
        house.until("2026-03-03 10:30").await;
        let other = house.messages()[1].ts.clone();
        house.click(&other, "nudge.more", Some("mute")).await;
        house.until("2026-03-04 09:00").await;
        assert_eq!(house.ledger().await, ["moved: muted"]);
        let fates = check(&house.service.store.summary().await.unwrap());
        assert_eq!(fates, Fates { sent: 2, waiting: 0, not_sent: 0, held: 0, lost: 0 });
    })
    .await;
}

/// A company's season with shipped rules and ceilings: people answer, snooze and
/// mute, reasons go away, budgets run out.
#[tokio::test]
async fn after_a_season_every_firing_is_accounted_for() {
    let folder = tempfile::tempdir().unwrap();
    let options = demo::Options {
        days: 14,
        seed: 7,
        day_takes: Duration::ZERO,
        exit_after: None,
        folder: folder.path().to_owned(),
    };
    let mut told = Vec::new();
    demo::play(options, &mut told).await.unwrap();
    let store = Store::open(&folder.path().join("touchline.db"), StoreOptions::default()).unwrap();
    let summary = store.summary().await.unwrap();
    let fates = check(&summary);
    assert!(fates.sent > 10 && fates.not_sent > 10, "{fates:?}");
    let sent = store.deliveries_in(DeliveryState::Sent, DELIVERIES_MAX).await.unwrap();
    assert!(sent.iter().any(|row| row.channel == "task"), "the CRM is told something too");
    let told = String::from_utf8(told).unwrap();
    assert!(!told.contains('!'), "somebody is shouted at");
}
