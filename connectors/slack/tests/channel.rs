//! The connector against the fake Slack, through a real session.
#![cfg(feature = "fake")]
#![expect(clippy::unwrap_used, reason = "a test ends where its set-up fails")]

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use touchline_kit::testing::{FAKE_TOKEN, ManualClock, loopback_config};
use touchline_kit::{
    CallError, Card, CardView, Channel, ChatPerson, ConnectionView, Message, Receipt, Session,
    Timeouts,
};
use touchline_rules::UnixMs;
use touchline_slack::fake::{FakeConfig, FakeSlack, FakeUser, FaultKind};
use touchline_slack::{MANIFEST, SLACK};

struct Line {
    slack: FakeSlack,
    clock: ManualClock,
    session: Session,
    on: ConnectionView,
}

impl Line {
    async fn deliver(&self, view: CardView) -> Result<Receipt, CallError> {
        SLACK.deliver(&self.session, &self.on, &ada(), "d-1", &nudge(view)).await
    }
}

fn ada() -> ChatPerson {
    ChatPerson {
        id: "U1".into(),
        name: "Ada Example".into(),
        time_zone: Some("Europe/London".into()),
    }
}

fn nudge(view: CardView) -> Message {
    Message::Nudge(Card {
        nudge_id: "n1".into(),
        headline: "Acme: no next step".into(),
        body: "Agree on a date.".into(),
        why: vec!["Seen: no meeting.".into()],
        lesson: None,
        facts: vec![("Stage".into(), "Proposal".into())],
        deal_url: Some("https://crm.example.com/deal/1".into()),
        rule_title: "Next step".into(),
        view,
    })
}

/// Serves a fake Slack for as long as the story runs.
async fn with_slack<F: Future<Output = ()>>(story: impl FnOnce(Arc<Line>) -> F) {
    let clock = ManualClock::new(UnixMs(1_762_246_800_000));
    let slack = FakeSlack::new(FakeConfig {
        team: "Example".into(),
        bot_token: FAKE_TOKEN.into(),
        signing_secret: "fake-signing-secret".into(),
        users: vec![
            FakeUser::new("U1", "ada@example.com", "Ada Example", "Europe/London"),
            FakeUser {
                deleted: true,
                ..FakeUser::new("U2", "bob@example.com", "Bob Example", "Asia/Tokyo")
            },
        ],
        clock: Arc::new(clock.clone()),
        answer_url: String::new(),
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}/api/", listener.local_addr().unwrap());
    let mut config = loopback_config(&base_url, &MANIFEST, &clock);
    config.timeouts = Timeouts { total: Duration::from_millis(500), ..Timeouts::default() };
    let on = ConnectionView {
        name: "slack".into(),
        public_url: "https://touchline.example.com".into(),
        metadata: Arc::default(),
        settings: serde_json::Map::new(),
    };
    let session = Session::new(config).unwrap();
    let line = Arc::new(Line { slack: slack.clone(), clock, session, on });
    tokio::select! {
        _ = async { axum::serve(listener, slack.router()).await } => panic!("the server ended"),
        () = story(line) => {}
    }
}

#[tokio::test]
async fn the_self_test_names_the_workspace_and_what_is_missing() {
    with_slack(async |line: Arc<Line>| {
        let told = SLACK.self_test(&line.session, &line.on).await.unwrap();
        insta::assert_snapshot!(told, @"workspace Example (T0EXAMPLE) as touchline");
        line.slack.set_scopes(&["chat:write", "im:write", "users:read", "commands"]);
        let missing = SLACK.self_test(&line.session, &line.on).await.unwrap_err();
        insta::assert_snapshot!(missing, @"not permitted: missing_scope: the Slack app needs users:read.email; add what is missing under OAuth & Permissions and install the app again");
        line.slack.revoke_token();
        let revoked = SLACK.self_test(&line.session, &line.on).await.unwrap_err();
        insta::assert_snapshot!(revoked, @"not authorised: token_revoked");
    })
    .await;
}

#[tokio::test]
async fn people_are_found_by_their_address() {
    with_slack(async |line: Arc<Line>| {
        let find = async |email: &str| SLACK.find_person(&line.session, &line.on, email).await;
        assert_eq!(find("ada@example.com").await, Ok(Some(ada())));
        assert_eq!(find("bob@example.com").await, Ok(None), "who left gets nothing");
        assert_eq!(find("eve@example.com").await, Ok(None));
    })
    .await;
}

#[tokio::test]
async fn a_nudge_is_delivered_and_then_becomes_one_quiet_line() {
    with_slack(async |line: Arc<Line>| {
        let receipt = line.deliver(CardView::Open).await.unwrap();
        let posted = line.slack.message(&receipt.id).unwrap();
        assert_eq!((posted.channel.as_str(), posted.user.as_str()), (receipt.place.as_str(), "U1"));
        let metadata = posted.metadata.unwrap().to_string();
        insta::assert_snapshot!(metadata, @r#"{"event_payload":{"delivery_id":"d-1"},"event_type":"touchline_nudge"}"#);
        let quiet = nudge(CardView::Quiet("Done.".into()));
        SLACK.update(&line.session, &line.on, &receipt, &quiet).await.unwrap();
        let edited = line.slack.message(&receipt.id).unwrap();
        assert_eq!((edited.reads().as_str(), edited.text.as_str()), ("Done.", "Done."));
        assert!(line.slack.controls(&receipt.id).is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_becomes_of_a_message_is_known_or_said_to_be_unknown() {
    with_slack(async |line: Arc<Line>| {
        let error = |code: &str| FaultKind::Error(code.into());
        for (fault, class, posted) in [
            (FaultKind::RateLimited { retry_after_s: 1 }, "limited", 0),
            (FaultKind::Status(500), "unavailable", 0),
            (FaultKind::Status(503), "unavailable", 0),
            (FaultKind::Status(502), "ambiguous", 0),
            (error("internal_error"), "ambiguous", 0),
            (error("service_unavailable"), "unavailable", 0),
            (error("channel_not_found"), "not_found", 0),
            (error("restricted_action"), "forbidden", 0),
            (error("msg_too_long"), "refused", 0),
            (FaultKind::ErrorAfter("fatal_error".into()), "ambiguous", 1),
            (FaultKind::CloseBefore, "ambiguous", 0),
            (FaultKind::CloseAfter, "ambiguous", 1),
            (FaultKind::Slow { ms: 5_000 }, "ambiguous", 1),
        ] {
            let before = line.slack.messages().len();
            // A conversation that is not there is opened, and posted to once more.
            let posts = if class == "not_found" { 2 } else { 1 };
            line.slack.fail("chat.postMessage", fault.clone(), posts);
            let error = line.deliver(CardView::Open).await.unwrap_err();
            assert_eq!(error.code(), class, "{fault:?}: {error}");
            assert_eq!(line.slack.messages().len() - before, posted, "{fault:?}");
            // Pauses and the breaker end; the next call is a fresh one.
            line.clock.advance_ms(600_000);
            line.deliver(CardView::Open).await.unwrap();
            line.clock.advance_ms(600_000);
        }
    })
    .await;
}

#[tokio::test]
async fn nothing_was_sent_if_the_conversation_could_not_be_opened() {
    with_slack(async |line: Arc<Line>| {
        for fault in [FaultKind::CloseAfter, FaultKind::Error("internal_error".into())] {
            let missing = FaultKind::Error("channel_not_found".into());
            line.slack.fail("chat.postMessage", missing, 1);
            line.slack.fail("conversations.open", fault, 1);
            let error = line.deliver(CardView::Open).await.unwrap_err();
            assert_eq!(error.code(), "unavailable");
        }
        assert!(line.slack.messages().is_empty());
    })
    .await;
}

#[tokio::test]
async fn our_own_limit_holds_before_slacks_does() {
    with_slack(async |line: Arc<Line>| {
        let mut sent = 0;
        let error = loop {
            match line.deliver(CardView::Open).await {
                Ok(_) => sent += 1,
                Err(error) => break error,
            }
            assert!(sent < 10, "a limit must hold");
        };
        assert_eq!((sent, error.code()), (3, "limited"));
        line.clock.advance_ms(1_000);
        line.deliver(CardView::Open).await.unwrap();
        let outcomes = line.slack.requests();
        assert!(outcomes.iter().all(|request| request.status == 200), "{outcomes:?}");
    })
    .await;
}
