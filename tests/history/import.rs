//! The CSV becomes a history.

use std::collections::BTreeMap;

use touchline::coaching::rulesets;
use touchline::history::History;
use touchline::history::inactive::inactive;
use touchline::history::load::{observations, stage_counts};
use touchline_rules::engine::{Stimulus, World, step};
use touchline_rules::facts::{DealState, Field};

use crate::data::Opportunities;

#[test]
fn every_row_is_read_and_ends_in_its_own_stage() {
    let opportunities = Opportunities::find();
    let imported = opportunities.import();
    assert_eq!(imported.rows, 8_800);
    assert_eq!(imported.bad, []);
    let counts: BTreeMap<String, u64> = stage_counts(&observations(&imported.history, "hubspot"))
        .into_iter()
        .map(|(stage, count)| (stage, count as u64))
        .collect();
    assert_eq!(counts, opportunities.counts());
    if opportunities.real {
        let expected = [("engaging", 1_589), ("lost", 2_473), ("prospecting", 500), ("won", 4_238)];
        assert_eq!(counts, expected.map(|(stage, count)| (stage.to_owned(), count)).into());
    }
    let header = &imported.history.header;
    assert_eq!(header.metadata.owners.len(), 35);
    let mut managers: Vec<_> = header.managers.iter().map(|(_, manager)| manager).collect();
    managers.sort();
    managers.dedup();
    assert_eq!((header.managers.len(), managers.len()), (35, 6));
    assert!(header.estimated);
}

#[test]
fn what_is_written_is_read_again_whole() {
    let history = Opportunities::find().history();
    let mut file = Vec::new();
    history.write(&mut file).unwrap();
    assert!(History::read(file.as_slice()).unwrap() == history);
}

#[test]
fn rules_that_need_more_than_the_file_tells_are_named() {
    let history = Opportunities::find().history();
    let packs = ["builtin:core-pipeline".to_owned()];
    let (rules, _) = rulesets::load(&packs, &[]).unwrap();
    let silent: Vec<_> = inactive(&history, &rules)
        .into_iter()
        .map(|rule| format!("{}: {}", rule.rule_id, rule.missing.join(", ")))
        .collect();
    insta::assert_debug_snapshot!(silent, @r#"
    [
        "advanced-without-facts: deal.amount, deal.close_date, deal.next_step",
        "no-activity: deal.last_activity_at, deal.next_meeting_at",
        "buyer-silent: deal.last_outbound_at, deal.last_inbound_at, deal.next_meeting_at",
        "close-date-second-push: changes of deal.close_date",
        "close-date-third-push: changes of deal.close_date",
        "close-date-past: deal.close_date",
        "lost-without-reason: deal.loss_reason",
        "no-next-step: deal.next_step, deal.next_meeting_at",
        "next-step-overdue: deal.next_step_date",
        "no-meeting-booked: deal.next_meeting_at, deal.last_meeting_at",
        "amount-down: changes of deal.amount",
        "amount-up-late: changes of deal.amount",
        "lost-to-no-decision: deal.loss_reason",
        "first-answer-open: deal.last_outbound_at, deal.last_inbound_at, deal.last_call_at, deal.last_meeting_at, deal.next_meeting_at",
        "new-owner-first-word: deal.last_outbound_at, deal.next_meeting_at",
        "closing-soon-early-stage: deal.close_date",
    ]
    "#);
}

#[test]
fn a_past_that_is_loaded_fires_nothing() {
    let history = Opportunities::find().history();
    let (rules, _) = rulesets::load(&["builtin:core-pipeline".to_owned()], &[]).unwrap();
    let calendar = touchline_rules::Calendar::weekdays(jiff::tz::TimeZone::UTC);
    let world = World {
        rules: &rules,
        metadata: &history.header.metadata,
        calendar: &calendar,
        activity_trusted: false,
        hydrate_deadline_ms: 0,
        managers: touchline_rules::facts::Managers::none(),
        live_max_age_ms: touchline_rules::engine::LIVE_MAX_AGE_MS,
        baselines: touchline_rules::baseline::Baselines::none(),
    };
    let deals = observations(&history, "hubspot");
    assert_eq!(deals.len(), 8_800);
    for read in &deals {
        let mut state = DealState::new(read.deal.clone());
        let outcome = step(&mut state, Stimulus::Observation(read), read.observed_at, &world);
        assert!(outcome.firings.is_empty() && outcome.late.is_empty(), "{:?}", read.deal);
        assert!(!outcome.needs_fetch && !outcome.needs_metadata, "{:?}", read.deal);
        let stage = read.fields.iter().find(|(field, _)| *field == Field::Stage).unwrap();
        assert_eq!(state.facts.value(Field::Stage), &stage.1);
    }
}
