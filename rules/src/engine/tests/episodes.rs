//! State rules over time: when they speak, repeat, cool down and end.

use super::fixtures::*;
use crate::engine::{EndCause, Stimulus, step};
use crate::facts::{ChangeKind, DealState, Direction, Field, Origin};

const SILENT: &str = "on: state\nwhen: days_since(deal.last_inbound_at) >= 3";

#[test]
fn a_state_rule_speaks_at_the_instant_it_becomes_true() {
    let set_of = rules(&[("silent", SILENT)]);
    let (account, calendar) = (metadata(), london());
    let world = world(&set_of, &account, &calendar);
    let mut state = known_deal(&world);
    let outcome = live(&mut state, &mail("1", Direction::Inbound, hours(1)), &world);
    assert_eq!(outcome.next_due, Some(hours(73)));
    let outcome = tick(&mut state, days(9), &world);
    assert_eq!(told(&outcome), ["silent@2026-03-05T10:00:00Z"]);
    assert_eq!(outcome.firings[0].occurred_at, hours(73));
    assert!(tick(&mut state, days(20), &world).firings.is_empty());
}

#[test]
fn timers_due_before_a_change_fire_before_it_is_folded() {
    let set_of = rules(&[("silent", SILENT)]);
    let (account, calendar) = (metadata(), london());
    let world = world(&set_of, &account, &calendar);
    let mut state = known_deal(&world);
    live(&mut state, &mail("1", Direction::Inbound, hours(1)), &world);
    let outcome = live(&mut state, &mail("2", Direction::Inbound, hours(99)), &world);
    assert_eq!(told(&outcome), ["silent@2026-03-05T10:00:00Z"]);
    assert_eq!(outcome.ended.len(), 1);
    assert_eq!(outcome.ended[0].firing_ids, [outcome.firings[0].id.clone()]);
    assert_eq!(outcome.ended[0].cause, EndCause::NoLongerTrue);
}

#[test]
fn what_is_true_at_first_sight_is_seeded_in_silence() {
    let set_of =
        rules(&[("in-a", "on: state\nwhen: deal.stage == \"a\"\nrepeat: { every: 1d, max: 3 }")]);
    let (account, calendar) = (metadata(), london());
    let world = world(&set_of, &account, &calendar);
    let mut state = known_deal(&world);
    assert!(state.rules["in-a"].episode.as_ref().unwrap().seeded);
    assert!(tick(&mut state, days(30), &world).firings.is_empty());
    live(&mut state, &set(Field::Stage, text("b"), days(31)), &world);
    let outcome = live(&mut state, &set(Field::Stage, text("a"), days(32)), &world);
    assert_eq!(told(&outcome), ["in-a@2026-04-03T09:00:00Z"]);
}

#[test]
fn a_deal_whose_creation_was_seen_starts_out_false() {
    let set_of = rules(&[("in-a", "on: state\nwhen: deal.stage == \"a\"")]);
    let (account, calendar) = (metadata(), london());
    let world = world(&set_of, &account, &calendar);
    let mut state = DealState::new(key());
    live(&mut state, &change(ChangeKind::Created, T0), &world);
    let history = [(Field::CreatedAt, time(T0), T0), (Field::Stage, text("a"), T0)];
    let read = record(Origin::Hydrate, hours(1), &history);
    let outcome = step(&mut state, Stimulus::Observation(&read), hours(1), &world);
    assert_eq!(told(&outcome), ["in-a@2026-03-02T10:00:00Z"]);
}

/// A past that is replayed tells of creations long ago: what is true by then is
/// no news, however late it is told, and what becomes true afterwards is.
#[test]
fn a_deal_created_long_ago_is_seeded_though_its_creation_is_told_now() {
    let set_of = rules(&[
        ("slow", "on: state\nwhen: days_since(deal.stage_entered_at) >= 21"),
        ("silent", SILENT),
    ]);
    let (account, calendar) = (metadata(), london());
    let world = world(&set_of, &account, &calendar);
    let told_at = days(400);
    let story = |age_ms: i64| {
        let mut state = DealState::new(key());
        let created = told_at.plus_ms(-age_ms);
        let history = [
            (Field::CreatedAt, time(created), created),
            (Field::Pipeline, text("p"), created),
            (Field::Stage, text("a"), created.min(days(300))),
        ];
        let creation = change(ChangeKind::Created, created);
        step(&mut state, Stimulus::Change(&creation), told_at, &world);
        let read = record(Origin::Hydrate, told_at, &history);
        let outcome = step(&mut state, Stimulus::Observation(&read), told_at, &world);
        (told(&outcome).len(), state)
    };
    let (fired, mut state) = story(200 * crate::time::DAY_MS);
    assert_eq!(fired, 0);
    assert!(state.rules["slow"].episode.as_ref().unwrap().seeded);
    assert!(tick(&mut state, days(430), &world).firings.is_empty());
    let mail = mail("1", Direction::Inbound, days(431));
    live(&mut state, &mail, &world);
    assert_eq!(told(&tick(&mut state, days(440), &world)), ["silent@2027-05-10T09:00:00Z"]);

    let limit = world.live_max_age_ms;
    assert_eq!((story(limit).0, story(limit + 1).0), (1, 0), "to the millisecond");
}

/// Played in its own time, as `demo --history` does, a past is live.
#[test]
fn a_past_played_in_its_own_time_speaks() {
    let set_of = rules(&[("slow", "on: state\nwhen: days_since(deal.stage_entered_at) >= 21")]);
    let (account, calendar) = (metadata(), london());
    let world = world(&set_of, &account, &calendar);
    let mut state = DealState::new(key());
    live(&mut state, &change(ChangeKind::Created, T0), &world);
    let history = [(Field::CreatedAt, time(T0), T0), (Field::Stage, text("a"), T0)];
    let read = record(Origin::Hydrate, T0, &history);
    step(&mut state, Stimulus::Observation(&read), T0, &world);
    assert_eq!(told(&tick(&mut state, days(60), &world)), ["slow@2026-03-23T09:00:00Z"]);
}

#[test]
fn reminders_come_on_working_days_and_end() {
    let set_of =
        rules(&[("in-b", "on: state\nwhen: deal.stage == \"b\"\nrepeat: { every: 2bd, max: 2 }")]);
    let (account, mut calendar) = (metadata(), london());
    calendar.holidays.insert(jiff::civil::date(2026, 3, 6));
    let world = world(&set_of, &account, &calendar);
    let mut state = known_deal(&world);
    live(&mut state, &set(Field::Stage, text("b"), hours(1)), &world);
    let outcome = tick(&mut state, days(60), &world);
    assert_eq!(told(&outcome), ["in-b@2026-03-04T00:00:00Z", "in-b@2026-03-09T00:00:00Z"]);
    let repeats: Vec<u32> = outcome.firings.iter().map(|firing| firing.repeat).collect();
    assert_eq!(repeats, [1, 2]);
    let moved = live(&mut state, &set(Field::Stage, text("c"), days(61)), &world);
    assert_eq!(moved.ended[0].firing_ids.len(), 3);
}

#[test]
fn a_new_episode_waits_for_the_cooldown_if_it_lasts_that_long() {
    let set_of = rules(&[("in-b", "on: state\nwhen: deal.stage == \"b\"\ncooldown: 10d")]);
    let (account, calendar) = (metadata(), london());
    let world = world(&set_of, &account, &calendar);
    let mut state = known_deal(&world);
    let mut move_to = |stage: &str, day: i64| {
        told(&live(&mut state, &set(Field::Stage, text(stage), days(day)), &world))
    };
    assert_eq!(move_to("b", 1), ["in-b@2026-03-03T09:00:00Z"]);
    assert!(move_to("a", 2).is_empty());
    assert!(move_to("b", 3).is_empty());
    assert!(move_to("a", 4).is_empty());
    assert!(move_to("b", 5).is_empty());
    let outcome = tick(&mut state, days(40), &world);
    assert_eq!(told(&outcome), ["in-b@2026-03-13T09:00:00Z"]);
}

#[test]
fn closing_ends_every_episode_and_time_stands_still() {
    let set_of = rules(&[
        ("in-b", "on: state\nwhen: deal.stage_index >= 1\nrepeat: { every: 1d, max: 9 }"),
        ("after", "on: state\napplies_to: closed\nwhen: days_since(deal.closed_at) >= 2"),
    ]);
    let (account, calendar) = (metadata(), london());
    let world = world(&set_of, &account, &calendar);
    let mut state = known_deal(&world);
    live(&mut state, &set(Field::Stage, text("b"), hours(1)), &world);
    let closed = live(&mut state, &set(Field::Stage, text("won"), hours(2)), &world);
    assert_eq!(closed.ended[0].cause, EndCause::StageKind);
    let outcome = tick(&mut state, days(30), &world);
    assert_eq!(told(&outcome), ["after@2026-03-04T11:00:00Z"]);
    assert_eq!(outcome.next_due, None);
    let deleted = live(&mut state, &change(ChangeKind::Deleted, days(31)), &world);
    assert_eq!(deleted.ended[0].cause, EndCause::DealGone);
    assert_eq!(deleted.next_due, None);
}

#[test]
fn another_trigger_is_seeded_and_another_text_changes_nothing() {
    let before = rules(&[("silent", SILENT)]);
    let text_edit = rules(&[("silent", &format!("{SILENT}\npriority: 1"))]);
    let stricter = rules(&[("silent", "on: state\nwhen: days_since(deal.last_inbound_at) >= 2")]);
    assert_eq!(before.rules()[0].trigger_hash, text_edit.rules()[0].trigger_hash);
    assert_ne!(before.rules()[0].version_hash, text_edit.rules()[0].version_hash);
    assert_ne!(before.hash(), text_edit.hash());
    let (account, calendar) = (metadata(), london());
    let world_of = |rules| world(rules, &account, &calendar);
    let mut state = known_deal(&world_of(&before));
    live(&mut state, &mail("1", Direction::Inbound, hours(1)), &world_of(&before));
    let first = tick(&mut state, days(4), &world_of(&before));
    assert_eq!(first.firings.len(), 1);

    let edited = step(&mut state, Stimulus::Reseed, days(5), &world_of(&text_edit));
    assert!(edited.firings.is_empty() && edited.ended.is_empty());
    assert!(!state.rules["silent"].episode.as_ref().unwrap().seeded);

    let changed = step(&mut state, Stimulus::Reseed, days(6), &world_of(&stricter));
    assert!(changed.firings.is_empty());
    assert_eq!(changed.ended[0].cause, EndCause::RuleChanged);
    assert!(state.rules["silent"].episode.as_ref().unwrap().seeded);

    let none = rules(&[]);
    step(&mut state, Stimulus::Reseed, days(7), &world_of(&none));
    assert!(state.rules.is_empty());
}

#[test]
fn a_changed_set_is_taken_over_even_without_being_told() {
    let before = rules(&[("other", "on: state\nwhen: deal.stage == \"d\"")]);
    let after = rules(&[("in-b", "on: state\nwhen: deal.stage_index >= 0")]);
    let (account, calendar) = (metadata(), london());
    let mut state = known_deal(&world(&before, &account, &calendar));
    let moved = set(Field::Stage, text("b"), hours(1));
    let outcome = live(&mut state, &moved, &world(&after, &account, &calendar));
    assert!(outcome.firings.is_empty());
    assert!(state.rules["in-b"].episode.as_ref().unwrap().seeded);
}

#[test]
fn trust_in_activities_seeds_as_it_comes_and_unknown_keeps_what_was_known() {
    let set_of = rules(&[("silent", SILENT)]);
    let (account, calendar) = (metadata(), london());
    let trusted = world(&set_of, &account, &calendar);
    let doubted = crate::engine::World { activity_trusted: false, ..trusted };
    let mut state = known_deal(&trusted);
    live(&mut state, &mail("1", Direction::Inbound, hours(1)), &trusted);
    assert_eq!(tick(&mut state, days(4), &trusted).firings.len(), 1);
    let outcome = step(&mut state, Stimulus::Reseed, days(5), &doubted);
    assert!(outcome.ended.is_empty());
    let written = live(&mut state, &mail("2", Direction::Inbound, days(6)), &doubted);
    assert!(written.ended.is_empty(), "Unknown keeps the last known truth");
    assert_eq!(tick(&mut state, days(12), &doubted).firings.len(), 0);
    let outcome = step(&mut state, Stimulus::Reseed, days(12), &trusted);
    assert!(outcome.firings.is_empty());
}

#[test]
fn trust_that_comes_with_a_change_seeds_as_well() {
    let set_of = rules(&[("silent", SILENT), ("in-b", "on: state\nwhen: deal.stage == \"b\"")]);
    let (account, calendar) = (metadata(), london());
    let trusted = world(&set_of, &account, &calendar);
    let doubted = crate::engine::World { activity_trusted: false, ..trusted };
    let mut state = known_deal(&trusted);
    live(&mut state, &mail("1", Direction::Inbound, hours(1)), &trusted);
    step(&mut state, Stimulus::Reseed, hours(2), &doubted);
    let moved = set(Field::Stage, text("b"), days(9));
    assert_eq!(told(&live(&mut state, &moved, &trusted)), ["in-b@2026-03-11T09:00:00Z"]);
}

#[test]
fn a_meeting_that_passes_is_noticed_at_that_moment() {
    let set_of = rules(&[("unplanned", "on: state\nwhen: '!has(deal.next_meeting_at)'")]);
    let (account, calendar) = (metadata(), london());
    let world = world(&set_of, &account, &calendar);
    let mut state = known_deal(&world);
    let mut booked = mail("1", Direction::Unknown, hours(1));
    if let ChangeKind::Activity(activity) = &mut booked.kind {
        activity.kind = crate::facts::ActivityKind::Meeting;
        activity.at = days(3);
    }
    live(&mut state, &booked, &world);
    assert_eq!(told(&tick(&mut state, days(9), &world)), ["unplanned@2026-03-05T09:00:00Z"]);
}

#[test]
fn unless_is_watched_by_the_clock_as_well() {
    let set_of = rules(&[
        (
            "opens",
            "on: state\nwhen: deal.stage == \"b\"\nunless: days_since(deal.stage_entered_at) < 2",
        ),
        (
            "both",
            "on: state\nwhen: days_since(deal.stage_entered_at) >= 1\nunless: deal.stage == \"a\" || days_since(deal.stage_entered_at) < 3",
        ),
        (
            "ends",
            "on: state\nwhen: deal.stage == \"b\"\nunless: days_since(deal.stage_entered_at) >= 4",
        ),
    ]);
    let (account, calendar) = (metadata(), london());
    let world = world(&set_of, &account, &calendar);
    let mut state = known_deal(&world);
    let moved = live(&mut state, &set(Field::Stage, text("b"), T0.plus_ms(1)), &world);
    assert_eq!(told(&moved), ["ends@2026-03-02T09:00:00.001Z"]);
    let outcome = tick(&mut state, days(30), &world);
    assert_eq!(told(&outcome), ["opens@2026-03-04T09:00:00.001Z", "both@2026-03-05T09:00:00.001Z"]);
    assert_eq!(outcome.ended[0].at, days(4).plus_ms(1));
}
