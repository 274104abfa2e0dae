//! What hangs, failed, or went nobody knows where.

use std::collections::BTreeSet;

use touchline_rules::UnixMs;
use touchline_rules::time::MINUTE_MS;

use super::findings::{Findings, lasting, tell_reasons};
use crate::coaching::deliveries::{CHAT, HELLO};
use crate::store::{DeliveryRow, DeliveryState, HoldReport, Store};

/// A delivery that should have gone out by then hangs.
const OVERDUE_MS: i64 = 15 * MINUTE_MS;
/// Deliveries of one state that are looked at.
const DELIVERIES_MAX: usize = 1_000;
/// Open mass changes that are told of.
const HOLDS_MAX: usize = 50;

/// Tells of them.
pub(super) async fn deliveries(
    store: &Store,
    now: UnixMs,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let in_state = |state| store.deliveries_in(state, DELIVERIES_MAX);
    let waiting = in_state(DeliveryState::Waiting).await?;
    let unknown = in_state(DeliveryState::Unknown).await?;
    let failed = in_state(DeliveryState::Failed).await?;

    let not_introduced = hellos(waiting.iter().chain(unknown.iter()));
    let introduction_failed = hellos(failed.iter());
    let is_overdue = |row: &&DeliveryRow| row.until.plus_ms(OVERDUE_MS) < now;
    // What waits for an introduction is due from the moment it was decided.
    let overdue = waiting.iter().filter(is_overdue).filter(|row| !is_behind(row, &not_introduced));
    let (behind, overdue): (Vec<_>, Vec<_>) =
        overdue.partition(|row| is_behind(row, &introduction_failed));

    if !overdue.is_empty() {
        let finding = findings.bad(format!("deliveries overdue: {}", overdue.len()));
        tell_reasons(overdue.iter().map(|row| row.why.as_str()), &mut finding.details);
        finding.hint("see whether the connection that sends them is well");
    }
    if !unknown.is_empty() {
        let finding = findings.warn(format!(
            "deliveries of which it is not known whether they arrived: {}",
            unknown.len()
        ));
        tell_reasons(unknown.iter().map(|row| row.why.as_str()), &mut finding.details);
        if unknown.iter().any(DeliveryRow::is_left_alone) {
            finding.hint("`touchline admin deliveries list`, then discard those that nobody looks into any more: they count as sent");
        }
    }
    if !failed.is_empty() {
        let finding = findings.bad(format!("failed deliveries: {}", failed.len()));
        tell_reasons(failed.iter().map(|row| row.why.as_str()), &mut finding.details);
        if !behind.is_empty() {
            finding.detail(format!(
                "messages that wait for an introduction that failed: {}; replay it in time and they follow",
                behind.len()
            ));
        }
        finding.hint("`touchline admin deliveries list`, then replay or discard them");
    }
    tell_held(store, now, findings).await?;
    tell_waiting(store, &waiting, now, findings).await?;
    if overdue.is_empty() && unknown.is_empty() && failed.is_empty() {
        findings.ok("no delivery hangs or failed");
    }
    Ok(())
}

/// Mass changes on which no admin has decided: nothing else ends them.
async fn tell_held(store: &Store, now: UnixMs, findings: &mut Findings) -> anyhow::Result<()> {
    const OPEN_ONLY: bool = true;
    for HoldReport { hold, held, .. } in store.holds(OPEN_ONLY, HOLDS_MAX, 0).await? {
        let since = lasting(now.since_ms(hold.opened_at));
        findings
            .warn(format!(
                "a mass change in {} holds nudges back: {held}, since {} ({since})",
                hold.connection, hold.opened_at
            ))
            .hint("`touchline admin holds list`, then release or discard them");
    }
    Ok(())
}

/// What is not due yet: in the evening, a new installation says nothing for hours,
/// and that is as it should be.
async fn tell_waiting(
    store: &Store,
    waiting: &[DeliveryRow],
    now: UnixMs,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let nudges = store.summary().await?.fates.waiting;
    let decided = waiting.iter().map(|row| row.until).filter(|until| *until > now);
    let next = decided.chain(store.next_recipient_at().await?).min();
    if let Some(next) = next.filter(|next| *next > now && nudges > 0) {
        let minute = next.to_timestamp().strftime("%-d %B %H:%M UTC");
        findings.ok(format!(
            "nudges waiting for their digest, the end of quiet hours or a snooze: {nudges}, the next until {minute}"
        ));
    }
    Ok(())
}

/// Whose introductions, and by which connection, are among these.
fn hellos<'a>(rows: impl Iterator<Item = &'a DeliveryRow>) -> BTreeSet<(&'a str, &'a str)> {
    let hellos = rows.filter(|row| row.channel == HELLO);
    hellos.map(|row| (row.connection.as_str(), row.person.as_str())).collect()
}

/// Whether a message was never tried and its reader's introduction is among these.
fn is_behind(row: &DeliveryRow, hellos: &BTreeSet<(&str, &str)>) -> bool {
    row.channel == CHAT
        && row.attempts == 0
        && hellos.contains(&(row.connection.as_str(), row.person.as_str()))
}
