//! What `rules present`, `publish` and `confirm` say where no deal meets a rule.

use insta::assert_snapshot;

use crate::life::{place, shown};

const ABOUT_PEOPLE: &str = "pack: people
title: People
rules:
  - id: many-open
    title: Many open deals
    scope: person
    on: state
    when: person.open_deals > threshold
    threshold: 3
    attention: private
    tip: { headline: \"{{ person.name }}: many deals\", body: Which one is first? }
";

#[test]
fn what_no_deal_meets_says_why() {
    let place = place();
    place.write("people.yaml", ABOUT_PEOPLE);
    let by = ["--as", "admin@example.com", "--why", "x"];
    let run = |args: &[&str]| shown(&place.run(&[args, &by[..]].concat()));
    let present = |rule: &str| shown(&place.run(&["rules", "present", rule]));
    assert_snapshot!(run(&["rules", "publish", "people.yaml", "--yes"]), @r"
        many-open: Many open deals (new, on)
          it is about people, and the service looks at each of them in turn
        tests passed: 0
        `many-open`: new, on
        warning: `many-open` has no tests
          hint: give it one that fires and one that does not
        [0]
        ");
    assert_snapshot!(present("many-open"), @r"
        `many-open` is about people, not deals; the service looks at them
        hint: `touchline rules explain many-open --person EMAIL` shows one
        [0]
        ");
    assert_snapshot!(present("moved"), @r"
        `moved` waits for an event; no deal meets it by itself
        [0]
        ");
    run(&["rules", "publish", "quiet.yaml", "--yes"]);
    run(&["rules", "pause", "quiet"]);
    assert_snapshot!(present("quiet"), @r"
        `quiet` is paused since DAY, so it looks at nothing
        hint: `touchline rules resume quiet` lets it look again
        [0]
        ");
    assert_snapshot!(run(&["rules", "confirm", "quiet"]), @r"
        touchline: `quiet` is paused
        hint: `touchline rules resume` puts it on, and its time begins anew
        [1]
        ");
    run(&["rules", "retire", "quiet"]);
    assert_snapshot!(present("quiet"), @r"
        `quiet` is retired since DAY, so it looks at nothing
        hint: `touchline rules watch quiet` lets it look again
        [0]
        ");
    assert_snapshot!(run(&["rules", "confirm", "quiet"]), @r"
        touchline: `quiet` is retired
        hint: `touchline rules watch` lets it begin anew, in silence
        [1]
        ");
    assert_snapshot!(run(&["rules", "watch", "quiet"]), @r"
        `quiet`: retired → watching; what is already true is not told
        [0]
        ");
}
