//! A stage: fake HubSpot, fake Slack and the service in one process, on loopback
//! and on one clock that stands still until it is moved. Used by the demo and by
//! behaviour tests.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpListener;
use touchline_hubspot::fake::{FakeConfig as HubSpotConfig, FakeHubSpot, WebhookFile};
use touchline_rules::UnixMs;
use touchline_slack::fake::{FakeConfig as SlackConfig, FakeSlack, FakeUser};

use crate::app::App;
use crate::clock::{Clock, ManualClock};
use crate::config::Config;

/// The webhook subscriptions of the app that ships for HubSpot: the file itself.
pub(crate) const WEBHOOKS: &str =
    include_str!("../../connectors/hubspot/app/src/app/webhooks/webhooks-hsmeta.json");
/// The database's file in the stage's folder.
pub(crate) const DATABASE: &str = "touchline.db";
/// Rounds in which everything due at one instant has to come to rest.
const ROUNDS_MAX: u32 = 10_000;

/// What a stage is made of.
pub struct Plan {
    /// When it begins.
    pub at: UnixMs,
    /// The database's folder.
    pub folder: PathBuf,
    /// Added to the configuration, in TOML.
    pub config: String,
    /// People in the chat.
    pub chat: Vec<FakeUser>,
    /// IANA zone of the CRM account, if it matters.
    pub time_zone: Option<String>,
    /// Shapes the CRM account before it is built.
    pub hubspot: fn(&mut HubSpotConfig),
}

impl Plan {
    /// A stage that begins at `at` and keeps its data in `folder`.
    #[must_use]
    pub fn new(at: UnixMs, folder: &Path) -> Self {
        Plan {
            at,
            folder: folder.to_owned(),
            config: String::new(),
            chat: Vec::new(),
            time_zone: None,
            hubspot: |_| {},
        }
    }
}

/// The fakes, the service and their clock.
pub struct Stage {
    /// Moves only when told.
    pub clock: Arc<ManualClock>,
    /// The CRM.
    pub hubspot: Arc<FakeHubSpot>,
    /// The chat.
    pub slack: FakeSlack,
    /// Where the service listens.
    pub service_url: String,
    config: String,
    listeners: Listeners,
}

/// The addresses, held from the first moment to the last.
struct Listeners {
    service: std::net::TcpListener,
    hubspot: std::net::TcpListener,
    slack: std::net::TcpListener,
}

impl Stage {
    /// Builds the fakes and takes their addresses. Nothing is served yet.
    ///
    /// # Errors
    /// When no loopback port can be had.
    pub async fn new(plan: Plan) -> anyhow::Result<Stage> {
        let clock = Arc::new(ManualClock::new(plan.at));
        let listeners =
            Listeners { service: loopback()?, hubspot: loopback()?, slack: loopback()? };
        let url = |listener: &std::net::TcpListener| {
            listener.local_addr().map(|address| format!("http://{address}"))
        };
        let service_url = url(&listeners.service)?;
        let variables = [("BASE_URL", service_url.as_str()), ("CONNECTION", "hubspot")];
        let webhooks = WebhookFile::parse(WEBHOOKS, &variables)?;
        let mut hubspot =
            HubSpotConfig::new(clock.clone() as Arc<dyn Clock>).with_webhook_file(webhooks);
        hubspot.scopes.push("oauth".to_owned());
        hubspot.time_zone = plan.time_zone.unwrap_or(hubspot.time_zone);
        (plan.hubspot)(&mut hubspot);
        let hubspot = FakeHubSpot::new(hubspot);
        let slack = FakeSlack::new(SlackConfig {
            team: "Example".to_owned(),
            bot_token: "fake-xoxb-token".to_owned(),
            signing_secret: "fake-signing-secret".to_owned(),
            users: plan.chat,
            clock: clock.clone(),
            answer_url: format!("{service_url}/hooks/slack"),
        });
        let config = format!(
            "public_url = \"{service_url}\"\n\
             database = \"sqlite:{folder}/{DATABASE}\"\nkey_file = \"{folder}/touchline.key\"\n\
             {extra}\n[connections.hubspot]\nconnector = \"hubspot\"\nbase_url = \"{hubspot_url}\"\n\
             client_secret = \"{secret}\"\naccess_token = \"{token}\"\n\
             [connections.slack]\nconnector = \"slack\"\nbase_url = \"{slack_url}/api/\"\n\
             bot_token = \"fake-xoxb-token\"\nsigning_secret = \"fake-signing-secret\"\n",
            extra = plan.config,
            folder = plan.folder.display(),
            hubspot_url = url(&listeners.hubspot)?,
            slack_url = url(&listeners.slack)?,
            secret = hubspot.config().client_secret,
            token = hubspot.config().access_token,
        );
        Ok(Stage { clock, hubspot, slack, service_url, config, listeners })
    }

    /// The configuration that the service is opened with.
    ///
    /// # Errors
    /// When the plan's part of it is wrong.
    pub fn config(&self) -> anyhow::Result<Config> {
        Ok(Config::from_toml(&self.config)?)
    }

    /// The same as a file would hold it.
    #[must_use]
    pub fn config_text(&self) -> &str {
        &self.config
    }

    /// Changes the configuration that the service is opened with from now on, as
    /// an admin edits the file before a restart.
    pub fn edit_config(&mut self, edit: impl FnOnce(String) -> String) {
        self.config = edit(std::mem::take(&mut self.config));
    }

    /// Opens the service.
    ///
    /// # Errors
    /// As [`App::open`].
    pub async fn open(&self) -> anyhow::Result<App> {
        App::open(self.config()?, self.clock.clone()).await
    }

    /// Serves fakes and service while `play` runs. Another service can be played
    /// after it on the same stage, as after a restart.
    ///
    /// # Panics
    /// When the process has no file descriptors left.
    pub async fn play<T>(&self, app: &App, play: impl Future<Output = T>) -> T {
        #[expect(clippy::expect_used, reason = "three more descriptors, or nothing can be played")]
        let [service, hubspot, slack] = self.listeners.open().expect("three sockets");
        let serving = async {
            let hubspot = axum::serve(hubspot, self.hubspot.router());
            let slack = axum::serve(slack, self.slack.router());
            let service = app.listen(service, std::future::pending());
            let (_, _, ()) = tokio::join!(hubspot.into_future(), slack.into_future(), service);
        };
        tokio::select! {
            biased;
            () = serving => unreachable_end(),
            out = play => out,
        }
    }

    /// Lets everything happen that is due at this instant, webhooks included.
    /// Answers when something will be due.
    ///
    /// # Errors
    /// When a tick fails or nothing comes to rest.
    pub async fn settle(&self, app: &App) -> anyhow::Result<Option<UnixMs>> {
        for _ in 0..ROUNDS_MAX {
            let sent = self.hubspot.webhook_counts().attempts;
            let of_crm = self.hubspot.tick(self.clock.now()).await;
            let of_service = app.settle().await?;
            let due_again = of_crm.is_some_and(|at| at <= self.clock.now());
            if sent == self.hubspot.webhook_counts().attempts && !due_again {
                let next = [self.hubspot.tick(self.clock.now()).await, of_service];
                return Ok(next.into_iter().flatten().min());
            }
        }
        anyhow::bail!("nothing came to rest in {ROUNDS_MAX} rounds")
    }

    /// Moves the clock to `until`, stopping wherever something is due.
    ///
    /// # Errors
    /// As [`Stage::settle`].
    pub async fn live_until(&self, app: &App, until: UnixMs) -> anyhow::Result<()> {
        while let Some(next) = self.settle(app).await? {
            if next > until {
                break;
            }
            self.clock.set(next.max(self.clock.now().plus_ms(1)));
        }
        self.clock.set(until);
        self.settle(app).await.map(drop)
    }
}

impl Listeners {
    fn open(&self) -> std::io::Result<[TcpListener; 3]> {
        let open = |listener: &std::net::TcpListener| TcpListener::from_std(listener.try_clone()?);
        Ok([open(&self.service)?, open(&self.hubspot)?, open(&self.slack)?])
    }
}

fn loopback() -> std::io::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn unreachable_end<T>() -> T {
    unreachable!("the servers run until they are dropped")
}
