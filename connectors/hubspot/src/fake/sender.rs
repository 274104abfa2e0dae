//! Sending webhooks: signed anew for each attempt, a bounded number at a time.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use tokio::sync::Semaphore;
use touchline_rules::UnixMs;

use super::FakeHubSpot;
use super::outbox::{Attempt, Batch, OlderSignature, WebhookCounts, WebhookKnobs};
use super::sign::{decode_uri, sign_v1, sign_v2, sign_v3};
use super::subscriptions::Subscription;

/// HubSpot waits this long for an answer; in real time.
const TIME_OUT: Duration = Duration::from_secs(5);

/// A request could not be made or was not answered.
#[derive(Debug, thiserror::Error)]
#[error("no answer from the webhook target: {0}")]
pub struct SendError(#[from] reqwest::Error);

pub(super) struct Sender {
    #[expect(clippy::disallowed_types, reason = "the fake is the vendor; it sends webhooks")]
    client: reqwest::Client,
    permits: Semaphore,
    in_flight: usize,
}

impl Sender {
    pub fn new(max_concurrent_requests: usize) -> Sender {
        let in_flight = max_concurrent_requests.max(1);
        Sender { client: client(), permits: Semaphore::new(in_flight), in_flight }
    }
}

#[expect(clippy::disallowed_types, reason = "the fake is the vendor; it sends webhooks")]
#[expect(clippy::expect_used, reason = "fixed settings; they fail on no machine or on every one")]
fn client() -> reqwest::Client {
    // Loopback and plain HTTP only: no root certificate is trusted, none is loaded.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has the default TLS versions")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client without files or environment")
}

impl FakeHubSpot {
    /// Sends the webhooks that are due at `now` and waits for their answers, at
    /// most `max_concurrent_requests` at a time. Returns when the next one is
    /// due. To be run to its end: what is in flight when it is dropped is lost.
    pub async fn tick(&self, now: UnixMs) -> Option<UnixMs> {
        let due = {
            let mut inner = self.lock();
            let account = &mut inner.account;
            account.outbox.take_due(now, &mut account.rng)
        };
        stream::iter(due)
            .for_each_concurrent(self.sender.in_flight, |batch| self.attempt(batch))
            .await;
        self.lock().account.outbox.next_due()
    }

    async fn attempt(&self, batch: Batch) {
        // The semaphore is never closed; a permit only bounds overlapping ticks.
        let _permit = self.sender.permits.acquire().await;
        let body = batch.body();
        let at = self.now();
        let headers = self.signed_headers("POST", &body, at);
        let status = self.send_raw(body.clone(), &headers).await.ok();
        self.lock().account.outbox.settle(batch, status, at, body);
    }

    /// Sends these bytes with these headers to the webhook target, as they are.
    /// Returns the answer's status.
    ///
    /// # Errors
    /// [`SendError`] when there is no connection or no answer in five seconds.
    pub async fn send_raw(
        &self,
        body: Vec<u8>,
        headers: &[(String, String)],
    ) -> Result<u16, SendError> {
        let url = self.send_to().unwrap_or_else(|| self.lock().target_url.clone());
        Ok(self.send("POST", &url, body, headers, TIME_OUT).await?.0)
    }

    /// Sends a request and reads its answer to the end, which lets the
    /// connection be used again.
    pub(super) async fn send(
        &self,
        method: &str,
        url: &str,
        body: Vec<u8>,
        headers: &[(String, String)],
        time_out: Duration,
    ) -> Result<(u16, Vec<u8>), SendError> {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap_or_default();
        let mut request = self.sender.client.request(method, url).timeout(time_out).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        Ok((status, answer.bytes().await?.to_vec()))
    }

    pub(super) fn send_to(&self) -> Option<String> {
        self.lock().send_to.clone()
    }

    /// The headers of a webhook request with this body at this time.
    #[must_use]
    pub fn signed_headers(&self, method: &str, body: &[u8], at: UnixMs) -> Vec<(String, String)> {
        let (uri, knobs) = {
            let inner = self.lock();
            (inner.target_url.clone(), inner.account.outbox.knobs.clone())
        };
        let secret = &self.config().client_secret;
        let mut headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        let older = match knobs.older_signature {
            OlderSignature::Off => None,
            OlderSignature::V1 => Some(("v1", sign_v1(secret, body))),
            OlderSignature::V2 => Some(("v2", sign_v2(secret, method, &uri, body))),
        };
        if let Some((version, signature)) = older {
            headers.push(("X-HubSpot-Signature".into(), signature));
            headers.push(("X-HubSpot-Signature-Version".into(), version.into()));
        }
        if !knobs.without_v3 {
            headers.push(("X-HubSpot-Signature-v3".into(), self.sign(method, &uri, body, at)));
            headers.push(("X-HubSpot-Request-Timestamp".into(), at.0.to_string()));
        }
        headers
    }

    /// The version 3 signature by the app's secret, over the decoded or the raw
    /// URI as the knob says.
    #[must_use]
    pub fn sign(&self, method: &str, uri: &str, body: &[u8], at: UnixMs) -> String {
        let decoded = self.lock().account.outbox.knobs.decoded_uri;
        let signed = if decoded { decode_uri(uri) } else { uri.to_owned() };
        sign_v3(&self.config().client_secret, method, &signed, body, at)
    }

    /// Where webhooks go from now on: the public address that is signed, and
    /// where requests really go if elsewhere.
    pub fn set_target(&self, target_url: &str, send_to: Option<&str>) {
        let mut inner = self.lock();
        inner.target_url = target_url.to_owned();
        inner.send_to = send_to.map(str::to_owned);
    }

    /// Replaces the subscriptions; they act after the settings cache.
    pub fn subscribe(&self, subscriptions: Vec<Subscription>) {
        let now = self.now();
        self.lock().account.outbox.subscribe(subscriptions, now);
    }

    /// Changes how untidy webhooks are from now on.
    pub fn set_webhook_knobs(&self, knobs: WebhookKnobs) {
        self.lock().account.outbox.knobs = knobs;
    }

    /// How untidy webhooks are.
    #[must_use]
    pub fn webhook_knobs(&self) -> WebhookKnobs {
        self.lock().account.outbox.knobs.clone()
    }

    /// Is nothing waiting to be sent?
    #[must_use]
    pub fn webhooks_idle(&self) -> bool {
        self.lock().account.outbox.is_empty()
    }

    /// What became of the webhooks so far.
    #[must_use]
    pub fn webhook_counts(&self) -> WebhookCounts {
        self.lock().account.outbox.counts
    }

    /// The latest attempt that was not answered with success, without its body.
    #[must_use]
    pub fn last_failed_attempt(&self) -> Option<Attempt> {
        self.lock().account.outbox.last_failed.clone()
    }

    /// The latest attempts, oldest first.
    #[must_use]
    pub fn webhook_attempts(&self) -> Vec<Attempt> {
        self.lock().account.outbox.attempts()
    }
}
