//! The ledger in words: why something was not said, for the person who was
//! spared it and for those who read its counts.

use touchline_rules::attention::Reason;

/// What the ledger's stable words mean that are not attention's own reasons.
const OTHERS: &[(&str, &str)] = &[
    ("late", "A newer value was known already when the change arrived."),
    ("watching", "Its rule is only being watched: it is worked out and told to nobody."),
    ("no_longer_true", "It was no longer true when it would have been said."),
    ("reason_gone", "Its reason had gone before it was said."),
    ("stage_kind", "The deal was closed, or opened again, before it was said."),
    ("deal_gone", "The deal was deleted or merged before it was said."),
    ("rule_changed", "The rule was changed or taken away before it was said."),
    ("card_only", "It is kept for the deal's card in the CRM, which nothing shows yet."),
    ("no_owner", "The deal has no owner with an e-mail address."),
    ("no_manager", "Nobody is known as the manager of the deal's owner."),
    ("text_failed", "Its text could not be written with this deal's facts."),
    ("failed", "The chat or the CRM refused it for good."),
    ("no_channel", "No connected chat knows its reader."),
    ("unreadable", "It was written by a version that this one cannot read."),
    ("queue_full", "Too many messages were waiting, and others were more important."),
    ("answered", "You had answered it before it came again."),
    ("said_already", "It had been said already when its turn came."),
    ("not_now", "What it rests on is not known any more, or it was spoken of a short time ago."),
    ("discarded", "It was held as part of a mass change, and an admin discarded it."),
];

/// One sentence for a ledger's reason; the word itself where nobody knows more.
#[must_use]
pub fn in_words(reason: &str) -> &str {
    let known = Reason::ALL.into_iter().find(|known| known.name() == reason);
    let other = || OTHERS.iter().find(|(word, _)| *word == reason).map(|(_, told)| *told);
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
        assert_eq!(in_words("muted"), Reason::Muted.sentence());
        assert_eq!(in_words("never_heard_of"), "never_heard_of");
    }
}
