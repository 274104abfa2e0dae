//! Whether one connection is well.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use touchline_kit::{Capability, Usage};
use touchline_rules::UnixMs;
use touchline_rules::time::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS};

use super::super::counted::counted;
use super::findings::{Findings, lasting};
use crate::coaching::credentials::{BROKEN, WORKING};
use crate::coaching::data_check::{DataCheck, FactShare, PipelineCheck};
use crate::coaching::opening::{declared, is_connected, oauth_line};
use crate::coaching::people::People;
use crate::config::Config;
use crate::connection::Connection;
use crate::http::hooks::Refusal;
use crate::http::intake_days::{Answered, DAYS_KEPT, IntakeDays, WRITE_EVERY_MS, intake_days};
use crate::http::refusals::refusals;
use crate::roles::backfill::{BackfillProgress, Waiting};
use crate::store::{InboxRow, Part, Store};
use crate::vault::Vault;

/// The newest requests among which the last webhook is looked for.
const LOOK_BACK_ROWS: usize = 1_000;
/// The same in bytes.
const LOOK_BACK_BYTES: usize = 16 << 20;
/// Refused webhooks shown; the rest is counted.
const REFUSALS_SHOWN: usize = 3;
/// A refusal older than that says nothing about today.
const REFUSAL_FRESH_MS: i64 = DAY_MS;
/// Without a word from the vendor for so long, somebody should look.
const SILENCE_MS: i64 = 3 * DAY_MS;
/// Metadata is read each hour; older than that the reads fail.
const METADATA_OLD_MS: i64 = 6 * HOUR_MS;
/// A wait of the first read that is nobody's concern.
const SHORT_WAIT_MS: i64 = 5 * MINUTE_MS;
/// People named; the rest is counted.
const PEOPLE_SHOWN: usize = 10;

/// What the service noted of it.
pub(super) async fn status(
    store: &Store,
    slug: &str,
    connected: bool,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let Some(row) = store.connection(slug.to_owned()).await? else { return Ok(()) };
    match row.status.as_str() {
        BROKEN => {
            findings
                .bad(format!("broken since {}: {}", row.updated_at, row.reason))
                .hint(reconnect(&row.connector, slug));
        }
        WORKING if connected => {
            findings.ok(format!("working since {}", row.updated_at));
        }
        _ => {}
    }
    Ok(())
}

fn reconnect(connector: &str, slug: &str) -> String {
    format!(
        "`touchline connect {connector} --connection {slug}`, or a new token in the configuration and a restart"
    )
}

/// Whether there is a token or a grant to call with.
pub(super) async fn connected(
    config: &Config,
    store: &Store,
    vault: &Arc<Vault>,
    slug: &str,
    findings: &mut Findings,
) -> anyhow::Result<bool> {
    let declared = declared(config, slug)?;
    if is_connected(&declared, store, vault).await? {
        return Ok(true);
    }
    let manifest = declared.manifest();
    let finding = findings.bad(format!("{} is not connected yet", manifest.title));
    if oauth_line(&declared, &config.public_url)?.is_some() {
        finding.hint(format!("`touchline connect {} --connection {slug}`", manifest.name));
    } else {
        finding.hint("put its token into the configuration, then restart the service");
    }
    Ok(false)
}

/// Whether the vendor answers with the configured credentials.
pub(super) async fn live(connection: &Connection, findings: &mut Findings) {
    let (session, view) = (&connection.session, connection.view());
    let answer = match (connection.crm(), connection.channel()) {
        (Some(crm), _) => crm.self_test(session, &view).await,
        (None, Some(channel)) => channel.self_test(session, &view).await,
        (None, None) => return,
    };
    let error = match answer {
        Ok(said) => {
            findings.ok(said);
            return;
        }
        Err(error) => error,
    };
    let manifest = connection.connector.manifest();
    let finding = findings.bad(format!("{} does not answer: {error}", manifest.title));
    match error.code() {
        "unauthorized" => finding.hint(reconnect(manifest.name, &connection.slug)),
        "forbidden" => finding.hint("give the app the missing scope, then install it again"),
        "limited" => finding.hint("another app of this account uses up its calls; try later"),
        _ => finding.hint("is the vendor up, and can this machine reach it?"),
    };
}

/// The calls of today.
pub(super) async fn usage(
    store: &Store,
    slug: &str,
    now: UnixMs,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let Some(stored) = store.connection_part(slug.to_owned(), Part::Usage).await? else {
        return Ok(());
    };
    let Ok(usage) = serde_json::from_slice::<Usage>(&stored.body) else { return Ok(()) };
    if now.since_ms(stored.updated_at) > DAY_MS {
        return Ok(());
    }
    let share = usage.share.map_or_else(String::new, |share| format!(" of our share of {share}"));
    let calls = counted(usize::try_from(usage.calls_today).unwrap_or(usize::MAX), "call");
    let text = format!("{calls}{share} on {}", usage.day);
    if usage.refused == 0 {
        findings.ok(text);
    } else {
        findings
            .warn(format!("{text}; {} were not made, because nothing was left", usage.refused))
            .hint(format!("connections.{slug}.daily_share_percent takes a larger share"));
    }
    Ok(())
}

/// How far the CRM was read.
pub(super) async fn reading(
    store: &Store,
    connection: &Connection,
    now: UnixMs,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let slug = connection.slug.as_str();
    let metadata = connection.view().metadata.clone();
    match store.connection_part(slug.to_owned(), Part::Metadata).await? {
        None => {
            findings
                .warn("pipelines and owners were not read yet")
                .hint("the service reads them when it runs and the account is connected");
        }
        Some(stored) => {
            let (pipelines, owners) = (metadata.pipelines.len(), metadata.owners.len());
            let age_ms = now.since_ms(stored.updated_at);
            let text =
                format!("pipelines: {pipelines}, owners: {owners}, read {} ago", lasting(age_ms));
            if age_ms > METADATA_OLD_MS {
                findings.warn(text).hint("they are read each hour while the service runs");
            } else {
                findings.ok(text);
            }
        }
    }
    match BackfillProgress::load(store, slug).await? {
        None => {}
        Some(progress) => tell_progress(&progress, now, findings),
    }
    if let Some(check) = DataCheck::load(store, slug).await? {
        tell_data_check(slug, &check, now, findings);
    }
    Ok(())
}

fn tell_progress(progress: &BackfillProgress, now: UnixMs, findings: &mut Findings) {
    let of = progress.total.map_or_else(String::new, |total| format!(" of {total}"));
    let read = format!("first read: {}{of} deals", progress.read);
    match (&progress.finished_at, &progress.waiting) {
        (Some(at), _) => findings.ok(format!("{read}, finished {at}")),
        // Vendors bound how fast they may be read: short waits are how it goes.
        (None, Some(waiting)) if is_usual(waiting, now) => {
            let left = lasting(waiting.until.since_ms(now));
            findings.ok(format!("{read}; at the vendor's limit, it goes on in {left}"))
        }
        (None, Some(waiting)) => findings
            .warn(format!("{read}; it waits until {}", waiting.until))
            .detail(waiting.why.as_str()),
        (None, None) => findings.ok(format!("{read}, begun {}", progress.started_at)),
    };
}

fn is_usual(waiting: &Waiting, now: UnixMs) -> bool {
    waiting.code == "limited" && (0..=SHORT_WAIT_MS).contains(&waiting.until.since_ms(now))
}

fn tell_data_check(slug: &str, check: &DataCheck, now: UnixMs, findings: &mut Findings) {
    let ago = lasting(now.since_ms(check.at));
    for pipeline in check.pipelines.iter().filter(|one| one.open_deals > 0) {
        let PipelineCheck { label, open_deals, active_deals, trusted, .. } = pipeline;
        let days = check.within_days;
        let text = format!(
            "{label}, looked at {ago} ago: {active_deals} of {open_deals} open deals show activity in {days} days"
        );
        if *trusted {
            findings.ok(text);
        } else {
            findings
                .warn(format!("{text}; rules that rest on activity are inactive there"))
                .hint(format!("at least {} % are needed: connect mail and calendar to {slug}, so that it logs them", check.needed_percent));
        }
        let finding =
            findings.ok(format!("{label}: the share of those deals that carried each fact"));
        finding.details.extend(shares(&pipeline.facts));
    }
}

/// One line for each share, the greatest first, with the facts that have it.
fn shares(facts: &[FactShare]) -> Vec<String> {
    let mut by_share = BTreeMap::<Reverse<u64>, Vec<&str>>::new();
    for fact in facts {
        by_share.entry(Reverse(fact.percent)).or_default().push(&fact.name);
    }
    let line = |(share, names): (Reverse<u64>, Vec<&str>)| {
        format!("{:>3} %  {}", share.0, names.join(", "))
    };
    by_share.into_iter().map(line).collect()
}

/// Owners who work in a zone that nobody told.
pub(super) async fn people(
    config: &Arc<Config>,
    store: &Store,
    connection: &Connection,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let metadata = connection.view().metadata.clone();
    let people = People::load(store.clone(), Arc::clone(config)).await?;
    let zoned = |email: &String| people.zone_of(Some(email), &metadata).is_some();
    let working = metadata.owners.iter().filter(|owner| !owner.archived);
    let emails: BTreeSet<String> = working
        .filter_map(|owner| owner.email.as_ref().map(|email| email.to_lowercase()))
        .collect();
    let without: Vec<_> = emails.iter().filter(|email| !zoned(email)).collect();
    if without.is_empty() {
        if !emails.is_empty() {
            findings
                .ok(format!("the time zone of every owner is known (owners: {})", emails.len()));
        }
        return Ok(());
    }
    let finding = findings
        .warn(format!("owners without a time zone: {}; UTC is taken for theirs", without.len()));
    for email in without.iter().take(PEOPLE_SHOWN) {
        finding.detail(email.as_str());
    }
    finding.hint("set time_zone for all, or [people.\"EMAIL\"] time_zone for one; a chat profile says it too");
    Ok(())
}

/// When the vendor was last heard, and why it was refused.
pub(super) async fn webhooks(
    config: &Config,
    store: &Store,
    connection: &Connection,
    now: UnixMs,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let slug = connection.slug.as_str();
    let manifest = connection.connector.manifest();
    if !manifest.capabilities.contains(&Capability::Webhooks) {
        return Ok(());
    }
    let last = last_heard(store, slug).await?;
    match last {
        Some(at) if now.since_ms(at) <= SILENCE_MS => {
            findings.ok(format!("the last webhook came {} ago", lasting(now.since_ms(at))));
        }
        Some(at) => {
            findings
                .warn(format!("the last webhook came {} ago", lasting(now.since_ms(at))))
                .hint("was anything changed there since? Else look at the app's webhook log");
        }
        None => {
            findings
                .warn("no webhook was taken lately")
                .hint(format!("the vendor should call {}/hooks/{slug}", config.public_url));
        }
    }
    tell_intake(&intake_days(store, slug, now).await?, now, findings);
    let refused = refusals(store, slug).await?;
    tell_refusals(&refused, last, now, findings);
    Ok(())
}

/// How webhooks were answered. What was not taken today somebody should look at.
fn tell_intake(days: &IntakeDays, now: UnixMs, findings: &mut Findings) {
    if days.is_empty() {
        return;
    }
    let all = days.values().fold(Answered::default(), |all, day| all.and(*day));
    let today = days.get(&now.0.div_euclid(DAY_MS)).copied().unwrap_or_default();
    let Answered { accepted, refused, too_large, turned_away, failed } = all;
    let seconds = WRITE_EVERY_MS / SECOND_MS;
    let text = format!(
        "webhooks in {DAYS_KEPT} days, up to {seconds} s ago: {accepted} taken, {refused} refused (401), {too_large} too large (413), {turned_away} turned away (429), {failed} not stored (503)"
    );
    if today.lost() == 0 {
        findings.ok(text);
        return;
    }
    let finding = findings.warn(text);
    finding.detail(format!("today not taken: {}", today.lost()));
    if today.too_large > 0 {
        finding.hint("http.body_max_bytes is the largest that is taken; the catch-up poll finds what the others said");
    }
    if today.turned_away > 0 {
        finding.hint("more came at once than inbox.queue_rows_max or queue_bytes_max; the vendor sends them again");
    }
    if today.failed > 0 {
        finding
            .hint("the disk was too slow or the service was starting; the vendor sends them again");
    }
}

async fn last_heard(store: &Store, slug: &str) -> anyhow::Result<Option<UnixMs>> {
    let newest = store.inbox_newest().await?;
    let from = newest.saturating_sub(LOOK_BACK_ROWS as u64);
    let rows = store.inbox_after(from, LOOK_BACK_ROWS, LOOK_BACK_BYTES).await?;
    let is_hook =
        |row: &&InboxRow| row.request.connection == slug && row.request.kind.starts_with("hook:");
    Ok(rows.iter().filter(is_hook).map(|row| row.request.received_at).max())
}

fn tell_refusals(
    refused: &[Refusal],
    last_heard: Option<UnixMs>,
    now: UnixMs,
    findings: &mut Findings,
) {
    let fresh = refused.iter().filter(|one| now.since_ms(one.at) <= REFUSAL_FRESH_MS);
    let fresh: Vec<_> = fresh.collect();
    let Some(newest) = fresh.last() else { return };
    let text = format!(
        "webhooks refused in the last day: {}, the last {} ago",
        fresh.len(),
        lasting(now.since_ms(newest.at))
    );
    // Anybody can send what is not signed, or wrongly, and a webhook taken in the
    // same day shows that the real ones arrive.
    let is_arriving = last_heard.is_some_and(|at| now.since_ms(at) <= REFUSAL_FRESH_MS);
    let is_theirs = newest.code != "no_signature" && !is_arriving;
    let finding = if is_theirs { findings.bad(text) } else { findings.warn(text) };
    for one in fresh.iter().rev().take(REFUSALS_SHOWN) {
        finding.detail(format!("{}  {}", one.at, one.request));
        finding.detail(format!("  {}: {}", one.code, one.reason));
        for (name, hash) in &one.diagnosis {
            finding.detail(format!("  {name} {hash}"));
        }
    }
    if let Some(more) = fresh.len().checked_sub(REFUSALS_SHOWN + 1) {
        finding.detail(format!("… and {} more", more + 1));
    }
    finding.hint("`touchline doctor signature` recomputes one request that you have captured");
}
