//! What the workspace remembers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Serialize;
use touchline_rules::UnixMs;

use super::answer::{Answer, ApiError};
use super::faults::Faults;
use super::message::FakeMessage;
use super::oauth::OAuthCodes;
use super::params::Params;
use super::rate::{Allowance, Rate};
use super::views::Views;
use super::{FakeConfig, FakeUser, chat, directory, oauth, views};
use crate::manifest::SCOPES;

/// How many requests the log holds.
pub const LOG_MAX: usize = 10_000;
/// How many messages are kept; beyond it posting answers `fatal_error`.
pub const MESSAGES_MAX: usize = 200_000;

/// The bot's own ids.
pub(super) const BOT_USER: &str = "U0TOUCHLINE";
pub(super) const BOT: &str = "B0TOUCHLINE";
pub(super) const APP: &str = "A0TOUCHLINE";
pub(super) const TEAM: &str = "T0EXAMPLE";

/// One call as the workspace saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LoggedRequest {
    /// When.
    pub at: UnixMs,
    /// Which method.
    pub method: String,
    /// The conversation it named, if any.
    pub channel: Option<String>,
    /// HTTP status that was or would have been answered.
    pub status: u16,
    /// `ok`, Slack's error, or what went wrong on purpose.
    pub outcome: String,
}

pub(super) struct State {
    pub team: String,
    pub users: Vec<FakeUser>,
    pub answer_url: String,
    pub messages: Vec<FakeMessage>,
    /// Places among the messages of all edits, in the order in which they were made.
    pub edited: Vec<usize>,
    pub log: VecDeque<LoggedRequest>,
    pub faults: Faults,
    pub rate: Rate,
    pub scopes: BTreeSet<String>,
    pub oauth: OAuthCodes,
    pub views: Views,
    /// Who is in a direct message: `U…` by `D…`.
    pub conversations: BTreeMap<String, String>,
    tokens: BTreeSet<String>,
    revoked: BTreeSet<String>,
    last_ts_us: i64,
    last_id: u64,
}

impl State {
    pub(super) fn new(config: FakeConfig) -> Self {
        State {
            team: config.team,
            users: config.users,
            answer_url: config.answer_url,
            messages: Vec::new(),
            edited: Vec::new(),
            log: VecDeque::new(),
            faults: Faults::default(),
            rate: Rate::new(),
            scopes: SCOPES.iter().map(|(scope, _)| (*scope).to_owned()).collect(),
            oauth: OAuthCodes::default(),
            views: Views::default(),
            conversations: BTreeMap::new(),
            tokens: BTreeSet::from([config.bot_token]),
            revoked: BTreeSet::new(),
            last_ts_us: 0,
            last_id: 0,
        }
    }

    pub(super) fn revoke_tokens(&mut self) {
        self.revoked.append(&mut self.tokens);
    }

    pub(super) fn accept_token(&mut self, token: String) {
        self.tokens.insert(token);
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// A message time stamp: the instant, and never one that was given before.
    pub(super) fn next_ts(&mut self, now: UnixMs) -> String {
        self.last_ts_us = now.0.saturating_mul(1_000).max(self.last_ts_us + 1);
        format!("{:010}.{:06}", self.last_ts_us / 1_000_000, self.last_ts_us % 1_000_000)
    }

    pub(super) fn user(&self, id: &str) -> Option<&FakeUser> {
        self.users.iter().find(|user| user.id == id)
    }

    /// The place of a message: time stamps only grow, so it is found by halving.
    pub(super) fn place_of(&self, ts: &str) -> Option<usize> {
        self.messages.binary_search_by(|message| message.ts.as_str().cmp(ts)).ok()
    }

    pub(super) fn log(&mut self, entry: LoggedRequest) {
        if self.log.len() >= LOG_MAX {
            self.log.pop_front();
        }
        self.log.push_back(entry);
    }

    /// Carries out one call.
    pub(super) fn answer(
        &mut self,
        method: &str,
        token: Option<&str>,
        params: &Params,
        now: UnixMs,
    ) -> Answer {
        if method == "oauth.v2.access" {
            return oauth::access(self, params, now);
        }
        self.check_token(token)?;
        self.check_scope(method)?;
        match method {
            "auth.test" => directory::auth_test(self),
            "chat.postMessage" => chat::post_message(self, params, now),
            "chat.update" => chat::update(self, params, now),
            "chat.postEphemeral" => chat::post_ephemeral(self, params, now),
            "conversations.open" => directory::open_conversation(self, params),
            "users.lookupByEmail" => directory::lookup_by_email(self, params),
            "users.info" => directory::user_info(self, params),
            "views.open" => views::open(self, params, now),
            "views.publish" => views::publish(self, params),
            _ => Err("unknown_method".into()),
        }
    }

    /// Takes one call from the method's allowance, or says how long to wait.
    pub(super) fn take_call(
        &mut self,
        method: &str,
        params: &Params,
        now: UnixMs,
    ) -> Result<(), i64> {
        if let Some(allowed) = Allowance::of_method(method) {
            self.rate.take(method, allowed, now)?;
        }
        if method == "chat.postMessage"
            && let Some(channel) = params.text("channel")
        {
            self.rate.take(&directory::conversation_id(&channel), Allowance::CHANNEL, now)?;
        }
        Ok(())
    }

    fn check_token(&self, token: Option<&str>) -> Result<(), ApiError> {
        match token {
            None => Err("not_authed".into()),
            Some(token) if self.tokens.contains(token) => Ok(()),
            Some(token) if self.revoked.contains(token) => Err("token_revoked".into()),
            Some(_) => Err("invalid_auth".into()),
        }
    }

    fn check_scope(&self, method: &str) -> Result<(), ApiError> {
        let needed = match method {
            "chat.postMessage" | "chat.update" | "chat.postEphemeral" => "chat:write",
            "conversations.open" => "im:write",
            "users.lookupByEmail" => "users:read.email",
            "users.info" => "users:read",
            _ => return Ok(()),
        };
        if self.scopes.contains(needed) {
            return Ok(());
        }
        let provided: Vec<_> = self.scopes.iter().cloned().collect();
        Err(ApiError::from("missing_scope")
            .with("needed", needed.into())
            .with("provided", provided.join(",").into()))
    }
}
