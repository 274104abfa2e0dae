//! Present cases of a rule, let out a few a day.

use std::sync::Arc;

use touchline::clock::Clock as _;
use touchline::store::{AuditEntry, ReleaseCaseRow, ReleaseState};
use touchline_hubspot::HUBSPOT;
use touchline_kit::Crm as _;
use touchline_rules::facts::{DealKey, Origin};

use crate::house::{ADA, House, by_hand, in_house};

const FRESH: &str = "digest_at = [\"09:00\", \"14:00\"]\n";
const RULE: &str = "no-step";

impl House {
    /// Deals that the rule is true of when they are read first; the first is worst.
    async fn present_cases(&self, count: usize) -> Vec<u64> {
        let heard_at = self.hubspot.config().target_url.clone();
        self.hubspot.set_target(&heard_at.replace("/hooks/", "/nowhere/"), None);
        let deals: Vec<u64> = (0..count)
            .map(|index| {
                let deal = self.deal_of(self.ada_owner, &format!("Deal {index}"));
                self.hubspot.set(deal, "amount", "900", &by_hand()).unwrap();
                deal
            })
            .collect();
        while !self.hubspot.webhooks_idle() {
            self.clock.advance_ms(60 * 60_000);
            self.hubspot.tick(self.clock.now()).await;
        }
        self.hubspot.set_target(&heard_at, None);
        self.until("2026-03-06 16:00").await;
        let connection = self.service.connections.get("hubspot").unwrap();
        let ids: Vec<String> = deals.iter().map(ToString::to_string).collect();
        let (session, view) = (&connection.session, connection.view());
        let records = HUBSPOT.fetch(session, &view, &ids, Origin::Backfill).await.unwrap();
        self.read_in(&records).await;
        let rules = self.service.rules.current();
        let version = &rules.rule(RULE).unwrap().version_hash;
        let cases = deals.iter().enumerate().map(|(index, deal)| {
            let key = DealKey { connection: "hubspot".into(), id: deal.to_string() };
            let order = i64::try_from(index).unwrap();
            ReleaseCaseRow::new(RULE, version, key, ADA, order, self.clock.now())
        });
        let cases: Vec<ReleaseCaseRow> = cases.collect();
        let store = self.service.store.release_case();
        assert_eq!(store.add(cases.clone()).await.unwrap(), count);
        assert_eq!(store.add(cases).await.unwrap(), 0, "each is added once");
        deals
    }

    async fn read_in(&self, records: &[touchline_rules::facts::Observation]) {
        let row = touchline::store::NewInbox {
            connection: "hubspot".into(),
            kind: "observations".into(),
            received_at: self.clock.now(),
            headers: Vec::new(),
            body: serde_json::to_vec(records).unwrap(),
        };
        self.service.store.append(row).await.unwrap();
        self.seconds(2).await;
    }

    async fn cases(&self) -> Vec<String> {
        let rows = self.service.store.release_case().list(String::new(), 100).await.unwrap();
        let told = |row: ReleaseCaseRow| format!("{} {}", row.state.name(), row.reason);
        rows.into_iter().map(|row| told(row).trim().to_owned()).collect()
    }

    /// The deals told of in each message.
    fn told_of(&self) -> Vec<Vec<String>> {
        let numbers = |text: &str| {
            let parts = text.split("# Deal ").skip(1);
            parts.map(|part| part.split(' ').next().unwrap_or_default().to_owned()).collect()
        };
        self.messages()
            .iter()
            .map(|one| numbers(&one.reads()))
            .filter(|all: &Vec<String>| !all.is_empty())
            .collect()
    }
}

#[tokio::test]
async fn worst_first_three_a_day_in_the_digest_and_never_otherwise() {
    in_house(FRESH, async |house: Arc<House>| {
        house.present_cases(7).await;
        house.until("2026-03-06 17:59").await;
        assert!(house.messages().is_empty(), "they are no interruptions, whatever the rule says");
        for day in ["09", "10", "11", "12"] {
            for hour in ["08:00", "09:00", "14:00", "17:00"] {
                house.until(&format!("2026-03-{day} {hour}")).await;
            }
        }
        assert_eq!(house.told_of(), [vec!["0", "1", "2"], vec!["3", "4", "5"], vec!["6"]]);
        assert_eq!(house.cases().await, ["released"; 7]);
        // Said once: no reminder follows, and a question to nobody.
        house.until("2026-03-20 14:00").await;
        assert_eq!(house.told_of().len(), 3);
    })
    .await;
}

#[tokio::test]
async fn what_has_come_up_goes_first_and_what_is_not_true_any_more_is_dropped() {
    in_house("", async |house: Arc<House>| {
        let deals = house.present_cases(5).await;
        house.set(deals[0], "hs_next_step", "Demo on Thursday").await;
        house.set(deals[1], "hubspot_owner_id", &house.bob_owner.to_string()).await;
        house.seconds(30).await;
        let own = house.deal("Harbour Foods").await;
        house.set(own, "closedate", "2026-06-01").await;
        house.until("2026-03-09 08:55").await;
        // Between the look and the digest another one is settled.
        house.set(deals[2], "hs_next_step", "Demo on Friday").await;
        house.until("2026-03-09 09:00").await;
        let ada: Vec<String> = house
            .messages()
            .into_iter()
            .filter(|one| one.user == "U1")
            .map(|one| one.reads())
            .collect();
        let digest = ada.last().unwrap();
        let place = |text: &str| digest.find(text).unwrap_or_else(|| panic!("{text} in {digest}"));
        assert!(place("Harbour Foods was pushed") < place("Deal 3 has no next step"));
        assert!(
            !digest.contains("Deal 0") && !digest.contains("Deal 1") && !digest.contains("Deal 2")
        );
        let mut cases = house.cases().await;
        cases.sort();
        let of_bob = ["released", "released", "released", "released"];
        assert_eq!(cases[0], "dropped no_longer_true");
        assert!(
            cases.len() == 5
                && cases[1..]
                    .iter()
                    .all(|case| of_bob.contains(&case.as_str()) || case == "waiting"),
            "{cases:?}"
        );
        let ledger = house.ledger().await;
        assert_eq!(ledger, ["no-step: no_longer_true", "no-step: no_longer_true"]);
    })
    .await;
}

#[tokio::test]
async fn an_admin_stops_what_waits_and_who_is_sent_nothing_keeps_their_cases() {
    in_house("", async |house: Arc<House>| {
        house.present_cases(5).await;
        house.set_sending(touchline_rules::attention::Sending::Off).await;
        house.until("2026-03-09 09:00").await;
        assert_eq!(house.cases().await, ["waiting"; 5]);
        house.set_sending(touchline_rules::attention::Sending::Everyone).await;
        house.until("2026-03-10 09:00").await;
        assert_eq!(house.told_of(), [["0", "1", "2"]]);
        let audit = AuditEntry {
            at: house.clock.now(),
            actor: "admin@example.com".into(),
            action: "release_stop".into(),
            body: Vec::new(),
        };
        let stopped = house.service.store.release_case().stop(RULE.into(), audit).await.unwrap();
        assert_eq!(stopped, 2);
        house.until("2026-03-11 09:00").await;
        assert_eq!(house.told_of().len(), 1);
        let left = house.service.store.release_case().next_for(ADA.into(), 10).await.unwrap();
        assert!(left.is_empty());
        assert!(house.cases().await.contains(&ReleaseState::Stopped.name().to_owned()));
    })
    .await;
}
