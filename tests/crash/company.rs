//! What happens in the account, and, apart from the service's own code, what
//! must come of it.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use touchline_hubspot::fake::{Actor, FakeHubSpot, Pipeline, Stage};
use touchline_rules::UnixMs;
use touchline_rules::time::DAY_MS;

/// Stages of the account's pipeline: enough that no deal is in one twice.
pub const PORTAL_STAGES: usize = 40;
/// People who sell.
pub const SELLERS: usize = 10;
/// Of a hundred changes, how many move the stage; the rest set another property.
const STAGE_PERCENT: u32 = 12;
/// People who change deals: so many that nobody's work looks like a mass change.
const HANDS: i64 = 5_003;
/// Whose work does.
const SWEEPER: i64 = 9_000;

/// The rule that speaks up at each change of stage.
pub const PACK: &str = include_str!("../echo.yaml");

/// One change, as HubSpot tells of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    pub deal: String,
    /// As the service calls it.
    pub field: &'static str,
    pub value: String,
    pub occurred_at: i64,
}

struct Deal {
    id: u64,
    seller: usize,
    stage: usize,
}

/// The company with all it has done so far.
pub struct Company {
    deals: Vec<Deal>,
    rng: ChaCha8Rng,
    last_at: UnixMs,
    swept: usize,
    pub changes: Vec<Change>,
}

impl Company {
    /// Deals that were made a month ago, spread over the sellers.
    pub fn found(hubspot: &FakeHubSpot, deals: usize, seed: u64) -> Company {
        let owners: Vec<u64> = (0..SELLERS)
            .map(|n| hubspot.add_owner(&seller_email(n), "Seller", "Example", 7_000 + n as i64))
            .collect();
        let born = UnixMs(hubspot.now().0 - 30 * DAY_MS);
        let deal = |n: usize| {
            let (name, owner) = (format!("Deal {n}"), owners[n % SELLERS].to_string());
            let values = [
                ("dealname", name.as_str()),
                ("pipeline", "crash"),
                ("dealstage", "stage-0"),
                ("hubspot_owner_id", &owner),
            ];
            let id = hubspot.create_deal(&values, &Actor::user(7_000).at(born)).unwrap();
            Deal { id, seller: n % SELLERS, stage: 0 }
        };
        let deals = (0..deals).map(deal).collect();
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Company { deals, rng, last_at: UnixMs(0), swept: 0, changes: Vec::new() }
    }

    /// Changes some deal. Each change is of an instant of its own, so that it can
    /// be told from every other.
    pub fn act(&mut self, hubspot: &FakeHubSpot) {
        let n = self.rng.random_range(0..self.deals.len());
        let moves = self.rng.random_range(0..100) < STAGE_PERCENT;
        let count = self.changes.len();
        let deal = &mut self.deals[n];
        let (property, field, value) = if moves && deal.stage + 1 < PORTAL_STAGES {
            deal.stage += 1;
            ("dealstage", "stage", format!("stage-{}", deal.stage))
        } else if count.is_multiple_of(2) {
            ("amount", "amount", (1_000 + count).to_string())
        } else {
            ("hs_next_step", "next_step", format!("Step {count}"))
        };
        let by = 10_000 + count as i64 % HANDS;
        self.change(hubspot, n, by, (property, field, value));
    }

    /// One hand moves the next deal that it did not move yet.
    pub fn move_next(&mut self, hubspot: &FakeHubSpot) {
        let n = self.swept;
        self.swept += 1;
        self.deals[n].stage += 1;
        let to = format!("stage-{}", self.deals[n].stage);
        self.change(hubspot, n, SWEEPER, ("dealstage", "stage", to));
    }

    fn change(
        &mut self,
        hubspot: &FakeHubSpot,
        n: usize,
        by: i64,
        (property, field, value): (&str, &'static str, String),
    ) {
        let id = self.deals[n].id;
        self.last_at = UnixMs(hubspot.now().0.max(self.last_at.0 + 1));
        hubspot.set(id, property, &value, &Actor::user(by).at(self.last_at)).unwrap();
        let (deal, occurred_at) = (id.to_string(), self.last_at.0);
        self.changes.push(Change { deal, field, value, occurred_at });
    }

    /// The changes that the rule speaks of, each with its reader.
    pub fn expected_nudges(&self) -> BTreeSet<(String, i64, String)> {
        let seller: BTreeMap<String, usize> =
            self.deals.iter().map(|deal| (deal.id.to_string(), deal.seller)).collect();
        let moves = self.changes.iter().filter(|change| change.field == "stage");
        moves
            .map(|change| {
                let reader = seller_email(seller[&change.deal]);
                (change.deal.clone(), change.occurred_at, reader)
            })
            .collect()
    }

    /// The stage that each deal is in.
    pub fn stages(&self) -> BTreeMap<String, String> {
        self.deals
            .iter()
            .map(|deal| (deal.id.to_string(), format!("stage-{}", deal.stage)))
            .collect()
    }
}

pub fn seller_email(n: usize) -> String {
    format!("seller{n}@example.com")
}

pub fn pipeline(stages: usize) -> Pipeline {
    let stage = |n: usize| Stage {
        id: format!("stage-{n}"),
        label: format!("Stage {n}"),
        probability_tenths: 1,
        closed: false,
    };
    Pipeline { id: "crash".into(), label: "Crash".into(), stages: (0..stages).map(stage).collect() }
}
