use proptest::prelude::*;
use serde_json::json;
use touchline_kit::Body;

use super::*;

const NOW: UnixMs = UnixMs(1_762_216_307_945);

fn record(id: u64, at: i64) -> Record {
    let value =
        json!({"id": id.to_string(), "properties": {"hs_lastmodifieddate": at.to_string()}});
    serde_json::from_value(value).expect("a record")
}

/// What HubSpot's search would answer to this request over these records.
fn search(all: &[(u64, i64)], round: &Round) -> Vec<Record> {
    let Body::Json(body) = query("deals", round).body else { panic!("a JSON body") };
    let number = |filter: &serde_json::Value| {
        filter["value"].as_str().and_then(|text| text.parse::<i64>().ok()).expect("a number")
    };
    let holds = |filter: &serde_json::Value, (id, at): (u64, i64)| {
        let id = i64::try_from(id).expect("a small id");
        match (filter["propertyName"].as_str(), filter["operator"].as_str()) {
            (Some("hs_lastmodifieddate"), Some("GTE")) => at >= number(filter),
            (Some("hs_lastmodifieddate"), Some("EQ")) => at == number(filter),
            (Some("hs_object_id"), Some("GT")) => id > number(filter),
            other => panic!("an unexpected filter: {other:?}"),
        }
    };
    let filters = body["filterGroups"][0]["filters"].as_array().expect("filters");
    let mut found: Vec<(u64, i64)> = all
        .iter()
        .copied()
        .filter(|one| filters.iter().all(|filter| holds(filter, *one)))
        .collect();
    if body["sorts"][0]["propertyName"] == "hs_object_id" {
        found.sort_unstable();
    } else {
        // Ties come in no dependable order.
        found.sort_unstable_by_key(|(id, at)| (*at, id.reverse_bits()));
    }
    found.truncate(usize::try_from(body["limit"].as_u64().expect("a limit")).expect("small"));
    found.into_iter().map(|(id, at)| record(id, at)).collect()
}

/// Walks a whole round; what was seen, and the mark it leaves.
fn walk(all: &[(u64, i64)], mark: UnixMs) -> (Vec<u64>, UnixMs) {
    let mut seen = Vec::new();
    let mut round = begin(mark, NOW);
    for _ in 0..1_000 {
        let found = search(all, &round);
        seen.extend(found.iter().map(|one| one.id.0.parse::<u64>().expect("a number")));
        match step(round, &found, found.len() >= PAGE_MAX).expect("a step") {
            Some(next) => round = next,
            None => return (seen, end(mark, &round, &found)),
        }
    }
    panic!("the round has no end");
}

#[test]
fn a_round_starts_with_an_overlap() {
    let Body::Json(body) = query("deals", &begin(NOW, NOW)).body else { panic!("a JSON body") };
    insta::assert_snapshot!(body, @r#"
    {"filterGroups":[{"filters":[{"operator":"GTE","propertyName":"hs_lastmodifieddate","value":"1762216007945"}]}],"limit":200,"properties":["hs_lastmodifieddate"],"sorts":[{"direction":"ASCENDING","propertyName":"hs_lastmodifieddate"}]}
    "#);
    let walking = Round { tie_after: Some(7), ..begin(NOW, NOW) };
    let Body::Json(body) = query("emails", &walking).body else { panic!("a JSON body") };
    insta::assert_snapshot!(body["filterGroups"], @r#"
    [{"filters":[{"operator":"EQ","propertyName":"hs_lastmodifieddate","value":"1762216007945"},{"operator":"GT","propertyName":"hs_object_id","value":"7"}]}]
    "#);
}

#[test]
fn an_instant_shared_by_many_is_walked_by_id() {
    let at = NOW.0;
    let all: Vec<(u64, i64)> = (1..=650).map(|id| (id, at)).chain([(651, at + 1)]).collect();
    let (mut seen, mark) = walk(&all, NOW);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 651);
    assert_eq!(mark, UnixMs(at + 1));
}

#[test]
fn a_quiet_type_keeps_up_with_the_clock() {
    let long_ago = NOW.plus_ms(-QUIET_MS * 10);
    let (seen, mark) = walk(&[], long_ago);
    assert!(seen.is_empty());
    assert_eq!(mark, NOW.plus_ms(-QUIET_MS));
    // The newest change wins over the clock: HubSpot's may be ahead.
    let (_, mark) = walk(&[(1, NOW.0 + 60_000)], long_ago);
    assert_eq!(mark, NOW.plus_ms(60_000));
}

#[test]
fn news_are_deals_or_references() {
    let found = [record(5, 1_000)];
    assert_eq!(news(None, &found, NOW).0, [("5".to_owned(), UnixMs(1_000))]);
    let (deals, refs) = news(Some(&ACTIVITIES[4]), &found, NOW);
    assert!(deals.is_empty());
    assert_eq!(refs, [ActivityRef { kind: ActivityKind::Email, id: "5".into() }]);
}

#[test]
fn a_cursor_survives_as_text_and_a_strange_one_is_refused() {
    let mut cursor = Cursor { turn: 3, types: [Position { mark: NOW, round: None }; TYPES] };
    cursor.types[3].round = Some(Round { tie_after: Some(u64::MAX), ..begin(NOW, NOW) });
    assert_eq!(read_cursor(&text(&cursor)), Ok(cursor.clone()));
    cursor.turn = TYPES;
    for odd in [text(&cursor).as_str(), "", "{}", "17"] {
        assert!(matches!(read_cursor(odd), Err(CallError::Refused { .. })), "{odd}");
    }
}

proptest! {
    /// However changes crowd together, a round ends and sees every one of them.
    #[test]
    fn no_change_is_lost(
        crowds in proptest::collection::vec((0i64..6, 1usize..450), 0..6),
        mark_offset in 0i64..10,
    ) {
        let mut all = Vec::new();
        for (at, size) in crowds {
            for _ in 0..size {
                all.push((u64::try_from(all.len()).unwrap() + 1, NOW.0 + at));
            }
        }
        let mark = UnixMs(NOW.0 + mark_offset);
        let (mut seen, after) = walk(&all, mark);
        seen.sort_unstable();
        seen.dedup();
        prop_assert_eq!(seen.len(), all.len());
        let newest = all.iter().map(|(_, at)| *at).max().unwrap_or(mark.0);
        prop_assert_eq!(after, UnixMs(newest.max(mark.0)));
    }
}
