//! Many deals changed by one hand.

use std::sync::Arc;

use touchline::clock::Clock as _;
use touchline::roles::release::Release;
use touchline::store::{AuditEntry, DeliveryState, HoldReport, NudgeState};
use touchline_hubspot::fake::Actor;
use touchline_rules::UnixMs;
use touchline_slack::fake::{FakeMessage, FakeUser};

use crate::house::{House, by_hand, in_house};

const ADMIN: &str = "admin@example.com";
const ADMINS: &str = "admins = [\"Admin@example.com\"]\n---\n";
/// Deals that change hands.
const DEALS: usize = 5_000;

impl House {
    /// What the admin reads.
    fn admin_reads(&self) -> Vec<FakeMessage> {
        self.slack.messages().into_iter().filter(|one| one.user == "U9").collect()
    }

    fn with_admin(&self) {
        self.slack.set_user(FakeUser::new("U9", ADMIN, "Admin Example", "Europe/London"));
    }

    async fn holds(&self) -> Vec<HoldReport> {
        self.service.store.holds(false, 10, 10).await.unwrap()
    }

    async fn decide(&self, id: &str, release: bool) -> usize {
        let audit = AuditEntry {
            at: self.clock.now(),
            actor: ADMIN.into(),
            action: "hold_test".into(),
            body: Vec::new(),
        };
        let settled = self.service.store.settle_hold(id.into(), release, audit).await.unwrap();
        self.settle().await;
        settled
    }

    /// Bob's deals, known to us.
    async fn deals_of_bob(&self, count: usize) -> Vec<u64> {
        let deals: Vec<u64> =
            (0..count).map(|index| self.deal_of(self.bob_owner, &format!("Deal {index}"))).collect();
        self.settle().await;
        // A company's deals were not all made by one hand this morning.
        self.clock.advance_ms(30 * 60_000);
        self.settle().await;
        deals
    }

    fn hand_over(&self, deal: u64, actor: &Actor) {
        self.hubspot.set(deal, "hubspot_owner_id", &self.ada_owner.to_string(), actor).unwrap();
    }

    async fn in_state(&self, deals: &[u64], state: NudgeState) -> usize {
        let mut found = 0;
        for deal in deals {
            found += self.nudges(*deal).await.iter().filter(|nudge| nudge.state == state).count();
        }
        found
    }
}

/// Made by somebody else than who hands them over, and not counted here.
const MADE: &str = "mass_change_deals = \"off\"\n";

#[tokio::test]
async fn five_thousand_deals_handed_over_in_a_minute_stop_after_the_limit_with_one_notice() {
    in_house(&format!("{ADMINS}interruptions_per_day = \"off\"\n"), async |house: Arc<House>| {
        house.with_admin();
        let mut deals = Vec::new();
        // By many hands, so that their making is no mass change.
        for index in 0..DEALS {
            let maker = Actor::user(10_000 + i64::try_from(index / 40).unwrap());
            let owner = house.bob_owner.to_string();
            let values = [("dealname", format!("Deal {index}")), ("hubspot_owner_id", owner)];
            let values: Vec<(&str, &str)> =
                values.iter().map(|(name, value)| (*name, value.as_str())).collect();
            deals.push(house.hubspot.create_deal(&values, &maker).unwrap());
            if index % 500 == 499 {
                house.settle().await;
            }
        }
        house.clock.advance_ms(30 * 60_000);
        house.settle().await;
        assert!(house.holds().await.is_empty(), "{:?}", house.holds().await);
        let hand = by_hand();
        for (index, deal) in deals.iter().enumerate() {
            house.hand_over(*deal, &hand);
            house.clock.advance_ms(12);
            // Everything is given the chance to leave while the limit is not crossed.
            if index < 50 || index % 500 == 0 {
                house.settle().await;
            }
        }
        let at_the_limit = house.messages().iter().filter(|one| one.user == "U1").count();
        house.seconds(30).await;
        let after = house.messages().iter().filter(|one| one.user == "U1").count();
        assert_eq!(after, at_the_limit, "no message after the limit was crossed");
        assert!((1..=50).contains(&after), "{after}");

        let holds = house.holds().await;
        assert_eq!(holds.len(), 1);
        let nudges = DEALS - after;
        assert_eq!(holds[0].held, nudges as u64);
        assert_eq!(holds[0].left, after as u64);
        let notices = house.admin_reads();
        assert_eq!(notices.len(), 1);
        let reads = notices[0].reads();
        let names_hand = format!("Ada Example changed more than 50 deals within 10 minutes in hubspot.");
        assert!(reads.contains(&names_hand), "{reads}");
        assert!(reads.contains(&format!("{after} had left before:")), "{reads}");
        assert!(reads.contains("Deal 0 is yours now to Ada Example (chat)"), "{reads}");
        assert!(reads.contains(&format!("admin holds release {}", holds[0].hold.id)), "{reads}");

        assert_eq!(house.decide(&holds[0].hold.id, false).await, nudges);
        house.until("2026-03-04 09:00").await;
        let words = house.service.store.summary().await.unwrap().suppressed;
        assert_eq!(words, [("discarded".to_owned(), nudges as u64)]);
        assert_eq!(house.admin_reads().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_is_released_goes_on_within_everybody_s_limits() {
    in_house(ADMINS, async |house: Arc<House>| {
        house.with_admin();
        let deals = house.deals_of_bob(40).await;
        let more = house.deals_of_bob(40).await;
        let all = [deals, more].concat();
        let bulk = by_hand();
        for deal in &all[..60] {
            house.hand_over(*deal, &bulk);
        }
        house.settle().await;
        house.seconds(3).await;
        let holds = house.holds().await;
        assert_eq!(holds.len(), 1);
        assert_eq!(holds[0].held as usize + house.messages().iter().filter(|one| one.user == "U1").count(), 60);
        let id = holds[0].hold.id.clone();
        assert!(house.service.store.settle_hold("nothing".into(), true, AuditEntry {
            at: UnixMs(0), actor: String::new(), action: String::new(), body: Vec::new(),
        }).await.is_err());
        house.decide(&id, true).await;
        // What arrives late of a change that was decided on is not held again.
        house.seconds(10).await;
        assert_eq!(house.in_state(&all, NudgeState::Held).await, 0);
        let today = house.messages().iter().filter(|one| one.user == "U1").count();
        assert!(today <= 2, "{today}");
        house.until("2026-03-04 09:00").await;
        let digest = house.messages().pop().unwrap().reads();
        assert!(digest.contains("3 things worth your time"), "{digest}");
        assert!(house.service.store.settle_hold(id, true, AuditEntry {
            at: UnixMs(0), actor: String::new(), action: String::new(), body: Vec::new(),
        }).await.is_err(), "it was decided on");
    })
    .await;
}

#[tokio::test]
async fn a_change_that_is_marked_as_import_is_held_at_once() {
    in_house(ADMINS, async |house: Arc<House>| {
        house.with_admin();
        let deals = house.deals_of_bob(3).await;
        for deal in &deals {
            house.hand_over(*deal, &Actor::import());
        }
        house.seconds(5).await;
        assert!(house.messages().iter().all(|one| one.user != "U1"));
        assert_eq!(house.in_state(&deals, NudgeState::Held).await, 3);
        assert_eq!(house.admin_reads().len(), 1);
        let reads = house.admin_reads()[0].reads();
        assert!(reads.contains("An import changed deals in bulk in hubspot."), "{reads}");
        assert!(reads.contains("Nothing of it had left before."), "{reads}");
    })
    .await;
}

#[tokio::test]
async fn switched_off_or_slow_enough_it_is_a_busy_day() {
    in_house(&format!("{ADMINS}{MADE}"), async |house: Arc<House>| {
        let deals = house.deals_of_bob(60).await;
        let hand = by_hand();
        deals.iter().for_each(|deal| house.hand_over(*deal, &hand));
        house.seconds(3).await;
        assert!(house.holds().await.is_empty());
        assert_eq!(house.messages().len(), 2);
    })
    .await;
    in_house("", async |house: Arc<House>| {
        let deals = [house.deals_of_bob(40).await, house.deals_of_bob(40).await].concat();
        let hand = by_hand();
        for deal in &deals[..60] {
            house.hand_over(*deal, &hand);
            house.clock.advance_ms(13_000);
            house.settle().await;
        }
        assert!(house.holds().await.is_empty());
    })
    .await;
}

/// What waits in a digest is taken back from it, and the others of it still come.
#[tokio::test]
async fn what_waited_already_is_held_too_and_others_go_on() {
    in_house("interruptions_per_day = 0\n", async |house: Arc<House>| {
        let deals = [house.deals_of_bob(40).await, house.deals_of_bob(40).await].concat();
        let own = house.deal("Harbour Foods").await;
        house.set(own, "closedate", "2026-06-01").await;
        let hand = by_hand();
        for deal in &deals[..60] {
            house.hand_over(*deal, &hand);
            house.settle().await;
        }
        assert_eq!(house.in_state(&deals, NudgeState::Held).await, 60);
        // Nobody is to be told here, and it is no fault.
        assert!(house.deliveries(DeliveryState::Waiting).await.is_empty());
        house.until("2026-03-04 09:00").await;
        let all = house.headlines();
        assert_eq!(all.len(), 1, "{all:?}");
        let reads = house.messages()[0].reads();
        assert!(reads.contains("Harbour Foods was pushed"), "{reads}");
        assert!(!reads.contains("is yours now"), "{reads}");
        // The role has nothing of this to release.
        let _ = Release::new(Arc::clone(&house.service));
    })
    .await;
}
