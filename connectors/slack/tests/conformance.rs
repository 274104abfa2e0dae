//! The kit's conformance suite, on requests that the fake Slack signed.
#![cfg(feature = "fake")]
#![expect(clippy::unwrap_used, reason = "a test ends where its set-up fails")]

use std::sync::Arc;

use serde_json::json;
use touchline_kit::conformance::{Sample, Suite};
use touchline_kit::testing::{FAKE_TOKEN, ManualClock};
use touchline_kit::{Card, CardView, ConnectionView, Message, Secrets};
use touchline_rules::UnixMs;
use touchline_slack::SLACK;
use touchline_slack::blocks::render;
use touchline_slack::fake::{FakeConfig, FakeSlack, FakeUser, SignedRequest};

const NOW: UnixMs = UnixMs(1_762_246_800_000);
const SECRET: &str = "fake-signing-secret";

fn workspace() -> FakeSlack {
    FakeSlack::new(FakeConfig {
        team: "Example".into(),
        bot_token: FAKE_TOKEN.into(),
        signing_secret: SECRET.into(),
        users: vec![FakeUser::new("U1", "ada@example.com", "Ada Example", "Europe/London")],
        clock: Arc::new(ManualClock::new(NOW)),
        answer_url: String::new(),
    })
}

fn clicks(slack: &FakeSlack) -> Vec<SignedRequest> {
    let card = Card {
        nudge_id: "n1".into(),
        headline: "Acme: no next step".into(),
        body: "Agree on a date.".into(),
        why: Vec::new(),
        lesson: None,
        facts: Vec::new(),
        deal_url: None,
        rule_title: "Next step".into(),
        view: CardView::Open,
    };
    let rendered = render(&Message::Nudge(card));
    let ts = slack.put("U1", &rendered.text, rendered.blocks).unwrap();
    [("nudge.done", None), ("nudge.snooze", Some("3")), ("nudge.more", Some("mute"))]
        .map(|(action, choice)| slack.interaction("U1", &ts, action, choice).unwrap())
        .into()
}

fn sample(request: SignedRequest) -> Sample {
    Sample {
        kind: request.kind.into(),
        method: "POST".into(),
        path_and_query: format!("/hooks/slack/{}", request.kind),
        headers: request.headers,
        body: request.body,
        now: NOW,
        signed: true,
        timed: true,
    }
}

#[test]
fn the_connector_keeps_the_contract() {
    let slack = workspace();
    let mut samples: Vec<_> = clicks(&slack).into_iter().map(sample).collect();
    samples.push(sample(slack.command("U1", "pause week")));
    samples.push(sample(slack.event(&json!({ "type": "app_uninstalled" }))));
    samples.push(sample(slack.url_verification("3eZbrw1a")));
    samples.push(Sample {
        kind: "commands".into(),
        method: "POST".into(),
        path_and_query: "/hooks/slack/commands".into(),
        headers: vec![("content-type".into(), "application/x-www-form-urlencoded".into())],
        body: b"ssl_check=1&token=fake".to_vec(),
        now: NOW,
        signed: false,
        timed: false,
    });
    let mut secrets = Secrets::default();
    secrets.insert("bot_token", FAKE_TOKEN);
    secrets.insert("signing_secret", SECRET);
    let suite = Suite {
        connector: &SLACK,
        secrets,
        connection: ConnectionView {
            name: "slack".into(),
            public_url: "https://touchline.example.com".into(),
            metadata: Arc::default(),
            settings: serde_json::Map::new(),
        },
        samples,
    };
    // A generator of Steele and others (SplitMix64): the same numbers each run.
    let mut state = 7_u64;
    let random = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    suite.check(random).unwrap();
}
