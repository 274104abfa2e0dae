//! Judging a request that claims to be from Slack.

use touchline_kit::signature::{TimeUnit, check_timestamp, fingerprint};
use touchline_kit::{Accepted, RawRequest, Rejected, Reply, Secrets};
use touchline_rules::UnixMs;
use touchline_rules::time::SECOND_MS;

use crate::command::{Command, NAME};
use crate::payload::{Payload, is_form};
use crate::signature::{SIGNATURE_HEADER, TIMESTAMP_HEADER, is_right, sign};

/// How far Slack's clock and ours may differ, either way.
pub const WINDOW_MS: i64 = 300 * SECOND_MS;

const KEEP_HEADERS: &[&str] =
    &["content-type", "x-slack-retry-num", "x-slack-retry-reason", TIMESTAMP_HEADER];

/// Judges one request; see [`touchline_kit::Connector::receive`]. The path's
/// `kind` decides nothing: Slack may post everything to one address, so the
/// signed body says what it is.
///
/// # Errors
/// [`Rejected`] unless the signature is right and fresh. The one request that
/// Slack sends unsigned (`ssl_check=1`, a reachability test) is answered and
/// not stored.
pub fn receive(
    request: &RawRequest<'_>,
    secrets: &Secrets,
    now: UnixMs,
) -> Result<Accepted, Rejected> {
    let content_type = request.header("content-type");
    if request.method == "POST" && is_reachability_test(content_type, request.body) {
        return Ok(answered_only(Reply::ok()));
    }
    check(request, secrets, now)?;
    let payload = Payload::of(content_type, request.body);
    if let Some(challenge) = challenge(&payload) {
        let reply = Reply {
            status: 200,
            content_type: Some("text/plain; charset=utf-8"),
            body: challenge.into_bytes(),
        };
        return Ok(answered_only(reply));
    }
    let reply = match payload.field("command") {
        Some(name) if name == NAME => {
            Command::read(&payload.field("text").unwrap_or_default()).reply(now)
        }
        _ => Reply::ok(),
    };
    Ok(Accepted { reply, append: true, keep_headers: KEEP_HEADERS })
}

// JSON is read only after its signature is checked.
fn is_reachability_test(content_type: Option<&str>, body: &[u8]) -> bool {
    is_form(content_type)
        && Payload::of(content_type, body).field("ssl_check").as_deref() == Some("1")
}

fn answered_only(reply: Reply) -> Accepted {
    Accepted { reply, append: false, keep_headers: &[] }
}

fn challenge(payload: &Payload) -> Option<String> {
    let json = payload.json()?;
    if json.get("type")?.as_str()? != "url_verification" {
        return None;
    }
    Some(json.get("challenge")?.as_str()?.to_owned())
}

fn check(request: &RawRequest<'_>, secrets: &Secrets, now: UnixMs) -> Result<(), Rejected> {
    let Some(secret) = secrets.expose("signing_secret").filter(|secret| !secret.is_empty()) else {
        return Err(rejected(
            "no_secret",
            "this connection has no signing_secret: copy it from Basic Information → App Credentials of the Slack app",
        ));
    };
    let (Some(timestamp), Some(signature)) =
        (request.header(TIMESTAMP_HEADER), request.header(SIGNATURE_HEADER))
    else {
        return Err(rejected(
            "no_signature",
            "the headers X-Slack-Request-Timestamp and X-Slack-Signature are needed: the request is not from Slack, or a proxy dropped them",
        ));
    };
    check_timestamp(timestamp, TimeUnit::Seconds, now, WINDOW_MS)?;
    if is_right(secret, timestamp, request.body, signature) {
        return Ok(());
    }
    let expected = sign(secret, timestamp, request.body);
    Err(Rejected {
        diagnosis: vec![
            ("body", fingerprint(request.body)),
            ("expected_signature", fingerprint(&expected)),
            ("received_signature", fingerprint(signature)),
        ],
        ..rejected(
            "bad_signature",
            "the signature does not belong to this body: check that signing_secret is the one of this Slack app, and that no proxy changes the body",
        )
    })
}

fn rejected(code: &'static str, reason: &str) -> Rejected {
    Rejected { code, reason: reason.to_owned(), diagnosis: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECRET: &str = "fake-signing-secret";
    const NOW: UnixMs = UnixMs(1_531_420_618_250);
    const JSON: &str = "application/json";
    const FORM: &str = "application/x-www-form-urlencoded";

    fn secrets() -> Secrets {
        let mut secrets = Secrets::default();
        secrets.insert("signing_secret", SECRET);
        secrets
    }

    fn judge(headers: &[(&str, &str)], body: &[u8]) -> Result<Accepted, Rejected> {
        let headers: Vec<_> =
            headers.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let request = RawRequest {
            method: "POST",
            path_and_query: "/hooks/slack/interactive",
            headers: &headers,
            body,
        };
        receive(&request, &secrets(), NOW)
    }

    fn signed(content_type: &str, timestamp: &str, body: &str) -> Result<Accepted, Rejected> {
        let signature = sign(SECRET, timestamp, body.as_bytes());
        let headers = [
            ("content-type", content_type),
            (TIMESTAMP_HEADER, timestamp),
            (SIGNATURE_HEADER, signature.as_str()),
        ];
        judge(&headers, body.as_bytes())
    }

    fn code(verdict: Result<Accepted, Rejected>) -> &'static str {
        verdict.map_or_else(|rejected| rejected.code, |_| "accepted")
    }

    #[test]
    fn a_signed_interaction_is_stored_and_answered_empty() {
        let accepted = signed(FORM, "1531420618", "payload=%7B%7D").unwrap();
        assert_eq!(accepted.reply, Reply::ok());
        assert!(accepted.append);
    }

    #[test]
    fn the_window_is_300_seconds_both_ways() {
        assert_eq!(code(signed(FORM, "1531420319", "a=b")), "accepted");
        assert_eq!(code(signed(FORM, "1531420318", "a=b")), "stale");
        assert_eq!(code(signed(FORM, "1531420918", "a=b")), "accepted");
        assert_eq!(code(signed(FORM, "1531420919", "a=b")), "future");
    }

    #[test]
    fn a_missing_or_wrong_proof_is_refused() {
        assert_eq!(code(judge(&[("content-type", FORM)], b"payload=%7B%7D")), "no_signature");
        for timestamp in ["", "now", "1531420618.5", "-1", "+1531420618", "99999999999999999999"] {
            assert_eq!(code(signed(FORM, timestamp, "a=b")), "bad_timestamp", "{timestamp}");
        }
        let headers = [(TIMESTAMP_HEADER, "1531420618"), (SIGNATURE_HEADER, "v0=00")];
        let refused = judge(&headers, b"a=b").unwrap_err();
        assert_eq!(refused.code, "bad_signature");
        let told = format!("{refused:?}");
        assert!(!told.contains(SECRET) && !told.contains(&sign(SECRET, "1531420618", b"a=b")));
        assert_eq!(refused.diagnosis.len(), 3);
    }

    #[test]
    fn without_a_signing_secret_nothing_is_authentic() {
        let headers: Vec<_> = [
            (TIMESTAMP_HEADER.to_owned(), "1531420618".to_owned()),
            (SIGNATURE_HEADER.to_owned(), sign("", "1531420618", b"a=b")),
        ]
        .into();
        let request =
            RawRequest { method: "POST", path_and_query: "/", headers: &headers, body: b"a=b" };
        for secret in [None, Some("")] {
            let mut secrets = Secrets::default();
            if let Some(secret) = secret {
                secrets.insert("signing_secret", secret);
            }
            assert_eq!(code(receive(&request, &secrets, NOW)), "no_secret");
        }
    }

    #[test]
    fn the_reachability_test_comes_unsigned_and_is_not_stored() {
        let accepted = judge(&[("content-type", FORM)], b"ssl_check=1&token=x").unwrap();
        assert_eq!(accepted, answered_only(Reply::ok()));
        assert_eq!(code(judge(&[("content-type", FORM)], b"ssl_check=0")), "no_signature");
        assert_eq!(code(judge(&[("content-type", JSON)], b"{\"ssl_check\":1}")), "no_signature");
    }

    #[test]
    fn the_address_check_is_answered_with_its_challenge_when_signed() {
        let body = r#"{"type":"url_verification","challenge":"3eZbrw1a"}"#;
        let accepted = signed(JSON, "1531420618", body).unwrap();
        assert_eq!(accepted.reply.body, b"3eZbrw1a");
        assert!(!accepted.append);
        assert_eq!(code(judge(&[("content-type", JSON)], body.as_bytes())), "no_signature");
    }

    #[test]
    fn a_command_is_stored_and_answered_with_a_line() {
        let body = "command=%2Ftouchline&text=pause+week&user_id=U1";
        let accepted = signed(FORM, "1531420618", body).unwrap();
        assert!(accepted.append);
        assert!(String::from_utf8(accepted.reply.body).unwrap().contains("Paused until Monday"));
    }

    proptest! {
        #[test]
        fn judging_is_total(body: Vec<u8>, timestamp: String, signature: String, json: bool) {
            let content_type = if json { JSON } else { FORM };
            let headers = [
                ("content-type", content_type),
                (TIMESTAMP_HEADER, timestamp.as_str()),
                (SIGNATURE_HEADER, signature.as_str()),
            ];
            if let Ok(accepted) = judge(&headers, &body) {
                prop_assert!(!accepted.append, "nobody guesses a signature");
            }
        }
    }
}
