use serde_json::json;
use touchline_hubspot::HUBSPOT;
use touchline_kit::{CallError, Crm, CrmWrite, CrmWriteKind, Receipt};
use touchline_rules::facts::DealKey;

use crate::server::{NOW, Seen, records, ties, vendor};

fn task() -> CrmWrite {
    CrmWrite {
        kind: CrmWriteKind::Task,
        deal: DealKey { connection: "hubspot".into(), id: "123".into() },
        owner_id: Some("42".into()),
        subject: "Ask who signs".into(),
        body: "Offer <one> thing".into(),
        due_at: NOW.plus_ms(3_600_000),
        marker: "0a1b2c3d".into(),
    }
}

fn receipt(id: &str) -> Receipt {
    Receipt { place: "task".into(), id: id.into() }
}

#[tokio::test]
async fn a_task_is_made_once_and_gives_a_receipt() {
    let hubspot = vendor(|_: &Seen| (201, json!({"id": "9001", "properties": {}}))).await;
    let made = HUBSPOT.write(&hubspot.session, &hubspot.on, &task()).await;
    assert_eq!(made, Ok(receipt("9001")));
    assert_eq!(hubspot.lines(), ["POST /crm/objects/2026-09/tasks"]);
    let body = &hubspot.seen()[0].body;
    assert_eq!(body["associations"][0]["types"][0]["associationTypeId"], 216);
    assert_eq!(body["properties"]["hs_timestamp"], "2026-11-23T09:00:00Z");
}

#[tokio::test]
async fn a_lost_answer_is_ambiguous_and_a_refusal_is_not() {
    let write = async |status: u16, body: serde_json::Value| {
        let hubspot = vendor(move |_: &Seen| (status, body.clone())).await;
        HUBSPOT.write(&hubspot.session, &hubspot.on, &task()).await.expect_err("no receipt")
    };
    for (status, body) in [(502, json!({})), (504, json!({})), (201, json!({"no": "id"}))] {
        assert!(matches!(write(status, body).await, CallError::Ambiguous { .. }), "{status}");
    }
    let refused = write(400, json!({"category": "VALIDATION_ERROR", "message": "no owner"})).await;
    assert!(matches!(refused, CallError::Refused { ref code, .. } if code == "VALIDATION_ERROR"));
    assert!(matches!(write(423, json!({})).await, CallError::Unavailable { .. }));
    assert!(matches!(write(403, json!({})).await, CallError::Forbidden { .. }));
    let daily = write(429, json!({"policyName": "DAILY"})).await;
    assert!(matches!(daily, CallError::Limited { .. }));
}

#[tokio::test]
async fn an_unknown_outcome_is_settled_by_the_marker() {
    let found = async |body: &'static str| {
        let hubspot = vendor(move |request: &Seen| {
            let answer = match request.line.as_str() {
                "POST /crm/associations/2026-09/deals/tasks/batch/read" => {
                    ties(&[("123", &["999", "1000"])])
                }
                "POST /crm/objects/2026-09/tasks/batch/read" => {
                    // The newest is looked at first.
                    assert_eq!(request.inputs(), ["1000", "999"]);
                    let other = json!({"hs_task_body": "<p>touchline:ffffffff</p>"});
                    records(&[("1000", other), ("999", json!({"hs_task_body": body}))])
                }
                other => panic!("an unexpected request: {other}"),
            };
            (200, answer)
        })
        .await;
        HUBSPOT.reconcile(&hubspot.session, &hubspot.on, &task()).await.expect("an answer")
    };
    assert_eq!(found("<p>x</p><p>touchline:0a1b2c3d</p>").await, Some(receipt("999")));
    assert_eq!(found("<p>x</p><p>touchline:0a1b2c3d4</p>").await, None);
}

#[tokio::test]
async fn a_deal_without_tasks_has_no_receipt() {
    let hubspot = vendor(|_: &Seen| (200, ties(&[]))).await;
    let found = HUBSPOT.reconcile(&hubspot.session, &hubspot.on, &task()).await;
    assert_eq!(found, Ok(None));
}

#[tokio::test]
async fn a_task_is_completed_wherever_it_went() {
    for status in [200, 404] {
        let hubspot = vendor(move |_: &Seen| (status, json!({}))).await;
        let done = HUBSPOT.complete(&hubspot.session, &hubspot.on, &receipt("9001")).await;
        assert_eq!(done, Ok(()));
        let seen = hubspot.seen();
        assert_eq!(seen[0].line, "PATCH /crm/objects/2026-09/tasks/9001");
        assert_eq!(seen[0].body, json!({"properties": {"hs_task_status": "COMPLETED"}}));
    }
    let hubspot = vendor(|_: &Seen| (500, json!({}))).await;
    let note = Receipt { place: "note".into(), id: "1".into() };
    assert_eq!(HUBSPOT.complete(&hubspot.session, &hubspot.on, &note).await, Ok(()));
    assert!(hubspot.lines().is_empty());
    let failed = HUBSPOT.complete(&hubspot.session, &hubspot.on, &receipt("1")).await;
    assert!(matches!(failed, Err(CallError::Unavailable { .. })));
}
