use super::*;
use crate::facts::Pipeline;

fn property(name: &str, label: &str, holds: Type) -> Offered {
    Offered { name: name.into(), label: label.into(), holds: Some(holds) }
}

fn guessed(offered: &[Offered]) -> Vec<(&'static str, String)> {
    suggest_facts(offered).into_iter().map(|guess| (guess.field.name(), guess.property)).collect()
}

/// What one property is taken for.
fn taken_for(name: &str, label: &str, holds: Type) -> Option<&'static str> {
    guessed(&[property(name, label, holds)]).first().map(|(field, _)| *field)
}

#[test]
fn people_call_the_same_thing_by_many_names() {
    let text = |label: &str| taken_for("custom_47", label, Type::Text);
    for (label, field) in [
        ("Main competitor", "competitor"),
        ("Competitors", "competitor"),
        ("Competition (MEDDPICC)", "competitor"),
        ("Economic Buyer", "economic_buyer"),
        ("MEDDIC: Economic buyer", "economic_buyer"),
        ("Decision Maker", "economic_buyer"),
        ("Authority", "economic_buyer"),
        ("Decision criteria", "decision_criteria"),
        ("Buying process", "decision_process"),
        ("Paper process", "paper_process"),
        ("Identified pain", "problem"),
        ("Customer's pain points", "problem"),
        ("Needs", "problem"),
        ("Metrics", "impact"),
        ("Champion", "champion"),
        ("BANT Budget", "budget"),
        ("Purchase timeline", "timing"),
        ("Implications", "consequence"),
        ("Need-payoff", "benefit"),
        ("Current situation", "situation"),
        ("Forecast category", "forecast_category"),
        ("Lead Source", "lead_source"),
        ("Insight shared", "insight"),
        ("Upfront contract", "meeting_goal"),
        ("Next step", "next_step"),
        ("Reason for loss", "loss_reason"),
    ] {
        assert_eq!(text(label), Some(field), "{label}");
    }
    for odd in ["Favourite colour", "Deal description", "Priority", "", "---"] {
        assert_eq!(text(odd), None, "{odd}");
    }
}

#[test]
fn internal_names_help_where_labels_do_not() {
    let named = |name: &str, holds| taken_for(name, "Feld 3", holds);
    assert_eq!(named("meddic_economic_buyer", Type::Text), Some("economic_buyer"));
    assert_eq!(named("economicBuyer", Type::Text), Some("economic_buyer"));
    assert_eq!(named("hs_manual_forecast_category", Type::Text), Some("forecast_category"));
    assert_eq!(named("num_associated_contacts", Type::Number), Some("contacts"));
    assert_eq!(named("next_step_due_date", Type::Time), Some("next_step_date"));
}

#[test]
fn a_property_must_hold_what_the_fact_is() {
    assert_eq!(taken_for("d", "Discount", Type::Number), Some("discount"));
    assert_eq!(taken_for("d", "Discount", Type::Text), None);
    assert_eq!(taken_for("n", "Next step date", Type::Time), Some("next_step_date"));
    assert_eq!(taken_for("n", "Next step date", Type::Text), Some("next_step"));
    let unreadable = Offered { holds: None, ..property("c", "Champion", Type::Text) };
    assert_eq!(guessed(&[unreadable]), []);
}

#[test]
fn the_clearest_of_several_wins_and_none_is_used_twice() {
    let account = [
        property("notes_on_competitor_pricing", "Notes on competitor pricing", Type::Text),
        property("competitor", "Competitor", Type::Text),
        property("budget_owner", "Budget owner", Type::Text),
        property("budget", "Budget", Type::Text),
        property("pain", "Pain", Type::Text),
        property("need", "Need", Type::Text),
    ];
    let guesses = guessed(&account);
    let expected = [
        ("competitor", "competitor"),
        ("economic_buyer", "budget_owner"),
        ("problem", "pain"),
        ("budget", "budget"),
    ];
    assert_eq!(guesses, expected.map(|(field, name)| (field, name.to_owned())));
    let mut turned = account.to_vec();
    turned.reverse();
    assert_eq!(guessed(&turned), guesses, "whatever the order");
}

fn account(labels: &[&str]) -> Metadata {
    let stage = |(id, label): (usize, &&str)| Stage {
        id: id.to_string(),
        label: (*label).to_owned(),
        kind: StageKind::Open,
        phase: None,
    };
    let mut stages: Vec<Stage> = labels.iter().enumerate().map(stage).collect();
    let (id, label) = ("won".to_owned(), "Proposal won".to_owned());
    stages.push(Stage { id, label, kind: StageKind::Won, phase: None });
    let pipeline = Pipeline { id: "p".into(), label: "P".into(), stages };
    Metadata { pipelines: vec![pipeline], ..Metadata::default() }
}

fn phases_of(labels: &[&str]) -> Vec<&'static str> {
    suggest_phases(&account(labels)).iter().map(|guess| guess.phase.name()).collect()
}

#[test]
fn stages_are_known_by_their_words() {
    let usual = [
        "Appointment Scheduled",
        "Qualified To Buy",
        "Presentation Scheduled",
        "Decision Maker Bought-In",
        "Contract Sent",
    ];
    assert_eq!(phases_of(&usual), ["early", "early", "middle", "middle", "proposal"]);
    let other = ["1. Discovery", "2 - Demo / PoC", "Quote", "Negotiation", "Verbal agreement"];
    assert_eq!(phases_of(&other), ["early", "middle", "proposal", "late", "verbal"]);
    let third = ["New", "Solution design", "Pricing & Proposal", "Legal review", "Handshake"];
    assert_eq!(phases_of(&third), ["early", "middle", "proposal", "late", "verbal"]);
    assert_eq!(phases_of(&["Prospecting", "Engaging"]), ["early", "early"]);
}

#[test]
fn a_stage_whose_name_says_nothing_goes_by_its_place() {
    let colours = ["Red", "Orange", "Yellow", "Green", "Blue", "Violet"];
    assert_eq!(phases_of(&colours), ["early", "early", "middle", "middle", "late", "late"]);
    assert!(phases_of(&[]).is_empty());
}

#[test]
fn both_are_printed_to_be_pasted() {
    let offered = [
        property("rival", "Main competitor", Type::Text),
        property("disc", "Discount\n%", Type::Number),
    ];
    let account = account(&["Discovery", "Proposal \"A\""]);
    let toml = as_toml("crm", &suggest_facts(&offered), &suggest_phases(&account));
    insta::assert_snapshot!(toml, @r#"
    [connections.crm.facts]
    competitor = "rival"  # its label is “Main competitor”
    discount   = "disc"  # its label is “Discount %”
    # nothing fits: next_step_date, forecast_category, contacts, lead_source, proposal_sent_at, proposal_opened_at, renewal_date, value_review_date, impact, economic_buyer, decision_criteria, decision_process, paper_process, problem, consequence, benefit, situation, champion, budget, timing, insight, meeting_goal, meeting_outcome

    [connections.crm.phases]
    early = [
      "0",  # Discovery: its name says “discovery”
    ]
    # no stage: middle
    # no stage: late
    proposal = [
      "1",  # Proposal "A": its name says “proposal”
    ]
    # no stage: verbal
    "#);
}
