//! The first read: open deals, then those that closed lately.
//!
//! The cursor names the phase and the highest id read in it. It can be kept for
//! weeks and resumed: deals made or closed meanwhile are found by the poll.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use touchline_kit::{BackfillPage, BackfillPlan, CallError};
use touchline_rules::facts::Origin;

use super::deals;
use super::line::{Line, Request};
use super::paths;
use super::search::{ID, Query, bad_cursor, filter, filter_bare, id_number};
use super::wire::{Page, Record};

/// Where a first read stands. Opaque to the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    phase: Phase,
    /// Deals with higher ids are still to be read.
    after_id: u64,
    /// How many there are in all, as far as they were counted.
    total: u64,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Phase {
    Open,
    Closed,
}

/// Reads one page. Each makes one search only, so that a page can always be
/// finished within what may come at once; the very first only counts.
pub(super) async fn page(
    line: &Line<'_>,
    plan: &BackfillPlan,
    cursor: Option<&str>,
) -> Result<BackfillPage, CallError> {
    let Some(cursor) = cursor else {
        return count(line, plan).await;
    };
    let at: Cursor = serde_json::from_str(cursor).map_err(|_| bad_cursor("first read's"))?;
    let found: Page<Record> = line.read(query(&at, plan, deals::BATCH_MAX)).await?;
    let at = with_open(at, found.total);
    let ids: Vec<String> = found.results.iter().map(|one| one.id.0.clone()).collect();
    let more = found.after().is_some() || ids.len() >= deals::BATCH_MAX;
    let next = advance(&at, &ids, more && !ids.is_empty())?;
    let observations = deals::observe(line, &ids, Origin::Backfill, plan.activity_since).await?;
    // A deal that was deleted since the search indexed it was never here.
    let observations = observations.into_iter().filter(|one| !one.gone).collect();
    Ok(BackfillPage { observations, next: next.map(|next| text(&next)), total: Some(at.total) })
}

/// Counts the closed deals. The first page of open ones tells how many those are.
async fn count(line: &Line<'_>, plan: &BackfillPlan) -> Result<BackfillPage, CallError> {
    let closed = Cursor { phase: Phase::Closed, after_id: 0, total: 0 };
    let found: Page<Record> = line.read(query(&closed, plan, 1)).await?;
    let next = Cursor { phase: Phase::Open, after_id: 0, total: found.total.unwrap_or(0) };
    Ok(BackfillPage { observations: Vec::new(), next: Some(text(&next)), total: None })
}

fn with_open(at: Cursor, open: Option<u64>) -> Cursor {
    let is_first = at.phase == Phase::Open && at.after_id == 0;
    let open = open.filter(|_| is_first).unwrap_or(0);
    Cursor { total: at.total.saturating_add(open), ..at }
}

fn query(at: &Cursor, plan: &BackfillPlan, limit: usize) -> Request {
    let beyond = filter(ID, "GT", &at.after_id.to_string());
    let groups: Vec<Vec<Json>> = match at.phase {
        // Two groups, for a condition on a missing value is never met.
        Phase::Open => vec![
            vec![filter("hs_is_closed", "NEQ", "true"), beyond.clone()],
            vec![filter_bare("hs_is_closed", "NOT_HAS_PROPERTY"), beyond],
        ],
        Phase::Closed => {
            let since = plan.closed_since.0.to_string();
            vec![vec![
                filter("hs_is_closed", "EQ", "true"),
                filter("closedate", "GTE", &since),
                beyond,
            ]]
        }
    };
    Query { objects: paths::DEALS, groups, sort: ID, limit }.request()
}

/// The cursor behind this page; `None` when all is read.
fn advance(at: &Cursor, ids: &[String], more: bool) -> Result<Option<Cursor>, CallError> {
    let mut highest = at.after_id;
    for id in ids {
        highest = highest.max(id_number(id)?);
    }
    if more && highest == at.after_id {
        let detail = "HubSpot's search answered with deals that were read before".into();
        return Err(CallError::Unavailable { retry_at: None, detail });
    }
    Ok(match at.phase {
        _ if more => Some(Cursor { after_id: highest, ..at.clone() }),
        Phase::Open => Some(Cursor { phase: Phase::Closed, after_id: 0, ..at.clone() }),
        Phase::Closed => None,
    })
}

fn text(cursor: &Cursor) -> String {
    #[expect(clippy::expect_used, reason = "numbers and names are always JSON")]
    serde_json::to_string(cursor).expect("a cursor is JSON")
}

#[cfg(test)]
mod tests {
    use touchline_kit::Body;
    use touchline_rules::UnixMs;

    use super::*;

    const PLAN: BackfillPlan =
        BackfillPlan { closed_since: UnixMs(1_700_000_000_000), activity_since: UnixMs(0) };

    fn at(phase: Phase, after_id: u64) -> Cursor {
        Cursor { phase, after_id, total: 456 }
    }

    fn ids(numbers: &[u64]) -> Vec<String> {
        numbers.iter().map(u64::to_string).collect()
    }

    fn body(cursor: &Cursor) -> Json {
        let Body::Json(body) = query(cursor, &PLAN, 50).body else { panic!("a JSON body") };
        body
    }

    #[test]
    fn each_phase_has_its_query() {
        insta::assert_snapshot!(body(&at(Phase::Open, 0)), @r#"
        {"filterGroups":[{"filters":[{"operator":"NEQ","propertyName":"hs_is_closed","value":"true"},{"operator":"GT","propertyName":"hs_object_id","value":"0"}]},{"filters":[{"operator":"NOT_HAS_PROPERTY","propertyName":"hs_is_closed"},{"operator":"GT","propertyName":"hs_object_id","value":"0"}]}],"limit":50,"properties":["hs_lastmodifieddate"],"sorts":[{"direction":"ASCENDING","propertyName":"hs_object_id"}]}
        "#);
        insta::assert_snapshot!(body(&at(Phase::Closed, 99)), @r#"
        {"filterGroups":[{"filters":[{"operator":"EQ","propertyName":"hs_is_closed","value":"true"},{"operator":"GTE","propertyName":"closedate","value":"1700000000000"},{"operator":"GT","propertyName":"hs_object_id","value":"99"}]}],"limit":50,"properties":["hs_lastmodifieddate"],"sorts":[{"direction":"ASCENDING","propertyName":"hs_object_id"}]}
        "#);
    }

    #[test]
    fn it_goes_on_behind_the_highest_id() {
        let next = advance(&at(Phase::Open, 0), &ids(&[5, 546_500_061_938]), true);
        assert_eq!(next, Ok(Some(at(Phase::Open, 546_500_061_938))));
        let closed = advance(&at(Phase::Open, 7), &ids(&[8]), false);
        assert_eq!(closed, Ok(Some(at(Phase::Closed, 0))));
        assert_eq!(advance(&at(Phase::Open, 7), &[], false), Ok(Some(at(Phase::Closed, 0))));
        assert_eq!(advance(&at(Phase::Closed, 7), &ids(&[8]), false), Ok(None));
    }

    #[test]
    fn the_first_page_of_open_deals_completes_the_total() {
        assert_eq!(with_open(at(Phase::Open, 0), Some(44)).total, 500);
        assert_eq!(with_open(at(Phase::Open, 0), None).total, 456);
        assert_eq!(with_open(at(Phase::Open, 7), Some(44)).total, 456);
        assert_eq!(with_open(at(Phase::Closed, 0), Some(44)).total, 456);
    }

    #[test]
    fn it_never_goes_round_in_circles() {
        assert!(advance(&at(Phase::Open, 7), &ids(&[7, 3]), true).is_err());
        assert!(advance(&at(Phase::Open, 7), &["x".to_owned()], true).is_err());
    }

    #[test]
    fn a_cursor_survives_as_text() {
        let cursor = at(Phase::Closed, u64::MAX);
        insta::assert_snapshot!(text(&cursor), @r#"
        {"phase":"closed","after_id":18446744073709551615,"total":456}
        "#);
        assert_eq!(serde_json::from_str::<Cursor>(&text(&cursor)).expect("a cursor"), cursor);
    }
}
