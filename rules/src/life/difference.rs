//! What differs between two versions of a rule, in words.

use std::fmt::Display;

use crate::baseline::{Threshold, WonThreshold};
use crate::condition::Condition;
use crate::facts::schema::place;
use crate::ruleset::{AppliesTo, Audience, OutcomeRule, Rule};

/// Characters of an old and a new text that are shown side by side.
const SHOWN_CHARS_MAX: usize = 160;

/// What `new` says otherwise than `old`, one line for each; none if they say
/// the same.
#[must_use]
pub fn difference(old: &Rule, new: &Rule) -> Vec<String> {
    let mut lines = Vec::new();
    whom(old, new, &mut lines);
    conditions(old, new, &mut lines);
    manner(old, new, &mut lines);
    words(old, new, &mut lines);
    care(old, new, &mut lines);
    lines
}

fn whom(old: &Rule, new: &Rule, lines: &mut Vec<String>) {
    moved("pack", Some(&old.pack), Some(&new.pack), lines);
    moved("about a", Some(old.scope.name()), Some(new.scope.name()), lines);
    if old.applies_to != new.applies_to {
        let which = |it: AppliesTo| if it == AppliesTo::Open { "open" } else { "closed" };
        lines.push(format!(
            "looks at {} deals, no longer at {} ones",
            which(new.applies_to),
            which(old.applies_to)
        ));
    }
    if old.on != new.on {
        lines.push(format!("waits for `{}` instead of `{}`", new.on, old.on));
    }
    if old.audience != new.audience {
        let who = |it: Audience| match it {
            Audience::Owner => "the deal's owner",
            Audience::Manager => "the owner's manager",
            Audience::Person => "the person it is about",
        };
        lines.push(format!("told to {}, no longer to {}", who(new.audience), who(old.audience)));
    }
}

fn conditions(old: &Rule, new: &Rule, lines: &mut Vec<String>) {
    if old.threshold != new.threshold {
        let units = [new, old].map(|rule| rule.when.unit_of(place::THRESHOLD));
        let unit = units.into_iter().flatten().next().map(|unit| format!(" {unit}"));
        let unit = unit.unwrap_or_default();
        lines.push(match (old.threshold, new.threshold) {
            (Some(from), Some(to)) => format!("threshold {} → {}", said(from, ""), said(to, &unit)),
            (None, Some(to)) => format!("threshold {}, where there was none", said(to, &unit)),
            _ => "no threshold any more".to_owned(),
        });
    }
    parts(old.when.needs(), new.when.needs(), ("also needs", "does not need any more"), lines);
    let ways = |rule: &'_ Rule| -> Vec<String> {
        let ways = rule.unless.as_ref().map(Condition::ways).unwrap_or_default();
        ways.into_iter().map(str::to_owned).collect()
    };
    let (before, after) = (ways(old), ways(new));
    parts(
        before.iter().map(String::as_str).collect(),
        after.iter().map(String::as_str).collect(),
        ("also keeps silent when", "does not keep silent any more when"),
        lines,
    );
}

/// A threshold in words; the unit follows a number.
fn said(threshold: Threshold, unit: &str) -> String {
    let Threshold::Won(WonThreshold { percentile, of, min_n, fallback }) = threshold else {
        return format!("{threshold}{unit}");
    };
    let own = fallback.map(|own| format!(", else {own}")).unwrap_or_default();
    format!("{percentile}% of won deals by {} (at least {min_n}{own})", of.name())
}

fn parts(old: Vec<&str>, new: Vec<&str>, (added, gone): (&str, &str), lines: &mut Vec<String>) {
    let mut tell = |what: &str, of: &[&str], others: &[&str]| {
        for part in of.iter().filter(|part| !others.contains(part)) {
            lines.push(format!("{what} `{}`", shown(part)));
        }
    };
    tell(added, &new, &old);
    tell(gone, &old, &new);
}

fn manner(old: &Rule, new: &Rule, lines: &mut Vec<String>) {
    moved("attention", Some(old.attention.name()), Some(new.attention.name()), lines);
    let on_the_deal = |rule: &Rule| rule.crm.map(|crm| format!("{crm:?}").to_lowercase());
    match (on_the_deal(old), on_the_deal(new)) {
        (None, Some(to)) => lines.push(format!("also a {to} on the deal")),
        (Some(from), None) => lines.push(format!("no {from} on the deal any more")),
        (from, to) => moved("on the deal", from.as_deref(), to.as_deref(), lines),
    }
    moved("priority", Some(old.priority), Some(new.priority), lines);
    moved("cooldown", old.cooldown, new.cooldown, lines);
    let reminders =
        |rule: &Rule| rule.repeat.map(|repeat| format!("{} × every {}", repeat.max, repeat.every));
    moved("reminders", reminders(old), reminders(new), lines);
    let chance = |rule: &Rule| rule.escalate.as_ref().map(|escalate| escalate.after);
    moved("question to the manager after", chance(old), chance(new), lines);
}

fn words(old: &Rule, new: &Rule, lines: &mut Vec<String>) {
    let (before, after) = (&old.tip, &new.tip);
    let of = |template: &crate::template::Template| template.source().to_owned();
    reworded("title", Some(old.title.clone()), Some(new.title.clone()), lines);
    reworded("headline", Some(of(&before.headline)), Some(of(&after.headline)), lines);
    reworded("body", Some(of(&before.body)), Some(of(&after.body)), lines);
    let question = |rule: &Rule| rule.escalate.as_ref().map(|escalate| of(&escalate.ask));
    reworded("question to the manager", question(old), question(new), lines);
    reworded("why", before.why.as_ref().map(of), after.why.as_ref().map(of), lines);
    moved("lesson", old.lesson.as_ref(), new.lesson.as_ref(), lines);
    moved("skill", old.skill.as_ref(), new.skill.as_ref(), lines);
}

fn care(old: &Rule, new: &Rule, lines: &mut Vec<String>) {
    let hoped =
        |outcome: &OutcomeRule| format!("within {}: {}", outcome.within, outcome.when.source());
    let (before, after) = (old.outcome.as_ref().map(hoped), new.outcome.as_ref().map(hoped));
    reworded("outcome", before, after, lines);
    moved("owner", old.owner.as_ref(), new.owner.as_ref(), lines);
    moved("expires after", old.expires, new.expires, lines);
    if old.evidence != new.evidence {
        lines.push("evidence changed".to_owned());
    }
    let stories = |rule: &Rule| {
        rule.tests
            .iter()
            .map(|test| {
                (test.name.clone(), test.given.clone(), test.then.clone(), test.expect.clone())
            })
            .collect::<Vec<_>>()
    };
    match (old.tests.len(), new.tests.len()) {
        (from, to) if from != to => lines.push(format!("tests {from} → {to}")),
        _ if stories(old) != stories(new) => lines.push("tests changed".to_owned()),
        _ => {}
    }
}

/// A value that is short enough to be shown before and after.
fn moved<T: Display + PartialEq>(
    what: &str,
    old: Option<T>,
    new: Option<T>,
    lines: &mut Vec<String>,
) {
    match (old, new) {
        (Some(from), Some(to)) if from != to => lines.push(format!("{what} {from} → {to}")),
        (None, Some(to)) => lines.push(format!("{what} {to}, where there was none")),
        (Some(from), None) => lines.push(format!("no {what} any more, it was {from}")),
        _ => {}
    }
}

/// A text: what it says now.
fn reworded(what: &str, old: Option<String>, new: Option<String>, lines: &mut Vec<String>) {
    match (old, new) {
        (Some(from), Some(to)) if from != to => {
            lines.push(format!("{what} changed: “{}” → “{}”", shown(&from), shown(&to)));
        }
        (None, Some(to)) => lines.push(format!("{what} added: “{}”", shown(&to))),
        (Some(_), None) => lines.push(format!("{what} taken away")),
        _ => {}
    }
}

/// A text on one line, as far as there is room for it.
fn shown(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ruleset::{RuleSet, SourceFile};

    fn rule(body: &str) -> Rule {
        let text = format!("pack: p\ntitle: P\nrules:\n  - id: r\n{body}");
        let loaded = RuleSet::load(&[SourceFile { path: "p.yaml".into(), text }], &[]);
        loaded.set.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics)).rules()[0].clone()
    }

    const OLD: &str = "    title: The buyer has gone quiet
    on: state
    when: deal.stage_kind == \"open\" && business_days_since(deal.last_inbound_at) >= threshold
    unless: has(deal.next_meeting_at) || has(deal.next_step)
    threshold: 5
    cooldown: 14d
    tip: { headline: \"{{ deal.name }} is quiet\", body: Ask what changed. }
    owner: ops@example.com
    tests:
      - name: t
        given: { at: 2026-03-02T09:00Z }
        expect: { fires: 0 }
";

    #[test]
    fn a_difference_reads_as_people_say_it() {
        let new = OLD
            .replace(
                "threshold: 5",
                "threshold: 7\n    escalate: { after: 5bd, ask: \"What helps with {{ deal.name }}?\" }\n    repeat: { every: 5bd, max: 2 }\n    expires: 180d",
            )
            .replace("deal.stage_kind == \"open\" && ", "deal.amount > 1000 && ")
            .replace(" || has(deal.next_step)", "")
            .replace("is quiet", "has not answered")
            .replace("cooldown: 14d", "attention: interrupt\n    crm: task")
            .replace("ops@", "sales@")
            .replace("fires: 0", "fires: 1");
        insta::assert_snapshot!(difference(&rule(OLD), &rule(&new)).join("\n"), @r#"
        threshold 5 → 7 working days
        also needs `deal.amount > 1000`
        does not need any more `deal.stage_kind == "open"`
        does not keep silent any more when `has(deal.next_step)`
        attention digest → interrupt
        also a task on the deal
        no cooldown any more, it was 14d
        reminders 2 × every 5bd, where there was none
        question to the manager after 5bd, where there was none
        headline changed: “{{ deal.name }} is quiet” → “{{ deal.name }} has not answered”
        question to the manager added: “What helps with {{ deal.name }}?”
        owner ops@example.com → sales@example.com
        expires after 180d, where there was none
        tests changed
        "#);
    }

    #[test]
    fn the_same_rule_written_otherwise_differs_in_nothing() {
        let spaced = OLD
            .replace("    threshold: 5\n    cooldown: 14d", "    cooldown: 14d\n    threshold: 5");
        assert_eq!(rule(OLD).version_hash, rule(&spaced).version_hash);
        assert!(difference(&rule(OLD), &rule(&spaced)).is_empty());
    }
}
