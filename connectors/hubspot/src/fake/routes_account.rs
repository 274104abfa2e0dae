//! What an account is made of: pipelines, owners, properties, its own details.

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::answer::{ApiAnswer, ApiError};
use super::http::Call;
use super::model::{ObjectKind, Owner, Pipeline, Stage};
use super::object_json as shape;
use super::routes_objects::{page_size, wrong_method};

/// Page sizes of owners; the maximum is from memory.
const DEFAULT_OWNERS: usize = 100;
const MAX_OWNERS: usize = 500;

/// HubSpot's own pipelines say they were made at the epoch.
const EPOCH: &str = "1970-01-01T00:00:00Z";

pub(super) fn pipelines(call: &Call<'_>, rest: &[&str]) -> Result<ApiAnswer, ApiError> {
    let (kind, rest) = match rest {
        [kind, rest @ ..] if call.request.method == "GET" => (shape::kind(kind)?, rest),
        _ => return Err(wrong_method(call)),
    };
    call.need(kind, false)?;
    let all: &[Pipeline] = if kind == ObjectKind::Deal { &call.account.pipelines } else { &[] };
    let find = |id: &str| {
        all.iter()
            .enumerate()
            .find(|(_, pipeline)| pipeline.id == id)
            .ok_or_else(|| ApiError::not_found(format!("no pipeline {id}")))
    };
    let body = match rest {
        [] => {
            let results: Vec<Value> =
                all.iter().enumerate().map(|(order, one)| pipeline_json(order, one)).collect();
            json!({ "results": results })
        }
        [id] => {
            let (order, pipeline) = find(id)?;
            pipeline_json(order, pipeline)
        }
        [id, "stages"] => json!({ "results": stages_json(find(id)?.1) }),
        [id, "stages", stage] => stages_json(find(id)?.1)
            .into_iter()
            .find(|known| known["id"] == **stage)
            .ok_or_else(|| ApiError::not_found(format!("no stage {stage}")))?,
        _ => return Err(wrong_method(call)),
    };
    Ok(ApiAnswer::ok(body))
}

fn pipeline_json(order: usize, pipeline: &Pipeline) -> Value {
    json!({
        "id": pipeline.id,
        "label": pipeline.label,
        "displayOrder": order,
        "archived": false,
        "createdAt": EPOCH,
        "updatedAt": EPOCH,
        "stages": stages_json(pipeline),
    })
}

fn stages_json(pipeline: &Pipeline) -> Vec<Value> {
    let stage = |(order, stage): (usize, &Stage)| {
        json!({
            "id": stage.id,
            "label": stage.label,
            "displayOrder": order,
            "archived": false,
            "createdAt": EPOCH,
            "updatedAt": EPOCH,
            "metadata": {
                "isClosed": stage.closed.to_string(),
                "probability": stage.probability(),
            },
            "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
        })
    };
    pipeline.stages.iter().enumerate().map(stage).collect()
}

pub(super) fn owners(call: &Call<'_>, rest: &[&str]) -> Result<ApiAnswer, ApiError> {
    call.need_scope("crm.objects.owners.read")?;
    let archived = call.request.param("archived") == Some("true");
    let mut owners: Vec<&Owner> =
        call.account.owners.iter().filter(|owner| owner.archived == archived).collect();
    owners.sort_by_key(|owner| owner.id);
    match rest {
        [] if call.request.method == "GET" => {}
        [id] if call.request.method == "GET" => {
            let by_user = call.request.param("idProperty") == Some("userId");
            let found = owners.into_iter().find(|owner| match by_user {
                true => owner.user_id.to_string() == **id,
                false => owner.id.to_string() == **id,
            });
            let owner = found.ok_or_else(|| ApiError::not_found(format!("no owner {id}")))?;
            return Ok(ApiAnswer::ok(owner_json(owner)));
        }
        _ => return Err(wrong_method(call)),
    }
    if let Some(email) = call.request.param("email") {
        owners.retain(|owner| owner.email.eq_ignore_ascii_case(email));
    }
    let limit = page_size(call, DEFAULT_OWNERS, MAX_OWNERS)?;
    let after: u64 = call.request.param("after").and_then(|a| a.parse().ok()).unwrap_or(0);
    let mut page = owners.into_iter().filter(|owner| owner.id > after);
    let shown: Vec<&Owner> = page.by_ref().take(limit).collect();
    let results: Vec<Value> = shown.iter().map(|owner| owner_json(owner)).collect();
    let mut body = json!({ "results": results });
    if let (Some(_), Some(last)) = (page.next(), shown.last()) {
        let after = last.id.to_string();
        let link = format!("https://api.hubapi.com/crm/v3/owners/?limit={limit}&after={after}");
        body["paging"] = json!({ "next": { "after": after, "link": link } });
    }
    Ok(ApiAnswer::ok(body))
}

fn owner_json(owner: &Owner) -> Value {
    let mut shown = json!({
        "id": owner.id.to_string(),
        "email": owner.email,
        "type": "PERSON",
        "firstName": owner.first_name,
        "lastName": owner.last_name,
        "userIdIncludingInactive": owner.user_id,
        "createdAt": EPOCH,
        "updatedAt": EPOCH,
        "archived": owner.archived,
    });
    // A deactivated owner no longer has a user (from memory).
    if !owner.archived {
        shown["userId"] = json!(owner.user_id);
    }
    if let Some(team) = &owner.team {
        shown["teams"] = json!([{ "id": "9", "name": team, "primary": true }]);
    }
    shown
}

pub(super) fn properties(call: &Call<'_>, rest: &[&str]) -> Result<ApiAnswer, ApiError> {
    let (kind, rest) = match rest {
        [kind, rest @ ..] if call.request.method == "GET" => (shape::kind(kind)?, rest),
        _ => return Err(wrong_method(call)),
    };
    call.need(kind, false)?;
    let known = call.account.properties.get(&kind).into_iter().flat_map(|known| known.values());
    let mut shown = known.map(|property| {
        let (data, field) = property.data.names();
        json!({
            "name": property.name,
            "label": property.label,
            "type": data,
            "fieldType": field,
            "description": "",
            "groupName": format!("{}information", kind.singular()),
            "options": [],
            "displayOrder": -1,
            "calculated": property.calculated,
            "externalOptions": property.name == "hubspot_owner_id",
            "hasUniqueValue": property.name == "hs_object_id",
            "hidden": false,
            "hubspotDefined": property.hubspot_defined,
            "formField": false,
            "archived": false,
            "modificationMetadata": {
                "archivable": !property.hubspot_defined,
                "readOnlyDefinition": property.hubspot_defined,
                "readOnlyValue": property.calculated,
            },
        })
    });
    match rest {
        [] => Ok(ApiAnswer::ok(json!({ "results": shown.collect::<Vec<_>>() }))),
        [name] => shown
            .find(|property| property["name"] == **name)
            .map(ApiAnswer::ok)
            .ok_or_else(|| ApiError::not_found(format!("Property {name} does not exist"))),
        _ => Err(wrong_method(call)),
    }
}

/// `/account-info/…/details`. All of it from memory.
pub(super) fn details(
    call: &Call<'_>,
    rest: &[&str],
    zone: &TimeZone,
) -> Result<ApiAnswer, ApiError> {
    if rest != ["details"] || call.request.method != "GET" {
        return Err(wrong_method(call));
    }
    let offset_s = call.now.to_zoned(zone).offset().seconds();
    let (sign, minutes) = (if offset_s < 0 { '-' } else { '+' }, offset_s.abs() / 60);
    Ok(ApiAnswer::ok(json!({
        "portalId": call.config.portal_id,
        "accountType": "STANDARD",
        "timeZone": call.config.time_zone,
        "companyCurrency": call.config.currency,
        "additionalCurrencies": [],
        "utcOffset": format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60),
        "utcOffsetMilliseconds": i64::from(offset_s) * 1_000,
        "uiDomain": "app.hubspot.com",
        "dataHostingLocation": "na1",
    })))
}
