//! What a rule set does otherwise than another one, for people.

use touchline_rules::Calendar;
use touchline_rules::backtest::{Comparison, Differing, RuleChange, Verdict};

use super::text::{Page, day, number, shortened};

/// The part of the report that compares.
pub(super) fn told(out: &mut Page, comparison: &Comparison, calendar: &Calendar) {
    out.title("Held against the other rules");
    out.line(&format!(
        "  {} firings instead of {}, {} of them sent instead of {}",
        number(comparison.firings_after),
        number(comparison.firings_before),
        number(comparison.sent_after),
        number(comparison.sent_before)
    ));
    let differ = |change: &&RuleChange| change.verdict != Verdict::Same;
    if !comparison.rules.iter().any(|change| differ(&change)) {
        out.line("  every rule fires just as before");
        return;
    }
    out.line(&format!(
        "  {:<30} {:<19} {:>10} {:>10} {:>10} {:>12}",
        "rule", "", "before", "now", "the same", "sent now"
    ));
    for change in comparison.rules.iter().filter(differ) {
        out.line(&format!(
            "  {:<30} {:<19} {:>10} {:>10} {:>10} {:>12}",
            shortened(&change.rule, 30),
            change.verdict.words(),
            number(change.before),
            number(change.after),
            number(change.same),
            number(change.sent_after)
        ));
        examples(out, "gone", &change.gone, calendar);
        examples(out, "added", &change.added, calendar);
    }
    let same = comparison.rules.iter().filter(|change| !differ(change)).count();
    if same > 0 {
        out.line(&format!("  and {same} that fire just as before"));
    }
}

fn examples(out: &mut Page, label: &str, of: &[Differing], calendar: &Calendar) {
    let mut of: Vec<_> = of.iter().collect();
    of.sort_by_key(|one| one.at);
    let told: Vec<_> =
        of.into_iter().map(|one| format!("{}: {}", day(one.at, calendar), one.deal)).collect();
    if !told.is_empty() {
        out.labelled(&format!("  {label}"), &told.join("; "));
    }
}
