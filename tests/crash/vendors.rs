//! The two fakes on loopback and on the machine's own clock.

use std::sync::Arc;

use axum::Router;
use tokio::task::JoinSet;
use touchline::clock::SystemClock;
use touchline_hubspot::fake::{FakeConfig, FakeHubSpot, RateLimits, WebhookFile, WebhookKnobs};
use touchline_rules::UnixMs;
use touchline_rules::time::DAY_MS;
use touchline_slack::fake::{FakeConfig as SlackConfig, FakeSlack, FakeUser};

use crate::company::{self, PORTAL_STAGES, seller_email};

const WEBHOOKS: &str =
    include_str!("../../connectors/hubspot/app/src/app/webhooks/webhooks-hsmeta.json");
/// Events in a request: small, so that a burst is many requests.
const BATCH_EVENTS: usize = 20;
/// Of a hundred events, how many HubSpot sends twice.
const DOUBLE_PERCENT: u8 = 5;

/// The fakes. They stop being served when dropped.
pub struct Vendors {
    pub hubspot: Arc<FakeHubSpot>,
    pub slack: FakeSlack,
    pub hubspot_url: String,
    pub slack_url: String,
    _served: JoinSet<()>,
}

impl Vendors {
    pub async fn new(seed: u64) -> Vendors {
        let clock = Arc::new(SystemClock);
        let mut config = FakeConfig::new(clock.clone());
        config.subscriptions = Vec::new();
        config.limits = RateLimits::off();
        config.seed = seed;
        config.webhooks = WebhookKnobs {
            batch_events: BATCH_EVENTS,
            duplicate_percent: DOUBLE_PERCENT,
            repeated_event_id_percent: 3,
            ..WebhookKnobs::default()
        };
        let hubspot = FakeHubSpot::new(config);
        hubspot.add_pipeline(company::pipeline(PORTAL_STAGES));
        let users = (0..company::SELLERS)
            .map(|n| FakeUser::new(&format!("U{n}"), &seller_email(n), "Seller", "Europe/London"));
        let slack = FakeSlack::new(SlackConfig {
            team: "Example".to_owned(),
            bot_token: "fake-xoxb-token".to_owned(),
            signing_secret: "fake-signing-secret".to_owned(),
            users: users.collect(),
            clock,
            answer_url: String::new(),
        });
        slack.set_rate_limits(false);
        let mut served = JoinSet::new();
        let hubspot_url = serve(&mut served, hubspot.router()).await;
        let slack_url = serve(&mut served, slack.router()).await;
        Vendors { hubspot, slack, hubspot_url, slack_url, _served: served }
    }

    /// From now on the account tells the service of what happens.
    pub fn subscribe(&self, service_url: &str) {
        let variables = [("BASE_URL", service_url), ("CONNECTION", "hubspot")];
        let file = WebhookFile::parse(WEBHOOKS, &variables).unwrap();
        self.hubspot.set_target(&file.target_url, None);
        self.hubspot.subscribe(file.subscriptions);
    }

    /// Sends what waits, failed requests of before included.
    pub async fn send_all(&self) {
        let whenever_due = UnixMs(self.hubspot.now().0 + 2 * DAY_MS);
        self.hubspot.tick(whenever_due).await;
    }
}

async fn serve(served: &mut JoinSet<()>, router: Router) -> String {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    served.spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}
