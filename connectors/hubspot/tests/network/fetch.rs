use serde_json::{Value, json};
use touchline_hubspot::HUBSPOT;
use touchline_kit::{CallError, Crm};
use touchline_rules::facts::{Direction, Field, Observation, Origin};

use crate::server::{Seen, Vendor, records, ties, vendor};

const DEALS: &str = "POST /crm/objects/2026-09/deals/batch/read";

async fn fetch(from: &Vendor, ids: &[&str]) -> Result<Vec<Observation>, CallError> {
    let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    HUBSPOT.fetch(&from.session, &from.on, &ids, Origin::Hydrate).await
}

/// Deal 1 with an old and a recent e-mail, a booked meeting and a task of ours.
fn one_deal(request: &Seen) -> (u16, Value) {
    let at = |text: &str| json!({"hs_timestamp": text, "hs_createdate": text});
    let body = match request.line.rsplit_once("2026-09/").map(|(_, path)| path) {
        Some("deals/batch/read") => {
            json!({"results": [{"id": "1", "properties": {"dealstage": "contractsent"},
                "url": "https://app.hubspot.com/contacts/33/record/0-3/1"}],
                "errors": [{"category": "OBJECT_NOT_FOUND", "context": {"ids": ["2"]}}]})
        }
        Some("deals/emails/batch/read") => ties(&[("1", &["11", "12"])]),
        Some("deals/meetings/batch/read") => ties(&[("1", &["13"])]),
        Some("deals/tasks/batch/read") => ties(&[("1", &["14"])]),
        Some("deals/notes/batch/read" | "deals/calls/batch/read") => json!({"results": [],
            "errors": [{"subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND"}]}),
        Some("emails/batch/read") => {
            let mut recent = at("2026-11-20T08:00:00Z");
            recent["hs_email_direction"] = json!("INCOMING_EMAIL");
            records(&[("11", at("2026-01-01T08:00:00Z")), ("12", recent)])
        }
        Some("meetings/batch/read") => records(&[("13", at("2026-12-24T08:00:00Z"))]),
        Some("tasks/batch/read") => {
            let mut ours = at("2026-11-22T08:00:00Z");
            ours["hs_task_body"] = json!("<p>Call</p><p>touchline:0a1b2c3d</p>");
            records(&[("14", ours)])
        }
        other => panic!("an unexpected request: {other:?}"),
    };
    (207, body)
}

#[tokio::test]
async fn a_deal_comes_with_its_activities_and_a_missing_one_is_gone() {
    let hubspot = vendor(one_deal).await;
    let mut read = fetch(&hubspot, &["1", "2", "1"]).await.expect("observations");
    read.sort_by(|a, b| a.deal.cmp(&b.deal));
    assert_eq!(read.len(), 2);
    assert!(read[1].gone && read[1].activities.is_none());
    assert_eq!(read[0].fields.iter().map(|(field, _)| *field).collect::<Vec<_>>(), [Field::Stage]);
    let activities = read[0].activities.clone().expect("activities");
    let told: Vec<_> =
        activities.iter().map(|one| (one.id.as_str(), one.direction, one.by_touchline)).collect();
    assert_eq!(
        told,
        [
            ("14", Direction::Unknown, true),
            ("13", Direction::Unknown, false),
            // 11 is older than the look-back.
            ("12", Direction::Inbound, false),
        ]
    );
    let lines = hubspot.lines();
    assert_eq!(lines[0], DEALS);
    assert_eq!(lines.len(), 1 + 5 + 3, "{lines:#?}");
    assert_eq!(hubspot.seen()[0].inputs(), ["1", "2"]);
}

#[tokio::test]
async fn activities_are_unknown_when_one_sort_may_not_be_read() {
    let hubspot = vendor(|request: &Seen| match request.line.as_str() {
        "POST /crm/associations/2026-09/deals/emails/batch/read" => {
            (403, json!({"category": "MISSING_SCOPES"}))
        }
        _ => one_deal(request),
    })
    .await;
    let read = fetch(&hubspot, &["1"]).await.expect("observations");
    assert_eq!((read.len(), read[0].gone), (1, false));
    assert_eq!(read[0].activities, None);
}

#[tokio::test]
async fn many_associations_are_paged() {
    let hubspot = vendor(|request: &Seen| {
        let is_tasks = request.line.ends_with("deals/tasks/batch/read");
        match request.body["inputs"][0]["after"].as_str() {
            None if is_tasks => {
                let mut first = ties(&[("1", &["14"])]);
                first["results"][0]["paging"] = json!({"next": {"after": "14"}});
                (200, first)
            }
            Some("14") => (200, ties(&[("1", &["15"])])),
            _ if request.line.ends_with("tasks/batch/read") => {
                assert_eq!(request.inputs(), ["14", "15"]);
                (200, json!({"results": []}))
            }
            _ => one_deal(request),
        }
    })
    .await;
    assert_eq!(fetch(&hubspot, &["1"]).await.expect("observations").len(), 1);
}

/// The clock stands still, so nothing refills: a full batch with many
/// activities must be done within what may come at once.
#[tokio::test]
async fn a_full_batch_fits_the_limits() {
    let hubspot = vendor(|request: &Seen| {
        let all: Vec<Value> = request
            .inputs()
            .iter()
            .map(|id| {
                if request.line.contains("/associations/") {
                    let kind = request.line.len();
                    let to: Vec<Value> =
                        (0..40).map(|n| json!({"toObjectId": format!("{id}{kind}{n}")})).collect();
                    json!({"from": {"id": id}, "to": to})
                } else {
                    json!({"id": id, "properties": {"hs_timestamp": "2026-11-20T08:00:00Z"}})
                }
            })
            .collect();
        (200, json!({"results": all}))
    })
    .await;
    let ids: Vec<String> = (100..150).map(|id| id.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let read = fetch(&hubspot, &ids).await.expect("observations");
    let count = |one: &Observation| one.activities.as_ref().map(Vec::len);
    // 2,000 in all: 8 of each of five sorts for each of fifty deals.
    assert!(read.len() == 50 && read.iter().all(|one| count(one) == Some(40)));
}

#[tokio::test]
async fn a_broken_answer_is_no_end_of_a_deal() {
    for (status, body) in [
        (500, json!({})),
        (404, json!({})),
        (200, json!({})),
        (207, json!({"results": [], "errors": [{"category": "INTERNAL_ERROR"}]})),
        (200, json!({"results": [{"properties": {}}]})),
    ] {
        let shown = body.clone();
        let hubspot = vendor(move |_: &Seen| (status, body.clone())).await;
        assert!(fetch(&hubspot, &["1"]).await.is_err(), "{status} {shown}");
    }
}
