//! Rules about people, and thresholds that rest on won deals, over a small past.

use super::fixtures::*;
use crate::backtest::{Fired, Observer, Player, Report, Share};
use crate::baseline::{Quoted, Rung};
use crate::facts::Change;
use crate::ruleset::Scope;
use crate::time::UnixMs;

const RULES: &str = r#"
pack: house
title: House
rules:
  - id: two-at-once
    title: Two open deals
    scope: person
    on: state
    when: person.open_deals >= 2
    tip: { headline: "{{ person.first_name }}, {{ person.open_deals }} open deals", body: Choose one. }
  - id: hands-off
    title: Own edits
    scope: person
    on: state
    when: person.edits_14d >= 2 || person.rule_not_true_percent > 50
    tip: { headline: h, body: b }
  - id: far-from-target
    title: Far from the target
    scope: person
    on: state
    when: person.coverage < 2
    tip: { headline: h, body: b }
  - id: longer-than-won
    title: Longer than won deals
    on: state
    when: days_since(deal.stage_entered_at) >= threshold
    threshold: { won_percentile: 75, of: dwell_days, min_n: 5, fallback: 30 }
    tip: { headline: "{{ deal.name }}: {{ threshold.source }}", body: b }
  - id: dearer-than-won
    title: Dearer than won deals
    on: deal.field_changed(amount)
    when: deal.amount > threshold
    threshold: { won_percentile: 75, of: amount, min_n: 50 }
    tip: { headline: h, body: b }
"#;

#[derive(Default)]
struct Heard(Vec<(UnixMs, String, String, Option<Quoted>)>);

impl Observer for Heard {
    fn fired(&mut self, fired: Fired<'_>) {
        let firing = fired.firing;
        let (rule, about) = (firing.rule_id.clone(), firing.deal.id.clone());
        self.0.push((firing.at, rule, about, firing.quoted));
    }
}

fn played(mut changes: Vec<Change>, as_of: UnixMs) -> (Report, Heard) {
    changes.sort_by_key(|change| change.occurred_at);
    let (rules, metadata, crew, policy) = (rules(RULES), metadata(), crew(), policy());
    let mut player = Player::new(setup(&rules, &metadata, &crew, &policy), Heard::default());
    for change in changes {
        player.change(change.occurred_at, change);
    }
    player.finish(as_of, Vec::new())
}

#[test]
fn a_rule_about_people_is_played_in_numbers_and_names_nobody() {
    let changes = [
        created("a", at(0, 10), "1"),
        created("b", at(3, 10), "1"),
        vec![stage("a", at(5, 10), "lost")],
    ];
    let (report, heard) = played(changes.concat(), at(40, 0));
    let of_rule = |id: &str| report.rule(id).unwrap();
    let spoke: Vec<_> = heard.0.iter().filter(|(_, rule, ..)| rule == "two-at-once").collect();
    assert!(
        matches!(&spoke[..], [(when, _, who, _)] if *when == at(3, 10) && who == "ann@example.com")
    );
    let rule = of_rule("two-at-once");
    assert_eq!((rule.scope, rule.firings, rule.deals), (Scope::Person, 1, Share::new(0, 2)));
    assert_eq!((rule.attention.sum(), rule.attention.digest_items), (1, 1));
    // Two days later one of the deals was lost: the reason had gone.
    assert_eq!(rule.self_corrected.within_window, Share::new(1, 1));
    assert!(rule.examples.is_empty());
    let told = serde_json::to_string(&report).unwrap().to_lowercase();
    assert!(!told.contains("ann"), "{told}");
}

#[test]
fn what_a_past_does_not_tell_of_people_is_said() {
    let (report, _) = played(created("a", at(0, 10), "1"), at(40, 0));
    let partly: Vec<_> = report.partly.iter().map(|one| (one.rule.as_str(), one.why)).collect();
    assert_eq!(
        partly,
        [
            ("hands-off", "this past names nobody who made a change: nobody edits anything"),
            ("hands-off", "nobody answers in a back-test"),
        ]
    );
    let inactive: Vec<_> = report.inactive.iter().map(|one| one.rule.as_str()).collect();
    assert_eq!(inactive, ["far-from-target", "dearer-than-won"]);
}

#[test]
fn thresholds_follow_the_won_deals_of_the_day_before() {
    let won = ["v", "w", "x", "y", "z"].into_iter().flat_map(|deal| {
        [created(deal, at(0, 10), "2"), vec![stage(deal, at(4, 9), "won")]].concat()
    });
    let before = created("a", at(1, 10), "1");
    let after = created("b", at(6, 10), "1");
    let all: Vec<Change> = won.chain(before).chain(after).collect();
    let (_, heard) = played(all, at(60, 0));
    let spoke = heard.0.iter().filter(|(_, rule, ..)| rule == "longer-than-won");
    let spoke: Vec<_> = spoke
        .map(|(at, _, deal, quoted)| {
            let Quoted { value, n, rung, .. } = quoted.unwrap();
            (*at, deal.as_str(), value, n, rung)
        })
        .collect();
    // What was settled when a deal entered its stage stays.
    let expected = [(at(10, 10), "b", 4.0, 5, Rung::Stage), (at(31, 10), "a", 30.0, 0, Rung::Own)];
    assert_eq!(spoke, expected);
}
