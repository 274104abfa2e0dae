//! The authorize page, tokens, introspection, revocation, uninstalling.
//!
//! v1 and the newer versions share their rules but for one: the newer ones refuse
//! secrets in the query.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use touchline_rules::UnixMs;
use touchline_rules::time::SECOND_MS;

use super::answer::{ApiAnswer, ApiError, ApiRequest, uuid};
use super::oauth::{Code, Grant, TOKEN_LIFE_S};
use super::{FakeConfig, Inner};

/// The versions of the OAuth endpoints.
const VERSIONS: [&str; 4] = ["v1", "v3", "2026-03", "2026-09"];

struct OAuthCall<'a> {
    inner: &'a mut Inner,
    config: &'a FakeConfig,
    request: &'a ApiRequest,
    form: Vec<(String, String)>,
    now: UnixMs,
}

/// Answers if the path is one of OAuth.
pub(super) fn route(
    inner: &mut Inner,
    config: &FakeConfig,
    request: &ApiRequest,
    parts: &[&str],
    now: UnixMs,
) -> Option<Result<ApiAnswer, ApiError>> {
    let ["oauth", version, rest @ ..] = parts else { return None };
    let form = url::form_urlencoded::parse(&request.body).into_owned().collect();
    let mut call = OAuthCall { inner, config, request, form, now };
    let method = request.method.as_str();
    if (method, *version, rest) == ("GET", "authorize", &[]) {
        return Some(call.authorize_page());
    }
    if !VERSIONS.contains(version) {
        return None;
    }
    if *version != "v1"
        && let Some(refused) = call.secrets_in_query()
    {
        return Some(Ok(refused));
    }
    let v1 = *version == "v1";
    Some(match (method, rest) {
        ("POST", ["token"]) => Ok(call.token(v1)),
        ("POST", ["token", "introspect"]) if !v1 => Ok(call.introspect()),
        ("POST", ["token", "revoke"]) if !v1 => Ok(call.revoke()),
        ("GET", ["access-tokens", token]) if v1 => call.access_token_info(token),
        ("GET", ["refresh-tokens", token]) if v1 => call.refresh_token_info(token),
        ("DELETE", ["refresh-tokens", token]) if v1 => {
            call.inner.oauth.revoke(token);
            Ok(ApiAnswer::empty())
        }
        _ => return None,
    })
}

/// `DELETE /appinstalls/{version}/external-install`
pub(super) fn uninstall(
    inner: &mut Inner,
    request: &ApiRequest,
    grant: &Grant,
) -> Result<ApiAnswer, ApiError> {
    if request.method != "DELETE" || !grant.oauth {
        return Err(ApiError::validation("only an OAuth app can uninstall itself"));
    }
    inner.oauth.uninstall();
    Ok(ApiAnswer::empty())
}

impl OAuthCall<'_> {
    fn field(&self, name: &str) -> Option<&str> {
        let found = self.form.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).or_else(|| {
            // Only v1 gets this far with anything in the query.
            self.request.param(name)
        })
    }

    /// HubSpot's own fields and those of RFC 6749 together.
    fn refuse(&mut self, status: &str, message: &str, error: &str) -> ApiAnswer {
        let id = uuid(&mut self.inner.chance);
        ApiAnswer::with(
            400,
            json!({
                "status": status,
                "message": message,
                "error": error,
                "error_description": message,
                "correlationId": id,
            }),
        )
    }

    fn secrets_in_query(&mut self) -> Option<ApiAnswer> {
        let secret = ["client_secret", "refresh_token", "code", "token", "code_verifier"];
        let found = self.request.query.iter().find(|(name, _)| secret.contains(&name.as_str()))?;
        let message = format!("{} has to be in the body, not in the query", found.0);
        Some(self.refuse("BAD_REQUEST", &message, "invalid_request"))
    }

    /// The browser's page: decides at once, as the scripted admin would, and
    /// sends the browser back.
    fn authorize_page(&mut self) -> Result<ApiAnswer, ApiError> {
        let param = |name: &str| self.request.param(name).unwrap_or_default();
        if param("client_id") != self.config.client_id {
            return Err(ApiError::validation("client_id belongs to no app"));
        }
        let redirect_uri = param("redirect_uri").to_owned();
        if !self.config.redirect_uris.contains(&redirect_uri) {
            return Err(ApiError::validation("redirect_uri is not one that the app declares"));
        }
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let (required, optional) = (words(param("scope")), words(param("optional_scope")));
        let declared = |scope: &String| self.config.scopes.contains(scope);
        if let Some(scope) = required.iter().chain(&optional).find(|scope| !declared(scope)) {
            let message = format!("scope {scope} is not one that the app declares");
            return Err(ApiError::validation(message));
        }
        let state = self.request.param("state").map(str::to_owned);
        let challenge = self.request.param("code_challenge").map(str::to_owned);
        let admin = self.inner.oauth.admin.clone();
        let mut back = url::form_urlencoded::Serializer::new(String::new());
        if admin.approves {
            let scopes = required.into_iter().chain(optional).collect();
            let grant = Grant { scopes, user_id: admin.user_id, email: admin.email, oauth: true };
            let rng = &mut self.inner.chance;
            let code = self.inner.oauth.issue_code(grant, &redirect_uri, challenge, self.now, rng);
            back.append_pair("code", &code);
        } else {
            back.append_pair("error", "access_denied");
            back.append_pair("error_description", "the admin turned the app away");
        }
        if let Some(state) = state {
            back.append_pair("state", &state);
        }
        let joint = if redirect_uri.contains('?') { '&' } else { '?' };
        let mut answer = ApiAnswer::empty();
        answer.status = 302;
        answer.headers =
            vec![("Location".into(), format!("{redirect_uri}{joint}{}", back.finish()))];
        Ok(answer)
    }

    fn token(&mut self, v1: bool) -> ApiAnswer {
        let is_form = self.request.content_type.as_deref().unwrap_or_default();
        if !is_form.starts_with("application/x-www-form-urlencoded") {
            return self.refuse("BAD_REQUEST", "the body has to be a form", "invalid_request");
        }
        if !self.is_client() {
            return self.refuse("BAD_CLIENT_ID", "missing or invalid client", "invalid_client");
        }
        match self.field("grant_type").unwrap_or_default() {
            "authorization_code" => self.exchange_code(v1),
            "refresh_token" => self.refresh(v1),
            "client_credentials" if !v1 => self.client_credentials(),
            _ => {
                let message = "grant_type is not supported";
                self.refuse("BAD_GRANT_TYPE", message, "unsupported_grant_type")
            }
        }
    }

    fn is_client(&self) -> bool {
        self.field("client_id") == Some(&self.config.client_id)
            && self.field("client_secret") == Some(&self.config.client_secret)
    }

    fn exchange_code(&mut self, v1: bool) -> ApiAnswer {
        let code = self.field("code").unwrap_or_default().to_owned();
        let taken = self.inner.oauth.take_code(&code, self.now);
        let Some(code) = taken.filter(|code| self.fits(code)) else {
            return self.refuse("BAD_AUTH_CODE", "missing or unknown auth code", "invalid_grant");
        };
        let refresh = self.inner.oauth.issue_refresh(&code.grant, &mut self.inner.chance);
        self.tokens(&code.grant, &refresh, v1)
    }

    /// The redirect URL is the same to the letter, and the PKCE verifier fits if
    /// the authorize page saw a challenge.
    fn fits(&self, code: &Code) -> bool {
        let verified = code.challenge.as_ref().is_none_or(|challenge| {
            let verifier = self.field("code_verifier").unwrap_or_default();
            URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())) == *challenge
        });
        verified && self.field("redirect_uri") == Some(&code.redirect_uri)
    }

    fn refresh(&mut self, v1: bool) -> ApiAnswer {
        let old = self.field("refresh_token").unwrap_or_default().to_owned();
        let Some(grant) = self.inner.oauth.refresh_token(&old).cloned() else {
            let message = "missing or invalid refresh token";
            return self.refuse("BAD_REFRESH_TOKEN", message, "invalid_grant");
        };
        let refresh = if self.inner.oauth.rotate_refresh {
            self.inner.oauth.revoke(&old);
            self.inner.oauth.issue_refresh(&grant, &mut self.inner.chance)
        } else {
            old
        };
        self.tokens(&grant, &refresh, v1)
    }

    fn client_credentials(&mut self) -> ApiAnswer {
        let grant = Grant {
            scopes: self.field("scope").unwrap_or_default().split(' ').map(str::to_owned).collect(),
            user_id: self.inner.oauth.admin.user_id,
            email: self.inner.oauth.admin.email.clone(),
            oauth: true,
        };
        let rng = &mut self.inner.chance;
        let access = self.inner.oauth.issue_access(&grant, None, self.now, rng);
        ApiAnswer::ok(json!({
            "token_type": "bearer",
            "access_token": access,
            "expires_in": TOKEN_LIFE_S,
            "scopes": grant.scopes,
            "token_use": "client_credentials",
        }))
    }

    fn tokens(&mut self, grant: &Grant, refresh: &str, v1: bool) -> ApiAnswer {
        let rng = &mut self.inner.chance;
        let access = self.inner.oauth.issue_access(grant, Some(refresh), self.now, rng);
        let mut body = json!({
            "token_type": "bearer",
            "access_token": access,
            "refresh_token": refresh,
            "expires_in": TOKEN_LIFE_S,
        });
        if !v1 {
            body["hub_id"] = json!(self.config.portal_id);
            body["user_id"] = json!(grant.user_id);
            body["scopes"] = json!(grant.scopes);
            body["token_use"] = json!("access_token");
            body["id_token"] = Value::Null;
        }
        ApiAnswer::ok(body)
    }

    /// What both versions tell about a token.
    fn about(&self, token: &str, grant: &Grant) -> Value {
        json!({
            "token": token,
            "token_type": "bearer",
            "hub_id": self.config.portal_id,
            "hub_domain": "sales.example.com",
            "user": grant.email,
            "user_id": grant.user_id,
            "scopes": grant.scopes,
            "client_id": self.config.client_id,
        })
    }

    fn about_access(&self, token: &str) -> Option<Value> {
        let access = self.inner.oauth.access_token(token, self.now)?;
        let mut about = self.about(token, &access.grant);
        about["app_id"] = json!(self.config.app_id);
        about["expires_in"] = json!(access.expires_at.since_ms(self.now) / SECOND_MS);
        about["is_private_distribution"] = json!(true);
        Some(about)
    }

    fn introspect(&mut self) -> ApiAnswer {
        if !self.is_client() {
            return self.refuse("BAD_CLIENT_ID", "missing or invalid client", "invalid_client");
        }
        let token = self.field("token").unwrap_or_default();
        let refresh = || Some(self.about(token, self.inner.oauth.refresh_token(token)?));
        let (mut about, token_use) = match (self.about_access(token), refresh()) {
            (Some(about), _) => (about, "access_token"),
            (None, Some(about)) => (about, "refresh_token"),
            (None, None) => return ApiAnswer::ok(json!({ "active": false })),
        };
        about["active"] = json!(true);
        about["token_use"] = json!(token_use);
        ApiAnswer::ok(about)
    }

    fn revoke(&mut self) -> ApiAnswer {
        if !self.is_client() {
            return self.refuse("BAD_CLIENT_ID", "missing or invalid client", "invalid_client");
        }
        let token = self.field("token").unwrap_or_default().to_owned();
        self.inner.oauth.revoke(&token);
        // RFC 7009: revoking what is gone succeeds.
        ApiAnswer::ok(json!({}))
    }

    fn access_token_info(&self, token: &str) -> Result<ApiAnswer, ApiError> {
        let about = self.about_access(token).map(ApiAnswer::ok);
        about.ok_or_else(|| ApiError::not_found("the access token is unknown or expired"))
    }

    fn refresh_token_info(&self, token: &str) -> Result<ApiAnswer, ApiError> {
        let grant = self.inner.oauth.refresh_token(token);
        grant
            .map(|grant| ApiAnswer::ok(self.about(token, grant)))
            .ok_or_else(|| ApiError::not_found("the refresh token is unknown"))
    }
}
