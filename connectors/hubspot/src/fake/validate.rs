//! What a property accepts, and the one form in which a value is stored.

use jiff::Timestamp;
use jiff::civil::Date;
use touchline_rules::UnixMs;

use super::catalog::DataType;
use super::error::FakeError;
use super::model::ObjectKind;
use super::store::Account;

/// The longest property value HubSpot takes, in characters.
const MAX_VALUE_CHARS: usize = 65_536;

/// Checks and normalises the values of a new record and adds defaults.
pub(super) fn for_create(
    account: &Account,
    kind: ObjectKind,
    values: &[(String, String)],
) -> Result<Vec<(String, String)>, FakeError> {
    let mut values = check(account, kind, values)?;
    if kind.is_activity()
        && !values.iter().any(|(name, value)| name == "hs_timestamp" && !value.is_empty())
    {
        return Err(FakeError::Required { kind, name: "hs_timestamp" });
    }
    if kind == ObjectKind::Task && !values.iter().any(|(name, _)| name == "hs_task_status") {
        values.push(("hs_task_status".into(), "NOT_STARTED".into()));
    }
    if kind == ObjectKind::Deal {
        let find =
            |name: &str| values.iter().find(|(known, _)| known == name).map(|(_, v)| v.clone());
        let pipeline = find("pipeline").unwrap_or_else(|| "default".into());
        let stage = find("dealstage");
        if find("pipeline").is_none() {
            values.push(("pipeline".into(), pipeline.clone()));
        }
        match stage {
            Some(stage) => check_stage(account, &pipeline, &stage)?,
            None => {
                let first = account
                    .pipelines
                    .iter()
                    .find(|known| known.id == pipeline)
                    .and_then(|known| known.stages.first());
                if let Some(first) = first {
                    values.push(("dealstage".into(), first.id.clone()));
                }
            }
        }
    }
    Ok(values)
}

/// Checks and normalises a change of a record.
pub(super) fn for_update(
    account: &Account,
    id: u64,
    values: &[(String, String)],
) -> Result<Vec<(String, String)>, FakeError> {
    let Some(record) = account.records.get(&id) else {
        return Err(FakeError::NoRecord { id });
    };
    let values = check(account, record.kind, values)?;
    let find = |name: &str| values.iter().find(|(known, _)| known == name).map(|(_, v)| v.as_str());
    if record.kind == ObjectKind::Deal
        && let Some(stage) = find("dealstage")
    {
        let pipeline = find("pipeline").or(record.stored("pipeline")).unwrap_or("default");
        check_stage(account, pipeline, stage)?;
    }
    Ok(values)
}

fn check(
    account: &Account,
    kind: ObjectKind,
    values: &[(String, String)],
) -> Result<Vec<(String, String)>, FakeError> {
    values
        .iter()
        .map(|(name, value)| {
            let known = account.properties.get(&kind).and_then(|of_kind| of_kind.get(name));
            let Some(property) = known else {
                return Err(FakeError::UnknownProperty { kind, name: name.clone() });
            };
            if property.calculated {
                return Err(invalid(name, value, "READ_ONLY_VALUE", "HubSpot keeps this property"));
            }
            Ok((name.clone(), normalise(account, name, property.data, value)?))
        })
        .collect()
}

fn normalise(
    account: &Account,
    name: &str,
    data: DataType,
    value: &str,
) -> Result<String, FakeError> {
    if value.is_empty() {
        return Ok(String::new());
    }
    if value.chars().count() > MAX_VALUE_CHARS {
        return Err(invalid(name, "", "PROPERTY_VALUE_TOO_LONG", "longer than 65,536 characters"));
    }
    match data {
        DataType::Text => Ok(value.to_owned()),
        DataType::Number => match value.parse::<rust_decimal::Decimal>() {
            Ok(_) => Ok(value.to_owned()),
            Err(_) => Err(invalid(name, value, "INVALID_LONG", "not a number")),
        },
        DataType::DateTime => match parse_time(value) {
            Some(at) => Ok(at.to_string()),
            None => Err(invalid(name, value, "INVALID_DATE", "neither milliseconds nor ISO 8601")),
        },
        DataType::Bool if value == "true" || value == "false" => Ok(value.to_owned()),
        DataType::Bool => Err(invalid(name, value, "INVALID_OPTION", "neither true nor false")),
        DataType::Choice => check_choice(account, name, value),
    }
}

fn check_choice(account: &Account, name: &str, value: &str) -> Result<String, FakeError> {
    let allowed = match name {
        "pipeline" => account.pipelines.iter().any(|pipeline| pipeline.id == value),
        "hubspot_owner_id" => account.owners.iter().any(|owner| owner.id.to_string() == value),
        "hs_task_status" => {
            ["NOT_STARTED", "IN_PROGRESS", "WAITING", "COMPLETED", "DEFERRED"].contains(&value)
        }
        "hs_task_priority" => ["NONE", "LOW", "MEDIUM", "HIGH"].contains(&value),
        "hs_task_type" => ["EMAIL", "CALL", "TODO"].contains(&value),
        "hs_email_direction" => ["EMAIL", "INCOMING_EMAIL", "FORWARDED_EMAIL"].contains(&value),
        "hs_call_direction" => ["INBOUND", "OUTBOUND"].contains(&value),
        _ => true,
    };
    if allowed {
        Ok(value.to_owned())
    } else {
        Err(invalid(name, value, "INVALID_OPTION", "not one of the allowed options"))
    }
}

fn check_stage(account: &Account, pipeline: &str, stage: &str) -> Result<(), FakeError> {
    let known = account
        .pipelines
        .iter()
        .filter(|known| known.id == pipeline)
        .any(|known| known.stages.iter().any(|of| of.id == stage));
    if known {
        Ok(())
    } else {
        let why = format!("pipeline {pipeline} has no such stage");
        Err(FakeError::InvalidValue {
            name: "dealstage".into(),
            value: stage.to_owned(),
            code: "INVALID_OPTION",
            why,
        })
    }
}

fn invalid(name: &str, value: &str, code: &'static str, why: &str) -> FakeError {
    FakeError::InvalidValue { name: name.into(), value: value.into(), code, why: why.into() }
}

/// Milliseconds, an ISO 8601 instant or a plain date (midnight UTC).
pub(super) fn parse_time(text: &str) -> Option<UnixMs> {
    if let Ok(ms) = text.parse::<i64>() {
        return Timestamp::from_millisecond(ms).ok().map(UnixMs::from);
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.into());
    }
    let midnight = text.parse::<Date>().ok()?.to_datetime(jiff::civil::Time::midnight());
    jiff::tz::TimeZone::UTC.to_timestamp(midnight).ok().map(UnixMs::from)
}
