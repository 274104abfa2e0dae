//! The vocabulary that our buttons and menus share with what comes back.
//!
//! A control's `action_id` is `{verb}:{nudge id}`, for example
//! `nudge.done:5f2c…`; a menu's or date picker's choice travels as the selected
//! value. [`blocks`](crate::blocks) writes it, [`decode`](crate::decode()) reads it.

use jiff::civil::Date;
use touchline_kit::{AnswerAction, NotHelpful, PauseFor};

/// The longest nudge id, in bytes, that a control carries. Slack has room for
/// more in one `action_id` (255), but a digest of three has 18 controls.
pub const NUDGE_ID_MAX_BYTES: usize = 80;

/// What all our verbs begin with: anything else is not from our blocks.
const OURS: &str = "nudge.";

/// *Done*.
pub const DONE: &str = "nudge.done";
/// *Snooze*: a menu of [`SNOOZE_CHOICES`].
pub const SNOOZE: &str = "nudge.snooze";
/// *Not helpful*: opens the four reasons.
pub const NOT_HELPFUL: &str = "nudge.not_helpful";
/// *Why am I seeing this?*
pub const WHY: &str = "nudge.why";
/// *Show the answer*, to a lesson's question.
pub const ANSWERS: &str = "nudge.answers";
/// *Back*.
pub const BACK: &str = "nudge.back";
/// The overflow menu of [`MORE_CHOICES`].
pub const MORE: &str = "nudge.more";
/// The date picker of *Pause me until…*.
pub const UNTIL: &str = "nudge.until";
/// *Open deal*: a link. Slack reports the click all the same.
pub const OPEN_DEAL: &str = "nudge.open_deal";

/// The four reasons behind *Not helpful*: verb, label, meaning.
pub const REASONS: [(&str, &str, NotHelpful); 4] = [
    ("nudge.already_done", "Already done", NotHelpful::AlreadyDone),
    ("nudge.not_true_here", "Not true here", NotHelpful::NotTrueHere),
    ("nudge.not_now", "Not now", NotHelpful::NotNow),
    ("nudge.stop_this_tip", "Stop this tip", NotHelpful::StopThisTip),
];

/// What *Snooze* offers: value, label, days.
pub const SNOOZE_CHOICES: [(&str, &str, u8); 3] =
    [("1", "1 day", 1), ("3", "3 days", 3), ("7", "Next week", 7)];

/// What the overflow menu offers: value, label.
pub const MORE_CHOICES: [(&str, &str); 4] = [
    ("mute", "Mute this tip"),
    ("pause_today", "Pause me today"),
    ("pause_week", "Pause me this week"),
    ("pause_until", "Pause me until…"),
];

/// The `action_id` of a control.
#[must_use]
pub fn action_id(verb: &str, nudge_id: &str) -> String {
    format!("{verb}:{nudge_id}")
}

/// Whether a control can carry this nudge id.
#[must_use]
pub fn can_carry(nudge_id: &str) -> bool {
    !nudge_id.is_empty() && nudge_id.len() <= NUDGE_ID_MAX_BYTES
}

/// What a click on a control means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Click {
    /// An answer to a nudge.
    Answer {
        /// The nudge.
        nudge_id: String,
        /// What was chosen.
        action: AnswerAction,
    },
    /// A link was followed: nothing to do.
    Link,
    /// Not a control of ours.
    Foreign,
}

/// Reads a click from the control's `action_id` and its choice, if it has any.
///
/// # Errors
/// What was wrong with a control that claims to be ours.
pub fn read(action_id: &str, choice: Option<&str>) -> Result<Click, String> {
    if !action_id.starts_with(OURS) {
        return Ok(Click::Foreign);
    }
    let Some((verb, nudge_id)) = action_id.split_once(':') else {
        return Err("an action of ours without a nudge id".into());
    };
    if !can_carry(nudge_id) {
        return Err("an action of ours with an empty or too long nudge id".into());
    }
    if verb == OPEN_DEAL {
        return Ok(Click::Link);
    }
    let action = meaning(verb, choice)?;
    Ok(Click::Answer { nudge_id: nudge_id.to_owned(), action })
}

fn meaning(verb: &str, choice: Option<&str>) -> Result<AnswerAction, String> {
    if let Some((_, _, reason)) = REASONS.iter().find(|(name, _, _)| *name == verb) {
        return Ok(AnswerAction::NotHelpful(*reason));
    }
    match verb {
        DONE => Ok(AnswerAction::Done),
        NOT_HELPFUL => Ok(AnswerAction::AskReason),
        WHY => Ok(AnswerAction::ShowWhy),
        ANSWERS => Ok(AnswerAction::ShowAnswers),
        BACK => Ok(AnswerAction::ShowNudge),
        SNOOZE => snooze(choice),
        MORE => more(choice),
        UNTIL => until(choice),
        _ => Err("an action of ours that no nudge offers".into()),
    }
}

fn snooze(choice: Option<&str>) -> Result<AnswerAction, String> {
    let offered = SNOOZE_CHOICES.iter().find(|(value, _, _)| Some(*value) == choice);
    let (_, _, days) = offered.ok_or("a snooze that is not offered")?;
    Ok(AnswerAction::Snooze { days: *days })
}

fn more(choice: Option<&str>) -> Result<AnswerAction, String> {
    match choice {
        Some("mute") => Ok(AnswerAction::MuteRule),
        Some("pause_today") => Ok(AnswerAction::Pause(PauseFor::Today)),
        Some("pause_week") => Ok(AnswerAction::Pause(PauseFor::ThisWeek)),
        Some("pause_until") => Ok(AnswerAction::AskUntil),
        _ => Err("a menu choice that is not offered".into()),
    }
}

fn until(choice: Option<&str>) -> Result<AnswerAction, String> {
    let date = choice.and_then(local_date).ok_or("a date that is not of the form YYYY-MM-DD")?;
    Ok(AnswerAction::Pause(PauseFor::Until(date)))
}

/// `text` if it is a date `YYYY-MM-DD`.
#[must_use]
pub fn local_date(text: &str) -> Option<String> {
    let date: Date = text.parse().ok()?;
    (date.to_string() == text).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn answer(verb: &str, choice: Option<&str>) -> AnswerAction {
        match read(&action_id(verb, "n1"), choice) {
            Ok(Click::Answer { nudge_id, action }) if nudge_id == "n1" => action,
            other => panic!("{verb} read as {other:?}"),
        }
    }

    #[test]
    fn every_control_says_what_its_label_says() {
        assert_eq!(answer(DONE, None), AnswerAction::Done);
        assert_eq!(answer(NOT_HELPFUL, None), AnswerAction::AskReason);
        assert_eq!(answer(WHY, None), AnswerAction::ShowWhy);
        assert_eq!(answer(ANSWERS, None), AnswerAction::ShowAnswers);
        assert_eq!(answer(BACK, None), AnswerAction::ShowNudge);
        for (value, _, days) in SNOOZE_CHOICES {
            assert_eq!(answer(SNOOZE, Some(value)), AnswerAction::Snooze { days });
        }
        for (verb, _, reason) in REASONS {
            assert_eq!(answer(verb, None), AnswerAction::NotHelpful(reason));
        }
        let more = MORE_CHOICES.map(|(value, _)| answer(MORE, Some(value)));
        assert_eq!(
            more,
            [
                AnswerAction::MuteRule,
                AnswerAction::Pause(PauseFor::Today),
                AnswerAction::Pause(PauseFor::ThisWeek),
                AnswerAction::AskUntil
            ]
        );
        assert_eq!(
            answer(UNTIL, Some("2026-12-01")),
            AnswerAction::Pause(PauseFor::Until("2026-12-01".into()))
        );
        assert_eq!(read(&action_id(OPEN_DEAL, "n1"), None), Ok(Click::Link));
    }

    #[test]
    fn a_nudge_id_may_hold_colons() {
        let read = read("nudge.done:a:b", None);
        assert_eq!(read, Ok(Click::Answer { nudge_id: "a:b".into(), action: AnswerAction::Done }));
    }

    #[test]
    fn what_is_not_offered_is_refused() {
        for (id, choice) in [
            ("nudge.done", None),
            ("nudge.done:", None),
            ("nudge.dance:n1", None),
            ("nudge.snooze:n1", Some("2")),
            ("nudge.snooze:n1", None),
            ("nudge.more:n1", Some("everything")),
            ("nudge.until:n1", Some("tomorrow")),
            ("nudge.until:n1", Some("2026-02-30")),
            ("nudge.until:n1", Some("2026-12-01T00:00:00")),
        ] {
            assert!(read(id, choice).is_err(), "{id} {choice:?}");
        }
        assert_eq!(read("quiz.answer", Some("a")), Ok(Click::Foreign));
    }

    proptest! {
        #[test]
        fn reading_is_total(id in any::<String>(), choice in any::<Option<String>>()) {
            let _ = read(&id, choice.as_deref());
            let _ = read(&format!("nudge.until:{id}"), choice.as_deref());
        }
    }
}
