use proptest::prelude::*;

use super::*;

const NOW: UnixMs = UnixMs(1_795_435_200_000);

fn answer(status: u16, retry_after: Option<&str>, body: &str) -> VendorAnswer {
    let headers = retry_after.map(|value| ("retry-after".to_owned(), value.to_owned()));
    VendorAnswer { status, headers: headers.into_iter().collect(), body: body.into() }
}

fn after_ms(value: &str) -> Option<i64> {
    retry_after(&answer(429, Some(value), ""), NOW).map(|at| at.since_ms(NOW))
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    assert_eq!(NOW.to_string(), "2026-11-23T12:00:00Z");
    assert_eq!(after_ms("7"), Some(7_000));
    assert_eq!(after_ms(" 0 "), Some(0));
    assert_eq!(after_ms("Mon, 23 Nov 2026 12:00:30 GMT"), Some(30_000));
    assert_eq!(after_ms("Mon, 23 Nov 2026 11:00:00 GMT"), Some(0), "the past is now");
    for far in ["99999999999999999999999", "86401", "Mon, 30 Nov 2026 12:00:00 GMT"] {
        assert_eq!(after_ms(far), Some(RETRY_AFTER_MAX_MS), "{far}");
    }
    for nonsense in ["", "soon", "-5", "1.5", "Mon, 99 Nov 2026 12:00:30 GMT"] {
        assert_eq!(after_ms(nonsense), None, "{nonsense}");
    }
    assert_eq!(retry_after(&answer(429, None, ""), NOW), None);
}

/// The outcome's name, per effect.
fn outcome(status: u16, effect: Effect) -> &'static str {
    let verdict = classify_by_status(&answer(status, None, ""), effect, NOW);
    verdict.as_ref().map_or_else(CallError::code, |()| "ok")
}

#[test]
fn statuses_mean_what_http_says() {
    for (status, read, write) in [
        (200, "ok", "ok"),
        (204, "ok", "ok"),
        (302, "refused", "refused"),
        (400, "refused", "refused"),
        (401, "unauthorized", "unauthorized"),
        (403, "forbidden", "forbidden"),
        (404, "not_found", "not_found"),
        (408, "unavailable", "unavailable"),
        (423, "unavailable", "unavailable"),
        (429, "limited", "limited"),
        (500, "unavailable", "ambiguous"),
        (501, "refused", "refused"),
        (502, "unavailable", "ambiguous"),
        (503, "unavailable", "unavailable"),
        (504, "unavailable", "ambiguous"),
        (521, "unavailable", "unavailable"),
        (524, "unavailable", "ambiguous"),
        (999, "refused", "refused"),
    ] {
        assert_eq!(outcome(status, Effect::Repeatable), read, "{status} of a read");
        assert_eq!(outcome(status, Effect::Creates), write, "{status} of a write");
    }
}

#[test]
fn details_quote_the_vendor_but_no_token() {
    let body = r#"{"message":"token fake-0123456789abcdef01234 is\nnot\u0000valid"}"#;
    let error = classify_by_status(&answer(400, None, body), Effect::Repeatable, NOW).unwrap_err();
    assert_eq!(error.to_string(), "refused (400): HTTP 400: token […] is not valid");
    let error = classify_by_status(&answer(503, Some("5"), "<html>"), Effect::Creates, NOW);
    let detail = "HTTP 503".to_owned();
    let retry_at = Some(NOW.plus_ms(5_000));
    assert_eq!(error, Err(CallError::Unavailable { retry_at, detail }));
}

#[test]
fn a_detail_names_nobody() {
    let said = short_detail("Owner ann@example.com (user:bo@example.com) may not write");
    assert_eq!(said, "Owner […] […] may not write");
}

#[test]
fn backoff_doubles_up_to_its_cap() {
    let wholes: Vec<i64> = (0..6).map(|attempt| backoff_ms(attempt, 1_000, 10_000, 1.0)).collect();
    assert_eq!(wholes, [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
    assert_eq!(backoff_ms(1, 1_000, 10_000, 0.0), 1_000);
    assert_eq!(backoff_ms(u32::MAX, i64::MAX, i64::MAX, 0.0), i64::MAX / 2);
}

proptest! {
    #[test]
    fn backoff_stays_within_bounds(
        attempt in any::<u32>(),
        base in any::<i64>(),
        cap in any::<i64>(),
        jitter in any::<f64>(),
    ) {
        let wait = backoff_ms(attempt, base, cap, jitter);
        prop_assert!(wait >= 0 && wait <= cap.max(0));
    }

    #[test]
    fn any_answer_can_be_judged(
        status in any::<u16>(),
        header in ".{0,40}",
        body in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let mut strange = answer(status, Some(&header), "");
        strange.body = body;
        _ = classify_by_status(&strange, Effect::Creates, NOW);
        if let Some(at) = retry_after(&strange, NOW) {
            prop_assert!(at >= NOW && at <= NOW.plus_ms(RETRY_AFTER_MAX_MS));
        }
    }

    #[test]
    fn details_are_short_single_lines(text in "(?s).{0,600}") {
        let detail = short_detail(&text);
        prop_assert!(detail.chars().count() <= DETAIL_MAX_CHARS);
        prop_assert!(!detail.contains(char::is_control));
        prop_assert!(detail.split(' ').all(|word| word.len() < DETAIL_WORD_MAX_BYTES + 3));
    }
}
