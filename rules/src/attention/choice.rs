//! What a person chose for themselves, and the words in which it is chosen: on
//! the command line and in chat the same.
//!
//! A choice is only ever stricter than the company's ceilings: times and numbers
//! are held against the [`Policy`](super::Policy) when they are used, not when
//! they are stored, so a company that tightens a ceiling later is obeyed too.
//! What is stored is neutral of language: days by three letters, times by the
//! clock of 24 hours.

use jiff::civil::Time;
use serde::{Deserialize, Serialize};

use super::DIGESTS_PER_DAY_MAX;
use crate::calendar::Calendar;
use crate::listing;

/// The longest name of a rule that can be muted, in bytes: as long as a rule's may be.
const RULE_BYTES_MAX: usize = 64;
/// Words of one choice that are read.
const WORDS_MAX: usize = 32;

/// What a person chose for themselves. It can only be stricter than the
/// [`Policy`](super::Policy).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PersonalChoice {
    /// Fewer interruptions on one day.
    pub interruptions_per_day: Option<u32>,
    /// No interruptions; what would be one goes to the digest.
    pub digest_only: bool,
    /// Other digest times. At most as many as the policy has; the rest is
    /// ignored. Empty: the policy's.
    pub digest_at: Vec<Time>,
    /// Quiet hours beside the policy's: both are kept.
    pub quiet_hours: Option<(Time, Time)>,
    /// Of the days one works, only these. Empty, or none that is worked: all.
    pub working_days: Vec<Day>,
    /// No weekly summary of what was not sent.
    pub no_weekly: bool,
}

/// A weekday, by its short name.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the days of the week")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Day {
    /// Monday first.
    pub const ALL: [Day; 7] =
        [Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri, Day::Sat, Day::Sun];

    /// The short name.
    #[must_use]
    pub fn name(self) -> &'static str {
        ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][self as usize]
    }

    /// The day of that short name.
    #[must_use]
    pub fn named(name: &str) -> Option<Day> {
        Day::ALL.into_iter().find(|day| day.name() == name)
    }
}

/// One choice, as it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// At most so many interruptions a day; `None`: as the company says.
    Interruptions(Option<u32>),
    /// Digests at these times; empty: as the company says.
    DigestAt(Vec<Time>),
    /// Digests only.
    DigestOnly(bool),
    /// Nothing between these times either; `None`: as the company says.
    QuietHours(Option<(Time, Time)>),
    /// Only these days; empty: as the company says.
    WorkingDays(Vec<Day>),
    /// The weekly summary.
    Weekly(bool),
    /// Never this rule.
    Mute(String),
    /// This rule again.
    Unmute(String),
    /// Everything as the company says; mutes too.
    Clear,
}

/// What was typed is no choice: what can be, for the person who typed it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("That was not understood.")]
pub struct NotAChoice;

/// Every choice as it is typed, and what it does.
pub const CHOICES: [(&str, &str); 10] = [
    (
        "interruptions 1",
        "at most one message of its own a day; `default` for your company's number",
    ),
    ("digest 09:00 14:00", "when your digests come; `default` for your company's times"),
    ("digest-only on", "no messages of their own, digests only; `off` takes it back"),
    ("quiet 17:00-09:00", "nothing in these hours either; `default` for your company's"),
    ("days mon tue wed", "nothing on other days; `default` for your company's working days"),
    ("weekly off", "no weekly list of what you were not bothered with; `on` brings it back"),
    ("mute RULE", "never again this rule; the weekly list and each message's menu know its name"),
    ("unmute RULE", "this rule again"),
    ("clear", "everything as your company set it, and no rule muted"),
    ("show", "what is set for you"),
];

impl Choice {
    /// Reads what was typed: the words of [`CHOICES`], but for `show`.
    ///
    /// # Errors
    /// [`NotAChoice`], when it is none of them.
    pub fn read(text: &str) -> Result<Choice, NotAChoice> {
        let text = text.replace(',', " ");
        let words: Vec<&str> = text.split_whitespace().take(WORDS_MAX).collect();
        let (verb, rest) = words.split_first().ok_or(NotAChoice)?;
        let by_default = rest == ["default"];
        match (*verb, rest) {
            ("interruptions", _) if by_default => Ok(Choice::Interruptions(None)),
            ("interruptions", [number]) => {
                number.parse().map(|most| Choice::Interruptions(Some(most))).map_err(|_| NotAChoice)
            }
            ("digest", _) if by_default => Ok(Choice::DigestAt(Vec::new())),
            ("digest", [_, ..]) if rest.len() <= DIGESTS_PER_DAY_MAX => {
                let times: Option<Vec<Time>> = rest.iter().map(|text| clock_time(text)).collect();
                times.map(Choice::DigestAt).ok_or(NotAChoice)
            }
            ("digest-only", [word]) => on_off(word).map(Choice::DigestOnly),
            ("quiet", _) if by_default => Ok(Choice::QuietHours(None)),
            ("quiet", [hours]) => {
                let (from, until) = hours.split_once('-').ok_or(NotAChoice)?;
                let hours = clock_time(from).zip(clock_time(until));
                let hours = hours.filter(|(from, until)| from != until);
                hours.map(|hours| Choice::QuietHours(Some(hours))).ok_or(NotAChoice)
            }
            ("days", _) if by_default => Ok(Choice::WorkingDays(Vec::new())),
            ("days", [_, ..]) => {
                let days: Option<Vec<Day>> = rest.iter().map(|name| Day::named(name)).collect();
                let mut days = days.ok_or(NotAChoice)?;
                days.sort();
                days.dedup();
                Ok(Choice::WorkingDays(days))
            }
            ("weekly", [word]) => on_off(word).map(Choice::Weekly),
            ("mute", [rule]) => rule_name(rule).map(Choice::Mute),
            ("unmute", [rule]) => rule_name(rule).map(Choice::Unmute),
            ("clear", []) => Ok(Choice::Clear),
            _ => Err(NotAChoice),
        }
    }

    /// What a person has chosen once this was. Mutes are kept elsewhere, and stay.
    #[must_use]
    pub fn made(&self, before: PersonalChoice) -> PersonalChoice {
        match self.clone() {
            Choice::Interruptions(interruptions_per_day) => {
                PersonalChoice { interruptions_per_day, ..before }
            }
            Choice::DigestAt(digest_at) => PersonalChoice { digest_at, ..before },
            Choice::DigestOnly(digest_only) => PersonalChoice { digest_only, ..before },
            Choice::QuietHours(quiet_hours) => PersonalChoice { quiet_hours, ..before },
            Choice::WorkingDays(working_days) => PersonalChoice { working_days, ..before },
            Choice::Weekly(on) => PersonalChoice { no_weekly: !on, ..before },
            Choice::Mute(_) | Choice::Unmute(_) => before,
            Choice::Clear => PersonalChoice::default(),
        }
    }

    /// One sentence on what was chosen, for the person who chose it.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Choice::Interruptions(Some(0)) => {
                "Noted: no messages of their own, digests only.".into()
            }
            Choice::Interruptions(Some(most)) => format!(
                "Noted: at most {most} a day that interrupt you, and never more than your company allows."
            ),
            Choice::DigestAt(times) if !times.is_empty() => format!(
                "Noted: your digests come at {}, as many as your company sends a day.",
                listing::and(&times.iter().map(clock).collect::<Vec<_>>())
            ),
            Choice::DigestOnly(true) => "Noted: digests only.".into(),
            Choice::DigestOnly(false) => {
                "Noted: messages of their own again, as your company allows.".into()
            }
            Choice::QuietHours(Some((from, until))) => format!(
                "Noted: nothing between {} and {}, nor in your company's quiet hours.",
                clock(from),
                clock(until)
            ),
            Choice::WorkingDays(days) if !days.is_empty() => {
                let names: Vec<&str> = days.iter().map(|day| day.name()).collect();
                format!("Noted: of your working days only {}.", names.join(", "))
            }
            Choice::Weekly(true) => "Noted: the weekly list comes again.".into(),
            Choice::Weekly(false) => "Noted: no weekly list.".into(),
            Choice::Mute(rule) => format!("Noted: you will not hear of {rule} again."),
            Choice::Unmute(rule) => format!("Noted: you may hear of {rule} again."),
            Choice::Clear => "Noted: everything is as your company set it.".into(),
            Choice::Interruptions(None)
            | Choice::DigestAt(_)
            | Choice::QuietHours(None)
            | Choice::WorkingDays(_) => "Noted: as your company set it.".into(),
        }
    }
}

impl PersonalChoice {
    /// Whether nothing was chosen.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == PersonalChoice::default()
    }

    /// What was chosen, as it is typed, one line each.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(most) = self.interruptions_per_day {
            lines.push(format!("interruptions {most}"));
        }
        if !self.digest_at.is_empty() {
            let times: Vec<String> = self.digest_at.iter().map(clock).collect();
            lines.push(format!("digest {}", times.join(" ")));
        }
        if self.digest_only {
            lines.push("digest-only on".to_owned());
        }
        if let Some((from, until)) = &self.quiet_hours {
            lines.push(format!("quiet {}-{}", clock(from), clock(until)));
        }
        if !self.working_days.is_empty() {
            let names: Vec<&str> = self.working_days.iter().map(|day| day.name()).collect();
            lines.push(format!("days {}", names.join(" ")));
        }
        if self.no_weekly {
            lines.push("weekly off".to_owned());
        }
        lines
    }

    /// The calendar of somebody who chose this: never a day more than `calendar`
    /// has. A choice that leaves no day at all is no choice.
    #[must_use]
    pub fn calendar(&self, mut calendar: Calendar) -> Calendar {
        let chosen = |day: Day| self.working_days.contains(&day);
        let both = Day::ALL.map(|day| calendar.working_weekdays[day as usize] && chosen(day));
        if both.contains(&true) {
            calendar.working_weekdays = both;
        }
        calendar
    }
}

fn on_off(word: &str) -> Result<bool, NotAChoice> {
    match word {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(NotAChoice),
    }
}

/// A time such as `9:00` or `17:30`.
fn clock_time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let short =
        |part: &str| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    if !short(hour) || minute.len() != 2 || !short(minute) {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

fn rule_name(name: &str) -> Result<String, NotAChoice> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = !name.is_empty() && name.len() <= RULE_BYTES_MAX && name.chars().all(plain);
    fits.then(|| name.to_owned()).ok_or(NotAChoice)
}

fn clock(time: &Time) -> String {
    time.strftime("%H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::time;
    use proptest::prelude::*;

    #[test]
    fn what_is_typed_is_read_and_told_again_as_it_is_typed() {
        let typed = [
            "interruptions 1",
            "digest 09:00 14:30",
            "digest-only on",
            "quiet 17:00-09:00",
            "days mon wed fri",
            "weekly off",
        ];
        let all = typed.iter().fold(PersonalChoice::default(), |before, text| {
            Choice::read(text).unwrap().made(before)
        });
        assert_eq!(all.lines(), typed);
        let stored = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<PersonalChoice>(&stored).unwrap(), all);
        for text in [
            "interruptions default",
            "digest default",
            "digest-only off",
            "quiet default",
            "days default",
            "weekly on",
        ] {
            let left = Choice::read(text).unwrap().made(all.clone());
            assert_eq!(left.lines().len(), typed.len() - 1, "{text}");
        }
        assert!(Choice::read("clear").unwrap().made(all).is_default());
        let quiet = Choice::read("quiet 9:05-17:00").unwrap();
        assert_eq!(quiet, Choice::QuietHours(Some((time(9, 5, 0, 0), time(17, 0, 0, 0)))));
        assert_eq!(
            Choice::read("days fri,mon, fri"),
            Ok(Choice::WorkingDays(vec![Day::Mon, Day::Fri]))
        );
        assert_eq!(Choice::read("mute buyer-silent"), Ok(Choice::Mute("buyer-silent".into())));
    }

    #[test]
    fn what_is_stored_by_an_older_version_is_read() {
        let old = r#"{"interruptions_per_day":1,"digest_only":false,"digest_at":["09:30:00"]}"#;
        let read: PersonalChoice = serde_json::from_str(old).unwrap();
        assert_eq!(read.lines(), ["interruptions 1", "digest 09:30"]);
    }

    #[test]
    fn what_is_no_choice_is_none() {
        for text in [
            "",
            "interruptions",
            "interruptions -1",
            "interruptions many",
            "digest 25:00",
            "digest 9",
            "digest 9:5",
            "digest nine",
            "quiet 18:00",
            "quiet 18:00-18:00",
            "days",
            "days monday",
            "weekly",
            "weekly maybe",
            "mute",
            "mute <!channel>",
            "mute a b",
            "clear it",
            "show",
        ] {
            assert_eq!(Choice::read(text), Err(NotAChoice), "{text}");
        }
    }

    #[test]
    fn a_choice_of_days_never_adds_one_and_never_leaves_none() {
        let worked = |days: &[Day]| {
            let choice = PersonalChoice { working_days: days.to_vec(), ..Default::default() };
            choice.calendar(Calendar::weekdays(jiff::tz::TimeZone::UTC)).working_weekdays
        };
        assert_eq!(worked(&[Day::Mon, Day::Sat]), [true, false, false, false, false, false, false]);
        let all = [true, true, true, true, true, false, false];
        assert_eq!((worked(&[]), worked(&[Day::Sat])), (all, all));
    }

    proptest! {
        #[test]
        fn reading_is_total_and_its_sentence_ends(text in any::<String>()) {
            for text in [text.clone(), format!("digest {text}"), format!("quiet {text}"), format!("mute {text}")] {
                if let Ok(choice) = Choice::read(&text) {
                    prop_assert!(choice.sentence().ends_with('.'));
                }
            }
        }
    }
}
