//! What an answer means for the person who gave it: what sleeps, what is muted,
//! until when nothing is said, and what is learned about the nudge.

use jiff::ToSpan;
use jiff::civil::{Date, Time, Weekday};
use serde::{Deserialize, Serialize};

use crate::calendar::Calendar;
use crate::time::UnixMs;

/// The longest snooze in days.
pub const SNOOZE_DAYS_MAX: u8 = 30;
/// The longest pause in days.
pub const PAUSE_DAYS_MAX: i64 = 366;
/// When a snoozed nudge wakes, on the person's wall.
const DAY_BEGINS: Time = Time::constant(9, 0, 0, 0);

/// What a person answered to a nudge.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// "Done".
    Done,
    /// "Snooze": 1 to [`SNOOZE_DAYS_MAX`] days. It wakes at the beginning of
    /// that day's work, or of the next working day's.
    Snooze {
        /// Days from today.
        days: u8,
    },
    /// "Snooze until next week": the first working day from next Monday on.
    SnoozeToNextWeek,
    /// "Not helpful".
    NotHelpful(NotHelpful),
    /// "Mute this tip".
    MuteRule,
    /// "Pause me".
    Pause(PauseFor),
}

/// Why a nudge was not helpful.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotHelpful {
    /// It was done already.
    AlreadyDone,
    /// It is not true of this deal.
    NotTrueHere,
    /// It is right, but not now.
    NotNow,
    /// No more of this tip: also mutes its rule.
    StopThisTip,
}

/// How long a person wants to hear nothing. A pause ends when a day begins.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseFor {
    /// The rest of today.
    Today,
    /// Until Monday.
    ThisWeek,
    /// Until this local date, on which the person is back.
    Until(Date),
}

impl PauseFor {
    /// Until the date that `text` gives as `YYYY-MM-DD`.
    ///
    /// # Errors
    /// When it is no date. Whether the date makes sense is only asked by
    /// [`apply_answer`], which knows today.
    pub fn until(text: &str) -> Result<Self, AnswerRefused> {
        text.trim().parse().map(PauseFor::Until).map_err(|_| AnswerRefused::NotADate)
    }
}

/// Why an answer has no effect, in words for the person who gave it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerRefused {
    /// Not a date.
    #[error("That is not a date. Write it like 2026-11-23.")]
    NotADate,
    /// The pause would be over already.
    #[error("That date is not in the future. Choose a date from tomorrow on.")]
    PauseInThePast,
    /// The pause would be too long.
    #[error("That is more than a year away. Choose an earlier date.")]
    PauseTooLong,
    /// Not a number of days that can be snoozed.
    #[error("A nudge can be snoozed for 1 to {SNOOZE_DAYS_MAX} days.")]
    SnoozeDays,
}

/// What an answer says about the nudge.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Acted upon.
    Done,
    /// Had been done before.
    AlreadyDone,
    /// Not true of this deal.
    NotTrueHere,
    /// At the wrong time.
    NotNow,
    /// Its rule was muted.
    Muted,
}

impl Outcome {
    /// The stable name for rows and interfaces.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::AlreadyDone => "already_done",
            Outcome::NotTrueHere => "not_true_here",
            Outcome::NotNow => "not_now",
            Outcome::Muted => "muted",
        }
    }
}

/// What to store for an answer. What is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnswerEffect {
    /// The nudge sleeps until then and is pending again.
    pub snooze_until: Option<UnixMs>,
    /// The person does not want to hear of this rule any more.
    pub mute_rule: Option<String>,
    /// The person wants to hear nothing until then.
    pub pause_until: Option<UnixMs>,
    /// The nudge is settled, in this way.
    pub outcome: Option<Outcome>,
}

/// The effect of an answer given at `now` to a nudge of `rule`, by the calendar
/// of the person who gave it.
///
/// # Errors
/// When a snooze or a pause has no sensible end; nothing is to be stored then,
/// and the error is the text to show.
pub fn apply_answer(
    answer: Answer,
    rule: &str,
    now: UnixMs,
    calendar: &Calendar,
) -> Result<AnswerEffect, AnswerRefused> {
    let today = calendar.local_date(now);
    let mut effect = AnswerEffect::default();
    match answer {
        Answer::Done => effect.outcome = Some(Outcome::Done),
        Answer::Snooze { days } => {
            if days == 0 || days > SNOOZE_DAYS_MAX {
                return Err(AnswerRefused::SnoozeDays);
            }
            let day = after(today, i64::from(days));
            effect.snooze_until = Some(work_begins(day, calendar));
        }
        Answer::SnoozeToNextWeek => {
            effect.snooze_until = Some(work_begins(next_monday(today), calendar));
        }
        Answer::NotHelpful(why) => {
            effect.outcome = Some(match why {
                NotHelpful::AlreadyDone => Outcome::AlreadyDone,
                NotHelpful::NotTrueHere => Outcome::NotTrueHere,
                NotHelpful::NotNow => Outcome::NotNow,
                NotHelpful::StopThisTip => Outcome::Muted,
            });
            effect.mute_rule = (why == NotHelpful::StopThisTip).then(|| rule.to_owned());
        }
        Answer::MuteRule => {
            effect.outcome = Some(Outcome::Muted);
            effect.mute_rule = Some(rule.to_owned());
        }
        Answer::Pause(pause) => effect.pause_until = Some(pause_ends(pause, today, calendar)?),
    }
    Ok(effect)
}

fn pause_ends(pause: PauseFor, today: Date, calendar: &Calendar) -> Result<UnixMs, AnswerRefused> {
    let back = match pause {
        // Nothing is said before the next working day, so the pause says so too.
        PauseFor::Today => or_working_day_after(after(today, 1), calendar),
        PauseFor::ThisWeek => or_working_day_after(next_monday(today), calendar),
        PauseFor::Until(date) if date <= today => return Err(AnswerRefused::PauseInThePast),
        PauseFor::Until(date) if date > after(today, PAUSE_DAYS_MAX) => {
            return Err(AnswerRefused::PauseTooLong);
        }
        PauseFor::Until(date) => date,
    };
    Ok(calendar.start_of(back))
}

/// The first Monday after `date`.
fn next_monday(date: Date) -> Date {
    after(date, 7 - i64::from(date.weekday().since(Weekday::Monday)))
}

fn after(date: Date, days: i64) -> Date {
    date.checked_add(days.days()).unwrap_or(Date::MAX)
}

fn or_working_day_after(date: Date, calendar: &Calendar) -> Date {
    if calendar.is_working(date) { date } else { calendar.add_working_days(date, 1) }
}

/// When work begins on `date`, or on the next working date.
fn work_begins(date: Date, calendar: &Calendar) -> UnixMs {
    let local = or_working_day_after(date, calendar).to_datetime(DAY_BEGINS);
    calendar.zone.to_ambiguous_timestamp(local).compatible().map_or(UnixMs::MAX, UnixMs::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, datetime};
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    fn new_york() -> Calendar {
        let mut calendar = Calendar::weekdays(TimeZone::get("America/New_York").unwrap());
        calendar.holidays.insert(date(2026, 10, 12));
        calendar
    }

    fn at(day: i8, hour: i8) -> UnixMs {
        let local = datetime(2026, 10, day, hour, 0, 0, 0);
        new_york().zone.to_timestamp(local).unwrap().into()
    }

    fn effect(answer: Answer, now: UnixMs) -> Result<AnswerEffect, AnswerRefused> {
        apply_answer(answer, "buyer-silent", now, &new_york())
    }

    fn snoozed(answer: Answer, now: UnixMs) -> String {
        let until = effect(answer, now).unwrap().snooze_until.unwrap();
        until.to_zoned(&new_york().zone).strftime("%a %d %H:%M").to_string()
    }

    fn paused(pause: PauseFor, now: UnixMs) -> String {
        let until = effect(Answer::Pause(pause), now).unwrap().pause_until.unwrap();
        until.to_zoned(&new_york().zone).strftime("%a %d %H:%M").to_string()
    }

    #[test]
    fn a_snooze_ends_when_work_begins() {
        assert_eq!(snoozed(Answer::Snooze { days: 1 }, at(6, 15)), "Wed 07 09:00");
        assert_eq!(snoozed(Answer::Snooze { days: 3 }, at(7, 23)), "Tue 13 09:00");
        assert_eq!(snoozed(Answer::SnoozeToNextWeek, at(7, 8)), "Tue 13 09:00");
        assert_eq!(snoozed(Answer::SnoozeToNextWeek, at(18, 23)), "Mon 19 09:00");
        assert_eq!(snoozed(Answer::SnoozeToNextWeek, at(19, 0)), "Mon 26 09:00");
        for days in [0, SNOOZE_DAYS_MAX + 1] {
            let refused = effect(Answer::Snooze { days }, at(6, 15));
            assert_eq!(refused, Err(AnswerRefused::SnoozeDays));
        }
    }

    #[test]
    fn a_pause_ends_when_a_day_begins() {
        assert_eq!(paused(PauseFor::Today, at(6, 23)), "Wed 07 00:00");
        assert_eq!(paused(PauseFor::Today, at(16, 10)), "Mon 19 00:00", "no word on a Saturday");
        assert_eq!(paused(PauseFor::ThisWeek, at(6, 10)), "Tue 13 00:00", "Monday is a day off");
        assert_eq!(paused(PauseFor::ThisWeek, at(12, 0)), "Mon 19 00:00");
        assert_eq!(paused(PauseFor::until("2026-10-20").unwrap(), at(6, 10)), "Tue 20 00:00");
    }

    #[test]
    fn a_pause_needs_a_sensible_end() {
        let until = |text: &str| {
            PauseFor::until(text).and_then(|pause| effect(Answer::Pause(pause), at(6, 10)))
        };
        assert_eq!(until("2026-10-06"), Err(AnswerRefused::PauseInThePast));
        assert_eq!(until("1999-01-01"), Err(AnswerRefused::PauseInThePast));
        assert_eq!(until("2027-10-08"), Err(AnswerRefused::PauseTooLong));
        assert!(until(" 2027-10-07 ").is_ok());
        for text in ["", "tomorrow", "2026-13-01", "20.10.2026", "99999-01-01"] {
            assert_eq!(until(text), Err(AnswerRefused::NotADate), "{text}");
        }
    }

    #[test]
    fn other_answers_settle_the_nudge() {
        let outcome = |answer| effect(answer, at(6, 10)).unwrap().outcome.unwrap().name();
        let muted = |answer| effect(answer, at(6, 10)).unwrap().mute_rule;
        assert_eq!(outcome(Answer::Done), "done");
        assert_eq!(outcome(Answer::NotHelpful(NotHelpful::AlreadyDone)), "already_done");
        assert_eq!(outcome(Answer::NotHelpful(NotHelpful::NotTrueHere)), "not_true_here");
        assert_eq!(outcome(Answer::NotHelpful(NotHelpful::NotNow)), "not_now");
        for answer in [Answer::MuteRule, Answer::NotHelpful(NotHelpful::StopThisTip)] {
            assert_eq!((outcome(answer), muted(answer)), ("muted", Some("buyer-silent".into())));
        }
        assert_eq!(muted(Answer::NotHelpful(NotHelpful::NotNow)), None);
    }

    proptest! {
        #[test]
        fn every_end_is_ahead_and_on_a_day_s_beginning(now: i64, days: u8, year in -9999i16..=9999, month in 1i8..=12, day in 1i8..=28) {
            let now = UnixMs(now.rem_euclid(4_000_000_000_000));
            let calendar = new_york();
            let until = PauseFor::Until(date(year, month, day));
            for answer in [
                Answer::Snooze { days }, Answer::SnoozeToNextWeek, Answer::Pause(PauseFor::Today),
                Answer::Pause(PauseFor::ThisWeek), Answer::Pause(until),
            ] {
                let Ok(effect) = effect(answer, now) else { continue };
                let end = effect.snooze_until.or(effect.pause_until).unwrap();
                prop_assert!(end > now);
                if effect.snooze_until.is_some() {
                    prop_assert!(calendar.is_working(calendar.local_date(end)));
                } else {
                    prop_assert_eq!(calendar.start_of(calendar.local_date(end)), end);
                }
            }
        }
    }
}
