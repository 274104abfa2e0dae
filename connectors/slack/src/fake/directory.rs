//! Who is there: `auth.test`, `users.*`, `conversations.open`.

use serde_json::{Value, json};

use super::FakeUser;
use super::answer::{Answer, ApiError};
use super::params::Params;
use super::state::{BOT, BOT_USER, State, TEAM};

pub(super) fn auth_test(state: &State) -> Answer {
    Ok(json!({
        "ok": true, "url": "https://example.slack.com/", "team": state.team, "team_id": TEAM,
        "user": "touchline", "user_id": BOT_USER, "bot_id": BOT, "is_enterprise_install": false,
    }))
}

pub(super) fn lookup_by_email(state: &State, params: &Params) -> Answer {
    let email = params.required("email", "invalid_arguments")?;
    let found = state.users.iter().find(|user| user.email.eq_ignore_ascii_case(&email));
    let user = found.ok_or_else(|| ApiError::from("users_not_found"))?;
    Ok(json!({ "ok": true, "user": user_json(user) }))
}

pub(super) fn user_info(state: &State, params: &Params) -> Answer {
    let id = params.required("user", "user_not_found")?;
    let user = state.user(&id).ok_or_else(|| ApiError::from("user_not_found"))?;
    Ok(json!({ "ok": true, "user": user_json(user) }))
}

pub(super) fn user_json(user: &FakeUser) -> Value {
    let name = user.email.split('@').next().unwrap_or_default();
    json!({
        "id": user.id, "team_id": TEAM, "name": name, "real_name": user.name,
        "deleted": user.deleted, "is_bot": false, "tz": user.tz,
        "profile": { "email": user.email, "real_name": user.name, "display_name": name },
    })
}

pub(super) fn open_conversation(state: &mut State, params: &Params) -> Answer {
    let users = params.required("users", "users_list_not_supplied")?;
    let user = state.user(&users).ok_or_else(|| ApiError::from("user_not_found"))?;
    if user.deleted {
        return Err("user_disabled".into());
    }
    let already_open = state.conversations.contains_key(&conversation_id(&users));
    let channel = conversation_of(state, &users);
    Ok(json!({
        "ok": true, "no_op": already_open, "already_open": already_open,
        "channel": { "id": channel },
    }))
}

/// The direct message with a person, opened if need be.
pub(super) fn conversation_of(state: &mut State, user: &str) -> String {
    let id = conversation_id(user);
    state.conversations.insert(id.clone(), user.to_owned());
    id
}

/// The id of the direct message behind a `U…` or `D…` id.
pub(super) fn conversation_id(id: &str) -> String {
    id.strip_prefix('U').map_or_else(|| id.to_owned(), |rest| format!("D{rest}"))
}
