//! Request signatures as HubSpot computes them, versions 1 to 3.
//!
//! Source: HubSpot's request-validation guide and the test vectors that its own
//! tools ship with. Written apart from the connector's verifier on purpose, so
//! that neither can hide a mistake of the other.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use touchline_rules::UnixMs;

/// Version 1: hexadecimal SHA-256 of secret and body. CRM webhooks carry it in
/// `X-HubSpot-Signature`.
#[must_use]
pub fn sign_v1(secret: &str, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(secret.as_bytes());
    hash.update(body);
    hex(&hash.finalize())
}

/// Version 2: hexadecimal SHA-256 of secret, method, URI and body.
#[must_use]
pub fn sign_v2(secret: &str, method: &str, uri: &str, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(secret.as_bytes());
    hash.update(method.as_bytes());
    hash.update(uri.as_bytes());
    hash.update(body);
    hex(&hash.finalize())
}

/// Version 3: base64 of HMAC-SHA256 over method, URI, body and the decimal
/// milliseconds of the timestamp header. `uri` is signed as it is given; see
/// [`decode_uri`].
#[must_use]
pub fn sign_v3(secret: &str, method: &str, uri: &str, body: &[u8], timestamp: UnixMs) -> String {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key length");
    mac.update(method.as_bytes());
    mac.update(uri.as_bytes());
    mac.update(body);
    mac.update(timestamp.0.to_string().as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// The percent codes that HubSpot's guide says are decoded before a URI is
/// signed with version 3, and no others.
const DECODED: [(&str, &str); 12] = [
    ("3A", ":"),
    ("2F", "/"),
    ("3F", "?"),
    ("40", "@"),
    ("21", "!"),
    ("24", "$"),
    ("27", "'"),
    ("28", "("),
    ("29", ")"),
    ("2A", "*"),
    ("2C", ","),
    ("3B", ";"),
];

/// The URI as the guide says it is signed. HubSpot's own local proxy signs the
/// URI as sent instead, so a verifier has to accept both.
#[must_use]
pub fn decode_uri(uri: &str) -> String {
    let mut parts = uri.split('%');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..2).unwrap_or_default();
        match DECODED.iter().find(|(known, _)| known.eq_ignore_ascii_case(code)) {
            Some((_, plain)) => {
                out.push_str(plain);
                out.push_str(&part[2..]);
            }
            None => {
                out.push('%');
                out.push_str(part);
            }
        }
    }
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // The vectors of HubSpot's developer tools and client libraries. The
    // secrets are samples printed in public documentation.
    const WEBHOOK_SECRET: &str = "f6e94c08-85d0-4608-bcc6-e1850176e7b8";
    const WEBHOOK_URL: &str = "https://www.hubspot.com/webhook";
    const CARD_SECRET: &str = "12345678-aaaa-bbbb-cccc-ddddeeeeffff";
    const CARD_URL: &str = "https://hubspot.com/?appId=1&portalId=2&userId=3";
    const SDK_SECRET: &str = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy";
    const SDK_URL: &str = "https://www.example.com/webhook_uri";

    #[test]
    fn webhook_vectors() {
        let at = UnixMs(1_632_188_626_483);
        let vectors: [(&[u8], &str, &str); 2] = [
            (
                b"REQUEST_BODY",
                "57bb01a6e6ac92919b5e715d68f40265328701bbf1cf3fd73772887069945766",
                "jf872r5vscVcxCiDRHA4rGrqe/8BPLNVkdJSHdMnGTU=",
            ),
            (
                b"",
                "befaef2b7354f11bf651f6468e8b5cf6bd449048deaf057f712980afb2a682f5",
                "csXgk7UbrE9F8ZmMvbpuKBxqIvTSqU1EX9pI/SJtxSE=",
            ),
        ];
        for (body, v2, v3) in vectors {
            assert_eq!(sign_v2(WEBHOOK_SECRET, "POST", WEBHOOK_URL, body), v2);
            assert_eq!(sign_v3(WEBHOOK_SECRET, "POST", WEBHOOK_URL, body, at), v3);
        }
    }

    #[test]
    fn card_vectors() {
        let at = UnixMs(1_111_111_111);
        let vectors: [(&[u8], &str, &str); 2] = [
            (
                b"",
                "99080134002180aee8d0884d21ad51288c43b57e9953e4db1e3757999b35c392",
                "zTfXjo07jfzGouo4wvyAj3qEMUTVJ0PPYPACrluQtQI=",
            ),
            (
                br#"{"a":1,"b":2}"#,
                "bc131b34cd63dafbbd2e969e87167311f5f6c0cd543c90fe84c73496093cf4a2",
                "aaknaCGCYJ4yqzuf1UKGqAWUfdcilJtm5nc/ZCudR9k=",
            ),
        ];
        for (body, v2, v3) in vectors {
            assert_eq!(sign_v2(CARD_SECRET, "GET", CARD_URL, body), v2);
            assert_eq!(sign_v3(CARD_SECRET, "GET", CARD_URL, body, at), v3);
        }
    }

    #[test]
    fn client_library_vectors() {
        let body = br#"[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW","appId":54321}]"#;
        assert_eq!(
            sign_v1(SDK_SECRET, body),
            "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"
        );
        assert_eq!(
            sign_v2(SDK_SECRET, "GET", SDK_URL, b""),
            "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e"
        );
        assert_eq!(
            sign_v2(SDK_SECRET, "POST", SDK_URL, br#"{"example_field":"example_value"}"#),
            "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900"
        );
    }

    #[test]
    fn decoded_and_raw_uri() {
        let sent = "https://tl.example.test/hs/tips?userEmail=a%40b.test&q=x%20y%26z";
        let decoded = decode_uri(sent);
        assert_eq!(decoded, "https://tl.example.test/hs/tips?userEmail=a@b.test&q=x%20y%26z");
        let at = UnixMs(1_700_000_000_000);
        assert_eq!(
            sign_v3("s3cr3t", "GET", &decoded, b"", at),
            "leYZugu99RCys1eYqAW4o+1kRICHgGX5SubSMAFsjWI="
        );
        assert_eq!(
            sign_v3("s3cr3t", "GET", sent, b"", at),
            "4sUjrpMMAUWrPBpjIktOI9lkXlU2CIc0Xj17aWLnoEQ="
        );
    }

    #[test]
    fn odd_percent_signs_pass_through() {
        assert_eq!(decode_uri("/a%3a%zz%%3B%2"), "/a:%zz%;%2");
        assert_eq!(decode_uri("/a%é"), "/a%é");
    }
}
