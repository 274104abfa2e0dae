use std::sync::Arc;

use touchline_hubspot::fake::FakeConfig;
use touchline_rules::facts::{Actor as By, DealKey, Metadata, Owner, Pipeline, Stage, StageKind};
use touchline_rules::time::DAY_MS;

use super::*;
use crate::clock::ManualClock;
use crate::history::VERSION;

const START: UnixMs = UnixMs(1_476_936_000_000);
const NOW: UnixMs = UnixMs(1_800_000_000_000);

fn header() -> Header {
    let stage =
        |id: &str, kind| Stage { id: id.to_owned(), label: id.to_owned(), kind, phase: None };
    let owner = |id: &str, email: &str, name: &str| Owner {
        id: id.to_owned(),
        user_id: Some(format!("u{id}")),
        email: Some(email.to_owned()),
        name: name.to_owned(),
        archived: false,
    };
    Header {
        touchline_history: VERSION,
        as_of: START.plus_ms(90 * DAY_MS),
        estimated: true,
        metadata: Metadata {
            time_zone: Some("America/Chicago".to_owned()),
            pipelines: vec![Pipeline {
                id: "default".to_owned(),
                label: "Sales".to_owned(),
                stages: vec![
                    stage("prospecting", StageKind::Open),
                    stage("engaging", StageKind::Open),
                    stage("won", StageKind::Won),
                    stage("lost", StageKind::Lost),
                ],
            }],
            owners: vec![
                owner("1", "ann.lee@example.com", "Ann Lee"),
                owner("2", "bo.day@example.com", "Bo Day"),
            ],
            ..Metadata::default()
        },
        managers: vec![("ann.lee@example.com".to_owned(), "mia.lead@example.com".to_owned())],
    }
}

fn change(deal: &str, days: i64, kind: ChangeKind) -> Change {
    Change {
        deal: DealKey { connection: "import".to_owned(), id: deal.to_owned() },
        kind,
        occurred_at: START.plus_ms(days * DAY_MS),
        actor: By { kind: ActorKind::Import, user_id: None },
        vendor_id: None,
        vendor_seq: 0,
    }
}

fn set(deal: &str, days: i64, field: Field, value: &str) -> Change {
    let to = Fact::Known(Value::Text(value.to_owned()));
    change(deal, days, ChangeKind::FieldSet { field, to })
}

fn fake() -> Arc<FakeHubSpot> {
    FakeHubSpot::new(FakeConfig::new(Arc::new(ManualClock::new(NOW))))
}

fn played(changes: Vec<Change>) -> (Arc<FakeHubSpot>, Replay) {
    let hubspot = fake();
    let history = History { header: header(), changes };
    let mut replay = Replay::new(&history, &hubspot);
    while replay.play_portion(NOW, 100, &hubspot).unwrap() > 0 {}
    (hubspot, replay)
}

#[test]
fn lines_of_one_deal_and_instant_are_one_movement_by_its_owner() {
    let (hubspot, replay) = played(vec![
        change("A1", 0, ChangeKind::Created),
        set("A1", 0, Field::Name, "Acme - Box"),
        set("A1", 0, Field::Owner, "2"),
        set("A1", 0, Field::Stage, "prospecting"),
        set("A1", 5, Field::Stage, "engaging"),
    ]);
    assert_eq!((replay.len(), replay.played()), (2, 2));
    assert_eq!(replay.deal_of(FIRST_DEAL_ID), Some("A1"));
    let record = hubspot.record(FIRST_DEAL_ID).unwrap();
    assert_eq!(record.created_at, START);
    let stages: Vec<_> = hubspot
        .history(FIRST_DEAL_ID, "dealstage")
        .into_iter()
        .map(|entry| (entry.value, entry.timestamp, entry.updated_by_user_id))
        .collect();
    let bo = Some(FIRST_USER_ID + 1);
    let engaged = ("engaging".to_owned(), START.plus_ms(5 * DAY_MS), bo);
    assert_eq!(stages, [engaged, ("prospecting".to_owned(), START, bo)]);
}

#[test]
fn two_values_of_a_field_at_one_instant_keep_their_order() {
    let (hubspot, replay) = played(vec![
        change("A1", 0, ChangeKind::Created),
        set("A1", 0, Field::Stage, "prospecting"),
        set("A1", 0, Field::Stage, "engaging"),
        set("A2", 0, Field::Stage, "engaging"),
    ]);
    assert_eq!(replay.len(), 3);
    assert_eq!(hubspot.value(FIRST_DEAL_ID, "dealstage").as_deref(), Some("engaging"));
    let times: Vec<_> =
        hubspot.history(FIRST_DEAL_ID, "dealstage").iter().map(|entry| entry.timestamp).collect();
    assert_eq!(times, [START.plus_ms(TELL_APART_MS), START]);
}

#[test]
fn a_portion_ends_ahead_of_a_second_movement_and_at_its_instant() {
    let hubspot = fake();
    let changes = vec![
        change("A1", 0, ChangeKind::Created),
        change("A2", 0, ChangeKind::Created),
        set("A1", 1, Field::Stage, "engaging"),
        set("A2", 9, Field::Stage, "engaging"),
    ];
    let mut replay = Replay::new(&History { header: header(), changes }, &hubspot);
    assert_eq!(replay.last_within(2 * DAY_MS), Some(START.plus_ms(DAY_MS)));
    assert_eq!(replay.play_portion(START, 1, &hubspot).unwrap(), 1);
    let until = START.plus_ms(2 * DAY_MS);
    assert_eq!(replay.play_portion(until, 100, &hubspot).unwrap(), 2);
    assert_eq!(replay.play_portion(until, 100, &hubspot).unwrap(), 0);
    assert_eq!(replay.next_at(), Some(START.plus_ms(9 * DAY_MS)));
}

#[test]
fn what_happens_to_deals_happens_in_the_account() {
    let activity = Activity {
        id: "77".to_owned(),
        kind: ActivityKind::Call,
        direction: Direction::Outbound,
        at: START.plus_ms(DAY_MS),
        by_touchline: false,
        people: None,
    };
    let merged = ChangeKind::MergedInto { survivor: "A1".to_owned() };
    let (hubspot, replay) = played(vec![
        change("A1", 0, ChangeKind::Created),
        change("A2", 0, ChangeKind::Created),
        change("A1", 1, ChangeKind::Activity(activity)),
        change("A3", 1, ChangeKind::Created),
        change("A2", 2, merged),
        change("A3", 2, ChangeKind::Deleted),
    ]);
    assert_eq!(replay.ids, ["A1", "A2", "A3"]);
    let (first, second, third) = (FIRST_DEAL_ID, FIRST_DEAL_ID + 1, FIRST_DEAL_ID + 2);
    assert_eq!(hubspot.records(ObjectKind::Call).len(), 1);
    assert_eq!(hubspot.record(second).unwrap().merged_into, Some(first));
    assert!(!hubspot.record(third).unwrap().is_live());
    assert!(hubspot.record(first).unwrap().is_live());
}

#[test]
fn a_movement_that_makes_no_sense_is_named() {
    let hubspot = fake();
    let changes = vec![set("A1", 0, Field::Stage, "sold")];
    let mut replay = Replay::new(&History { header: header(), changes }, &hubspot);
    let error = replay.play_portion(hubspot.config().clock.now(), 1, &hubspot).unwrap_err();
    let shown = format!("{error:#}");
    assert!(shown.contains("moves deal A1 at 2016-10-20T04:00:00Z"), "{shown}");
    assert!(shown.contains("sold"), "{shown}");
}

#[test]
fn everybody_with_an_e_mail_is_known_once() {
    let mut header = header();
    header.managers.push(("bo.day@example.com".to_owned(), "ann.lee@example.com".to_owned()));
    let people = people(&header);
    let names: Vec<_> = people.iter().map(|(email, name)| format!("{name} <{email}>")).collect();
    assert_eq!(
        names,
        [
            "Ann Lee <ann.lee@example.com>",
            "Bo Day <bo.day@example.com>",
            "Mia Lead <mia.lead@example.com>",
        ]
    );
}
