//! The calls we make: six methods of Slack's Web API.

use serde_json::{Value, json};
use touchline_kit::{
    Body, Call, CallError, ChatPerson, Effect, Message, Priority, Receipt, Session, VendorAnswer,
};

use crate::blocks::render;
use crate::manifest::{PER_CHANNEL, SCOPES, TIER_3, TIER_4, WORKSPACE};

/// The `event_type` of the metadata that our messages carry.
pub const METADATA_EVENT_TYPE: &str = "touchline_nudge";
/// Header in which Slack names the scopes of the token that was used.
const SCOPES_HEADER: &str = "x-oauth-scopes";

/// Asks Slack who we are, and whether the token has every scope.
pub(crate) async fn self_test(session: &Session) -> Result<String, CallError> {
    let limits = vec![(TIER_4, "auth.test".to_owned())];
    let call = call("auth.test", Body::Empty, Priority::Follow, limits);
    let answer = session.call(call).await?;
    let missing = missing_scopes(&answer);
    if !missing.is_empty() {
        return Err(CallError::Forbidden {
            detail: format!(
                "missing_scope: the Slack app needs {}; add what is missing under OAuth & Permissions and install the app again",
                missing.join(", ")
            ),
        });
    }
    let json = document(&answer)?;
    let word = |key| json.get(key).and_then(Value::as_str).unwrap_or("?");
    Ok(format!("workspace {} ({}) as {}", word("team"), word("team_id"), word("user")))
}

fn missing_scopes(answer: &VendorAnswer) -> Vec<&'static str> {
    let Some((_, granted)) = answer.headers.iter().find(|(name, _)| name == SCOPES_HEADER) else {
        return Vec::new();
    };
    let granted: Vec<_> = granted.split(',').map(str::trim).collect();
    let needed = SCOPES.iter().map(|(scope, _)| *scope);
    needed.filter(|scope| !granted.contains(scope)).collect()
}

/// The person with that e-mail address, unless they left or are a bot.
pub(crate) async fn find_person(
    session: &Session,
    email: &str,
) -> Result<Option<ChatPerson>, CallError> {
    let method = "users.lookupByEmail";
    let body = Body::Form(vec![("email".into(), email.to_owned())]);
    let limits = vec![(TIER_3, method.to_owned())];
    match session.call(call(method, body, Priority::Follow, limits)).await {
        Ok(answer) => Ok(person(&document(&answer)?)),
        Err(CallError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn person(json: &Value) -> Option<ChatPerson> {
    let user = json.get("user")?;
    let is = |key| user.get(key).and_then(Value::as_bool).unwrap_or(false);
    if is("deleted") || is("is_bot") {
        return None;
    }
    let text = |pointer| user.pointer(pointer).and_then(Value::as_str).filter(|t| !t.is_empty());
    let id = text("/id")?.to_owned();
    let name = text("/profile/real_name").or(text("/real_name")).or(text("/name")).unwrap_or(&id);
    Some(ChatPerson { name: name.to_owned(), time_zone: text("/tz").map(str::to_owned), id })
}

/// Sends a message to a person's direct message with the app.
pub(crate) async fn deliver(
    session: &Session,
    to: &ChatPerson,
    delivery_id: &str,
    message: &Message,
) -> Result<Receipt, CallError> {
    // Slack opens the conversation itself for a person's id: one call instead of
    // two. Where it does not, opening first shows nothing and may be repeated.
    match post(session, &to.id, delivery_id, message).await {
        Err(CallError::NotFound { .. }) => {
            let channel = open_conversation(session, &to.id).await?;
            post(session, &channel, delivery_id, message).await
        }
        posted => posted,
    }
}

async fn post(
    session: &Session,
    channel: &str,
    delivery_id: &str,
    message: &Message,
) -> Result<Receipt, CallError> {
    let limits = vec![(WORKSPACE, String::new()), (PER_CHANNEL, channel.to_owned())];
    let body = Body::Json(post_body(channel, delivery_id, message));
    let mut post = call("chat.postMessage", body, Priority::Deliver, limits);
    post.effect = Effect::Creates;
    let answer = session.call(post).await?;
    receipt(&answer).ok_or_else(|| CallError::Ambiguous {
        detail: "Slack took the message but did not say where it is".into(),
    })
}

async fn open_conversation(session: &Session, user_id: &str) -> Result<String, CallError> {
    let method = "conversations.open";
    let body = Body::Json(json!({ "users": user_id }));
    let limits = vec![(TIER_3, method.to_owned())];
    let answer = session.call(call(method, body, Priority::Deliver, limits)).await?;
    let json = document(&answer)?;
    let channel = json.pointer("/channel/id").and_then(Value::as_str);
    channel.map(str::to_owned).ok_or_else(|| CallError::Unavailable {
        retry_at: None,
        detail: "conversations.open did not name a conversation".into(),
    })
}

fn post_body(channel: &str, delivery_id: &str, message: &Message) -> Value {
    let rendered = render(message);
    json!({
        "channel": channel,
        "text": rendered.text,
        "blocks": rendered.blocks,
        // Every app in the workspace can read metadata: an opaque id, nothing else.
        "metadata": {
            "event_type": METADATA_EVENT_TYPE,
            "event_payload": { "delivery_id": delivery_id },
        },
        "mrkdwn": false,
        "parse": "none",
        "link_names": false,
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

fn receipt(answer: &VendorAnswer) -> Option<Receipt> {
    let json: Value = serde_json::from_slice(&answer.body).ok()?;
    let text = |key| json.get(key)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    Some(Receipt { place: text("channel")?, id: text("ts")? })
}

/// Replaces a message. Text and blocks go together: Slack drops the blocks of
/// an update that brings text alone.
pub(crate) async fn update(
    session: &Session,
    receipt: &Receipt,
    message: &Message,
) -> Result<(), CallError> {
    let method = "chat.update";
    let rendered = render(message);
    let body = Body::Json(json!({
        "channel": receipt.place,
        "ts": receipt.id,
        "text": rendered.text,
        "blocks": rendered.blocks,
        "parse": "none",
        "link_names": false,
    }));
    let limits = vec![(TIER_3, method.to_owned())];
    session.call(call(method, body, Priority::Deliver, limits)).await?;
    Ok(())
}

fn call(method: &str, body: Body, priority: Priority, limits: Vec<(&'static str, String)>) -> Call {
    Call {
        method: http::Method::POST,
        path: method.to_owned(),
        query: Vec::new(),
        body,
        effect: Effect::Repeatable,
        priority,
        limits,
    }
}

fn document(answer: &VendorAnswer) -> Result<Value, CallError> {
    serde_json::from_slice(&answer.body).map_err(|_| CallError::Unavailable {
        retry_at: None,
        detail: "an answer that is not JSON".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_who_left_and_bots_are_nobody() {
        let user = |more: Value| {
            let mut user = json!({ "id": "U1", "name": "ada", "tz": "Europe/London",
                "profile": { "real_name": "Ada Example" } });
            user.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            person(&json!({ "ok": true, "user": user }))
        };
        let ada = user(json!({})).unwrap();
        assert_eq!((ada.id.as_str(), ada.name.as_str()), ("U1", "Ada Example"));
        assert_eq!(ada.time_zone.as_deref(), Some("Europe/London"));
        assert_eq!(user(json!({ "deleted": true })), None);
        assert_eq!(user(json!({ "is_bot": true })), None);
        assert_eq!(user(json!({ "tz": null, "profile": {} })).unwrap().name, "ada");
        assert_eq!(person(&json!({ "ok": true })), None);
    }

    #[test]
    fn a_post_pings_nobody_and_tells_other_apps_nothing() {
        let message =
            Message::Hello { title: "<!channel>".into(), lines: vec!["@here *x*".into()] };
        let body = post_body("D1", "d-1", &message);
        insta::assert_snapshot!(body, @r#"{"blocks":[{"block_id":"hello.title","text":{"emoji":false,"text":"&lt;!channel&gt;","type":"plain_text"},"type":"header"},{"block_id":"hello.lines","text":{"emoji":false,"text":"@here *x*","type":"plain_text"},"type":"section"}],"channel":"D1","link_names":false,"metadata":{"event_payload":{"delivery_id":"d-1"},"event_type":"touchline_nudge"},"mrkdwn":false,"parse":"none","text":"&lt;!channel&gt;: @here *x*","unfurl_links":false,"unfurl_media":false}"#);
    }

    #[test]
    fn scopes_that_were_not_granted_are_named() {
        let answer = |scopes: &str| VendorAnswer {
            status: 200,
            headers: vec![(SCOPES_HEADER.into(), scopes.into())],
            body: Vec::new(),
        };
        assert_eq!(
            missing_scopes(&answer("chat:write, im:write,users:read,commands")),
            ["users:read.email"]
        );
        let silent = VendorAnswer { status: 200, headers: Vec::new(), body: Vec::new() };
        assert!(missing_scopes(&silent).is_empty());
    }
}
