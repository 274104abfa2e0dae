//! What the rules that ship read out to people.

use std::collections::BTreeSet;

use super::shipped::packs;
use super::*;

/// What shipped rules read out to whom they speak.
#[test]
fn shipped_rules_say_in_plain_words_what_they_saw() {
    let set = RuleSet::load(&packs(), &[]).set.unwrap();
    let mut told: Vec<String> = Vec::new();
    let mut known: BTreeSet<Vec<String>> = BTreeSet::new();
    for (rule, reading) in testing::readings(&set) {
        assert!(!reading.saw.is_empty(), "{rule} says nothing");
        let listened = if reading.listened { " (and what it listened to)" } else { "" };
        let text = format!("{rule}{listened}\n  {}", reading.saw.join("\n  "));
        // One of those that differ by numbers alone is enough to read.
        let labels = text.lines().map(|line| line.split(':').next().unwrap_or(line).to_owned());
        if known.insert(labels.collect()) {
            told.push(text);
        }
        for line in &reading.saw {
            let words = line.split_whitespace().map(|word| word.trim_matches(['“', '”', '(', ')']));
            for word in words {
                let is_identifier = word.contains('_') || word.trim_end_matches('.').contains('.');
                assert!(!is_identifier, "{rule}: {line}");
                assert!(!word.contains(['=', '&', '|', '!', '<', '>', '[']), "{rule}: {line}");
            }
        }
    }
    for rule in set.rules() {
        assert!(told.iter().any(|text| text.starts_with(&rule.id)), "{} told nothing", rule.id);
    }
    insta::assert_snapshot!(told.join("\n"), @"
    meeting-without-goal (and what it listened to)
      Next meeting: 12 March 2026, in 2 days (the rule speaks from 2 days before)
      Goal of the next meeting: empty
    meeting-without-outcome (and what it listened to)
      Working days since the last meeting: 1 (the rule speaks from 1)
      Outcome of the last meeting: empty
    think-it-over
      Outcome of the last meeting now: “They will think about it”
    step-without-day
      Next step: “Dana asks Finance”
      Date of the next step: empty
    need-open
      Part of the sale: early
      The buyer's problem: empty
      Working days since it was created: 3 (the rule speaks from 3)
    timing-open
      Part of the sale: early
      The buyer's problem: “Orders are typed twice”
      Time frame: empty
      Working days since it was created: 3 (the rule speaks from 3)
    authority-open
      Part of the sale: early
      Time frame: “By May”
      Owner of the budget: empty
      Working days since it was created: 3 (the rule speaks from 3)
    budget-open
      Part of the sale: early
      Owner of the budget: “Ms Okafor”
      Budget: empty
      Working days since it was created: 3 (the rule speaks from 3)
    discount-above-usual
      Discount in percent now: 16 (the rule speaks above 15)
      Discount in percent before: 15 (the rule speaks up to 15)
    discount-before-value
      Discount in percent now: 1 (the rule speaks above 0)
      Effect the buyer wants: empty
    discount-again
      Discount in percent before: 1 (the rule speaks above 0)
      Discount in percent now: 2
    earlier-with-discount
      Close date: from 23 March 2026 to 16 March 2026, 7 days earlier (the rule speaks from 7)
      Discount in percent: 1 (the rule speaks above 0)
    renewal-without-review
      Renewal date: 5 June 2026, in 90 days (the rule speaks from 90 days before)
      Last review of results: empty
    renewal-without-review
      Renewal date: 5 April 2026, in 32 days (the rule speaks from 90 days before)
      Days since results were reviewed: 180 (the rule speaks from 180)
    advanced-without-facts
      Stage: from Discovery to Proposal, 2 stages forward
      Amount: empty
    advanced-without-facts
      Stage: from Discovery to Qualification, 1 stage forward
      Next step: empty
    advanced-without-facts
      Stage: from Discovery to Qualification, 1 stage forward
      Close date: empty
    stage-skipped
      Stage: from Discovery to Proposal, 2 stages forward (the rule speaks from 2)
    stage-regressed
      Stage: from Negotiation to Qualification, 2 stages back
    long-in-stage
      Days in this stage: 21 (the rule speaks from 21)
    no-activity (and what it listened to)
      Working days since the last activity: 10 (the rule speaks from 10)
      Next meeting: none booked
    no-activity (and what it listened to)
      Last activity: none yet
      Working days since it was created: 10 (the rule speaks from 10)
      Next meeting: none booked
    buyer-silent (and what it listened to)
      Place of its stage in the pipeline: 3 (the rule speaks from 3)
      Working days since the last word from the buyer: 5 (the rule speaks from 5)
      Last word to the buyer: 2 March 2026, 10:00
      Last word from the buyer: 2 March 2026, 08:00
      Next meeting: none booked
    close-date-second-push
      Close date: from 15 April 2026 to 30 April 2026, 15 days later
      Times the close date moved later: 2 (the rule speaks at 2)
    close-date-third-push
      Close date: from 20 April 2026 to 30 April 2026, 10 days later
      Times the close date moved later: 3 (the rule speaks from 3)
    close-date-past
      Close date: 4 March 2026, 1 day ago (the rule speaks once it has passed)
    lost-without-reason
      The deal is: lost
      Reason for the loss: empty
    no-next-step (and what it listened to)
      Next step: empty
      Place of its stage in the pipeline: 2 (the rule speaks from 2)
      Working days in this stage: 5 (the rule speaks from 5)
      Next meeting: none booked
    next-step-overdue
      Working days since the date of the next step: 3 (the rule speaks from 3)
    no-meeting-booked (and what it listened to)
      Place of its stage in the pipeline: 3 (the rule speaks from 3)
      Next meeting: none booked
      Working days since the last meeting: 4 (the rule speaks from 4)
    amount-down
      Amount now: EUR 9,000
      Amount before: EUR 10,000
    amount-up-late
      Amount before: EUR 10,000 (the rule speaks above EUR 0)
      Amount now: EUR 15,000
      Place of its stage in the pipeline: 3 (the rule speaks from 3)
    open-long
      Days since it was created: 180 (the rule speaks from 180)
    lost-to-no-decision
      The deal is: lost
      Reason for the loss: “No decision”
    first-answer-open (and what it listened to)
      Last word to the buyer: none yet
      Hours since the last word from the buyer: 1 (the rule speaks from 1)
      Days since it was created: 0 (the rule speaks below 14)
      Last call: none yet
      Last meeting: none yet
      Next meeting: none booked
    new-owner-first-word (and what it listened to)
      Changes of owner so far: 1 (the rule speaks from 1)
      Working days with its owner: 2 (the rule speaks from 2)
      Last word to the buyer: 27 February 2026, 09:00
      With its owner since: 2 March 2026
      Next meeting: none booked
    new-owner-first-word (and what it listened to)
      Changes of owner so far: 1 (the rule speaks from 1)
      Working days with its owner: 2 (the rule speaks from 2)
      Last word to the buyer: none yet
      Next meeting: none booked
    closing-soon-early-stage
      Close date: 20 March 2026, in 7 days (the rule speaks from 7 days before)
      Place of its stage in the pipeline: 2 (the rule speaks up to 2)
    won-after-pushes
      The deal is: won
      Times the close date moved later: 1 (the rule speaks from 1)
    problem-open
      Part of the sale: middle
      The buyer's problem: empty
    effect-open
      Part of the sale: middle
      The buyer's problem: “Orders are typed twice”
      Effect the buyer wants: empty
    criteria-open
      Part of the sale: middle
      Effect the buyer wants: “Two days a week”
      What the buyer chooses by: empty
    competition-open
      Part of the sale: middle
      What the buyer chooses by: “Speed”
      Competitor: empty
    budget-owner-open
      Part of the sale: with a proposal
      Owner of the budget: empty
    supporter-open
      Part of the sale: with a proposal
      Owner of the budget: “Ms Okafor”
      Who speaks for us: empty
    decision-path-open
      Part of the sale: with a proposal
      Who speaks for us: “Dana”
      How the buyer decides: empty
    paper-path-open
      Part of the sale: late
      Way to the signature: empty
    paper-path-at-yes
      Part of the sale: a yes that is not signed
      Way to the signature: empty
    insight-open
      Part of the sale: middle
      What the buyer learnt from us: empty
    insight-without-number
      Part of the sale: middle
      What the buyer learnt from us: “Half of all late orders come from two customers”
      Effect the buyer wants: empty
    cost-of-waiting-open
      Part of the sale: with a proposal
      What the problem leads to: empty
    one-person-only (and what it listened to)
      Part of the sale: middle
      People in touch so far: 1 (the rule speaks at 1)
    budget-owner-not-met
      Part of the sale: with a proposal
      Amount: EUR 50,000 (the rule speaks from EUR 50,000)
      Owner of the budget: empty
    commit-on-thin-ground
      Forecast category: “Commit”
      Owner of the budget: empty
    commit-on-thin-ground (and what it listened to)
      Forecast category: “COMMIT”
      People in touch so far: 1 (the rule speaks below 2)
    supporter-changed
      Who speaks for us before: “Dana Weiss”
    competitor-named
      Competitor now: “Acme”
      Competitor before: empty
    proposal-not-opened
      Proposal opened on: empty
      Working days since the proposal was sent: 3 (the rule speaks from 3)
    situation-open (and what it listened to)
      Meetings so far: 1 (the rule speaks from 1)
      How the buyer works today: empty
    problem-question
      How the buyer works today: “Two people type orders”
      The buyer's problem: empty
    consequence-question
      The buyer's problem: “Slow orders”
      What the problem leads to: empty
    benefit-question
      What the problem leads to: “Customers call twice”
      What solving it is worth: empty
    ");
}
