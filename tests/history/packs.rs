//! What the packs that ship can say of an account in which nothing is mapped.

use touchline::history::inactive::inactive_without;
use touchline_rules::facts::Field;
use touchline_rules::packs::BUILTIN;
use touchline_rules::ruleset::{RuleSet, SourceFile};

/// Each pack loads, and the rules that cannot speak there name what they lack.
#[test]
fn a_bare_account_leaves_rules_inactive_and_says_why() {
    let named: Vec<String> = Field::ALL
        .into_iter()
        .filter(|field| field.is_named_fact())
        .map(|field| format!("deal.{}", field.name()))
        .collect();
    let mut untold: Vec<&str> = named.iter().map(String::as_str).collect();
    untold.extend(["deal.stage_phase", "deal.contacts_engaged"]);
    let mut told = String::new();
    for pack in BUILTIN {
        let file = SourceFile { path: pack.name.to_owned(), text: pack.text.to_owned() };
        let loaded = RuleSet::load(&[file], &[]);
        assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
        let rules = loaded.set.unwrap();
        let lacking = inactive_without(&untold, &rules);
        told += &format!("{}: {} of {}\n", pack.name, lacking.len(), rules.rules().len());
        for one in lacking {
            told += &format!("  {}: {}\n", one.rule_id, one.missing.join(", "));
        }
    }
    insta::assert_snapshot!(told, @"
    core-pipeline: 1 of 21
      next-step-overdue: deal.next_step_date
    people: 6 of 6
      one-person-only: deal.stage_phase, deal.contacts_engaged
      budget-owner-not-met: deal.stage_phase, deal.economic_buyer
      commit-on-thin-ground: deal.forecast_category, deal.contacts_engaged, deal.economic_buyer
      supporter-changed: changes of deal.champion
      competitor-named: changes of deal.competitor
      proposal-not-opened: deal.proposal_opened_at, deal.proposal_sent_at
    commercial: 5 of 5
      discount-above-usual: changes of deal.discount
      discount-before-value: changes of deal.discount
      discount-again: changes of deal.discount
      earlier-with-discount: deal.discount
      renewal-without-review: deal.renewal_date, deal.value_review_date
    portfolio: 0 of 6
    manager: 0 of 11
    eight-slot-qualification: 9 of 9
      problem-open: deal.stage_phase, deal.problem
      effect-open: deal.stage_phase, deal.problem, deal.impact
      criteria-open: deal.stage_phase, deal.impact, deal.decision_criteria
      competition-open: deal.stage_phase, deal.decision_criteria, deal.competitor
      budget-owner-open: deal.stage_phase, deal.economic_buyer
      supporter-open: deal.stage_phase, deal.economic_buyer, deal.champion
      decision-path-open: deal.stage_phase, deal.champion, deal.decision_process
      paper-path-open: deal.stage_phase, deal.paper_process
      paper-path-at-yes: deal.stage_phase, deal.paper_process
    budget-authority-need-timing: 4 of 4
      need-open: deal.stage_phase, deal.problem
      timing-open: deal.stage_phase, deal.problem, deal.timing
      authority-open: deal.stage_phase, deal.timing, deal.economic_buyer
      budget-open: deal.stage_phase, deal.economic_buyer, deal.budget
    question-led-discovery: 4 of 4
      situation-open: deal.situation
      problem-question: deal.situation, deal.problem
      consequence-question: deal.problem, deal.consequence
      benefit-question: deal.consequence, deal.benefit
    insight-led: 3 of 3
      insight-open: deal.stage_phase, deal.insight
      insight-without-number: deal.stage_phase, deal.insight, deal.impact
      cost-of-waiting-open: deal.stage_phase, deal.consequence
    agreed-next-step: 4 of 4
      meeting-without-goal: deal.meeting_goal
      meeting-without-outcome: deal.meeting_outcome
      think-it-over: changes of deal.meeting_outcome
      step-without-day: deal.next_step_date
    ");
}
