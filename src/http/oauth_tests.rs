//! The way of a connection, against the fake HubSpot over loopback.

use std::io::Write;
use std::sync::Mutex;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use secrecy::{ExposeSecret as _, SecretString};
use touchline_hubspot::fake::{ApiRequest, FakeConfig, FakeHubSpot, Fault, FaultKind, OAuthAdmin};
use touchline_kit::TokenSource;
use touchline_rules::UnixMs;
use touchline_rules::facts::Metadata;
use touchline_rules::time::{MINUTE_MS, SECOND_MS};

use super::*;
use crate::clock::{Clock, ManualClock};
use crate::coaching::connect_link::make_link;
use crate::coaching::credentials::ConnectionToken;
use crate::coaching::opening::{self, Opening};
use crate::coaching::people::People;
use crate::coaching::rulesets::RuleSets;
use crate::coaching::settings::Settings;
use crate::config::Config;
use crate::service::Parts as ServiceParts;
use crate::store::Store;
use crate::vault::Vault;

#[path = "oauth_link_tests.rs"]
mod links;

const NOW: UnixMs = UnixMs(1_795_420_800_000);

struct Rig {
    service: Arc<Service>,
    router: Router,
    fake: Arc<FakeHubSpot>,
    clock: Arc<ManualClock>,
    entropy: Entropy,
    _folder: tempfile::TempDir,
}

async fn rig(more: &str) -> Rig {
    let clock = Arc::new(ManualClock::new(NOW));
    let fake = FakeHubSpot::new(FakeConfig::new(Arc::clone(&clock) as Arc<dyn Clock>));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    let vendor = fake.router();
    #[expect(clippy::disallowed_methods, reason = "a vendor on loopback, gone with the runtime")]
    tokio::spawn(async move { axum::serve(listener, vendor).await });
    let config = Config::from_toml(&format!(
        "[connections.crm]\nconnector = \"hubspot\"\nbase_url = \"{base_url}\"\n\
         client_id = \"fake-client-id\"\nclient_secret = \"fake-client-secret\"\n{more}"
    ));
    let config = Arc::new(config.unwrap());
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("t.db"), Default::default()).unwrap();
    let vault = Arc::new(Vault::ephemeral());
    let as_clock = Arc::clone(&clock) as Arc<dyn Clock>;
    opening::register(&config, &store, NOW).await.unwrap();
    let opening = Opening { config: &config, store: &store, vault: &vault, clock: &as_clock };
    let connections = Arc::new(opening::open_all(&opening).unwrap());
    let service = Arc::new(Service::new(ServiceParts {
        settings: Settings::load(store.clone(), &config, NOW).await.unwrap(),
        people: People::load(store.clone(), Arc::clone(&config)).await.unwrap(),
        rules: RuleSets::new(Default::default()),
        config,
        clock: as_clock,
        store,
        connections,
        vault,
    }));
    let seed = Mutex::new(0_u8);
    let entropy: Entropy = Arc::new(move || {
        let mut seed = seed.lock().unwrap();
        *seed += 1;
        [*seed; 32]
    });
    let connect = Connect::new(Arc::clone(&service), Arc::clone(&entropy)).unwrap();
    let router = routes(Arc::new(connect));
    Rig { service, router, fake, clock, entropy, _folder: folder }
}

/// Status, where the page sends the browser on, body.
type Answer = (u16, String, String);

impl Rig {
    async fn link(&self) -> String {
        let errand = Errand {
            connection: "crm".into(),
            connector: "hubspot".into(),
            by: "admin@example.com".into(),
        };
        let Service { store, vault, config, .. } = &*self.service;
        let now = self.service.now();
        let made = make_link(store, vault, &self.entropy, &config.public_url, &errand, now).await;
        made.unwrap().0
    }

    async fn send(&self, method: &str, url: &str) -> Answer {
        let url = url.trim_start_matches(&self.service.config.public_url);
        let request = Request::builder().method(method).uri(url).body(Body::empty()).unwrap();
        self.answer(request).await
    }

    /// Presses the button of a link's page.
    async fn press(&self, link: &str) -> Answer {
        self.press_from(link, "same-origin").await
    }

    async fn press_from(&self, link: &str, site: &str) -> Answer {
        let url = url::Url::parse(link).unwrap();
        let request = Request::builder()
            .method("POST")
            .uri(url.path())
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", site)
            .body(Body::from(url.query().unwrap_or_default().to_owned()));
        self.answer(request.unwrap()).await
    }

    async fn answer(&self, request: Request<Body>) -> Answer {
        let response = TowerToHyperService::new(self.router.clone()).call(request).await.unwrap();
        for (name, value) in crate::http::page::GUARDS {
            assert_eq!(response.headers().get(&name), Some(&value), "{name}");
        }
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let page = String::from_utf8(body.into()).unwrap();
        let onward = page.split_once("content=\"0; url=").map(|(_, rest)| rest);
        let onward = onward.and_then(|rest| rest.split_once('"'));
        let onward = onward.map_or(String::new(), |(to, _)| to.replace("&amp;", "&"));
        (status, onward, page)
    }

    async fn get(&self, url: &str) -> Answer {
        self.send("GET", url).await
    }

    /// What the vendor's page does with the browser that `start` sent there.
    async fn allow(&self, authorize: &str) -> String {
        let url = url::Url::parse(authorize).unwrap();
        let answer = self.fake.answer(&ApiRequest {
            method: "GET".into(),
            path: url.path().to_owned(),
            query: url.query_pairs().into_owned().collect(),
            ..ApiRequest::default()
        });
        assert_eq!(answer.status, 302, "{answer:?}");
        answer.headers[0].1.clone()
    }

    async fn connect(&self) -> Answer {
        let (status, authorize, page) = self.press(&self.link().await).await;
        assert_eq!(status, 200, "{page}");
        self.get(&self.allow(&authorize).await).await
    }

    /// A token source as another start of the service would make it.
    fn tokens(&self) -> ConnectionToken {
        let Service { config, store, vault, clock, .. } = &*self.service;
        let declared = declared(config, "crm").unwrap();
        let line = oauth_line(&declared, &config.public_url).unwrap().unwrap();
        let grants = Grants::new(store.clone(), Arc::clone(vault));
        ConnectionToken::granted(
            "crm",
            &touchline_hubspot::MANIFEST,
            line,
            grants,
            store.clone(),
            Arc::clone(clock),
        )
    }

    fn token_calls(&self) -> usize {
        self.fake.calls().iter().filter(|call| call.path.ends_with("/token")).count()
    }

    async fn status(&self) -> (String, String) {
        let row = self.service.store.connection("crm".into()).await.unwrap().unwrap();
        (row.status, row.reason)
    }

    /// Whether HubSpot itself answers on the connection.
    async fn works(&self) -> Result<String, CallError> {
        let connection = self.service.connections.get("crm").unwrap();
        connection.crm().unwrap().self_test(&connection.session, &connection.view()).await
    }
}

fn text(token: &SecretString) -> String {
    token.expose_secret().to_owned()
}

#[tokio::test]
async fn from_link_to_calls_to_refresh_to_revocation_and_back() {
    let rig = rig("").await;
    rig.fake.set_rotate_refresh(true);
    let unconnected = rig.works().await.unwrap_err().to_string();
    assert!(unconnected.contains("not connected yet"), "{unconnected}");
    assert_eq!(rig.status().await.0, "new");
    let (status, _, page) = rig.connect().await;
    assert_eq!(status, 200, "{page}");
    assert!(page.contains("<h1>HubSpot is connected</h1>"), "{page}");
    assert!(!page.contains("script") && !page.contains("fake-"), "{page}");
    assert_eq!(rig.status().await, ("working".into(), String::new()));
    assert!(rig.works().await.unwrap().starts_with("HubSpot answers"));
    let waiting = rig.service.store.work_waiting("metadata".into(), "crm".into()).await.unwrap();
    assert_eq!(waiting, 1);

    let tokens = rig.tokens();
    let first = tokens.token().await.unwrap();
    rig.clock.advance_ms(24 * MINUTE_MS - 1);
    assert_eq!(text(&tokens.token().await.unwrap()), text(&first));
    assert_eq!(rig.token_calls(), 1);
    rig.clock.advance_ms(1);
    let second = tokens.token().await.unwrap();
    assert_ne!(text(&second), text(&first));
    assert_eq!(rig.token_calls(), 2);
    // The rotated token is in the store: a new start goes on with it, and the
    // session that still held the old one takes it over.
    assert_eq!(text(&rig.tokens().token().await.unwrap()), text(&second));
    rig.works().await.unwrap();
    assert_eq!(rig.token_calls(), 2);

    rig.fake.uninstall();
    rig.clock.advance_ms(24 * MINUTE_MS);
    let calls = rig.token_calls();
    for _ in 0..3 {
        assert!(matches!(tokens.token().await, Err(CallError::Unauthorized { .. })));
    }
    assert_eq!(rig.token_calls(), calls + 1, "a refusal is not asked for again");
    let (status, reason) = rig.status().await;
    assert_eq!(status, "broken");
    assert!(reason.contains("invalid_grant"), "{reason}");

    assert_eq!(rig.connect().await.0, 200);
    assert_eq!(rig.status().await, ("working".into(), String::new()));
    tokens.token().await.unwrap();
    rig.works().await.unwrap();
    let audit = rig.service.store.audit_before(i64::MAX, 1).await.unwrap();
    assert_eq!(audit[0].entry.action, "connection_connected");
    assert_eq!(audit[0].entry.actor, "admin@example.com");
}

#[tokio::test]
async fn many_callers_refresh_once_and_two_processes_take_turns() {
    let rig = rig("").await;
    rig.fake.set_rotate_refresh(true);
    rig.connect().await;
    let (one, other) = (rig.tokens(), rig.tokens());
    one.token().await.unwrap();
    other.token().await.unwrap();
    rig.clock.advance_ms(29 * MINUTE_MS);
    let asked = futures::future::join_all((0..20).map(|_| one.token())).await;
    let fresh = text(asked[0].as_ref().unwrap());
    assert!(asked.iter().all(|token| text(token.as_ref().unwrap()) == fresh));
    assert_eq!(rig.token_calls(), 2);
    // Its refresh token was used up by the other one.
    assert_eq!(text(&other.token().await.unwrap()), fresh);
    assert_eq!(rig.token_calls(), 2);

    rig.clock.advance_ms(29 * MINUTE_MS);
    let (a, b) = tokio::join!(one.token(), other.token());
    // One refreshed. The other went on with the token that still works, or came
    // late enough to find the new one.
    assert_eq!(rig.token_calls(), 3);
    let newest = text(&one.token().await.unwrap());
    assert_ne!(newest, fresh);
    let held = [text(&a.unwrap()), text(&b.unwrap())];
    assert!(held.contains(&newest));
    assert!(held.iter().all(|token| [&fresh, &newest].contains(&token)), "{held:?}");
    assert_eq!(text(&other.token().await.unwrap()), newest);
    assert_eq!(rig.status().await.0, "working");
}

#[tokio::test]
async fn a_vendor_that_is_down_costs_nothing_while_the_token_lives() {
    let rig = rig("").await;
    rig.connect().await;
    let tokens = rig.tokens();
    let held = text(&tokens.token().await.unwrap());
    rig.clock.advance_ms(25 * MINUTE_MS);
    rig.fake.fail(Fault::on("/token", FaultKind::Status(503)));
    assert_eq!(text(&tokens.token().await.unwrap()), held);
    assert_eq!(text(&tokens.token().await.unwrap()), held);
    assert_eq!(rig.token_calls(), 2, "not tried again at once");
    rig.clock.advance_ms(5 * MINUTE_MS);
    let error = tokens.token().await.unwrap_err();
    assert!(matches!(error, CallError::Unavailable { retry_at: Some(_), .. }), "{error}");
    assert_eq!(rig.status().await.0, "working", "a vendor that is down breaks no connection");
    rig.fake.clear_faults();
    rig.clock.advance_ms(MINUTE_MS);
    assert_ne!(text(&tokens.token().await.unwrap()), held);
}

#[tokio::test]
async fn what_goes_wrong_at_the_vendor_is_said_on_a_page() {
    let rig = rig("").await;
    let email = "admin@example.com".to_owned();
    rig.fake.set_oauth_admin(OAuthAdmin { user_id: 9, email: email.clone(), approves: false });
    let (status, _, page) = rig.connect().await;
    assert_eq!(status, 400);
    assert!(page.contains("the admin turned the app away"), "{page}");
    rig.fake.set_oauth_admin(OAuthAdmin { user_id: 9, email, approves: true });

    // A code dies soon; a state lives longer.
    let authorize = rig.press(&rig.link().await).await.1;
    let callback = rig.allow(&authorize).await;
    rig.clock.advance_ms(90 * SECOND_MS);
    let (status, _, page) = rig.get(&callback).await;
    assert_eq!(status, 502);
    assert!(page.contains("HubSpot refused the connection"), "{page}");
    assert!(page.contains("touchline connect hubspot --connection crm"), "{page}");

    rig.fake.fail(Fault::on("/token", FaultKind::Status(503)));
    let (status, _, page) = rig.connect().await;
    assert_eq!(status, 502);
    assert!(page.contains("did not answer as it should"), "{page}");
    assert_eq!(rig.status().await.0, "new");
}

#[tokio::test]
async fn another_account_does_not_take_a_connections_place() {
    let rig = rig("").await;
    let here = Metadata { account_id: Some("100".to_owned()), ..Metadata::default() };
    let connection = rig.service.connections.get("crm").unwrap();
    connection.set_metadata(Arc::new(here));
    let (status, _, page) = rig.connect().await;
    assert_eq!(status, 409);
    let portal = rig.fake.config().portal_id;
    assert!(
        page.contains(&format!("it is account {portal}, and this connection holds account 100"))
    );
    assert_eq!(rig.status().await.0, "new");

    let same = Metadata { account_id: Some(portal.to_string()), ..Metadata::default() };
    connection.set_metadata(Arc::new(same));
    assert_eq!(rig.connect().await.0, 200);
}

#[tokio::test]
async fn pkce_is_used_where_it_is_configured() {
    let rig = rig("pkce = true\n").await;
    let authorize = rig.press(&rig.link().await).await.1;
    assert!(authorize.contains("code_challenge_method=S256"), "{authorize}");
    let callback = rig.allow(&authorize).await;
    assert_eq!(rig.get(&callback).await.0, 200);
}

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_token_code_or_secret_is_ever_logged() {
    let captured = Captured::default();
    let writer = captured.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    // With one subscriber alive, what another thread's test meets first would
    // never be heard here.
    let _second = tracing::Dispatch::new(tracing_subscriber::fmt().finish());
    tracing::callsite::rebuild_interest_cache();
    let rig = rig("").await;
    assert_eq!(rig.connect().await.0, 200);
    let tokens = rig.tokens();
    tokens.token().await.unwrap();
    rig.works().await.unwrap();
    rig.clock.advance_ms(25 * MINUTE_MS);
    tokens.token().await.unwrap();
    rig.fake.uninstall();
    rig.clock.advance_ms(25 * MINUTE_MS);
    tokens.token().await.unwrap_err();
    assert!(format!("{tokens:?}").contains("oauth"));
    let logged = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("access was taken away"), "{logged}");
    for secret in ["fake-access", "fake-refresh", "fake-code", "fake-client-secret"] {
        assert!(!logged.contains(secret), "{secret} was logged:\n{logged}");
    }
}
