//! `rules backtest` as a shell sees it.

use super::Place;

const CSV: &str = "\
opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value
A1,Ann Lee,Box,Acme Example,Won,3/1/2017,4/18/2017,1054
A2,Ann Lee,Crate,Bolt Example,Engaging,3/1/2017,,
A3,Bo Ray,Crate,Coil Example,Lost,2/20/2017,4/3/2017,0
";
const TEAM: &str = "sales_agent,manager,regional_office\nAnn Lee,Mia Lead,Central\n";
const MAPPING: &str = include_str!("../history/crm-sales.mapping.toml");
const LATER: &str = r#"
pack: later
title: Later
rules:
  - id: long-in-stage
    title: Long in one stage
    on: state
    when: days_since(deal.stage_entered_at) >= 40
    tip: { headline: "{{ deal.name }} stands still", body: Do one thing. }
  - id: new-deal
    title: A new deal
    on: deal.created
    when: deal.owner != ""
    attention: interrupt
    tip: { headline: "{{ deal.name }} is new", body: Say hello. }
"#;

/// A folder with a history of three deals.
fn place() -> Place {
    let place = Place::new("");
    place.write("deals.csv", CSV);
    place.write("sales_teams.csv", TEAM);
    place.write("mapping.toml", &MAPPING.replace("2017-12-31", "2017-06-30"));
    place.write("later.yaml", LATER);
    let made = place.run(&[
        "history",
        "import",
        "deals.csv",
        "--mapping",
        "mapping.toml",
        "--out",
        "past.jsonl",
    ]);
    assert_eq!(made.code, 0, "{}", made.err);
    place
}

const BACKTEST: [&str; 4] = ["rules", "backtest", "--history", "past.jsonl"];

#[test]
fn the_report_says_what_would_have_been_said() {
    let place = place();
    let ran = place.run(&BACKTEST);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.lines().all(|line| line.chars().count() <= 100), "{}", ran.out);
    assert!(!ran.out.contains("Ann") && !ran.out.contains("Bo Ray"), "{}", ran.out);
    insta::assert_snapshot!("backtest", ran.out);
}

#[test]
fn two_rule_sets_are_held_against_each_other() {
    let place = place();
    let against = ["--rules", "later.yaml", "--against", "builtin:core-pipeline"];
    let ran = place.run(&[&BACKTEST[..], &against].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    let (_, compared) = ran.out.split_once("── Held against").unwrap();
    insta::assert_snapshot!("backtest_against", compared);
}

#[test]
fn scripts_get_one_versioned_object() {
    let place = place();
    let since = ["--json", "--since", "2017-03-20", "--until", "2017-04-01"];
    let ran = place.run(&[&BACKTEST[..], &since].concat());
    let told: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&told["touchline_backtest"], &told["estimated"]), (&1.into(), &true.into()));
    let rules = told["rules"].as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["rule"] == "long-in-stage").unwrap();
    // Two deals were engaged on the first of March, 21 days before: the third earlier.
    assert_eq!(rule["firings"], 3, "{rule:#}");
    assert_eq!(rule["deals"]["count"], 3);
    assert!(told["inactive"].as_array().unwrap().len() > 3);
    let keys: Vec<_> = rule.as_object().unwrap().keys().cloned().collect();
    insta::assert_snapshot!(keys.join(" "), @"attention concentration deals examples firings lead_time lost pack per_seller_week rule scope self_corrected title");
}

#[test]
fn a_wrong_call_is_told_what_to_do() {
    let place = place();
    let ran = place.run(&["rules", "backtest"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("<--history <FILE>|--from-store>"), "{}", ran.err);
    let period = ["--since", "2017-05-01", "--until", "2017-05-01"];
    let ran = place.run(&[&BACKTEST[..], &period].concat());
    assert_eq!(ran.code, 2);
    insta::assert_snapshot!(ran.err, @r"
    touchline: the period is empty: --until must lie after --since
    hint: --until names the first day that is left out
    ");
    let ran = place.run(&[&BACKTEST[..], &["--since", "May"]].concat());
    assert!(ran.code == 2 && ran.err.contains("write a day, as in 2026-03-02"), "{}", ran.err);
    let ran = place.run(&["rules", "backtest", "--history", "none.jsonl"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("none.jsonl") && ran.err.contains("hint:"), "{}", ran.err);
    let ran = place.run(&["rules", "backtest", "--from-store"]);
    assert!(ran.code == 1 && ran.err.contains("there is no database"), "{}", ran.err);
}

#[test]
fn a_period_outside_the_past_is_refused() {
    let place = place();
    let period = |args: &[&str]| place.run(&[&BACKTEST[..], args].concat());
    let after = period(&["--since", "2017-07-01"]);
    assert_eq!((after.code, after.out.as_str()), (1, ""));
    insta::assert_snapshot!(after.err, @r"
        touchline: the period begins after the past: --since 2017-07-01, and it is known until 2017-06-29
        hint: give a day from 2017-02-06 to 2017-06-29
        ");
    let before = period(&["--until", "2017-02-01"]);
    assert_eq!((before.code, before.out.as_str()), (1, ""));
    insta::assert_snapshot!(before.err, @r"
        touchline: the period ends before the past begins: --until 2017-02-01, and its first change is of 2017-02-06
        hint: give a day from 2017-02-06 to 2017-06-29
        ");
    let turned = period(&["--since", "2017-05-01", "--until", "2017-04-01"]);
    assert_eq!((turned.code, turned.out.as_str()), (2, ""));
    assert_eq!(period(&["--since", "2017-06-29"]).code, 0);
}

#[test]
fn the_rules_in_force_are_judged_unless_others_are_named() {
    let place = place();
    let from = |args: &[&str]| {
        let ran = place.run(&[&BACKTEST[..], &["--json"], args].concat());
        let told: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        (told["rules_from"].as_str().unwrap().to_owned(), told["rules"].as_array().unwrap().len())
    };
    assert_eq!(from(&[]), ("the configured packs (builtin:core-pipeline)".to_owned(), 21));
    assert_eq!(from(&["--rules", "later.yaml"]), ("the packs later.yaml".to_owned(), 2));
    let config = std::fs::read_to_string(place.path().join("touchline.toml")).unwrap();
    place.write("touchline.toml", &format!("admins = [\"admin@example.com\"]\n{config}"));
    let by = ["--as", "admin@example.com", "--why", "a trial"];
    place.write(
        "own.yaml",
        &LATER.replace("id: long", "id: too-long").replace("id: new", "id: our-new"),
    );
    let published = place.run(&[&["rules", "publish", "own.yaml", "--yes"], &by[..]].concat());
    assert_eq!(published.code, 0, "{}", published.err);
    let here = "those in force here, declared and published, as they stand";
    assert_eq!(from(&[]), (here.to_owned(), 23));
    place.run(&[&["rules", "pause", "our-new-deal"], &by[..]].concat());
    assert_eq!(from(&[]), (format!("{here}; 1 rests or is out of use"), 22));
}

#[test]
fn the_progress_ends_at_its_end() {
    let ran = place().run(&BACKTEST);
    assert!(ran.err.contains("24/24 changes played"), "{}", ran.err);
}

#[test]
fn what_is_required_is_marked() {
    let help = |args: &[&str]| Place::new("").run(args).out;
    let backtest = help(&["rules", "backtest", "--help"]);
    assert!(backtest.contains("<--history <FILE>|--from-store>"), "{backtest}");
    let import = help(&["history", "import", "--help"]);
    let usage = import.lines().find(|line| line.starts_with("Usage:")).unwrap();
    assert!(usage.contains("--mapping <FILE>") && usage.contains("--out <FILE>"), "{usage}");
    assert!(usage.contains("--connection <NAME>"), "{usage}");
}

#[test]
fn a_past_or_a_rule_that_is_wrong_is_named() {
    let place = place();
    place.write("empty.jsonl", "");
    let ran = place.run(&["rules", "backtest", "--history", "empty.jsonl"]);
    assert!(ran.code == 1 && ran.err.contains("the file is empty"), "{}", ran.err);
    place.write("wrong.yaml", &LATER.replace("deal.stage_entered_at", "deal.stage_entered"));
    let ran = place.run(&[&BACKTEST[..], &["--rules", "wrong.yaml"]].concat());
    assert!(ran.code == 1 && ran.out.is_empty(), "{}", ran.out);
    assert!(ran.err.contains("the rules have errors; nothing was played"), "{}", ran.err);
    place.write("other.yaml", &LATER.replace("deal.owner != \"\"", "deal.stage == \"offer\""));
    let ran = place.run(&[&BACKTEST[..], &["--rules", "other.yaml"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("the past has no such names"), "{}", ran.err);
}
