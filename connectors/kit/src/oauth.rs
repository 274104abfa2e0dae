//! OAuth 2: the bridge that lets the `oauth2` crate use the guarded client, and
//! the three steps a connection needs (RFC 6749, PKCE by RFC 7636).
//!
//! Nothing here keeps a token or draws a random number. Who calls stores the
//! [`Grant`] before using it, and lets one refresh run at a time: many vendors
//! give each refresh token once.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
    BasicTokenType,
};
use oauth2::{
    AsyncHttpClient, AuthType, AuthorizationCode, ClientId, ClientSecret, EndpointNotSet,
    EndpointSet, ExtraTokenFields, HttpRequest, HttpResponse, PkceCodeVerifier, RedirectUrl,
    RefreshToken, RequestTokenError, StandardRevocableToken, StandardTokenResponse,
    TokenResponse as _, TokenUrl,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use touchline_rules::UnixMs;

use crate::guard::NetworkPolicy;
use crate::manifest::Manifest;
use crate::retry::{classify_by_status, short_detail};
use crate::session::{
    CallError, Effect, SessionError, Timeouts, Transport, TransportError, VendorAnswer,
    read_base_url, resolve,
};

/// The longest answer of a token endpoint that is read, in bytes.
pub const TOKEN_ANSWER_MAX: usize = 64 << 10;

/// The guarded client, as the `oauth2` crate wants it.
#[derive(Clone, Debug)]
pub struct OAuthHttp {
    transport: Transport,
}

impl OAuthHttp {
    /// Sets up the client. Makes no call.
    ///
    /// # Errors
    /// [`SessionError::Client`] when the system's certificates cannot be read.
    pub fn new(
        network: NetworkPolicy,
        timeouts: Timeouts,
        user_agent: &str,
    ) -> Result<Self, SessionError> {
        let transport = Transport::new(network, timeouts, TOKEN_ANSWER_MAX, user_agent, true)?;
        Ok(OAuthHttp { transport })
    }

    async fn send(&self, request: HttpRequest) -> Result<VendorAnswer, CallError> {
        let unavailable = |detail| CallError::Unavailable { retry_at: None, detail };
        let request = reqwest::Request::try_from(request)
            .map_err(|_| unavailable("the token URL is no URL".to_owned()))?;
        self.transport.send(request).await.map_err(|error| match error {
            TransportError::NotSent(detail) | TransportError::Lost(detail) => unavailable(detail),
        })
    }
}

type BoxFuture<'c, T> = Pin<Box<dyn Future<Output = T> + Send + 'c>>;

impl<'c> AsyncHttpClient<'c> for OAuthHttp {
    type Error = CallError;
    type Future = BoxFuture<'c, Result<HttpResponse, CallError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move { to_response(self.send(request).await?) })
    }
}

fn to_response(answer: VendorAnswer) -> Result<HttpResponse, CallError> {
    let mut builder = http::Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        builder = builder.header(name, value);
    }
    let unreadable = |error: http::Error| CallError::Unavailable {
        retry_at: None,
        detail: format!("the answer cannot be read: {error}"),
    };
    builder.body(answer.body).map_err(unreadable)
}

/// This installation, as one vendor knows it.
#[derive(Clone, Debug)]
pub struct OAuthApp {
    client_id: String,
    client_secret: SecretString,
    redirect_url: RedirectUrl,
    authorize_url: url::Url,
    token_url: TokenUrl,
    scopes: &'static [&'static str],
}

/// What a vendor granted.
#[derive(Clone)]
pub struct Grant {
    /// The token for calls.
    pub access_token: SecretString,
    /// The token for the next refresh. `None`: the one before stays good.
    pub refresh_token: Option<SecretString>,
    /// How long the access token works, in seconds; `None` for good.
    pub expires_in_s: Option<u64>,
    /// What else the vendor said: its account, its user. May hold more tokens.
    pub extra: serde_json::Map<String, Value>,
}

/// The names of the extra fields only: their values may be tokens.
impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant")
            .field("expires_in_s", &self.expires_in_s)
            .field("extra", &self.extra.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl OAuthApp {
    /// Puts together what the manifest declares and what the admin entered.
    /// With a `base_url` other than the manifest's (a fake or a proxy), the
    /// browser is sent there too.
    ///
    /// # Errors
    /// [`SessionError`] when a URL makes no sense; `Ok(None)` when the
    /// connector has no OAuth.
    pub fn new(
        manifest: &'static Manifest,
        base_url: &str,
        network: &NetworkPolicy,
        client_id: &str,
        client_secret: SecretString,
        redirect_url: &str,
    ) -> Result<Option<Self>, SessionError> {
        let Some(oauth) = &manifest.oauth else { return Ok(None) };
        let bad = |url: &str, reason: String| SessionError::BadUrl { url: url.into(), reason };
        let base = read_base_url(base_url, network)?;
        let mut authorize_url = url::Url::parse(oauth.authorize_url)
            .map_err(|error| bad(oauth.authorize_url, error.to_string()))?;
        if base_url.trim_end_matches('/') != manifest.base_url.trim_end_matches('/') {
            let path = authorize_url.path().to_owned();
            authorize_url = base.clone();
            authorize_url.set_path(&path);
        }
        let token_url = resolve(&base, oauth.token_path, &[])
            .map_err(|error| bad(oauth.token_path, error.to_string()))?;
        let redirect_url = RedirectUrl::new(redirect_url.to_owned())
            .map_err(|error| bad(redirect_url, error.to_string()))?;
        Ok(Some(OAuthApp {
            client_id: client_id.to_owned(),
            client_secret,
            redirect_url,
            authorize_url,
            token_url: TokenUrl::from_url(token_url),
            scopes: oauth.scopes,
        }))
    }

    /// Where the admin's browser goes. `state` must come back unchanged;
    /// `challenge` is [`pkce_challenge`] of a verifier that is kept.
    #[must_use]
    pub fn authorize_url(&self, state: &str, challenge: Option<&str>) -> String {
        let mut url = self.authorize_url.clone();
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", &self.redirect_url)
            .append_pair("scope", &self.scopes.join(" "))
            .append_pair("state", state);
        if let Some(challenge) = challenge {
            query
                .append_pair("code_challenge", challenge)
                .append_pair("code_challenge_method", "S256");
        }
        drop(query);
        // Not every vendor reads "+" as a space; a plus sign itself is "%2B".
        url.as_str().replace('+', "%20")
    }

    /// Trades the code from the callback for tokens. A code works once, so an
    /// error means that the admin begins anew.
    ///
    /// # Errors
    /// [`CallError::Unauthorized`] when the vendor refuses the code or the app.
    pub async fn exchange_code(
        &self,
        http: &OAuthHttp,
        code: &str,
        verifier: Option<&str>,
        now: UnixMs,
    ) -> Result<Grant, CallError> {
        let client = self.client();
        let mut request = client.exchange_code(AuthorizationCode::new(code.to_owned()));
        if let Some(verifier) = verifier {
            request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier.to_owned()));
        }
        let judged = Judged { http: http.clone(), now };
        request.request_async(&judged).await.map_err(refused).map(Grant::from)
    }

    /// Trades a refresh token for new tokens.
    ///
    /// # Errors
    /// [`CallError::Unauthorized`] when the grant was taken away: the
    /// connection is broken until it is connected again.
    pub async fn refresh(
        &self,
        http: &OAuthHttp,
        refresh_token: &SecretString,
        now: UnixMs,
    ) -> Result<Grant, CallError> {
        let client = self.client();
        let token = RefreshToken::new(refresh_token.expose_secret().to_owned());
        let judged = Judged { http: http.clone(), now };
        let request = client.exchange_refresh_token(&token);
        request.request_async(&judged).await.map_err(refused).map(Grant::from)
    }

    /// The secret goes into the body, which every vendor we know reads; HubSpot
    /// reads it nowhere else.
    fn client(&self) -> Client {
        oauth2::Client::new(ClientId::new(self.client_id.clone()))
            .set_client_secret(ClientSecret::new(self.client_secret.expose_secret().to_owned()))
            .set_auth_type(AuthType::RequestBody)
            .set_redirect_uri(self.redirect_url.clone())
            .set_token_uri(self.token_url.clone())
    }
}

/// The S256 challenge of a PKCE verifier (RFC 7636 section 4.2).
#[must_use]
pub fn pkce_challenge(verifier: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

#[derive(Debug, Serialize, Deserialize)]
struct Extra {
    #[serde(flatten)]
    fields: HashMap<String, Value>,
}

impl ExtraTokenFields for Extra {}

type TokenAnswer = StandardTokenResponse<Extra, BasicTokenType>;

type Client = oauth2::Client<
    BasicErrorResponse,
    TokenAnswer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

impl From<TokenAnswer> for Grant {
    fn from(answer: TokenAnswer) -> Self {
        let secret = |text: &String| SecretString::from(text.as_str());
        Grant {
            access_token: secret(answer.access_token().secret()),
            refresh_token: answer.refresh_token().map(|token| secret(token.secret())),
            expires_in_s: answer.expires_in().map(|duration| duration.as_secs()),
            extra: answer.extra_fields().fields.clone().into_iter().collect(),
        }
    }
}

/// Sends, and lets only a good answer through to the `oauth2` crate, whose own
/// judgement knows neither `Retry-After` nor vendors that refuse with 200. A type
/// of its own, because a closure's future cannot be shown to be `Send`.
struct Judged {
    http: OAuthHttp,
    now: UnixMs,
}

impl<'c> AsyncHttpClient<'c> for Judged {
    type Error = CallError;
    type Future = BoxFuture<'c, Result<HttpResponse, CallError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let answer = self.http.send(request).await?;
            judge_token_answer(&answer, self.now)?;
            to_response(answer)
        })
    }
}

/// What a token endpoint's answer means. The error codes are those of RFC 6749
/// section 5.2; HubSpot has its own in `status`, Slack sends its own in `error`
/// with status 200.
fn judge_token_answer(answer: &VendorAnswer, now: UnixMs) -> Result<(), CallError> {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = |field: &str| body.get(field).and_then(Value::as_str);
    if (200..=299).contains(&answer.status) && text("access_token").is_some() {
        return Ok(());
    }
    let is_busy = matches!(answer.status, 429 | 500..=599);
    match text("error").or_else(|| text("status")) {
        Some("temporarily_unavailable" | "server_error" | "ratelimited") | None => {}
        Some(_) if is_busy => {}
        Some(code) => {
            let said = text("error_description").or_else(|| text("message")).unwrap_or_default();
            let detail = short_detail(&format!("{code} {said}"));
            return Err(CallError::Unauthorized { detail });
        }
    }
    match classify_by_status(answer, Effect::Repeatable, now) {
        // A proxy's error page must not break a connection for good.
        Ok(()) | Err(CallError::NotFound { .. } | CallError::Refused { .. }) => {
            let detail = format!("HTTP {}, and no token in the answer", answer.status);
            Err(CallError::Unavailable { retry_at: None, detail })
        }
        Err(error) => Err(error),
    }
}

fn refused(error: RequestTokenError<CallError, BasicErrorResponse>) -> CallError {
    let detail = match error {
        RequestTokenError::Request(error) => return error,
        // The path of the field, never its value.
        RequestTokenError::Parse(error, _) => {
            format!("the token answer cannot be read at `{}`", error.path())
        }
        RequestTokenError::ServerResponse(_) | RequestTokenError::Other(_) => {
            "the token answer cannot be read".to_owned()
        }
    };
    CallError::Refused { code: "bad_token_answer".into(), detail }
}

#[cfg(test)]
#[path = "oauth_tests.rs"]
mod tests;
