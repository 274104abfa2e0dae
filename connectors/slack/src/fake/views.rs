//! `views.open` and `views.publish`, with single-use triggers.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use touchline_rules::UnixMs;
use touchline_rules::time::SECOND_MS;

use super::answer::{Answer, ApiError};
use super::chat::check_blocks;
use super::params::Params;
use super::state::{APP, State, TEAM};
use crate::block_limits::VIEW_BLOCKS_MAX;

const TRIGGER_LIFE_MS: i64 = 3 * SECOND_MS;
const TRIGGERS_MAX: usize = 10_000;
const VIEW_MAX_BYTES: usize = 250_000;
const TITLE_MAX_CHARS: usize = 24;

#[derive(Default)]
pub(super) struct Views {
    triggers: BTreeMap<String, Trigger>,
    homes: BTreeMap<String, String>,
}

struct Trigger {
    issued_at: UnixMs,
    used: bool,
}

/// A trigger as an interaction carries it: for one use within 3 seconds.
pub(super) fn issue_trigger(state: &mut State, now: UnixMs) -> String {
    let id = format!("{}.{}.fake", state.next_id(), now.0);
    if state.views.triggers.len() >= TRIGGERS_MAX {
        state.views.triggers.retain(|_, t| now.since_ms(t.issued_at) <= TRIGGER_LIFE_MS);
    }
    state.views.triggers.insert(id.clone(), Trigger { issued_at: now, used: false });
    id
}

pub(super) fn open(state: &mut State, params: &Params, now: UnixMs) -> Answer {
    let id = params.required("trigger_id", "invalid_arguments")?;
    let view = view_of(params, "modal")?;
    let title = view.pointer("/title/text").and_then(Value::as_str).unwrap_or_default();
    if title.is_empty() || title.chars().count() > TITLE_MAX_CHARS {
        return Err("invalid_arguments".into());
    }
    let trigger = state.views.triggers.get_mut(&id);
    let trigger = trigger.ok_or_else(|| ApiError::from("invalid_trigger_id"))?;
    if trigger.used {
        return Err("exchanged_trigger_id".into());
    }
    if now.since_ms(trigger.issued_at) > TRIGGER_LIFE_MS {
        return Err("expired_trigger_id".into());
    }
    trigger.used = true;
    Ok(shown(state, view).1)
}

pub(super) fn publish(state: &mut State, params: &Params) -> Answer {
    let user = params.required("user_id", "invalid_arguments")?;
    let view = view_of(params, "home")?;
    if state.user(&user).is_none() {
        return Err("user_not_found".into());
    }
    let given = params.text("hash");
    if given.is_some() && given.as_ref() != state.views.homes.get(&user) {
        return Err("hash_conflict".into());
    }
    let (hash, answer) = shown(state, view);
    state.views.homes.insert(user, hash);
    Ok(answer)
}

fn view_of(params: &Params, kind: &str) -> Result<Value, ApiError> {
    let Some(Some(view)) = params.nested("view") else { return Err("invalid_arguments".into()) };
    if view.to_string().len() > VIEW_MAX_BYTES {
        return Err("view_too_large".into());
    }
    if view.get("type").and_then(Value::as_str) != Some(kind) {
        return Err("invalid_arguments".into());
    }
    let blocks = view.get("blocks").and_then(Value::as_array);
    let blocks = blocks.ok_or_else(|| ApiError::from("invalid_arguments"))?;
    check_blocks(blocks, VIEW_BLOCKS_MAX)?;
    Ok(view)
}

fn shown(state: &mut State, mut view: Value) -> (String, Value) {
    let id = state.next_id();
    let hash = format!("{id}.fakehash");
    view["id"] = format!("V{id}").into();
    view["hash"] = hash.clone().into();
    view["team_id"] = TEAM.into();
    view["app_id"] = APP.into();
    (hash, json!({ "ok": true, "view": view }))
}
