//! Names that nobody here knows: refused where they can only be a mistake, and
//! warned of where they may be right tomorrow.

use crate::Place;

const PACK: &str = "pack: trial
title: A trial
rules:
  - id: moved
    title: Moved on
    on: deal.stage_changed
    when: 'true'
    tip: { headline: h, body: b }
";

fn place() -> Place {
    let people = "[people.\"ann@example.com\"]\nmanager = \"mary@example.com\"\n";
    let place = Place::new(&format!("rules = [\"trial.yaml\"]\n{people}"));
    place.write("trial.yaml", PACK);
    let off = place.run(&["admin", "sending", "off", "--reason", "begin"]);
    assert_eq!((off.code, off.err.as_str()), (0, ""));
    place
}

#[test]
fn a_rule_that_is_not_there_cannot_be_muted_for_anybody() {
    let place = place();
    let set = |words: &[&str]| {
        let of = ["admin", "preferences", "ann@example.com", "set"];
        place.run(&[&of[..], words, &["--reason", "asked"]].concat())
    };
    let typo = set(&["mute", "moevd"]);
    assert_eq!((typo.code, typo.out.as_str()), (1, ""));
    assert_eq!(typo.err, "touchline: there is no rule `moevd` here\nhint: did you mean `moved`?\n");
    let muted = set(&["mute", "moved"]);
    assert_eq!((muted.code, muted.err.as_str()), (0, ""));
    assert_eq!(set(&["unmute", "moved"]).code, 0);
    // Whether it is muted makes no difference: nobody else may know.
    set(&["mute", "moved"]);
    place.write("trial.yaml", &PACK.replace("moved", "gone"));
    assert_eq!((set(&["unmute", "moved"]).code, set(&["unmute", "nothing"]).code), (1, 1));
}

#[test]
fn a_choice_beyond_the_ceiling_says_that_the_ceiling_holds() {
    let place = place();
    let set = |most: &str| {
        let of = ["admin", "preferences", "ann@example.com", "set", "interruptions", most];
        place.run(&[&of[..], &["--reason", "asked"]].concat())
    };
    let beyond = set("5");
    assert_eq!(beyond.code, 0, "{}", beyond.err);
    assert!(beyond.err.contains("note: the ceiling of 2 a day holds"), "{}", beyond.err);
    assert_eq!(set("2").err, "");
}

#[test]
fn people_whom_nobody_knows_are_warned_of() {
    let place = place();
    let of = ["admin", "preferences", "anne@example.com", "set", "interruptions", "1"];
    let stranger = place.run(&[&of[..], &["--reason", "asked"]].concat());
    assert_eq!(stranger.code, 0, "{}", stranger.err);
    let warning = "warning: nobody here is known by anne@example.com yet";
    assert!(stranger.err.starts_with(warning), "{}", stranger.err);
    let people = "ann@example.com,mary@example.com,anne@example.com";
    let pilot = ["admin", "sending", "pilot", "--people", people, "--reason", "trial"];
    let pilot = place.run(&pilot);
    assert_eq!(pilot.code, 0, "{}", pilot.err);
    assert!(pilot.out.starts_with("sending is on for a pilot of 3"), "{}", pilot.out);
    assert!(pilot.err.starts_with(warning) && pilot.err.lines().count() == 1, "{}", pilot.err);
}

#[test]
fn the_release_of_a_rule_that_is_not_there_cannot_be_stopped() {
    let place = place();
    let stop =
        |rule: &str| place.run(&["admin", "release", "stop", "--rule", rule, "--reason", "enough"]);
    let typo = stop("movd");
    assert_eq!((typo.code, typo.out.as_str()), (1, ""));
    assert!(typo.err.contains("did you mean `moved`?"), "{}", typo.err);
    assert_eq!(stop("moved").out, "0 cases are stopped\n");
    assert_eq!(place.run(&["admin", "release", "list", "--rule", "movd"]).code, 1);
}
