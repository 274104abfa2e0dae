//! What a stored request of Slack says.

use serde_json::Value;
use touchline_kit::{Answer, AnswerAction, ConnectionEvent, Inbound, StoredRequest, Undecodable};
use touchline_rules::UnixMs;

use crate::actions::{self, Click};
use crate::command::{Command, NAME};
use crate::payload::Payload;

/// The most actions one interaction may hold: one message has room for no more
/// controls in an actions block.
pub const ACTIONS_MAX: usize = 25;
/// The longest name of a vendor's type that is repeated in what an admin reads.
const NAME_MAX_CHARS: usize = 80;

type Decoded = Result<Inbound, Undecodable>;

/// Reads a stored request; see [`touchline_kit::Connector::decode`].
#[must_use]
pub fn decode(request: &StoredRequest) -> Vec<Decoded> {
    let content_type = request.headers.iter().find(|(name, _)| name == "content-type");
    let payload = Payload::of(content_type.map(|(_, value)| value.as_str()), &request.body);
    if let Payload::Json(json) = &payload {
        return vec![match json {
            Some(json) => event(json),
            None => spoiled(None, "the body is neither a form nor valid JSON"),
        }];
    }
    if let Some(text) = payload.field("payload") {
        return match serde_json::from_str::<Value>(&text) {
            Ok(json) => interaction(&json, request.received_at),
            Err(_) => vec![spoiled(None, "the form's payload is not valid JSON")],
        };
    }
    vec![command(&payload, request.received_at)]
}

fn spoiled(index: Option<usize>, reason: &str) -> Decoded {
    Err(Undecodable { index, reason: reason.to_owned() })
}

fn ignored(what: &str, name: &str) -> Decoded {
    let name: String = name.chars().filter(|c| !c.is_control()).take(NAME_MAX_CHARS).collect();
    Ok(Inbound::Ignored { what: format!("{what} {name}") })
}

fn text<'a>(json: &'a Value, key: &str) -> Option<&'a str> {
    json.get(key)?.as_str().filter(|text| !text.is_empty())
}

fn interaction(json: &Value, received_at: UnixMs) -> Vec<Decoded> {
    match text(json, "type") {
        Some("block_actions") => block_actions(json, received_at),
        Some(other) => vec![ignored("interaction", other)],
        None => vec![spoiled(None, "the interaction has no type")],
    }
}

fn block_actions(json: &Value, received_at: UnixMs) -> Vec<Decoded> {
    let user = json.get("user").and_then(|user| text(user, "id"));
    let Some(user) = user else {
        return vec![spoiled(None, "the interaction does not say whose click it was (user.id)")];
    };
    let Some(actions) = json.get("actions").and_then(Value::as_array) else {
        return vec![spoiled(None, "the interaction has no list of actions")];
    };
    let read = actions.iter().enumerate().take(ACTIONS_MAX);
    let mut decoded: Vec<_> =
        read.map(|(index, action)| one_action(index, action, user, received_at)).collect();
    if actions.len() > ACTIONS_MAX {
        decoded.push(spoiled(Some(ACTIONS_MAX), "more than 25 actions in one interaction"));
    }
    decoded
}

fn one_action(index: usize, action: &Value, user: &str, received_at: UnixMs) -> Decoded {
    let Some(action_id) = text(action, "action_id") else {
        return spoiled(Some(index), "an action has no action_id");
    };
    match actions::read(action_id, choice(action)) {
        Ok(Click::Answer { nudge_id, action: chosen }) => Ok(Inbound::Answer(Answer {
            nudge_id: Some(nudge_id),
            vendor_user_id: user.to_owned(),
            action: chosen,
            at: text(action, "action_ts").and_then(instant).unwrap_or(received_at),
        })),
        Ok(Click::Link) => ignored("click", "on a link"),
        Ok(Click::Foreign) => ignored("click", "on a control that is not Touchline's"),
        Err(reason) => spoiled(Some(index), &reason),
    }
}

/// What was chosen: of a menu (static select, overflow, radio buttons) or a
/// date picker. A button has no choice.
fn choice(action: &Value) -> Option<&str> {
    match text(action, "type")? {
        "static_select" | "overflow" | "radio_buttons" => {
            action.get("selected_option").and_then(|option| text(option, "value"))
        }
        "datepicker" => text(action, "selected_date"),
        _ => None,
    }
}

/// A Slack time stamp, Unix seconds with a fraction (`1503435956.000247`).
fn instant(ts: &str) -> Option<UnixMs> {
    let (seconds, fraction) = ts.split_once('.').unwrap_or((ts, ""));
    if !seconds.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let ms: String = fraction.chars().chain("000".chars()).take(3).collect();
    let at_ms = seconds.parse::<i64>().ok()?.checked_mul(1_000)?.checked_add(ms.parse().ok()?)?;
    (at_ms <= UnixMs::MAX.0).then_some(UnixMs(at_ms))
}

fn event(json: &Value) -> Decoded {
    match text(json, "type") {
        Some("event_callback") => {}
        Some(other) => return ignored("event", other),
        None => return spoiled(None, "the event has no type"),
    }
    let Some(event) = json.get("event") else {
        return spoiled(None, "the event callback has no event");
    };
    match text(event, "type") {
        Some("app_uninstalled") => Ok(revoked("app_uninstalled")),
        // Tokens of people are revoked too; only the bot's is ours.
        Some("tokens_revoked") if names_a_bot(event) => Ok(revoked("tokens_revoked")),
        Some(other) => ignored("event", other),
        None => spoiled(None, "the event callback's event has no type"),
    }
}

fn names_a_bot(event: &Value) -> bool {
    let bots = event.pointer("/tokens/bot").and_then(Value::as_array);
    bots.is_some_and(|bots| !bots.is_empty())
}

fn revoked(reason: &str) -> Inbound {
    Inbound::Connection(ConnectionEvent::Revoked { reason: reason.to_owned() })
}

fn command(payload: &Payload, received_at: UnixMs) -> Decoded {
    let Some(name) = payload.field("command") else {
        return spoiled(None, "the form holds neither a payload nor a command");
    };
    if name != NAME {
        return ignored("command", &name);
    }
    let Some(user) = payload.field("user_id").filter(|user| !user.is_empty()) else {
        return spoiled(None, "the command does not say who typed it (user_id)");
    };
    let action = match Command::read(&payload.field("text").unwrap_or_default()) {
        Command::Pause(pause) => AnswerAction::Pause(pause),
        Command::Resume => AnswerAction::Resume,
        Command::Choose(choice) => AnswerAction::Choose(choice),
        Command::Show => AnswerAction::ShowSettings,
        Command::Spared => AnswerAction::ShowSpared,
        Command::Help => return ignored("command", "help"),
        Command::NotUnderstood => return ignored("command", "not understood"),
    };
    Ok(Inbound::Answer(Answer { nudge_id: None, vendor_user_id: user, action, at: received_at }))
}

#[cfg(test)]
mod tests;
