//! A Slack to talk to: the Web API methods we use, direct messages, and people
//! who click.
//!
//! It is good enough that Slack's own clients accept it (`tests/contract/slack`).
//! It starts nothing and reads no clock: the caller binds [`FakeSlack::router`]
//! and passes a clock. Its tokens begin with `fake-`.

mod answer;
mod chat;
mod control;
mod directory;
mod faults;
mod interaction;
mod message;
mod oauth;
mod params;
mod pretty;
mod rate;
mod router;
mod send;
mod state;
mod views;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use serde_json::Value;
use touchline_kit::Clock;
use touchline_rules::UnixMs;

pub use faults::FaultKind;
pub use interaction::{ClickError, Control, SignedRequest};
pub use message::{FakeMessage, Version};
pub use oauth::{CLIENT_ID, CLIENT_SECRET};
pub use pretty::pretty;
pub use send::{SendError, Sent};
pub use state::LoggedRequest;

use state::State;

/// What a fake workspace begins with.
#[derive(Clone)]
pub struct FakeConfig {
    /// The workspace's name.
    pub team: String,
    /// The token that is accepted; begins with `fake-`.
    pub bot_token: String,
    /// What interactions are signed with; begins with `fake-`.
    pub signing_secret: String,
    /// The people in it.
    pub users: Vec<FakeUser>,
    /// Its clock.
    pub clock: Arc<dyn Clock>,
    /// Where the app takes interactions: this address with `/interactive`,
    /// `/events` and `/commands` added, for example
    /// `http://127.0.0.1:8080/hooks/slack`.
    pub answer_url: String,
}

/// A person in the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FakeUser {
    /// `U…`.
    pub id: String,
    /// E-mail address, looked up without regard to case.
    pub email: String,
    /// The name people see.
    pub name: String,
    /// IANA time zone.
    pub tz: String,
    /// Whether the account was deactivated.
    pub deleted: bool,
}

impl FakeUser {
    /// An active person.
    #[must_use]
    pub fn new(id: &str, email: &str, name: &str, tz: &str) -> Self {
        FakeUser {
            id: id.into(),
            email: email.into(),
            name: name.into(),
            tz: tz.into(),
            deleted: false,
        }
    }
}

/// A fake workspace. Clones are the same workspace.
#[derive(Clone)]
pub struct FakeSlack {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Arc<dyn Clock>,
    signing_secret: String,
    state: Mutex<State>,
}

impl FakeSlack {
    /// A new workspace: nobody has been written to.
    #[must_use]
    pub fn new(config: FakeConfig) -> Self {
        let clock = config.clock.clone();
        let signing_secret = config.signing_secret.clone();
        let state = Mutex::new(State::new(config));
        FakeSlack { inner: Arc::new(Inner { clock, signing_secret, state }) }
    }

    /// The Web API under `/api/`. The caller binds and serves it.
    pub fn router(&self) -> Router {
        router::router(self.clone())
    }

    /// Routes under `/control/` for what is not part of Slack: reading messages,
    /// clicking, setting faults. Without authentication: for loopback only.
    pub fn control_router(&self) -> Router {
        control::router(self.clone())
    }

    /// Lets a message appear in a person's direct message without a call, and
    /// returns its time stamp; `None` if nobody has that id. For scripts that
    /// begin with a message that is there already.
    pub fn put(&self, user: &str, text: &str, blocks: Vec<Value>) -> Option<String> {
        let now = self.now();
        let mut state = self.state();
        let user = state.user(user)?.clone();
        Some(chat::put(&mut state, &user, text, blocks, now))
    }

    /// All messages, oldest first.
    #[must_use]
    pub fn messages(&self) -> Vec<FakeMessage> {
        self.state().messages.clone()
    }

    /// Messages after the first `read` ones, oldest first: what is new to somebody
    /// who reads along.
    #[must_use]
    pub fn messages_after(&self, read: usize) -> Vec<FakeMessage> {
        self.state().messages.get(read..).unwrap_or_default().to_vec()
    }

    /// The messages of the edits after the first `read` ones, as they are now: a
    /// message that was edited twice comes twice.
    #[must_use]
    pub fn edited_after(&self, read: usize) -> Vec<FakeMessage> {
        let state = self.state();
        let places = state.edited.get(read..).unwrap_or_default();
        places.iter().map(|place| state.messages[*place].clone()).collect()
    }

    /// The message with that time stamp.
    #[must_use]
    pub fn message(&self, ts: &str) -> Option<FakeMessage> {
        let state = self.state();
        state.messages.get(state.place_of(ts)?).cloned()
    }

    /// The latest requests, oldest first, at most 10,000.
    #[must_use]
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.state().log.iter().cloned().collect()
    }

    /// Lets the next `count` calls of a method (`"*"`: of any) go wrong. Faults
    /// of one method are used up in the order they were set.
    pub fn fail(&self, method: &str, kind: FaultKind, count: u32) {
        self.state().faults.add(method, kind, count);
    }

    /// Forgets all faults not used up.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// Switches Slack's rate limits on (as they are at first) or off.
    pub fn set_rate_limits(&self, on: bool) {
        self.state().rate.on = on;
    }

    /// Changes what the token may do; at first it has every scope we ask for.
    pub fn set_scopes(&self, scopes: &[&str]) {
        self.state().scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    }

    /// Changes where interactions are sent.
    pub fn set_answer_url(&self, url: &str) {
        url.clone_into(&mut self.state().answer_url);
    }

    /// Adds a person, or replaces the one with that id.
    pub fn set_user(&self, user: FakeUser) {
        let mut state = self.state();
        state.users.retain(|known| known.id != user.id);
        state.users.push(user);
    }

    /// Takes the token away: calls answer `token_revoked` from now on.
    pub fn revoke_token(&self) {
        self.state().revoke_tokens();
    }

    /// A code for `oauth.v2.access`, as the consent page would hand it out.
    #[must_use]
    pub fn issue_oauth_code(&self) -> String {
        let now = self.now();
        self.state().oauth.issue(now)
    }

    fn now(&self) -> UnixMs {
        self.inner.clock.now()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod http_tests;
#[cfg(test)]
mod tests;
