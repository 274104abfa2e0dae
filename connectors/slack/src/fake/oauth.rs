//! `oauth.v2.access`: a code becomes a bot token.

use std::collections::BTreeMap;

use serde_json::json;
use touchline_rules::UnixMs;
use touchline_rules::time::MINUTE_MS;

use super::answer::{Answer, ApiError};
use super::params::Params;
use super::state::{APP, BOT_USER, State, TEAM};

/// The client id that the fake accepts.
pub const CLIENT_ID: &str = "fake-client-id";
/// The client secret that the fake accepts.
pub const CLIENT_SECRET: &str = "fake-client-secret";

const CODE_LIFE_MS: i64 = 10 * MINUTE_MS;

#[derive(Default)]
pub(super) struct OAuthCodes {
    issued: BTreeMap<String, Code>,
}

struct Code {
    issued_at: UnixMs,
    used: bool,
}

impl OAuthCodes {
    pub(super) fn issue(&mut self, now: UnixMs) -> String {
        let code = format!("fake-code-{}", self.issued.len() + 1);
        self.issued.insert(code.clone(), Code { issued_at: now, used: false });
        code
    }

    fn redeem(&mut self, code: &str, now: UnixMs) -> Result<(), ApiError> {
        let Some(code) = self.issued.get_mut(code) else { return Err("invalid_code".into()) };
        if now.since_ms(code.issued_at) > CODE_LIFE_MS {
            return Err("invalid_code".into());
        }
        if std::mem::replace(&mut code.used, true) {
            return Err("code_already_used".into());
        }
        Ok(())
    }
}

pub(super) fn access(state: &mut State, params: &Params, now: UnixMs) -> Answer {
    if params.text("client_id").as_deref() != Some(CLIENT_ID) {
        return Err("invalid_client_id".into());
    }
    if params.text("client_secret").as_deref() != Some(CLIENT_SECRET) {
        return Err("bad_client_secret".into());
    }
    state.oauth.redeem(&params.required("code", "invalid_code")?, now)?;
    let token = format!("fake-xoxb-{}", state.next_id());
    state.accept_token(token.clone());
    let scopes: Vec<_> = state.scopes.iter().cloned().collect();
    let installer = state.users.first().map(|user| user.id.clone());
    Ok(json!({
        "ok": true, "app_id": APP, "authed_user": { "id": installer }, "scope": scopes.join(","),
        "token_type": "bot", "access_token": token, "bot_user_id": BOT_USER,
        "team": { "id": TEAM, "name": state.team }, "enterprise": null,
        "is_enterprise_install": false,
    }))
}
