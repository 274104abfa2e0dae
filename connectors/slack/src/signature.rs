//! Slack's request signature, version `v0`.
//!
//! Source: <https://docs.slack.dev/authentication/verifying-requests-from-slack>,
//! held by the published test vector below and by Slack's own Python client.

use touchline_kit::signature::{constant_time_eq, hmac_sha256_hex};

/// Header with the Unix second at which Slack signed.
pub const TIMESTAMP_HEADER: &str = "x-slack-request-timestamp";
/// Header with the signature.
pub const SIGNATURE_HEADER: &str = "x-slack-signature";

/// The signature of a body: `v0=` and lower-case hex of HMAC-SHA256 over
/// `v0:{timestamp}:{body}`.
#[must_use]
pub fn sign(secret: &str, timestamp: &str, body: &[u8]) -> String {
    let parts: &[&[u8]] = &[b"v0:", timestamp.as_bytes(), b":", body];
    format!("v0={}", hmac_sha256_hex(secret.as_bytes(), parts))
}

/// Whether `received` is the signature of this body, in constant time.
#[must_use]
pub fn is_right(secret: &str, timestamp: &str, body: &[u8], received: &str) -> bool {
    constant_time_eq(sign(secret, timestamp, body), received)
}

#[cfg(test)]
mod tests {
    use super::*;

    // The published example of a signed slash command.
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    #[test]
    fn agrees_with_the_published_vector() {
        assert_eq!(sign(SECRET, "1531420618", BODY.as_bytes()), SIGNATURE);
    }

    #[test]
    fn any_difference_is_refused() {
        let body = BODY.as_bytes();
        assert!(is_right(SECRET, "1531420618", body, SIGNATURE));
        assert!(!is_right(SECRET, "1531420619", body, SIGNATURE));
        assert!(!is_right("another", "1531420618", body, SIGNATURE));
        assert!(!is_right(SECRET, "1531420618", &body[1..], SIGNATURE));
        assert!(!is_right(SECRET, "1531420618", body, &SIGNATURE[..66]));
        assert!(!is_right(SECRET, "1531420618", body, &SIGNATURE.to_uppercase()));
        assert!(!is_right(SECRET, "1531420618", body, ""));
    }
}
