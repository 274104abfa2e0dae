//! What rules say, whole, and what a second person is shown.

use insta::assert_snapshot;

use crate::life::{DECLARED, PUBLISH, QUIET, place, shown};

#[test]
fn a_second_person_reads_what_she_agrees_to() {
    let place = place();
    let by_mary = ["rules", "publish", "quiet.yaml", "--as", "mary@example.com"];
    place.run(&[&by_mary[..], &["--why", "long sales", "--yes"]].concat());
    let requests = place.run(&["rules", "requests"]);
    assert_snapshot!(shown(&requests), @r"
        ID  draft, asked for by mary@example.com on DAY: long sales
          `quiet`: new, on
          quiet: The buyer is quiet
            on: state
            when: business_days_since(deal.last_inbound_at) >= threshold
            threshold: 5
            tip: {{ deal.name }} is quiet
                 Ask what changed.
            read by: the deal's owner
            open deals that met it when it was asked for: 0 of 0
          whole: touchline rules show ID
        [0]
        ");
    let id = requests.out.split(' ').next().unwrap();
    assert_eq!(place.run(&["rules", "show", id]).out, QUIET);
    place.run(&["rules", "refuse", id, "--as", "mary@example.com"]);
    place.run(&["rules", "pause", "moved", "--as", "mary@example.com", "--why", "summer"]);
    let pause = place.run(&["rules", "requests"]).out;
    let pause = place.run(&["rules", "show", pause.split(' ').next().unwrap()]);
    assert!(pause.code == 1 && pause.err.contains("publishes nothing"), "{}", pause.err);
}

#[test]
fn what_a_rule_says_is_printed_to_be_edited_and_published() {
    let place = place();
    let second = "  # Beside it.\n  - id: other\n    title: Other\n    on: deal.stage_changed\n    when: 'true'\n    tip: { headline: h, body: b }\n";
    place.write("declared.yaml", &format!("{DECLARED}{second}"));
    place.run(&[&PUBLISH[..], &["--yes"]].concat());
    let show = |args: &[&str]| place.run(&[&["rules", "show"], args].concat());
    assert_eq!(show(&["moved"]).out, DECLARED);
    let head = "pack: declared\ntitle: Declared\nrules:\n";
    let (_, other) = second.split_once('\n').unwrap();
    assert_eq!(show(&["other"]).out, format!("{head}{other}"));
    // What was published comes back as it was, to the hash.
    let first = show(&["quiet"]).out;
    place.write("quiet.yaml", &first);
    let again = place.run(&[&PUBLISH[..], &["--yes"]].concat());
    assert!(again.out.contains("everything is as it was"), "{}{}", again.out, again.err);
    place.write("quiet.yaml", &QUIET.replace("threshold: 5", "threshold: 7"));
    place.run(&[&PUBLISH[..], &["--yes"]].concat());
    assert!(show(&["quiet"]).out.contains("\"threshold\": 7"));
    assert_eq!(show(&["quiet", "--version", "2a531a"]).out, first);
    let pack = show(&["builtin:core-pipeline"]).out;
    assert!(pack.contains("pack: core-pipeline") && pack.contains("rules:"), "{pack}");
    assert_snapshot!(shown(&show(&["moevd"])), @r"
        touchline: there is no rule `moevd`
        hint: did you mean `moved`?
        [1]
        ");
    assert_eq!(show(&["builtin:cor"]).code, 1);
    assert_eq!(show(&["builtin:core-pipeline", "--version", "2a"]).code, 2);
}

#[test]
fn the_faulty_file_is_named_and_other_rules_are_steered_all_the_same() {
    let place = place();
    place.run(&[&PUBLISH[..], &["--yes"]].concat());
    place.write("declared.yaml", &DECLARED.replace("headline:", "haedline:"));
    // Nothing of the files was ever kept: nothing can stand in for them.
    let list = place.run(&["rules", "list"]);
    assert!(list.code == 1 && list.err.contains("declared.yaml:8:"), "{}", list.err);
    place.write("declared.yaml", DECLARED);
    place.serve_once();
    place.write("declared.yaml", &DECLARED.replace("headline:", "haedline:"));
    let by = ["--as", "admin@example.com", "--why", "x"];
    for rule in ["quiet", "moved"] {
        let paused = place.run(&[&["rules", "pause", rule], &by[..]].concat());
        assert_eq!((paused.code, paused.out), (0, format!("`{rule}`: on → paused\n")));
        let told = "warning: declared.yaml:8:";
        assert!(
            paused.err.starts_with(told) && paused.err.contains("`headline`"),
            "{}",
            paused.err
        );
        assert!(paused.err.contains("touchline rules check"), "{}", paused.err);
    }
    let list = place.run(&["rules", "list"]);
    assert!(list.code == 0 && list.out.contains("paused    moved: Moved on"), "{}", list.out);
    assert_eq!(place.run(&["rules", "check"]).code, 1);
    let publish = ["rules", "publish", "declared.yaml"];
    assert_eq!(place.run(&[&publish[..], &by[..]].concat()).code, 1);
}
