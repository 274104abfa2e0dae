use touchline_hubspot::HUBSPOT;
use touchline_kit::conformance::{Sample, Suite};
use touchline_kit::signature::{hmac_sha256_base64, sha256_hex};
use touchline_kit::{Connector, Crm, Secrets};

use crate::server::{NOW, connection};

const SECRET: &str = "fake-client-secret";
const PATH: &str = "/hooks/hubspot";
const BATCHES: [&str; 2] =
    [include_str!("../fixtures/created_in_ui.json"), include_str!("../fixtures/classic.json")];

fn sample(body: &str, headers: &[(&str, String)], timed: bool) -> Sample {
    let own = |(name, value): &(&str, String)| ((*name).to_owned(), value.clone());
    Sample {
        kind: String::new(),
        method: "POST".into(),
        path_and_query: PATH.into(),
        headers: headers.iter().map(own).collect(),
        body: body.as_bytes().to_vec(),
        now: NOW,
        signed: true,
        timed,
    }
}

fn signed_v3(body: &str) -> Sample {
    let uri = format!("{}{PATH}", connection().public_url);
    let stamp = NOW.0.to_string();
    let parts = ["POST", &uri, body, &stamp].map(str::as_bytes);
    let signature = hmac_sha256_base64(SECRET.as_bytes(), &parts);
    let headers = [("x-hubspot-signature-v3", signature), ("x-hubspot-request-timestamp", stamp)];
    sample(body, &headers, true)
}

fn signed_v1(body: &str) -> Sample {
    let signature = sha256_hex(&[SECRET.as_bytes(), body.as_bytes()]);
    let headers =
        [("x-hubspot-signature", signature), ("x-hubspot-signature-version", "v1".to_owned())];
    sample(body, &headers, false)
}

#[test]
fn keeps_the_promises_of_a_connector() {
    let mut secrets = Secrets::default();
    secrets.insert("client_secret", SECRET);
    let samples = BATCHES.iter().flat_map(|body| [signed_v3(body), signed_v1(body)]).collect();
    let suite = Suite { connector: &HUBSPOT, secrets, connection: connection(), samples };
    let mut state = 20_261_123_u64;
    let checked = suite.check(|| {
        // SplitMix64.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    });
    if let Err(failures) = checked {
        panic!("{failures}");
    }
}

#[test]
fn is_a_crm_that_reads_fifty_deals_at_once() {
    assert_eq!(HUBSPOT.crm().map(Crm::fetch_limit), Some(50));
    assert!(HUBSPOT.channel().is_none());
}
