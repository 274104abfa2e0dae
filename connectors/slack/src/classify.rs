//! What an answer of Slack means for the caller.
//!
//! Slack answers logical errors with HTTP 200 and `{"ok":false,"error":"…"}`;
//! only limits (429) and broken servers (5xx) have a status of their own.
//!
//! **What is certain.** `chat.postMessage` has no idempotency key, so a message
//! is repeated only when it certainly was not posted:
//! - Certain: 429 and `ratelimited` (refused at the door), `service_unavailable`
//!   and `request_timeout` (the request was not taken up), HTTP 500 and 503
//!   without a JSON error (Slack's front door: its methods report trouble of
//!   their own as JSON), and every error that names what is wrong with the request.
//! - Not certain: `internal_error` and `fatal_error`, of which Slack says that
//!   part of the operation may have succeeded; HTTP 502 and 504, where a proxy
//!   lost the server that was at work; an answer that cannot be read.
//!
//! What is not certain is [`CallError::Ambiguous`] for a call that creates, and
//! [`CallError::Unavailable`] for one that may be repeated.

use serde_json::Value;
use touchline_kit::retry::{
    DETAIL_MAX_CHARS, RETRY_AFTER_DEFAULT_MS, classify_by_status, retry_after,
};
use touchline_kit::{CallError, Effect, VendorAnswer};
use touchline_rules::UnixMs;

/// Judges an answer; see [`touchline_kit::Manifest::classify`].
///
/// # Errors
/// [`CallError`] for everything but a 200 with `"ok": true`.
pub fn classify(answer: &VendorAnswer, effect: Effect, now: UnixMs) -> Result<(), CallError> {
    let json: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let error = json.as_ref().and_then(|json| json.get("error")?.as_str());
    if answer.status == 429 {
        return Err(limited(answer, now, error.unwrap_or("ratelimited")));
    }
    if let (Some(json), Some(error)) = (&json, error) {
        return Err(named(answer, json, error, effect, now));
    }
    let ok = json.as_ref().and_then(|json| json.get("ok")?.as_bool());
    match answer.status {
        200 if ok == Some(true) => Ok(()),
        200 => Err(effect.lost("an answer that is not Slack's: check base_url")),
        500 => Err(CallError::Unavailable {
            retry_at: retry_after(answer, now),
            detail: "HTTP 500".into(),
        }),
        // Not "nobody has that address", which Slack says in JSON.
        201..=299 | 404 | 410 => Err(CallError::Refused {
            code: format!("http_{}", answer.status),
            detail: "not an answer of Slack's API: check base_url".into(),
        }),
        _ => classify_by_status(answer, effect, now),
    }
}

fn named(
    answer: &VendorAnswer,
    json: &Value,
    error: &str,
    effect: Effect,
    now: UnixMs,
) -> CallError {
    match error {
        "ratelimited" | "rate_limited" => limited(answer, now, error),
        "invalid_auth"
        | "account_inactive"
        | "token_revoked"
        | "token_expired"
        | "not_authed"
        | "not_allowed_token_type" => CallError::Unauthorized { detail: error.to_owned() },
        "missing_scope" => CallError::Forbidden { detail: missing_scope(json) },
        "no_permission"
        | "access_denied"
        | "team_access_not_granted"
        | "org_login_required"
        | "ekm_access_denied"
        | "restricted_action"
        | "not_enabled" => CallError::Forbidden { detail: error.to_owned() },
        "channel_not_found" | "user_not_found" | "users_not_found" | "message_not_found" => {
            CallError::NotFound { detail: error.to_owned() }
        }
        "service_unavailable" | "request_timeout" => {
            CallError::Unavailable { retry_at: None, detail: error.to_owned() }
        }
        "internal_error" | "fatal_error" => effect.lost(error),
        _ => CallError::Refused { code: cut(error), detail: details(json, error) },
    }
}

fn limited(answer: &VendorAnswer, now: UnixMs, error: &str) -> CallError {
    CallError::Limited {
        retry_at: retry_after(answer, now).unwrap_or(now.plus_ms(RETRY_AFTER_DEFAULT_MS)),
        detail: format!("Slack: {}", cut(error)),
    }
}

fn missing_scope(json: &Value) -> String {
    let word = |key| json.get(key).and_then(Value::as_str).map_or("unknown".into(), cut);
    format!(
        "missing_scope: the Slack app needs `{}` and has `{}`; add it under OAuth & Permissions and install the app again",
        word("needed"),
        word("provided")
    )
}

/// What Slack adds to an error: the messages point into our own blocks by
/// path and quote no text.
fn details(json: &Value, error: &str) -> String {
    let messages = json.pointer("/response_metadata/messages").and_then(Value::as_array);
    let first = messages.and_then(|messages| messages.first()?.as_str());
    cut(first.unwrap_or(error))
}

/// One line, not too long, that names nobody.
fn cut(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words = words.map(|word| if word.contains('@') { "[…]" } else { word });
    words.collect::<Vec<_>>().join(" ").chars().take(DETAIL_MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: UnixMs = UnixMs(1_700_000_000_000);

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> VendorAnswer {
        let headers = headers.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        VendorAnswer { status, headers, body: body.as_bytes().to_vec() }
    }

    fn class(verdict: &Result<(), CallError>) -> &'static str {
        match verdict {
            Ok(()) => "ok",
            Err(CallError::Limited { .. }) => "limited",
            Err(CallError::Unavailable { .. }) => "unavailable",
            Err(CallError::Ambiguous { .. }) => "ambiguous",
            Err(CallError::Unauthorized { .. }) => "unauthorized",
            Err(CallError::Forbidden { .. }) => "forbidden",
            Err(CallError::NotFound { .. }) => "not_found",
            Err(CallError::Refused { .. }) => "refused",
        }
    }

    fn of_error(error: &str, effect: Effect) -> &'static str {
        let body = format!(r#"{{"ok":false,"error":"{error}"}}"#);
        class(&classify(&answer(200, &[], &body), effect, NOW))
    }

    #[test]
    fn named_errors_fall_into_their_classes() {
        for (error, expected) in [
            ("ratelimited", "limited"),
            ("rate_limited", "limited"),
            ("invalid_auth", "unauthorized"),
            ("account_inactive", "unauthorized"),
            ("token_revoked", "unauthorized"),
            ("token_expired", "unauthorized"),
            ("not_authed", "unauthorized"),
            ("missing_scope", "forbidden"),
            ("restricted_action", "forbidden"),
            ("channel_not_found", "not_found"),
            ("users_not_found", "not_found"),
            ("message_not_found", "not_found"),
            ("is_archived", "refused"),
            ("cant_update_message", "refused"),
            ("edit_window_closed", "refused"),
            ("invalid_blocks", "refused"),
            ("something_new", "refused"),
            ("service_unavailable", "unavailable"),
            ("request_timeout", "unavailable"),
            ("internal_error", "ambiguous"),
            ("fatal_error", "ambiguous"),
        ] {
            assert_eq!(of_error(error, Effect::Creates), expected, "{error}");
        }
        assert_eq!(of_error("internal_error", Effect::Repeatable), "unavailable");
    }

    #[test]
    fn a_status_says_whether_a_message_may_have_been_posted() {
        for (status, creates, repeatable) in [
            (500, "unavailable", "unavailable"),
            (503, "unavailable", "unavailable"),
            (502, "ambiguous", "unavailable"),
            (504, "ambiguous", "unavailable"),
            (408, "unavailable", "unavailable"),
            (401, "unauthorized", "unauthorized"),
            (302, "refused", "refused"),
            (404, "refused", "refused"),
        ] {
            let answer = answer(status, &[], "<html>");
            assert_eq!(class(&classify(&answer, Effect::Creates, NOW)), creates, "{status}");
            assert_eq!(class(&classify(&answer, Effect::Repeatable, NOW)), repeatable, "{status}");
        }
        let unreadable = answer(200, &[], "<html>");
        assert_eq!(class(&classify(&unreadable, Effect::Creates, NOW)), "ambiguous");
        assert_eq!(
            class(&classify(&answer(200, &[], r#"{"ok":true}"#), Effect::Creates, NOW)),
            "ok"
        );
    }

    #[test]
    fn retry_after_is_obeyed() {
        let wait_ms = |headers: &[(&str, &str)], status, body: &str| match classify(
            &answer(status, headers, body),
            Effect::Creates,
            NOW,
        ) {
            Err(CallError::Limited { retry_at, .. }) => retry_at.since_ms(NOW),
            other => panic!("{other:?}"),
        };
        assert_eq!(wait_ms(&[("retry-after", "7")], 429, ""), 7_000);
        assert_eq!(wait_ms(&[], 429, ""), RETRY_AFTER_DEFAULT_MS);
        let limited = r#"{"ok":false,"error":"ratelimited"}"#;
        assert_eq!(wait_ms(&[("retry-after", "2")], 200, limited), 2_000);
    }

    #[test]
    fn a_missing_scope_is_named() {
        let body =
            r#"{"ok":false,"error":"missing_scope","needed":"im:write","provided":"chat:write"}"#;
        let Err(error) = classify(&answer(200, &[], body), Effect::Repeatable, NOW) else {
            panic!("an error is an error");
        };
        insta::assert_snapshot!(error, @"not permitted: missing_scope: the Slack app needs `im:write` and has `chat:write`; add it under OAuth & Permissions and install the app again");
    }

    #[test]
    fn what_is_wrong_with_blocks_is_told() {
        let body = r#"{"ok":false,"error":"invalid_blocks","response_metadata":{"messages":["[ERROR] must be less than 151 characters [json-pointer:/blocks/0/text/text]"]}}"#;
        let verdict = classify(&answer(200, &[], body), Effect::Creates, NOW);
        insta::assert_snapshot!(verdict.unwrap_err(), @"refused (invalid_blocks): [ERROR] must be less than 151 characters [json-pointer:/blocks/0/text/text]");
    }

    proptest! {
        #[test]
        fn judging_is_total_and_takes_only_ok(status: u16, body: Vec<u8>, retry: String) {
            let answer = VendorAnswer {
                status,
                headers: vec![("retry-after".into(), retry)],
                body: body.clone(),
            };
            for effect in [Effect::Creates, Effect::Repeatable] {
                let verdict = classify(&answer, effect, NOW);
                prop_assert!(verdict.is_err(), "random bytes are not ok");
            }
        }
    }
}
