//! The last lines of the demo: what happened, in numbers that add up.

use std::fmt::Write as _;

use touchline_rules::UnixMs;
use touchline_rules::time::DAY_MS;

use crate::coaching::deliveries::{CHAT, HELLO, NOTE, TASK};
use crate::coaching::ledger::in_words;
use crate::roles::outcomes::MET;
use crate::store::Summary;

/// Kinds of events, by the name of their count.
const EVENTS: [(&str, &str); 7] = [
    ("changes", "changes of deals"),
    ("doubles", "changes heard before; each counts once"),
    ("activities", "news of e-mails, calls, meetings, notes and tasks, our own too"),
    ("clicks", "clicks in chat"),
    ("records_read", "records read from the CRM"),
    ("ignored", "of no use to any rule"),
    ("unreadable", "unreadable; kept as dead letters"),
];
/// What people answered, by the name of the outcome. Looking is no answer.
const ANSWERS: [(&str, &str); 6] = [
    ("done", "done"),
    ("answered", "snoozed or paused"),
    ("already_done", "already done"),
    ("not_true_here", "not true here"),
    ("not_now", "not now"),
    ("muted", "stop this tip"),
];
/// Everything that happened between two instants.
pub struct Totals<'a> {
    /// The first instant.
    pub from: UnixMs,
    /// The last.
    pub until: UnixMs,
    /// What the store holds.
    pub summary: &'a Summary,
    /// The service's own counts.
    pub counts: &'a [(String, i64)],
}

impl Totals<'_> {
    /// The lines.
    #[must_use]
    pub fn told(&self) -> String {
        let mut out = Lines::default();
        let days = (self.until.since_ms(self.from) as f64 / DAY_MS as f64).round();
        let days =
            if days == 1.0 { "1 simulated day".into() } else { format!("{days} simulated days") };
        out.plain(&format!("━━ {days}, {} to {} ━━", date(self.from), date(self.until)));
        self.events(&mut out);
        let summary = self.summary;
        out.total("deals known", sum(&summary.deals));
        out.total("rules fired", sum(&summary.firings));
        summary.firings.iter().for_each(|(rule, n)| out.part(*n, rule));
        out.total("managers asked", summary.questions);
        self.fates(&mut out);
        self.messages(&mut out);
        self.answers(&mut out);
        out.0
    }

    fn count(&self, name: &str) -> u64 {
        let found = self.counts.iter().find(|(known, _)| known == name);
        found.map_or(0, |(_, n)| n.unsigned_abs())
    }

    fn events(&self, out: &mut Lines) {
        out.total("events accepted", self.count("events"));
        for (name, told) in EVENTS {
            out.part(self.count(name), told);
        }
    }

    /// Each firing has one reader, and each question to a manager too, so these parts
    /// add up to both.
    fn fates(&self, out: &mut Lines) {
        let summary = self.summary;
        out.total("of these, said", summary.fates.sent);
        out.total("open at the end", summary.fates.waiting + summary.fates.held);
        out.total("not said", sum(&summary.suppressed));
        for (reason, n) in &summary.suppressed {
            out.part(*n, &format!("{reason:<16} {}", in_words(reason)));
        }
    }

    fn messages(&self, out: &mut Lines) {
        let sent = |channel: &str| {
            let of = self.summary.deliveries.iter();
            let of = of.filter(|(known, state, _)| {
                known == channel && (state == "sent" || state == "accepted")
            });
            of.map(|(_, _, n)| *n).sum::<u64>()
        };
        let channels = [
            (CHAT, "messages in chat; a digest says several things in one"),
            (HELLO, "hellos in chat"),
            (TASK, "tasks in the CRM"),
            (NOTE, "notes in the CRM"),
        ];
        out.total("sent", channels.iter().map(|(channel, _)| sent(channel)).sum());
        for (channel, told) in channels {
            out.part(sent(channel), told);
        }
    }

    fn answers(&self, out: &mut Lines) {
        let outcome = |name: &str| {
            let found = self.summary.outcomes.iter().find(|(kind, _)| kind == name);
            found.map_or(0, |(_, n)| *n)
        };
        out.total("answers", ANSWERS.iter().map(|(name, _)| outcome(name)).sum());
        for (name, told) in ANSWERS {
            out.part(outcome(name), told);
        }
        out.total("came true in time", outcome(MET));
        out.plain("    what a rule hoped for was seen in the CRM; not that the tip was why");
    }
}

fn sum(groups: &[(String, u64)]) -> u64 {
    groups.iter().map(|(_, n)| n).sum()
}

fn date(at: UnixMs) -> String {
    at.to_zoned(&jiff::tz::TimeZone::UTC).date().to_string()
}

/// Lines with their numbers in one column.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn plain(&mut self, text: &str) {
        let _ = writeln!(self.0, "{text}");
    }

    fn total(&mut self, what: &str, n: u64) {
        let _ = writeln!(self.0, "{what:<18}{n:>8}");
    }

    /// A part of the total above; none is not worth a line.
    fn part(&mut self, n: u64, what: &str) {
        if n > 0 {
            let _ = writeln!(self.0, "{n:>12}  {what}");
        }
    }
}
