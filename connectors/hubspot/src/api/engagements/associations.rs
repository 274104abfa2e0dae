//! Which records are tied to which.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use touchline_kit::CallError;

use crate::api::line::{Bucket, Line, Request};
use crate::api::paths;
use crate::api::wire::{Id, Page, Paging};

/// The most records in one read.
const BATCH_MAX: usize = 1_000;
/// How often a read goes on for records with very many ties.
const ROUNDS_MAX: usize = 3;

/// The ids of type `to` that each of these records of type `from` is tied to.
/// Records tied to nothing are not listed. `None` when HubSpot could not tell
/// for some of them, or one has more ties than [`ROUNDS_MAX`] rounds read.
pub(crate) async fn associated(
    line: &Line<'_>,
    from: &str,
    to: &str,
    ids: &[String],
) -> Result<Option<BTreeMap<String, Vec<String>>>, CallError> {
    let mut out: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for chunk in ids.chunks(BATCH_MAX) {
        let mut inputs: Vec<Value> = chunk.iter().map(|id| json!({"id": id})).collect();
        for _ in 0..ROUNDS_MAX {
            let body = json!({"inputs": inputs});
            let request = Request::ask(paths::associations(from, to), body, Bucket::Associations);
            let page: Page<Ties> = line.read(request).await?;
            if page.errors().iter().any(|one| !one.is_absence()) {
                return Ok(None);
            }
            inputs = page.results.iter().filter_map(Ties::next).collect();
            for ties in page.results {
                let to = ties.to.into_iter().map(|one| one.id.0);
                out.entry(ties.from.id.0).or_default().extend(to);
            }
            if inputs.is_empty() {
                break;
            }
        }
        if !inputs.is_empty() {
            return Ok(None);
        }
    }
    out.retain(|_, ids| !ids.is_empty());
    Ok(Some(out))
}

/// What one record is tied to.
#[derive(Debug, Deserialize)]
pub(super) struct Ties {
    from: From,
    #[serde(default)]
    to: Vec<To>,
    #[serde(default)]
    paging: Option<Paging>,
}

#[derive(Debug, Deserialize)]
struct From {
    id: Id,
}

#[derive(Debug, Deserialize)]
struct To {
    /// `id` is the older name.
    #[serde(rename = "toObjectId", alias = "id")]
    id: Id,
}

impl Ties {
    /// The input that asks for the rest.
    fn next(&self) -> Option<Value> {
        let after = self.paging.as_ref()?.after()?;
        Some(json!({"id": self.from.id.0, "after": after}))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_as_text_or_number_under_either_name() {
        let page: Page<Ties> = serde_json::from_str(
            r#"{"status":"COMPLETE","results":[
                {"from":{"id":"123"},"to":[
                  {"toObjectId":"501","associationTypes":[{"category":"HUBSPOT_DEFINED","typeId":3,"label":null}]},
                  {"toObjectId":502}],
                 "paging":{"next":{"after":"502","link":"https://example.com"}}},
                {"from":{"id":124},"to":[{"id":"503","type":"deal_to_task"}]}]}"#,
        )
        .expect("associations");
        let ids = |ties: &Ties| ties.to.iter().map(|one| one.id.0.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&page.results[0]), ["501", "502"]);
        assert_eq!(ids(&page.results[1]), ["503"]);
        assert_eq!(page.results[0].next(), Some(json!({"id": "123", "after": "502"})));
        assert_eq!(page.results[1].next(), None);
    }
}
