//! Who is sent anything, under load; and a day on which everything fires at once.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use touchline::clock::Clock as _;
use touchline::coaching::rulesets;
use touchline::coaching::settings::{SendingTo, Settings};
use touchline::store::DeliveryState;
use touchline_hubspot::fake::Actor;
use touchline_rules::attention::Sending;
use touchline_rules::packs::BUILTIN;
use touchline_rules::ruleset::{Audience, RuleSet, SourceFile, Trigger};
use touchline_slack::fake::FakeUser;

use crate::house::{House, in_house};

/// Everybody's budget is open, so that only the switch can stop anything.
const OPEN: &str = "interruptions_per_day = \"off\"\nmass_change_deals = \"off\"\n";
/// People in the company.
const PEOPLE: i64 = 200;

impl House {
    /// Two hundred owners, known in chat; answers their owner ids.
    async fn company(&self) -> Vec<u64> {
        let owners = (0..PEOPLE).map(|number| {
            let email = format!("seller{number}@example.com");
            let id = format!("S{number}");
            self.slack.set_user(FakeUser::new(&id, &email, &id, "Europe/London"));
            self.hubspot.add_owner(&email, &id, "Example", 20_000 + number)
        });
        let owners: Vec<u64> = owners.collect();
        self.read_account().await;
        owners
    }

    async fn send_to(&self, sending: Sending, pilot: Vec<String>) {
        let to = SendingTo { sending, pilot };
        let set = Settings::set_sending;
        set(&self.service.store, &to, "admin@example.com", "a test", self.clock.now())
            .await
            .unwrap();
    }

    /// Everybody's deal moves on at the same moment.
    async fn all_move_on(&self, owners: &[u64]) {
        let mut deals = Vec::new();
        for (index, owner) in owners.iter().enumerate() {
            deals.push(self.deal_of(*owner, &format!("Deal {index}")));
            if index % 20 == 19 {
                self.seconds(12).await;
            }
        }
        self.seconds(30).await;
        for (index, deal) in deals.into_iter().enumerate() {
            let hand = Actor::user(20_000 + i64::try_from(index).unwrap());
            self.hubspot.set(deal, "dealstage", "qualifiedtobuy", &hand).unwrap();
        }
    }

    fn reached(&self) -> BTreeSet<String> {
        self.slack.messages().into_iter().map(|one| one.user).collect()
    }
}

#[tokio::test]
async fn a_pilot_of_five_among_two_hundred_is_a_pilot_of_five() {
    in_house(OPEN, async |house: Arc<House>| {
        let owners = house.company().await;
        let pilot = [3, 50, 99, 150, 199].map(|number| format!("seller{number}@example.com"));
        house.send_to(Sending::Pilot, pilot.to_vec()).await;
        house.all_move_on(&owners).await;
        house.seconds(60).await;
        house.until("2026-03-06 09:00").await;
        let expected = ["S150", "S199", "S3", "S50", "S99"].map(str::to_owned);
        assert_eq!(house.reached(), expected.into());
        let summary = house.service.store.summary().await.unwrap();
        assert_eq!(summary.suppressed, [("not_in_pilot".to_owned(), 195)]);
        assert_eq!((summary.fates.sent, summary.fates.lost), (5, 0));
    })
    .await;
}

/// Hundreds are on their way when the switch is turned: what is claimed already may
/// still arrive, and nothing else leaves.
#[tokio::test]
async fn the_stop_acts_before_the_next_delivery_under_load() {
    in_house(OPEN, async |house: Arc<House>| {
        let owners = house.company().await;
        house.all_move_on(&owners).await;
        // Slack takes a while; some have left, most wait.
        for _ in 0..400 {
            house.clock.advance_ms(50);
            let now = house.clock.now();
            house.hubspot.tick(now).await;
            house.read_vendors().await;
            for role in &house.roles {
                role.tick(now).await.unwrap();
            }
            if house.messages().len() >= 20 {
                break;
            }
        }
        house.send_to(Sending::Off, Vec::new()).await;
        let before = house.slack.messages().len();
        assert!((20..150).contains(&house.messages().len()), "{}", house.messages().len());
        house.seconds(120).await;
        assert_eq!(house.slack.messages().len(), before, "nothing left after the stop");
        assert!(house.deliveries(DeliveryState::Waiting).await.is_empty());
        house.send_to(Sending::Everyone, Vec::new()).await;
        house.until("2026-03-05 09:00").await;
        assert_eq!(
            house.slack.messages().len(),
            before,
            "what was decided while off is never sent"
        );
        let summary = house.service.store.summary().await.unwrap();
        assert_eq!((summary.fates.waiting, summary.fates.lost), (0, 0));
    })
    .await;
}

/// Every rule that ships, with its own class, priority and audience, made to speak by
/// one amount: so all of them fire at the same moment.
fn everything_at_once() -> (RuleSet, usize) {
    let builtin: Vec<String> =
        BUILTIN.iter().map(|pack| format!("builtin:{}", pack.name)).collect();
    let (shipped, _) = rulesets::load(&builtin, &[]).unwrap();
    let mut text = "pack: all\ntitle: All\nrules:\n".to_owned();
    for rule in shipped.rules() {
        let on = match rule.on {
            Trigger::State => "state",
            Trigger::Event(_) => "deal.field_changed(amount)",
        };
        let audience = if rule.audience == Audience::Manager { "manager" } else { "owner" };
        let (id, attention, priority) = (&rule.id, rule.attention.name(), rule.priority);
        write!(
            text,
            "  - id: {id}\n    title: {id}\n    on: {on}\n    when: deal.amount >= 500\n    audience: {audience}\n    attention: {attention}\n    priority: {priority}\n    tip: {{ headline: '{{{{ deal.name }}}} {id}', body: Act. }}\n"
        )
        .unwrap();
    }
    let file = SourceFile { path: "all.yaml".into(), text };
    let loaded = RuleSet::load(&[file], &[]);
    let found: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
    (loaded.set.unwrap_or_else(|| panic!("{}", found.join("\n"))), shipped.rules().len())
}

#[tokio::test]
async fn on_a_day_when_every_rule_fires_at_once_the_reasons_add_up_exactly() {
    const DEALS: usize = 12;
    let lead = "[people.\"ada@example.com\"]\nmanager = \"bob@example.com\"\n";
    in_house(lead, async |house: Arc<House>| {
        let (rules, count) = everything_at_once();
        house.service.rules.replace(rules);
        let mut deals = Vec::new();
        for index in 0..DEALS {
            deals.push(house.deal(&format!("Deal {index}")).await);
        }
        for deal in &deals {
            house.hubspot.set(*deal, "amount", "900", &crate::house::by_hand()).unwrap();
        }
        house.seconds(10).await;
        let mut days = Vec::new();
        let mut before = 0;
        for day in ["03 17:30", "04 17:30", "05 17:30", "06 17:30", "09 17:30", "10 17:30"] {
            if !day.starts_with("03") {
                house.until(&format!("2026-03-{} 09:00", &day[..2])).await;
            }
            house.until(&format!("2026-03-{day}")).await;
            let ada: Vec<String> = house
                .messages()
                .iter()
                .filter(|one| one.user == "U1")
                .map(|one| one.reads())
                .collect();
            let today = &ada[before..];
            let of_digests = |reads: &&String| reads.contains("worth your time");
            let items: usize =
                today.iter().filter(of_digests).map(|reads| reads.matches("\n# ").count()).sum();
            days.push((today.iter().filter(|reads| !of_digests(reads)).count(), items));
            before = ada.len();
        }
        assert!(days.iter().all(|(loud, items)| *loud <= 2 && *items <= 3), "{days:?}");
        assert_eq!(days[0].0, 2, "{days:?}");
        let summary = house.service.store.summary().await.unwrap();
        let fired: u64 = summary.firings.iter().map(|(_, times)| times).sum();
        assert_eq!(fired, (count * DEALS) as u64);
        let fates = summary.fates;
        assert_eq!((fates.waiting, fates.lost), (0, 0), "{fates:?}");
        let reasons: u64 = summary.suppressed.iter().map(|(_, times)| times).sum();
        assert_eq!(fates.sent + reasons, fired, "{:?}", summary.suppressed);
        let known = touchline::coaching::ledger::in_words;
        assert!(
            summary.suppressed.iter().all(|(word, _)| known(word) != word),
            "{:?}",
            summary.suppressed
        );
    })
    .await;
}
