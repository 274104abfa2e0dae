//! Who may call: grants behind codes and tokens.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use touchline_rules::UnixMs;
use touchline_rules::time::{MINUTE_MS, SECOND_MS};

use super::FakeConfig;
use super::answer::{ApiError, uuid};

/// How long an access token lives, in seconds.
pub(super) const TOKEN_LIFE_S: i64 = 1_800;

/// How long a code can be used. HubSpot says only "short".
const CODE_LIFE_MS: i64 = MINUTE_MS;

/// Codes and tokens kept at most; the oldest go first.
const MAX_KEPT: usize = 10_000;

/// The person who connects the app, and what they decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthAdmin {
    /// User id.
    pub user_id: i64,
    /// E-mail.
    pub email: String,
    /// Agrees, or turns the app away.
    pub approves: bool,
}

/// What a token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    pub scopes: Vec<String>,
    pub user_id: i64,
    pub email: String,
    /// By OAuth, not the static token.
    pub oauth: bool,
}

/// A code that waits to be exchanged.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub grant: Grant,
    pub redirect_uri: String,
    pub challenge: Option<String>,
    expires_at: UnixMs,
}

#[derive(Clone, Debug)]
pub(super) struct AccessToken {
    pub grant: Grant,
    pub expires_at: UnixMs,
    refresh_token: Option<String>,
}

pub(super) struct OAuth {
    pub admin: OAuthAdmin,
    static_token: String,
    static_grant: Grant,
    codes: BTreeMap<String, Code>,
    access: BTreeMap<String, AccessToken>,
    refresh: BTreeMap<String, Grant>,
    /// A refresh hands out a new refresh token; whether HubSpot does is not documented.
    pub rotate_refresh: bool,
}

impl OAuth {
    pub fn new(config: &FakeConfig) -> OAuth {
        let admin = OAuthAdmin { user_id: 7, email: "admin@example.com".into(), approves: true };
        OAuth {
            static_token: config.access_token.clone(),
            static_grant: Grant {
                scopes: config.scopes.clone(),
                user_id: admin.user_id,
                email: admin.email.clone(),
                oauth: false,
            },
            admin,
            codes: BTreeMap::new(),
            access: BTreeMap::new(),
            refresh: BTreeMap::new(),
            rotate_refresh: false,
        }
    }

    /// The grant behind an `Authorization` header.
    pub fn authorize(&self, header: Option<&str>, now: UnixMs) -> Result<Grant, ApiError> {
        let invalid = || {
            let message = "Authentication credentials not found or not valid.";
            ApiError::new(401, "INVALID_AUTHENTICATION", message)
        };
        let token = header.and_then(|text| text.strip_prefix("Bearer ")).ok_or_else(invalid)?;
        if token == self.static_token {
            return Ok(self.static_grant.clone());
        }
        let access = self.access.get(token).ok_or_else(invalid)?;
        if access.expires_at <= now { Err(ApiError::expired()) } else { Ok(access.grant.clone()) }
    }

    pub fn issue_code(
        &mut self,
        grant: Grant,
        redirect_uri: &str,
        challenge: Option<String>,
        now: UnixMs,
        rng: &mut ChaCha8Rng,
    ) -> String {
        let code = format!("fake-code-{}", uuid(rng));
        let redirect_uri = redirect_uri.to_owned();
        let expires_at = now.plus_ms(CODE_LIFE_MS);
        keep(&mut self.codes, code.clone(), Code { grant, redirect_uri, challenge, expires_at });
        code
    }

    /// Takes a code; it works once, right or wrong.
    pub fn take_code(&mut self, code: &str, now: UnixMs) -> Option<Code> {
        self.codes.remove(code).filter(|code| code.expires_at > now)
    }

    pub fn issue_refresh(&mut self, grant: &Grant, rng: &mut ChaCha8Rng) -> String {
        let token = format!("fake-refresh-{}", uuid(rng));
        keep(&mut self.refresh, token.clone(), grant.clone());
        token
    }

    pub fn issue_access(
        &mut self,
        grant: &Grant,
        refresh_token: Option<&str>,
        now: UnixMs,
        rng: &mut ChaCha8Rng,
    ) -> String {
        // HubSpot says to allow for 300 characters and more.
        let token = format!("fake-access-{}-{}", uuid(rng), "x".repeat(260));
        let access = AccessToken {
            grant: grant.clone(),
            expires_at: now.plus_ms(TOKEN_LIFE_S * SECOND_MS),
            refresh_token: refresh_token.map(str::to_owned),
        };
        keep(&mut self.access, token.clone(), access);
        token
    }

    pub fn access_token(&self, token: &str, now: UnixMs) -> Option<&AccessToken> {
        self.access.get(token).filter(|access| access.expires_at > now)
    }

    pub fn refresh_token(&self, token: &str) -> Option<&Grant> {
        self.refresh.get(token)
    }

    /// Revokes a refresh token and, as uninstalling does, the access tokens that
    /// came from it. Revoking an access token ends that one only.
    pub fn revoke(&mut self, token: &str) -> bool {
        let had = self.refresh.remove(token).is_some() | self.access.remove(token).is_some();
        self.access.retain(|_, access| access.refresh_token.as_deref() != Some(token));
        had
    }

    /// Takes the app out of the account: every OAuth token ends.
    pub fn uninstall(&mut self) {
        self.codes.clear();
        self.access.clear();
        self.refresh.clear();
    }
}

fn keep<T>(map: &mut BTreeMap<String, T>, key: String, value: T) {
    if map.len() >= MAX_KEPT {
        map.pop_first();
    }
    map.insert(key, value);
}
