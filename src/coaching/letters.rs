//! Letters: what is written to a person beside nudges. The weekly list of what was
//! not sent, one's own settings, and to admins what waits for them. No limit
//! counts them, and each is written once.

use jiff::tz::TimeZone;
use touchline_rules::UnixMs;
use touchline_rules::attention::{MassLimit, PersonalChoice, Tally, Week};
use touchline_rules::facts::ActorKind;
use touchline_rules::ruleset::RuleSet;
use touchline_rules::time::MINUTE_MS;

use super::deliveries::Letter;
use super::ledger::in_words;
use super::nudges::NudgeBody;
use crate::store::{HoldReport, NudgeRow, Spared};

/// Kinds of tips counted one by one; the others are one line.
const KINDS_SHOWN: usize = 8;

/// A person's list of what they were not bothered with in a week although it was so:
/// see [`super::ledger::held_back`]. `None` when there is nothing to tell.
#[must_use]
pub fn weekly(spared: &Spared, week: &Week, rules: &RuleSet, zone: &TimeZone) -> Option<Letter> {
    let all: u64 = spared.counts.iter().map(|(.., times)| times).sum();
    if all == 0 {
        return None;
    }
    let since = week.since.to_zoned(zone).strftime("%A %-d %B").to_string();
    let mut lines = vec![format!("Since {since}, {} did not reach you:", tips(all))];
    lines.extend(by_rule(spared, rules));
    if !spared.first.is_empty() {
        lines.push(String::new());
        lines.push("The most important of them:".to_owned());
        lines.extend(spared.first.iter().map(|(_, nudge)| format!("• {}", headline(nudge))));
    }
    lines.push(String::new());
    lines.push(
        "/touchline spared lists the newest with their reasons; /touchline weekly off ends this list."
            .to_owned(),
    );
    Some(Letter { title: "What you were not bothered with this week".to_owned(), lines })
}

fn by_rule(spared: &Spared, rules: &RuleSet) -> Vec<String> {
    let shown = spared.counts.iter().take(KINDS_SHOWN).map(|(rule, reason, times)| {
        format!("• {times} × {}: {}", titled(rule, rules), in_words(reason))
    });
    let mut lines: Vec<String> = shown.collect();
    let rest: u64 = spared.counts.iter().skip(KINDS_SHOWN).map(|(.., times)| times).sum();
    if rest > 0 {
        lines.push(format!("• {rest} × other tips"));
    }
    lines
}

/// The newest of a person's ledger, each with its reason.
#[must_use]
pub fn spared(newest: &[(String, String, UnixMs)], zone: &TimeZone) -> Letter {
    let title = "What you were not bothered with lately".to_owned();
    if newest.is_empty() {
        return Letter { title, lines: vec!["Nothing was held back from you.".to_owned()] };
    }
    let lines = newest.iter().map(|(headline, reason, at)| {
        let day = at.to_zoned(zone).strftime("%-d %B").to_string();
        format!("• {day}: {headline}. {}", in_words(reason))
    });
    Letter { title, lines: lines.collect() }
}

/// What is set for a person.
#[must_use]
pub fn settings(
    choice: &PersonalChoice,
    muted: &[String],
    paused_until: Option<UnixMs>,
    zone: &TimeZone,
) -> Letter {
    let mut lines = choice.lines();
    lines.extend(muted.iter().map(|rule| format!("mute {rule}")));
    lines.extend(paused_until.map(|until| {
        let day = until.to_zoned(zone).strftime("%A %-d %B").to_string();
        format!("paused until {day}; /touchline resume ends it")
    }));
    if lines.is_empty() {
        lines.push("You chose nothing: everything is as your company set it.".to_owned());
    } else {
        lines.push(String::new());
        lines.push("Your company’s own limits hold beside these.".to_owned());
    }
    Letter { title: "Your settings".to_owned(), lines }
}

/// What an admin is told when somebody's mass change is held back.
#[must_use]
pub fn notice(
    report: &HoldReport,
    who: &str,
    limit: &MassLimit,
    readers: &dyn Fn(&str) -> String,
) -> Letter {
    let hold = &report.hold;
    let marked = Tally::is_marked(kind_of(&hold.actor));
    let what = if marked {
        format!("{who} changed deals in bulk in {}.", hold.connection)
    } else {
        let minutes = limit.within_ms / MINUTE_MS;
        format!(
            "{who} changed more than {} deals within {minutes} minutes in {}.",
            limit.deals, hold.connection
        )
    };
    let mut lines = vec![
        what,
        "What rules say of that is held back until you decide. Nothing more of it is sent meanwhile."
            .to_owned(),
        String::new(),
        match report.left {
            0 => "Nothing of it had left before.".to_owned(),
            left => format!("{left} had left before:"),
        },
    ];
    lines.extend(report.left_first.iter().map(|(nudge, channel)| {
        format!("• {} to {} ({channel})", headline(nudge), readers(&nudge.person))
    }));
    let named = u64::try_from(report.left_first.len()).unwrap_or(u64::MAX);
    if report.left > named {
        lines.push(format!("• and {} more", report.left - named));
    }
    lines.extend([
        String::new(),
        format!(
            "touchline admin holds release {} --reason \"…\": let the sellers have them.",
            hold.id
        ),
        format!("touchline admin holds discard {} --reason \"…\": nobody is told.", hold.id),
    ]);
    Letter { title: "A mass change is held back".to_owned(), lines }
}

/// The sort of actor that a tally's name says.
#[must_use]
pub fn kind_of(actor: &str) -> ActorKind {
    let word = actor.split(':').next().unwrap_or_default();
    ActorKind::ALL.into_iter().find(|kind| kind.name() == word).unwrap_or_default()
}

/// What a nudge says in one line, as it was written.
#[must_use]
pub fn headline(nudge: &NudgeRow) -> String {
    let body = serde_json::from_slice::<NudgeBody>(&nudge.body);
    body.map_or_else(|_| nudge.rule_id.clone(), |body| body.headline)
}

fn titled(rule: &str, rules: &RuleSet) -> String {
    let known = rules.rule(rule);
    known.map_or_else(|| rule.to_owned(), |known| format!("{} ({rule})", known.title))
}

fn tips(count: u64) -> String {
    if count == 1 { "1 tip".to_owned() } else { format!("{count} tips") }
}
