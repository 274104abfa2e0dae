//! The question to a manager, after the seller had a fair chance.

use std::sync::Arc;

use touchline_slack::fake::FakeMessage;

use crate::house::{ADA, BOB, House, in_house};

const BOB_LEADS: &str = "[people.\"ada@example.com\"]\nmanager = \"bob@example.com\"\n";

impl House {
    /// What Bob, the manager, reads, without the hello.
    fn manager_reads(&self) -> Vec<FakeMessage> {
        let all = self.slack.messages().into_iter();
        all.filter(|one| one.user == "U2" && !one.text.starts_with("Hello")).collect()
    }
}

/// A deal without a next step of which Ada was told on Tuesday at ten.
async fn told(house: &House) -> (u64, String) {
    let deal = house.deal("Harbour Foods").await;
    house.set(deal, "amount", "900").await;
    house.seconds(3).await;
    let message = house.messages().pop().expect("a message");
    assert!(message.text.contains("has no next step"), "{}", message.text);
    (deal, message.ts)
}

/// What the manager was asked by Monday's digest, in one text.
async fn asked_by_monday(more: &str, between: impl AsyncFnOnce(&House, u64, &str)) -> String {
    let mut said = String::new();
    let out = &mut said;
    in_house(&format!("{more}{BOB_LEADS}"), async move |house: Arc<House>| {
        let (deal, ts) = told(&house).await;
        between(&house, deal, &ts).await;
        for day in ["04", "05", "06"] {
            house.until(&format!("2026-03-{day} 09:00")).await;
        }
        let early = house.manager_reads().len();
        assert!(early <= 1, "three working days end when Friday begins");
        house.until("2026-03-09 09:00").await;
        let reads = house.manager_reads().into_iter().map(|one| one.reads());
        *out = reads.collect::<Vec<_>>().join("\n---\n");
    })
    .await;
    said
}

#[tokio::test]
async fn the_manager_is_asked_about_the_deal_in_the_digest_and_never_before() {
    in_house(BOB_LEADS, async |house: Arc<House>| {
        let (deal, _) = told(&house).await;
        house.until("2026-03-05 23:00").await;
        assert!(house.manager_reads().is_empty(), "Ada has her fair chance");
        house.until("2026-03-06 08:30").await;
        assert!(house.manager_reads().is_empty(), "never an interruption");
        house.until("2026-03-06 09:00").await;
        let asked = house.manager_reads();
        assert_eq!(asked.len(), 1);
        let reads = asked[0].reads();
        assert!(reads.contains("Harbour Foods has no next step"), "{reads}");
        assert!(
            reads.contains("What would help Ada Example to agree a next step on Harbour Foods?"),
            "{reads}"
        );
        // It is a nudge of its own, and once an episode.
        let of_bob: Vec<_> =
            house.nudges(deal).await.into_iter().filter(|nudge| nudge.person == BOB).collect();
        assert_eq!(of_bob.len(), 1);
        assert_eq!(of_bob[0].attention, "digest");
        house.until("2026-03-13 09:00").await;
        assert_eq!(house.manager_reads().len(), 1);
        let summary = house.service.store.summary().await.unwrap();
        assert_eq!((summary.questions, summary.fates.sent, summary.fates.lost), (1, 2, 0));
        // When the reason goes, both messages become quiet.
        house.set(deal, "hs_next_step", "Demo on Thursday").await;
        house.seconds(3).await;
        let quiet = house.manager_reads()[0].reads();
        assert!(quiet.contains("no longer needed"), "{quiet}");
    })
    .await;
}

#[tokio::test]
async fn what_the_seller_answers_or_chooses_changes_nothing_and_is_not_told() {
    let plain = asked_by_monday("", async |_, _, _| {}).await;
    assert!(plain.contains("What would help"), "{plain}");
    for (action, choice) in [
        ("nudge.done", None),
        ("nudge.snooze", Some("7")),
        ("nudge.more", Some("mute")),
        ("nudge.more", Some("pause_week")),
    ] {
        let answered = asked_by_monday("", async |house: &House, _, ts: &str| {
            house.click(ts, action, choice).await;
        })
        .await;
        assert_eq!(answered, plain, "{action} {choice:?}");
    }
    let refused = asked_by_monday("", async |house: &House, _, ts: &str| {
        house.click(ts, "nudge.not_helpful", None).await;
        house.click(ts, "nudge.not_true_here", None).await;
        house.types("mute no-step").await;
        house.types("quiet 08:00-18:00").await;
    })
    .await;
    assert_eq!(refused, plain);
}

#[tokio::test]
async fn nobody_is_asked_when_the_reason_has_gone_or_the_deal_is_another_s() {
    let gone = asked_by_monday("", async |house: &House, deal, _| {
        house.set(deal, "hs_next_step", "Demo on Thursday").await;
    })
    .await;
    assert_eq!(gone, "");
    let handed_over = asked_by_monday("", async |house: &House, deal, _| {
        house.set(deal, "hubspot_owner_id", &house.bob_owner.to_string()).await;
    })
    .await;
    assert!(!handed_over.contains("What would help"), "{handed_over}");
}

#[tokio::test]
async fn nobody_is_asked_when_the_seller_was_never_reached() {
    in_house(BOB_LEADS, async |house: Arc<House>| {
        let first = house.deal("First Foods").await;
        house.move_on(first).await;
        house.seconds(3).await;
        house.types("mute no-step").await;
        let deal = house.deal("Harbour Foods").await;
        house.set(deal, "amount", "900").await;
        house.until("2026-03-06 09:00").await;
        house.until("2026-03-09 09:00").await;
        assert_eq!(house.ledger().await, ["no-step: muted"]);
        assert!(house.manager_reads().is_empty());
        assert!(house.nudges(deal).await.iter().all(|nudge| nudge.person == ADA));
    })
    .await;
}

#[tokio::test]
async fn a_manager_outside_the_pilot_is_not_asked_and_the_ledger_says_so() {
    in_house(BOB_LEADS, async |house: Arc<House>| {
        told(&house).await;
        let to = touchline::coaching::settings::SendingTo {
            sending: touchline_rules::attention::Sending::Pilot,
            pilot: vec![ADA.into()],
        };
        let now = touchline::clock::Clock::now(&*house.clock);
        let set = touchline::coaching::settings::Settings::set_sending;
        set(&house.service.store, &to, "admin@example.com", "a test", now).await.unwrap();
        house.until("2026-03-06 09:00").await;
        assert!(house.manager_reads().is_empty());
        let rows = house.service.store.suppressed_of(BOB.into(), touchline_rules::UnixMs::MAX, 10);
        let reasons: Vec<String> = rows.await.unwrap().into_iter().map(|row| row.reason).collect();
        assert_eq!(reasons, ["not_in_pilot"]);
    })
    .await;
}
