//! Why a nudge waits or is never sent, as names for rows and interfaces and as
//! sentences for its reader.

use serde::{Deserialize, Serialize};

/// What a deferred nudge waits for.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Its own time has not come.
    NotDue,
    /// The reader snoozed it.
    Snoozed,
    /// The reader paused everything.
    Paused,
    /// A day off.
    DayOff,
    /// Quiet hours.
    QuietHours,
    /// The next digest.
    DigestTime,
    /// The reader wants digests only.
    DigestOnly,
    /// The day's interruptions are used up.
    Budget,
    /// Another nudge about the deal was sent a short time ago.
    Spacing,
    /// The digest had no place left.
    DigestFull,
}

impl Why {
    /// Every value, in declaration order.
    pub const ALL: [Why; 10] = [
        Why::NotDue,
        Why::Snoozed,
        Why::Paused,
        Why::DayOff,
        Why::QuietHours,
        Why::DigestTime,
        Why::DigestOnly,
        Why::Budget,
        Why::Spacing,
        Why::DigestFull,
    ];

    /// The stable name for rows and interfaces.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Why::NotDue => "not_due",
            Why::Snoozed => "snoozed",
            Why::Paused => "paused",
            Why::DayOff => "day_off",
            Why::QuietHours => "quiet_hours",
            Why::DigestTime => "digest_time",
            Why::DigestOnly => "digest_only",
            Why::Budget => "budget",
            Why::Spacing => "spacing",
            Why::DigestFull => "digest_full",
        }
    }

    /// One sentence for the reader of the nudge.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Why::NotDue => "It is not time for this one yet.",
            Why::Snoozed => "You snoozed this one.",
            Why::Paused => "You paused everything; this one waits until you are back.",
            Why::DayOff => "This is a day off for you; this one waits for your next working day.",
            Why::QuietHours => "These are your quiet hours; this one waits until they end.",
            Why::DigestTime => "This one waits for your next digest.",
            Why::DigestOnly => "You asked for digests only; this one went to your digest.",
            Why::Budget => {
                "You had enough interruptions already today; this one went to your digest."
            }
            Why::Spacing => {
                "You heard about this deal a short time ago; this one waits for a later digest."
            }
            Why::DigestFull => {
                "Your digest was full of more important things; this one waits for the next."
            }
        }
    }
}

/// Why a nudge is never sent.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Sending was off.
    SendingOff,
    /// Only the pilot is sent anything, and the person is not in it.
    NotInPilot,
    /// The person muted the rule.
    Muted,
    /// The person's pause outlasted it.
    Paused,
    /// The event was too old.
    Stale,
    /// Its time was over.
    Expired,
    /// No interruption was left, and no digest came in time.
    Budget,
    /// The deal had been spoken of, and no digest came late enough in time.
    Spacing,
    /// No digest had a place in time.
    DigestFull,
    /// The person gets no digests.
    NoDigest,
    /// Its rule speaks on the deal's card only: kept for it, and not pushed.
    CardOnly,
}

impl Reason {
    /// Every value, in declaration order.
    pub const ALL: [Reason; 11] = [
        Reason::SendingOff,
        Reason::NotInPilot,
        Reason::Muted,
        Reason::Paused,
        Reason::Stale,
        Reason::Expired,
        Reason::Budget,
        Reason::Spacing,
        Reason::DigestFull,
        Reason::NoDigest,
        Reason::CardOnly,
    ];

    /// The stable name for the ledger and interfaces.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Reason::SendingOff => "sending_off",
            Reason::NotInPilot => "not_in_pilot",
            Reason::Muted => "muted",
            Reason::Paused => "paused",
            Reason::Stale => "stale",
            Reason::Expired => "expired",
            Reason::Budget => "budget",
            Reason::Spacing => "spacing",
            Reason::DigestFull => "digest_full",
            Reason::NoDigest => "no_digest",
            Reason::CardOnly => "card_only",
        }
    }

    /// One sentence for the person it was not sent to.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Reason::SendingOff => "Coaching was switched off when this came up.",
            Reason::NotInPilot => "Coaching was on for a pilot group only, and you were not in it.",
            Reason::Muted => "You muted this tip.",
            Reason::Paused => "You had paused everything, and it was over before you came back.",
            Reason::Stale => "It was about something that had happened too long ago to help.",
            Reason::Expired => "It could not reach you while it was still useful.",
            Reason::Budget => {
                "You had enough interruptions that day, and no digest came while it was useful."
            }
            Reason::Spacing => "You had heard about this deal a short time before.",
            Reason::DigestFull => "Your digests were full of more important things.",
            Reason::NoDigest => "It was meant for a digest, and you get none.",
            Reason::CardOnly => "It was kept for the deal's card in the CRM and not pushed.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_stable_and_sentences_speak_to_the_reader() {
        let whys = Why::ALL.map(|why| (serde_json::json!(why), why.name(), why.sentence()));
        let reasons = Reason::ALL.map(|one| (serde_json::json!(one), one.name(), one.sentence()));
        for (stored, name, sentence) in whys.iter().chain(&reasons) {
            assert_eq!(stored, name);
            assert!(sentence.ends_with('.') && sentence.len() < 100, "{sentence}");
        }
        let sentences: BTreeSet<_> = whys.iter().chain(&reasons).map(|(.., text)| text).collect();
        assert_eq!(sentences.len(), Why::ALL.len() + Reason::ALL.len());
    }
}
