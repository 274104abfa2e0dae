//! `touchline rules check`, `test` and `schema` as a shell and an editor see them.

use serde_json::{Value, json};

use crate::{Place, Ran};

const PACK: &str = "\
pack: trial
title: A trial
rules:
  - id: moved
    title: A deal moved
    on: deal.stage_changed
    when: has(deal.name)
    attention: interrupt
    tip:
      headline: \"{{ deal.name }} moved\"
      body: Say thanks.
    tests:
      - name: it moves
        given: { at: 2026-03-02T09:00Z, name: Harbour Foods }
        then:
          - set: { stage: proposal }
        expect:
          fires:
            - headline: Harbour Foods MOVED
";

#[test]
fn rules_that_ship_are_sound_and_their_tests_pass() {
    let place = Place::new("");
    let checked = place.run(&["rules", "check"]);
    assert_eq!((checked.code, checked.out.as_str()), (0, ""), "{}", checked.err);
    assert!(checked.err.contains("rules in 1 pack: 0 errors"), "{}", checked.err);
    let tested = place.run(&["rules", "test"]);
    assert_eq!(tested.code, 0, "{}", tested.out);
    assert!(tested.out.lines().all(|line| line.starts_with("ok ")), "{}", tested.out);
    assert!(tested.err.contains(" 0 failed"), "{}", tested.err);
    assert!(!place.path().join("t.db").exists(), "a check makes no database");
}

#[test]
fn every_pack_that_ships_goes_by_its_name() {
    let place = Place::new("");
    for pack in touchline_rules::packs::BUILTIN {
        let name = format!("builtin:{}", pack.name);
        let checked = place.run(&["rules", "check", &name, "--deny-warnings"]);
        assert_eq!((checked.code, checked.out.as_str()), (0, ""), "{}", checked.err);
        assert!(checked.err.contains("rules in 1 pack: 0 errors, 0 warnings"), "{}", checked.err);
        let tested = place.run(&["rules", "test", &name]);
        assert_eq!(tested.code, 0, "{}", tested.out);
        assert!(tested.out.lines().all(|line| line.starts_with("ok ")), "{}", tested.out);
    }
}

#[test]
fn lessons_are_listed_and_read_in_a_terminal() {
    let place = Place::new("");
    let all = place.run(&["rules", "lesson"]);
    let silence = "handling-silence          When a buyer goes quiet";
    assert_eq!((all.code, all.err.as_str()), (0, ""));
    assert!(all.out.lines().any(|line| line.split_whitespace().eq(silence.split_whitespace())));
    let one = place.run(&["rules", "lesson", "handling-silence"]);
    assert!(one.out.starts_with("When a buyer goes quiet (60 seconds)\n\n"), "{}", one.out);
    let (question, answers) = one.out.split_once("Think first; the answers follow.").unwrap();
    assert!(question.contains("Question: ") && !question.contains("Yes. "), "{question}");
    assert!(answers.contains("Yes. "), "{answers}");
    let typo = place.run(&["rules", "lesson", "handling-silense"]);
    assert_eq!((typo.code, typo.out.as_str()), (1, ""));
    assert!(typo.err.contains("did you mean `handling-silence`?"), "{}", typo.err);
}

/// A pack with one error and one warning.
const FAULTY: &str = "\
pack: trial
title: A trial
rules:
  - id: quiet
    title: Quiet
    on: state
    when: >-
      deal.stge == \"proposal\" &&
      business_days_since(deal.last_inbound_at) >= 5
    tip: { headline: Quiet, body: Ask. }
  - id: never
    title: Never
    on: state
    when: deal.amount > 5 && deal.amount < 3
    tip: { headline: Never, body: Ask. }
";

fn told(ran: &Ran) -> String {
    format!("{}{}({})\n", ran.out, ran.err, ran.code)
}

#[test]
fn a_failed_test_shows_what_differs_and_why() {
    let place = Place::new("");
    place.write("trial.yaml", PACK);
    let ran = place.run(&["rules", "test", "trial.yaml"]);
    insta::assert_snapshot!(told(&ran), @r#"
    FAILED  moved (1 of 1 tests)
      trial.yaml:13: it moves
          headline of firing 1
            expected: Harbour Foods MOVED
            found:    Harbour Foods moved
          at the last firing, 2026-03-02T09:01:00Z:
            yes  all of these:
              yes  applies_to: open
                     deal.stage_kind is "open"
              yes  has(deal.name)
                     deal.name is "Harbour Foods"
    1 test: 0 ok, 1 failed
    (1)
    "#);
    let ran = place.run(&["rules", "test", "trial.yaml", "--json"]);
    let found: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, &found[0]["ok"], &found[0]["rule"]), (1, &json!(false), &json!("moved")));
    assert!(found[0]["failure"].as_str().unwrap().contains("expected: Harbour Foods MOVED"));
}

#[test]
fn a_check_says_everything_and_its_exit_code_tells_errors_from_warnings() {
    let place = Place::new("");
    place.write("trial.yaml", FAULTY);
    let ran = place.run(&["rules", "check", "trial.yaml"]);
    insta::assert_snapshot!(told(&ran), @"
    trial.yaml:8:7: error[unknown_field]: there is no field `deal.stge`
      hint: did you mean `deal.stage`?
    trial.yaml:14:11: warning[never_true]: the condition is never true
      hint: no value of `deal.amount` makes it true
    1 pack: 1 error, 1 warning
    (1)
    ");
    let ran = place.run(&["rules", "check", "trial.yaml", "--json"]);
    let found: Value = serde_json::from_str(&ran.out).unwrap();
    let first = json!({
        "severity": "error",
        "path": "trial.yaml",
        "line": 8,
        "column": 7,
        "end": { "line": 8, "column": 16 },
        "code": "unknown_field",
        "message": "there is no field `deal.stge`",
        "hint": "did you mean `deal.stage`?",
        "rule": "quiet",
    });
    assert_eq!((ran.code, &found[0]), (1, &first));
    assert_eq!(found.as_array().unwrap().len(), 2, "{found}");

    let tested = place.run(&["rules", "test", "trial.yaml"]);
    assert_eq!((tested.code, tested.out.as_str()), (1, ""));
    assert!(tested.err.contains("no test was run"), "{}", tested.err);

    place.write("trial.yaml", &FAULTY.replace("stge", "stage"));
    let warned = place.run(&["rules", "check", "trial.yaml"]);
    assert_eq!(warned.code, 0, "{}", warned.err);
    assert!(warned.err.contains("2 rules in 1 pack: 0 errors, 1 warning"), "{}", warned.err);
    let denied = place.run(&["rules", "check", "trial.yaml", "--deny-warnings"]);
    assert_eq!((denied.code, denied.err), (1, warned.err));
    place.write("trial.yaml", PACK);
    let sound = place.run(&["rules", "check", "trial.yaml", "--deny-warnings", "--json"]);
    assert_eq!((sound.code, sound.out.as_str()), (0, "[]\n"));
    assert_eq!(place.run(&["rules", "check", "builtin:nothing"]).code, 1);
    assert_eq!(place.run(&["rules", "check", "--deny"]).code, 2);
}

#[test]
fn the_schema_is_json() {
    let schema = Place::new("").run(&["rules", "schema"]);
    let schema: serde_json::Value = serde_json::from_str(&schema.out).unwrap();
    assert_eq!(schema["title"], "Touchline rule pack");
}
