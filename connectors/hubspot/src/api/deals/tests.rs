use touchline_kit::Body;

use super::*;
use crate::testing::connection;

const BATCH: &str = include_str!("../../../tests/fixtures/deals_batch.json");

fn page(text: &str) -> Page<Record> {
    serde_json::from_str(text).expect("a page")
}

#[test]
fn asks_for_mapped_properties_and_five_histories() {
    let properties = Properties::of(&connection(None));
    let request = request(&["123", "124"], &properties);
    let Body::Json(body) = request.body else { panic!("a JSON body") };
    assert_eq!(request.path, "crm/objects/2026-09/deals/batch/read");
    insta::assert_snapshot!(body, @r#"
    {"inputs":[{"id":"123"},{"id":"124"}],"properties":["dealname","pipeline","dealstage","hubspot_owner_id","amount","deal_currency_code","closedate","createdate","hs_next_step","closed_lost_reason","hs_merged_object_ids"],"propertiesWithHistory":["pipeline","dealstage","hubspot_owner_id","amount","closedate"]}
    "#);
}

#[test]
fn a_deal_is_read_with_its_past() {
    let batch = split(&["123"], page(BATCH)).expect("a batch");
    let properties = Properties::of(&connection(None));
    let (origin, at) = (Origin::Poll, UnixMs(0));
    let at = Reading { connection: "hubspot", origin, at, properties: &properties };
    let read = at.observation(&batch.found[0], Some(vec![]));
    let fields = read.fields.iter().map(|(field, value)| format!("{field:?} {value:?}"));
    let past = read.history.iter().map(|one| {
        let HistoryItem { field, value, at, actor, .. } = one;
        format!("{at} {field:?} {value:?} by {:?} {:?}", actor.kind, actor.user_id)
    });
    let lines: Vec<String> = fields.chain(past).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    Name Known(Text("Example renewal"))
    Pipeline Known(Text("default"))
    Stage Known(Text("contractsent"))
    Owner Known(Text("42"))
    Amount Known(Number(1250.00))
    Currency Known(Text("EUR"))
    CloseDate Known(Time(2026-12-01T00:00:00Z))
    CreatedAt Known(Time(2026-10-01T08:00:00Z))
    NextStep Empty
    2026-10-01T08:00:00Z Stage Known(Text("appointmentscheduled")) by Integration None
    2026-11-23T07:00:00Z Stage Known(Text("contractsent")) by Person Some("7")
    2026-10-01T08:00:00Z Amount Empty by Import None
    "#);
    let url = Some("https://app.hubspot.com/contacts/33/record/0-3/123");
    assert_eq!((read.url.as_deref(), read.gone), (url, false));
    assert_eq!((read.origin, read.activities), (Origin::Poll, Some(vec![])));
}

#[test]
fn missing_archived_and_merged_deals_are_gone() {
    let batch = split(&["123", "124", "125", "126"], page(BATCH)).expect("a batch");
    assert_eq!(batch.found.len(), 1);
    // 124 was merged into 123, 125 is archived, 126 is named as not found.
    assert_eq!(batch.gone, ["124", "125", "126"]);
    let silent = split(&["1"], page(r#"{"results":[]}"#)).expect("a batch");
    assert_eq!(silent.gone, ["1"]);
}

#[test]
fn a_stumble_ends_no_deal() {
    let error = split(
        &["1", "2"],
        page(r#"{"results":[{"id":"2"}],"errors":[{"category":"INTERNAL","context":{}}]}"#),
    );
    let error = error.unwrap_err();
    assert!(matches!(error, CallError::Unavailable { .. }));
    assert!(error.to_string().ends_with("did not answer for deal 1: INTERNAL"), "{error}");
}

#[test]
fn values_of_one_instant_keep_their_order() {
    let list: Vec<Past> = serde_json::from_str(
        r#"[{"value":"c","timestamp":"2026-01-02T00:00:00Z"},
            {"value":"b","timestamp":"2026-01-01T00:00:00Z"},
            {"value":"a","timestamp":1767225600000},
            {"value":"lost","timestamp":"whenever"}]"#,
    )
    .expect("a history");
    let properties = Properties::of(&connection(None));
    let stage = properties.filled_by("dealstage").next().unwrap();
    let past = past_values(stage, &list);
    let told: Vec<_> = past
        .iter()
        .map(|one| (format!("{:?}", one.value), one.at.to_string(), one.vendor_seq))
        .collect();
    let known = |text: &str| format!("Known(Text({text:?}))");
    assert_eq!(
        told,
        [
            (known("a"), "2026-01-01T00:00:00Z".to_owned(), 0),
            (known("b"), "2026-01-01T00:00:00Z".to_owned(), 1),
            (known("c"), "2026-01-02T00:00:00Z".to_owned(), 0),
        ]
    );
}
