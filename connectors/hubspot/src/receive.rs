//! Whether a request really comes from HubSpot.
//!
//! v3 is preferred: when its header is there, it alone decides. v1 and v2 carry
//! no time, so a recorded request can be sent again by whoever recorded it; the
//! setting `accept_signature_v1_v2 = false` refuses them. Appending to a v1
//! request without the secret is possible in theory (it is a bare hash), but
//! the padding this needs is not valid UTF-8 and is never decoded.

mod signature;

use touchline_kit::signature::{TimeUnit, check_timestamp, constant_time_eq as same, fingerprint};
use touchline_kit::{Accepted, ConnectionView, RawRequest, Rejected, Reply, Secrets};
use touchline_rules::UnixMs;
use touchline_rules::time::MINUTE_MS;

use self::signature::{Signed, decoded, v1, v2, v3};
use crate::settings::Settings;

/// The secret that signs, by its name in the manifest.
pub(crate) const CLIENT_SECRET: &str = "client_secret";

const HEADER_V3: &str = "x-hubspot-signature-v3";
const HEADER_TIMESTAMP: &str = "x-hubspot-request-timestamp";
const HEADER_V1_V2: &str = "x-hubspot-signature";
const HEADER_VERSION: &str = "x-hubspot-signature-version";

/// HubSpot's rule: refuse what is older than five minutes. It is silent about
/// the future, where the same distance is allowed.
const WINDOW_MS: i64 = 5 * MINUTE_MS;

/// Judges one request.
///
/// # Errors
/// [`Rejected`] without a signature, with a wrong one, or outside its time.
pub(crate) fn receive(
    request: &RawRequest<'_>,
    secrets: &Secrets,
    on: &ConnectionView,
    now: UnixMs,
) -> Result<Accepted, Rejected> {
    let secret = secrets.expose(CLIENT_SECRET).filter(|secret| !secret.is_empty());
    let Some(secret) = secret else {
        return Err(rejected(
            "no_secret",
            "no client secret is configured, so no webhook can be believed: set client_secret \
             to the one on the app's Auth tab in HubSpot",
        ));
    };
    let uri = format!("{}{}", on.public_url, request.path_and_query);
    let proof = Proof { request, secret, uri: &uri, decoded: &decoded(&uri) };
    match (request.header(HEADER_V3), request.header(HEADER_V1_V2)) {
        (Some(v3), _) => proof.check_v3(v3, now)?,
        (None, Some(old)) => proof.check_v1_v2(old, &Settings::of(on))?,
        (None, None) => {
            return Err(rejected(
                "no_signature",
                "the request carries no HubSpot signature: it does not come from HubSpot, or a \
                 proxy in front of Touchline removes X-HubSpot-Signature headers",
            ));
        }
    }
    Ok(Accepted { reply: Reply::ok(), append: true, keep_headers: &[] })
}

/// A request with all that its signatures are checked against.
struct Proof<'a> {
    request: &'a RawRequest<'a>,
    secret: &'a str,
    uri: &'a str,
    /// [`Proof::uri`] with HubSpot's twelve escapes decoded.
    decoded: &'a str,
}

impl Proof<'_> {
    fn check_v3(&self, received: &str, now: UnixMs) -> Result<(), Rejected> {
        let stamp = self.request.header(HEADER_TIMESTAMP).unwrap_or_default();
        check_timestamp(stamp, TimeUnit::Milliseconds, now, WINDOW_MS)?;
        let expected = v3(self.secret, self.signed(self.decoded), stamp);
        // HubSpot documents the decoded form, but its own development proxy
        // signs the form that was sent.
        let is_right = same(&expected, received)
            || (self.decoded != self.uri
                && same(v3(self.secret, self.signed(self.uri), stamp), received));
        if is_right { Ok(()) } else { Err(self.wrong("v3", &expected, received)) }
    }

    fn check_v1_v2(&self, received: &str, settings: &Settings) -> Result<(), Rejected> {
        if !settings.accept_v1_v2 {
            return Err(rejected(
                "no_signature",
                "the request carries only an old signature (v1 or v2), and \
                 accept_signature_v1_v2 is switched off for this connection",
            ));
        }
        let version = self.request.header(HEADER_VERSION).unwrap_or("v1");
        let expected = match version {
            "v1" => v1(self.secret, self.request.body),
            "v2" => v2(self.secret, self.signed(self.uri)),
            _ => {
                return Err(rejected(
                    "bad_signature",
                    "X-HubSpot-Signature-Version is neither v1 nor v2",
                ));
            }
        };
        let is_right = same(&expected, received);
        if is_right { Ok(()) } else { Err(self.wrong("v1 or v2", &expected, received)) }
    }

    fn signed<'a>(&'a self, uri: &'a str) -> Signed<'a> {
        Signed { method: self.request.method, uri, body: self.request.body }
    }

    fn wrong(&self, version: &str, expected: &str, received: &str) -> Rejected {
        let advice = if self.secret_fits() {
            "the client secret is right, for the v1 signature fits: compare public_url with the \
             targetUrl in webhooks-hsmeta.json (scheme, host, path), and see that no proxy \
             rewrites the path"
        } else {
            "check that client_secret belongs to the very app that sends, that public_url is the \
             start of its targetUrl, and that no proxy changes the body"
        };
        Rejected {
            code: "bad_signature",
            reason: format!("the {version} signature is wrong: {advice}"),
            diagnosis: vec![
                ("received_signature", fingerprint(received)),
                ("expected_signature", fingerprint(expected)),
                ("uri", fingerprint(self.uri)),
                ("uri_decoded", fingerprint(self.decoded)),
                ("body", fingerprint(self.request.body)),
                ("method", fingerprint(self.request.method)),
            ],
        }
    }

    /// v1 covers neither URI nor time: if it fits, the fault lies there.
    fn secret_fits(&self) -> bool {
        let is_v1 = self.request.header(HEADER_VERSION).is_none_or(|version| version == "v1");
        let received = self.request.header(HEADER_V1_V2).filter(|_| is_v1);
        received.is_some_and(|one| same(v1(self.secret, self.request.body), one))
    }
}

fn rejected(code: &'static str, reason: &str) -> Rejected {
    Rejected { code, reason: reason.to_owned(), diagnosis: Vec::new() }
}

#[cfg(test)]
mod tests;
