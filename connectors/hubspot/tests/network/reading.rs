//! Metadata, the first read, the poll.

use serde_json::{Value, json};
use touchline_hubspot::HUBSPOT;
use touchline_kit::{BackfillPlan, CallError, Crm, PollPage};
use touchline_rules::UnixMs;
use touchline_rules::facts::{ActivityKind, Origin};

use crate::server::{NOW, Seen, Vendor, vendor};

#[tokio::test]
async fn metadata_does_without_the_account_where_it_must() {
    let hubspot = vendor(|request: &Seen| match request.line.as_str() {
        "GET /crm/pipelines/2026-03/deals" => {
            let stage = json!({"id": "won", "label": "Won", "metadata": {"isClosed": "true",
                "probability": "1.0"}});
            (200, json!({"results": [{"id": "default", "label": "Sales", "stages": [stage]}]}))
        }
        "GET /crm/owners/2026-03" => match request.query.as_str() {
            "limit=100&archived=false" => (
                200,
                json!({"results": [{"id": "42", "email": "Seller0@example.com", "userId": 7}],
                    "paging": {"next": {"after": "42"}}}),
            ),
            "limit=100&archived=false&after=42" => (200, json!({"results": [{"id": "43"}]})),
            "limit=100&archived=true" => {
                (200, json!({"results": [{"id": "42"}, {"id": "44", "archived": true}]}))
            }
            other => panic!("an unexpected query: {other}"),
        },
        "GET /account-info/2026-03/details" => (404, json!({})),
        other => panic!("an unexpected request: {other}"),
    })
    .await;
    let read = HUBSPOT.metadata(&hubspot.session, &hubspot.on).await.expect("metadata");
    assert_eq!((read.account_id.as_deref(), read.time_zone.as_deref()), (None, None));
    assert_eq!(read.pipelines.len(), 1);
    let owners: Vec<_> = read.owners.iter().map(|one| (one.id.as_str(), one.archived)).collect();
    assert_eq!(owners, [("42", false), ("43", false), ("44", true)]);
    let told = HUBSPOT.self_test(&hubspot.session, &hubspot.on).await;
    assert_eq!(told.as_deref(), Ok("HubSpot answers: 1 deal pipeline with 1 stage"));
}

#[tokio::test]
async fn the_account_tells_zone_and_currency() {
    let hubspot = vendor(|request: &Seen| match request.line.as_str() {
        "GET /account-info/2026-03/details" => (
            200,
            json!({"portalId": 33, "timeZone": "Europe/London", "companyCurrency": "GBP",
                "utcOffset": "+00:00"}),
        ),
        _ => (200, json!({"results": []})),
    })
    .await;
    let read = HUBSPOT.metadata(&hubspot.session, &hubspot.on).await.expect("metadata");
    assert_eq!(read.account_id.as_deref(), Some("33"));
    assert_eq!(read.time_zone.as_deref(), Some("Europe/London"));
    assert_eq!(read.currency.as_deref(), Some("GBP"));
}

/// 120 open and 3 closed deals, searched and read as HubSpot would.
fn deals(request: &Seen) -> (u16, Value) {
    if request.line.contains("/associations/") {
        return (200, json!({"results": []}));
    }
    if request.line.ends_with("/batch/read") {
        let one = |id: &String| json!({"id": id, "properties": {"dealname": id}});
        return (200, json!({"results": request.inputs().iter().map(one).collect::<Vec<_>>()}));
    }
    let filters = request.body["filterGroups"][0]["filters"].as_array().expect("filters");
    let beyond: u64 = filters.last().expect("a filter")["value"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .expect("an id");
    let is_open = filters[0]["operator"] == "NEQ";
    let ids = if is_open { 1..=120 } else { 201..=203 };
    let left: Vec<u64> = ids.filter(|id| *id > beyond).collect();
    let limit = usize::try_from(request.body["limit"].as_u64().expect("a limit")).expect("small");
    let page: Vec<Value> =
        left.iter().take(limit).map(|id| json!({"id": id.to_string()})).collect();
    let mut answer = json!({"total": left.len(), "results": page});
    if left.len() > limit {
        answer["paging"] = json!({"next": {"after": limit.to_string()}});
    }
    (200, answer)
}

#[tokio::test]
async fn the_first_read_sees_each_deal_once_and_can_be_resumed() {
    let plan = BackfillPlan { closed_since: UnixMs(0), activity_since: UnixMs(0) };
    let mut cursor: Option<String> = None;
    let mut seen = Vec::new();
    let mut totals = Vec::new();
    for _ in 0..10 {
        // A new session each time, as after a restart.
        let hubspot = vendor(deals).await;
        let page = HUBSPOT.backfill(&hubspot.session, &hubspot.on, &plan, cursor.as_deref()).await;
        let page = page.expect("a page");
        assert!(page.observations.iter().all(|one| one.origin == Origin::Backfill));
        seen.extend(page.observations.iter().map(|one| one.deal.id.clone()));
        totals.push(page.total);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(cursor, None);
    assert_eq!(totals, [None, Some(123), Some(123), Some(123), Some(123)]);
    let mut numbers: Vec<u64> = seen.iter().map(|id| id.parse().expect("a number")).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=120).chain(201..=203).collect::<Vec<_>>());
    let is_open = |id: &String| id.len() < 3 || id.starts_with('1');
    assert!(seen[..120].iter().all(is_open), "open deals come first");
}

#[tokio::test]
async fn a_strange_cursor_is_refused_without_a_call() {
    let hubspot = vendor(deals).await;
    let plan = BackfillPlan { closed_since: UnixMs(0), activity_since: UnixMs(0) };
    let read = HUBSPOT.backfill(&hubspot.session, &hubspot.on, &plan, Some("17")).await;
    assert!(matches!(read, Err(CallError::Refused { .. })));
    let read = HUBSPOT.changed_since(&hubspot.session, &hubspot.on, Some("17"), NOW).await;
    assert!(matches!(read, Err(CallError::Refused { .. })));
    assert!(hubspot.lines().is_empty());
}

async fn poll(from: &Vendor, cursor: Option<&str>) -> Result<PollPage, CallError> {
    HUBSPOT.changed_since(&from.session, &from.on, cursor, NOW).await
}

#[tokio::test]
async fn a_round_of_the_poll_asks_for_each_sort_once() {
    let answer = |request: &Seen| {
        let at = json!({"hs_lastmodifieddate": (NOW.0 - 1_000).to_string()});
        match request.line.as_str() {
            "POST /crm/objects/2026-09/deals/search" => {
                (200, json!({"results": [{"id": "1", "properties": at}]}))
            }
            "POST /crm/objects/2026-09/notes/search" => {
                (200, json!({"results": [{"id": "9", "properties": at}]}))
            }
            "POST /crm/objects/2026-09/emails/search" => (403, json!({})),
            _ => (200, json!({"results": []})),
        }
    };
    let mut cursor: Option<String> = None;
    let (mut deals, mut activities, mut lines) = (Vec::new(), Vec::new(), Vec::new());
    for step in 0..6 {
        let hubspot = vendor(answer).await;
        let page = poll(&hubspot, cursor.as_deref()).await.expect("a page");
        deals.extend(page.deals);
        activities.extend(page.activities);
        lines.extend(hubspot.lines());
        assert_eq!(page.more, step < 5, "{step}");
        cursor = Some(page.cursor);
    }
    assert_eq!(deals, [("1".to_owned(), UnixMs(NOW.0 - 1_000))]);
    assert_eq!(activities.len(), 1);
    assert_eq!((activities[0].kind, activities[0].id.as_str()), (ActivityKind::Note, "9"));
    let types: Vec<_> = lines
        .iter()
        .map(|line| line.trim_start_matches("POST /crm/objects/2026-09/").to_owned())
        .collect();
    assert_eq!(
        types,
        [
            "deals/search",
            "tasks/search",
            "notes/search",
            "meetings/search",
            "calls/search",
            "emails/search"
        ]
    );
}

#[tokio::test]
async fn activities_need_not_be_polled() {
    let mut hubspot = vendor(|_: &Seen| (200, json!({"results": []}))).await;
    hubspot.on.settings.insert("poll_activities".into(), json!(false));
    let page = poll(&hubspot, None).await.expect("a page");
    assert!(!page.more);
    let page = poll(&hubspot, Some(&page.cursor)).await.expect("a page");
    assert!(!page.more);
    assert!(hubspot.lines().iter().all(|line| line.ends_with("deals/search")));
}

#[tokio::test]
async fn a_failed_step_leaves_the_cursor_to_be_tried_again() {
    let hubspot = vendor(|_: &Seen| {
        (429, json!({"policyName": "SECONDLY", "message": "You have reached your secondly limit."}))
    })
    .await;
    let error = poll(&hubspot, None).await.expect_err("limited");
    assert!(matches!(error, CallError::Limited { retry_at, .. } if retry_at == NOW.plus_ms(1_000)));
    // A deal search that is forbidden is no quiet success.
    let hubspot = vendor(|_: &Seen| (403, json!({}))).await;
    let error = poll(&hubspot, None).await.expect_err("forbidden");
    assert!(matches!(error, CallError::Forbidden { .. }));
}
