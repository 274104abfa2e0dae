//! What is said of rules that load and yet hardly do what was meant, and what is
//! left alone.

use super::*;
use crate::condition::Slot;
use crate::facts::schema::{DEAL_FIELDS, deal_slots, place};
use crate::ruleset::domains;
use crate::time::DAY_MS;

/// Rules of these keys, one text each, in one pack.
fn checked(rules: &[&str]) -> String {
    let mut text = "pack: p\ntitle: P\nrules:\n".to_owned();
    for (number, keys) in rules.iter().enumerate() {
        let keys = keys.replace('\n', "\n    ");
        text += &format!(
            "  - id: r{number}\n    title: T\n    tip: {{ headline: H, body: B }}\n    {keys}\n"
        );
    }
    let loaded = RuleSet::load(&[file("a.yaml", &text)], &[]);
    assert!(loaded.set.is_some(), "{}", report(&loaded));
    let lines: Vec<String> = loaded
        .diagnostics
        .iter()
        .map(|one| {
            let row = text.lines().nth(one.line - 1).unwrap();
            assert_eq!(one.line, one.end.line, "{one}");
            let marked = row.chars().skip(one.column - 1).take(one.end.column - one.column);
            let (rule, hint) = (one.rule.as_deref().unwrap(), one.hint.as_deref().unwrap());
            let marked: String = marked.collect();
            format!("{rule} {}: {}\n  > {marked}\n  {hint}", one.code, one.message)
        })
        .collect();
    lines.join("\n")
}

#[test]
fn conditions_that_say_nothing_of_the_deals_a_rule_looks_at() {
    assert_snapshot!(checked(&[
        "on: state\nwhen: deal.is_closed && deal.amount > 5",
        "on: deal.closed\nwhen: deal.stage_kind == \"open\" || has(deal.amount)",
        "on: state\nwhen: deal.push_count < 0",
        "on: state\nwhen: deal.push_count > threshold && deal.push_count < 4\nthreshold: 3",
        "on: deal.stage_changed\nwhen: change.field == \"stage\"",
        "on: state\nwhen: has(deal.amount) && deal.close_date > now && !has(deal.close_date)",
        "on: state\nwhen: >-\n  has(deal.amount) &&\n  (deal.is_closed || deal.stage_index < 0)",
    ]), @r#"
    r0 never_true: this is never true, and so is the condition
      > deal.is_closed
      the rule looks at open deals only: write `applies_to: closed` for those won or lost
    r1 never_true: this is never true
      > deal.stage_kind == "open"
      the rule looks at closed deals only: write `applies_to: open` for open ones
    r2 never_true: the condition is never true
      > deal.push_count < 0
      no deal has other values
    r3 never_true: the condition is never true
      > deal.push_count > threshold && deal.push_count < 4
      with this `threshold`
    r4 always_true: the condition is always true
      > change.field == "stage"
      no deal has other values
    r5 never_true: the condition is never true
      > has(deal.amount) && deal.close_date > now && !has(deal.close_date)
      its parts contradict each other, or cover every case
    r6 never_true: this is never true, and so is the condition
      > deal.is_closed
      the rule looks at open deals only: write `applies_to: closed` for those won or lost
    r6 never_true: this is never true, and so is the condition
      > deal.stage_index < 0
      no deal has other values
    "#);
}

#[test]
fn unless_and_outcome_that_say_nothing() {
    assert_snapshot!(checked(&[
        "on: state\nwhen: deal.amount > 5\nunless: has(deal.amount)",
        "on: state\nwhen: deal.amount > 5\nunless: deal.amount < 3",
        "on: state\nwhen: deal.amount > 5\nunless: deal.amount < 3 && deal.amount > 4",
        "on: state\nwhen: deal.amount > 5\noutcome: { within: 5d, when: has(deal.amount) }",
        "on: state\nwhen: deal.amount > 5\noutcome: { within: 5d, when: deal.push_count < 0 }",
        "on: deal.created\nwhen: deal.amount > 5\ncooldown: 3d",
    ]), @"
    r0 never_speaks: `unless` holds whenever `when` is true: the rule never speaks
      > has(deal.amount)
      let `unless` ask for less than `when` does
    r1 unused_unless: `unless` is never true when `when` is: it keeps nothing back
      > deal.amount < 3
      remove it, or ask for something `when` leaves open
    r2 same_condition: `r1` in a.yaml is true of the same deals
      > deal.amount > 5
      remove one of the two, or let each ask for something of its own
    r2 never_true: the condition is never true
      > deal.amount < 3 && deal.amount > 4
      no value of `deal.amount` makes it true
    r3 same_condition: `r1` in a.yaml is true of the same deals
      > deal.amount > 5
      remove one of the two, or let each ask for something of its own
    r3 outcome_already: this is true already when the rule speaks: it shows nothing
      > has(deal.amount)
      ask for what happens afterwards: deal.last_activity_at > nudge.sent_at
    r4 same_condition: `r1` in a.yaml is true of the same deals
      > deal.amount > 5
      remove one of the two, or let each ask for something of its own
    r4 never_true: the condition is never true
      > deal.push_count < 0
      no deal has other values
    r5 unused_cooldown: a deal is created once: there is no second occasion for `cooldown`
      > id
      remove `cooldown`
    ");
}

#[test]
fn what_is_looked_at_once_a_day_is_named_with_another_way() {
    assert_snapshot!(checked(&[
        "on: state\nwhen: deal.amount > 5 && days_since(deal.created_at) - 2 * days_since(deal.stage_entered_at) > 3",
        "on: state\nwhen: days_since(deal.created_at) / hours_since(deal.stage_entered_at) > 3",
        "on: deal.created\nwhen: days_since(deal.created_at) > 2 * hours_since(deal.stage_entered_at)",
    ]), @"
    r0 daily_recheck: when this changes by time alone cannot be calculated: the rule is looked at once a day, at midnight
      > days_since(deal.created_at) - 2 * days_since(deal.stage_entered_at) > 3
      do not set ages against each other: compare the two times (deal.created_at < deal.stage_entered_at), or each age with a number of its own
    r1 daily_recheck: when this changes by time alone cannot be calculated: the rule is looked at once a day, at midnight
      > days_since(deal.created_at) / hours_since(deal.stage_entered_at) > 3
      do not multiply or divide ages: compare each with a number of its own, as in days_since(deal.created_at) >= 30 && days_since(deal.stage_entered_at) >= 15
    ");
}

#[test]
fn rules_in_each_others_shadow() {
    let wide = "on: deal.field_changed(amount)\nwhen: change.to > 5";
    assert_snapshot!(checked(&[
        wide,
        "on: deal.field_changed(amount)\nwhen: change.to > 9 && has(deal.owner)",
        "on: state\nwhen: deal.stage_kind == \"open\" && days_since(deal.created_at) >= threshold\nthreshold: 5",
        "on: state\nwhen: threshold <= days_since(deal.created_at)\nthreshold: 5",
        "on: deal.created\nwhen: deal.push_count >= threshold\nthreshold: 2",
        "on: deal.created\nwhen: deal.push_count >= threshold\nthreshold: 3",
    ]), @"
    r1 shadowed_rule: whenever this fires, `r0` in a.yaml fires too, for the same reader
      > change.to > 9 && has(deal.owner)
      remove one of the two, or add an `unless` to `r0` that leaves these cases to this rule
    r3 same_condition: `r2` in a.yaml is true of the same deals
      > threshold <= days_since(deal.created_at)
      remove one of the two, or let each ask for something of its own
    r5 shadowed_rule: whenever this fires, `r4` in a.yaml fires too, for the same reader
      > deal.push_count >= threshold
      remove one of the two, or add an `unless` to `r4` that leaves these cases to this rule
    ");
}

/// A claim that may be wrong is not made.
#[test]
fn rules_that_only_look_alike_are_left_alone() {
    let wide = "on: deal.field_changed(amount)\nwhen: change.to > 5";
    for (one, other) in [
        // Louder, for somebody else, of other deals, of other events.
        (
            format!("{wide}\nattention: digest"),
            "on: deal.field_changed(amount)\nwhen: change.to > 9",
        ),
        (
            format!("{wide}\naudience: manager"),
            "on: deal.field_changed(amount)\nwhen: change.to > 9",
        ),
        (
            format!("{wide}\napplies_to: closed"),
            "on: deal.field_changed(amount)\nwhen: change.to > 9",
        ),
        (wide.to_owned(), "on: deal.created\nwhen: deal.amount > 9"),
        // The wider one may be silent for its pause, or for its `unless`.
        (format!("{wide}\ncooldown: 3d"), "on: deal.field_changed(amount)\nwhen: change.to > 9"),
        (
            format!("{wide}\nunless: has(deal.owner)"),
            "on: deal.field_changed(amount)\nwhen: change.to > 9",
        ),
        // Also a task on the deal.
        (wide.to_owned(), "on: deal.field_changed(amount)\nwhen: change.to > 9\ncrm: task"),
        // A narrower state rule becomes true later.
        (
            "on: state\nwhen: days_since(deal.created_at) > 5".into(),
            "on: state\nwhen: days_since(deal.created_at) > 9",
        ),
        // Two thresholds under one name.
        (
            "on: state\nwhen: deal.amount > threshold\nthreshold: 5".into(),
            "on: state\nwhen: deal.amount > threshold\nthreshold: 6",
        ),
        (
            "on: state\nwhen: deal.amount - threshold > 0\nthreshold: 5".into(),
            "on: state\nwhen: deal.amount - threshold > 0\nthreshold: 6",
        ),
        // Blank and unknown amounts.
        (
            "on: state\nwhen: deal.amount > 5".into(),
            "on: state\nwhen: has(deal.name)\nunless: deal.amount <= 5",
        ),
        // Stages are the account's, and may be more tomorrow.
        (
            "on: state\nwhen: deal.stage != \"a\"".into(),
            "on: state\nwhen: deal.stage == \"b\" && has(deal.name)\nunless: deal.amount > 5",
        ),
        // Said for readers.
        (
            "on: state\nwhen: deal.stage_kind == \"open\" && deal.amount > 5".into(),
            "on: state\nwhen: has(deal.name)",
        ),
    ] {
        let found = checked(&[&one, other]);
        assert_eq!(found, "", "{one}\n{other}");
    }
}

/// Proofs rest on what is said of facts in `domains`: it is so in every story of
/// every pack, at every look.
#[test]
fn facts_stay_within_their_domains() {
    const LATER_MS: [i64; 3] = [0, DAY_MS, 100 * DAY_MS];
    let mut looks = 0;
    let set = RuleSet::load(&shipped::packs(), &[]).set.unwrap();
    testing::endings(&set, |rule, state, world, now| {
        let mut known = domains::of_facts(rule.scope, rule.on);
        for (later, trusted) in LATER_MS.into_iter().zip([true, false, true]) {
            let slots = deal_slots(&state.facts, world.metadata, trusted, now.plus_ms(later));
            for (name, _, slot, _) in DEAL_FIELDS {
                let value = slots[usize::from(slot)];
                assert!(known.of(slot).admits(value), "{name} is {value:?}");
                looks += 1;
            }
        }
        assert!(!known.of(place::IS_CLOSED).admits(Slot::Empty));
    });
    assert!(looks > 1_000, "{looks}");
}
