use proptest::prelude::*;
use serde_json::json;
use touchline_kit::{NotHelpful, PauseFor};

use super::*;

const RECEIVED: UnixMs = UnixMs(1_700_000_005_000);

fn stored(content_type: &str, body: impl Into<Vec<u8>>) -> StoredRequest {
    StoredRequest {
        headers: vec![("content-type".into(), content_type.into())],
        body: body.into(),
        received_at: RECEIVED,
    }
}

fn form(pairs: &[(&str, &str)]) -> StoredRequest {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    stored("application/x-www-form-urlencoded", body)
}

fn interaction_of(payload: &Value) -> Vec<Decoded> {
    decode(&form(&[("payload", &payload.to_string())]))
}

fn clicks(actions: &Value) -> Vec<Decoded> {
    interaction_of(&json!({
        "type": "block_actions",
        "team": { "id": "T1", "domain": "example" },
        "user": { "id": "U1", "username": "ada", "name": "ada", "team_id": "T1" },
        "container": { "type": "message", "message_ts": "1503435956.000247", "channel_id": "D1" },
        "actions": actions,
    }))
}

fn answer(action: AnswerAction, at: UnixMs) -> Decoded {
    Ok(Inbound::Answer(Answer {
        nudge_id: Some("n1".into()),
        vendor_user_id: "U1".into(),
        action,
        at,
    }))
}

#[test]
fn every_kind_of_control_is_read() {
    let decoded = clicks(&json!([
        { "type": "button", "action_id": "nudge.done:n1", "block_id": "b", "action_ts": "1700000000.1" },
        { "type": "overflow", "action_id": "nudge.more:n1", "selected_option": { "value": "mute" } },
        { "type": "static_select", "action_id": "nudge.snooze:n1",
          "selected_option": { "text": { "type": "plain_text", "text": "3 days" }, "value": "3" },
          "action_ts": "1700000001.000247" },
        { "type": "datepicker", "action_id": "nudge.until:n1", "selected_date": "2026-12-01" },
        { "type": "button", "action_id": "nudge.not_now:n1" },
        { "type": "button", "action_id": "nudge.open_deal:n1" },
        { "type": "radio_buttons", "action_id": "quiz.answer", "selected_option": { "value": "a" } },
    ]));
    assert_eq!(
        decoded,
        [
            answer(AnswerAction::Done, UnixMs(1_700_000_000_100)),
            answer(AnswerAction::MuteRule, RECEIVED),
            answer(AnswerAction::Snooze { days: 3 }, UnixMs(1_700_000_001_000)),
            answer(AnswerAction::Pause(PauseFor::Until("2026-12-01".into())), RECEIVED),
            answer(AnswerAction::NotHelpful(NotHelpful::NotNow), RECEIVED),
            ignored("click", "on a link"),
            ignored("click", "on a control that is not Touchline's"),
        ]
    );
}

#[test]
fn one_bad_action_spoils_itself_only() {
    let decoded = clicks(&json!([
        { "type": "button" },
        { "type": "static_select", "action_id": "nudge.snooze:n1", "selected_option": null },
        { "type": "button", "action_id": "nudge.done:n1" },
        7,
    ]));
    let indexes: Vec<_> = decoded.iter().map(|one| one.as_ref().err().map(|e| e.index)).collect();
    assert_eq!(indexes, [Some(Some(0)), Some(Some(1)), None, Some(Some(3))]);
}

#[test]
fn an_interaction_has_at_most_25_actions() {
    let actions = vec![json!({ "type": "button", "action_id": "nudge.done:n1" }); 30];
    let decoded = clicks(&Value::Array(actions));
    assert_eq!(decoded.len(), ACTIONS_MAX + 1);
    assert_eq!(decoded.iter().filter(|one| one.is_ok()).count(), ACTIONS_MAX);
}

#[test]
fn other_interactions_are_ignored_and_broken_ones_told() {
    let view = interaction_of(&json!({ "type": "view_submission", "user": { "id": "U1" } }));
    assert_eq!(view, [ignored("interaction", "view_submission")]);
    for broken in [
        json!({}),
        json!({ "type": "block_actions", "actions": [] }),
        json!({ "type": "block_actions", "user": { "id": "" }, "actions": [] }),
        json!({ "type": "block_actions", "user": { "id": "U1" } }),
    ] {
        assert!(interaction_of(&broken)[0].is_err(), "{broken}");
    }
    for body in ["payload=%7B", "", "a=b"] {
        assert!(decode(&stored("application/x-www-form-urlencoded", body))[0].is_err(), "{body}");
    }
    assert!(decode(&stored("application/json", "{"))[0].is_err());
}

#[test]
fn losing_the_bot_is_news_of_the_connection() {
    let event = |event: Value| {
        let body = json!({ "type": "event_callback", "event_id": "Ev1", "event": event });
        decode(&stored("application/json", body.to_string())).remove(0)
    };
    assert_eq!(event(json!({ "type": "app_uninstalled" })), Ok(revoked("app_uninstalled")));
    let tokens = |oauth: &[&str], bot: &[&str]| {
        event(json!({ "type": "tokens_revoked", "tokens": { "oauth": oauth, "bot": bot } }))
    };
    assert_eq!(tokens(&[], &["U0BOT"]), Ok(revoked("tokens_revoked")));
    assert_eq!(tokens(&["U1"], &[]), ignored("event", "tokens_revoked"));
    assert_eq!(event(json!({ "type": "app_home_opened" })), ignored("event", "app_home_opened"));
    assert!(event(json!({})).is_err());
    let limited = json!({ "type": "app_rate_limited", "minute_rate_limited": 1 });
    assert_eq!(
        decode(&stored("application/json", limited.to_string())),
        [ignored("event", "app_rate_limited")]
    );
}

#[test]
fn a_typed_pause_is_an_answer_about_no_nudge() {
    let typed = |text: &str| {
        decode(&form(&[("command", "/touchline"), ("text", text), ("user_id", "U1")])).remove(0)
    };
    assert_eq!(
        typed("pause week"),
        Ok(Inbound::Answer(Answer {
            nudge_id: None,
            vendor_user_id: "U1".into(),
            action: AnswerAction::Pause(PauseFor::ThisWeek),
            at: RECEIVED,
        }))
    );
    assert_eq!(typed("help"), ignored("command", "help"));
    assert_eq!(decode(&form(&[("command", "/lunch")])), [ignored("command", "/lunch")]);
    assert!(decode(&form(&[("command", "/touchline")]))[0].is_err());
}

#[test]
fn slack_time_stamps_are_read_to_the_millisecond() {
    assert_eq!(instant("1503435956.000247"), Some(UnixMs(1_503_435_956_000)));
    assert_eq!(instant("1700000000.1"), Some(UnixMs(1_700_000_000_100)));
    assert_eq!(instant("1700000000"), Some(UnixMs(1_700_000_000_000)));
    for bad in ["", ".", "x", "1.x", "-1.0", "99999999999999999999.0", "9999999999999.0"] {
        assert_eq!(instant(bad), None, "{bad}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("block_actions".to_owned()),
        Just("nudge.done:n1".to_owned()),
        Just("event_callback".to_owned()),
        Just("datepicker".to_owned()),
        any::<String>(),
    ];
    let key = prop_oneof![
        Just("type"),
        Just("user"),
        Just("id"),
        Just("actions"),
        Just("action_id"),
        Just("action_ts"),
        Just("event"),
        Just("selected_option"),
        Just("selected_date"),
        Just("value"),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        word.prop_map(Value::from)
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::hash_map(key.clone(), inner, 0..6)
                .prop_map(|map| map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn decoding_any_bytes_gives_something(body: Vec<u8>, json: bool) {
        let content_type = if json { "application/json" } else { "application/x-www-form-urlencoded" };
        prop_assert!(!decode(&stored(content_type, body)).is_empty());
    }

    #[test]
    fn decoding_any_document_is_total(json in any_json()) {
        let _ = interaction_of(&json);
        let _ = decode(&stored("application/json", json.to_string()));
    }
}
