//! A service with one HubSpot and one Slack, both fake.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use touchline::clock::ManualClock;
use touchline::coaching::people::People;
use touchline::coaching::rulesets::RuleSets;
use touchline::coaching::settings::Settings;
use touchline::config::Config;
use touchline::connection::{Connection, Connections};
use touchline::http::hooks::Intake;
use touchline::roles::backfill::{Backfill, BackfillProgress};
use touchline::roles::fetch::Fetch;
use touchline::roles::ingest::Ingest;
use touchline::roles::poll::Poll;
use touchline::roles::sweep::{Sweep, restore};
use touchline::roles::timers::Timers;
use touchline::roles::{Progress, Role};
use touchline::service::{Parts, Service};
use touchline::store::{AuditEntry, ConnectionRow, Store, StoreOptions};
use touchline::vault::Vault;
use touchline_hubspot::fake::{Actor, FakeConfig, FakeHubSpot, RateLimits};
use touchline_kit::session::SessionConfig;
use touchline_kit::{
    Clock as _, ConnectionView, Connector, DailyOverride, NetworkPolicy, Secrets, Session,
    StaticToken,
};
use touchline_rules::UnixMs;
use touchline_rules::facts::{DealKey, DealState, Hydration};
use touchline_rules::time::MINUTE_MS;
use touchline_slack::fake::{FakeConfig as SlackConfig, FakeSlack, FakeUser};

/// Monday, 2026-11-23T08:00:00Z.
pub const START: UnixMs = UnixMs(1_795_420_800_000);
pub const PUBLIC_URL: &str = "https://touchline.example.com";
const SECRET: &str = "fake-client-secret";
/// More turns than any story here needs.
const TURNS_MAX: usize = 20_000;

const RULES: &str = r#"
pack: reading
title: Rules of these tests
rules:
  - id: moved
    title: It moved on
    on: deal.stage_changed
    when: change.stages_moved > 0
    attention: interrupt
    priority: 3
    tip: { headline: It moved, body: Say something. }
    evidence: { grade: convention }
  - id: made
    title: It was made
    on: deal.created
    when: has(deal.name)
    attention: interrupt
    priority: 4
    tip: { headline: It is new, body: Say something. }
    evidence: { grade: convention }
  - id: big
    title: It is big
    on: state
    when: deal.amount >= 10000
    attention: digest
    priority: 6
    tip: { headline: It is big, body: Say something. }
    evidence: { grade: convention }
  - id: quiet
    title: Nobody talks
    on: state
    when: days_since(deal.last_activity_at) >= 5
    attention: digest
    priority: 5
    tip: { headline: It is quiet, body: Say something. }
    evidence: { grade: convention }
"#;

/// The vendors and the disk: they outlive a restart of the service.
pub struct House {
    pub clock: Arc<ManualClock>,
    pub hubspot: Arc<FakeHubSpot>,
    pub slack: Arc<FakeSlack>,
    pub owner: String,
    hubspot_url: String,
    slack_url: String,
    pub daily: DailyOverride,
    /// Stories of many days poll seldom.
    pub poll_minutes: i64,
    dir: tempfile::TempDir,
}

/// A running service with the roles under test.
pub struct Running {
    pub service: Arc<Service>,
    pub roles: Vec<Box<dyn Role>>,
    pub poll: Arc<Poll>,
    clock: Arc<ManualClock>,
    hubspot: Arc<FakeHubSpot>,
}

/// The seller.
pub fn seller() -> Actor {
    Actor::user(7)
}

impl House {
    pub async fn new() -> House {
        let clock = Arc::new(ManualClock::new(START));
        let config = FakeConfig {
            target_url: format!("{PUBLIC_URL}/hooks/hubspot"),
            time_zone: "Europe/London".into(),
            client_secret: SECRET.into(),
            limits: RateLimits::off(),
            ..FakeConfig::new(Arc::clone(&clock) as Arc<_>)
        };
        let hubspot = FakeHubSpot::new(config);
        let owner = hubspot.add_owner("seller0@example.com", "Sam", "Seller", 7).to_string();
        let slack = FakeSlack::new(SlackConfig {
            team: "Example".into(),
            bot_token: "fake-bot".into(),
            signing_secret: "fake-signing-secret".into(),
            users: vec![FakeUser::new("U1", "seller0@example.com", "Sam Seller", "Asia/Tokyo")],
            clock: Arc::clone(&clock) as Arc<_>,
            answer_url: String::new(),
        });
        let slack = Arc::new(slack);
        let hubspot_url = serve(hubspot.router()).await;
        let slack_url = format!("{}/api/", serve(slack.router()).await);
        House {
            clock,
            hubspot,
            slack,
            owner,
            hubspot_url,
            slack_url,
            daily: DailyOverride::default(),
            poll_minutes: 5,
            dir: tempfile::tempdir().expect("a folder"),
        }
    }

    /// A deal of the seller's in the first stage.
    pub fn deal(&self, name: &str) -> u64 {
        let values = [
            ("dealname", name),
            ("dealstage", "appointmentscheduled"),
            ("hubspot_owner_id", self.owner.as_str()),
        ];
        self.hubspot.create_deal(&values, &seller()).expect("a deal")
    }

    /// Starts the service on what is on the disk.
    pub async fn start(&self) -> Running {
        let database = self.dir.path().join("touchline.db");
        let minutes = self.poll_minutes;
        let text = format!(
            "[crm]\npoll_interval_minutes = {minutes}\n\
             metadata_interval_minutes = {}\n\
             [connections.hubspot]\nconnector = \"hubspot\"\n\
             [connections.slack]\nconnector = \"slack\"\n",
            minutes * 12
        );
        let config = Arc::new(Config::from_toml(&text).expect("a configuration"));
        let options = StoreOptions { work_rows_max: 5_000, ..StoreOptions::default() };
        let store = Store::open(Path::new(&database), options).expect("a store");
        let mut connections = Connections::default();
        connections.insert(self.connection(
            "hubspot",
            &touchline_hubspot::HUBSPOT,
            &self.hubspot_url,
            "fake-access-token",
        ));
        connections.insert(self.connection(
            "slack",
            &touchline_slack::SLACK,
            &self.slack_url,
            "fake-bot",
        ));
        for connection in connections.iter() {
            declare(&store, connection, self.clock.now()).await;
        }
        let pack = self.dir.path().join("rules.yaml");
        std::fs::write(&pack, RULES).expect("a pack");
        let rules = RuleSets::open(&[pack.display().to_string()], &[]).expect("rules");
        let people = People::load(store.clone(), Arc::clone(&config)).await.expect("people");
        let settings =
            Settings::load(store.clone(), &config, self.clock.now()).await.expect("settings");
        let service = Arc::new(Service::new(Parts {
            config,
            clock: Arc::clone(&self.clock) as Arc<_>,
            store,
            connections: Arc::new(connections),
            rules,
            people,
            settings,
            vault: Arc::new(Vault::ephemeral()),
        }));
        restore(&service).await.expect("what is stored");
        let poll = Arc::new(Poll::new(Arc::clone(&service)));
        let roles: Vec<Box<dyn Role>> = vec![
            Box::new(Ingest::new(Arc::clone(&service))),
            Box::new(Timers::new(Arc::clone(&service))),
            Box::new(Fetch::new(Arc::clone(&service))),
            Box::new(Backfill::new(Arc::clone(&service))),
            Box::new(Sweep::new(Arc::clone(&service))),
        ];
        let (clock, hubspot) = (Arc::clone(&self.clock), Arc::clone(&self.hubspot));
        Running { service, roles, poll, clock, hubspot }
    }

    /// Starts the service, and lets the first read and what follows come to an end.
    pub async fn started(&self) -> Running {
        let running = self.start().await;
        running.run_for(MINUTE_MS).await;
        let first = running.backfill().await;
        assert!(first.finished_at.is_some(), "{first:?}");
        running
    }

    fn connection(
        &self,
        name: &str,
        connector: &'static dyn Connector,
        url: &str,
        token: &str,
    ) -> Connection {
        let mut secrets = Secrets::default();
        secrets.insert("client_secret", SECRET);
        let tokens = Arc::new(StaticToken::from(token));
        let clock = Arc::clone(&self.clock) as Arc<_>;
        let session = Session::new(SessionConfig {
            base_url: url.to_owned(),
            network: NetworkPolicy::with_loopback(),
            daily: self.daily.clone(),
            ..SessionConfig::new(name, connector.manifest(), tokens, clock)
        });
        let view = ConnectionView {
            name: name.to_owned(),
            public_url: PUBLIC_URL.to_owned(),
            metadata: Arc::default(),
            settings: serde_json::Map::new(),
        };
        Connection::new(connector, secrets, session.expect("a session"), view)
    }
}

async fn declare(store: &Store, connection: &Connection, now: UnixMs) {
    let name = connection.slug.clone();
    if store.connection(name.clone()).await.expect("a row").is_some() {
        return;
    }
    let row = ConnectionRow {
        connector: name.clone(),
        name,
        status: "new".into(),
        reason: String::new(),
        version: 0,
        updated_at: now,
        body: Vec::new(),
    };
    let (actor, action) = ("configuration".into(), "connected".into());
    let audit = AuditEntry { at: now, actor, action, body: Vec::new() };
    store.put_connection(row, audit).await.expect("a connection");
}

impl Running {
    /// Opens the webhooks: HubSpot's are sent here from now on.
    pub async fn open_hooks(&self) {
        let intake = Intake::new(
            self.service.store.clone(),
            Arc::clone(&self.service.connections),
            Arc::clone(&self.service.clock),
            self.service.config.http.clone(),
            |_| {},
        );
        intake.set_ready(true);
        let url = serve(touchline::http::router(Arc::new(intake))).await;
        self.hubspot.set_target(
            &format!("{PUBLIC_URL}/hooks/hubspot"),
            Some(&format!("{url}/hooks/hubspot")),
        );
    }

    /// Delivers the webhooks that are due.
    pub async fn deliver(&self) {
        self.hubspot.tick(self.clock.now()).await;
    }

    /// Ticks every role at the present instant until none has work.
    pub async fn settle(&self) -> Progress {
        for _ in 0..TURNS_MAX {
            let now = self.clock.now();
            let mut all = self.poll.tick(now).await.expect("a tick of poll");
            for role in &self.roles {
                let done = role.tick(now).await;
                all = all.and(done.unwrap_or_else(|error| panic!("{}: {error:#}", role.name())));
            }
            if !all.worked {
                return all;
            }
        }
        panic!("the roles never come to rest");
    }

    /// Lets this much time pass, stopping wherever a role has something to do.
    pub async fn run_for(&self, ms: i64) {
        let end = self.clock.now().plus_ms(ms);
        for _ in 0..TURNS_MAX {
            let rest = self.settle().await;
            let now = self.clock.now();
            match rest.next.filter(|next| *next < end) {
                Some(next) => self.clock.set(next.max(now.plus_ms(1))),
                None if now >= end => return,
                None => self.clock.set(end),
            }
        }
        panic!("time never passes");
    }

    pub async fn state(&self, deal: u64) -> Option<DealState> {
        let key = DealKey { connection: "hubspot".into(), id: deal.to_string() };
        let rows = self.service.store.load_subjects(vec![key]).await.expect("deals");
        rows.first().map(|row| serde_json::from_slice(&row.body).expect("a state"))
    }

    pub async fn hydrated(&self, deal: u64) -> DealState {
        let state = self.state(deal).await.expect("a known deal");
        assert_eq!(state.hydration, Hydration::Done);
        state
    }

    /// When this rule last fired on this deal.
    pub async fn fired(&self, rule: &str, deal: u64) -> Option<UnixMs> {
        self.hydrated(deal).await.rules.get(rule)?.fired_at
    }

    pub async fn truth(&self, rule: &str, deal: u64) -> Option<bool> {
        self.hydrated(deal).await.rules.get(rule)?.truth
    }

    pub async fn backfill(&self) -> BackfillProgress {
        let progress = BackfillProgress::load(&self.service.store, "hubspot").await;
        progress.expect("readable").expect("begun")
    }

    /// Deals that the first read has read; 0 before it begins.
    pub async fn read_so_far(&self) -> u64 {
        let progress = BackfillProgress::load(&self.service.store, "hubspot").await;
        progress.expect("readable").map_or(0, |progress| progress.read)
    }

    pub async fn status(&self, connection: &str) -> String {
        let row = self.service.store.connection(connection.to_owned()).await.expect("a row");
        row.expect("declared").status
    }

    pub fn now(&self) -> UnixMs {
        self.clock.now()
    }

    /// Stops the service: the next start finds only what is on the disk.
    pub fn stop(self) {
        self.service.store.close();
    }
}

/// How often the fake was called, by the part of the path.
pub fn calls(hubspot: &FakeHubSpot, path: &str) -> usize {
    hubspot.calls().iter().filter(|call| call.path.contains(path)).count()
}

/// The calls to a path, by status.
pub fn statuses(hubspot: &FakeHubSpot, path: &str) -> BTreeMap<u16, usize> {
    let mut out = BTreeMap::new();
    for call in hubspot.calls().iter().filter(|call| call.path.contains(path)) {
        *out.entry(call.status).or_default() += 1;
    }
    out
}

async fn serve(router: axum::Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    #[expect(clippy::disallowed_methods, reason = "a vendor; it ends with the test's runtime")]
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}
