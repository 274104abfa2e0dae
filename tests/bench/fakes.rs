//! Fake HubSpot and fake Slack in this process, on loopback and real time.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use http::StatusCode;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use touchline::clock::{Clock, SystemClock};
use touchline_hubspot::fake::{FakeConfig as HubSpotConfig, FakeHubSpot, RateLimits};
use touchline_slack::fake::{FakeConfig as SlackConfig, FakeSlack, FakeUser};

use crate::webhook::CLIENT_SECRET;

/// The largest call that is read.
const CALL_BYTES_MAX: usize = 1 << 20;
/// Sellers in both.
pub const SELLERS: u64 = 20;

/// A message that reached Slack.
pub struct Arrival {
    /// When its call arrived.
    pub at: Instant,
    /// The call's body.
    pub body: Vec<u8>,
}

type Arrivals = Arc<Mutex<Vec<Arrival>>>;

/// Both, serving until dropped.
pub struct Fakes {
    runtime: Runtime,
    /// The CRM.
    pub hubspot: Arc<FakeHubSpot>,
    /// Owner ids of the sellers.
    pub owners: Vec<u64>,
    arrivals: Arrivals,
    at: [SocketAddr; 2],
}

impl Fakes {
    /// Starts both.
    pub fn start() -> anyhow::Result<Fakes> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let mut account = HubSpotConfig::new(Arc::clone(&clock));
        account.client_secret = CLIENT_SECRET.to_owned();
        account.limits = RateLimits::off();
        let hubspot = FakeHubSpot::new(account);
        hubspot.subscribe(Vec::new());
        let seller = |number: u64| {
            let email = format!("seller{number}@example.com");
            let user = FakeUser::new(&format!("U{number:03}"), &email, &email, "Europe/London");
            (hubspot.add_owner(&email, "Seller", &number.to_string(), number as i64 + 1), user)
        };
        let (owners, users) = (0..SELLERS).map(seller).unzip();
        let slack = FakeSlack::new(SlackConfig {
            team: "Example".to_owned(),
            bot_token: "fake-xoxb-token".to_owned(),
            signing_secret: "fake-signing-secret".to_owned(),
            users,
            clock,
            answer_url: String::new(),
        });
        slack.set_rate_limits(false);
        let arrivals = Arrivals::default();
        let noted = slack.router().layer(from_fn_with_state(Arc::clone(&arrivals), note));
        let crm = hubspot.router();
        let at = runtime.block_on(async {
            let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
            let (crm_listener, slack_listener) = (listen().await?, listen().await?);
            let at = [crm_listener.local_addr()?, slack_listener.local_addr()?];
            let mut serving = tokio::task::JoinSet::new();
            serving.spawn(async move { axum::serve(crm_listener, crm).await });
            serving.spawn(async move { axum::serve(slack_listener, noted).await });
            serving.detach_all();
            anyhow::Ok(at)
        })?;
        Ok(Fakes { runtime, hubspot, owners, arrivals, at })
    }

    /// What a server's configuration says of them: in the table of the CRM, and after it.
    pub fn config(&self) -> (String, String) {
        let [crm, slack] = self.at;
        let more = format!(
            "[connections.slack]\nconnector = \"slack\"\nbase_url = \"http://{slack}/api/\"\n\
             bot_token = \"fake-xoxb-token\"\nsigning_secret = \"fake-signing-secret\"\n"
        );
        (format!("base_url = \"http://{crm}\""), more)
    }

    /// Runs `work` beside them.
    pub fn beside<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// How many messages have arrived that hold `marker`.
    pub fn arrived(&self, marker: &[u8]) -> usize {
        let arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        let holds = |one: &&Arrival| one.body.windows(marker.len()).any(|part| part == marker);
        arrivals.iter().filter(holds).count()
    }

    /// Takes what has arrived.
    pub fn take_arrivals(&self) -> Vec<Arrival> {
        std::mem::take(&mut self.arrivals.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn note(State(arrivals): State<Arrivals>, request: Request, next: Next) -> Response {
    let at = Instant::now();
    if !request.uri().path().ends_with("chat.postMessage") {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, CALL_BYTES_MAX).await else {
        let mut refused = Response::new(Body::empty());
        *refused.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        return refused;
    };
    let arrival = Arrival { at, body: body.to_vec() };
    arrivals.lock().unwrap_or_else(PoisonError::into_inner).push(arrival);
    next.run(Request::from_parts(parts, Body::from(body))).await
}
