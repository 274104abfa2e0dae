//! What the tests inside rule files can tell of named facts, phases, people and
//! who made an edit.

use super::*;
use crate::ruleset::testing::run_tests;

const PACK: &str = r#"pack: p
title: P
rules:
  - id: hovering
    title: The manager moves the date
    on: deal.field_changed(close_date)
    when: change.by == "manager" && deal.stage_phase in ["late", "verbal"]
    tip: { headline: "{{ deal.name }}: {{ change.by }}", body: Talk first. }
    tests:
      - name: by the manager, late
        phases: { verbal: [negotiation] }
        given: { at: 2026-03-02T09:00Z, stage: negotiation, close_date: +9d }
        then: [{ set: { close_date: +12d }, by: manager }]
        expect: { fires: 1 }
      - name: by the owner
        given: { at: 2026-03-02T09:00Z, stage: negotiation, close_date: +9d }
        then: [{ set: { close_date: +12d } }]
        expect: { fires: 0 }
      - name: by a colleague
        given: { at: 2026-03-02T09:00Z, stage: negotiation, close_date: +9d }
        then: [{ set: { close_date: +12d }, by: colleague }]
        expect: { fires: 0 }
      - name: early in the sale
        given: { at: 2026-03-02T09:00Z, close_date: +9d }
        then: [{ set: { close_date: +12d }, by: manager }]
        expect: { fires: 0 }
      - name: what Touchline writes
        given: { at: 2026-03-02T09:00Z, stage: negotiation, close_date: +9d }
        then: [{ set: { close_date: +12d }, by: touchline }]
        expect: { fires: 0 }
  - id: one-person
    title: One person only
    on: state
    when: deal.contacts_engaged <= 1 && deal.meetings >= 1 && days_since(deal.last_call_at) > 3
    tip: { headline: "{{ deal.name }}: {{ deal.contacts_engaged }}", body: Ask who else. }
    tests:
      - name: the same person all the time
        given: { at: 2026-03-02T09:00Z, last_call_at: -2d }
        then: [{ activity: meeting }, { wait: 4d }]
        expect: { fires: 1 }
      - name: somebody else comes to the meeting
        given: { at: 2026-03-02T09:00Z, last_call_at: -2d }
        then: [{ activity: meeting, contact: 2 }, { wait: 4d }]
        expect: { fires: 0 }
      - name: three people from the start
        given: { at: 2026-03-02T09:00Z, last_call_at: -2d, last_meeting_at: -1d, contacts_engaged: 3 }
        then: [{ wait: 4d }]
        expect: { fires: 0 }
      - name: nobody told who took part
        given: { at: 2026-03-02T09:00Z, last_call_at: -2d, last_meeting_at: -1d, unknown: [contacts_engaged] }
        then: [{ wait: 4d }]
        expect: { fires: 0 }
  - id: discount-first
    title: A discount before the value
    on: deal.field_changed(discount)
    when: change.to >= 10 && !has(deal.impact)
    tip: { headline: "{{ deal.discount }} percent", body: Ask what it is worth. }
    tests:
      - name: nothing is known of the effect
        given: { at: 2026-03-02T09:00Z, discount: 5 }
        then: [{ set: { discount: 12.5 } }]
        expect: { fires: [{ headline: 12.5 percent }] }
      - name: the effect is known
        given: { at: 2026-03-02T09:00Z, discount: 5, impact: Two days a week }
        then: [{ set: { discount: 12.5 } }]
        expect: { fires: 0 }
      - name: the account has no such property
        given: { at: 2026-03-02T09:00Z, discount: 5, unknown: [impact] }
        then: [{ set: { discount: 12.5 } }]
        expect: { fires: 0 }
  - id: slow
    title: Longer in its stage than won deals
    on: state
    when: days_since(deal.stage_entered_at) >= threshold
    threshold: { won_percentile: 75, of: dwell_days, fallback: 40 }
    tip: { headline: "{{ threshold }} of {{ threshold.n }}", body: "{{ threshold.source }}" }
    tests:
      - name: as won deals say
        baseline: { stage: 19, n: 212 }
        given: { at: 2026-03-02T09:00Z, stage: proposal, stage_since: -1d }
        then: [{ wait: 30d }]
        expect: { fires: [{ at: 2026-03-20T09:00Z, headline: 19 of 212 }] }
      - name: too few of them
        baseline: { all: 19, n: 12 }
        given: { at: 2026-03-02T09:00Z, stage: proposal, stage_since: -1d }
        then: [{ wait: 30d }]
        expect: { fires: 0 }
      - name: nobody knows yet
        given: { at: 2026-03-02T09:00Z, stage: proposal, stage_since: -1d }
        then: [{ wait: 40d }]
        expect: { fires: [{ at: 2026-04-10T09:00Z, headline: 40 of 0 }] }
  - id: step-passed
    title: The next step has passed
    on: state
    when: days_until(deal.next_step_date) < 0
    tip: { headline: h, body: Make it. }
    tests:
      - name: it passes
        given: { at: 2026-03-02T09:00Z, next_step_date: +2d }
        then: [{ wait: 5d }]
        expect: { fires: [{ at: 2026-03-05T00:00Z }] }
"#;

#[test]
fn stories_tell_of_people_phases_and_named_facts() {
    let loaded = RuleSet::load(&[file("p.yaml", PACK)], &[]);
    let set = loaded.set.as_ref().unwrap_or_else(|| panic!("{}", report(&loaded)));
    let failed: Vec<_> = run_tests(set)
        .into_iter()
        .filter_map(|test| Some(format!("{}: {}", test.name, test.failure?)))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn a_mistake_in_a_story_is_named() {
    let wrong = |from: &str, to: &str| {
        let loaded = RuleSet::load(&[file("p.yaml", &PACK.replacen(from, to, 1))], &[]);
        assert!(loaded.set.is_none(), "{to}");
        report(&loaded)
    };
    let hint = wrong("by: manager }]", "by: manger }]");
    assert!(hint.contains("did you mean `manager`?"), "{hint}");
    let hint = wrong("phases: { verbal: [negotiation] }", "phases: { verbal: [negociation] }");
    assert!(hint.contains("did you mean `negotiation`?"), "{hint}");
    let hint = wrong("[\"late\", \"verbal\"]", "[\"late\", \"verbl\"]");
    assert!(hint.contains("verbal"), "{hint}");
    let hint = wrong("change.by == \"manager\"", "change.by == \"boss\"");
    assert!(hint.contains("manager"), "{hint}");
    let hint = wrong(
        "last_call_at: -2d, last_meeting_at: -1d, contacts_engaged: 3",
        "contacts_engaged: 3",
    );
    assert!(hint.contains("nobody was engaged where nothing was logged"), "{hint}");
}
