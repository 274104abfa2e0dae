//! The people that nudges are for, as attention sees them.

use touchline_rules::UnixMs;
use touchline_rules::attention::{PersonalChoice, Policy, Reason, Recipient, Sending, Sent};

use super::people::{ChatStatus, Person};
use super::settings::SendingTo;
use crate::service::Service;
use crate::store::{PreferenceKind, PreferenceRow};

/// The key of the stricter limits that somebody chose for themselves.
pub const LIMITS: &str = "attention";

/// A person as attention sees them, with what they chose and what was sent.
#[must_use]
pub fn reader(
    service: &Service,
    to: &SendingTo,
    email: &str,
    preferences: &[PreferenceRow],
    log: Vec<Sent>,
) -> Recipient {
    let person = service.people.get(email);
    let mut reader = Recipient {
        person: email.to_owned(),
        calendar: service.people.calendar_of(Some(email), &service.account()),
        in_pilot: to.pilot.iter().any(|member| member == email),
        first_nudge_at: person.and_then(|person| person.first_nudge_at),
        muted_rules: std::collections::BTreeSet::new(),
        paused_until: None,
        snoozed: std::collections::BTreeMap::new(),
        choice: PersonalChoice::default(),
        log,
    };
    for preference in preferences.iter().filter(|one| one.person == email) {
        let PreferenceRow { key, until, body, .. } = preference;
        match preference.kind {
            PreferenceKind::Mute => drop(reader.muted_rules.insert(key.clone())),
            PreferenceKind::Pause => reader.paused_until = reader.paused_until.max(Some(*until)),
            PreferenceKind::Snooze => drop(reader.snoozed.insert(key.clone(), *until)),
            PreferenceKind::Limit if key == LIMITS => {
                reader.choice = serde_json::from_slice(body).unwrap_or_default();
            }
            PreferenceKind::Limit => {}
        }
    }
    reader.calendar = reader.choice.calendar(reader.calendar);
    reader
}

/// Whether this reader is sent anything at all; if not, the ledger's word.
#[must_use]
pub fn unsent(policy: &Policy, reader: &Recipient) -> Option<&'static str> {
    match policy.sending {
        Sending::Off => Some(Reason::SendingOff.name()),
        Sending::Pilot if !reader.in_pilot => Some(Reason::NotInPilot.name()),
        Sending::Pilot | Sending::Everyone => None,
    }
}

/// How a person can be reached in a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// There they are.
    Found(touchline_kit::ChatPerson),
    /// The chat knows nobody of that address, as of this instant.
    Missing(UnixMs),
    /// Nobody has looked yet.
    Unlooked,
}

/// How `person` can be reached by the chat connection of that slug.
#[must_use]
pub fn reach(person: Option<&Person>, chat: &str) -> Reach {
    match person.map(|person| &person.chat) {
        Some(ChatStatus::Found { connection, person }) if connection == chat => {
            Reach::Found(person.clone())
        }
        Some(ChatStatus::Missing { at }) => Reach::Missing(*at),
        _ => Reach::Unlooked,
    }
}
