use serde_json::json;
use touchline_hubspot::HUBSPOT;
use touchline_kit::{ActivityRef, CallError, Crm};
use touchline_rules::facts::{ActivityKind, ChangeKind, Direction};

use crate::server::{Seen, records, ties, vendor};

fn of(kind: ActivityKind, id: &str) -> ActivityRef {
    ActivityRef { kind, id: id.into() }
}

#[tokio::test]
async fn references_become_changes_of_each_of_their_deals() {
    let hubspot = vendor(|request: &Seen| {
        let call = json!({"hs_timestamp": "2026-11-20T08:00:00Z", "hs_call_direction": "INBOUND",
            "hs_created_by_user_id": 7, "hs_object_source": "CRM_UI"});
        let body = match request.line.as_str() {
            // 22 was deleted meanwhile.
            "POST /crm/objects/2026-09/calls/batch/read" => records(&[("21", call)]),
            "POST /crm/associations/2026-09/calls/deals/batch/read" => {
                assert_eq!(request.inputs(), ["21"]);
                ties(&[("21", &["1", "2"])])
            }
            "POST /crm/objects/2026-09/notes/batch/read" => {
                records(&[("31", json!({"hs_timestamp": "2026-11-20T08:00:00Z"}))])
            }
            "POST /crm/associations/2026-09/notes/deals/batch/read" => ties(&[]),
            other => panic!("an unexpected request: {other}"),
        };
        (200, body)
    })
    .await;
    let refs = [
        of(ActivityKind::Call, "22"),
        of(ActivityKind::Call, "21"),
        of(ActivityKind::Call, "21"),
        of(ActivityKind::Note, "31"),
    ];
    let changes = HUBSPOT.activities(&hubspot.session, &hubspot.on, &refs).await.expect("changes");
    let deals: Vec<_> = changes.iter().map(|one| one.deal.id.as_str()).collect();
    assert_eq!(deals, ["1", "2"]);
    for change in &changes {
        let ChangeKind::Activity(activity) = &change.kind else { panic!("an activity") };
        assert_eq!((activity.id.as_str(), activity.direction), ("21", Direction::Inbound));
        assert_eq!(change.actor.user_id.as_deref(), Some("7"));
        assert_eq!(change.occurred_at, activity.at);
    }
}

#[tokio::test]
async fn nothing_is_asked_for_nothing() {
    let hubspot = vendor(|_: &Seen| (500, json!({}))).await;
    let none = HUBSPOT.activities(&hubspot.session, &hubspot.on, &[]).await;
    assert_eq!(none, Ok(Vec::new()));
    assert!(hubspot.lines().is_empty());
    let refs = [of(ActivityKind::Email, "1")];
    let lost = HUBSPOT.activities(&hubspot.session, &hubspot.on, &refs).await;
    assert!(matches!(lost, Err(CallError::Unavailable { .. })));
}
