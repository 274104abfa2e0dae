//! The key `escalate`.

use super::*;

fn loaded(more: &str) -> Loaded {
    let text = format!(
        "pack: p
title: P
rules:
  - id: quiet
    title: Quiet
    on: state
    when: business_days_since(deal.last_inbound_at) >= 5
    tip: {{ headline: '{{{{ deal.name }}}} is quiet', body: Ask what changed. }}
{more}"
    );
    RuleSet::load(&[file("p.yaml", &text)], &[])
}

#[test]
fn a_question_to_the_manager_is_read_and_belongs_to_the_version() {
    let with = loaded(
        "    escalate: { after: 5bd, ask: 'What would help {{ deal.owner }} on {{ deal.name }}?' }\n",
    );
    assert_snapshot!(report(&with), @"");
    let (with, without) = (with.set.unwrap(), loaded("").set.unwrap());
    let (with, without) = (&with.rules()[0], &without.rules()[0]);
    assert_eq!(with.escalate.as_ref().unwrap().after.to_string(), "5bd");
    assert!(without.escalate.is_none());
    assert_eq!(
        with.trigger_hash, without.trigger_hash,
        "it decides nothing about the seller's nudge"
    );
    assert_ne!(with.version_hash, without.version_hash);
}

#[test]
fn what_is_no_question_to_a_manager_is_refused() {
    let all = [
        "    escalate: { after: 5w, ask: Push them. }\n",
        "    escalate: { ask: 'What helps on {{ deal.nmae }}?', soon: true }\n",
        "    escalate: { after: 5bd, ask: 'What helps on {{ deal.name }}?' }\n    audience: manager\n",
        "    escalate: tomorrow\n",
    ];
    let told: Vec<String> = all.iter().map(|more| report(&loaded(more))).collect();
    assert_snapshot!(told.join("\n\n"), @"
    p.yaml:9:24: error[bad_period]: `5w` is not a length of time
      hint: write a number and a unit: 12h (hours), 14d (days) or 5bd (working days)
    p.yaml:9:33: error[not_a_question]: an escalation is a coaching question, and this asks nothing
      hint: ask what would help: What would help to move it on?

    p.yaml:9:15: error[missing_key]: `escalate` has no `after`
      hint: add `after: …`
    p.yaml:9:40: error[bad_template]: `escalate.ask`: `deal.nmae` is not known here
      hint: did you mean `deal.name`?
    p.yaml:9:56: error[unknown_key]: `escalate` has no key `soon`
      hint: known here: after, ask

    p.yaml:9:15: error[escalates_to_itself]: the manager is told already: there is nobody to escalate to
      hint: remove `escalate`

    p.yaml:9:15: error[wrong_shape]: `escalate` must be keys with values, not text
      hint: write `key: value`, one per line
    ");
    let nameless = "pack: p\ntitle: P\nrules:\n  - id: q\n    title: Q\n    on: state\n    when: deal.amount > 5\n    tip: { headline: Hi, body: Ask. }\n    escalate: { after: 1d, ask: 'What helps?' }\n";
    assert_snapshot!(report(&RuleSet::load(&[file("p.yaml", nameless)], &[])), @"
    p.yaml:9:15: error[names_no_deal]: neither the headline nor the question names the deal
      hint: write {{ deal.name }} in one of them
    ");
}
