//! The weekly list of what a person was not bothered with.

use std::sync::Arc;

use touchline_rules::attention::Sending;

use crate::house::{House, in_house};

/// One sent, and three that are not: two muted, one spaced out by its deal.
async fn a_week(house: &House) {
    let deal = house.deal("First Foods").await;
    house.move_on(deal).await;
    house.seconds(3).await;
    house.types("mute moved").await;
    for name in ["Harbour Foods", "Mill Street"] {
        let deal = house.deal(name).await;
        house.move_on(deal).await;
    }
    house.seconds(3).await;
    assert_eq!(house.messages().len(), 1);
}

fn lists(house: &House) -> Vec<String> {
    let all = house.messages().into_iter().map(|one| one.reads());
    all.filter(|reads| reads.contains("not bothered with this week")).collect()
}

#[tokio::test]
async fn on_friday_with_the_last_digest_once_and_only_with_something_to_tell() {
    in_house("digest_at = [\"09:00\", \"14:00\"]\n", async |house: Arc<House>| {
        a_week(&house).await;
        house.until("2026-03-06 13:59").await;
        assert!(lists(&house).is_empty());
        house.until("2026-03-06 14:00").await;
        let all = lists(&house);
        assert_eq!(all.len(), 1);
        insta::assert_snapshot!(all[0], @"
        # What you were not bothered with this week
        Since Friday 27 February, 2 tips did not reach you:
        • 2 × Moved on (moved): You muted this tip.

        The most important of them:
        • Mill Street moved to Qualified To Buy
        • Harbour Foods moved to Qualified To Buy

        /touchline spared lists the newest with their reasons; /touchline weekly off ends this list.
        ");
        house.until("2026-03-06 16:00").await;
        house.until("2026-03-13 14:00").await;
        assert_eq!(lists(&house).len(), 1, "a quiet week has no list");
        // It is no nudge: the day's two interruptions are left.
        house.types("unmute moved").await;
        for name in ["Oak Lane", "Elm Row"] {
            let deal = house.deal(name).await;
            house.move_on(deal).await;
        }
        house.seconds(3).await;
        assert_eq!(house.messages().len(), 4);
    })
    .await;
}

/// A deal that is no longer big before the digest needs no word: nobody was spared it.
#[tokio::test]
async fn what_was_over_before_it_could_be_said_is_not_in_the_list() {
    in_house("interruptions_per_day = 1\n", async |house: Arc<House>| {
        a_week(&house).await;
        let deal = house.deal("Oak Lane").await;
        house.set(deal, "amount", "20000").await;
        house.seconds(3).await;
        house.set(deal, "amount", "5").await;
        house.seconds(3).await;
        assert_eq!(house.messages().len(), 1, "it waited for a digest");
        house.until("2026-03-06 09:00").await;
        let ledger = house.ledger().await;
        assert!(ledger.iter().any(|row| row.contains("no_longer_true")), "{ledger:?}");
        let all = lists(&house);
        assert_eq!(all.len(), 1);
        assert!(all[0].contains("2 tips did not reach you") && !all[0].contains("Oak"), "{all:?}");
    })
    .await;
}

#[tokio::test]
async fn not_for_whoever_switched_it_off_is_paused_or_sent_nothing() {
    let none_after = async |what: &str| {
        in_house("", async |house: Arc<House>| {
            a_week(&house).await;
            match what {
                "off" => house.set_sending(Sending::Off).await,
                "pilot" => house.set_sending(Sending::Pilot).await,
                typed => drop(house.types(typed).await),
            }
            house.until("2026-03-06 09:00").await;
            house.until("2026-03-09 09:00").await;
            assert!(lists(&house).is_empty(), "{what}");
        })
        .await;
    };
    for what in ["weekly off", "pause week", "off", "pilot"] {
        none_after(what).await;
    }
    in_house("weekly_on = \"off\"\n", async |house: Arc<House>| {
        a_week(&house).await;
        house.until("2026-03-06 09:00").await;
        assert!(lists(&house).is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_list_that_chat_could_not_take_comes_later_on_its_day_and_is_made_once() {
    in_house("", async |house: Arc<House>| {
        a_week(&house).await;
        house.until("2026-03-06 08:59").await;
        house.slack.fail("*", touchline_slack::fake::FaultKind::Status(503), 3);
        house.until("2026-03-06 09:00").await;
        // As after a restart: another role looks at the same week.
        let again = touchline::roles::letters::Letters::new(Arc::clone(&house.service));
        touchline::roles::Role::tick(&again, touchline::clock::Clock::now(&*house.clock))
            .await
            .unwrap();
        house.seconds(120).await;
        assert_eq!(lists(&house).len(), 1);
    })
    .await;
}
