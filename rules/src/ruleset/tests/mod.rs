//! Loading rule files: every mistake at its place.

mod codes;
mod escalate;
mod house_style;
mod mutated;
mod mutation;
mod people;
mod shipped;
mod shipped_readings;
mod stories;
mod warnings;

use insta::assert_snapshot;
use proptest::prelude::*;

use super::testing::run_tests;
use super::*;
use crate::facts::{Pipeline, Stage, StageKind};

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.into(), text: text.into() }
}

fn report(loaded: &Loaded) -> String {
    let lines: Vec<String> = loaded.diagnostics.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// Set TOUCHLINE_BLESS=1 and run this test to write the schema anew.
#[test]
fn the_committed_schema_is_the_generated_one() {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/rule-pack.schema.json");
    let generated = json_schema();
    if option_env!("TOUCHLINE_BLESS").is_some() {
        std::fs::write(&path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == generated, "the schema changed: see this test's comment");
}

const FAULTY_TOO: &str = r#"pack: first
title: Second
rules:
  - id: one
    title: Again
    on: deal.closed
    applies_to: open
    when: deal.stage_kind == "lost"
    repeat: { every: 1d, max: 2 }
    crm: note
    attention: digest
    tip: { headline: Hello, body: World }
  - just text
"#;

const FAULTY: &str = r#"pack: first
title: First
rules:
  - id: one
    title: One
    on: deal.stage_chnaged
    when: deal.stge == "a"
    tip: { headline: Hello, body: World }
  - id: two
    title: Two
    on: state
    when: "deal.amount > threshold"
    tresh: 5
    cooldown: 5w
    audience: ownr
    tip:
      headline: "{{ deal.nmae }} {{ seen.stage }}"
      body: World
  - id: three
    title: Three
    on: state
    when: |
      deal.amount > 5
        && change.days > 2
    threshold: { won_percentile: 75, fallback: 5 }
    priority: 12
    repeat: { every: 1d }
    lesson: Not A Slug
"#;

#[test]
fn every_mistake_of_every_file_is_reported_at_its_place() {
    let loaded = RuleSet::load(
        &[file("a.yaml", FAULTY), file("b.yaml", FAULTY_TOO), file("c.yaml", "x: [")],
        &[],
    );
    assert!(loaded.set.is_none());
    assert_snapshot!(report(&loaded), @"
    a.yaml:6:9: error[unknown_event]: `deal.stage_chnaged` is nothing a rule can wait for
      hint: did you mean `deal.stage_changed`?
    a.yaml:7:11: error[unknown_field]: there is no field `deal.stge`
      hint: did you mean `deal.stage`?
    a.yaml:9:5: error[no_threshold]: the condition reads `threshold`, but the rule has none
      hint: add `threshold: 5`
    a.yaml:13:5: error[unknown_key]: a rule has no key `tresh`
      hint: known here: id, title, on, when, unless, owner, skill, crm, scope, applies_to, threshold, audience, attention, priority, cooldown, repeat, escalate, tip, lesson, outcome, expires, evidence, tests
    a.yaml:14:15: error[bad_period]: `5w` is not a length of time
      hint: write a number and a unit: 12h (hours), 14d (days) or 5bd (working days)
    a.yaml:15:15: error[unknown_value]: `ownr` is no audience
      hint: did you mean `owner`? Known: owner, manager, person
    a.yaml:17:21: error[bad_template]: `tip.headline`: `deal.nmae` is not known here
      hint: did you mean `deal.name`?
    a.yaml:19:5: error[missing_key]: a rule has no `tip`
      hint: add `tip: …`
    a.yaml:24:12: error[unknown_field]: there is no field `change.days`
      hint: only rules that wait for an event can read `change`
    a.yaml:25:16: error[missing_key]: `threshold` has no `of`
      hint: add `of: …`
    a.yaml:26:15: error[out_of_range]: `priority` must be a number from 1 to 9, not 12
      hint: give a number from 1 to 9
    a.yaml:27:13: error[missing_key]: `repeat` has no `max`
      hint: add `max: …`
    a.yaml:28:13: error[bad_slug]: `Not A Slug` is not a name for `lesson`
      hint: use small letters, digits and single hyphens, at most 64: buyer-silent
    b.yaml:1:7: error[duplicate_pack]: the pack `first` is also in a.yaml
      hint: give one of them another name
    b.yaml:4:5: error[never_applies]: with this `applies_to` the event never reaches the rule
      hint: remove `applies_to`
    b.yaml:4:9: error[duplicate_rule]: there is another rule `one` in a.yaml
      hint: give one of them another id
    b.yaml:8:11: warning[never_true]: the condition is never true
      hint: the rule looks at open deals only: write `applies_to: closed` for those won or lost
    b.yaml:9:13: error[repeat_of_event]: an event happens once: there is nothing to repeat
      hint: remove `repeat`, or use on: state
    b.yaml:10:10: error[crm_not_private]: a task or note on the deal can be read by others
      hint: use `crm` only with `audience: owner` and `attention: interrupt`
    b.yaml:13:5: error[wrong_shape]: a rule must be keys with values, not text
      hint: write `key: value`, one per line
    c.yaml:1:4: error[bad_yaml]: unclosed bracket '['
      hint: check indentation, quotes and `key: value` near this place
    ");
}

const STRANGE_KEYS: &str = r#"pack: p
title: P
zzzzzzzz: 1
rules:
  - id: one
    zzzzzzzz: 1
    title: One
    on: state
    when: 'true'
    tip: { headline: H, body: B, zzzzzzzz: 1 }
    repeat: { every: 1d, max: 1, zzzzzzzz: 1 }
    outcome: { within: 1d, when: deal.is_closed, zzzzzzzz: 1 }
    evidence: { grade: vendor, zzzzzzzz: 1 }
    tests:
      - name: N
        zzzzzzzz: 1
        phases: { zzzzzzzz: 1 }
        given: { at: 2026-03-02, zzzzzzzz: 1 }
        then: [{ wait: 1d, zzzzzzzz: 1 }]
        expect: { fires: [{ at: 2026-03-02, zzzzzzzz: 1 }], zzzzzzzz: 1 }
"#;

/// The reader and the schema for editors are written apart: they must know the
/// same keys.
#[test]
fn the_reader_and_the_schema_know_the_same_keys() {
    let schema: serde_json::Value = serde_json::from_str(&json_schema()).unwrap();
    let loaded = RuleSet::load(&[file("a.yaml", STRANGE_KEYS)], &[]);
    let mut compared = 0;
    for (what, definition) in [
        ("a rule file", "/properties"),
        ("a rule", "/definitions/Rule/properties"),
        ("`tip`", "/definitions/Rule/properties/tip/properties"),
        ("`repeat`", "/definitions/Repeat/properties"),
        ("`outcome`", "/definitions/Outcome/properties"),
        ("`evidence`", "/definitions/Evidence/properties"),
        ("a test", "/definitions/Test/properties"),
        ("`phases`", "/definitions/Phases/properties"),
        ("`given`", "/definitions/Given/properties"),
        ("a step", "/definitions/Step/properties"),
        ("`expect`", "/definitions/Expect/properties"),
        ("an expected firing", "/definitions/Firing/properties"),
    ] {
        let message = format!("{what} has no key `zzzzzzzz`");
        let found = loaded.diagnostics.iter().find(|found| found.message == message);
        let found = found.unwrap_or_else(|| panic!("{message}\n{}", report(&loaded)));
        let hint = found.hint.as_deref().unwrap().strip_prefix("known here: ").unwrap();
        let mut read: Vec<&str> = hint.split(", ").collect();
        read.sort_unstable();
        let keys = schema.pointer(definition).unwrap().as_object().unwrap();
        let mut declared: Vec<&str> = keys.keys().map(String::as_str).collect();
        declared.sort_unstable();
        assert_eq!(read, declared, "{what}");
        compared += 1;
    }
    assert_eq!(loaded.diagnostics.len(), compared, "{}", report(&loaded));
}

#[test]
fn stages_are_checked_against_the_accounts() {
    let stage =
        |id: &str| Stage { id: id.into(), label: id.into(), kind: StageKind::Open, phase: None };
    let pipeline =
        Pipeline { id: "p".into(), label: "P".into(), stages: vec![stage("negotiation")] };
    let account = Metadata { pipelines: vec![pipeline], ..Metadata::default() };
    let text = "pack: p\ntitle: P\nrules:\n  - id: one\n    title: One\n    on: state\n    when: deal.stage == \"negotation\"\n    tip: { headline: H, body: B }\n";
    assert!(RuleSet::load(&[file("a.yaml", text)], &[]).set.is_some());
    let loaded = RuleSet::load(&[file("a.yaml", text)], &[("crm", &account)]);
    assert!(loaded.set.is_none());
    assert_snapshot!(report(&loaded), @r#"
    a.yaml:7:25: error[unknown_value]: `deal.stage` is never `"negotation"`
      hint: did you mean "negotiation"?
    "#);
}

#[test]
fn a_rule_for_a_card_that_nobody_shows_is_warned_of() {
    let text = "pack: p\ntitle: P\nrules:\n  - id: one\n    title: One\n    on: deal.closed\n    when: 'true'\n    attention: card\n    tip: { headline: H, body: B }\n";
    let loaded = RuleSet::load(&[file("a.yaml", text)], &[]);
    assert!(loaded.set.is_some());
    assert_snapshot!(report(&loaded), @"
    a.yaml:4:5: warning[card_unread]: nothing shows a card yet: nobody will read what this rule says
      hint: write `attention: digest` to reach people
    ");
}

#[test]
fn warnings_do_not_keep_a_set_from_loading() {
    let text = "pack: p\ntitle: P\nrules:\n  - id: one\n    title: One\n    on: state\n    when: days_since(deal.created_at) > 2 * days_since(deal.stage_entered_at)\n    threshold: 4\n    tip: { headline: H, body: B }\n  - id: two\n    title: Two\n    on: state\n    when: deal.amount > 5 && deal.amount < 3\n    tip: { headline: H, body: B }\n";
    let loaded = RuleSet::load(&[file("a.yaml", text)], &[]);
    assert!(loaded.set.is_some());
    assert_snapshot!(report(&loaded), @"
    a.yaml:4:5: warning[unused_threshold]: the conditions never read `threshold`
      hint: write `threshold` where the number belongs
    a.yaml:7:11: warning[daily_recheck]: when this changes by time alone cannot be calculated: the rule is looked at once a day, at midnight
      hint: do not set ages against each other: compare the two times (deal.created_at < deal.stage_entered_at), or each age with a number of its own
    a.yaml:13:11: warning[never_true]: the condition is never true
      hint: no value of `deal.amount` makes it true
    ");
}

const FAILING: &str = r#"pack: p
title: P
rules:
  - id: bare
    title: Bare
    on: deal.stage_changed
    when: change.stages_moved > 0 && !has(deal.amount)
    tip: { headline: "{{ deal.name }} is bare", body: B }
    tests:
      - name: twice
        given: { at: 2026-03-02T09:00Z, name: Harbour Foods }
        then:
          - set: { stage: proposal }
        expect:
          fires:
            - { at: 2026-03-02T10:00Z, headline: Harbour Foods is bar }
            - at: 2026-03-03
      - name: never
        given: { at: 2026-03-02T09:00Z, amount: 5 }
        then:
          - set: { stage: proposal }
        expect: { fires: 1, ended: 2 }
"#;

#[test]
fn a_failed_test_shows_what_differs_and_why() {
    let set = RuleSet::load(&[file("a.yaml", FAILING)], &[]).set.unwrap();
    let reports = run_tests(&set);
    let texts: Vec<String> = reports
        .iter()
        .map(|report| {
            format!(
                "{} {}\n{}",
                report.place,
                report.name,
                report.failure.as_deref().unwrap_or("ok")
            )
        })
        .collect();
    assert_snapshot!(texts.join("\n\n"), @r#"
    a.yaml:10 twice
      number of firings
        expected: 2
        found:    1 [2026-03-02T09:01:00Z]
      time of firing 1
        expected: 2026-03-02T10:00:00Z
        found:    2026-03-02T09:01:00Z
      headline of firing 1
        expected: Harbour Foods is bar
        found:    Harbour Foods is bare
      at the last firing, 2026-03-02T09:01:00Z:
        yes  all of these:
          yes  applies_to: open
                 deal.stage_kind is "open"
          yes  all of these:
            yes  change.stages_moved > 0
                   change.stages_moved is 2
            yes  not:
              no   has(deal.amount)
                     deal.amount is empty

    a.yaml:18 never
      number of firings
        expected: 1
        found:    0 []
      ended episodes
        expected: 2
        found:    0
      at the last change it looked at, 2026-03-02T09:01:00Z:
        no   all of these:
          yes  applies_to: open
                 deal.stage_kind is "open"
          no   all of these:
            yes  change.stages_moved > 0
                   change.stages_moved is 2
            no   not:
              yes  has(deal.amount)
                     deal.amount is 5
    "#);
}

#[test]
fn candidates_are_found_by_event_and_stage() {
    let rule = |id: &str, on: &str, when: &str| {
        format!(
            "  - id: {id}\n    title: T\n    on: {on}\n    when: {when}\n    tip: {{ headline: H, body: B }}\n"
        )
    };
    let text = format!(
        "pack: p\ntitle: P\nrules:\n{}{}{}{}",
        rule("all", "deal.created", "'true'"),
        rule("in-a", "deal.created", "deal.stage == \"a\""),
        rule("in-ab", "deal.created", "deal.stage in [\"a\", \"b\"] && deal.amount > 5"),
        rule("other", "deal.closed", "'true'"),
    );
    let set = RuleSet::load(&[file("a.yaml", &text)], &[]).set.unwrap();
    let found = |stage| {
        let rules = set.candidates(EventKind::Created, stage);
        rules.iter().map(|rule| rule.id.as_str()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(found(Some("a")), "all in-a in-ab");
    assert_eq!(found(Some("b")), "all in-ab");
    assert_eq!(found(Some("c")), "all");
    assert_eq!(found(None), "all in-a in-ab");
    assert_eq!(set.candidates(EventKind::Reopened, None).len(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// Whatever a person types, loading ends with findings at places of the file.
    #[test]
    fn damaged_files_are_reported_and_never_more(
        which in 0..3usize,
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..12usize, "[ -~\n\té]{0,6}"), 1..5),
    ) {
        let mut text = [FAULTY, FAILING, STRANGE_KEYS][which].to_owned();
        for (at, drop, insert) in cuts {
            let letters: Vec<char> = text.chars().collect();
            let at = at.index(letters.len() + 1);
            let rest = letters.iter().skip(at + drop);
            text = letters.iter().take(at).copied().chain(insert.chars()).chain(rest.copied()).collect();
        }
        let loaded = RuleSet::load(&[file("a.yaml", &text)], &[]);
        let lines = text.lines().count() + 1;
        for found in &loaded.diagnostics {
            prop_assert!((1..=lines).contains(&found.line) && found.column >= 1, "{}", found);
        }
        if let Some(set) = loaded.set {
            prop_assert!(run_tests(&set).len() <= 100);
        } else {
            prop_assert!(loaded.diagnostics.iter().any(|found| found.severity == Severity::Error));
        }
    }
}
