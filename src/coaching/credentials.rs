//! The token for the next call of a connection.
//!
//! A static token from configuration is used if there is one; else the grant
//! that [`super::grants`] keeps. Its access token is refreshed at four fifths of
//! its life by one caller while the others wait, and by one process: it says so
//! in the store before it asks the vendor. A new refresh token is on the disk
//! before the access token that came with it is used. A refusal is remembered until
//! the credentials change, so that a revoked grant is not asked for again and
//! again.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use tokio::sync::Mutex;
use touchline_kit::oauth::{OAuthApp, OAuthHttp};
use touchline_kit::{CallError, Manifest, Secrets, TokenSource};
use touchline_rules::UnixMs;
use touchline_rules::time::{MINUTE_MS, SECOND_MS};

use super::broken::note_broken;
use super::grants::{Grants, HeldGrant, Kept};
use crate::clock::Clock;
use crate::store::Store;
pub use crate::store::{BROKEN, NEW, WORKING};

/// The secrets that are tokens for calls, as manifests name them.
const TOKEN_SECRETS: [&str; 2] = ["access_token", "bot_token"];
/// How long a refresh that found no answer is not tried again.
const REFRESH_RETRY_MS: i64 = 10 * SECOND_MS;
/// How long an account that nobody connected yet is left alone.
const UNCONNECTED_RETRY_MS: i64 = 15 * MINUTE_MS;
/// Said where there is no grant.
const NOT_CONNECTED: &str = "the account is not connected yet: run `touchline connect`";
/// How long a process that began a refresh keeps others from it; longer than a
/// call to the vendor may take.
const REFRESH_LEASE_MS: i64 = 60 * SECOND_MS;
/// How often one call takes over what another process wrote meanwhile.
const TAKEOVERS_MAX: u32 = 3;

/// The static token among `secrets`, where the connector knows one and it is set.
#[must_use]
pub fn static_token(manifest: &Manifest, secrets: &Secrets) -> Option<SecretString> {
    let names = manifest.secrets.iter().map(|field| field.name);
    let mut tokens = names.filter(|name| TOKEN_SECRETS.contains(name));
    tokens.find_map(|name| secrets.expose(name)).map(SecretString::from)
}

/// This installation at one vendor, and the way there.
#[derive(Clone)]
pub struct OAuthLine {
    /// The app.
    pub app: OAuthApp,
    /// The guarded client.
    pub http: OAuthHttp,
}

/// Where the tokens of one connection come from.
pub struct ConnectionToken {
    connection: String,
    source: Source,
}

enum Source {
    Fixed(SecretString),
    Granted(Box<GrantedToken>),
    Missing(String),
}

/// The slug and the sort of its source.
impl fmt::Debug for ConnectionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = match &self.source {
            Source::Fixed(_) => "static",
            Source::Granted(_) => "oauth",
            Source::Missing(_) => "missing",
        };
        f.debug_struct("ConnectionToken")
            .field("connection", &self.connection)
            .field("source", &source)
            .finish()
    }
}

impl ConnectionToken {
    /// A token that does not change.
    #[must_use]
    pub fn fixed(connection: &str, token: SecretString) -> Self {
        ConnectionToken { connection: connection.to_owned(), source: Source::Fixed(token) }
    }

    /// Tokens from the grant of `connection` in `store`.
    #[must_use]
    pub fn granted(
        connection: &str,
        manifest: &Manifest,
        line: OAuthLine,
        grants: Grants,
        store: Store,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let granted = GrantedToken {
            connection: connection.to_owned(),
            connector: manifest.name,
            line,
            grants,
            store,
            clock,
            held: Mutex::default(),
        };
        let source = Source::Granted(Box::new(granted));
        ConnectionToken { connection: connection.to_owned(), source }
    }

    /// No token, and what to configure so that there is one.
    #[must_use]
    pub fn missing(connection: &str, what_to_do: String) -> Self {
        ConnectionToken { connection: connection.to_owned(), source: Source::Missing(what_to_do) }
    }
}

#[async_trait]
impl TokenSource for ConnectionToken {
    async fn token(&self) -> Result<SecretString, CallError> {
        match &self.source {
            Source::Fixed(token) => Ok(token.clone()),
            Source::Granted(granted) => granted.token().await,
            Source::Missing(detail) => Err(CallError::Unauthorized { detail: detail.clone() }),
        }
    }
}

struct GrantedToken {
    connection: String,
    connector: &'static str,
    line: OAuthLine,
    grants: Grants,
    store: Store,
    clock: Arc<dyn Clock>,
    held: Mutex<Held>,
}

/// What is known of the grant of one version.
#[derive(Default)]
struct Held {
    version: i64,
    grant: Option<HeldGrant>,
    /// The vendor gave it, and the disk did not take it yet.
    unsaved: Option<HeldGrant>,
    /// Why this version is good for nothing.
    refused: Option<String>,
    /// No refresh before this instant.
    retry_at: Option<UnixMs>,
    /// The refresh that the grant says is under way is our own.
    is_ours: bool,
}

/// What to do after a step that gave no token.
enum Next {
    /// Somebody else wrote the grant: look again.
    LookAgain,
    /// The caller hears this.
    Fail(CallError),
}

impl From<CallError> for Next {
    fn from(error: CallError) -> Self {
        Next::Fail(error)
    }
}

impl GrantedToken {
    /// Who waits for the lock while another refreshes finds the new token.
    async fn token(&self) -> Result<SecretString, CallError> {
        let mut held = self.held.lock().await;
        for _ in 0..TAKEOVERS_MAX {
            match self.look(&mut held).await {
                Ok(token) => return Ok(token),
                Err(Next::LookAgain) => {}
                Err(Next::Fail(error)) => return Err(error),
            }
        }
        Err(unavailable("the grant keeps changing: does another process refresh it too?", None))
    }

    async fn look(&self, held: &mut Held) -> Result<SecretString, Next> {
        let version = self.grants.version(&self.connection).await.map_err(stored)?;
        if version != held.version {
            *held = Held { version, ..Held::default() };
        }
        if version == 0 {
            // Not broken: nothing was taken away. Who connects it wakes who waits.
            let retry_at = self.clock.now().plus_ms(UNCONNECTED_RETRY_MS);
            return Err(unavailable(NOT_CONNECTED, Some(retry_at)).into());
        }
        if let Some(detail) = &held.refused {
            return Err(CallError::Unauthorized { detail: detail.clone() }.into());
        }
        if let Some(unsaved) = held.unsaved.take() {
            return self.save(held, unsaved).await;
        }
        let grant = match &held.grant {
            Some(grant) => grant.clone(),
            None => self.load(held).await?,
        };
        let now = self.clock.now();
        if !grant.is_ageing(now) {
            return Ok(grant.access_token);
        }
        let theirs = grant.refreshing_until.filter(|until| now < *until && !held.is_ours);
        let retry_at = theirs.map(|until| until.min(now.plus_ms(REFRESH_RETRY_MS)));
        match retry_at.or(held.retry_at) {
            Some(retry_at) if now < retry_at => unless_expired(&grant, now, retry_at),
            _ => {
                let grant = self.begin_refresh(held, grant, now).await?;
                self.refresh(held, &grant, now).await
            }
        }
    }

    /// Tells other processes that a refresh is under way.
    async fn begin_refresh(
        &self,
        held: &mut Held,
        grant: HeldGrant,
        now: UnixMs,
    ) -> Result<HeldGrant, Next> {
        let begun = HeldGrant { refreshing_until: Some(now.plus_ms(REFRESH_LEASE_MS)), ..grant };
        match self.grants.keep(&self.connection, held.version, &begun).await.map_err(stored)? {
            Kept::Overtaken => Err(Next::LookAgain),
            Kept::As(version) => {
                let grant = Some(begun.clone());
                *held = Held { version, grant, is_ours: true, ..Held::default() };
                Ok(begun)
            }
        }
    }

    async fn load(&self, held: &mut Held) -> Result<HeldGrant, Next> {
        match self.grants.load(&self.connection).await {
            Ok(Some((version, grant))) if version == held.version => {
                held.grant = Some(grant.clone());
                Ok(grant)
            }
            Ok(_) => Err(Next::LookAgain),
            // The row is there and does not open: only a person can mend that.
            Err(error) => Err(self.refuse(held, format!("{error:#}")).await.into()),
        }
    }

    async fn refresh(
        &self,
        held: &mut Held,
        grant: &HeldGrant,
        now: UnixMs,
    ) -> Result<SecretString, Next> {
        let Some(refresh_token) = &grant.refresh_token else {
            if !grant.has_expired(now) {
                return Ok(grant.access_token.clone());
            }
            let detail = "the access token has expired and there is no refresh token".to_owned();
            return Err(self.refuse(held, detail).await.into());
        };
        let OAuthLine { app, http } = &self.line;
        match app.refresh(http, refresh_token, now).await {
            Ok(given) => {
                let fresh = HeldGrant::new(given, grant.refresh_token.clone(), now);
                self.save(held, fresh).await
            }
            Err(CallError::Unauthorized { detail }) => {
                // The admin may have connected anew while we asked.
                let version = self.grants.version(&self.connection).await.map_err(stored)?;
                if version != held.version {
                    return Err(Next::LookAgain);
                }
                Err(self.refuse(held, detail).await.into())
            }
            Err(error) => {
                let told = match error {
                    CallError::Limited { retry_at, .. } => Some(retry_at),
                    CallError::Unavailable { retry_at, .. } => retry_at,
                    _ => None,
                };
                let retry_at = told.unwrap_or(now.plus_ms(REFRESH_RETRY_MS));
                held.retry_at = Some(retry_at);
                tracing::warn!(
                    connection = %self.connection,
                    error = %error,
                    "the access token could not be refreshed"
                );
                unless_expired(grant, now, retry_at)
            }
        }
    }

    /// Makes a new grant durable, and only then uses it.
    async fn save(&self, held: &mut Held, fresh: HeldGrant) -> Result<SecretString, Next> {
        match self.grants.keep(&self.connection, held.version, &fresh).await {
            Ok(Kept::As(version)) => {
                let token = fresh.access_token.clone();
                *held = Held { version, grant: Some(fresh), ..Held::default() };
                Ok(token)
            }
            Ok(Kept::Overtaken) => Err(Next::LookAgain),
            Err(error) => {
                held.unsaved = Some(fresh);
                Err(stored(error).into())
            }
        }
    }

    /// Remembers a refusal and marks the connection broken.
    async fn refuse(&self, held: &mut Held, detail: String) -> CallError {
        held.refused = Some(detail.clone());
        let now = self.clock.now();
        let noted = note_broken(&self.store, &self.connection, self.connector, &detail, now).await;
        if let Err(error) = noted {
            tracing::error!(
                connection = %self.connection,
                error = %error,
                "the connection could not be marked broken"
            );
        }
        CallError::Unauthorized { detail }
    }
}

/// The token in hand still works although its refresh failed, unless its time is over.
fn unless_expired(grant: &HeldGrant, now: UnixMs, retry_at: UnixMs) -> Result<SecretString, Next> {
    if !grant.has_expired(now) {
        return Ok(grant.access_token.clone());
    }
    let detail = "the access token has expired and could not be refreshed";
    Err(unavailable(detail, Some(retry_at)).into())
}

fn unavailable(detail: &str, retry_at: Option<UnixMs>) -> CallError {
    CallError::Unavailable { retry_at, detail: detail.to_owned() }
}

fn stored(error: anyhow::Error) -> CallError {
    unavailable(&format!("the credentials cannot be read or written: {error:#}"), None)
}
