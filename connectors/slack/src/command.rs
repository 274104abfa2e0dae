//! The slash command `/touchline`: what may be typed, and the line a person
//! reads at once in reply.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use touchline_kit::{PauseFor, Reply};
use touchline_rules::UnixMs;
use touchline_rules::attention::{CHOICES, Choice};
use touchline_rules::time::HOUR_MS;

use crate::actions::local_date;

/// The command's name, as the app manifest registers it.
pub const NAME: &str = "/touchline";

const ABOUT: &str = "Touchline sends you a few tips about your deals. You can type:";
const NOT_UNDERSTOOD: &str = "That was not understood. You can type:";
const PAUSES: [(&str, &str); 5] = [
    ("pause today", "nothing more today"),
    ("pause week", "nothing until Monday"),
    ("pause 2026-12-01", "nothing until that date"),
    ("resume", "ends a pause"),
    ("spared", "what you were not bothered with lately, and why"),
];
const STRICTER: &str =
    "What you choose can only make it quieter: your company's own limits always hold.";

/// How far behind UTC the westernmost clocks are.
const WEST_MS: i64 = 12 * HOUR_MS;

/// What somebody typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Hear nothing for a while.
    Pause(PauseFor),
    /// Hear something again.
    Resume,
    /// A standing choice.
    Choose(Choice),
    /// Show what is chosen.
    Show,
    /// Show what was not sent.
    Spared,
    /// Show what can be typed.
    Help,
    /// Anything else: the same, and say so.
    NotUnderstood,
}

impl Command {
    /// Reads the text after the command's name.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut words = text.split_whitespace();
        let (verb, rest) = (words.next(), words.next());
        match (verb, rest) {
            (None | Some("help"), _) => return Command::Help,
            (Some("resume"), None) => return Command::Resume,
            (Some("show"), None) => return Command::Show,
            (Some("spared"), None) => return Command::Spared,
            (Some("pause"), _) if words.next().is_none() => {}
            _ => return Choice::read(text).map_or(Command::NotUnderstood, Command::Choose),
        }
        match rest {
            None | Some("today") => Command::Pause(PauseFor::Today),
            Some("week") => Command::Pause(PauseFor::ThisWeek),
            Some(date) => match local_date(date) {
                Some(date) => Command::Pause(PauseFor::Until(date)),
                None => Command::NotUnderstood,
            },
        }
    }

    /// The reply that only the person who typed sees. Sent once the command is
    /// durable.
    #[must_use]
    pub fn reply(&self, now: UnixMs) -> Reply {
        let text = match self {
            Command::Pause(PauseFor::Today) => "Paused: you will hear nothing more today.".into(),
            Command::Pause(PauseFor::ThisWeek) => "Paused until Monday.".into(),
            Command::Pause(PauseFor::Until(date)) => pause_until(date, now),
            Command::Resume => "Your pause is over.".into(),
            Command::Choose(choice) => choice.sentence(),
            Command::Show => "Your settings come as a message, if coaching is on for you.".into(),
            Command::Spared => "The list comes as a message, if coaching is on for you.".into(),
            Command::Help => help(ABOUT),
            Command::NotUnderstood => help(NOT_UNDERSTOOD),
        };
        let body = serde_json::json!({ "response_type": "ephemeral", "text": text });
        Reply {
            status: 200,
            content_type: Some("application/json; charset=utf-8"),
            body: body.to_string().into_bytes(),
        }
    }
}

fn help(opening: &str) -> String {
    let all = PAUSES.iter().chain(&CHOICES);
    let lines = all.map(|(typed, told)| format!("`{NAME} {typed}`: {told}\n"));
    format!("{opening}\n{}`{NAME} help`: this text\n{STRICTER}", lines.collect::<String>())
}

/// What is said of a pause until a date. Who typed it may be anywhere on earth:
/// a date counts as past once it is so everywhere.
fn pause_until(text: &str, now: UnixMs) -> String {
    let Ok(date) = text.parse::<Date>() else { return format!("Paused until {text}.") };
    let last_to_begin = now.plus_ms(-WEST_MS).to_zoned(&TimeZone::UTC).date();
    if date <= last_to_begin {
        return format!("{text} is not in the future, so nothing was paused. Try a later date.");
    }
    let day = date.strftime("%A %-d %B %Y");
    format!("Paused until {day}.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    /// Monday 23 November 2026, noon in London.
    fn now() -> UnixMs {
        let noon = date(2026, 11, 23).at(12, 0, 0, 0);
        noon.to_zoned_datetime(TimeZone::UTC).unwrap().timestamp().into()
    }

    #[test]
    fn reads_what_people_type() {
        let until = |date: &str| Command::Pause(PauseFor::Until(date.into()));
        for (text, command) in [
            ("pause", Command::Pause(PauseFor::Today)),
            ("  pause   today ", Command::Pause(PauseFor::Today)),
            ("pause week", Command::Pause(PauseFor::ThisWeek)),
            ("pause 2026-12-01", until("2026-12-01")),
            ("pause 2026-13-01", Command::NotUnderstood),
            ("pause for a while", Command::NotUnderstood),
            ("", Command::Help),
            ("help", Command::Help),
            ("<!channel>", Command::NotUnderstood),
            ("resume", Command::Resume),
            ("show", Command::Show),
            (" spared ", Command::Spared),
            ("show me", Command::NotUnderstood),
            ("mute buyer-silent", Command::Choose(Choice::Mute("buyer-silent".into()))),
            ("weekly off", Command::Choose(Choice::Weekly(false))),
        ] {
            assert_eq!(Command::read(text), command, "{text}");
        }
    }

    #[test]
    fn the_reply_says_what_will_happen() {
        let reply = |text| String::from_utf8(Command::read(text).reply(now()).body).unwrap();
        assert!(reply("pause 2026-12-01").contains("Paused until Tuesday 1 December 2026."));
        assert!(reply("pause 2026-11-24").contains("Paused until Tuesday 24 November 2026."));
        assert!(reply("pause 2026-11-22").contains("nothing was paused"));
        assert!(reply("help").contains("/touchline pause week"));
        for (typed, told) in CHOICES {
            assert!(reply("help").contains(&format!("`/touchline {typed}`: {told}")), "{typed}");
        }
        assert!(reply("quiet 17:00-09:00").contains("nothing between 17:00 and 09:00, nor"));
        let lost = reply("pause tomorrow <!channel>");
        assert!(lost.contains("not understood") && lost.contains("/touchline pause week"));
        assert!(!lost.contains("<!channel>"));
    }
}
