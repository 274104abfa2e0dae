//! Rules about people: every one that a portfolio or manager pack needs can be
//! written, and says what it should.

use super::*;

const PACK: &str = r#"pack: people
title: People
rules:
  - id: too-many-open
    title: More open deals than usual
    scope: person
    on: state
    when: person.open_deals > threshold * person.usual_open_deals
    threshold: 1.5
    attention: private
    tip: { headline: "{{ person.open_deals }} open deals, usually {{ person.usual_open_deals }}", body: What will you stop? }
    tests:
      - name: more by half
        given: { at: 2026-03-02T09:00Z, person: { open_deals: 30, usual_open_deals: 20 } }
        then: [{ set: { open_deals: 31 } }, { set: { open_deals: 29 } }]
        expect: { fires: [{ at: 2026-03-02T09:01Z, headline: "31 open deals, usually 20" }], ended: 1 }
      - name: nobody knows what is usual
        given: { at: 2026-03-02T09:00Z, person: { open_deals: 3 } }
        then: [{ set: { open_deals: 90 } }]
        expect: { fires: 0 }
  - id: thin-coverage
    title: Too little for the target
    scope: person
    on: state
    when: person.coverage < 2
    tip: { headline: "{{ person.coverage | round(1) }} times what is left", body: "{{ person.won_amount | money(person.currency) }} of {{ person.target | money(person.currency) }}: block two hours for new conversations." }
    tests:
      - name: it falls below
        given: { at: 2026-03-02T09:00Z, person: { coverage: 2.4, target: 9000, won_amount: 100 } }
        then: [{ set: { coverage: 1.75 } }]
        expect: { fires: [{ headline: 1.8 times what is left }] }
      - name: who has reached the target needs none
        given: { at: 2026-03-02T09:00Z, person: { coverage: 2.4, target: 9000, won_amount: 100 } }
        then: [{ set: { coverage: } }]
        expect: { fires: 0 }
  - id: one-deal
    title: One deal is most of it
    scope: person
    on: state
    when: person.largest_share_percent > 40 && person.open_deals >= 3
    tip: { headline: One deal is a plan of its own, body: Who else could buy this quarter? }
    tests:
      - name: a large one
        given: { at: 2026-03-02T09:00Z, person: { open_deals: 5, largest_share_percent: 20 } }
        then: [{ set: { largest_share_percent: 55 } }]
        expect: { fires: 1 }
      - name: of two deals one is always large
        given: { at: 2026-03-02T09:00Z, person: { open_deals: 2, largest_share_percent: 20 } }
        then: [{ set: { largest_share_percent: 55 } }]
        expect: { fires: 0 }
  - id: nothing-new
    title: No new deal for two weeks
    scope: person
    on: state
    when: days_since(person.last_new_deal_at) >= 14
    repeat: { every: 7d, max: 1 }
    tip: { headline: "No new deal for {{ seen.days_since_last_new_deal_at | int }} days", body: Fill the top while the bottom works. }
    tests:
      - name: time alone
        given: { at: 2026-03-02T09:00Z, person: { last_new_deal_at: -4d } }
        then: [{ wait: 20d }]
        expect: { fires: [{ at: 2026-03-12T09:00Z, headline: No new deal for 14 days }, { at: 2026-03-19T09:00Z }] }
      - name: a new one
        given: { at: 2026-03-02T09:00Z, person: { last_new_deal_at: -4d } }
        then: [{ wait: 5d }, { set: { last_new_deal_at: +5d } }, { wait: 8d }]
        expect: { fires: 0 }
  - id: crowded-month-end
    title: The month closes all at once
    scope: person
    on: state
    when: person.closing_this_month >= 4 && person.closing_last_days_percent > 50
    tip: { headline: "{{ person.closing_last_days_percent }}% of the month closes in its last days", body: Which two decisions have a reason to come sooner? }
    tests:
      - name: crowded
        given: { at: 2026-03-02T09:00Z, person: { closing_this_month: 6, closing_last_days_percent: 50 } }
        then: [{ set: { closing_last_days_percent: 67 } }]
        expect: { fires: 1 }
  - id: own-habit
    title: A habit got better
    scope: person
    on: state
    when: person.next_steps_percent >= person.next_steps_percent_before + 20 || person.wins_in_a_row >= 3
    tip: { headline: "Dated next steps: {{ person.next_steps_percent }}%, up from {{ person.next_steps_percent_before }}%", body: It shows. Keep it. }
    tests:
      - name: from six to nine of ten
        given: { at: 2026-03-02T09:00Z, person: { next_steps_percent: 60, next_steps_percent_before: 60, wins_in_a_row: 0 } }
        then: [{ set: { next_steps_percent: 90 } }]
        expect: { fires: [{ headline: "Dated next steps: 90%, up from 60%" }] }
  - id: own-edits
    title: You edit your team's deals yourself
    scope: person
    on: state
    when: person.leads > 0 && person.edits_share_percent > 25
    tip: { headline: "{{ person.edits_14d }} edits on {{ person.edited_deals_14d }} deals", body: Next time leave one question instead. Who could own it? }
    tests:
      - name: more than a quarter
        given: { at: 2026-03-02T09:00Z, person: { leads: 4, edits_14d: 3, edited_deals_14d: 3, edits_share_percent: 10 } }
        then: [{ set: { edits_14d: 14, edited_deals_14d: 6, edits_share_percent: 40 } }]
        expect: { fires: [{ headline: 14 edits on 6 deals }] }
      - name: who leads nobody
        given: { at: 2026-03-02T09:00Z, person: { leads: 0, edits_14d: 0, edits_share_percent: } }
        then: [{ wait: 30d }]
        expect: { fires: 0 }
  - id: micromanagement
    title: One deal gets many of your edits
    scope: person
    on: state
    when: person.edits_on_one_deal_14d >= 6
    tip: { headline: Six edits on one deal in two weeks, body: Agree what good looks like and step back for a week. }
    tests:
      - name: six
        given: { at: 2026-03-02T09:00Z, person: { edits_on_one_deal_14d: 5 } }
        then: [{ set: { edits_on_one_deal_14d: 6 } }]
        expect: { fires: 1 }
  - id: third-push
    title: The third push in a week
    scope: person
    on: state
    when: person.pushes_same_seller_7d >= 3
    tip: { headline: Three pushes to one person in a week, body: Three are a conversation and not a fourth push. }
    tests:
      - name: three
        given: { at: 2026-03-02T09:00Z, person: { pushes_same_seller_7d: 2 } }
        then: [{ set: { pushes_same_seller_7d: 3 } }]
        expect: { fires: 1 }
  - id: only-large
    title: Only the largest deals get your attention
    scope: person
    on: state
    when: person.edits_large_percent >= 90
    tip: { headline: Your edits go to the largest deals, body: Middle performers gain most from a second pair of eyes. Pick one. }
    tests:
      - name: all but one
        given: { at: 2026-03-02T09:00Z, person: { edits_large_percent: 50 } }
        then: [{ set: { edits_large_percent: 92 } }]
        expect: { fires: 1 }
  - id: only-this-month
    title: All your attention is on this month
    scope: person
    on: state
    when: person.edits_this_month_percent > 80
    tip: { headline: This month has all your attention, body: Take 45 minutes for three bets on the next quarter. }
    tests:
      - name: nine of ten
        given: { at: 2026-03-02T09:00Z, person: { edits_this_month_percent: 60 } }
        then: [{ set: { edits_this_month_percent: 90 } }]
        expect: { fires: 1 }
  - id: rule-not-true
    title: A rule of yours is often not true
    scope: person
    on: state
    when: person.rule_not_true_percent > 20
    tip: { headline: "A rule of yours is often not true", body: "Your rule, their reality. Fix it or let it go." }
    tests:
      - name: a quarter of the answers
        given: { at: 2026-03-02T09:00Z, person: { rule_not_true_percent: } }
        then: [{ set: { rule_not_true_percent: 25 } }]
        expect: { fires: 1 }
  - id: still-selling
    title: A new manager with deals of their own
    scope: person
    on: state
    when: days_since(person.manager_since) >= 60 && days_since(person.manager_since) < 90 && person.open_deals > 0
    tip: { headline: "{{ person.open_deals }} deals are still yours", body: Hand over one account this week. }
    tests:
      - name: after sixty days
        given: { at: 2026-03-02T00:00Z, person: { manager_since: 2026-02-01T00:00Z, open_deals: 3 } }
        then: [{ wait: 60d }]
        expect: { fires: [{ at: 2026-04-02T00:00Z, headline: 3 deals are still yours }] }
  - id: shared-improvement
    title: The team dates its next steps
    scope: person
    on: state
    when: person.team_next_steps_14d >= 2 * person.team_next_steps_before_14d && person.team_next_steps_14d >= 4
    tip: { headline: "{{ person.team_next_steps_14d }} deals got a dated next step", body: "Say what you saw, specifically, today." }
    tests:
      - name: twice as many
        given: { at: 2026-03-02T09:00Z, person: { team_next_steps_14d: 3, team_next_steps_before_14d: 3 } }
        then: [{ set: { team_next_steps_14d: 7 } }]
        expect: { fires: 1 }
"#;

#[test]
fn every_rule_of_a_portfolio_and_a_manager_pack_can_be_written() {
    let loaded = RuleSet::load(&[file("people.yaml", PACK)], &[]);
    let set = loaded.set.as_ref().unwrap_or_else(|| panic!("{}", report(&loaded)));
    let failed: Vec<_> = run_tests(set)
        .into_iter()
        .filter_map(|test| Some(format!("{}: {}", test.name, test.failure?)))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert_eq!((set.person_rules().count(), set.state_rules().count()), (14, 0));
    assert!(set.rules().iter().all(|rule| rule.audience == crate::ruleset::Audience::Person));
}

#[test]
fn what_does_not_go_with_a_person_is_named() {
    let wrong = r#"pack: people
title: People
rules:
  - id: loud
    title: Loud
    scope: person
    on: deal.created
    when: person.open_deal > 3 && deal.amount > 4
    applies_to: open
    audience: manager
    attention: interrupt
    crm: note
    escalate: { after: 1d, ask: What helps? }
    threshold: { won_percentile: 75, of: dwel_days }
    outcome: { within: 3d, when: "person.open_deals < 3" }
    tip: { headline: "{{ deal.name }}", body: b }
    tests:
      - name: of a deal
        given: { at: 2026-03-02T09:00Z }
        expect: { fires: 0 }
      - name: of a person
        given: { at: 2026-03-02T09:00Z, person: { opendeals: 3 } }
        expect: { fires: 0 }
  - id: of-a-deal
    title: Of a deal
    on: state
    when: deal.amount > 3 && person.open_deals > 3
    audience: person
    tip: { headline: h, body: b }
    tests:
      - name: of a person
        given: { at: 2026-03-02T09:00Z, person: { open_deals: 3 } }
        expect: { fires: 0 }
"#;
    assert_snapshot!(report(&RuleSet::load(&[file("p.yaml", wrong)], &[])), @"
    p.yaml:4:5: error[scope_mismatch]: what is said of a person is said to that person only
      hint: write `audience: person`, or leave it out
    p.yaml:4:5: error[scope_mismatch]: a rule about a person speaks in the digest: nothing of it is urgent
      hint: write `attention: digest` or `attention: private`
    p.yaml:4:5: error[scope_mismatch]: `applies_to` is about deals, and this rule is about a person
      hint: remove `applies_to`
    p.yaml:4:5: error[scope_mismatch]: an outcome is looked for on a deal, and this rule is about a person
      hint: remove `outcome`
    p.yaml:4:5: error[scope_mismatch]: a test of a rule about a person says what is known of the person
      hint: write `given: { at: …, person: { open_deals: 30 } }`
    p.yaml:7:9: error[scope_mismatch]: a rule about a person watches what is so: it waits for no event
      hint: write `on: state`
    p.yaml:8:11: error[unknown_field]: there is no field `person.open_deal`
      hint: did you mean `person.open_deals`?
    p.yaml:8:35: error[unknown_field]: there is no field `deal.amount`
      hint: a rule about a person reads `person` only: write it without `scope`
    p.yaml:12:10: error[crm_not_private]: a task or note on the deal can be read by others
      hint: use `crm` only with `audience: owner` and `attention: interrupt`
    p.yaml:12:10: error[scope_mismatch]: what is said of a person never goes into a record that others read
      hint: remove `crm`
    p.yaml:13:15: error[scope_mismatch]: what is said of a person is told to nobody who leads them
      hint: remove `escalate`
    p.yaml:14:42: error[unknown_value]: `dwel_days` is no measure of won deals
      hint: did you mean `dwell_days`? Known: dwell_days, cycle_days, inbound_gap_days, activity_gap_days, inbound_gap_business_days, activity_gap_business_days, meeting_gap_business_days, push_count, pushed_days, amount, discount_percent, contacts_engaged
    p.yaml:16:26: error[bad_template]: `tip.headline`: `deal.name` is not known here
      hint: did you mean `person.name`?
    p.yaml:22:51: error[unknown_field]: there is no fact `person.opendeals`
      hint: did you mean `open_deals`?
    p.yaml:24:5: error[scope_mismatch]: `audience: person` is for rules about a person
      hint: write `scope: person`, or `audience: owner`
    p.yaml:24:5: error[scope_mismatch]: a test tells of a person, but the rule is about a deal
      hint: write `scope: person`, or tell of a deal in `given`
    p.yaml:27:30: error[unknown_field]: there is no field `person.open_deals`
      hint: only rules with `scope: person` can read `person`
    ");
}

/// What each firing says it saw is in words, and never in names of fields.
#[test]
fn a_person_reads_what_a_rule_saw_in_plain_words() {
    let set = RuleSet::load(&[file("people.yaml", PACK)], &[]).set.unwrap();
    let mut lines = Vec::new();
    for rule in set.rules() {
        for test in &rule.tests {
            for reading in crate::ruleset::testing::person_readings(&set, rule, test) {
                assert!(!reading.listened && !reading.saw.is_empty(), "{}", rule.id);
                lines.extend(reading.saw);
            }
        }
    }
    assert!(lines.iter().all(|line| !line.contains(['_', '{'])), "{lines:#?}");
    lines.truncate(8);
    assert_snapshot!(lines.join("\n"), @"
    Your open deals: 31
    Open deals you usually have: 20
    Open amount for each one that is left to win: 1.75 (the rule speaks below 2)
    Share of your largest deal in the whole amount, in percent: 55 (the rule speaks above 40)
    Your open deals: 5 (the rule speaks from 3)
    Days since your newest deal was created: 14 (the rule speaks from 14)
    Days since your newest deal was created: 21 (the rule speaks from 14)
    Your deals that are to close this month: 6 (the rule speaks from 4)
    ");
}

/// What is proved of people is what counting gives: no fewer than nobody, and no
/// half of a deal.
#[test]
fn what_nobody_can_be_is_named() {
    let rules = r#"pack: people
title: People
rules:
  - id: fewer-than-none
    title: Fewer than none
    scope: person
    on: state
    when: person.open_deals < 0 || person.usual_open_deals >= 20.5 || person.wins_30d >= 0 && person.leads > 3
    tip: { headline: h, body: b }
  - id: some
    title: Some
    scope: person
    on: state
    when: person.open_deals > 30
    tip: { headline: h, body: b }
  - id: the-same
    title: The same
    scope: person
    on: state
    when: person.open_deals >= 31
    tip: { headline: h, body: b }
  - id: other-slot
    title: A deal's fact in the same place is another fact
    on: state
    when: deal.amount >= 31
    tip: { headline: h, body: b }
"#;
    assert_snapshot!(report(&RuleSet::load(&[file("p.yaml", rules)], &[])), @"
    p.yaml:8:11: warning[never_true]: this is never true
      hint: nobody has other values
    p.yaml:8:71: warning[always_true]: this is always true
      hint: nobody has other values
    p.yaml:20:11: warning[same_condition]: `some` in p.yaml is true of the same people
      hint: remove one of the two, or let each ask for something of its own
    ");
}

/// Of percentiles nobody knows which is the larger one.
#[test]
fn percentiles_are_not_set_against_each_other() {
    let rule = |id: &str, percentile: u8| {
        format!(
            "  - {{ id: {id}, title: T, on: deal.stage_changed, when: deal.push_count >= threshold, threshold: {{ won_percentile: {percentile}, of: push_count, fallback: 3 }}, tip: {{ headline: H, body: B }} }}\n"
        )
    };
    let text = format!("pack: p\ntitle: P\nrules:\n{}{}", rule("one", 75), rule("two", 90));
    assert_eq!(report(&RuleSet::load(&[file("p.yaml", &text)], &[])), "");
}
