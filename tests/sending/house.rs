//! A whole house on loopback: both fakes, the intake, the store and the roles.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use touchline::clock::{Clock, ManualClock};
use touchline::coaching::people::People;
use touchline::coaching::rulesets::RuleSets;
use touchline::coaching::settings::{SendingTo, Settings};
use touchline::config::Config;
use touchline::connection::{Connection, Connections};
use touchline::http::hooks::Intake;
use touchline::roles::Role;
use touchline::service::{Parts, Service};
use touchline::store::{DeliveryRow, DeliveryState, NudgeRow, Store, StoreOptions};
use touchline::vault::Vault;
use touchline_hubspot::HUBSPOT;
use touchline_hubspot::fake::{Actor, FakeConfig as HubConfig, FakeHubSpot};
use touchline_kit::{
    ConnectionView, Connector, NetworkPolicy, Secrets, Session, SessionConfig, StaticToken,
    Timeouts,
};
use touchline_rules::UnixMs;
use touchline_rules::attention::Sending;
use touchline_rules::ruleset::{RuleSet, SourceFile};
use touchline_slack::SLACK;
use touchline_slack::fake::{FakeConfig as SlackConfig, FakeMessage, FakeSlack, FakeUser};

pub const ADA: &str = "ada@example.com";
/// Ada's colleague.
pub const BOB: &str = "bob@example.com";
/// Ada's user id in HubSpot, for what she does there.
const ADA_THERE: i64 = 501;
/// The hand of somebody who works in HubSpot.
pub fn by_hand() -> Actor {
    Actor::user(ADA_THERE)
}

/// Rounds in which every role is ticked before a story counts as stuck.
const ROUNDS_MAX: usize = 400;
const TOKEN: &str = "fake-token";
const SECRET: &str = "fake-secret";

const RULES: &str = r#"
pack: stories
title: Stories
rules:
  - id: moved
    title: Moved on
    on: deal.stage_changed
    when: change.stages_moved > 0
    unless: has(deal.next_step)
    attention: interrupt
    priority: 2
    lesson: next-step-with-a-date
    tip: { headline: "{{ deal.name }} moved to {{ deal.stage }}", body: Agree one dated next step., why: A date keeps it moving. }
    outcome: { within: 5d, when: has(deal.next_step) }
  - id: big
    title: A big one
    on: state
    when: deal.amount >= 10000
    attention: interrupt
    crm: task
    priority: 3
    tip: { headline: "{{ deal.name }} is big", body: Ask who else decides. }
  - id: pushed
    title: Pushed
    on: deal.field_changed(close_date)
    when: 'true'
    attention: digest
    priority: 5
    tip: { headline: "{{ deal.name }} was pushed", body: Ask what changed. }
  - id: renamed
    title: Renamed
    on: deal.field_changed(name)
    when: 'true'
    attention: card
    tip: { headline: "{{ deal.name }} has a new name", body: Tell the others. }
  - id: for-a-manager
    title: For a manager
    on: deal.field_changed(name)
    when: 'true'
    audience: manager
    attention: digest
    tip: { headline: "{{ deal.name }} has a new name", body: Ask about it. }
  - id: handed-over
    title: Handed over
    on: deal.field_changed(owner)
    when: 'true'
    attention: interrupt
    priority: 4
    tip: { headline: "{{ deal.name }} is yours now", body: Introduce yourself this week. }
  - id: no-step
    title: No next step
    on: state
    when: deal.amount >= 500 && deal.amount < 10000 && !has(deal.next_step)
    attention: interrupt
    priority: 6
    cooldown: 1d
    tip: { headline: "{{ deal.name }} has no next step", body: Agree one dated next step., why: A date keeps it moving. }
    escalate: { after: 3bd, ask: "What would help {{ deal.owner }} to agree a next step on {{ deal.name }}?" }
"#;

/// A running house.
pub struct House {
    pub clock: Arc<ManualClock>,
    pub service: Arc<Service>,
    pub slack: FakeSlack,
    pub hubspot: Arc<FakeHubSpot>,
    /// Ada's and Bob's owner ids in HubSpot.
    pub ada_owner: u64,
    pub bob_owner: u64,
    pub roles: Vec<Box<dyn Role>>,
    pub folder: tempfile::TempDir,
}

/// An instant on Ada's wall in London, as `2026-03-03 10:00`.
pub fn london(text: &str) -> UnixMs {
    let local: DateTime = text.replace(' ', "T").parse().unwrap();
    local.to_zoned_datetime(TimeZone::get("Europe/London").unwrap()).unwrap().timestamp().into()
}

/// Runs a story in a house that opens on Tuesday 3 March 2026 at ten, with
/// sending on for everyone and lines of `more` in its configuration: what belongs
/// above all tables comes first and ends with `---`.
pub async fn in_house<F: Future<Output = ()>>(more: &str, story: impl FnOnce(Arc<House>) -> F) {
    let clock = Arc::new(ManualClock::new(london("2026-03-03 10:00")));
    let hooks = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let public_url = format!("http://{}", hooks.local_addr().unwrap());
    let slack = fake_slack(clock.clone(), &public_url);
    let hubspot = fake_hubspot(clock.clone(), &public_url);
    let ada_owner = hubspot.add_owner(ADA, "Ada", "Example", ADA_THERE);
    let bob_owner = hubspot.add_owner(BOB, "Bob", "Example", ADA_THERE + 1);
    let listen = async || tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (slack_line, hubspot_line) = (listen().await, listen().await);
    let slack_url = format!("http://{}/api/", slack_line.local_addr().unwrap());
    let hubspot_url = format!("http://{}", hubspot_line.local_addr().unwrap());

    let mut connections = Connections::default();
    let slack_secrets = [("bot_token", TOKEN), ("signing_secret", SECRET)];
    connections.insert(connection(
        "slack",
        &SLACK,
        &slack_url,
        &public_url,
        &slack_secrets,
        &clock,
    ));
    let hubspot_secrets = [("access_token", TOKEN), ("client_secret", SECRET)];
    connections.insert(connection(
        "hubspot",
        &HUBSPOT,
        &hubspot_url,
        &public_url,
        &hubspot_secrets,
        &clock,
    ));

    let folder = tempfile::tempdir().unwrap();
    let service = service(&folder, connections, clock.clone(), more).await;
    let intake = Arc::new(Intake::new(
        service.store.clone(),
        Arc::clone(&service.connections),
        clock.clone(),
        service.config.http.clone(),
        |_| {},
    ));
    intake.set_ready(true);
    let router = touchline::http::router(intake);
    let roles = crate::vendors::roles(&service);
    let house = House { clock, service, slack, hubspot, ada_owner, bob_owner, roles, folder };
    let house = Arc::new(house);
    let story = async {
        house.read_account().await;
        story(Arc::clone(&house)).await;
    };
    tokio::select! {
        _ = async { axum::serve(slack_line, house.slack.router()).await } => panic!("Slack ended"),
        _ = async { axum::serve(hubspot_line, house.hubspot.router()).await } => panic!("HubSpot ended"),
        _ = async { axum::serve(hooks, router).await } => panic!("the intake ended"),
        () = story => {}
    }
}

fn fake_slack(clock: Arc<ManualClock>, public_url: &str) -> FakeSlack {
    FakeSlack::new(SlackConfig {
        team: "Example".into(),
        bot_token: TOKEN.into(),
        signing_secret: SECRET.into(),
        users: vec![
            FakeUser::new("U1", ADA, "Ada Example", "Europe/London"),
            FakeUser::new("U2", BOB, "Bob Example", "Europe/London"),
        ],
        clock,
        answer_url: format!("{public_url}/hooks/slack"),
    })
}

fn fake_hubspot(clock: Arc<ManualClock>, public_url: &str) -> Arc<FakeHubSpot> {
    FakeHubSpot::new(HubConfig {
        time_zone: "Europe/London".into(),
        access_token: TOKEN.into(),
        client_secret: SECRET.into(),
        target_url: format!("{public_url}/hooks/hubspot"),
        ..HubConfig::new(clock)
    })
}

fn connection(
    slug: &str,
    connector: &'static dyn Connector,
    base_url: &str,
    public_url: &str,
    secrets: &[(&str, &str)],
    clock: &Arc<ManualClock>,
) -> Connection {
    let mut known = Secrets::default();
    for (name, value) in secrets {
        known.insert(*name, *value);
    }
    let tokens = Arc::new(StaticToken::from(TOKEN));
    let session = Session::new(SessionConfig {
        base_url: base_url.to_owned(),
        network: NetworkPolicy::with_loopback(),
        timeouts: Timeouts { total: Duration::from_millis(400), ..Timeouts::default() },
        ..SessionConfig::new(slug, connector.manifest(), tokens, clock.clone())
    });
    let view = ConnectionView {
        name: slug.to_owned(),
        public_url: public_url.to_owned(),
        metadata: Arc::default(),
        settings: serde_json::Map::new(),
    };
    Connection::new(connector, known, session.unwrap(), view)
}

async fn service(
    folder: &tempfile::TempDir,
    connections: Connections,
    clock: Arc<ManualClock>,
    more: &str,
) -> Arc<Service> {
    let base = "[attention]\nsending = \"everyone\"\ninterruptions_per_day_new = \"off\"\n";
    let (top, more) = more.split_once("---\n").unwrap_or(("", more));
    let config = Arc::new(Config::from_toml(&format!("{top}{base}{more}")).unwrap());
    let store = Store::open(&folder.path().join("house.db"), StoreOptions::default()).unwrap();
    let file = SourceFile { path: "stories.yaml".into(), text: RULES.into() };
    let loaded = RuleSet::load(&[file], &[]);
    let found: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
    let rules = loaded.set.unwrap_or_else(|| panic!("{}", found.join("\n")));
    let people = People::load(store.clone(), Arc::clone(&config)).await.unwrap();
    let settings = Settings::load(store.clone(), &config, clock.now()).await.unwrap();
    Arc::new(Service::new(Parts {
        config,
        clock,
        store,
        connections: Arc::new(connections),
        rules: RuleSets::new(rules),
        people,
        settings,
        vault: Arc::new(Vault::ephemeral()),
    }))
}

impl House {
    /// Lets everything happen that can happen at this instant.
    pub async fn settle(&self) {
        for _ in 0..ROUNDS_MAX {
            let now = self.clock.now();
            self.hubspot.tick(now).await;
            let mut worked = self.read_vendors().await;
            for role in &self.roles {
                let progress = role.tick(now).await;
                worked |= progress.unwrap_or_else(|e| panic!("{}: {e}", role.name())).worked;
            }
            if !worked {
                return;
            }
        }
        panic!("it never comes to rest");
    }

    /// Lets `seconds` pass, second by second, and everything happen in them.
    pub async fn seconds(&self, seconds: i64) {
        for _ in 0..seconds {
            self.clock.advance_ms(1_000);
            self.settle().await;
        }
    }

    /// Goes on to an instant on Ada's wall, and a few seconds more.
    pub async fn until(&self, text: &str) {
        let at = london(text);
        assert!(at >= self.clock.now(), "{text} has passed");
        self.clock.set(at);
        self.settle().await;
        self.seconds(4).await;
    }

    /// A deal of Ada's, made now. What changes within two seconds would count as
    /// made with it.
    pub async fn deal(&self, name: &str) -> u64 {
        let deal = self.deal_of(self.ada_owner, name);
        self.seconds(3).await;
        deal
    }

    /// A deal that nobody was told of yet.
    pub fn deal_of(&self, owner: u64, name: &str) -> u64 {
        let owner = owner.to_string();
        let values = [("dealname", name), ("hubspot_owner_id", owner.as_str())];
        self.hubspot.create_deal(&values, &by_hand()).unwrap()
    }

    pub async fn set(&self, deal: u64, property: &str, value: &str) {
        self.hubspot.set(deal, property, value, &by_hand()).unwrap();
        self.settle().await;
    }

    /// A property changes, and no webhook tells of this or anything later.
    pub async fn lose_webhooks(&self, deal: u64, property: &str, value: &str) {
        let nowhere = self.hubspot.config().target_url.replace("/hooks/", "/nowhere/");
        self.hubspot.set_target(&nowhere, None);
        self.set(deal, property, value).await;
    }

    /// Moves a deal from its first stage to the next, which asks for an interruption.
    pub async fn move_on(&self, deal: u64) {
        self.set(deal, "dealstage", "qualifiedtobuy").await;
    }

    pub async fn set_sending(&self, sending: Sending) {
        let to = SendingTo { sending, pilot: Vec::new() };
        Settings::set_sending(
            &self.service.store,
            &to,
            "admin@example.com",
            "a test",
            self.clock.now(),
        )
        .await
        .unwrap();
    }

    /// What Ada reads in Slack, oldest first, without the hello.
    pub fn messages(&self) -> Vec<FakeMessage> {
        let all = self.slack.messages().into_iter();
        all.filter(|message| !message.text.starts_with("Hello")).collect()
    }

    /// The first lines of those messages.
    pub fn headlines(&self) -> Vec<String> {
        let first = |m: FakeMessage| {
            let reads = m.reads();
            reads.lines().next().unwrap_or_default().trim_start_matches("# ").to_owned()
        };
        self.messages().into_iter().map(first).collect()
    }

    /// Ada uses a control of a message; the whole road back is walked.
    pub async fn click(&self, ts: &str, action: &str, choice: Option<&str>) {
        self.clock.advance_ms(1_000);
        let sent = self.slack.click("U1", ts, action, choice).await.unwrap();
        assert_eq!(sent.status, 200, "{}", sent.body);
        self.settle().await;
    }

    pub fn reads(&self, ts: &str) -> String {
        self.slack.message(ts).unwrap().reads()
    }

    pub async fn deliveries(&self, state: DeliveryState) -> Vec<DeliveryRow> {
        self.service.store.deliveries_in(state, 100).await.unwrap()
    }

    /// What Ada was spared, as `rule: reason`.
    pub async fn ledger(&self) -> Vec<String> {
        let store = &self.service.store;
        let rows = store.suppressed_of(ADA.into(), UnixMs::MAX, 100).await.unwrap();
        rows.into_iter().map(|row| format!("{}: {}", row.rule_id, row.reason)).collect()
    }

    pub async fn nudges(&self, deal: u64) -> Vec<NudgeRow> {
        let subject = touchline::roles::batching::subject_key(&touchline_rules::facts::DealKey {
            connection: "hubspot".into(),
            id: deal.to_string(),
        });
        self.service.store.nudges_of(subject).await.unwrap()
    }

    pub async fn count(&self, connection: &str, name: &str) -> i64 {
        self.service.store.count_of(connection.into(), name.into(), 0, 0).await.unwrap()
    }
}
