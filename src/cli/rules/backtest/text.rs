//! A back-test's report for people: at most [`COLUMNS`] wide, without colour.

use std::fmt::Write as _;

use touchline_rules::backtest::{
    Attention, EXAMPLES_MAX, Example, LATE_DAYS, PerWeek, Report, RuleReport, Share, WINDOW_DAYS,
};
use touchline_rules::ruleset::Scope;
use touchline_rules::{Calendar, UnixMs};

use super::comparison;
use crate::cli::counted::counted;
use crate::coaching::ledger::in_words;

/// Letters in a line.
pub(super) const COLUMNS: usize = 100;
/// The widest label of a line, with its indent.
const LABEL: usize = 15;
/// Said on every part of a report whose times were derived.
pub(super) const ESTIMATES: &str = "estimates";

/// The whole report.
pub(super) fn told(report: &Report, rules_from: &str, calendar: &Calendar) -> String {
    let mut out = Page::new(report.estimated);
    opening(&mut out, report, rules_from, calendar);
    table(&mut out, report);
    rule(&mut out, report, &report.total, calendar);
    for one in report.rules.iter().filter(|one| one.firings > 0) {
        rule(&mut out, report, one, calendar);
    }
    silent(&mut out, report);
    partly(&mut out, report);
    if let Some(comparison) = &report.against {
        comparison::told(&mut out, comparison, calendar);
    }
    closing(&mut out, report);
    out.text
}

/// Text that is written part by part.
pub(super) struct Page {
    text: String,
    estimated: bool,
}

impl Page {
    fn new(estimated: bool) -> Page {
        Page { text: String::new(), estimated }
    }

    /// The title of a part.
    pub(super) fn title(&mut self, title: &str) {
        let mark = if self.estimated { format!(" ({ESTIMATES})") } else { String::new() };
        let room = COLUMNS - 4 - mark.len();
        let _ = writeln!(self.text, "\n── {}{mark}", shortened(title, room));
    }

    /// A line as it is.
    pub(super) fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "{}", line.trim_end());
    }

    /// A labelled text, wrapped.
    pub(super) fn labelled(&mut self, label: &str, text: &str) {
        let mut line = format!("  {label:<width$}", width = LABEL - 2);
        let mut width = LABEL;
        for word in text.split_whitespace() {
            let letters = word.chars().count();
            if width + 1 + letters > COLUMNS && width > LABEL {
                self.line(&line);
                line = " ".repeat(LABEL);
                width = LABEL;
            }
            if width > LABEL {
                line.push(' ');
                width += 1;
            }
            line.push_str(word);
            width += letters;
        }
        self.line(&line);
    }
}

/// `text`, or its beginning and a sign that something follows.
pub(super) fn shortened(text: &str, letters_max: usize) -> String {
    if text.chars().count() <= letters_max {
        return text.to_owned();
    }
    text.chars().take(letters_max.saturating_sub(1)).chain(['…']).collect()
}

/// `1,234`
pub(super) fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

pub(super) fn day(at: UnixMs, calendar: &Calendar) -> String {
    at.to_zoned(&calendar.zone).strftime("%-d %b %Y").to_string()
}

fn percent(share: Share) -> String {
    share.share.map_or_else(|| "–".to_owned(), |share| format!("{:.1} %", share * 100.0))
}

fn opening(out: &mut Page, report: &Report, rules_from: &str, calendar: &Calendar) {
    let last = report.until.plus_ms(-1);
    out.line(&format!(
        "Back-test of {} from {} to {} ({})",
        counted(report.rules.len(), "rule"),
        day(report.since, calendar),
        day(last, calendar),
        report.time_zone.as_deref().unwrap_or("UTC"),
    ));
    out.line(&format!(
        "{} changes; {} deals, {} of them lost; {} weeks of sellers",
        number(report.changes),
        number(report.deals),
        number(report.lost_deals),
        number(report.seller_weeks)
    ));
    out.labelled("rules", rules_from);
    if report.estimated {
        out.line("The times of this past are estimates, and so is every number below.");
    }
}

fn table(out: &mut Page, report: &Report) {
    out.title("All rules");
    out.line(&format!(
        "  {:<30} {:>8} {:>8} {:>17} {:>9} {:>10} {:>9}",
        "", "", "", "a seller's week", "median", "settled", "sent"
    ));
    out.line(&format!(
        "  {:<30} {:>8} {:>8} {:>17} {:>9} {:>10} {:>9}",
        "rule", "firings", "of deals", "median/90 %/most", "lead days", "by itself", "of it"
    ));
    for one in report.rules.iter().chain([&report.total]) {
        let PerWeek { median, p90, highest } = one.per_seller_week;
        let lead =
            one.lead_time.median_days.map_or_else(|| "–".to_owned(), |days| days.to_string());
        out.line(&format!(
            "  {:<30} {:>8} {:>8} {:>17} {:>9} {:>10} {:>9}",
            shortened(&one.rule, 30),
            number(one.firings),
            percent(one.deals),
            format!("{median} / {p90} / {highest}"),
            lead,
            percent(one.self_corrected.within_window),
            number(one.sent()),
        ));
    }
}

fn rule(out: &mut Page, report: &Report, one: &RuleReport, calendar: &Calendar) {
    let name = if one.pack.is_empty() { String::new() } else { format!("{}: ", one.rule) };
    out.title(&format!("{name}{}", one.title));
    let is_private = one.scope == Scope::Person;
    fires(out, one);
    let PerWeek { median, p90, highest } = one.per_seller_week;
    out.labelled(
        "a seller",
        &format!(
            "in half of the weeks at most {median}, in nine of ten at most {p90}, never more than {highest}"
        ),
    );
    if is_private {
        by_itself(out, one);
        return attention(out, &one.attention);
    }
    lead_time(out, one);
    by_itself(out, one);
    let lost = one.lost;
    out.labelled(
        "lost deals",
        &format!(
            "of {}: it spoke before the loss of {} ({} of them for the first time in the last {LATE_DAYS} days), only afterwards of {}, never of {}",
            number(report.lost_deals),
            number(lost.before),
            number(lost.late),
            number(lost.after),
            number(lost.never)
        ),
    );
    let even = one.concentration;
    out.labelled(
        "evenness",
        &format!(
            "the busiest tenth of sellers has {} of the firings, the busiest tenth of the deals spoken of {}",
            percent(even.busiest_tenth_of_sellers),
            percent(even.busiest_tenth_of_deals)
        ),
    );
    attention(out, &one.attention);
    for example in one.examples.iter().take(EXAMPLES_MAX) {
        example_of(out, example, calendar);
    }
}

fn fires(out: &mut Page, one: &RuleReport) {
    let (times, deals) = (number(one.firings), one.deals);
    let text = match one.scope {
        Scope::Deal => format!(
            "{times} times, on {} of {} deals ({})",
            number(deals.count),
            number(deals.of),
            percent(deals)
        ),
        Scope::Person => {
            format!(
                "{times} times. It speaks to people about themselves: of it there are only numbers"
            )
        }
    };
    out.labelled("fires", &text);
}

fn lead_time(out: &mut Page, one: &RuleReport) {
    let lead = one.lead_time;
    let text = match (lead.p10_days, lead.median_days, lead.p90_days) {
        (Some(p10), Some(median), Some(p90)) => format!(
            "{median} days before the deal's end in the middle, {p10} to {p90} for eight in ten ({} on deals that ended)",
            counted_firings(lead.firings)
        ),
        _ => "no deal ended after it".to_owned(),
    };
    out.labelled("lead time", &text);
}

fn by_itself(out: &mut Page, one: &RuleReport) {
    let own = one.self_corrected;
    let text = format!(
        "{} settled within the window ({} of {}), {} of them while the message would still have waited; of {} the deal ended, of {} the reason stayed, of {} nothing is known yet",
        percent(own.within_window),
        number(own.within_window.count),
        number(own.within_window.of),
        number(own.before_message),
        number(own.deal_ended),
        number(own.stayed),
        number(own.unknown)
    );
    out.labelled("by itself", &text);
}

fn counted_firings(n: u64) -> String {
    format!("{} {}", number(n), if n == 1 { "firing" } else { "firings" })
}

/// Parts that add up to the firings.
fn attention(out: &mut Page, one: &Attention) {
    let mut parts = vec![
        format!("{} interruptions", number(one.interruptions)),
        format!("{} digest items", number(one.digest_items)),
    ];
    if one.sent_later > 0 {
        parts.push(format!("({} of these had to wait)", number(one.sent_later)));
    }
    if one.card > 0 {
        parts.push(format!("{} on the card", number(one.card)));
    }
    let not_sent: u64 = one.not_sent.values().sum();
    parts.push(format!("{} not sent", number(not_sent)));
    if one.open > 0 {
        parts.push(format!("{} open at the end", number(one.open)));
    }
    out.labelled("attention", &parts.join(", ").replace(", (", " ("));
    let budget = one.budget_used;
    let used = format!(
        "{} of the {} interruptions that all readers together may be sent ({})",
        number(budget.count),
        number(budget.of),
        percent(budget)
    );
    out.labelled("budget", if budget.of > 0 { &used } else { "without a limit" });
    let mut reasons: Vec<_> = one.not_sent.iter().collect();
    reasons.sort_by_key(|(word, n)| (std::cmp::Reverse(**n), **word));
    for (word, n) in reasons {
        out.labelled("", &format!("{} {word}: {}", number(*n), in_words(word)));
    }
}

fn example_of(out: &mut Page, example: &Example, calendar: &Calendar) {
    let fate = match example.fate {
        "interruption" => "sent as a message of its own",
        "digest" => "sent in a digest",
        "card" => "kept for the card",
        "open" => "open at the end",
        word => word,
    };
    let headline = example.headline.as_deref().unwrap_or("its text could not be written");
    let at = day(example.at, calendar);
    let decided = example.decided_at.map(|at| day(at, calendar)).filter(|decided| *decided != at);
    let decided = decided.map_or_else(String::new, |decided| format!(" on {decided}"));
    out.labelled("for example", &format!("{at}, “{headline}”: {fate}{decided}"));
    for line in &example.saw {
        out.labelled("", &format!("• {line}"));
    }
}

fn silent(out: &mut Page, report: &Report) {
    let is_inactive = |id: &str| report.inactive.iter().any(|one| one.rule == id);
    let mut silent = report.rules.iter().filter(|one| one.firings == 0 && !is_inactive(&one.rule));
    if let Some(first) = silent.next() {
        out.title("Rules that never fired");
        for one in std::iter::once(first).chain(silent) {
            out.line(&format!("  {}", one.rule));
        }
    }
    if report.inactive.is_empty() {
        return;
    }
    out.title("Rules that are inactive: this past never tells what they rest on");
    for one in &report.inactive {
        let facts = one.missing.join(", ");
        let mut line = format!("  {:<30}", one.rule);
        for fact in facts.split(' ') {
            if line.chars().count() + 1 + fact.chars().count() > COLUMNS {
                out.line(&line);
                line = " ".repeat(32);
            }
            line.push(' ');
            line.push_str(fact);
        }
        out.line(&line);
    }
}

/// What a past tells of people only in part, a line each.
fn partly(out: &mut Page, report: &Report) {
    if report.partly.is_empty() {
        return;
    }
    out.title("Rules about people of which this past tells only a part");
    for one in &report.partly {
        out.line(&format!("  {}", one.rule));
        out.labelled("", &format!("{} ({})", one.why, one.facts.join(", ")));
    }
}

fn closing(out: &mut Page, report: &Report) {
    out.line("");
    out.line(&format!(
        "The window is the one in which a rule looks for its outcome, or {WINDOW_DAYS} days. Nobody was told anything in"
    ));
    out.line("this past: what was settled was settled without a message. None of this shows that a rule helps.");
    if report.estimated {
        out.line("The times of this past are estimates, and so is all that follows from them.");
    }
}
