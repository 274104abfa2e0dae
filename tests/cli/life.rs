//! The life of rules from the command line.

use insta::assert_snapshot;

use crate::{Place, Ran};

const PEOPLE: &str = "rules = [\"declared.yaml\"]
admins = [\"admin@example.com\"]
[people.\"ann@example.com\"]
manager = \"mary@example.com\"
[people.\"ben@example.com\"]
manager = \"max@example.com\"
";

pub const DECLARED: &str = "pack: declared
title: Declared
rules:
  - id: moved
    title: Moved on
    on: deal.stage_changed
    when: 'true'
    tip: { headline: h, body: b }
";

pub const QUIET: &str = "pack: ours
title: Our habits
rules:
  - id: quiet
    title: The buyer is quiet
    on: state
    when: business_days_since(deal.last_inbound_at) >= threshold
    threshold: 5
    owner: ops@example.com
    expires: 180d
    tip: { headline: \"{{ deal.name }} is quiet\", body: Ask what changed. }
    tests:
      - name: a week
        given: { at: 2026-03-02T09:00Z, last_inbound_at: 2026-03-02T08:00Z }
        then:
          - wait: 7bd
        expect: { fires: 1 }
";

pub fn place() -> Place {
    let place = Place::new(PEOPLE);
    place.write("declared.yaml", DECLARED);
    place.write("quiet.yaml", QUIET);
    place
}

/// What a shell shows, without instants and ids that differ from run to run.
pub fn shown(ran: &Ran) -> String {
    let mut out = String::new();
    for line in format!("{}{}[{}]", ran.out, ran.err, ran.code).lines() {
        let words = line.split_inclusive(' ').map(|word| {
            let bare = word.trim_end();
            let is_day = bare.len() >= 10 && bare.starts_with("20") && bare.contains('-');
            let is_id = bare.len() == 8 && bare.chars().all(|letter| letter.is_ascii_hexdigit());
            match (is_day, is_id) {
                (true, _) => word.replace(bare.trim_end_matches([',', ':']), "DAY"),
                (_, true) => word.replace(bare, "ID"),
                _ => word.to_owned(),
            }
        });
        out.push_str(&words.collect::<String>());
        out.push('\n');
    }
    out
}

pub const PUBLISH: [&str; 7] =
    ["rules", "publish", "quiet.yaml", "--as", "admin@example.com", "--why", "agreed"];

#[test]
fn publishing_shows_what_would_happen_before_it_does() {
    let place = place();
    assert_snapshot!(shown(&place.run(&PUBLISH)), @r"
        quiet: The buyer is quiet (new, on)
          open deals that meet it already: 0 of 0
        tests passed: 1
        nothing was changed yet
        hint: add --yes to put it on
        [0]
        ");
    assert_snapshot!(shown(&place.run(&[&PUBLISH[..], &["--yes"]].concat())), @r"
        quiet: The buyer is quiet (new, on)
          open deals that meet it already: 0 of 0
        tests passed: 1
        `quiet`: new, on
        [0]
        ");
    assert_snapshot!(shown(&place.run(&[&PUBLISH[..], &["--yes"]].concat())), @r"
        quiet: The buyer is quiet (as it is, on)
          open deals that meet it already: 0 of 0
        tests passed: 1
        everything is as it was
        [0]
        ");
}

#[test]
fn publishing_needs_a_reason_and_warns_of_missing_tests() {
    let place = place();
    let unreasoned = ["rules", "publish", "quiet.yaml", "--as", "admin@example.com", "--yes"];
    assert_snapshot!(shown(&place.run(&unreasoned)), @r#"
        touchline: a change needs a reason
        hint: add --why "why", for the rule's log
        [2]
        "#);
    place.run(&[&PUBLISH[..], &["--yes"]].concat());
    let (untested, _) = QUIET.split_once("    tests:").unwrap();
    place.write("quiet.yaml", untested);
    assert_snapshot!(shown(&place.run(&PUBLISH)), @r"
        quiet: The buyer is quiet (2a531a7722 → fde257a40f, on)
          tests 1 → 0
          open deals that meet it already: 0 of 0
        tests passed: 0
        warning: `quiet` has fewer tests (0) than the version in force (1)
          hint: give it one that fires and one that does not
        nothing was changed yet
        hint: add --yes to put it on
        [0]
        ");
    place.write("quiet.yaml", &untested.replace("id: quiet", "id: quieter"));
    assert_snapshot!(shown(&place.run(&PUBLISH)), @r"
        quieter: The buyer is quiet (new, on)
          open deals that meet it already: 0 of 0
        tests passed: 0
        warning: `quieter` has no tests
          hint: give it one that fires and one that does not
        nothing was changed yet
        hint: add --yes to put it on
        [0]
        ");
}

#[test]
fn versions_are_kept_compared_and_gone_back_to() {
    let place = place();
    place.run(&[&PUBLISH[..], &["--yes"]].concat());
    let softer = QUIET.replace("threshold: 5", "threshold: 7");
    place.write("quiet.yaml", &softer.replace("The buyer is", "The buyer went"));
    assert_snapshot!(shown(&place.run(&[&PUBLISH[..], &["--state", "shadow", "--yes"]].concat())), @r"
        quiet: The buyer went quiet (2a531a7722 → 0485002290, watching)
          threshold 5 → 7 working days
          title changed: “The buyer is quiet” → “The buyer went quiet”
          on → watching
          it begins anew: what is already true is not told
          open deals that meet it already: 0 of 0
        tests passed: 1
        `quiet`: watching
        [0]
        ");
    assert_snapshot!(shown(&place.run(&["rules", "log", "quiet"])), @r"
        DAY publish (shadow, 0485002290) by admin@example.com: agreed
          threshold 5 → 7 working days
          title changed: “The buyer is quiet” → “The buyer went quiet”
        DAY publish (on, 2a531a7722) by admin@example.com: agreed
        [0]
        ");
    assert_snapshot!(shown(&place.run(&["rules", "diff", "quiet"])), @r"
        quiet: 2a531a7722 → 0485002290
          threshold 5 → 7 working days
          title changed: “The buyer is quiet” → “The buyer went quiet”
        [0]
        ");
    assert_snapshot!(shown(&place.run(&["rules", "list"])), @r"
        on        moved: Moved on
                  declared.yaml
                  owner nobody · does not expire
                  0 sent
        watching  quiet: The buyer went quiet
                  since DAY, by admin@example.com (agreed) · published
                  owner ops@example.com · ends DAY unless confirmed
                  0 sent
        [0]
        ");
    assert_snapshot!(shown(&place.run(&["rules", "rollback", "quiet", "--as", "admin@example.com", "--why", "too late"])), @r"
        `quiet` is back at 2a531a7722
          threshold 7 → 5 working days
          title changed: “The buyer went quiet” → “The buyer is quiet”
        [0]
        ");
    assert_snapshot!(shown(&place.run(&["rules", "resume", "quiet", "--as", "admin@example.com", "--why", "it is right"])), @r"
        `quiet`: watching → on; what is already true is not told
        [0]
        ");
    let audit = place.run(&["admin", "audit", "check"]);
    assert_eq!(audit.code, 0, "{}", audit.out);
}

#[test]
fn a_company_rule_needs_an_admin_or_a_second_person() {
    let place = place();
    let pause = ["rules", "pause", "moved", "--why", "summer", "--as"];
    assert_snapshot!(shown(&place.run(&[&pause[..], &["ann@example.com"]].concat())), @r"
        touchline: ann@example.com may not change the company's rules
        hint: an admin may; a manager may ask for it, and a second person agrees
        [1]
        ");
    assert_snapshot!(shown(&place.run(&[&pause[..], &["mary@example.com"]].concat())), @r"
        request ID waits for a second person
        hint: `touchline rules approve ID --as OTHER@…`; an admin or another manager may
        [0]
        ");
    let requests = place.run(&["rules", "requests"]);
    assert_snapshot!(shown(&requests), @r"
        ID  draft, asked for by mary@example.com on DAY: summer
          `moved`: on → paused
        [0]
        ");
    let id = requests.out.split(' ').next().unwrap().to_owned();
    let approve = ["rules", "approve", id.as_str(), "--as"];
    assert_snapshot!(shown(&place.run(&[&approve[..], &["mary@example.com"]].concat())), @r"
        touchline: mary@example.com asked for it, and cannot agree to it as well
        hint: another manager or an admin may
        [1]
        ");
    assert_snapshot!(shown(&place.run(&[&approve[..], &["max@example.com"]].concat())), @r"
        `moved`: on → paused
        [0]
        ");
    assert_eq!(place.run(&["rules", "approve", "none", "--as", "max@example.com"]).code, 1);
}

#[test]
fn teams_mute_and_tighten() {
    let place = place();
    assert_eq!(place.run(&[&PUBLISH[..], &["--yes"]].concat()).code, 0);
    let team = ["--team", "mary@example.com", "--as", "mary@example.com", "--why", "long sales"];
    let run = |args: &[&str]| shown(&place.run(&[args, &team[..]].concat()));
    assert_snapshot!(run(&["rules", "tighten", "quiet", "--threshold", "3"]), @r"
        touchline: a threshold of 3 makes the rule speak more than 5 does
        hint: a team may only make it larger
        [1]
        ");
    assert_snapshot!(run(&["rules", "tighten", "quiet", "--threshold", "9", "--cooldown", "20d"]), @r"
        `quiet` for the team of mary@example.com: threshold 5 → 9, cooldown none → 20d
        [0]
        ");
    assert_snapshot!(run(&["rules", "tighten", "quiet", "--undo"]), @r"
        `quiet` is no longer tightened for the team of mary@example.com: it follows the company’s numbers there again
        [0]
        ");
    assert_snapshot!(run(&["rules", "tighten", "quiet", "--attention", "interrupt"]), @r"
        touchline: `interrupt` is louder than `digest`
        hint: a team may only make a rule quieter
        [1]
        ");
    assert_snapshot!(run(&["rules", "mute", "moved"]), @r"
        `moved` is muted for the team of mary@example.com
        [0]
        ");
    assert_snapshot!(run(&["rules", "mute", "moved", "--undo"]), @r"
        `moved` holds for the team of mary@example.com again; what is already true is not told
        [0]
        ");
    let other = [
        "rules",
        "mute",
        "moved",
        "--team",
        "max@example.com",
        "--as",
        "mary@example.com",
        "--why",
        "x",
    ];
    assert_snapshot!(shown(&place.run(&other)), @r"
        touchline: mary@example.com does not manage the team of max@example.com
        hint: max@example.com or an admin may
        [1]
        ");
}

#[test]
fn what_cannot_be_says_so_and_what_to_do() {
    let place = place();
    let by = ["--as", "admin@example.com", "--why", "x"];
    let run = |args: &[&str]| shown(&place.run(&[args, &by[..]].concat()));
    assert_snapshot!(run(&["rules", "trial", "moved"]), @r"
        touchline: no rule can be put on trial yet
        hint: `touchline rules watch` works it out and sends nothing
        [1]
        ");
    assert_snapshot!(run(&["rules", "publish", "quiet.yaml", "--state", "trial"]), @r"
        touchline: no rule can be put on trial yet
        hint: --state shadow works it out and sends nothing
        [1]
        ");
    assert_snapshot!(run(&["rules", "pause", "moevd"]), @r"
        touchline: there is no rule `moevd`
        hint: did you mean `moved`?
        [1]
        ");
    assert_snapshot!(run(&["rules", "confirm", "moved"]), @r"
        touchline: `moved` does not expire
        hint: there is nothing to confirm; a rule expires if it says so: `expires: 180d`
        [1]
        ");
    assert_snapshot!(run(&["rules", "rollback", "moved"]), @r"
        touchline: `moved` never had another version
        hint: `touchline rules log moved` shows its life
        [1]
        ");
    place.write("quiet.yaml", &QUIET.replace("fires: 1", "fires: 2"));
    assert_snapshot!(run(&["rules", "publish", "quiet.yaml", "--yes"]), @r#"
        touchline: tests fail; nothing was changed
          quiet.yaml:13 `quiet`: a week
              number of firings
                expected: 2
                found:    1 [2026-03-09T00:00:00Z]
              at the last firing, DAY:
                yes  all of these:
                  yes  applies_to: open
                         deal.stage_kind is "open"
                  yes  business_days_since(deal.last_inbound_at) >= threshold
                         business_days_since(deal.last_inbound_at) is 5
                         deal.last_inbound_at is DAY
                         threshold is 5
              at the end of the story, DAY:
                yes  all of these:
                  yes  applies_to: open
                         deal.stage_kind is "open"
                  yes  business_days_since(deal.last_inbound_at) >= threshold
                         business_days_since(deal.last_inbound_at) is 7
                         deal.last_inbound_at is DAY
                         threshold is 5
        [1]
        "#);
    assert_eq!(place.run(&["rules", "pause", "moved", "--as", "admin@example.com"]).code, 2);
    assert_eq!(place.run(&["rules", "pause", "moved", "--why", "x"]).code, 2);
    let json = place.run(&["rules", "list", "--json"]);
    let lines: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&lines[0]["rule"], &lines[0]["state"]), (&"moved".into(), &"on".into()));
    let present = place.run(&["rules", "present", "moved", "--json"]);
    let present: serde_json::Value = serde_json::from_str(&present.out).unwrap();
    assert_eq!(present["cases"], serde_json::json!([]));
}
