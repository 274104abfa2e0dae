//! What a delivery is about: its items, and the names under which it is stored.

use serde::{Deserialize, Serialize};
use touchline_rules::UnixMs;
use touchline_rules::attention::{SendAs, Sent};
use touchline_rules::engine::delivery_id;
use touchline_rules::facts::DealKey;

use crate::store::{DeliveryRow, DeliveryState};

/// The channel of messages in chat.
pub const CHAT: &str = "chat";
/// The channel of the introduction in chat.
pub const HELLO: &str = "hello";
/// The channel of tasks in a CRM.
pub const TASK: &str = "task";
/// The channel of notes in a CRM.
pub const NOTE: &str = "note";

/// The channel of the weekly list of what was not sent.
pub const WEEKLY: &str = "weekly";
/// The channel of what waits for an admin.
pub const NOTICE: &str = "notice";
/// The channel of an answer to what somebody asked of themselves.
pub const REPLY: &str = "reply";
/// The channel of what the owner of a rule is told of it.
pub const RULE_NOTICE: &str = "rule_notice";
/// The channels of letters: messages without nudges, which no limit counts.
pub const LETTERS: [&str; 4] = [WEEKLY, NOTICE, REPLY, RULE_NOTICE];

/// The form of a message of its own.
pub const INTERRUPT: &str = "interrupt";
/// The form of a digest.
pub const DIGEST: &str = "digest";

/// What is kept of a delivery beside its columns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryBody {
    /// The digest time it is for; `None` for what is no digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<UnixMs>,
    /// Its nudges as attention saw them.
    pub items: Vec<Item>,
    /// What a letter says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub letter: Option<Letter>,
}

/// A heading and lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// The heading.
    pub title: String,
    /// One line each.
    pub lines: Vec<String>,
}

/// One nudge of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The nudge.
    pub nudge_id: String,
    /// The rule that made it.
    #[serde(default)]
    pub rule: String,
    /// The deal it is about.
    pub deal: Option<DealKey>,
    /// Whether it is about something that had just happened.
    pub is_event: bool,
    /// From then on it is not sent.
    pub expires_at: UnixMs,
}

impl DeliveryBody {
    /// As stored; one that cannot be read has no items.
    #[must_use]
    pub fn read(row: &DeliveryRow) -> DeliveryBody {
        serde_json::from_slice(&row.body).unwrap_or_default()
    }

    /// As it is stored.
    ///
    /// # Errors
    /// When it cannot be put into words: it must not be stored then.
    pub fn bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

/// The id of a nudge's message in chat. One that was asked for again by a
/// snooze is another message.
#[must_use]
pub fn chat_id(nudge_id: &str, connection: &str, snoozed_until: Option<UnixMs>) -> String {
    match snoozed_until {
        None => delivery_id(nudge_id, connection, CHAT),
        Some(until) => delivery_id(nudge_id, connection, &format!("{CHAT} {}", until.0)),
    }
}

/// The id of the digest of one slot with these nudges. They are part of it,
/// because a slot whose first digest came to nothing may see another.
#[must_use]
pub fn digest_id(person: &str, slot: UnixMs, connection: &str, nudges: &[String]) -> String {
    let what = format!("{person} {}", nudges.join(" "));
    delivery_id(&what, connection, &format!("{DIGEST} {}", slot.0))
}

/// The id of the hello to a person; `before` is one that came to nothing.
#[must_use]
pub fn hello_id(person: &str, connection: &str, before: Option<&str>) -> String {
    delivery_id(before.unwrap_or(person), connection, HELLO)
}

/// What was claimed for sending or waits for it, as attention counts it. A
/// nudge that also became a CRM task counts once, as the message.
#[must_use]
pub fn log(recent: &[(DeliveryRow, Vec<String>)], now: UnixMs) -> Vec<Sent> {
    let counts = |row: &DeliveryRow| match row.state {
        DeliveryState::Dropped | DeliveryState::Failed => false,
        _ => !matches!(row.channel.as_str(), HELLO),
    };
    let in_chat = |nudge_id: &String| {
        let chat = recent.iter().filter(|(row, _)| row.channel == CHAT && counts(row));
        chat.into_iter().any(|(_, nudges)| nudges.contains(nudge_id))
    };
    let mut log = Vec::new();
    for (row, carries) in recent.iter().filter(|(row, _)| counts(row)) {
        let body = DeliveryBody::read(row);
        let sent_as = body.slot.map_or(SendAs::Interrupt, |slot| SendAs::Digest { slot });
        for item in body.items {
            let also_in_chat = row.channel != CHAT && in_chat(&item.nudge_id);
            if carries.contains(&item.nudge_id) && !also_in_chat {
                log.push(Sent {
                    // One that waits will be charged when it is claimed: no
                    // earlier than now.
                    at: row.spent_at.unwrap_or(now),
                    nudge_id: item.nudge_id,
                    deal: item.deal,
                    is_event: item.is_event,
                    sent_as,
                });
            }
        }
    }
    log
}
