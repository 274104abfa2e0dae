//! What the demo prints.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use touchline_hubspot::fake::Record;
use touchline_rules::UnixMs;
use touchline_slack::fake::FakeMessage;

use super::company::{Company, Member};

/// What a reader begins with.
#[must_use]
pub fn opening(company: &Company) -> String {
    let (sellers, managers) = (company.sellers, company.members.len() - company.sellers);
    format!(
        "A made-up company: {sellers} sellers and {managers} managers with a fake HubSpot and a fake Slack.\n\
         Everything else is the service as you would run it. Each message is shown when its\n\
         reader gets it, by the reader's own clock; what people answer follows.\n"
    )
}

/// A message as its reader sees it, with the reader's own wall clock.
#[must_use]
pub fn message(message: &FakeMessage, zone: &str) -> String {
    let what = format!("Slack to {}", message.user_name);
    framed(&head(message.posted_at, zone, &what), &message.reads())
}

/// A message that was said before to others in the same words.
#[must_use]
pub fn same_again(message: &FakeMessage, zone: &str) -> String {
    let what = format!("Slack to {}: the same hello", message.user_name);
    format!("{}\n", head(message.posted_at, zone, &what))
}

/// What an edit brought into a message; `did` is what its reader had clicked.
/// `None` for an edit that shows nothing new.
#[must_use]
pub fn edit(message: &FakeMessage, zone: &str, did: Option<&str>) -> Option<String> {
    let before = message.reads_before();
    let known: Vec<&str> = before.lines().collect();
    let now = message.reads();
    let new: Vec<&str> = now.lines().filter(|line| !known.contains(line)).collect();
    if new.is_empty() {
        return None;
    }
    let name = &message.user_name;
    let what = match did {
        Some(control) => format!("{name} chooses “{control}”"),
        None => format!("an earlier message to {name} changes"),
    };
    let at = message.edited_at.unwrap_or(message.posted_at);
    Some(framed(&head(at, zone, &what), &new.join("\n")))
}

/// A task as its owner finds it in the CRM.
#[must_use]
pub fn task(task: &Record, owner: Option<&Member>) -> String {
    let zone = owner.map_or("UTC", |owner| owner.zone);
    let name = owner.map_or("nobody", |owner| &owner.name);
    let due = task
        .time("hs_timestamp")
        .map_or_else(String::new, |due| format!("\nDue {}", clock(due, zone)));
    let subject = task.stored("hs_task_subject").unwrap_or_default();
    let head = head(task.created_at, zone, &format!("HubSpot task for {name}"));
    framed(&head, &format!("{subject}{due}"))
}

fn head(at: UnixMs, zone: &str, what: &str) -> String {
    format!("── {} · {what} ──", clock(at, zone))
}

fn framed(head: &str, content: &str) -> String {
    let mut out = format!("{head}\n");
    for line in content.lines() {
        let _ = writeln!(out, "{}", format!("  │ {line}").trim_end());
    }
    out
}

fn clock(at: UnixMs, zone: &str) -> String {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    at.to_zoned(&zone).strftime("%a %-d %b %H:%M %Z").to_string()
}
