//! Posting to the app, as Slack does: one try, an answer within 3 seconds.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::FakeSlack;
use super::interaction::{ClickError, SignedRequest};
use super::state::BOT_USER;

/// How long Slack waits for an answer.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// How much of an answer is kept.
const ANSWER_MAX_CHARS: usize = 10_000;

/// How the app answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// HTTP status.
    pub status: u16,
    /// Body, cut.
    pub body: String,
    /// How long the answer took, in real milliseconds.
    pub latency_ms: u64,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError {
    /// Nothing was sent.
    Click(ClickError),
    /// No connection, or none that lasted.
    Unreachable(String),
    /// No answer within 3 seconds.
    TimedOut,
}

impl std::fmt::Display for SendError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SendError::Click(error) => error.fmt(f),
            SendError::Unreachable(why) => write!(f, "the app cannot be reached: {why}"),
            SendError::TimedOut => f.write_str("the app did not answer within 3 s"),
        }
    }
}

impl std::error::Error for SendError {}

impl FakeSlack {
    /// A person uses a control of a message, and the workspace tells the app.
    /// `action` is the control's `action_id`, or the part before its `:` if only
    /// one control begins like that; `choice` is the value of a menu's option,
    /// or a date `YYYY-MM-DD`.
    ///
    /// # Errors
    /// [`SendError`] if the message does not offer that, or no answer came.
    pub async fn click(
        &self,
        user: &str,
        ts: &str,
        action: &str,
        choice: Option<&str>,
    ) -> Result<Sent, SendError> {
        let request = self.interaction(user, ts, action, choice).map_err(SendError::Click)?;
        self.post(request).await
    }

    /// A person types `/touchline {text}`.
    ///
    /// # Errors
    /// [`SendError`] if no answer came.
    pub async fn send_command(&self, user: &str, text: &str) -> Result<Sent, SendError> {
        self.post(self.command(user, text)).await
    }

    /// The Events API tells of an event.
    ///
    /// # Errors
    /// [`SendError`] if no answer came.
    pub async fn send_event(&self, event: &Value) -> Result<Sent, SendError> {
        self.post(self.event(event)).await
    }

    /// An admin removes the app: the token is revoked and the app is told.
    ///
    /// # Errors
    /// [`SendError`] if no answer came.
    pub async fn uninstall(&self) -> Result<Sent, SendError> {
        self.revoke_token();
        let tokens = json!({ "oauth": [], "bot": [BOT_USER] });
        self.send_event(&json!({ "type": "tokens_revoked", "tokens": tokens })).await?;
        self.send_event(&json!({ "type": "app_uninstalled" })).await
    }

    /// Posts a request as Slack would.
    ///
    /// # Errors
    /// [`SendError`] if no answer came.
    pub async fn post(&self, request: SignedRequest) -> Result<Sent, SendError> {
        let base = self.state().answer_url.trim_end_matches('/').to_owned();
        let mut post = client()?.post(format!("{base}/{}", request.kind)).body(request.body);
        for (name, value) in &request.headers {
            post = post.header(name, value);
        }
        let started = Instant::now();
        let answer = post.send().await.map_err(|error| lost(&error))?;
        let status = answer.status().as_u16();
        let body = answer.text().await.map_err(|error| lost(&error))?;
        Ok(Sent {
            status,
            body: body.chars().take(ANSWER_MAX_CHARS).collect(),
            latency_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }
}

#[expect(clippy::disallowed_types, reason = "the fake is the vendor; it posts interactions")]
fn client() -> Result<reqwest::Client, SendError> {
    // Whoever came first has installed the same provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .timeout(ANSWER_WITHIN)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        // Loopback only: no certificates are needed, nor looked for.
        .tls_certs_only([])
        .build()
        .map_err(|error| SendError::Unreachable(error.to_string()))
}

fn lost(error: &reqwest::Error) -> SendError {
    if error.is_timeout() {
        return SendError::TimedOut;
    }
    SendError::Unreachable(error.to_string())
}
