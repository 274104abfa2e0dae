use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::testing::connection;

const SECRET: &str = "fake-secret-11111111";
const NOW: UnixMs = UnixMs(1_762_216_307_945);
const PATH: &str = "/hooks/hubspot";
const URI: &str = "https://tl.example.test/hooks/hubspot";
const BODY: &[u8] = b"[{\"eventId\":1}]";

fn secrets(secret: &str) -> Secrets {
    let mut secrets = Secrets::default();
    secrets.insert(CLIENT_SECRET, secret);
    secrets
}

fn judge(path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Accepted, Rejected> {
    judge_on(&connection(None), path, headers, body)
}

fn judge_on(
    on: &ConnectionView,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Accepted, Rejected> {
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let request = RawRequest { method: "POST", path_and_query: path, headers: &headers, body };
    receive(&request, &secrets(SECRET), on, NOW)
}

fn code(verdict: Result<Accepted, Rejected>) -> &'static str {
    verdict.map_or_else(|rejected| rejected.code, |_| "accepted")
}

fn signed_at(uri: &str, stamp: &str, body: &[u8]) -> String {
    v3(SECRET, Signed { method: "POST", uri, body }, stamp)
}

fn judge_at(stamp: &str) -> &'static str {
    let signature = signed_at(URI, stamp, BODY);
    code(judge(PATH, &[(HEADER_V3, &signature), (HEADER_TIMESTAMP, stamp)], BODY))
}

#[test]
fn a_right_v3_signature_is_stored_and_answered_200() {
    let stamp = NOW.0.to_string();
    let signature = signed_at(URI, &stamp, BODY);
    let accepted = judge(PATH, &[(HEADER_V3, &signature), (HEADER_TIMESTAMP, &stamp)], BODY);
    let accepted = accepted.unwrap();
    assert!(accepted.append);
    assert_eq!(accepted.reply, Reply::ok());
}

#[test]
fn time_is_bounded_on_both_sides() {
    let at = |offset: i64| judge_at(&(NOW.0 + offset).to_string());
    assert_eq!(at(-300_000), "accepted");
    assert_eq!(at(-300_001), "stale");
    assert_eq!(at(300_000), "accepted");
    assert_eq!(at(300_001), "future");
    for odd in ["", "abc", "1762216307945.0", "+1762216307945", "-1", " 1762216307945", "9e12"] {
        assert_eq!(judge_at(odd), "bad_timestamp", "{odd:?}");
    }
    let signature = signed_at(URI, "", BODY);
    assert_eq!(code(judge(PATH, &[(HEADER_V3, &signature)], BODY)), "bad_timestamp");
}

#[test]
fn the_decoded_and_the_raw_address_are_both_taken() {
    // The secret, address and signatures of the vector, with GET.
    let path = "/hs/tips?userEmail=a%40b.test&q=x%20y%26z";
    let stamp = "1700000000000";
    for signature in [
        "leYZugu99RCys1eYqAW4o+1kRICHgGX5SubSMAFsjWI=",
        "4sUjrpMMAUWrPBpjIktOI9lkXlU2CIc0Xj17aWLnoEQ=",
    ] {
        let headers = [
            (HEADER_V3.to_owned(), signature.to_owned()),
            (HEADER_TIMESTAMP.to_owned(), stamp.to_owned()),
        ];
        let request =
            RawRequest { method: "GET", path_and_query: path, headers: &headers, body: b"" };
        let now = UnixMs(1_700_000_000_000);
        let verdict = receive(&request, &secrets("s3cr3t"), &connection(None), now);
        assert_eq!(code(verdict), "accepted");
        let elsewhere = receive(&request, &secrets("other"), &connection(None), now);
        assert_eq!(code(elsewhere), "bad_signature");
    }
}

#[test]
fn a_wrong_v3_is_refused_though_v1_fits() {
    let stamp = NOW.0.to_string();
    let old = v1(SECRET, BODY);
    let headers = [
        (HEADER_V3, "AAAA"),
        (HEADER_TIMESTAMP, &*stamp),
        (HEADER_V1_V2, &*old),
        (HEADER_VERSION, "v1"),
    ];
    let rejected = judge(PATH, &headers, BODY).unwrap_err();
    assert_eq!(rejected.code, "bad_signature");
    assert!(rejected.reason.contains("the client secret is right"), "{}", rejected.reason);
    let other_uri = signed_at("http://10.0.0.1/hooks/hubspot", &stamp, BODY);
    assert_eq!(
        code(judge(PATH, &[(HEADER_V3, &other_uri), (HEADER_TIMESTAMP, &stamp)], BODY)),
        "bad_signature"
    );
}

fn old<'a>(signature: &'a str, version: &'a str) -> [(&'static str, &'a str); 2] {
    [(HEADER_V1_V2, signature), (HEADER_VERSION, version)]
}

#[test]
fn old_signatures_are_taken_unless_switched_off() {
    let first = v1(SECRET, BODY);
    let second = v2(SECRET, Signed { method: "POST", uri: URI, body: BODY });
    assert_eq!(code(judge(PATH, &[(HEADER_V1_V2, &first)], BODY)), "accepted");
    assert_eq!(code(judge(PATH, &old(&first, "v1"), BODY)), "accepted");
    assert_eq!(code(judge(PATH, &old(&second, "v2"), BODY)), "accepted");
    assert_eq!(code(judge(PATH, &old(&second, "v1"), BODY)), "bad_signature");
    assert_eq!(code(judge(PATH, &old(&second, "v4"), BODY)), "bad_signature");
    assert_eq!(code(judge(PATH, &old(&first, "v1"), b"[]")), "bad_signature");

    let mut strict = connection(None);
    strict.settings.insert("accept_signature_v1_v2".into(), json!(false));
    let verdict = judge_on(&strict, PATH, &old(&first, "v1"), BODY);
    assert_eq!(code(verdict), "no_signature");
}

#[test]
fn nothing_is_believed_without_signature_or_secret() {
    assert_eq!(code(judge(PATH, &[], BODY)), "no_signature");
    let stamp = NOW.0.to_string();
    let with_empty_key = v3("", Signed { method: "POST", uri: URI, body: BODY }, &stamp);
    let headers = [(HEADER_V3.to_owned(), with_empty_key), (HEADER_TIMESTAMP.to_owned(), stamp)];
    let request =
        RawRequest { method: "POST", path_and_query: PATH, headers: &headers, body: BODY };
    for none in [Secrets::default(), secrets("")] {
        assert_eq!(code(receive(&request, &none, &connection(None), NOW)), "no_secret");
    }
}

#[test]
fn a_diagnosis_holds_hashes_only() {
    let stamp = NOW.0.to_string();
    let rejected =
        judge(PATH, &[(HEADER_V3, "AAAA"), (HEADER_TIMESTAMP, &stamp)], BODY).unwrap_err();
    let shown = format!("{rejected:?}");
    assert!(!shown.contains(SECRET) && !shown.contains("eventId"));
    assert!(!shown.contains(&signed_at(URI, &stamp, BODY)));
    assert!(!rejected.diagnosis.is_empty());
    for (name, hash) in &rejected.diagnosis {
        assert!(hash.starts_with("sha256:") && hash.len() == 19, "{name}");
    }
}

proptest! {
    #[test]
    fn no_request_panics_or_passes_unsigned(
        path in "\\PC{0,40}",
        signature in "\\PC{0,40}",
        stamp in "\\PC{0,20}|[0-9]{0,25}",
        version in "\\PC{0,4}|v[0-9]",
        body in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let headers = [
            (HEADER_V3, &*signature),
            (HEADER_TIMESTAMP, &*stamp),
            (HEADER_V1_V2, &*signature),
            (HEADER_VERSION, &*version),
        ];
        prop_assert!(judge(&path, &headers, &body).is_err());
        prop_assert!(judge(&path, &headers[2..], &body).is_err());
    }
}
