use std::sync::Arc;

use touchline_rules::facts::Metadata;

use super::*;
use crate::inbound::{Inbound, Undecodable};
use crate::manifest::{DailyQuota, Limit, OAuth, SecretField};
use crate::receive::Reply;
use crate::retry::classify_by_status;
use crate::signature::{TimeUnit, check_timestamp, constant_time_eq, hmac_sha256_hex};

const NOW: UnixMs = UnixMs(1_800_000_000_000);

static MANIFEST: Manifest = Manifest {
    name: "toy",
    title: "Toy",
    capabilities: &[Capability::Webhooks],
    base_url: "https://toy.example.com",
    secrets: &[SecretField { name: "secret", required: true, help: "On the toy's settings page." }],
    limits: &[],
    oauth: None,
    daily: None,
    classify: classify_by_status,
    setup: &["Paste the secret."],
};

/// What the toy does wrong.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Fault {
    None,
    AcceptsAll,
    AcceptsWithoutSecret,
    IgnoresTime,
    ShowsSecret,
    ReceivePanics,
    DecodePanics,
    DecodeGrows,
    ClaimsCrm,
}

struct Toy(Fault);

impl Connector for Toy {
    fn manifest(&self) -> &'static Manifest {
        static CRM: Manifest = Manifest {
            name: "toy",
            title: "Toy",
            capabilities: &[Capability::Crm],
            base_url: "https://toy.example.com",
            secrets: &[],
            limits: &[],
            oauth: None,
            daily: None,
            classify: classify_by_status,
            setup: &["Nothing."],
        };
        if self.0 == Fault::ClaimsCrm { &CRM } else { &MANIFEST }
    }

    fn receive(
        &self,
        _: &str,
        request: &RawRequest<'_>,
        secrets: &Secrets,
        _: &ConnectionView,
        now: UnixMs,
    ) -> Result<Accepted, Rejected> {
        let accepted = Accepted { reply: Reply::ok(), append: true, keep_headers: &[] };
        if self.0 == Fault::AcceptsAll {
            return Ok(accepted);
        }
        if self.0 == Fault::ReceivePanics {
            assert_ne!(request.header("time"), Some("-1"));
        }
        let default = (self.0 == Fault::AcceptsWithoutSecret).then_some("fake-secret");
        let secret = secrets.expose("secret").or(default);
        let shown = if self.0 == Fault::ShowsSecret { secret.unwrap_or_default() } else { "" };
        let rejected = |code| Rejected { code, reason: shown.into(), diagnosis: Vec::new() };
        let secret = secret.ok_or_else(|| rejected("no_secret"))?;
        let time = request.header("time").ok_or_else(|| rejected("no_signature"))?;
        let signature = request.header("signature").ok_or_else(|| rejected("no_signature"))?;
        if self.0 != Fault::IgnoresTime {
            check_timestamp(time, TimeUnit::Milliseconds, now, 300_000)?;
        }
        let expected = hmac_sha256_hex(secret.as_bytes(), &[time.as_bytes(), request.body]);
        if !constant_time_eq(expected, signature) {
            return Err(rejected("bad_signature"));
        }
        Ok(accepted)
    }

    fn decode(
        &self,
        _: &str,
        request: &StoredRequest,
        _: &ConnectionView,
    ) -> Vec<Result<Inbound, Undecodable>> {
        let body: Result<serde_json::Value, _> = serde_json::from_slice(&request.body);
        let what = match (self.0, body) {
            (Fault::DecodePanics, body) => body.unwrap()["id"].as_str().unwrap().to_owned(),
            (Fault::DecodeGrows, _) => "x".repeat(1 << 16),
            (_, Ok(_)) => "toy".to_owned(),
            (_, Err(error)) => {
                let reason = format!("no JSON at column {}", error.column());
                return vec![Err(Undecodable { index: None, reason })];
            }
        };
        vec![Ok(Inbound::Ignored { what })]
    }
}

fn check(fault: Fault) -> Vec<String> {
    let body = br#"{"id":"7","list":[1,{"a":null}]}"#;
    let time = NOW.0.to_string();
    let signature = hmac_sha256_hex(b"fake-secret", &[time.as_bytes(), body]);
    let sample = Sample {
        kind: String::new(),
        method: "POST".into(),
        path_and_query: "/hooks/toy".into(),
        headers: vec![("time".into(), time), ("signature".into(), signature)],
        body: body.to_vec(),
        now: NOW,
        signed: true,
        timed: true,
    };
    let mut secrets = Secrets::default();
    secrets.insert("secret", "fake-secret");
    let suite = Suite {
        connector: &Toy(fault),
        secrets,
        connection: ConnectionView {
            name: "toy".into(),
            public_url: "https://touchline.example.com".into(),
            metadata: Arc::new(Metadata::default()),
            settings: serde_json::Map::new(),
        },
        samples: vec![sample],
    };
    suite.check(splitmix(7)).err().map(|failures| failures.0).unwrap_or_default()
}

/// The SplitMix64 generator.
fn splitmix(mut state: u64) -> impl FnMut() -> u64 {
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[test]
fn a_good_connector_passes() {
    assert_eq!(check(Fault::None), Vec::<String>::new());
}

#[test]
fn each_fault_is_found() {
    for (fault, expected) in [
        (Fault::AcceptsAll, "accepted with a changed body"),
        (Fault::AcceptsWithoutSecret, "accepted without any secret configured"),
        (Fault::IgnoresTime, "accepted a day late"),
        (Fault::ShowsSecret, "shows the secret `secret`"),
        (Fault::ReceivePanics, "receive panicked on kind ``"),
        (Fault::DecodePanics, "decode panicked on kind ``"),
        (Fault::DecodeGrows, "decode to 1 pieces of"),
        (Fault::ClaimsCrm, "Crm is declared, but not there"),
    ] {
        let found = check(fault);
        assert!(found.iter().any(|failure| failure.contains(expected)), "{fault:?}: {found:?}");
    }
}

#[test]
fn a_wrong_manifest_is_described() {
    let wrong = Manifest {
        name: "Toy CRM",
        title: " ",
        capabilities: &[],
        base_url: "http://toy.example.com",
        secrets: &[
            SecretField { name: "Secret", required: true, help: "x" },
            SecretField { name: "token", required: true, help: "" },
            SecretField { name: "token", required: true, help: "x" },
        ],
        limits: &[Limit { name: "burst", calls: 0, period_ms: 1, burst: 1 }],
        oauth: Some(OAuth {
            authorize_url: "/authorize",
            token_path: "",
            scopes: &[],
            account_field: None,
        }),
        daily: Some(DailyQuota { calls: 1, share_percent: 101, header: Some("X-Daily") }),
        classify: classify_by_status,
        setup: &["", "x"],
    };
    assert_eq!(
        manifest_faults(&wrong),
        [
            "the name `Toy CRM` is no slug: use a-z, 0-9 and -",
            "the title is empty",
            "no capability is declared",
            "the base URL `http://toy.example.com` is not https",
            "a setup step is empty",
            "the secret `Secret` is no key: use a-z, 0-9 and _",
            "the secret `token` is there twice",
            "the secret `token` has no help",
            "the limit `burst` lets nothing through",
            "the daily share is nothing, or more than all",
            "the name of the daily header is not lower case",
            "the authorize URL is not absolute",
            "the token path is not a path",
        ]
    );
    assert_eq!(manifest_faults(&MANIFEST), Vec::<String>::new());
}
