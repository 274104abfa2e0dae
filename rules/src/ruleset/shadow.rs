//! Rules that say what another one says already.
//!
//! An event rule is *shadowed* if, whenever it fires, another one fires too for
//! the same reader, as loudly and as often. Of state rules only such are named
//! that are true of the very same deals: a narrower one becomes true at another
//! time than a wider one, and that may be just what is wanted.

use super::SourceFile;
use super::diagnostic::{Finding, Findings};
use super::domains;
use super::position::span_in;
use super::rule::{Rule, Scope, Trigger};
use super::warnings::{Places, speaking};
use crate::attention::AttentionClass;
use crate::condition::{Effort, Sought, Truths, is_impossible, is_impossible_together};
use crate::facts::schema::place;

/// A rule, where its parts stand, and in which file.
type Placed = (Rule, Places, usize);

/// Warns of shadowed rules and of conditions that two rules share.
pub(super) fn warn(
    rules: &[Placed],
    files: &[SourceFile],
    found: &mut [Findings<'_>],
    effort: &Effort,
) {
    for (at, (rule, places, file)) in rules.iter().enumerate() {
        let others = rules.iter().enumerate().filter(|(other, _)| *other != at);
        let finding = others.filter(|(_, (other, ..))| may_shadow(other, rule)).find_map(
            |(other_at, (other, ..))| {
                let implied = implies(rule, other, effort);
                let same = implied && implies(other, rule, effort);
                match (same, rule.on) {
                    // Named once, at the later of the two.
                    (true, _) => (other_at < at).then(|| same_finding(other)),
                    (false, Trigger::Event(_)) if implied && never_pauses(other) => {
                        Some(shadow_finding(other))
                    }
                    _ => None,
                }
            },
        );
        let (Some(finding), Some(findings)) = (finding, found.get_mut(*file)) else { continue };
        let text = files.get(*file).map_or("", |file| file.text.as_str());
        let span = places.when.as_ref().map(|when| span_in(text, when, &(0..when.value.len())));
        let (at, end) = span.unwrap_or((places.at, places.at));
        findings.rule = Some(rule.id.clone());
        findings.between(at, end, finding);
        findings.rule = None;
    }
}

fn same_finding(other: &Rule) -> Finding {
    let whom = match other.scope {
        Scope::Deal => "deals",
        Scope::Person => "people",
    };
    let message = format!("`{}` in {} is true of the same {whom}", other.id, other.file);
    let hint = "remove one of the two, or let each ask for something of its own";
    Finding::warning("same_condition", message, hint)
}

fn shadow_finding(other: &Rule) -> Finding {
    let message = format!(
        "whenever this fires, `{}` in {} fires too, for the same reader",
        other.id, other.file
    );
    let hint = format!(
        "remove one of the two, or add an `unless` to `{}` that leaves these cases to this rule",
        other.id
    );
    Finding::warning("shadowed_rule", message, hint)
}

/// What can be seen without looking at conditions. A condition that reads a fact
/// the other does not is not implied by it, or says nothing.
fn may_shadow(other: &Rule, rule: &Rule) -> bool {
    // What a percentile comes to is settled for each rule by itself.
    let is_settled = |one: &Rule| one.threshold.is_none_or(|it| it.number().is_some());
    if !is_settled(rule) || !is_settled(other) {
        return false;
    }
    let reads = fields(rule);
    other.on == rule.on
        && other.scope == rule.scope
        && other.applies_to == rule.applies_to
        && other.audience == rule.audience
        && loudness(other) >= loudness(rule)
        && (rule.crm.is_none() || rule.crm == other.crm)
        && fields(other).iter().all(|slot| reads.contains(slot))
}

fn fields(rule: &Rule) -> Vec<u16> {
    let unless = rule.unless.iter().flat_map(|unless| unless.fields_read());
    let read = rule.when.fields_read().iter().chain(unless).copied();
    // Each rule has a threshold of its own, and one about deals knows what stage
    // kinds it sees.
    let told: &[u16] = match rule.scope {
        Scope::Deal => &[place::THRESHOLD, place::STAGE_KIND, place::IS_CLOSED],
        Scope::Person => &[place::THRESHOLD],
    };
    read.filter(|slot| !told.contains(slot)).collect()
}

/// A pause of its own can keep a rule silent where another one is not.
fn never_pauses(rule: &Rule) -> bool {
    rule.cooldown.is_none()
}

fn loudness(rule: &Rule) -> u8 {
    match rule.attention {
        AttentionClass::Interrupt => 2,
        AttentionClass::Digest | AttentionClass::Private => 1,
        AttentionClass::Card => 0,
    }
}

/// Whether `other` holds wherever `rule` does. Each has a threshold of its own.
fn implies(rule: &Rule, other: &Rule, effort: &Effort) -> bool {
    let deals = domains::of_subjects(rule);
    let [own, others] = [rule, other].map(domains::of_rule);
    // A rule that never speaks implies everything, and is named for itself.
    if is_impossible(&speaking(rule), &own, effort) {
        return false;
    }
    let never = |(condition, truths)| {
        let speaking = speaking(rule).into_iter();
        let mut sought: Vec<Sought<'_>> = speaking
            .map(|(condition, truths)| Sought { condition, truths, constants: &own })
            .collect();
        sought.push(Sought { condition, truths, constants: &others });
        is_impossible_together(&sought, &deals, effort)
    };
    never((&other.when, Truths::NOT_TRUE))
        && other.unless.as_ref().is_none_or(|unless| never((unless, Truths::NOT_FALSE)))
}
