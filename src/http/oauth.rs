//! Connecting an account by OAuth: `/connect/{connector}/start` and `callback`.
//!
//! Handlers take proofs. A [`ConnectOffer`] exists only for a signed link that
//! still works, a [`ConnectLink`] only after its form was sent and the link used
//! up, an [`OAuthState`] only after a state of ours was. Both work once, so
//! how often anybody can make this service call a vendor is bounded by how many
//! links an admin makes.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{
    DefaultBodyLimit, Form, FromRequest, FromRequestParts, Path, Query, Request, State,
};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;
use touchline_kit::CallError;
use touchline_kit::oauth::pkce_challenge;

use super::page::{Question, ask, onward, page};
use crate::coaching::account_settings::PKCE;
use crate::coaching::connect_link::{
    Errand, Journey, LinkQuery, NotGood, look_at_link, make_state, use_link, use_state,
};
use crate::coaching::connecting::{another_account, connected, refused};
use crate::coaching::credentials::OAuthLine;
use crate::coaching::grants::{Grants, HeldGrant};
use crate::coaching::opening::{declared, oauth_line};
use crate::entropy::{Entropy, nonce};
use crate::service::Service;

/// The longest code or error that is taken from a callback, in bytes.
const PARAM_BYTES_MAX: usize = 4096;
/// The largest form that is taken, in bytes.
const FORM_BYTES_MAX: usize = 4096;
/// What to do instead of putting another account in a connection's place.
const ONE_ACCOUNT: &str = "Nothing was changed. Sign in to the account it holds, or add a connection of another name for this one.";
/// Where a browser says who sent a form.
const SENT_FROM: &str = "sec-fetch-site";

/// What the two routes need.
pub struct Connect {
    service: Arc<Service>,
    entropy: Entropy,
    accounts: BTreeMap<String, Account>,
}

/// One account that can be connected by OAuth.
struct Account {
    title: &'static str,
    scopes: &'static [&'static str],
    account_field: Option<&'static str>,
    line: OAuthLine,
    pkce: bool,
}

impl Connect {
    /// Prepares every configured connection that has an OAuth app.
    ///
    /// # Errors
    /// When the configuration of one makes no sense.
    pub fn new(service: Arc<Service>, entropy: Entropy) -> anyhow::Result<Connect> {
        let config = &service.config;
        let mut accounts = BTreeMap::new();
        for slug in config.connections.keys() {
            let declared = declared(config, slug)?;
            let Some(line) = oauth_line(&declared, &config.public_url)? else { continue };
            let pkce = declared.settings.get(PKCE).is_some_and(|chosen| chosen == true);
            let manifest = declared.manifest();
            let Some(oauth) = &manifest.oauth else { continue };
            let (title, scopes) = (manifest.title, oauth.scopes);
            let account_field = oauth.account_field;
            let account = Account { title, scopes, account_field, line, pkce };
            accounts.insert(slug.clone(), account);
        }
        Ok(Connect { service, entropy, accounts })
    }
}

/// The routes.
pub fn routes(connect: Arc<Connect>) -> Router {
    Router::new()
        .route("/connect/{connector}/start", get(offer).post(start))
        .route("/connect/{connector}/callback", get(callback))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .with_state(connect)
}

/// Proof that the browser holds a link that `touchline connect` made and that
/// would work. Nothing is used up: whoever looks at links for others, a mail
/// scanner or a chat, comes this far.
pub struct ConnectOffer {
    errand: Errand,
    link: LinkQuery,
}

/// Proof that the form of such a link was sent, which uses the link up.
pub struct ConnectLink(Errand);

/// Proof that the browser comes back from a way begun with a [`ConnectLink`].
pub struct OAuthState {
    journey: Journey,
    /// The vendor's code, or why there is none.
    outcome: Result<String, String>,
}

async fn offer(State(connect): State<Arc<Connect>>, offer: ConnectOffer) -> Response {
    let ConnectOffer { errand, link } = offer;
    let Some(account) = connect.accounts.get(&errand.connection) else {
        return no_longer_configured(&errand);
    };
    let title = account.title;
    let LinkQuery { connection, nonce, expires, signature } = &link;
    ask(&Question {
        heading: &format!("Connect {title} to Touchline?"),
        about: &[
            ("Asked for by", &errand.by),
            ("Connection", connection),
            (&format!("{title} will be asked for"), &account.scopes.join(", ")),
        ],
        note: &format!(
            "Go on only if you know who sent you here. {title} will ask you once more. The link works once, for ten minutes."
        ),
        action: &format!("/connect/{}/start", errand.connector),
        fields: &[
            ("connection", connection),
            ("nonce", nonce),
            ("expires", expires),
            ("signature", signature),
        ],
        button: &format!("Connect {title}"),
    })
}

async fn start(State(connect): State<Arc<Connect>>, ConnectLink(errand): ConnectLink) -> Response {
    let Some(account) = connect.accounts.get(&errand.connection) else {
        return no_longer_configured(&errand);
    };
    let verifier = account.pkce.then(|| nonce(&connect.entropy));
    let challenge = verifier.as_deref().map(pkce_challenge);
    let journey = Journey { errand, verifier };
    let Service { store, vault, .. } = &*connect.service;
    let now = connect.service.now();
    match make_state(store, vault, &connect.entropy, &journey, now).await {
        Ok(state) => onward(
            &account.line.app.authorize_url(&state, challenge.as_deref()),
            &format!("On to {}", account.title),
            &format!("Go on to {}", account.title),
        ),
        Err(error) => broken_here(&error),
    }
}

async fn callback(State(connect): State<Arc<Connect>>, state: OAuthState) -> Response {
    let OAuthState { journey: Journey { errand, verifier }, outcome } = state;
    let Some(account) = connect.accounts.get(&errand.connection) else {
        return no_longer_configured(&errand);
    };
    let title = account.title;
    let again = format!(
        "Run “touchline connect {} --connection {}” for a new link.",
        errand.connector, errand.connection
    );
    let service = &connect.service;
    let code = match outcome {
        Ok(code) => code,
        Err(why) => {
            let heading = format!("{title} was not connected: {why}");
            return page(StatusCode::BAD_REQUEST, &heading, &again);
        }
    };
    let now = service.now();
    let OAuthLine { app, http } = &account.line;
    let grant = match app.exchange_code(http, &code, verifier.as_deref(), now).await {
        Ok(grant) => {
            let known = service.metadata(&errand.connection);
            if let Some(why) = another_account(&known, account.account_field, &grant) {
                refused(service, &errand, &why).await;
                let heading = format!("{title} was not connected: {why}");
                return page(StatusCode::CONFLICT, &heading, ONE_ACCOUNT);
            }
            HeldGrant::new(grant, None, now)
        }
        Err(error) => {
            tracing::warn!(connection = errand.connection, error = %error, "no grant came back");
            refused(service, &errand, &error.to_string()).await;
            return not_exchanged(title, &error, &again);
        }
    };
    let grants = Grants::new(service.store.clone(), Arc::clone(&service.vault));
    match connected(service, &grants, &errand, &grant).await {
        Ok(()) => page(
            StatusCode::OK,
            &format!("{title} is connected"),
            "You can close this page. Touchline now reads your pipelines and deals; “touchline doctor” shows how far it is.",
        ),
        Err(error) => broken_here(&error),
    }
}

fn not_exchanged(title: &str, error: &CallError, again: &str) -> Response {
    match error {
        CallError::Unauthorized { detail } => page(
            StatusCode::BAD_GATEWAY,
            &format!("{title} refused the connection"),
            &format!(
                "It said: {detail}. Check client_id and client_secret, and that the app's redirect URL is the one that “touchline connect” prints. {again}"
            ),
        ),
        _ => page(
            StatusCode::BAD_GATEWAY,
            &format!("{title} did not answer as it should"),
            &format!("Nothing was changed. {again}"),
        ),
    }
}

fn no_longer_configured(errand: &Errand) -> Response {
    page(
        StatusCode::NOT_FOUND,
        &format!("There is no connection “{}” that is connected by OAuth", errand.connection),
        "It needs client_id and client_secret in the configuration of the running service; restart the service after changing it.",
    )
}

fn broken_here(error: &anyhow::Error) -> Response {
    tracing::error!(error = format!("{error:#}"), "an account could not be connected");
    page(
        StatusCode::SERVICE_UNAVAILABLE,
        "Touchline could not store this",
        "See its log, then begin again with a new link.",
    )
}

fn not_good(why: NotGood, connector: &str) -> Response {
    let again = format!("Run “touchline connect {connector}” for a new one.");
    match why {
        NotGood::Forged => page(
            StatusCode::FORBIDDEN,
            "This link is not valid",
            &format!("It was not made by this Touchline, or was changed on the way. {again}"),
        ),
        NotGood::Expired => page(
            StatusCode::GONE,
            "This link has expired",
            &format!("A link works for ten minutes. {again}"),
        ),
        NotGood::Used => page(
            StatusCode::GONE,
            "This link was used before",
            &format!(
                "A link works once. If it was not you who used it, “touchline admin audit show” tells whether an account was connected since, and on whose word. {again}"
            ),
        ),
    }
}

/// A state must not be used up by a program that only looks whether it is there.
fn not_a_visit(parts: &Parts) -> Option<Response> {
    (parts.method != Method::GET)
        .then(|| page(StatusCode::METHOD_NOT_ALLOWED, "Open this link in a browser", ""))
}

async fn connector_of(parts: &mut Parts) -> String {
    let path = Path::<String>::from_request_parts(parts, &()).await;
    path.map(|Path(connector)| connector).unwrap_or_default()
}

/// Whether it may stand in a page or a link as it is.
fn is_slug(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// The connector as it may stand in a page or a link.
fn shown(connector: &str) -> &str {
    if is_slug(connector) { connector } else { "hubspot" }
}

fn or_why(
    judged: crate::store::Result<Result<Errand, NotGood>>,
    connector: &str,
) -> Result<Errand, Box<Response>> {
    match judged {
        Ok(Ok(errand)) => Ok(errand),
        Ok(Err(why)) => Err(Box::new(not_good(why, shown(connector)))),
        Err(error) => Err(Box::new(broken_here(&error.into()))),
    }
}

impl FromRequestParts<Arc<Connect>> for ConnectOffer {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        connect: &Arc<Connect>,
    ) -> Result<Self, Response> {
        let connector = connector_of(parts).await;
        let link = Query::<LinkQuery>::from_request_parts(parts, &()).await;
        let Ok(Query(link)) = link else {
            return Err(not_good(NotGood::Forged, shown(&connector)));
        };
        let Service { store, vault, .. } = &*connect.service;
        let judged = look_at_link(store, vault, &connector, &link, connect.service.now()).await;
        let errand = or_why(judged, &connector).map_err(|why| *why)?;
        Ok(ConnectOffer { errand, link })
    }
}

/// The proof is in the body: an address that somebody is made to call does
/// nothing, and nobody can write the form without holding the link. What a
/// browser says another site sent is refused all the same.
impl FromRequest<Arc<Connect>> for ConnectLink {
    type Rejection = Response;

    async fn from_request(request: Request, connect: &Arc<Connect>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let connector = connector_of(&mut parts).await;
        let from = parts.headers.get(SENT_FROM).map(|value| value.as_bytes());
        if from.is_some_and(|from| !matches!(from, b"same-origin" | b"none")) {
            return Err(page(
                StatusCode::FORBIDDEN,
                "Another site sent this",
                "Nothing was done. Open the link of “touchline connect” itself and press its button.",
            ));
        }
        let request = Request::from_parts(parts, body);
        let Ok(Form(link)) = Form::<LinkQuery>::from_request(request, &()).await else {
            return Err(not_good(NotGood::Forged, shown(&connector)));
        };
        let Service { store, vault, .. } = &*connect.service;
        let judged = use_link(store, vault, &connector, &link, connect.service.now()).await;
        or_why(judged, &connector).map(ConnectLink).map_err(|why| *why)
    }
}

#[derive(Default, Deserialize)]
struct CallbackQuery {
    #[serde(default)]
    state: String,
    code: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

impl FromRequestParts<Arc<Connect>> for OAuthState {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        connect: &Arc<Connect>,
    ) -> Result<Self, Response> {
        if let Some(refused) = not_a_visit(parts) {
            return Err(refused);
        }
        let connector = connector_of(parts).await;
        let query = Query::<CallbackQuery>::from_request_parts(parts, &()).await;
        let CallbackQuery { state, code, error, error_description } =
            query.map(|Query(query)| query).unwrap_or_default();
        let Service { store, vault, .. } = &*connect.service;
        let journey = use_state(store, vault, &state, connect.service.now()).await;
        let journey = journey.map_err(|error| broken_here(&error.into()))?;
        let journey = journey.filter(|journey| journey.errand.connector == connector);
        let Some(journey) = journey else {
            return Err(page(
                StatusCode::FORBIDDEN,
                "This answer belongs to no connection that was begun here",
                "It may be old, or was used before. Nothing was changed. Run “touchline connect” for a new link.",
            ));
        };
        let fits = |text: &String| !text.is_empty() && text.len() <= PARAM_BYTES_MAX;
        let outcome = match (code.filter(fits), error.filter(fits)) {
            (Some(code), None) => Ok(code),
            (_, Some(error)) => Err(error_description.filter(fits).unwrap_or(error)),
            (None, None) => Err("the answer held no code".to_owned()),
        };
        Ok(OAuthState { journey, outcome })
    }
}

#[cfg(test)]
#[path = "oauth_tests.rs"]
mod tests;
