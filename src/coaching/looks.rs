//! How a nudge looks after an answer. What is stored is the meaning; the words
//! of the quiet line are made here and nowhere else.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use touchline_kit::CardView;
use touchline_rules::attention::NotHelpful;
use touchline_rules::ruleset::Scope;

use super::nudges::NudgeBody;

/// Characters of a deal's name or a tip's title that a quiet line shows, so that
/// what follows is never cut off.
const NAME_CHARS_MAX: usize = 80;

/// How a nudge looks now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Look {
    /// With its buttons.
    #[default]
    Open,
    /// Asking why it was not helpful.
    AskReason,
    /// Asking until which date to pause.
    AskUntil,
    /// Asking for another date: what was wrong with the one before.
    AskAgain(String),
    /// With the explanation unfolded.
    Why,
    /// With the answers to the lesson's question.
    Answers,
    /// As one quiet line.
    Settled(Settled),
}

/// What settled a nudge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    /// It was acted upon.
    Done,
    /// It did not help, and this is why.
    NotHelpful(NotHelpful),
    /// The reader wants no more of its rule.
    Muted,
    /// It comes again on this day of the reader's.
    Snoozed(Date),
    /// The reader hears nothing until this day.
    Paused(Date),
    /// Its reason went away.
    NoLongerNeeded,
}

impl Look {
    /// What of `nudge` is shown.
    #[must_use]
    pub fn view(&self, nudge: &NudgeBody) -> CardView {
        match self {
            Look::Open => CardView::Open,
            Look::AskReason => CardView::AskReason,
            Look::AskUntil => CardView::AskUntil,
            Look::AskAgain(wrong) => CardView::AskAgain(wrong.clone()),
            Look::Why => CardView::Why,
            Look::Answers => CardView::Answers,
            Look::Settled(Settled::NoLongerNeeded) if nudge.firing.scope == Scope::Person => {
                CardView::Quiet(format!("{}: no longer so.", short(&nudge.rule_title)))
            }
            Look::Settled(settled) => {
                CardView::Quiet(settled.line(&nudge.deal_name, &nudge.rule_title))
            }
        }
    }
}

impl Settled {
    /// The quiet line: which deal it was about, and what became of it. Plain
    /// text; whoever shows it escapes it.
    #[must_use]
    pub fn line(&self, deal: &str, tip: &str) -> String {
        let (deal, tip) = (short(deal), short(tip));
        let day = |date: &Date| date.strftime("%A %-d %B").to_string();
        match self {
            Settled::Done => format!("{deal}: done, thank you."),
            Settled::NotHelpful(NotHelpful::AlreadyDone) => {
                format!("{deal}: had been done already. Noted, thank you.")
            }
            Settled::NotHelpful(NotHelpful::NotTrueHere) => {
                format!("{deal}: not true here. Noted, thank you.")
            }
            Settled::NotHelpful(NotHelpful::NotNow) => {
                format!("{deal}: not the right moment. Noted, thank you.")
            }
            Settled::Muted | Settled::NotHelpful(NotHelpful::StopThisTip) => {
                format!("{deal}: noted. You will not see “{tip}” again.")
            }
            Settled::Snoozed(until) => format!("{deal}: snoozed until {}.", day(until)),
            Settled::Paused(until) => {
                format!("{deal}: set aside. You will hear nothing until {}.", day(until))
            }
            Settled::NoLongerNeeded => format!("{deal}: no longer needed, the deal moved on."),
        }
    }
}

/// A name as far as a line has room for it.
fn short(name: &str) -> String {
    let name = name.trim();
    if name.chars().count() <= NAME_CHARS_MAX {
        return name.to_owned();
    }
    let kept: String = name.chars().take(NAME_CHARS_MAX - 1).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    const ALL: [Settled; 9] = [
        Settled::Done,
        Settled::NotHelpful(NotHelpful::AlreadyDone),
        Settled::NotHelpful(NotHelpful::NotTrueHere),
        Settled::NotHelpful(NotHelpful::NotNow),
        Settled::NotHelpful(NotHelpful::StopThisTip),
        Settled::Muted,
        Settled::Snoozed(date(2026, 3, 20)),
        Settled::Paused(date(2026, 3, 23)),
        Settled::NoLongerNeeded,
    ];

    #[test]
    fn every_quiet_line_names_its_deal() {
        let lines = ALL.map(|settled| settled.line("Birch Systems", "The deal went back a stage"));
        insta::assert_snapshot!(lines.join("\n"), @"
        Birch Systems: done, thank you.
        Birch Systems: had been done already. Noted, thank you.
        Birch Systems: not true here. Noted, thank you.
        Birch Systems: not the right moment. Noted, thank you.
        Birch Systems: noted. You will not see “The deal went back a stage” again.
        Birch Systems: noted. You will not see “The deal went back a stage” again.
        Birch Systems: snoozed until Friday 20 March.
        Birch Systems: set aside. You will hear nothing until Monday 23 March.
        Birch Systems: no longer needed, the deal moved on.
        ");
    }

    #[test]
    fn a_long_name_leaves_room_for_what_became_of_it() {
        let endless = "Ærø & <!channel> ".repeat(100);
        for settled in ALL {
            let line = settled.line(&endless, &endless);
            assert!(line.chars().count() < 250 && line.contains('…'), "{line}");
            assert!(line.ends_with('.'), "{line}");
        }
    }
}
