//! A burst of webhooks during which the program is killed again and again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

use crate::company::{Company, PACK};
use crate::ledger::Ledger;
use crate::serve::Serve;
use crate::vendors::Vendors;

/// How long the first read of the account may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(60);
/// How long everything may take to come to rest after the last start.
const DRAIN_WITHIN: Duration = Duration::from_secs(240);
/// A stop must be over after this.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// Ceilings off, every day a working day: what is decided goes out. Short leases:
/// what a killed run had begun is taken up again soon after.
const CONFIG: &str = r#"
working_days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

[attention]
sending = "everyone"
interruptions_per_day = "off"
interruptions_per_day_new = "off"
deal_spacing_working_days = "off"
digest_items_max = "off"
mass_change_deals = "off"
quiet_hours = "off"

[crm]
lease_ms = 3000

[delivery]
lease_ms = 5000

[connections.hubspot]
connector = "hubspot"
client_secret = "fake-client-secret"
access_token = "fake-access-token"
base_url = "HUBSPOT"

[connections.slack]
connector = "slack"
bot_token = "fake-xoxb-token"
signing_secret = "fake-signing-secret"
base_url = "SLACK/api/"
limits = { per_channel_per_s = "off", workspace_messages_per_min = "off", tier_3_per_min = "off", tier_4_per_min = "off" }
"#;

/// How hard it blows.
#[derive(Copy, Clone, Debug)]
pub struct Force {
    pub deals: usize,
    pub events: usize,
    pub kills: usize,
    pub seed: u64,
}

/// A company, the vendors, and the program that is about to have a bad day.
pub struct Storm {
    pub vendors: Vendors,
    pub serve: Serve,
    pub ledger: Ledger,
    pub company: Company,
    rng: ChaCha8Rng,
    _folder: tempfile::TempDir,
}

impl Storm {
    /// Everything connected and read; the program runs.
    pub async fn gather(force: Force) -> Storm {
        Storm::gather_with(force, str::to_owned).await
    }

    /// The same with another configuration.
    pub async fn gather_with(force: Force, config: impl FnOnce(&str) -> String) -> Storm {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let vendors = Vendors::new(force.seed).await;
        let company = Company::found(&vendors.hubspot, force.deals, force.seed);
        let pack = at.join("pack.yaml");
        std::fs::write(&pack, PACK).unwrap();
        let mut serve = Serve::new(at, |url| {
            let config = config(CONFIG)
                .replace("HUBSPOT", &vendors.hubspot_url)
                .replace("SLACK", &vendors.slack_url);
            format!(
                "public_url = \"{url}\"\ndatabase = \"sqlite:{at}/touchline.db\"\n\
                 key_file = \"{at}/touchline.key\"\nrules = [\"{pack}\"]\n{config}",
                at = at.display(),
                pack = pack.display(),
            )
        });
        vendors.subscribe(&serve.url());
        serve.start().await;
        let ledger = Ledger::of(&serve.database());
        ledger.connected(force.deals, CONNECT_WITHIN).await;
        let rng = ChaCha8Rng::seed_from_u64(force.seed ^ 0x5707_11ab_5707_11ab);
        Storm { vendors, serve, ledger, company, rng, _folder: folder }
    }

    /// Changes so many deals, and the account tells of it.
    pub fn blow(&mut self, events: usize) {
        for _ in 0..events {
            self.company.act(&self.vendors.hubspot);
        }
    }

    /// One hand moves the next deals, each once, and the account tells of it.
    pub fn sweep(&mut self, deals: usize) {
        for _ in 0..deals {
            self.company.move_next(&self.vendors.hubspot);
        }
    }

    /// Sends what waits, and kills the program at some point of it. Answers how
    /// many deliveries were in flight.
    pub async fn kill_somewhere(&mut self) -> i64 {
        // Half of the points lie in the rush of requests, half in what follows.
        let longest_ms = if self.rng.random_bool(0.5) { 150 } else { 1_500 };
        let point = Duration::from_millis(self.rng.random_range(0..longest_ms));
        let Storm { vendors, serve, .. } = self;
        let killing = async {
            tokio::time::sleep(point).await;
            serve.kill();
        };
        tokio::join!(vendors.send_all(), killing);
        self.ledger.number("SELECT COUNT(*) FROM delivery WHERE state = 'claimed'")
    }

    /// Sends what was not acknowledged until all is, then waits until it has
    /// taken effect.
    pub async fn calm(&self) {
        while !self.vendors.hubspot.webhooks_idle() {
            self.vendors.send_all().await;
        }
        assert_eq!(self.vendors.hubspot.webhook_counts().given_up, 0, "HubSpot gave a request up");
        self.ledger.drained(DRAIN_WITHIN).await;
    }

    /// Stops the program as an operator would.
    pub async fn stop(&mut self) -> Duration {
        let stopped = self.serve.terminate(STOP_WITHIN).await;
        let (status, took) = stopped.expect("it stops within 10 s of SIGTERM");
        assert!(status.success(), "{status}\n{}", self.serve.said());
        took
    }

    /// Holds what came of it against what happened. `in_flight` deliveries were
    /// under way when the program was killed.
    pub fn judge(&self, in_flight: i64) -> Verdict {
        self.acknowledged_took_effect();
        let nudges = self.ledger.nudges();
        let expected = self.company.expected_nudges();
        let made: BTreeSet<_> = nudges.iter().cloned().collect();
        assert_eq!(made.len(), nudges.len(), "two nudge rows of one firing and reader");
        let missing: Vec<_> = expected.difference(&made).take(5).collect();
        let invented: Vec<_> = made.difference(&expected).take(5).collect();
        assert!(
            missing.is_empty() && invented.is_empty(),
            "missing {missing:?}, made up {invented:?}"
        );

        let sent = self.messages();
        let doubles = sent.values().map(|count| count - 1).sum::<i64>();
        assert!(doubles <= in_flight, "{doubles} doubled messages, {in_flight} in flight at kills");
        assert!(sent.values().all(|count| *count <= 2), "a delivery was sent a third time");
        let said = self.ledger.rows("SELECT id FROM delivery WHERE state IN ('sent', 'accepted')");
        for row in &said {
            assert!(sent.contains_key(&row[0]), "delivery {} is called sent and was not", row[0]);
        }
        let unknown = self.ledger.rows("SELECT id FROM delivery WHERE state = 'unknown'");
        Verdict {
            unknown_and_unseen: unknown.iter().filter(|row| !sent.contains_key(&row[0])).count(),
            acknowledged: self.vendors.hubspot.webhook_counts().accepted,
            changes: self.company.changes.len(),
            nudges: nudges.len(),
            nudge_states: self.ledger.states("nudge"),
            suppressed: self
                .ledger
                .rows("SELECT reason, COUNT(*) FROM suppressed GROUP BY reason ORDER BY reason"),
            delivery_states: self.ledger.states("delivery"),
            messages: sent.values().sum(),
            doubles,
            in_flight,
        }
    }

    fn acknowledged_took_effect(&self) {
        let applied = self.ledger.changes();
        let told: BTreeSet<_> = self
            .company
            .changes
            .iter()
            .map(|change| (change.deal.clone(), change.field.to_owned(), change.occurred_at))
            .collect();
        let lost: Vec<_> = told.difference(&applied).take(5).collect();
        assert!(lost.is_empty(), "acknowledged and without effect: {lost:?}");
        let stages: BTreeMap<_, _> = self
            .ledger
            .rows("SELECT id, stage FROM deal")
            .into_iter()
            .map(|row| (row[0].clone(), row[1].clone()))
            .collect();
        assert_eq!(stages, self.company.stages());
        assert_eq!(self.ledger.number("SELECT COUNT(*) FROM dead_letter"), 0);
    }

    /// How many messages of deliveries on that channel the chat has.
    pub fn messages_of(&self, channel: &str) -> i64 {
        let of = format!("SELECT id FROM delivery WHERE channel = '{channel}'");
        let sent = self.messages();
        let ids = self.ledger.rows(&of);
        ids.iter().filter_map(|row| sent.get(&row[0])).sum()
    }

    /// How often each delivery appeared in the chat.
    fn messages(&self) -> BTreeMap<String, i64> {
        let mut sent = BTreeMap::new();
        for message in self.vendors.slack.messages() {
            let metadata = message.metadata.expect("our messages carry their delivery's id");
            let id = metadata["event_payload"]["delivery_id"].as_str().unwrap().to_owned();
            *sent.entry(id).or_insert(0) += 1;
        }
        sent
    }
}

/// What a storm left behind.
#[derive(Debug)]
#[expect(dead_code, reason = "figures to be read by people")]
pub struct Verdict {
    acknowledged: u64,
    changes: usize,
    nudges: usize,
    nudge_states: BTreeMap<String, i64>,
    suppressed: Vec<Vec<String>>,
    delivery_states: BTreeMap<String, i64>,
    /// Interrupted twice, and in the chat not even once: shown to the admin.
    unknown_and_unseen: usize,
    messages: i64,
    doubles: i64,
    in_flight: i64,
}
