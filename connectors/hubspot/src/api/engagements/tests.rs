use proptest::prelude::*;
use touchline_kit::Body;

use super::*;

fn read_one(kind: ActivityKind, properties: serde_json::Value) -> Option<Engagement> {
    let record = json!({"id": "9001", "properties": properties});
    engagement(kind, &serde_json::from_value(record).expect("a record"))
}

#[test]
fn each_sort_asks_for_what_it_needs() {
    let ids = ["9001".to_owned()];
    let bodies: Vec<_> = ACTIVITIES
        .iter()
        .map(|of| {
            let request = request(of, &[&ids[0]]);
            let Body::Json(body) = request.body else { panic!("a JSON body") };
            format!("{} {}", request.path, body["properties"])
        })
        .collect();
    insta::assert_snapshot!(bodies.join("\n"), @r#"
    crm/objects/2026-09/tasks/batch/read ["hs_timestamp","hs_createdate","hs_object_source","hs_created_by_user_id","hs_task_body","hs_task_status","hs_task_completion_date"]
    crm/objects/2026-09/notes/batch/read ["hs_timestamp","hs_createdate","hs_object_source","hs_created_by_user_id","hs_note_body"]
    crm/objects/2026-09/meetings/batch/read ["hs_timestamp","hs_createdate","hs_object_source","hs_created_by_user_id"]
    crm/objects/2026-09/calls/batch/read ["hs_timestamp","hs_createdate","hs_object_source","hs_created_by_user_id","hs_call_direction"]
    crm/objects/2026-09/emails/batch/read ["hs_timestamp","hs_createdate","hs_object_source","hs_created_by_user_id","hs_email_direction"]
    "#);
}

#[test]
fn an_email_tells_its_direction() {
    let at = |direction: &str| {
        let properties = json!({"hs_timestamp": "2026-11-20T10:00:00Z",
            "hs_createdate": "2026-11-20T10:05:00Z", "hs_email_direction": direction});
        read_one(ActivityKind::Email, properties).expect("an e-mail")
    };
    assert_eq!(at("INCOMING_EMAIL").activity.direction, Direction::Inbound);
    assert_eq!(at("EMAIL").activity.direction, Direction::Outbound);
    assert_eq!(at("FORWARDED_EMAIL").activity.direction, Direction::Unknown);
    assert_eq!(at("EMAIL").activity.at.to_string(), "2026-11-20T10:00:00Z");
    assert_eq!(at("EMAIL").occurred_at.to_string(), "2026-11-20T10:00:00Z");
    let call = json!({"hs_timestamp": "1", "hs_call_direction": "INBOUND"});
    let call = read_one(ActivityKind::Call, call).expect("a call");
    assert_eq!(call.activity.direction, Direction::Inbound);
}

#[test]
fn a_future_meeting_happened_when_it_was_booked() {
    let meeting = read_one(
        ActivityKind::Meeting,
        json!({"hs_timestamp": "2026-12-01T10:00:00Z", "hs_createdate": "2026-11-20T10:00:00Z",
            "hs_object_source": "CRM_UI", "hs_created_by_user_id": "7"}),
    )
    .expect("a meeting");
    assert_eq!(meeting.activity.at.to_string(), "2026-12-01T10:00:00Z");
    assert_eq!(meeting.occurred_at.to_string(), "2026-11-20T10:00:00Z");
    assert_eq!(meeting.actor.kind, ActorKind::Person);
    assert_eq!(meeting.actor.user_id.as_deref(), Some("7"));
}

#[test]
fn a_task_counts_when_done() {
    let task = |status: &str| {
        let properties = json!({"hs_timestamp": "2026-12-01T10:00:00Z",
            "hs_createdate": "2026-11-20T10:00:00Z", "hs_task_status": status,
            "hs_task_completion_date": "2026-11-22T10:00:00Z"});
        read_one(ActivityKind::Task, properties).expect("a task").activity.at.to_string()
    };
    assert_eq!(task("COMPLETED"), "2026-11-22T10:00:00Z");
    assert_eq!(task("NOT_STARTED"), "2026-12-01T10:00:00Z");
}

#[test]
fn what_we_wrote_is_known_by_its_marker() {
    let note = |body: &str| {
        let properties = json!({"hs_timestamp": "1", "hs_note_body": body});
        read_one(ActivityKind::Note, properties).expect("a note")
    };
    let ours = note("<p>Ask for the budget owner</p><p>touchline:0a1b2c3d</p>");
    assert!(ours.activity.by_touchline);
    assert_eq!(ours.actor.kind, ActorKind::Touchline);
    assert!(!note("<p>Called, no answer</p>").activity.by_touchline);
    assert!(!note("").activity.by_touchline);
    assert_eq!(read_one(ActivityKind::Note, json!({"hs_note_body": "when?"})), None);
}

#[test]
fn the_newest_are_kept_evenly() {
    let ids = |numbers: std::ops::Range<u32>| {
        newest_first(numbers.map(|one| one.to_string()).collect::<Vec<_>>())
    };
    let (mut many, mut few, mut none) = (ids(95..105), ids(1..3), ids(0..0));
    assert_eq!(many[0], "104");
    cut(vec![&mut many, &mut few, &mut none], 6);
    assert_eq!(many, ["104", "103", "102", "101"]);
    assert_eq!(few, ["2", "1"]);
}

proptest! {
    #[test]
    fn a_cut_never_exceeds_its_room_nor_wastes_it(
        sizes in proptest::collection::vec(0usize..40, 0..12), room in 0usize..120,
    ) {
        let mut lists: Vec<Vec<String>> =
            sizes.iter().map(|size| vec![String::new(); *size]).collect();
        cut(lists.iter_mut().collect(), room);
        let held: usize = lists.iter().map(Vec::len).sum();
        prop_assert!(held <= room);
        let cut_lists = lists.iter().zip(&sizes).filter(|(list, size)| list.len() < **size).count();
        prop_assert!(cut_lists == 0 || room - held < cut_lists);
    }
}
