//! Pipelines, stages, owners and the account around the deals.

use serde::Deserialize;
use touchline_kit::{CallError, mapping};
use touchline_rules::facts::{Metadata, Owner, Pipeline, Stage, StageKind};

use super::line::{Line, Request};
use super::paths;
use super::wire::{Id, Page, Text};
use crate::settings::Settings;

/// Owners on one page.
const OWNERS_PER_PAGE: &str = "100";
/// The most pages of owners that are read, active and archived each.
const OWNER_PAGES_MAX: usize = 100;

/// One cheap call, and what an admin reads of it.
pub(super) async fn self_test(line: &Line<'_>) -> Result<String, CallError> {
    let pipelines: Page<WirePipeline> = line.read(Request::get(paths::PIPELINES, &[])).await?;
    let found = stage_order(pipelines.results);
    let stages: usize = found.iter().map(|one| one.stages.len()).sum();
    let pipelines = counted(found.len(), "deal pipeline");
    Ok(format!("HubSpot answers: {pipelines} with {}", counted(stages, "stage")))
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Reads all of it.
pub(super) async fn read(line: &Line<'_>) -> Result<Metadata, CallError> {
    let pipelines: Page<WirePipeline> = line.read(Request::get(paths::PIPELINES, &[])).await?;
    let mut owners = owners(line, false).await?;
    owners.extend(self::owners(line, true).await?);
    owners.sort_by(|a, b| (&a.id, a.archived).cmp(&(&b.id, b.archived)));
    owners.dedup_by(|later, first| later.id == first.id);
    let account = account(line).await?;
    let mut metadata = Metadata {
        account_id: Settings::of(line.on)
            .portal_id
            .or(account.portal_id.map(|id| id.0))
            .or_else(|| line.on.metadata.account_id.clone()),
        time_zone: account.time_zone.or_else(|| line.on.metadata.time_zone.clone()),
        currency: account.company_currency.or_else(|| line.on.metadata.currency.clone()),
        pipelines: stage_order(pipelines.results),
        owners,
        unmapped: Vec::new(),
    };
    mapping::apply(&mut metadata, &line.on.settings);
    Ok(metadata)
}

async fn owners(line: &Line<'_>, archived: bool) -> Result<Vec<Owner>, CallError> {
    let mut owners = Vec::new();
    let mut after: Option<String> = None;
    for _ in 0..OWNER_PAGES_MAX {
        let flag = if archived { "true" } else { "false" };
        let mut query = vec![("limit", OWNERS_PER_PAGE), ("archived", flag)];
        query.extend(after.as_deref().map(|after| ("after", after)));
        let page: Page<WireOwner> = line.read(Request::get(paths::OWNERS, &query)).await?;
        after = page.after().map(str::to_owned);
        owners.extend(page.results.into_iter().map(|one| owner(one, archived)));
        if after.is_none() {
            return Ok(owners);
        }
    }
    tracing::warn!(connection.name = %line.on.name, "only the first {} owners were read", owners.len());
    Ok(owners)
}

/// The account's own figures. Touchline works without them (the zone then
/// comes from configuration), so a refusal is put up with.
async fn account(line: &Line<'_>) -> Result<WireAccount, CallError> {
    match line.read(Request::get(paths::ACCOUNT, &[])).await {
        Err(CallError::NotFound { .. } | CallError::Forbidden { .. }) => Ok(WireAccount::default()),
        other => other,
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireAccount {
    portal_id: Option<Id>,
    time_zone: Option<String>,
    company_currency: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WirePipeline {
    id: String,
    #[serde(default)]
    label: Text,
    #[serde(default)]
    display_order: Option<i64>,
    #[serde(default)]
    archived: Option<bool>,
    #[serde(default)]
    stages: Option<Vec<WireStage>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireStage {
    id: String,
    #[serde(default)]
    label: Text,
    #[serde(default)]
    display_order: Option<i64>,
    #[serde(default)]
    archived: Option<bool>,
    #[serde(default)]
    metadata: Option<StageMetadata>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct StageMetadata {
    is_closed: Text,
    probability: Text,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireOwner {
    id: Id,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    first_name: Option<String>,
    #[serde(default)]
    last_name: Option<String>,
    #[serde(default)]
    user_id: Option<Id>,
    #[serde(default)]
    user_id_including_inactive: Option<Id>,
    #[serde(default)]
    archived: Option<bool>,
}

fn stage_order(mut pipelines: Vec<WirePipeline>) -> Vec<Pipeline> {
    pipelines.retain(|one| one.archived != Some(true));
    pipelines.sort_by_key(|one| one.display_order.unwrap_or(i64::MAX));
    pipelines.into_iter().map(pipeline).collect()
}

fn pipeline(wire: WirePipeline) -> Pipeline {
    let mut stages = wire.stages.unwrap_or_default();
    stages.retain(|one| one.archived != Some(true));
    stages.sort_by_key(|one| one.display_order.unwrap_or(i64::MAX));
    Pipeline {
        label: wire.label.0.unwrap_or_else(|| wire.id.clone()),
        id: wire.id,
        stages: stages.into_iter().map(stage).collect(),
    }
}

fn stage(wire: WireStage) -> Stage {
    Stage {
        label: wire.label.0.unwrap_or_else(|| wire.id.clone()),
        kind: stage_kind(&wire.metadata.unwrap_or_default()),
        id: wire.id,
        phase: None,
    }
}

/// Won is closed with a probability of 1. Accounts older than `isClosed` tell
/// by the probability alone.
fn stage_kind(metadata: &StageMetadata) -> StageKind {
    let probability = metadata.probability.0.as_deref().and_then(|one| one.trim().parse().ok());
    let is_certain = probability.is_some_and(|one: f64| one >= 1.0);
    let is_hopeless = probability.is_some_and(|one: f64| one <= 0.0);
    match metadata.is_closed.0.as_deref() {
        Some("true") if is_certain => StageKind::Won,
        Some("true") => StageKind::Lost,
        Some("false") => StageKind::Open,
        _ if is_certain => StageKind::Won,
        _ if is_hopeless => StageKind::Lost,
        _ => StageKind::Open,
    }
}

fn owner(wire: WireOwner, archived: bool) -> Owner {
    let email = wire.email.map(|one| one.trim().to_lowercase()).filter(|one| !one.is_empty());
    let names = [wire.first_name, wire.last_name].into_iter().flatten();
    let names: Vec<_> =
        names.map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()).collect();
    let name = if names.is_empty() {
        email.clone().unwrap_or_else(|| wire.id.0.clone())
    } else {
        names.join(" ")
    };
    Owner {
        id: wire.id.0,
        user_id: wire.user_id.or(wire.user_id_including_inactive).map(|id| id.0),
        email,
        name,
        archived: wire.archived.unwrap_or(archived),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(metadata: &str) -> StageKind {
        stage_kind(&serde_json::from_str(metadata).expect("metadata"))
    }

    #[test]
    fn stages_are_open_won_or_lost() {
        assert_eq!(kind(r#"{"isClosed":"false","probability":"0.9"}"#), StageKind::Open);
        assert_eq!(kind(r#"{"isClosed":"true","probability":"1.0"}"#), StageKind::Won);
        assert_eq!(kind(r#"{"isClosed":"true","probability":"0.0"}"#), StageKind::Lost);
        assert_eq!(kind(r#"{"isClosed":true,"probability":1}"#), StageKind::Won);
        assert_eq!(kind(r#"{"isClosed":"true"}"#), StageKind::Lost);
        assert_eq!(kind(r#"{"isClosed":"false","probability":"1.0"}"#), StageKind::Open);
        assert_eq!(kind(r#"{"probability":"1.0"}"#), StageKind::Won);
        assert_eq!(kind(r#"{"probability":"0.0"}"#), StageKind::Lost);
        assert_eq!(kind(r#"{"probability":"soon"}"#), StageKind::Open);
        assert_eq!(kind("{}"), StageKind::Open);
    }

    #[test]
    fn pipelines_come_in_display_order_without_archived_parts() {
        let page: Page<WirePipeline> = serde_json::from_str(
            r#"{"results":[
                {"id":"renewals","label":"Renewals","displayOrder":1,"archived":false,"stages":[]},
                {"id":"old","label":"Old","displayOrder":2,"archived":true,"stages":[]},
                {"id":"default","label":"Sales Pipeline","displayOrder":0,"stages":[
                  {"id":"closedwon","label":"Closed won","displayOrder":2,
                   "metadata":{"isClosed":"true","probability":"1.0"}},
                  {"id":"gone","label":"Gone","displayOrder":1,"archived":true},
                  {"id":"contractsent","label":"Contract sent","displayOrder":0,
                   "metadata":{"isClosed":"false","probability":"0.9"}}]}]}"#,
        )
        .expect("pipelines");
        insta::assert_debug_snapshot!(stage_order(page.results), @r#"
        [
            Pipeline {
                id: "default",
                label: "Sales Pipeline",
                stages: [
                    Stage {
                        id: "contractsent",
                        label: "Contract sent",
                        kind: Open,
                        phase: None,
                    },
                    Stage {
                        id: "closedwon",
                        label: "Closed won",
                        kind: Won,
                        phase: None,
                    },
                ],
            },
            Pipeline {
                id: "renewals",
                label: "Renewals",
                stages: [],
            },
        ]
        "#);
    }

    #[test]
    fn owners_have_two_ids_and_a_name() {
        let read = |text: &str| owner(serde_json::from_str(text).expect("an owner"), false);
        let full = read(
            r#"{"id":"42","email":"Seller0@Example.com","type":"PERSON","firstName":"Robin",
                "lastName":" Field ","userId":7,"archived":false}"#,
        );
        assert_eq!(full.name, "Robin Field");
        assert_eq!(full.email.as_deref(), Some("seller0@example.com"));
        assert_eq!(full.user_id.as_deref(), Some("7"));
        let left = read(
            r#"{"id":43,"email":"","firstName":null,"userId":null,
                "userIdIncludingInactive":8,"archived":true}"#,
        );
        assert_eq!((left.id.as_str(), left.name.as_str()), ("43", "43"));
        assert_eq!((left.email, left.archived), (None, true));
        assert_eq!(left.user_id.as_deref(), Some("8"));
    }
}
