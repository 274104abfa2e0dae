//! `chat.*`: posting and editing.

use serde_json::{Value, json};
use touchline_rules::UnixMs;

use super::FakeUser;
use super::answer::{Answer, ApiError};
use super::directory::conversation_of;
use super::message::FakeMessage;
use super::params::Params;
use super::state::{APP, BOT, BOT_USER, MESSAGES_MAX, State, TEAM};
use crate::block_limits::{BLOCKS_JSON_MAX_CHARS, MESSAGE_BLOCKS_MAX, TEXT_MAX_CHARS, check};

pub(super) fn post_message(state: &mut State, params: &Params, now: UnixMs) -> Answer {
    let channel = params.required("channel", "channel_not_found")?;
    let user = recipient(state, &channel)?;
    let (text, blocks) = content(params)?;
    let metadata = metadata(params)?;
    let blocks = blocks.unwrap_or_default();
    if text.is_none() && blocks.is_empty() {
        return Err("no_text".into());
    }
    if state.messages.len() >= MESSAGES_MAX {
        return Err("fatal_error".into());
    }
    let ts = put(state, &user, &text.unwrap_or_default(), blocks, now);
    let message = state.messages.last_mut().ok_or_else(|| ApiError::from("fatal_error"))?;
    message.metadata = metadata;
    Ok(json!({
        "ok": true, "channel": message.channel, "ts": ts, "message": message_json(message),
    }))
}

/// `chat.update`. Text without blocks takes the blocks away; neither keeps
/// them, and is refused.
pub(super) fn update(state: &mut State, params: &Params, now: UnixMs) -> Answer {
    let channel = params.required("channel", "channel_not_found")?;
    let ts = params.required("ts", "message_not_found")?;
    if !state.conversations.contains_key(&channel) {
        return Err("channel_not_found".into());
    }
    let (text, blocks) = content(params)?;
    if text.is_none() && blocks.is_none() {
        return Err("no_text".into());
    }
    let blocks = with_ids(state, blocks.unwrap_or_default());
    let place = state.place_of(&ts).filter(|place| state.messages[*place].channel == channel);
    let place = place.ok_or_else(|| ApiError::from("message_not_found"))?;
    let message = &mut state.messages[place];
    message.edit(text.unwrap_or_default(), blocks, now);
    let answer = json!({
        "ok": true, "channel": channel, "ts": ts, "text": message.text,
        "message": message_json(message),
    });
    state.edited.push(place);
    Ok(answer)
}

/// `chat.postEphemeral`: checked and shown to nobody afterwards.
pub(super) fn post_ephemeral(state: &mut State, params: &Params, now: UnixMs) -> Answer {
    let channel = params.required("channel", "channel_not_found")?;
    let owner = recipient(state, &channel)?;
    if params.required("user", "user_not_in_channel")? != owner.id {
        return Err("user_not_in_channel".into());
    }
    let (text, blocks) = content(params)?;
    if text.is_none() && blocks.is_none_or(|blocks| blocks.is_empty()) {
        return Err("no_text".into());
    }
    Ok(json!({ "ok": true, "message_ts": state.next_ts(now) }))
}

/// A message as Slack shows it in answers and interactions.
pub(super) fn message_json(message: &FakeMessage) -> Value {
    let mut json = json!({
        "type": "message", "user": BOT_USER, "bot_id": BOT, "app_id": APP, "team": TEAM,
        "ts": message.ts, "text": message.text, "blocks": message.blocks,
    });
    if let Some(metadata) = &message.metadata {
        json["metadata"] = metadata.clone();
    }
    if message.edits > 0 {
        json["edited"] = json!({ "user": BOT, "ts": message.ts });
    }
    json
}

/// A message that appears without a call.
pub(super) fn put(
    state: &mut State,
    user: &FakeUser,
    text: &str,
    blocks: Vec<Value>,
    now: UnixMs,
) -> String {
    let message = FakeMessage {
        channel: conversation_of(state, &user.id),
        user: user.id.clone(),
        user_name: user.name.clone(),
        ts: state.next_ts(now),
        text: text.to_owned(),
        blocks: with_ids(state, blocks),
        metadata: None,
        posted_at: now,
        edited_at: None,
        edits: 0,
        history: Vec::new(),
    };
    let ts = message.ts.clone();
    state.messages.push(message);
    ts
}

/// The person behind a `U…` id, or behind the `D…` id of an open conversation.
fn recipient(state: &State, channel: &str) -> Result<FakeUser, ApiError> {
    let id = state.conversations.get(channel).map_or(channel, String::as_str);
    let user = state.user(id).filter(|user| !user.deleted);
    user.cloned().ok_or_else(|| "channel_not_found".into())
}

type Content = (Option<String>, Option<Vec<Value>>);

fn content(params: &Params) -> Result<Content, ApiError> {
    let text = params.text("text");
    if text.as_ref().is_some_and(|text| text.chars().count() > TEXT_MAX_CHARS) {
        return Err("msg_too_long".into());
    }
    let blocks = match params.nested("blocks") {
        None => None,
        Some(Some(Value::Array(blocks))) => Some(blocks),
        Some(_) => return Err("invalid_blocks_format".into()),
    };
    if let Some(blocks) = &blocks {
        check_blocks(blocks, MESSAGE_BLOCKS_MAX)?;
        let json = Value::from(blocks.clone()).to_string();
        if json.chars().count() > BLOCKS_JSON_MAX_CHARS {
            return Err("msg_blocks_too_long".into());
        }
    }
    Ok((text, blocks))
}

pub(super) fn check_blocks(blocks: &[Value], blocks_max: usize) -> Result<(), ApiError> {
    let problems = check(blocks, blocks_max);
    if problems.is_empty() {
        return Ok(());
    }
    Err(ApiError::from("invalid_blocks").with("response_metadata", json!({ "messages": problems })))
}

fn metadata(params: &Params) -> Result<Option<Value>, ApiError> {
    match params.nested("metadata") {
        None => Ok(None),
        Some(Some(metadata))
            if metadata["event_type"].is_string() && metadata["event_payload"].is_object() =>
        {
            Ok(Some(metadata))
        }
        Some(_) => Err("invalid_metadata_format".into()),
    }
}

/// Slack names the blocks that have no `block_id`.
fn with_ids(state: &mut State, mut blocks: Vec<Value>) -> Vec<Value> {
    for block in blocks.iter_mut().filter_map(Value::as_object_mut) {
        if !block.contains_key("block_id") {
            block.insert("block_id".into(), format!("fake{}", state.next_id()).into());
        }
    }
    blocks
}
