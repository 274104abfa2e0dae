//! What a person does in Slack, as the signed request that Slack makes of it.

use serde::Serialize;
use serde_json::{Value, json};
use touchline_rules::UnixMs;

use super::chat::message_json;
use super::directory::conversation_id;
use super::message::FakeMessage;
use super::state::{APP, State, TEAM};
use super::views::issue_trigger;
use super::{FakeSlack, FakeUser};
use crate::signature::{SIGNATURE_HEADER, TIMESTAMP_HEADER, sign};

const FORM: &str = "application/x-www-form-urlencoded";

/// A request as the workspace would send it to the app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRequest {
    /// What is added to the answer address: `interactive`, `events` or `commands`.
    pub kind: &'static str,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

/// A control that a message offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Control {
    /// Its `action_id`.
    pub action_id: String,
    /// `button`, `static_select`, `overflow`, `radio_buttons` or `datepicker`.
    pub kind: String,
    /// What is written on it; empty for an overflow menu.
    pub label: String,
    /// The values that can be chosen, with their labels.
    pub choices: Vec<(String, String)>,
}

/// Why somebody could not click.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClickError {
    /// There is no message with that time stamp.
    NoMessage,
    /// Nobody has that id, or the message is somebody else's.
    NotTheirs,
    /// The message has no such control; these it has.
    NoControl(Vec<String>),
    /// Several controls begin like that: name one exactly.
    Several(Vec<String>),
    /// The control does not offer that choice; these it offers.
    NoChoice(Vec<String>),
}

impl std::fmt::Display for ClickError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ClickError::NoMessage => f.write_str("no such message"),
            ClickError::NotTheirs => f.write_str("the message is not that person's"),
            ClickError::NoControl(all) => write!(f, "no such control; there are {all:?}"),
            ClickError::Several(all) => write!(f, "several controls match: {all:?}"),
            ClickError::NoChoice(all) => write!(f, "no such choice; there are {all:?}"),
        }
    }
}

impl std::error::Error for ClickError {}

impl FakeSlack {
    /// The controls of a message, in the order they are shown.
    #[must_use]
    pub fn controls(&self, ts: &str) -> Vec<Control> {
        let state = self.state();
        let message = state.place_of(ts).and_then(|place| state.messages.get(place));
        let blocks = message.map(|message| message.blocks.clone()).unwrap_or_default();
        drop(state);
        elements(&blocks).map(|(_, element)| control(element)).collect()
    }

    /// What Slack would post if this person used this control: see
    /// [`FakeSlack::click`].
    ///
    /// # Errors
    /// [`ClickError`] if the message does not offer that.
    pub fn interaction(
        &self,
        user: &str,
        ts: &str,
        action: &str,
        choice: Option<&str>,
    ) -> Result<SignedRequest, ClickError> {
        let now = self.now();
        let mut state = self.state();
        let place = state.place_of(ts).ok_or(ClickError::NoMessage)?;
        let message = state.messages[place].clone();
        let person = state.user(user).filter(|_| message.user == user).cloned();
        let person = person.ok_or(ClickError::NotTheirs)?;
        let used = used_control(&message.blocks, action, choice, now)?;
        let payload = block_actions(&mut state, &person, &message, used, now);
        drop(state);
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("payload", &payload.to_string())
            .finish();
        Ok(self.signed("interactive", FORM, form.into_bytes()))
    }

    /// What Slack would post if this person typed `/touchline {text}`.
    #[must_use]
    pub fn command(&self, user: &str, text: &str) -> SignedRequest {
        let now = self.now();
        let mut state = self.state();
        let trigger = issue_trigger(&mut state, now);
        let channel = conversation_id(user);
        drop(state);
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("token", "fake-verification-token"),
                ("team_id", TEAM),
                ("team_domain", "example"),
                ("channel_id", &channel),
                ("channel_name", "directmessage"),
                ("user_id", user),
                ("user_name", user),
                ("command", crate::command::NAME),
                ("text", text),
                ("api_app_id", APP),
                ("is_enterprise_install", "false"),
                ("response_url", "https://hooks.slack.com/commands/fake"),
                ("trigger_id", &trigger),
            ])
            .finish();
        self.signed("commands", FORM, form.into_bytes())
    }

    /// What the Events API would post for this inner event.
    #[must_use]
    pub fn event(&self, event: &Value) -> SignedRequest {
        let now = self.now();
        let id = self.state().next_id();
        let body = json!({
            "type": "event_callback", "token": "fake-verification-token", "team_id": TEAM,
            "api_app_id": APP, "event": event, "event_id": format!("Ev{id:010}"),
            "event_time": now.0 / 1_000,
        });
        self.signed("events", "application/json", body.to_string().into_bytes())
    }

    /// What Slack posts to check an address before it uses it.
    #[must_use]
    pub fn url_verification(&self, challenge: &str) -> SignedRequest {
        let body = json!({
            "type": "url_verification", "token": "fake-verification-token", "challenge": challenge,
        });
        self.signed("events", "application/json", body.to_string().into_bytes())
    }

    /// The signature of a body at a Unix second.
    #[must_use]
    pub fn sign(&self, timestamp_s: i64, body: &[u8]) -> String {
        sign(&self.inner.signing_secret, &timestamp_s.to_string(), body)
    }

    fn signed(&self, kind: &'static str, content_type: &str, body: Vec<u8>) -> SignedRequest {
        let timestamp_s = self.now().0 / 1_000;
        let headers = vec![
            ("content-type".into(), content_type.to_owned()),
            (TIMESTAMP_HEADER.into(), timestamp_s.to_string()),
            (SIGNATURE_HEADER.into(), self.sign(timestamp_s, &body)),
        ];
        SignedRequest { kind, headers, body }
    }
}

/// All elements that can be used, with the id of their block.
fn elements(blocks: &[Value]) -> impl Iterator<Item = (&Value, &Value)> {
    blocks.iter().flat_map(|block| {
        let listed = block.get("elements").and_then(Value::as_array);
        let listed = listed.map_or(&[][..], Vec::as_slice).iter();
        let all = listed.chain(block.get("accessory"));
        all.filter(|element| element.get("action_id").is_some())
            .map(|element| (&block["block_id"], element))
    })
}

fn control(element: &Value) -> Control {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let label = element.pointer("/text/text").or(element.pointer("/placeholder/text"));
    let options = element.get("options").and_then(Value::as_array);
    let choices = options.into_iter().flatten();
    Control {
        action_id: text(element.get("action_id")),
        kind: text(element.get("type")),
        label: text(label),
        choices: choices
            .map(|option| (text(option.get("value")), text(option.pointer("/text/text"))))
            .collect(),
    }
}

/// The entry of `actions` for the control that `action` names: by its whole
/// `action_id`, or by what stands before its `:` if that is only one.
fn used_control(
    blocks: &[Value],
    action: &str,
    choice: Option<&str>,
    now: UnixMs,
) -> Result<Value, ClickError> {
    let id = |element: &Value| element["action_id"].as_str().unwrap_or_default().to_owned();
    let exact = elements(blocks).find(|(_, element)| id(element) == action);
    let alike: Vec<_> = elements(blocks)
        .filter(|(_, element)| id(element).split(':').next() == Some(action))
        .collect();
    let (block_id, element) = match (exact, alike.as_slice()) {
        (Some(found), _) => found,
        (None, [found]) => *found,
        (None, []) => {
            let all = elements(blocks).map(|(_, element)| id(element)).collect();
            return Err(ClickError::NoControl(all));
        }
        (None, several) => {
            return Err(ClickError::Several(several.iter().map(|(_, e)| id(e)).collect()));
        }
    };
    let mut used = json!({
        "type": element["type"], "action_id": element["action_id"], "block_id": block_id,
        "action_ts": format!("{}.{:06}", now.0 / 1_000, now.0 % 1_000 * 1_000),
    });
    for key in ["text", "value", "url", "style", "placeholder"] {
        if let Some(value) = element.get(key) {
            used[key] = value.clone();
        }
    }
    choose(&mut used, element, choice)?;
    Ok(used)
}

fn choose(used: &mut Value, element: &Value, choice: Option<&str>) -> Result<(), ClickError> {
    let offered = control(element);
    match offered.kind.as_str() {
        "datepicker" => {
            let date = choice.and_then(crate::actions::local_date);
            let date = date.ok_or_else(|| ClickError::NoChoice(vec!["YYYY-MM-DD".into()]))?;
            used["selected_date"] = date.into();
        }
        "static_select" | "overflow" | "radio_buttons" => {
            let options = element["options"].as_array();
            let chosen = options.into_iter().flatten().find(|o| o["value"].as_str() == choice);
            let values = offered.choices.into_iter().map(|(value, _)| value);
            let chosen = chosen.ok_or_else(|| ClickError::NoChoice(values.collect()))?;
            used["selected_option"] = chosen.clone();
        }
        _ => {}
    }
    Ok(())
}

fn block_actions(
    state: &mut State,
    person: &FakeUser,
    message: &FakeMessage,
    used: Value,
    now: UnixMs,
) -> Value {
    let name = person.email.split('@').next().unwrap_or_default();
    let mut values = json!({});
    if matches!(used["type"].as_str(), Some("static_select" | "radio_buttons" | "datepicker")) {
        let block = used["block_id"].as_str().unwrap_or_default();
        let action = used["action_id"].as_str().unwrap_or_default();
        values[block][action] = used.clone();
    }
    json!({
        "type": "block_actions",
        "api_app_id": APP,
        "token": "fake-verification-token",
        "team": { "id": TEAM, "domain": "example" },
        "enterprise": null,
        "is_enterprise_install": false,
        "user": { "id": person.id, "username": name, "name": name, "team_id": TEAM },
        "trigger_id": issue_trigger(state, now),
        "response_url": format!("https://hooks.slack.com/actions/{TEAM}/1/fake"),
        "container": {
            "type": "message", "message_ts": message.ts, "channel_id": message.channel,
            "is_ephemeral": false,
        },
        "channel": { "id": message.channel, "name": "directmessage" },
        "message": message_json(message),
        "state": { "values": values },
        "actions": [used],
    })
}
