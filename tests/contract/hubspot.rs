//! HubSpot's Node and Python clients.

use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};
use touchline_hubspot::HUBSPOT;
use touchline_kit::{ConnectionView, Connector as _, RawRequest, Secrets};
use touchline_rules::UnixMs;

use crate::{Running, ask, example, python, root, run, script};

const SECRET: &str = "fake-client-secret";
const PUBLIC_URL: &str = "https://touchline.example.com";
const NOW: UnixMs = UnixMs(1_762_216_307_945);

fn fake() -> (Running, Vec<String>) {
    let fake = Running::start(Command::new(example("fake_hubspot")).args(["0", "300"]));
    let told: Value = serde_json::from_str(&fake.first_line).unwrap();
    let names = ["base_url", "access_token", "client_id", "client_secret", "redirect_uri"];
    let args = names.map(|name| told[name].as_str().unwrap().to_owned());
    (fake, args.to_vec())
}

#[test]
fn the_node_client_reads_the_fake_by_its_types() {
    let (_fake, args) = fake();
    let out = run(Command::new("node").arg(script("hubspot", "check.mjs")).args(args));
    assert!(out.contains("12 checks passed"), "{out}");
}

#[test]
fn the_python_client_reads_the_fake_by_its_types() {
    let (_fake, args) = fake();
    let check = root().join("tests/contract/hubspot/python/check.py");
    let out = run(Command::new(python("hubspot")).arg(check).args(args));
    assert!(out.contains("10 checks passed"), "{out}");
}

/// What the service makes of a delivery with these headers.
fn accepted(path: &str, body: &str, headers: Vec<(String, String)>, now: UnixMs) -> bool {
    let mut secrets = Secrets::default();
    secrets.insert("client_secret", SECRET);
    let view = ConnectionView {
        name: "hubspot".to_owned(),
        public_url: PUBLIC_URL.to_owned(),
        metadata: Arc::default(),
        settings: serde_json::Map::new(),
    };
    let request = RawRequest {
        method: "POST",
        path_and_query: path,
        headers: &headers,
        body: body.as_bytes(),
    };
    HUBSPOT.receive("", &request, &secrets, &view, now).is_ok()
}

fn signed_by(oracle: &mut dyn FnMut(&str) -> String) {
    let body = r#"[{"eventId":1,"portalId":33,"objectId":123,"subscriptionType":"deal.creation","occurredAt":1762216307945}]"#;
    for path in ["/hooks/hubspot", "/hooks/hubspot?from=a%40b.test&q=x%20y%26z"] {
        for version in ["v1", "v2", "v3"] {
            let ask = json!({
                "version": version,
                "secret": SECRET,
                "method": "POST",
                "url": format!("{PUBLIC_URL}{path}"),
                "body": body,
                "timestamp": NOW.0,
            });
            let signature = oracle(&ask.to_string());
            let headers = |signature: &str| match version {
                "v3" => vec![
                    ("x-hubspot-signature-v3".to_owned(), signature.to_owned()),
                    ("x-hubspot-request-timestamp".to_owned(), NOW.0.to_string()),
                ],
                _ => vec![
                    ("x-hubspot-signature".to_owned(), signature.to_owned()),
                    ("x-hubspot-signature-version".to_owned(), version.to_owned()),
                ],
            };
            assert!(accepted(path, body, headers(&signature), NOW), "{version} {path}");
            let wrong = format!("A{}", &signature[1..]);
            assert!(!accepted(path, body, headers(&wrong), NOW), "{version} {path}, tampered");
            if version == "v3" {
                let late = NOW.plus_ms(300_001);
                assert!(!accepted(path, body, headers(&signature), late), "stale");
                let early = NOW.plus_ms(-300_001);
                assert!(!accepted(path, body, headers(&signature), early), "from the future");
            }
        }
    }
}

#[test]
fn what_the_node_client_signs_is_accepted() {
    let sign = script("hubspot", "sign.mjs");
    signed_by(&mut |input| ask(Command::new("node").arg(&sign), input));
}

#[test]
fn what_the_python_client_signs_is_accepted() {
    let sign = root().join("tests/contract/hubspot/python/sign.py");
    signed_by(&mut |input| ask(Command::new(python("hubspot")).arg(&sign), input));
}
