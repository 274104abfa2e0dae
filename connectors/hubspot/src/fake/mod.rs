//! A fake HubSpot: an account in memory behind HubSpot's own paths, which
//! HubSpot's Node and Python clients accept, and a webhook sender.
//!
//! - **The account** ([`FakeHubSpot`] and its scripting calls) moves as people
//!   and apps move it. Each movement keeps property history, bumps
//!   `hs_lastmodifieddate`, follows stages and activities, and queues webhooks.
//! - **REST** ([`FakeHubSpot::router`], [`FakeHubSpot::answer`]) serves the v3/v4
//!   and the date-versioned paths, with scopes, limits and faults.
//! - **Webhooks** ([`FakeHubSpot::tick`]) go out in signed batches and are tried
//!   again as HubSpot does.
//! - **Cards** ([`FakeHubSpot::card_fetch`]) call the app's backend as a signed-in
//!   person.
//!
//! Nothing here reads a system clock or starts a task: all time comes from the
//! given clock, all chance from the seed. Only time-outs are real.
//!
//! Where HubSpot's behaviour is not documented the code says "from memory" or
//! "not verified"; a client should not lean on it.

mod answer;
mod card;
mod catalog;
mod control;
mod derive;
mod error;
mod events;
mod faults;
mod http;
mod inspect;
mod limits;
mod links;
mod model;
mod oauth;
mod object_json;
mod outbox;
mod routes_account;
mod routes_associations;
mod routes_batch;
mod routes_oauth;
mod routes_objects;
mod routes_search;
mod script;
mod sender;
mod sign;
mod store;
mod subscriptions;
mod validate;

#[cfg(test)]
mod tests;

pub use answer::{ApiAnswer, ApiError, ApiRequest, Passage};
pub use card::{CardAnswer, CardError, CardViewer, MAX_CARD_BODY_BYTES};
pub use catalog::{DataType, PropertyDefinition, default_pipeline};
pub use error::FakeError;
pub use faults::{Fault, FaultKind};
pub use limits::{Policy, RateLimits};
pub use model::{
    Actor, Direction, HistoryEntry, ObjectKind, Owner, Pipeline, Put, Record, SearchShadow, Stage,
};
pub use oauth::OAuthAdmin;
pub use outbox::{
    Attempt, MAX_BATCH_EVENTS, MAX_RETRIES, OlderSignature, WebhookCounts, WebhookKnobs,
};
pub use script::Values;
pub use sender::SendError;
pub use sign::{decode_uri, sign_v1, sign_v2, sign_v3};
pub use subscriptions::{
    Action, Subscription, WebhookFile, WebhookFileError, generic_subscriptions,
};

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::tz::TimeZone;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use tokio::sync::Semaphore;
use touchline_kit::Clock;
use touchline_rules::UnixMs;

use faults::Faults;
use limits::Limiter;
use oauth::OAuth;
use outbox::Outbox;
use sender::Sender;
use store::Account;

/// How many calls the request log remembers; older ones are only counted.
const MAX_CALLS_KEPT: usize = 10_000;
/// Tells the chance of answers from that of the account, which has the same seed.
const CHANCE_OF_ANSWERS: u64 = 0x616e_7377_6572_7321;

/// What the fake account and app are.
#[derive(Clone)]
pub struct FakeConfig {
    /// The account's id.
    pub portal_id: i64,
    /// IANA zone of the account; the daily limit ends at its midnight. An unknown
    /// name counts as UTC.
    pub time_zone: String,
    /// ISO code of the account's currency.
    pub currency: String,
    /// The app's id.
    pub app_id: i64,
    /// The app's OAuth client id.
    pub client_id: String,
    /// The app's secret: signs webhooks. Begins `fake-`.
    pub client_secret: String,
    /// The static token. Begins `fake-`.
    pub access_token: String,
    /// The scopes that the app declares; the static token has them all.
    pub scopes: Vec<String>,
    /// The redirect URLs that the app declares.
    pub redirect_uris: Vec<String>,
    /// The public address of the webhook target: what is signed.
    pub target_url: String,
    /// Where requests really go, when not to `target_url`: the service behind
    /// its public name.
    pub send_to: Option<String>,
    /// What the app hears of.
    pub subscriptions: Vec<Subscription>,
    /// What the app's `permittedUrls.fetch` lists: where its card may call.
    pub permitted_urls: Vec<String>,
    /// Requests in flight (HubSpot: 10, settable, more than 5).
    pub max_concurrent_requests: usize,
    /// How untidy webhooks are.
    pub webhooks: WebhookKnobs,
    /// How many calls are allowed.
    pub limits: RateLimits,
    /// How long a change takes to reach search.
    pub search_lag_ms: i64,
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// The only source of time.
    pub clock: Arc<dyn Clock>,
}

impl FakeConfig {
    /// A Professional account in New York whose app declares the scopes that
    /// deals, activities and owners need, hears of stage, amount, close date and
    /// owner, and calls a target that does not exist yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> FakeConfig {
        let scopes = [
            "oauth",
            "crm.objects.deals.read",
            "crm.objects.deals.write",
            "crm.objects.contacts.read",
            "crm.objects.contacts.write",
            "crm.objects.companies.read",
            "crm.objects.owners.read",
        ];
        FakeConfig {
            portal_id: 247_279_312,
            time_zone: "America/New_York".into(),
            currency: "USD".into(),
            app_id: 51_879_189,
            client_id: "fake-client-id".into(),
            client_secret: "fake-client-secret".into(),
            access_token: "fake-access-token".into(),
            scopes: scopes.into_iter().map(str::to_owned).collect(),
            redirect_uris: vec!["http://127.0.0.1:8080/connect/hubspot/callback".into()],
            target_url: "http://127.0.0.1:8080/hooks/hubspot".into(),
            send_to: None,
            subscriptions: generic_subscriptions(&[
                "dealstage",
                "pipeline",
                "dealname",
                "amount",
                "closedate",
                "hubspot_owner_id",
                "hs_next_step",
            ]),
            permitted_urls: vec!["http://127.0.0.1:8080".into()],
            max_concurrent_requests: 10,
            webhooks: WebhookKnobs::default(),
            limits: RateLimits::default(),
            search_lag_ms: 0,
            seed: 1,
            clock,
        }
    }

    /// The same with target, concurrency and subscriptions of a project's
    /// webhook file.
    #[must_use]
    pub fn with_webhook_file(mut self, file: WebhookFile) -> FakeConfig {
        self.target_url = file.target_url;
        self.max_concurrent_requests = file.max_concurrent_requests;
        self.subscriptions = file.subscriptions;
        self
    }
}

/// One call that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedCall {
    /// When, on the fake's clock.
    pub at: UnixMs,
    /// Method.
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// Query pairs.
    pub query: Vec<(String, String)>,
    /// Status of the answer; 0 when the connection was broken.
    pub status: u16,
    /// The fake has such a path and method. A test's harness can refuse calls
    /// where this is false.
    pub served: bool,
}

struct Inner {
    account: Account,
    limiter: Limiter,
    faults: Faults,
    oauth: OAuth,
    calls: VecDeque<LoggedCall>,
    call_count: u64,
    /// Decides what is left to chance in answers. Apart from the account's own:
    /// how many calls there were, and in what order, moves no record's id.
    chance: ChaCha8Rng,
    target_url: String,
    send_to: Option<String>,
}

/// The fake.
pub struct FakeHubSpot {
    config: FakeConfig,
    zone: TimeZone,
    inner: Mutex<Inner>,
    sender: Sender,
    card_permits: Semaphore,
}

impl FakeHubSpot {
    /// An account with HubSpot's default pipeline and nothing else.
    #[must_use]
    pub fn new(config: FakeConfig) -> Arc<FakeHubSpot> {
        let zone = TimeZone::get(&config.time_zone).unwrap_or(TimeZone::UTC);
        let mut outbox = Outbox::new(config.portal_id, config.app_id, config.subscriptions.clone());
        outbox.knobs = config.webhooks.clone();
        let mut account = Account::new(config.seed, outbox);
        account.search_lag_ms = config.search_lag_ms;
        let inner = Inner {
            account,
            limiter: Limiter::new(config.limits.clone(), zone.clone()),
            faults: Faults::default(),
            oauth: OAuth::new(&config),
            calls: VecDeque::new(),
            call_count: 0,
            chance: ChaCha8Rng::seed_from_u64(config.seed ^ CHANCE_OF_ANSWERS),
            target_url: config.target_url.clone(),
            send_to: config.send_to.clone(),
        };
        let sender = Sender::new(config.max_concurrent_requests);
        let card_permits = Semaphore::new(card::MAX_CARD_CALLS);
        Arc::new(FakeHubSpot { config, zone, inner: Mutex::new(inner), sender, card_permits })
    }

    /// The REST side, to be bound and served by the caller.
    pub fn router(self: &Arc<Self>) -> axum::Router {
        http::router(self)
    }

    /// What it was made with.
    #[must_use]
    pub fn config(&self) -> &FakeConfig {
        &self.config
    }

    /// The present instant on its clock.
    #[must_use]
    pub fn now(&self) -> UnixMs {
        self.config.clock.now()
    }

    // A panic in a test must not hide behind a second one about the lock.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn log(&mut self, call: LoggedCall) {
        if self.calls.len() == MAX_CALLS_KEPT {
            self.calls.pop_front();
        }
        self.calls.push_back(call);
        self.call_count += 1;
    }
}
