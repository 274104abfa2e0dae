//! The slash command `/touchline`: what may be typed, and the line a person
//! reads at once in reply.

use touchline_kit::{PauseFor, Reply};

use crate::actions::local_date;

/// The command's name, as the app manifest registers it.
pub const NAME: &str = "/touchline";

const HELP: &str = "Touchline sends you a few tips about your deals.\n\
`/touchline pause today`: nothing more today\n\
`/touchline pause week`: nothing until Monday\n\
`/touchline pause 2026-12-01`: nothing until that date\n\
`/touchline help`: this text";

/// What somebody typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Hear nothing for a while.
    Pause(PauseFor),
    /// Anything else: show what can be typed.
    Help,
}

impl Command {
    /// Reads the text after the command's name.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut words = text.split_whitespace();
        let (verb, rest) = (words.next(), words.next());
        if verb != Some("pause") || words.next().is_some() {
            return Command::Help;
        }
        match rest {
            None | Some("today") => Command::Pause(PauseFor::Today),
            Some("week") => Command::Pause(PauseFor::ThisWeek),
            Some(date) => match local_date(date) {
                Some(date) => Command::Pause(PauseFor::Until(date)),
                None => Command::Help,
            },
        }
    }

    /// The reply that only the person who typed sees. Sent once the command is
    /// durable.
    #[must_use]
    pub fn reply(&self) -> Reply {
        let text = match self {
            Command::Pause(PauseFor::Today) => "Paused: you will hear nothing more today.".into(),
            Command::Pause(PauseFor::ThisWeek) => "Paused until Monday.".into(),
            Command::Pause(PauseFor::Until(date)) => format!("Paused until {date}."),
            Command::Help => HELP.to_owned(),
        };
        let body = serde_json::json!({ "response_type": "ephemeral", "text": text });
        Reply {
            status: 200,
            content_type: Some("application/json; charset=utf-8"),
            body: body.to_string().into_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_type() {
        let until = |date: &str| Command::Pause(PauseFor::Until(date.into()));
        for (text, command) in [
            ("pause", Command::Pause(PauseFor::Today)),
            ("  pause   today ", Command::Pause(PauseFor::Today)),
            ("pause week", Command::Pause(PauseFor::ThisWeek)),
            ("pause 2026-12-01", until("2026-12-01")),
            ("pause 2026-13-01", Command::Help),
            ("pause for a while", Command::Help),
            ("", Command::Help),
            ("help", Command::Help),
            ("<!channel>", Command::Help),
        ] {
            assert_eq!(Command::read(text), command, "{text}");
        }
    }

    #[test]
    fn the_reply_says_what_will_happen() {
        let reply = |text| String::from_utf8(Command::read(text).reply().body).unwrap();
        assert!(reply("pause 2026-12-01").contains("Paused until 2026-12-01."));
        assert!(reply("help").contains("/touchline pause week"));
    }
}
