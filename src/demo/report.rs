//! What the demo prints.

use std::fmt::Write as _;

use touchline_rules::UnixMs;
use touchline_slack::fake::{FakeMessage, pretty};

use crate::roles::outcomes::MET;
use crate::store::Summary;

/// A message as its reader sees it, with the reader's own wall clock.
#[must_use]
pub fn message(message: &FakeMessage, zone: &str) -> String {
    let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let at = message.posted_at.to_zoned(&zone).strftime("%a %-d %b %H:%M").to_string();
    format!("── {at} · to {} ──\n{}\n", message.user_name, pretty(message))
}

/// The last lines: what happened, in numbers.
#[must_use]
pub fn summary(from: UnixMs, until: UnixMs, summary: &Summary, counts: &[(String, i64)]) -> String {
    let count = |name: &str| counts.iter().find(|(known, _)| known == name).map_or(0, |(_, n)| *n);
    let total = |groups: &[(String, u64)]| groups.iter().map(|(_, n)| n).sum::<u64>();
    let mut out = String::new();
    let days = (until.since_ms(from) as f64 / touchline_rules::time::DAY_MS as f64).round();
    let mut line = |text: String| {
        let _ = writeln!(out, "{text}");
    };
    line(format!("━━ {days} simulated days, {} to {} ━━", date(from), date(until)));
    line(format!(
        "events accepted     {:>6}   ({} changes, {} doubles)",
        count("events"),
        count("changes"),
        count("doubles")
    ));
    line(format!("deals known         {:>6}", total(&summary.deals)));
    line(format!("rules fired         {:>6}", total(&summary.firings)));
    for (rule, n) in &summary.firings {
        line(format!("    {rule:<32} {n:>5}"));
    }
    line(format!("messages and tasks  {:>6}", total(&summary.deliveries)));
    for (state, n) in &summary.deliveries {
        line(format!("    {state:<32} {n:>5}"));
    }
    line(format!("not sent            {:>6}", total(&summary.suppressed)));
    for (reason, n) in &summary.suppressed {
        line(format!("    {reason:<32} {n:>5}"));
    }
    line(format!("answers             {:>6}", count("answers")));
    let looked = |kind: &str| ["asked_reason", "asked_until", "shown", "shown_why"].contains(&kind);
    for (kind, n) in summary.outcomes.iter().filter(|(kind, _)| !looked(kind) && kind != MET) {
        line(format!("    {kind:<32} {n:>5}"));
    }
    let met = summary.outcomes.iter().find(|(kind, _)| kind == MET).map_or(0, |(_, n)| *n);
    line(format!("hopes that came true{met:>6}   (what a rule asked for was done in time)"));
    out
}

fn date(at: UnixMs) -> String {
    at.to_zoned(&jiff::tz::TimeZone::UTC).date().to_string()
}
