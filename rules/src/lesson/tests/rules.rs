//! Rules name lessons that exist.

use super::*;
use crate::ruleset::RuleSet;

fn pack(lesson: &str) -> SourceFile {
    let rule = "pack: p\ntitle: P\nrules:\n  - id: one\n    title: One\n    on: deal.created\n    when: 'true'\n    tip: { headline: H, body: B }\n";
    file("a.yaml", &format!("{rule}    lesson: {lesson}\n"))
}

#[test]
fn a_rule_that_names_an_unknown_lesson_is_an_error() {
    let loaded = RuleSet::load(&[pack("handling-silense")], &[]);
    assert!(loaded.set.is_none());
    assert_snapshot!(report(&loaded.diagnostics), @"
    a.yaml:9:13: error[unknown_lesson]: there is no lesson `handling-silense`
      hint: did you mean `handling-silence`?
    ");
    let loaded = RuleSet::load(&[pack("handling-silence")], &[]);
    assert_eq!(report(&loaded.diagnostics), "");
    assert_eq!(loaded.set.unwrap().rules()[0].lesson.as_deref(), Some("handling-silence"));
}

#[test]
fn the_known_lessons_are_those_that_are_passed_in() {
    let own = Lessons::read(&[file("our-way.md", SILENCE), file("our-dates.md", DATES)]).lessons;
    assert!(RuleSet::load_with(&[pack("our-way")], &[], &own).set.is_some());
    let loaded = RuleSet::load_with(&[pack("handling-silence")], &[], &own);
    assert_snapshot!(report(&loaded.diagnostics), @"
    a.yaml:9:13: error[unknown_lesson]: there is no lesson `handling-silence`
      hint: known here: our-dates, our-way
    ");
    let none = RuleSet::load_with(&[pack("our-way")], &[], &Lessons::default());
    assert_snapshot!(report(&none.diagnostics), @"
    a.yaml:9:13: error[unknown_lesson]: there is no lesson `our-way`
      hint: there is none
    ");
}

/// A lesson opens at the tip that leads to it, so most rules that ship lead to one.
#[test]
fn the_core_pack_leads_to_lessons() {
    let text = include_str!("../../../packs/core-pipeline.yaml");
    let loaded = RuleSet::load(&[file("core-pipeline.yaml", text)], &[]);
    assert_eq!(report(&loaded.diagnostics), "");
    let set = loaded.set.unwrap();
    let linked = set.rules().iter().filter(|rule| rule.lesson.is_some()).count();
    assert!(linked * 4 >= set.rules().len() * 3, "{linked} of {}", set.rules().len());
}
