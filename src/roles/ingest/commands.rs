//! Commands: what somebody typed about themselves. There is no message to edit, and
//! each had its own short reply when it was received.

use touchline_kit::{Answer, AnswerAction};
use touchline_rules::attention::{Choice, PersonalChoice};
use touchline_rules::{Calendar, UnixMs};

use super::answers::{meaning, preference};
use crate::coaching::readers::LIMITS;
use crate::roles::batching::Batching;
use crate::roles::letters::{LETTER, of_settings, of_spared};
use crate::store::{NewWork, PreferenceKind, PreferenceRow, WorkKey};

/// Who typed.
pub(super) struct Asking<'a> {
    pub(super) person: &'a str,
    pub(super) calendar: &'a Calendar,
    /// What they had chosen before this batch, where they choose something in it.
    pub(super) choice: Option<&'a Vec<PreferenceRow>>,
}

/// Does what was typed.
pub(super) fn apply(
    answer: &Answer,
    asking: &Asking<'_>,
    received_at: UnixMs,
    batching: &mut Batching<'_>,
) {
    let person = asking.person;
    match &answer.action {
        AnswerAction::Resume => clear(person, PreferenceKind::Pause, "", batching),
        AnswerAction::Choose(choice) => choose(choice, asking, batching),
        AnswerAction::ShowSettings => ask(of_settings(person), &answer.at, batching),
        AnswerAction::ShowSpared => ask(of_spared(person), &answer.at, batching),
        action => {
            let meaning = meaning(action, "", answer.at.min(received_at), asking.calendar);
            let Some(until) = meaning.pause_until else {
                batching.count("answers_unknown", 1);
                return;
            };
            put(preference(person, PreferenceKind::Pause, "", until), batching);
        }
    }
    batching.count("answers", 1);
}

fn choose(choice: &Choice, asking: &Asking<'_>, batching: &mut Batching<'_>) {
    let person = asking.person;
    let muted = asking.choice.into_iter().flatten().filter(|row| row.kind == PreferenceKind::Mute);
    match choice {
        Choice::Mute(rule) => {
            put(preference(person, PreferenceKind::Mute, rule, UnixMs::MAX), batching);
        }
        Choice::Unmute(rule) => clear(person, PreferenceKind::Mute, rule, batching),
        Choice::Clear => {
            for row in muted {
                clear(person, PreferenceKind::Mute, &row.key, batching);
            }
            let made_here = batching.batch.preferences.iter();
            let made_here =
                made_here.filter(|row| row.person == person && row.kind == PreferenceKind::Mute);
            for rule in made_here.map(|row| row.key.clone()).collect::<Vec<_>>() {
                clear(person, PreferenceKind::Mute, &rule, batching);
            }
            clear(person, PreferenceKind::Limit, LIMITS, batching);
        }
        other => {
            let made = other.made(chosen(asking, batching));
            let body = batching.written(&made);
            let kind = PreferenceKind::Limit;
            put(PreferenceRow { body, ..preference(person, kind, LIMITS, UnixMs::MAX) }, batching);
        }
    }
}

/// What the person has chosen by now: in this batch, or before it.
fn chosen(asking: &Asking<'_>, batching: &Batching<'_>) -> PersonalChoice {
    let is_theirs = |row: &&PreferenceRow| {
        row.person == asking.person && row.kind == PreferenceKind::Limit && row.key == LIMITS
    };
    let is_cleared = batching.batch.preferences_cleared.iter().any(|(person, kind, key)| {
        person == asking.person && *kind == PreferenceKind::Limit && key == LIMITS
    });
    let before = || asking.choice.into_iter().flatten().find(is_theirs).filter(|_| !is_cleared);
    let now = batching.batch.preferences.iter().rfind(is_theirs).or_else(before);
    now.and_then(|row| serde_json::from_slice(&row.body).ok()).unwrap_or_default()
}

/// The later of two words in one batch counts.
fn put(row: PreferenceRow, batching: &mut Batching<'_>) {
    let batch = &mut batching.batch;
    let same = |(person, kind, key): &(String, PreferenceKind, String)| {
        (person, kind, key) == (&row.person, &row.kind, &row.key)
    };
    batch.preferences_cleared.retain(|cleared| !same(cleared));
    batch.preferences.push(row);
}

fn clear(person: &str, kind: PreferenceKind, key: &str, batching: &mut Batching<'_>) {
    let batch = &mut batching.batch;
    batch.preferences.retain(|row| row.person != person || row.kind != kind || row.key != key);
    batch.preferences_cleared.push((person.to_owned(), kind, key.to_owned()));
}

fn ask(key: String, at: &UnixMs, batching: &mut Batching<'_>) {
    let Some(chat) = batching.chat() else { return };
    let key = WorkKey { kind: LETTER.to_owned(), connection: chat, key };
    // Asked twice at different times, it is answered twice.
    batching.batch.work.push(NewWork { key, next_at: *at, body: Vec::new() });
}
