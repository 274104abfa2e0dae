//! The values that HubSpot works out itself.

use std::collections::BTreeMap;

use touchline_rules::UnixMs;

use super::model::{Actor, ObjectKind, Pipeline, Record};
use super::store::Account;
use super::validate::parse_time;

fn calculated() -> Actor {
    Actor { change_source: "CALCULATED".into(), source_id: None, user_id: None, occurred_at: None }
}

/// Keeps a deal's stage dates, closed flags and probability after its stage may
/// have moved from `before`.
pub(super) fn follow_stage(
    pipelines: &[Pipeline],
    deal: &mut Record,
    before: Option<&str>,
    at: UnixMs,
) {
    let Some(stage_id) = deal.stored("dealstage").map(str::to_owned) else { return };
    if before == Some(stage_id.as_str()) {
        return;
    }
    let by = calculated();
    if let Some(left) = before {
        let entered = deal.stored(&format!("hs_v2_date_entered_{left}")).and_then(parse_time);
        let spent_ms = entered.map_or(0, |since| at.since_ms(since).max(0));
        let total = format!("hs_v2_cumulative_time_in_{left}");
        let earlier_ms = deal.stored(&total).and_then(|text| text.parse().ok()).unwrap_or(0_i64);
        deal.put(&format!("hs_v2_date_exited_{left}"), &at.to_string(), at, &by);
        deal.put(&format!("hs_v2_latest_time_in_{left}"), &spent_ms.to_string(), at, &by);
        deal.put(&total, &earlier_ms.saturating_add(spent_ms).to_string(), at, &by);
    }
    deal.put(&format!("hs_v2_date_entered_{stage_id}"), &at.to_string(), at, &by);
    deal.put(&format!("hs_v2_date_exited_{stage_id}"), "", at, &by);
    deal.put("hs_v2_date_entered_current_stage", &at.to_string(), at, &by);
    let stage = pipelines.iter().flat_map(|known| &known.stages).find(|known| known.id == stage_id);
    if let Some(stage) = stage {
        deal.put("hs_is_closed", &stage.closed.to_string(), at, &by);
        deal.put("hs_is_closed_won", &stage.is_won().to_string(), at, &by);
        deal.put("hs_is_closed_lost", &stage.is_lost().to_string(), at, &by);
        deal.put("hs_deal_stage_probability", &stage.probability(), at, &by);
    }
}

/// Keeps the completion date of a task.
pub(super) fn follow_task(task: &mut Record, at: UnixMs) {
    let done = task.stored("hs_task_status") == Some("COMPLETED");
    match (done, task.stored("hs_task_completion_date").is_some()) {
        (true, false) => {
            task.put("hs_task_completion_date", &at.to_string(), at, &calculated());
        }
        (false, true) => {
            task.put("hs_task_completion_date", "", at, &calculated());
        }
        _ => {}
    }
}

/// The values of a record without those that depend on other records.
pub(super) fn flat(record: &Record) -> BTreeMap<String, String> {
    let mut values: BTreeMap<String, String> = record
        .values
        .keys()
        .filter_map(|name| Some((name.clone(), record.stored(name)?.to_owned())))
        .collect();
    for name in record.kind.kept_properties() {
        if let Some(value) = own_value(record, name) {
            values.insert(name.to_owned(), value);
        }
    }
    values
}

/// A value that needs this record only.
pub(super) fn own_value(record: &Record, name: &str) -> Option<String> {
    match name {
        "hs_object_id" => Some(record.id.to_string()),
        _ if name == record.kind.modified_property() => Some(record.updated_at.to_string()),
        _ => match record.stored(name) {
            Some(value) => Some(value.to_owned()),
            None if name == record.kind.created_property() => Some(record.created_at.to_string()),
            None => None,
        },
    }
}

/// What a deal's activities say about it at one instant.
#[derive(Debug, Default, PartialEq, Eq)]
struct Rollup {
    last: Option<UnixMs>,
    contacted: Option<UnixMs>,
    next: Option<UnixMs>,
    activities: u32,
    contacts_made: u32,
    contacts: u32,
}

impl Account {
    /// The present value of a property, derived ones included.
    pub fn value(&self, record: &Record, name: &str, now: UnixMs) -> Option<String> {
        if name == "hs_v2_time_in_current_stage" {
            let entered = record.stored("hs_v2_date_entered_current_stage").and_then(parse_time)?;
            return Some(now.since_ms(entered).max(0).to_string());
        }
        if record.kind != ObjectKind::Deal || !is_rolled_up(name) {
            return own_value(record, name);
        }
        let rollup = self.roll_up(record, now);
        match name {
            "notes_last_updated" => rollup.last.map(|at| at.to_string()),
            "notes_last_contacted" => rollup.contacted.map(|at| at.to_string()),
            "notes_next_activity_date" => rollup.next.map(|at| at.to_string()),
            "num_notes" => Some(rollup.activities.to_string()),
            "num_contacted_notes" => Some(rollup.contacts_made.to_string()),
            _ => Some(rollup.contacts.to_string()),
        }
    }

    /// Last activity: what has happened, and tasks when made and when done.
    /// Last contacted: e-mails sent, calls and meetings. Next: open tasks and
    /// meetings ahead. That tasks count for the last activity is from memory.
    fn roll_up(&self, deal: &Record, now: UnixMs) -> Rollup {
        let mut rollup = Rollup::default();
        for other in deal.links.keys().filter_map(|id| self.records.get(id)) {
            if !other.is_live() {
                continue;
            }
            let at = other.stored("hs_timestamp").and_then(parse_time);
            match other.kind {
                ObjectKind::Contact => rollup.contacts += 1,
                ObjectKind::Company | ObjectKind::Deal => {}
                ObjectKind::Task => {
                    rollup.activities += 1;
                    let done = other.stored("hs_task_completion_date").and_then(parse_time);
                    rollup.last = rollup.last.max(Some(other.created_at)).max(done);
                    if done.is_none() {
                        rollup.next = earliest_after(rollup.next, at, now);
                    }
                }
                kind => {
                    rollup.activities += 1;
                    let past = at.filter(|at| *at <= now);
                    rollup.last = rollup.last.max(past);
                    let inbound = other.stored("hs_email_direction") == Some("INCOMING_EMAIL");
                    if kind != ObjectKind::Note && !inbound && past.is_some() {
                        rollup.contacts_made += 1;
                        rollup.contacted = rollup.contacted.max(past);
                    }
                    if kind == ObjectKind::Meeting {
                        rollup.next = earliest_after(rollup.next, at, now);
                    }
                }
            }
        }
        rollup
    }
}

fn is_rolled_up(name: &str) -> bool {
    matches!(
        name,
        "notes_last_updated"
            | "notes_last_contacted"
            | "notes_next_activity_date"
            | "num_notes"
            | "num_contacted_notes"
            | "num_associated_contacts"
    )
}

fn earliest_after(best: Option<UnixMs>, at: Option<UnixMs>, now: UnixMs) -> Option<UnixMs> {
    match (best, at.filter(|at| *at > now)) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
