//! What a stored request turns out to say.

use serde::{Deserialize, Serialize};
use touchline_rules::UnixMs;
use touchline_rules::attention::Choice;
use touchline_rules::facts::{Change, Observation};

use crate::contract::ActivityRef;

/// One decoded piece of news.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inbound {
    /// A deal moved.
    Change(Change),
    /// A whole record was read.
    Observation(Observation),
    /// An activity was made or changed, but the vendor told only its id: it
    /// has to be fetched.
    Activity(ActivityRef),
    /// A person answered a nudge.
    Answer(Answer),
    /// The connection itself changed.
    Connection(ConnectionEvent),
    /// Authentic and understood, but of no interest here (an unsubscribed
    /// object type). Counted, so that an admin sees traffic to switch off.
    Ignored {
        /// What it was.
        what: String,
    },
}

/// An authentic piece of a request that made no sense. It spoils itself only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Undecodable {
    /// Its place in the request, counted from 0; `None` for the whole body.
    pub index: Option<usize>,
    /// What was wrong, without quoting field values.
    pub reason: String,
}

/// What a person clicked on a nudge or typed to us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The nudge it is about, where it is about one.
    pub nudge_id: Option<String>,
    /// The vendor's id of the person.
    pub vendor_user_id: String,
    /// What was chosen.
    pub action: AnswerAction,
    /// When, by the vendor's clock or else by arrival.
    pub at: UnixMs,
}

/// What can be chosen on a nudge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerAction {
    /// "Done".
    Done,
    /// "Snooze": 1 day, 3 days or 7 days (next week).
    Snooze {
        /// Days from now.
        days: u8,
    },
    /// "Not helpful" was opened: ask for the reason.
    AskReason,
    /// "Not helpful", with the reason.
    NotHelpful(NotHelpful),
    /// "Why am I seeing this": show it.
    ShowWhy,
    /// "Show the answer" to the lesson's question.
    ShowAnswers,
    /// Back from a question or from the explanation to the nudge itself.
    ShowNudge,
    /// "Mute this tip".
    MuteRule,
    /// "Pause me until…" was opened: ask for the date.
    AskUntil,
    /// "Pause me".
    Pause(PauseFor),
    /// "End my pause".
    Resume,
    /// A standing choice about what reaches this person.
    Choose(Choice),
    /// "Show me my settings": answered by a message to the person.
    ShowSettings,
    /// "Show me what you did not bother me with": answered by a message to the person.
    ShowSpared,
}

/// Why a nudge was not helpful.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotHelpful {
    /// I had done it already.
    AlreadyDone,
    /// It is not true of this deal.
    NotTrueHere,
    /// Right, but not now.
    NotNow,
    /// Stop this tip: also mutes the rule for this person.
    StopThisTip,
}

/// How long a person wants to hear nothing. Ends at midnight in their own zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseFor {
    /// The rest of today.
    Today,
    /// Until Monday.
    ThisWeek,
    /// Until the start of this local date, `YYYY-MM-DD`.
    Until(String),
}

/// Something happened to the connection itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionEvent {
    /// Access was taken away; calls will fail until it is connected again.
    Revoked {
        /// What the vendor said.
        reason: String,
    },
    /// The vendor asks to erase what is held about one of its records.
    PrivacyDeletion {
        /// The vendor's object type.
        object_type: String,
        /// The vendor's id.
        object_id: String,
    },
}
