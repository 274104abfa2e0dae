//! What the account keeps of its own accord.

use touchline_rules::time::{DAY_MS, HOUR_MS};

use super::*;
use crate::fake::{Actor, DataType, Direction, FakeError, ObjectKind};

#[test]
fn a_deal_walks_through_its_stages() {
    let (fake, clock) = fake();
    let deal = fake.create_deal(&[("dealname", "Acme")], &Actor::user(7)).unwrap();
    assert!(deal > 1 << 32);
    assert_eq!(fake.value(deal, "dealstage").as_deref(), Some("appointmentscheduled"));
    clock.advance_ms(DAY_MS);
    fake.set(deal, "dealstage", "contractsent", &Actor::user(8)).unwrap();
    clock.advance_ms(HOUR_MS);
    fake.set(deal, "dealstage", "closedwon", &Actor::user(8)).unwrap();

    let value = |name: &str| fake.value(deal, name).unwrap_or_default();
    assert_eq!(value("hs_v2_date_entered_appointmentscheduled"), START.to_string());
    assert_eq!(value("hs_v2_date_exited_appointmentscheduled"), START.plus_ms(DAY_MS).to_string());
    assert_eq!(value("hs_v2_latest_time_in_appointmentscheduled"), DAY_MS.to_string());
    assert_eq!(value("hs_v2_date_entered_current_stage"), fake.now().to_string());
    assert_eq!(value("hs_lastmodifieddate"), fake.now().to_string());
    assert_eq!(
        [value("hs_is_closed"), value("hs_is_closed_won"), value("hs_deal_stage_probability")],
        ["true", "true", "1.0"]
    );
    let history = fake.history(deal, "dealstage");
    let stages: Vec<_> = history.iter().map(|entry| entry.value.as_str()).collect();
    assert_eq!(stages, ["closedwon", "contractsent", "appointmentscheduled"]);
    assert_eq!(history[0].source_id.as_deref(), Some("userId:8"));
    assert_eq!(history[2].updated_by_user_id, Some(7));
}

#[test]
fn history_can_be_replayed_out_of_order() {
    let (fake, _) = fake();
    let by = |days: i64| Actor::user(7).at(START.plus_ms(-days * DAY_MS));
    let deal = fake.create_deal(&[("dealname", "Old")], &by(9)).unwrap();
    fake.set(deal, "dealstage", "contractsent", &by(3)).unwrap();
    fake.set(deal, "dealstage", "qualifiedtobuy", &by(5)).unwrap();
    assert_eq!(fake.value(deal, "dealstage").as_deref(), Some("contractsent"));
    let history = fake.history(deal, "dealstage");
    assert_eq!(history[1].value, "qualifiedtobuy");
    assert_eq!(history[1].timestamp, START.plus_ms(-5 * DAY_MS));
    assert_eq!(
        fake.value(deal, "hs_lastmodifieddate"),
        Some(START.plus_ms(-3 * DAY_MS).to_string())
    );
}

#[test]
fn activities_show_on_their_deal() {
    let (fake, clock) = fake();
    let by = Actor::user(7);
    let deal = fake.create_deal(&[("dealname", "Acme")], &by).unwrap();
    assert_eq!(fake.value(deal, "notes_last_updated"), None);
    clock.advance_ms(DAY_MS);
    let now = fake.now();
    fake.log_email(deal, Direction::Inbound, now, &by).unwrap();
    assert_eq!(fake.value(deal, "notes_last_updated"), Some(now.to_string()));
    assert_eq!(fake.value(deal, "notes_last_contacted"), None);
    assert_eq!(fake.value(deal, "hs_lastmodifieddate"), Some(now.to_string()));
    fake.log_call(deal, Direction::Outbound, now.plus_ms(-HOUR_MS), &by).unwrap();
    assert_eq!(fake.value(deal, "notes_last_contacted"), Some(now.plus_ms(-HOUR_MS).to_string()));

    let meeting = now.plus_ms(2 * DAY_MS);
    fake.log_meeting(deal, meeting, &by).unwrap();
    let task = fake.log_task(deal, now.plus_ms(DAY_MS), "Ask", &by).unwrap();
    let next = |fake: &FakeHubSpot| fake.value(deal, "notes_next_activity_date");
    assert_eq!(next(&fake), Some(now.plus_ms(DAY_MS).to_string()));
    fake.complete_task(task, &by).unwrap();
    assert_eq!(next(&fake), Some(meeting.to_string()));
    clock.set(meeting.plus_ms(1));
    assert_eq!(next(&fake), None);
    assert_eq!(fake.value(deal, "notes_last_contacted"), Some(meeting.to_string()));
    assert_eq!(fake.value(deal, "num_notes").as_deref(), Some("4"));
}

#[test]
fn merging_keeps_values_and_links_of_both() {
    let (fake, _) = fake();
    let by = Actor::user(7);
    let kept = fake.create_deal(&[("dealname", "Kept")], &by).unwrap();
    let gone = fake.create_deal(&[("dealname", "Gone"), ("amount", "5")], &by).unwrap();
    let contact = fake.create_on(ObjectKind::Contact, &[], &[gone], &by).unwrap();
    fake.merge(kept, gone, &by).unwrap();
    assert_eq!(fake.value(kept, "dealname").as_deref(), Some("Kept"));
    assert_eq!(fake.value(kept, "amount").as_deref(), Some("5"));
    assert_eq!(fake.value(kept, "hs_merged_object_ids"), Some(gone.to_string()));
    assert_eq!(fake.value(kept, "num_associated_contacts").as_deref(), Some("1"));
    assert!(fake.record(contact).unwrap().links.contains_key(&kept));
    assert!(matches!(fake.set(gone, "amount", "6", &by), Err(FakeError::NotFound { .. })));
    assert!(fake.restore(ObjectKind::Deal, gone, &by).is_err());
    assert!(fake.merge(kept, kept, &by).is_err());
}

#[test]
fn the_account_refuses_what_does_not_fit() {
    let (fake, _) = fake();
    let by = Actor::user(7);
    let deal = fake.create_deal(&[("dealname", "Acme")], &by).unwrap();
    let refused = |name: &str, value: &str| fake.set(deal, name, value, &by).unwrap_err();
    assert!(matches!(refused("budget", "1"), FakeError::UnknownProperty { .. }));
    for (name, value) in [
        ("amount", "lots"),
        ("closedate", "soon"),
        ("dealstage", "nowhere"),
        ("hubspot_owner_id", "1"),
        ("hs_is_closed", "true"),
    ] {
        assert!(matches!(refused(name, value), FakeError::InvalidValue { .. }), "{name}");
    }
    fake.define_property(ObjectKind::Deal, "budget", "Budget", DataType::Number);
    fake.set(deal, "budget", "1", &by).unwrap();
    let owner = fake.add_owner("seller0@example.com", "Sam", "Seller", 7);
    fake.set(deal, "hubspot_owner_id", &owner.to_string(), &by).unwrap();
    assert!(fake.create(ObjectKind::Task, &[("hs_task_subject", "No date")], &by).is_err());
}

#[test]
fn the_seed_decides_every_id() {
    let ids = |seed| {
        let (fake, _) = fake_with(|config| config.seed = seed);
        let by = Actor::user(7);
        (0..5).map(|_| fake.create_deal(&[], &by).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids(1), ids(1));
    assert_ne!(ids(1), ids(2));
}

#[test]
fn a_script_may_choose_the_id_of_a_deal_once() {
    let (fake, _) = fake();
    let chosen = 60_000_000_001;
    assert_eq!(fake.create_deal_as(chosen, &[("dealname", "First")], &Actor::user(7)), Ok(chosen));
    let taken = fake.create_deal_as(chosen, &[], &Actor::user(7)).unwrap_err();
    assert_eq!(taken.to_string(), "the fake account has a record with id 60000000001 already");
}
