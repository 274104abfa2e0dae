//! What an app card does: `hubspot.fetch`, which HubSpot carries to the app's
//! backend with the viewer's identity in the signed address.

use std::time::Duration;

use serde_json::Value;

use super::FakeHubSpot;
use super::sender::SendError;
use super::sign::{decode_uri, sign_v2, sign_v3};

/// The default time-out of `hubspot.fetch`, in real time.
const TIME_OUT: Duration = Duration::from_secs(15);

/// The largest request and answer body.
pub const MAX_CARD_BODY_BYTES: usize = 1024 * 1024;

/// Calls in flight per app and account.
pub(super) const MAX_CARD_CALLS: usize = 20;

/// The person who looks at the card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardViewer {
    /// User id (not owner id).
    pub user_id: i64,
    /// E-mail.
    pub email: String,
}

/// What the backend answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardAnswer {
    /// Status.
    pub status: u16,
    /// Body.
    pub body: Vec<u8>,
}

/// Why HubSpot did not carry a card's call.
#[derive(Debug, thiserror::Error)]
pub enum CardError {
    /// Not an address that the app declares.
    #[error("{0} is not under a URL in the app's permittedUrls.fetch")]
    NotPermitted(String),
    /// More than [`MAX_CARD_BODY_BYTES`] one way or the other.
    #[error("the {0} is larger than 1 MB")]
    TooLarge(&'static str),
    /// Too many calls at once.
    #[error("more than {MAX_CARD_CALLS} calls of the card at once")]
    TooMany,
    /// No connection or no answer, twice.
    #[error(transparent)]
    Send(#[from] SendError),
}

impl FakeHubSpot {
    /// The address that HubSpot calls for a card: with `userId`, `portalId`,
    /// `userEmail` and `appId` appended. That HubSpot adds them is documented;
    /// their order and encoding are not verified.
    #[must_use]
    pub fn card_url(&self, viewer: &CardViewer, url: &str) -> String {
        let added = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("userId", &viewer.user_id.to_string())
            .append_pair("portalId", &self.config().portal_id.to_string())
            .append_pair("userEmail", &viewer.email)
            .append_pair("appId", &self.config().app_id.to_string())
            .finish();
        let joint = if url.contains('?') { '&' } else { '?' };
        format!("{url}{joint}{added}")
    }

    /// The headers of a card's call to this full address: versions 2 and 3. The
    /// knob `decoded_uri` decides what version 3 signs.
    #[must_use]
    pub fn card_headers(&self, method: &str, url: &str, body: &[u8]) -> Vec<(String, String)> {
        let decoded = self.webhook_knobs().decoded_uri;
        let signed = if decoded { decode_uri(url) } else { url.to_owned() };
        let (secret, at) = (&self.config().client_secret, self.now());
        [
            ("Content-Type", "application/json".to_owned()),
            ("X-HubSpot-Signature", sign_v2(secret, method, url, body)),
            ("X-HubSpot-Signature-Version", "v2".to_owned()),
            ("X-HubSpot-Signature-v3", sign_v3(secret, method, &signed, body, at)),
            ("X-HubSpot-Request-Timestamp", at.0.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Carries a card's call to the app's backend as this person. A 5xx or a
    /// failed connection is tried once more, as HubSpot does: what a card posts
    /// has to be idempotent.
    ///
    /// # Errors
    /// [`CardError`] when HubSpot would not carry the call, or nobody answers.
    pub async fn card_fetch(
        &self,
        viewer: &CardViewer,
        method: &str,
        url: &str,
        body: Option<&Value>,
    ) -> Result<CardAnswer, CardError> {
        let permitted = self.config().permitted_urls.iter().any(|base| {
            url.strip_prefix(base.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        if !permitted {
            return Err(CardError::NotPermitted(url.to_owned()));
        }
        let body = body.map(|json| json.to_string().into_bytes()).unwrap_or_default();
        if body.len() > MAX_CARD_BODY_BYTES {
            return Err(CardError::TooLarge("request"));
        }
        let _permit = self.card_permits.try_acquire().map_err(|_| CardError::TooMany)?;
        let url = self.card_url(viewer, url);
        let first = self.carry(method, &url, &body).await;
        let again = match &first {
            Ok(answer) => answer.status >= 500,
            Err(_) => true,
        };
        let answer = if again { self.carry(method, &url, &body).await? } else { first? };
        if answer.body.len() > MAX_CARD_BODY_BYTES {
            return Err(CardError::TooLarge("answer"));
        }
        Ok(answer)
    }

    async fn carry(&self, method: &str, url: &str, body: &[u8]) -> Result<CardAnswer, SendError> {
        let headers = self.card_headers(method, url, body);
        let to = self.behind(url);
        let (status, body) = self.send(method, &to, body.to_vec(), &headers, TIME_OUT).await?;
        Ok(CardAnswer { status, body })
    }

    /// Where a public address really is: the origin of the webhook target's
    /// `send_to`, if it has one.
    fn behind(&self, url: &str) -> String {
        let behind = || {
            let mut at = url::Url::parse(url).ok()?;
            let real = url::Url::parse(&self.send_to()?).ok()?;
            at.set_scheme(real.scheme()).ok()?;
            at.set_host(real.host_str()).ok()?;
            at.set_port(real.port()).ok()?;
            Some(at.to_string())
        };
        behind().unwrap_or_else(|| url.to_owned())
    }
}
