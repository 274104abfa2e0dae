//! REST as a client sees it.

use serde_json::json;
use touchline_rules::time::SECOND_MS;

use super::*;
use crate::fake::{Actor, Fault, FaultKind, ObjectKind, Passage, Policy, RateLimits};

#[test]
fn both_path_families_and_all_names_lead_to_the_same_deal() {
    let (fake, _) = fake();
    let deal = fake.create_deal(&[("dealname", "Acme")], &Actor::user(7)).unwrap();
    let first = get(&fake, &format!("/crm/v3/objects/deals/{deal}"));
    for path in ["/crm/v3/objects/deal", "/crm/objects/2026-09/0-3", "/crm/objects/2026-03/deals"] {
        assert_eq!(get(&fake, &format!("{path}/{deal}")), first, "{path}");
    }
    assert_eq!(first["id"], deal.to_string());
    let unknown = call(&fake, "GET", "/crm/objects/2024-01/deals", Value::Null);
    assert_eq!(unknown.status, 404);
}

#[test]
fn properties_repeated_or_with_commas() {
    let (fake, _) = fake();
    let deal = fake.create_deal(&[("dealname", "Acme"), ("amount", "5")], &Actor::user(7)).unwrap();
    let path = format!("/crm/v3/objects/deals/{deal}");
    let commas = get(&fake, &format!("{path}?properties=dealname,amount,hs_next_step,nonsense"));
    let repeated = get(
        &fake,
        &format!("{path}?properties=dealname&properties=amount&properties=hs_next_step"),
    );
    assert_eq!(commas, repeated);
    assert_eq!(commas["properties"]["amount"], "5");
    assert_eq!(commas["properties"]["hs_next_step"], Value::Null);
    assert_eq!(commas["properties"].get("nonsense"), None);
}

#[test]
fn batches_have_limits_and_partial_answers() {
    let (fake, _) = fake();
    let by = Actor::user(7);
    let ids: Vec<String> =
        (0..4).map(|_| fake.create_deal(&[], &by).unwrap().to_string()).collect();
    let read = "/crm/objects/2026-09/0-3/batch/read";
    let inputs = |n: usize| json!(vec![json!({"id": ids[0]}); n]);
    let many = json!({"inputs": inputs(101), "properties": []});
    assert_eq!(expect(&fake, 400, "POST", read, many)["category"], "VALIDATION_ERROR");
    let with_history = json!({"inputs": inputs(51), "propertiesWithHistory": ["dealstage"]});
    expect(&fake, 400, "POST", read, with_history);

    fake.fail(Fault::on("/batch/", FaultKind::PartialBatch { every: 2 }).times(2));
    let all: Vec<Value> = ids.iter().map(|id| json!({"id": id})).collect();
    let body = expect(&fake, 207, "POST", read, json!({"inputs": all}));
    assert_eq!(body["results"].as_array().unwrap().len(), 2);
    assert_eq!(body["errors"][0]["context"]["ids"], json!([ids[1], ids[3]]));
    let tasks: Vec<Value> = (0..2)
        .map(|n| {
            json!({
                "properties": {"hs_timestamp": "2026-11-25T09:00:00Z"},
                "objectWriteTraceId": n.to_string(),
            })
        })
        .collect();
    let body =
        expect(&fake, 207, "POST", "/crm/v3/objects/tasks/batch/create", json!({"inputs": tasks}));
    assert_eq!(body["results"][0]["objectWriteTraceId"], "0");
    assert_eq!(body["errors"][0]["context"]["objectWriteTraceId"], json!(["1"]));
    assert_eq!(fake.tasks().len(), 1);
    let untraced = json!({"inputs": [{"properties": {"hs_timestamp": "1"}}, {"properties": {}}]});
    expect(&fake, 400, "POST", "/crm/v3/objects/tasks/batch/create", untraced);
    assert_eq!(fake.tasks().len(), 1, "one bad input without trace ids stops the batch");
    let change = json!({"inputs": [
        {"id": ids[0], "properties": {"amount": "1"}},
        {"id": ids[1], "properties": {"amount": "x"}}]});
    let body = expect(&fake, 207, "POST", "/crm/v3/objects/deals/batch/update", change);
    assert_eq!((body["numErrors"].clone(), body["status"].clone()), (json!(1), json!("COMPLETE")));
    let archive = json!({"inputs": [{"id": ids[0]}]});
    expect(&fake, 204, "POST", "/crm/v3/objects/deals/batch/archive", archive);
    assert_eq!(fake.records(ObjectKind::Deal).len(), 3);
}

fn search(fake: &FakeHubSpot, filters: Value) -> Vec<String> {
    let body = json!({"filterGroups": [{"filters": filters}], "properties": ["dealname"],
        "sorts": [{"propertyName": "hs_lastmodifieddate", "direction": "ASCENDING"}], "limit": 200});
    let found = expect(fake, 200, "POST", "/crm/objects/2026-09/0-3/search", body);
    let results = found["results"].as_array().unwrap().iter();
    results.map(|deal| deal["properties"]["dealname"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn search_filters() {
    let (fake, clock) = fake_with(|config| config.limits = RateLimits::off());
    let by = Actor::user(7);
    for (name, amount) in [("Alpha one", "10"), ("Beta two", "9"), ("Gamma", "")] {
        fake.create_deal(&[("dealname", name), ("amount", amount)], &by).unwrap();
        clock.advance_ms(1_000);
    }
    let one = |name: &str, operator: &str, more: Value| {
        let mut filter = json!({"propertyName": name, "operator": operator});
        filter.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        search(&fake, json!([filter])).join(",")
    };
    assert_eq!(one("amount", "GT", json!({"value": "9"})), "Alpha one");
    assert_eq!(one("amount", "LTE", json!({"value": "10"})), "Alpha one,Beta two");
    assert_eq!(one("amount", "NEQ", json!({"value": "10"})), "Beta two,Gamma");
    assert_eq!(one("amount", "BETWEEN", json!({"value": "9", "highValue": "9.5"})), "Beta two");
    assert_eq!(one("amount", "NOT_HAS_PROPERTY", json!({})), "Gamma");
    assert_eq!(one("dealname", "IN", json!({"values": ["gamma", "x"]})), "Gamma");
    assert_eq!(one("dealname", "CONTAINS_TOKEN", json!({"value": "tw*"})), "Beta two");
    let since = START.plus_ms(1_000);
    let by_ms = one("hs_lastmodifieddate", "GTE", json!({"value": since.0.to_string()}));
    assert_eq!(by_ms, "Beta two,Gamma");
    assert_eq!(by_ms, one("hs_lastmodifieddate", "GTE", json!({"value": since.to_string()})));
    let contact = fake.create(ObjectKind::Contact, &[], &by).unwrap();
    let deal = fake.records(ObjectKind::Deal)[0].id;
    fake.associate(deal, contact, &by).unwrap();
    let linked = one("associations.contact", "EQ", json!({"value": contact.to_string()}));
    assert_eq!(linked, "Alpha one");
}

#[test]
fn search_stops_at_ten_thousand_and_knows_its_limits() {
    let (fake, _) = fake_with(|config| config.limits = RateLimits::off());
    let path = "/crm/v3/objects/deals/search";
    expect(&fake, 200, "POST", path, json!({"limit": 200, "after": "9800"}));
    expect(&fake, 400, "POST", path, json!({"limit": 200, "after": "9801"}));
    expect(&fake, 400, "POST", path, json!({"limit": 201}));
    expect(&fake, 400, "POST", path, json!({"query": "x".repeat(3_001)}));
    let filter = json!({"propertyName": "amount", "operator": "EQ", "value": "1"});
    let group = |n: usize| json!({"filters": vec![filter.clone(); n]});
    expect(&fake, 200, "POST", path, json!({"filterGroups": [group(6), group(6), group(6)]}));
    expect(&fake, 400, "POST", path, json!({"filterGroups": [group(7)]}));
    expect(&fake, 400, "POST", path, json!({"filterGroups": vec![group(1); 6]}));
    let odd = json!({"filterGroups": [{"filters": [{"propertyName": "nope", "operator": "EQ"}]}]});
    expect(&fake, 400, "POST", path, odd);
}

#[test]
fn search_lags_behind_and_catches_up() {
    let (fake, clock) = fake_with(|config| config.search_lag_ms = 10 * SECOND_MS);
    let by = Actor::user(7);
    let deal = fake.create_deal(&[("dealname", "Old")], &by).unwrap();
    let everything = json!([{"propertyName": "hs_object_id", "operator": "HAS_PROPERTY"}]);
    assert!(search(&fake, everything.clone()).is_empty());
    clock.advance_ms(10 * SECOND_MS);
    assert_eq!(search(&fake, everything.clone()), ["Old"]);
    fake.set(deal, "dealname", "New", &by).unwrap();
    let changed = fake.now().0.to_string();
    let recent =
        json!([{"propertyName": "hs_lastmodifieddate", "operator": "GTE", "value": changed}]);
    assert_eq!(search(&fake, everything.clone()), ["Old"]);
    assert!(search(&fake, recent.clone()).is_empty());
    clock.advance_ms(10 * SECOND_MS);
    assert_eq!(search(&fake, everything), ["New"]);
    assert_eq!(search(&fake, recent), ["New"]);
}

#[test]
fn limits_answer_429_without_a_hint_when() {
    let limits = RateLimits { per_ten_seconds: 3, search_per_second: 1, per_day: 6 };
    let (fake, clock) = fake_with(|config| config.limits = limits);
    let owners = "/crm/owners/2026-03";
    let left = |answer: &ApiAnswer| {
        let name = "X-HubSpot-RateLimit-Remaining";
        answer.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    };
    assert_eq!(left(&call(&fake, "GET", owners, Value::Null)).as_deref(), Some("2"));
    call(&fake, "GET", owners, Value::Null);
    call(&fake, "GET", owners, Value::Null);
    let refused = call(&fake, "GET", owners, Value::Null);
    let body = refused.body.clone().unwrap();
    assert_eq!((refused.status, body["policyName"].as_str()), (429, Some("TEN_SECONDLY_ROLLING")));
    assert_eq!(left(&refused).as_deref(), Some("0"));
    assert!(!refused.headers.iter().any(|(name, _)| name == "Retry-After"));

    let path = "/crm/v3/objects/deals/search";
    let found = call(&fake, "POST", path, json!({}));
    assert_eq!((found.status, found.headers.len()), (200, 0));
    let refused = call(&fake, "POST", path, json!({}));
    assert_eq!(refused.body.unwrap()["message"], "You have reached your secondly limit.");
    clock.advance_ms(20 * SECOND_MS);
    assert_eq!(call(&fake, "GET", owners, Value::Null).status, 200);
    assert_eq!(call(&fake, "GET", owners, Value::Null).status, 200);
    let refused = call(&fake, "GET", owners, Value::Null);
    assert_eq!(refused.body.unwrap()["policyName"], "DAILY");
}

#[test]
fn faults_answer_as_the_vendor_would() {
    let (fake, _) = fake();
    let path = "/crm/v3/objects/tasks";
    let task = json!({"properties": {"hs_timestamp": "2026-11-25T09:00:00Z"}});
    let post = |kind: FaultKind| {
        fake.fail(Fault::on(path, kind).times(1).method("post"));
        call(&fake, "POST", path, task.clone())
    };
    for status in [423, 500, 502, 503, 504, 521, 522, 523, 524] {
        let answer = post(FaultKind::Status(status));
        assert_eq!(answer.status, status);
        assert_eq!(answer.body.unwrap()["status"], "error");
    }
    let moving = post(FaultKind::Migrating { retry_after_s: 30 });
    assert_eq!(moving.headers, [("Retry-After".to_owned(), "30".to_owned())]);
    assert_eq!(post(FaultKind::TooMany(Policy::Daily)).body.unwrap()["policyName"], "DAILY");
    let scope = post(FaultKind::MissingScope { scope: "automation".into() });
    let scope = scope.body.unwrap();
    assert_eq!(scope["category"], "MISSING_SCOPES");
    assert_eq!(scope["errors"][0]["context"]["requiredGranularScopes"], json!(["automation"]));
    let expired = post(FaultKind::ExpiredToken);
    assert_eq!(expired.body.unwrap()["category"], "EXPIRED_AUTHENTICATION");
    let invalid = post(FaultKind::Validation { message: "Name a budget.".into() });
    assert_eq!(invalid.status, 400);
    assert_eq!(post(FaultKind::Reset).passage, Passage::Broken);
    assert!(fake.tasks().is_empty(), "nothing was done so far");
    assert_eq!(post(FaultKind::ResetAfterEffect).passage, Passage::Broken);
    assert_eq!(fake.tasks().len(), 1, "the outcome that a client cannot know");
    assert_eq!(fake.calls().last().unwrap().status, 0);
    fake.set_down(true);
    assert_eq!(call(&fake, "GET", "/crm/v3/owners/", Value::Null).status, 503);
    fake.clear_faults();
    assert_eq!(call(&fake, "GET", "/crm/v3/owners/", Value::Null).status, 200);
}

#[test]
fn scopes_and_tokens_are_checked() {
    let (fake, _) = fake_with(|config| config.scopes = vec!["crm.objects.deals.read".into()]);
    assert_eq!(call(&fake, "GET", "/crm/v3/objects/deals", Value::Null).status, 200);
    let refused = expect(&fake, 403, "POST", "/crm/v3/objects/deals", json!({}));
    assert_eq!(
        refused["errors"][0]["context"]["requiredGranularScopes"],
        json!(["crm.objects.deals.write"])
    );
    let stranger = ApiRequest::json_call("GET", "/crm/v3/owners/", "fake-other", &Value::Null);
    assert_eq!(fake.answer(&stranger).status, 401);
}

#[test]
fn the_account_tells_its_zone() {
    let (fake, _) = fake();
    let details = get(&fake, "/account-info/2026-03/details");
    assert_eq!(details["timeZone"], "America/New_York");
    assert_eq!(details["utcOffset"], "-05:00");
    assert_eq!(details["companyCurrency"], "USD");
}
