//! The ledger in words: why something was not said, for the person who was
//! spared it and for those who read its counts.

use Fate::{HeldBack, Over, Unsayable};
use touchline_rules::attention::Reason;

/// What it means for its reader that something was not said.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was still so, and attention or a person's choice kept it from the reader:
    /// limits of a day or a deal, a full digest or queue, hours and pauses that lasted
    /// longer than it was useful, a mute, sending that was off, a discarded mass change.
    HeldBack,
    /// It was over, or said already: nobody was spared anything.
    Over,
    /// It could not be said, or was never meant to be: that concerns who keeps the
    /// service or the rule, not the reader.
    Unsayable,
}

/// What the ledger's stable words mean that are not attention's own reasons.
const OTHERS: &[(&str, Fate, &str)] = &[
    ("late", Over, "A newer value was known already when the change arrived."),
    ("watching", Unsayable, "Its rule is only being watched: it is worked out and told to nobody."),
    ("no_longer_true", Over, "It was no longer true when it would have been said."),
    ("reason_gone", Over, "Its reason had gone before it was said."),
    ("stage_kind", Over, "The deal was closed, or opened again, before it was said."),
    ("deal_gone", Over, "The deal was deleted or merged before it was said."),
    ("rule_changed", Over, "The rule was changed or taken away before it was said."),
    ("card_only", Unsayable, "It is kept for the deal's card in the CRM, which nothing shows yet."),
    ("no_owner", Unsayable, "The deal has no owner with an e-mail address."),
    ("no_manager", Unsayable, "Nobody is known as the manager of the deal's owner."),
    ("text_failed", Unsayable, "Its text could not be written with this deal's facts."),
    ("failed", Unsayable, "The chat or the CRM refused it for good."),
    ("no_channel", Unsayable, "No connected chat knows its reader."),
    ("unreadable", Unsayable, "It was written by a version that this one cannot read."),
    ("queue_full", HeldBack, "Too many messages were waiting, and others were more important."),
    ("answered", Over, "You had answered it before it came again."),
    ("said_already", Over, "It had been said already when its turn came."),
    (
        "not_now",
        Over,
        "What it rests on is not known any more, or it was spoken of a short time ago.",
    ),
    ("discarded", HeldBack, "It was held as part of a mass change, and an admin discarded it."),
];

/// The words of what was held back although it was still so: what the weekly list
/// counts and names.
#[must_use]
pub fn held_back() -> Vec<&'static str> {
    let reasons = Reason::ALL.into_iter().filter(|one| fate(*one) == HeldBack);
    let others = OTHERS.iter().filter(|(_, fate, _)| *fate == HeldBack);
    reasons.map(Reason::name).chain(others.map(|(word, ..)| *word)).collect()
}

fn fate(reason: Reason) -> Fate {
    match reason {
        Reason::SendingOff
        | Reason::NotInPilot
        | Reason::Muted
        | Reason::Paused
        | Reason::Expired
        | Reason::Budget
        | Reason::Spacing
        | Reason::DigestFull
        | Reason::NoDigest => HeldBack,
        Reason::Stale => Over,
        Reason::CardOnly => Unsayable,
    }
}

/// One sentence for a ledger's reason; the word itself where nobody knows more.
#[must_use]
pub fn in_words(reason: &str) -> &str {
    let known = Reason::ALL.into_iter().find(|known| known.name() == reason);
    let other = || OTHERS.iter().find(|(word, ..)| *word == reason).map(|(.., told)| *told);
    known.map(Reason::sentence).or_else(other).unwrap_or(reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use touchline_rules::engine::EndCause;

    #[test]
    fn every_cause_of_an_ending_has_words() {
        let causes = [
            EndCause::NoLongerTrue,
            EndCause::StageKind,
            EndCause::DealGone,
            EndCause::RuleChanged,
        ];
        for cause in causes {
            let word = serde_json::to_value(cause).unwrap();
            let word = word.as_str().unwrap();
            assert_ne!(in_words(word), word);
        }
        let held = held_back();
        for cause in causes {
            let word = serde_json::to_value(cause).unwrap();
            assert!(!held.contains(&word.as_str().unwrap()), "what ended is over");
        }
        assert_eq!(in_words("muted"), Reason::Muted.sentence());
        assert_eq!(in_words("never_heard_of"), "never_heard_of");
    }

    #[test]
    fn what_was_still_so_is_told_from_what_was_over() {
        assert_eq!(
            held_back().join(" "),
            "sending_off not_in_pilot muted paused expired budget spacing digest_full no_digest \
             queue_full discarded"
        );
    }
}
