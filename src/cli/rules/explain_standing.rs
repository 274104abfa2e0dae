//! How a rule stands, as `rules explain` says it: a rule that rests, is watched or
//! is not meant for this deal says nothing, whatever its condition finds.

use touchline_rules::UnixMs;
use touchline_rules::condition::Truth;
use touchline_rules::life::RuleState;
use touchline_rules::ruleset::Rule;

use crate::lifecycle::book::{MUTE, RuleBook};

/// What keeps a rule silent, whatever its condition says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// One word for it.
    pub verdict: &'static str,
    /// The same in a sentence.
    pub because: String,
    /// Whether the condition is worked out all the same.
    pub is_watched: bool,
}

/// What keeps `rule` from speaking of what belongs to `owner`: a deal of theirs,
/// or, for a rule about a person, themselves.
pub(super) fn kept(book: &RuleBook, rule: &Rule, owner: Option<&str>) -> Option<Kept> {
    let life = book.life_of(rule);
    let standing = book.standing(&rule.id);
    let since = || {
        let why = if life.why.is_empty() { String::new() } else { format!(" ({})", life.why) };
        format!("since {}{why}", day(life.since))
    };
    let resting = |verdict, how: &str| {
        Some(Kept { verdict, because: format!("{how} {}", since()), is_watched: false })
    };
    match standing.state {
        RuleState::Retired => return resting("retired", "the rule is out of use"),
        RuleState::Paused => return resting("resting", "the rule is paused"),
        RuleState::Draft => return resting("resting", "the rule is a draft"),
        RuleState::Shadow | RuleState::Trial | RuleState::On => {}
    }
    if !standing.reach.covers(owner.unwrap_or_default()) {
        let verdict =
            if rule.scope.is_deal() { "not for this deal" } else { "not for this person" };
        return Some(Kept { verdict, because: team(book, rule, owner), is_watched: false });
    }
    let is_watched = !standing.state.speaks();
    is_watched.then(|| Kept {
        verdict: "only watched",
        because: format!("worked out and told to nobody {}", since()),
        is_watched,
    })
}

/// Whose choice it is that the rule is not for this one.
fn team(book: &RuleBook, rule: &Rule, owner: Option<&str>) -> String {
    let life = book.life_of(rule);
    if !life.team.is_empty() {
        return format!("it is the rule of the team of {}", life.team);
    }
    let mut choices = book.rows.choices.iter();
    let muted = choices.find(|choice| {
        let members = book.teams.members(&choice.team);
        choice.rule_id == rule.id
            && choice.kind == MUTE
            && owner.is_some_and(|owner| members.contains(owner))
    });
    match muted {
        Some(choice) => format!("the team of {} muted it", choice.team),
        None => "a team muted it".to_owned(),
    }
}

/// What the condition finds, for who reads that the rule says nothing anyhow.
pub(super) fn finds(truth: Truth, of: &str) -> String {
    let word = match truth {
        Truth::True => "true",
        Truth::False => "not true",
        Truth::Unknown => "unknown",
    };
    format!("its condition is {word} of {of}")
}

/// The day of an instant, in UTC.
fn day(at: UnixMs) -> String {
    at.to_string().chars().take_while(|letter| *letter != 'T').collect()
}
