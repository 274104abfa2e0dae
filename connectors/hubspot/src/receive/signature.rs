//! HubSpot's three request signatures, as pure functions.
//!
//! Nothing stands between the parts that are signed. The string to sign is
//! never put together in memory: its parts are fed to the hash one by one.

use touchline_kit::signature::{hmac_sha256_base64, sha256_hex};

/// The escapes that HubSpot decodes before signing with v3, and no others
/// (developer documentation, "Validate requests").
const DECODED: [(&str, char); 12] = [
    ("%3A", ':'),
    ("%2F", '/'),
    ("%3F", '?'),
    ("%40", '@'),
    ("%21", '!'),
    ("%24", '$'),
    ("%27", '\''),
    ("%28", '('),
    ("%29", ')'),
    ("%2A", '*'),
    ("%2C", ','),
    ("%3B", ';'),
];

/// What a signature covers.
#[derive(Copy, Clone, Debug)]
pub(super) struct Signed<'a> {
    pub method: &'a str,
    /// The full URI that the vendor called.
    pub uri: &'a str,
    pub body: &'a [u8],
}

/// v1: hex SHA-256 of secret and body.
pub(super) fn v1(secret: &str, body: &[u8]) -> String {
    sha256_hex(&[secret.as_bytes(), body])
}

/// v2: hex SHA-256 of secret, method, URI and body.
pub(super) fn v2(secret: &str, signed: Signed<'_>) -> String {
    let Signed { method, uri, body } = signed;
    sha256_hex(&[secret.as_bytes(), method.as_bytes(), uri.as_bytes(), body])
}

/// v3: base64 HMAC-SHA256 over method, URI, body and the timestamp as sent.
pub(super) fn v3(secret: &str, signed: Signed<'_>, timestamp: &str) -> String {
    let Signed { method, uri, body } = signed;
    let parts = [method.as_bytes(), uri.as_bytes(), body, timestamp.as_bytes()];
    hmac_sha256_base64(secret.as_bytes(), &parts)
}

/// The URI with exactly the escapes decoded that HubSpot decodes.
pub(super) fn decoded(uri: &str) -> String {
    let mut out = String::with_capacity(uri.len());
    let mut rest = uri;
    while let Some(at) = rest.find('%') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let known = DECODED.iter().find(|(escape, _)| from.starts_with(escape));
        let (plain, taken) = known.map_or(('%', 1), |(escape, plain)| (*plain, escape.len()));
        out.push(plain);
        rest = &from[taken..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// secret, method, URI, body, timestamp, v2, v3: as stated by HubSpot's own tests.
    const STATED: [[&str; 7]; 4] = [
        [
            "f6e94c08-85d0-4608-bcc6-e1850176e7b8",
            "POST",
            "https://www.hubspot.com/webhook",
            "REQUEST_BODY",
            "1632188626483",
            "57bb01a6e6ac92919b5e715d68f40265328701bbf1cf3fd73772887069945766",
            "jf872r5vscVcxCiDRHA4rGrqe/8BPLNVkdJSHdMnGTU=",
        ],
        [
            "f6e94c08-85d0-4608-bcc6-e1850176e7b8",
            "POST",
            "https://www.hubspot.com/webhook",
            "",
            "1632188626483",
            "befaef2b7354f11bf651f6468e8b5cf6bd449048deaf057f712980afb2a682f5",
            "csXgk7UbrE9F8ZmMvbpuKBxqIvTSqU1EX9pI/SJtxSE=",
        ],
        [
            "12345678-aaaa-bbbb-cccc-ddddeeeeffff",
            "GET",
            "https://hubspot.com/?appId=1&portalId=2&userId=3",
            "",
            "1111111111",
            "99080134002180aee8d0884d21ad51288c43b57e9953e4db1e3757999b35c392",
            "zTfXjo07jfzGouo4wvyAj3qEMUTVJ0PPYPACrluQtQI=",
        ],
        [
            "12345678-aaaa-bbbb-cccc-ddddeeeeffff",
            "GET",
            "https://hubspot.com/?appId=1&portalId=2&userId=3",
            "{\"a\":1,\"b\":2}",
            "1111111111",
            "bc131b34cd63dafbbd2e969e87167311f5f6c0cd543c90fe84c73496093cf4a2",
            "aaknaCGCYJ4yqzuf1UKGqAWUfdcilJtm5nc/ZCudR9k=",
        ],
    ];

    #[test]
    fn computes_what_hubspot_states() {
        for [secret, method, uri, body, timestamp, v2_hex, v3_base64] in STATED {
            let signed = Signed { method, uri, body: body.as_bytes() };
            assert_eq!(v2(secret, signed), v2_hex);
            assert_eq!(v3(secret, signed, timestamp), v3_base64);
        }
    }

    #[test]
    fn computes_the_documented_samples() {
        let secret = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy";
        let body = "[{\"eventId\":1,\"subscriptionId\":12345,\"portalId\":62515,\
            \"occurredAt\":1564113600000,\"subscriptionType\":\"contact.creation\",\
            \"attemptNumber\":0,\"objectId\":123,\"changeSource\":\"CRM\",\
            \"changeFlag\":\"NEW\",\"appId\":54321}]";
        assert_eq!(
            v1(secret, body.as_bytes()),
            "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"
        );
        let uri = "https://www.example.com/webhook_uri";
        assert_eq!(
            v2(secret, Signed { method: "GET", uri, body: b"" }),
            "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e"
        );
        assert_eq!(
            v2(
                secret,
                Signed { method: "POST", uri, body: b"{\"example_field\":\"example_value\"}" }
            ),
            "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900"
        );
    }

    #[test]
    fn decodes_exactly_twelve_escapes() {
        assert_eq!(decoded("/h?a=%3A%2F%3F%40%21%24%27%28%29%2A%2C%3B"), "/h?a=:/?@!$'()*,;");
        let kept = "/h?a=%20%26%3D%2B%25%3a%40"; // lower-case hex is not in the list
        assert_eq!(decoded(kept), "/h?a=%20%26%3D%2B%25%3a@");
        assert_eq!(decoded("/%2540%"), "/%2540%");
    }

    proptest! {
        #[test]
        fn decoding_never_panics(uri in "\\PC*", escapes in "[%0-9A-Fa-f]*") {
            let _ = decoded(&uri);
            prop_assert!(decoded(&escapes).len() <= escapes.len());
        }
    }
}
