//! Many deals changed by one hand.

use std::sync::Arc;

use touchline::clock::Clock as _;
use touchline::store::{AuditEntry, DeliveryState, HoldReport, NewInbox, NudgeState};
use touchline_hubspot::HUBSPOT;
use touchline_hubspot::fake::Actor;
use touchline_kit::Crm as _;
use touchline_rules::UnixMs;
use touchline_rules::facts::Origin;
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

    /// Bob's deals, made some time ago and read on connect.
    async fn deals_of_bob(&self, count: usize) -> Vec<u64> {
        let heard_at = self.hubspot.config().target_url.clone();
        self.hubspot.set_target(&heard_at.replace("/hooks/", "/nowhere/"), None);
        let deals: Vec<u64> = (0..count)
            .map(|index| self.deal_of(self.bob_owner, &format!("Deal {index}")))
            .collect();
        // Nobody tries to tell of their making any more.
        while !self.hubspot.webhooks_idle() {
            self.clock.advance_ms(60 * 60_000);
            self.hubspot.tick(self.clock.now()).await;
        }
        self.hubspot.set_target(&heard_at, None);
        self.until("2026-03-05 10:00").await;
        let connection = self.service.connections.get("hubspot").unwrap();
        for some in deals.chunks(HUBSPOT.fetch_limit()) {
            let ids: Vec<String> = some.iter().map(ToString::to_string).collect();
            let (session, view) = (&connection.session, connection.view());
            let records = HUBSPOT.fetch(session, &view, &ids, Origin::Backfill).await.unwrap();
            let row = NewInbox {
                connection: "hubspot".into(),
                kind: "observations".into(),
                received_at: self.clock.now(),
                headers: Vec::new(),
                body: serde_json::to_vec(&records).unwrap(),
            };
            self.service.store.append(row).await.unwrap();
            self.seconds(2).await;
        }
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

fn nobody_s() -> AuditEntry {
    AuditEntry { at: UnixMs(0), actor: String::new(), action: String::new(), body: Vec::new() }
}

#[tokio::test]
async fn five_thousand_deals_handed_over_in_a_minute_stop_after_the_limit_with_one_notice() {
    in_house(&format!("{ADMINS}interruptions_per_day = \"off\"\n"), async |house: Arc<House>| {
        house.with_admin();
        let deals = house.deals_of_bob(DEALS).await;
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
        let fates = house.service.store.summary().await.unwrap().fates;
        assert_eq!((fates.held, fates.waiting, fates.lost), (nudges as u64, 0, 0), "{fates:?}");
        assert_eq!(holds[0].left, after as u64);
        let notices = house.admin_reads();
        assert_eq!(notices.len(), 1);
        let reads = notices[0].reads();
        let names_hand = "Ada Example changed more than 50 deals within 10 minutes in hubspot.";
        assert!(reads.contains(names_hand), "{reads}");
        assert!(reads.contains(&format!("{after} had left before:")), "{reads}");
        assert!(reads.contains("is yours now to ada@example.com (chat)"), "{reads}");
        assert!(reads.contains(&format!("admin holds release {}", holds[0].hold.id)), "{reads}");

        assert_eq!(house.decide(&holds[0].hold.id, false).await, nudges);
        house.until("2026-03-06 09:00").await;
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
        let all = house.deals_of_bob(60).await;
        let bulk = by_hand();
        for deal in &all {
            house.hand_over(*deal, &bulk);
        }
        house.seconds(5).await;
        let holds = house.holds().await;
        assert_eq!(holds.len(), 1, "{holds:#?}");
        assert_eq!(
            holds[0].held as usize + house.messages().iter().filter(|one| one.user == "U1").count(),
            60
        );
        let id = holds[0].hold.id.clone();
        assert!(house.service.store.settle_hold("nothing".into(), true, nobody_s()).await.is_err());
        house.decide(&id, true).await;
        // What arrives late of a change that was decided on is not held again.
        house.seconds(10).await;
        assert_eq!(house.in_state(&all, NudgeState::Held).await, 0);
        let today = house.messages().iter().filter(|one| one.user == "U1").count();
        assert!(today <= 2, "{today}");
        house.until("2026-03-06 09:00").await;
        let digest = house.messages().pop().unwrap().reads();
        assert!(digest.contains("3 things worth your time"), "{digest}");
        let again = house.service.store.settle_hold(id, true, nobody_s()).await;
        assert!(again.is_err(), "it was decided on");
    })
    .await;
}

#[tokio::test]
async fn a_change_that_is_marked_as_import_is_held_at_once() {
    in_house(ADMINS, async |house: Arc<House>| {
        house.with_admin();
        let deals = house.deals_of_bob(3).await;
        for deal in &deals {
            house.hand_over(*deal, &Actor::import(501));
        }
        house.seconds(5).await;
        assert!(house.messages().iter().all(|one| one.user != "U1"));
        assert_eq!(house.in_state(&deals, NudgeState::Held).await, 3);
        assert_eq!(house.admin_reads().len(), 1);
        let reads = house.admin_reads()[0].reads();
        assert!(reads.contains("Ada Example changed deals in bulk in hubspot."), "{reads}");
        assert!(reads.contains("Nothing of it had left before."), "{reads}");
    })
    .await;
}

#[tokio::test]
async fn switched_off_or_slow_enough_it_is_a_busy_day() {
    in_house(&format!("{ADMINS}mass_change_deals = \"off\"\n"), async |house: Arc<House>| {
        let deals = house.deals_of_bob(60).await;
        let hand = by_hand();
        deals.iter().for_each(|deal| house.hand_over(*deal, &hand));
        house.seconds(3).await;
        assert!(house.holds().await.is_empty());
        assert_eq!(house.messages().len(), 2);
    })
    .await;
    in_house("", async |house: Arc<House>| {
        let deals = house.deals_of_bob(60).await;
        let hand = by_hand();
        for deal in &deals {
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
        let deals = house.deals_of_bob(60).await;
        let own = house.deal("Harbour Foods").await;
        let other = Actor::user(777);
        house.hubspot.set(own, "closedate", "2026-06-01", &other).unwrap();
        let hand = by_hand();
        for deal in &deals {
            house.hand_over(*deal, &hand);
            house.settle().await;
        }
        house.seconds(5).await;
        assert_eq!(house.in_state(&deals, NudgeState::Held).await, 60);
        // Nobody is to be told here, and it is no fault.
        assert!(house.deliveries(DeliveryState::Waiting).await.is_empty());
        house.until("2026-03-06 09:00").await;
        let all = house.headlines();
        assert_eq!(all.len(), 1, "{all:?}");
        let reads = house.messages()[0].reads();
        assert!(reads.contains("Harbour Foods was pushed"), "{reads}");
        assert!(!reads.contains("is yours now"), "{reads}");
    })
    .await;
}
