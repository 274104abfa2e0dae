use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;
use touchline_rules::facts::Metadata;

use super::*;
use crate::testing::connection;

const NOW: UnixMs = UnixMs(1_762_216_307_945);

fn answer(status: u16, headers: &[(&str, &str)], body: Value) -> VendorAnswer {
    let headers =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    VendorAnswer { status, headers, body: body.to_string().into_bytes() }
}

fn judge(status: u16, body: Value) -> CallError {
    classify(&answer(status, &[], body), Effect::Repeatable, NOW).unwrap_err()
}

fn wait_ms(error: &CallError) -> Option<i64> {
    match error {
        CallError::Limited { retry_at, .. } => Some(retry_at.since_ms(NOW)),
        CallError::Unavailable { retry_at, .. } => retry_at.map(|at| at.since_ms(NOW)),
        _ => None,
    }
}

#[test]
fn successes_are_read() {
    for status in [200, 201, 204, 207] {
        assert_eq!(classify(&answer(status, &[], json!({})), Effect::Creates, NOW), Ok(()));
    }
}

#[test]
fn each_limit_has_its_own_wait() {
    let limit = |policy: &str, message: &str| {
        judge(429, json!({"policyName": policy, "message": message, "errorType": "RATE_LIMIT"}))
    };
    let rolling =
        limit("TEN_SECONDLY_ROLLING", "You have reached your ten_secondly_rolling limit.");
    let search = limit("SECONDLY", "You have reached your secondly limit.");
    let daily = limit("DAILY", "You have reached your daily limit.");
    assert_eq!(wait_ms(&rolling), Some(10_000));
    assert_eq!(wait_ms(&search), Some(1_000));
    assert_eq!(wait_ms(&daily), Some(3_600_000));
    assert_eq!(wait_ms(&limit("NEW_POLICY", "")), Some(10_000));
    // Newer bodies may carry the message only.
    let told = |message: &str| wait_ms(&judge(429, json!({"message": message})));
    assert_eq!(told("You have reached your secondly limit."), Some(1_000));
    assert_eq!(told("You have reached your ten_secondly_rolling limit."), Some(10_000));
    assert_eq!(told("You have reached your daily limit."), Some(3_600_000));
    for error in [rolling, search, daily] {
        assert!(matches!(error, CallError::Limited { .. }));
    }
}

#[test]
fn headers_correct_the_wait() {
    let rolling = json!({"policyName": "TEN_SECONDLY_ROLLING"});
    let with = |name, value| {
        let answer = answer(429, &[(name, value)], rolling.clone());
        wait_ms(&classify(&answer, Effect::Creates, NOW).unwrap_err())
    };
    assert_eq!(with("x-hubspot-ratelimit-interval-milliseconds", "5000"), Some(5_000));
    assert_eq!(with("retry-after", "3"), Some(3_000));
    assert_eq!(with("retry-after", "0"), Some(1_000));
    assert_eq!(with("retry-after", "99999999999999999"), Some(24 * HOUR_MS));
    assert_eq!(with("retry-after", "soon"), Some(10_000));
}

#[test]
fn the_daily_limit_ends_at_midnight_in_the_account() {
    let daily = || judge(429, json!({"policyName": "DAILY"}));
    let mut on = connection(Some("33"));
    assert_eq!(wait_ms(&until_midnight(daily(), &on, NOW)), Some(HOUR_MS));
    let zone = Some("America/New_York".to_owned());
    on.metadata = Arc::new(Metadata { time_zone: zone, ..Metadata::default() });
    // 2025-11-03 19:31:47.945 there.
    let CallError::Limited { retry_at, .. } = until_midnight(daily(), &on, NOW) else {
        panic!("still limited");
    };
    assert_eq!(retry_at.to_string(), "2025-11-04T05:00:00Z");
    let rolling = judge(429, json!({"policyName": "TEN_SECONDLY_ROLLING"}));
    assert_eq!(wait_ms(&until_midnight(rolling, &on, NOW)), Some(10_000));
}

#[test]
fn a_lost_create_is_ambiguous_and_a_lost_read_is_not() {
    for status in [500, 502, 504, 520, 522, 524, 599] {
        let answer = answer(status, &[], Value::Null);
        let create = classify(&answer, Effect::Creates, NOW).unwrap_err();
        assert!(matches!(create, CallError::Ambiguous { .. }), "{status}");
        let read = classify(&answer, Effect::Repeatable, NOW).unwrap_err();
        assert!(matches!(read, CallError::Unavailable { .. }), "{status}");
    }
    for status in [408, 423, 477, 503, 521, 523] {
        let create = classify(&answer(status, &[], Value::Null), Effect::Creates, NOW).unwrap_err();
        assert!(matches!(create, CallError::Unavailable { .. }), "{status}");
    }
}

#[test]
fn locked_and_moving_accounts_are_waited_for() {
    assert_eq!(wait_ms(&judge(423, json!({}))), Some(2_000));
    assert_eq!(wait_ms(&judge(477, json!({}))), Some(60_000));
    let moving = answer(477, &[("retry-after", "7200")], json!({}));
    let error = classify(&moving, Effect::Creates, NOW).unwrap_err();
    assert_eq!(wait_ms(&error), Some(7_200_000));
}

#[test]
fn a_missing_scope_is_not_a_broken_connection() {
    let expired = judge(401, json!({"category": "EXPIRED_AUTHENTICATION", "message": "expired"}));
    assert!(matches!(expired, CallError::Unauthorized { .. }));
    let missing = judge(
        403,
        json!({"status": "error", "category": "MISSING_SCOPES", "message": "not allowed",
            "correlationId": "c033cdaa-0000-4a64-ae48-b4cec88dad24",
            "errors": [{"message": "one", "context": {"requiredGranularScopes":
                ["crm.objects.owners.read"]}}]}),
    );
    insta::assert_snapshot!(missing, @r"
    not permitted: HubSpot answered 403 MISSING_SCOPES: not allowed (missing scopes: crm.objects.owners.read) [correlation id c033cdaa-0000-4a64-ae48-b4cec88dad24]
    ");
    let odd = judge(403, json!({"errors": [{"context": "{missingScopes=[a]}"}]}));
    assert!(matches!(odd, CallError::Forbidden { .. }));
}

#[test]
fn a_grant_taken_away_is_told_from_a_bad_request() {
    for body in [
        json!({"status": "BAD_REFRESH_TOKEN", "message": "missing or invalid refresh token"}),
        json!({"status": "BAD_AUTH_CODE"}),
        json!({"error": "invalid_grant", "error_description": "gone"}),
    ] {
        assert!(matches!(judge(400, body), CallError::Unauthorized { .. }));
    }
    let refused = judge(400, json!({"category": "VALIDATION_ERROR", "message": "no such owner"}));
    insta::assert_snapshot!(refused, @r"
    refused (VALIDATION_ERROR): HubSpot answered 400 VALIDATION_ERROR: no such owner
    ");
    assert!(matches!(judge(404, json!({})), CallError::NotFound { .. }));
    let html = VendorAnswer { status: 302, headers: vec![], body: b"<html>".to_vec() };
    let refused = classify(&html, Effect::Repeatable, NOW).unwrap_err();
    assert!(matches!(refused, CallError::Refused { ref code, .. } if code == "HTTP 302"));
}

proptest! {
    #[test]
    fn no_answer_panics(
        status in any::<u16>(),
        retry in "[0-9-]{0,20}",
        body in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let headers = vec![("retry-after".to_owned(), retry)];
        let answer = VendorAnswer { status, headers, body };
        for effect in [Effect::Creates, Effect::Repeatable] {
            let is_success = (200..300).contains(&status);
            prop_assert_eq!(classify(&answer, effect, NOW).is_ok(), is_success);
        }
    }
}
