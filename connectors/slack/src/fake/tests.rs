use serde_json::{Value, json};
use touchline_kit::testing::ManualClock;
use touchline_kit::{Card, CardLesson, CardView, Message, RawRequest, Secrets, StoredRequest};
use touchline_rules::UnixMs;

use super::*;
use crate::blocks::render;

pub(super) const TOKEN: &str = "fake-xoxb-token";
const SECRET: &str = "fake-signing-secret";

pub(super) fn workspace() -> (FakeSlack, ManualClock) {
    let clock = ManualClock::new(UnixMs(1_762_246_800_000));
    let slack = FakeSlack::new(FakeConfig {
        team: "Example".into(),
        bot_token: TOKEN.into(),
        signing_secret: SECRET.into(),
        users: vec![
            FakeUser::new("U1", "ada@example.com", "Ada Example", "Europe/London"),
            FakeUser {
                deleted: true,
                ..FakeUser::new("U2", "bob@example.com", "Bob Example", "Asia/Tokyo")
            },
        ],
        clock: Arc::new(clock.clone()),
        answer_url: "http://127.0.0.1:9/hooks/slack".into(),
    });
    (slack, clock)
}

fn ask(slack: &FakeSlack, method: &str, arguments: &Value) -> Value {
    let body = arguments.to_string();
    let params = params::Params::read("application/json", "", body.as_bytes()).unwrap();
    let now = slack.now();
    let answer = slack.state().answer(method, Some(TOKEN), &params, now);
    answer.unwrap_or_else(|error| error.to_json())
}

pub(super) fn nudge(view: CardView) -> Message {
    Message::Nudge(Card {
        nudge_id: "n1".into(),
        headline: "Acme <!channel>: no next step".into(),
        body: "Agree on a date & write it down.".into(),
        why: vec!["Seen: no meeting for 3 working days.".into()],
        lesson: Some(Box::new(CardLesson {
            title: "One date (60 seconds)".into(),
            text: "End each talk with a date.".into(),
            question: "Question: What ends a talk?".into(),
            answers: "a) A date\n   Yes.".into(),
        })),
        facts: vec![("Stage".into(), "Proposal".into())],
        deal_url: Some("https://crm.example.com/deal/1".into()),
        rule_title: "Next step".into(),
        view,
    })
}

pub(super) fn post_nudge(slack: &FakeSlack, view: CardView) -> String {
    let rendered = render(&nudge(view));
    let answer = ask(
        slack,
        "chat.postMessage",
        &json!({ "channel": "U1", "text": rendered.text, "blocks": rendered.blocks }),
    );
    assert_eq!(answer["ok"], true, "{answer}");
    answer["ts"].as_str().unwrap().to_owned()
}

#[test]
fn people_are_found_by_mail_whatever_its_case() {
    let (slack, _) = workspace();
    let found = ask(&slack, "users.lookupByEmail", &json!({ "email": "Ada@Example.com" }));
    assert_eq!(found["user"]["id"], "U1");
    assert_eq!(found["user"]["tz"], "Europe/London");
    let nobody = ask(&slack, "users.lookupByEmail", &json!({ "email": "eve@example.com" }));
    assert_eq!(nobody, json!({ "ok": false, "error": "users_not_found" }));
    let left = ask(&slack, "conversations.open", &json!({ "users": "U2" }));
    assert_eq!(left["error"], "user_disabled");
}

#[test]
fn time_stamps_are_never_given_twice() {
    let (slack, _) = workspace();
    slack.set_rate_limits(false);
    let stamps: std::collections::BTreeSet<_> =
        (0..20).map(|_| post_nudge(&slack, CardView::Open)).collect();
    assert_eq!(stamps.len(), 20);
}

#[test]
fn text_alone_takes_the_blocks_away() {
    let (slack, _) = workspace();
    let ts = post_nudge(&slack, CardView::Open);
    let channel = slack.message(&ts).unwrap().channel;
    let update = |more: Value| {
        let mut arguments = json!({ "channel": channel, "ts": ts });
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ask(&slack, "chat.update", &arguments)
    };
    assert_eq!(update(json!({}))["error"], "no_text");
    assert_eq!(update(json!({ "text": "Done." }))["ok"], true);
    let message = slack.message(&ts).unwrap();
    assert!(message.blocks.is_empty());
    assert_eq!((message.text.as_str(), message.edits), ("Done.", 1));
    assert_eq!(message.history.len(), 1);
    assert!(!message.history[0].blocks.is_empty());
    assert_eq!(
        ask(&slack, "chat.update", &json!({ "channel": "U1", "ts": ts, "text": "x" }))["error"],
        "channel_not_found",
        "an update wants the conversation, not the person"
    );
}

#[test]
fn bad_messages_are_refused_with_slacks_codes() {
    let (slack, _) = workspace();
    let post = |more: Value| {
        let mut arguments = json!({ "channel": "U1" });
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ask(&slack, "chat.postMessage", &arguments)
    };
    assert_eq!(post(json!({}))["error"], "no_text");
    assert_eq!(post(json!({ "text": "x".repeat(40_001) }))["error"], "msg_too_long");
    assert_eq!(post(json!({ "text": "x", "blocks": "{" }))["error"], "invalid_blocks_format");
    assert_eq!(post(json!({ "channel": "U9", "text": "x" }))["error"], "channel_not_found");
    let header =
        json!({ "type": "header", "text": { "type": "plain_text", "text": "x".repeat(151) } });
    let refused = post(json!({ "text": "x", "blocks": [header] }));
    assert_eq!(refused["error"], "invalid_blocks");
    insta::assert_snapshot!(
        refused["response_metadata"]["messages"][0].as_str().unwrap(),
        @"[ERROR] must be less than 151 characters [json-pointer:/blocks/0/text/text]"
    );
    let section =
        json!({ "type": "section", "text": { "type": "plain_text", "text": "x".repeat(2_900) } });
    assert_eq!(
        post(json!({ "text": "x", "blocks": vec![section; 5] }))["error"],
        "msg_blocks_too_long"
    );
    assert!(slack.messages().is_empty());
}

#[test]
fn a_missing_scope_and_a_revoked_token_are_told() {
    let (slack, _) = workspace();
    slack.set_scopes(&["chat:write"]);
    let refused = ask(&slack, "conversations.open", &json!({ "users": "U1" }));
    assert_eq!(
        refused,
        json!({ "ok": false, "error": "missing_scope", "needed": "im:write", "provided": "chat:write" })
    );
    slack.revoke_token();
    assert_eq!(ask(&slack, "auth.test", &json!({}))["error"], "token_revoked");
}

#[test]
fn an_oauth_code_is_good_once() {
    let (slack, clock) = workspace();
    let redeem = |code: &str| {
        let arguments =
            json!({ "code": code, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET });
        ask(&slack, "oauth.v2.access", &arguments)
    };
    let code = slack.issue_oauth_code();
    let granted = redeem(&code);
    assert!(granted["access_token"].as_str().unwrap().starts_with("fake-"));
    assert_eq!(redeem(&code)["error"], "code_already_used");
    let late = slack.issue_oauth_code();
    clock.advance_ms(600_001);
    assert_eq!(redeem(&late)["error"], "invalid_code");
}

#[test]
fn a_trigger_is_good_once_and_for_three_seconds() {
    let (slack, clock) = workspace();
    let view = json!({ "type": "modal", "title": { "type": "plain_text", "text": "Why" },
        "blocks": [{ "type": "divider" }] });
    let open = |id: &str| ask(&slack, "views.open", &json!({ "trigger_id": id, "view": view }));
    let issue = || views::issue_trigger(&mut slack.state(), slack.now());
    let trigger = issue();
    assert_eq!(open(&trigger)["ok"], true);
    assert_eq!(open(&trigger)["error"], "exchanged_trigger_id");
    assert_eq!(open("1.2.3")["error"], "invalid_trigger_id");
    let late = issue();
    clock.advance_ms(3_001);
    assert_eq!(open(&late)["error"], "expired_trigger_id");
}

/// What the connector makes of a request, as the service would see it.
pub(super) fn heard(slack: &FakeSlack, request: &SignedRequest) -> Vec<touchline_kit::Inbound> {
    let mut secrets = Secrets::default();
    secrets.insert("signing_secret", SECRET);
    let path = format!("/hooks/slack/{}", request.kind);
    let raw = RawRequest {
        method: "POST",
        path_and_query: &path,
        headers: &request.headers,
        body: &request.body,
    };
    let accepted = crate::receive(&raw, &secrets, slack.now()).unwrap();
    assert!(accepted.append);
    let headers = request.headers.iter();
    let stored = StoredRequest {
        headers: headers
            .filter(|(name, _)| accepted.keep_headers.contains(&name.as_str()))
            .cloned()
            .collect(),
        body: request.body.clone(),
        received_at: slack.now(),
    };
    crate::decode(&stored).into_iter().map(Result::unwrap).collect()
}

/// What the connector hears of each control of a message, choice by choice.
fn said_by_controls(slack: &FakeSlack, ts: &str) -> Vec<String> {
    let mut said = Vec::new();
    for control in slack.controls(ts) {
        let mut choices: Vec<_> = control.choices.iter().map(|(v, _)| Some(v.clone())).collect();
        if choices.is_empty() {
            choices.push((control.kind == "datepicker").then(|| "2026-12-01".to_owned()));
        }
        for choice in choices {
            let request = slack.interaction("U1", ts, &control.action_id, choice.as_deref());
            for inbound in heard(slack, &request.unwrap()) {
                said.push(match inbound {
                    touchline_kit::Inbound::Answer(answer) => {
                        assert_eq!(answer.nudge_id.as_deref(), Some("n1"));
                        assert_eq!(answer.vendor_user_id, "U1");
                        assert_eq!(answer.at, slack.now());
                        format!("{:?}", answer.action)
                    }
                    other => format!("{other:?}"),
                });
            }
        }
    }
    said
}

#[test]
fn every_control_of_every_view_is_heard_by_the_connector() {
    let (slack, _) = workspace();
    slack.set_rate_limits(false);
    let mut said = Vec::new();
    for view in
        [CardView::Open, CardView::AskReason, CardView::AskUntil, CardView::Why, CardView::Answers]
    {
        said.extend(said_by_controls(&slack, &post_nudge(&slack, view)));
    }
    insta::assert_snapshot!(said.join("\n"), @r#"
    Ignored { what: "click on a link" }
    Done
    Snooze { days: 1 }
    Snooze { days: 3 }
    Snooze { days: 7 }
    AskReason
    ShowWhy
    MuteRule
    Pause(Today)
    Pause(ThisWeek)
    AskUntil
    NotHelpful(AlreadyDone)
    NotHelpful(NotTrueHere)
    NotHelpful(NotNow)
    NotHelpful(StopThisTip)
    ShowNudge
    Pause(Until("2026-12-01"))
    ShowNudge
    Ignored { what: "click on a link" }
    Done
    Snooze { days: 1 }
    Snooze { days: 3 }
    Snooze { days: 7 }
    AskReason
    ShowAnswers
    ShowNudge
    MuteRule
    Pause(Today)
    Pause(ThisWeek)
    AskUntil
    Ignored { what: "click on a link" }
    Done
    Snooze { days: 1 }
    Snooze { days: 3 }
    Snooze { days: 7 }
    AskReason
    ShowNudge
    MuteRule
    Pause(Today)
    Pause(ThisWeek)
    AskUntil
    "#);
}

#[test]
fn only_what_is_there_can_be_clicked_and_only_by_its_reader() {
    let (slack, _) = workspace();
    let ts = post_nudge(&slack, CardView::Open);
    let click = |user: &str, ts: &str, action: &str, choice: Option<&str>| {
        slack.interaction(user, ts, action, choice).unwrap_err()
    };
    assert_eq!(click("U1", "1.2", "nudge.done", None), ClickError::NoMessage);
    assert_eq!(click("U2", &ts, "nudge.done", None), ClickError::NotTheirs);
    assert!(matches!(click("U1", &ts, "nudge.back", None), ClickError::NoControl(_)));
    assert!(matches!(click("U1", &ts, "nudge.snooze", Some("2")), ClickError::NoChoice(_)));
}

#[test]
fn a_click_reads_the_clock_of_the_workspace() {
    let (slack, _) = workspace();
    let ts = post_nudge(&slack, CardView::Open);
    let request = slack.interaction("U1", &ts, "nudge.done", None).unwrap();
    let timestamp = request.headers.iter().find(|(n, _)| n == "x-slack-request-timestamp");
    assert_eq!(timestamp.unwrap().1, "1762246800");
}

#[test]
fn commands_and_events_are_heard_too() {
    let (slack, _) = workspace();
    let paused = heard(&slack, &slack.command("U1", "pause today"));
    assert!(matches!(&paused[..], [touchline_kit::Inbound::Answer(_)]));
    let gone = heard(&slack, &slack.event(&json!({ "type": "app_uninstalled" })));
    assert!(matches!(&gone[..], [touchline_kit::Inbound::Connection(_)]));
}

#[test]
fn a_message_reads_as_a_person_sees_it() {
    let (slack, _) = workspace();
    let ts = post_nudge(&slack, CardView::Open);
    insta::assert_snapshot!(pretty(&slack.message(&ts).unwrap()), @r#"
    Slack to Ada Example (Touchline)
      │ # Acme <!channel>: no next step
      │ Agree on a date & write it down.
      │ Stage: Proposal
      │ [Open deal] [Done] [Snooze ▾] [Not helpful] [Why am I seeing this?] [⋯]
    "#);
}
