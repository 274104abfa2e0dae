//! Which rules cannot speak because nothing is mapped to what they read, and which
//! cannot decide for want of another fact, and on how many deals.

use std::collections::BTreeMap;
use std::sync::Arc;

use touchline_rules::UnixMs;
use touchline_rules::engine::{World, inactive};
use touchline_rules::facts::schema::{DEAL_FIELDS, place};
use touchline_rules::facts::{DealKey, DealState, Field, Metadata};
use touchline_rules::time::{HOUR_MS, MINUTE_MS};

use super::findings::Findings;
use crate::coaching::account_settings::apply_mapping;
use crate::coaching::baselines;
use crate::coaching::data_check::load_verdicts;
use crate::coaching::people::People;
use crate::coaching::portfolios::differing;
use crate::config::Config;
use crate::connection::Connection;
use crate::history::inactive::{Inactive, inactive_without};
use crate::lifecycle::Lifecycle;
use crate::roles::fetch::metadata::stored;
use crate::store::Store;

/// Deals of a connection that are looked at, open or not.
const DEALS_MAX: usize = 5_000;
/// No more are looked at once rules are tried on so many open ones.
const OPEN_DEALS_MAX: usize = 1_000;
/// Deals read at once.
const PAGE: usize = 500;
/// The status of deals that are open.
const OPEN: &str = "open";

/// Names the rules that rest on what is not mapped, tries the others on open deals
/// of a connection, and tells which cannot decide.
pub(super) async fn rules(
    config: &Arc<Config>,
    store: &Store,
    connection: &Connection,
    now: UnixMs,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let slug = connection.slug.as_str();
    let mut metadata = stored(store, slug).await?.unwrap_or_default();
    apply_mapping(config, slug, &mut metadata);
    // That rules cannot be read or do not load is told of the installation.
    let account = (slug.to_owned(), Arc::new(metadata.clone()));
    let lifecycle = Lifecycle::new(store.clone(), Arc::clone(config), vec![account]);
    let Ok((_, book)) = lifecycle.book().await else { return Ok(()) };
    let rules = book.in_force();
    let lacking = inactive_without(&not_mapped(&metadata), &rules);
    tell_lacking(&lacking, connection, findings);
    if rules.has_person_rules() {
        portfolios(store, slug, &metadata, findings).await?;
    }
    let Sample { open: deals, is_all } = open_deals(store, slug).await?;
    if deals.is_empty() || rules.state_rules().next().is_none() {
        return Ok(());
    }
    let people = People::load(store.clone(), Arc::clone(config)).await?;
    let verdicts = load_verdicts(store, slug).await?;
    let baselines = baselines::load(store, slug).await?;
    let mut found = BTreeMap::<(String, &'static str), usize>::new();
    for deal in &deals {
        let owner = People::owner_email(&metadata, deal.facts.text(Field::Owner));
        let world = World {
            rules: &rules,
            metadata: &metadata,
            calendar: &people.calendar_of(owner.as_deref(), &metadata),
            activity_trusted: verdicts.trusts(deal.facts.text(Field::Pipeline).unwrap_or_default()),
            managers: people.managers(),
            hydrate_deadline_ms: config.ingest.hydrate_deadline_minutes * MINUTE_MS,
            live_max_age_ms: config.attention.event_max_age_hours.saturating_mul(HOUR_MS),
            baselines: &baselines,
        };
        for rule_and_fact in inactive(deal, now, &world) {
            *found.entry(rule_and_fact).or_default() += 1;
        }
    }
    found.retain(|(rule, _), _| lacking.iter().all(|one| one.rule_id != *rule));
    let others = if lacking.is_empty() { "every rule" } else { "every other rule" };
    let deals = match is_all {
        true => deals.len().to_string(),
        false => format!("the first {}", deals.len()),
    };
    tell(&found, &deals, others, findings);
    Ok(())
}

/// Whether what deals told of people is what they say now.
async fn portfolios(
    store: &Store,
    slug: &str,
    metadata: &Metadata,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    match differing(store, slug, metadata).await? {
        (deals, 0) => findings.ok(format!("portfolios are what the deals say ({deals})")),
        (deals, differ) => findings
            .warn(format!("deals that say something else than their owner's portfolio: {differ} of {deals}"))
            .hint("those just changed follow at once; the others are told again in the night, by `touchline serve`"),
    };
    Ok(())
}

/// Facts that are unknown of every deal until somebody maps them.
fn not_mapped(account: &Metadata) -> Vec<&'static str> {
    let mut stages = account.pipelines.iter().flat_map(|pipeline| &pipeline.stages);
    // An account that was never read has no stages yet.
    let no_phase = !account.pipelines.is_empty() && stages.all(|stage| stage.phase.is_none());
    let facts = DEAL_FIELDS.iter().filter(|(_, _, slot, _)| {
        let is_unmapped = account.unmapped.iter().any(|field| place::of(*field) == *slot);
        is_unmapped || *slot == place::STAGE_PHASE && no_phase
    });
    facts.map(|(name, ..)| *name).collect()
}

fn tell_lacking(lacking: &[Inactive], connection: &Connection, findings: &mut Findings) {
    if lacking.is_empty() {
        return;
    }
    let finding =
        findings.warn("rules that are inactive here: nothing is mapped to what they read");
    for one in lacking {
        finding.detail(format!("{}: {}", one.rule_id, one.missing.join(", ")));
    }
    let (slug, vendor) = (&connection.slug, connection.connector.manifest().name);
    finding.hint(format!(
        "`touchline connect {vendor} --connection {slug} --suggest` guesses what to write under [connections.{slug}.facts] and [connections.{slug}.phases]"
    ));
}

fn tell(
    found: &BTreeMap<(String, &'static str), usize>,
    deals: &str,
    others: &str,
    findings: &mut Findings,
) {
    if found.is_empty() {
        findings.ok(format!("{others} can decide on the open deals looked at ({deals})"));
        return;
    }
    let mut lines: Vec<_> = found.iter().collect();
    lines.sort_by_key(|((rule, fact), times)| (std::cmp::Reverse(**times), rule.clone(), *fact));
    let finding = findings.warn(format!(
        "rules that cannot decide, on how many of {deals} open deals, and for want of which fact"
    ));
    for ((rule, fact), times) in lines {
        let why = match *fact {
            "threshold" => "too few won deals, and no fallback".to_owned(),
            fact => format!("nobody told of {fact}"),
        };
        finding.detail(format!("{times:>5}  {rule}: {why}"));
    }
    finding.hint("`touchline rules explain RULE --deal ID` shows one deal; the shares above show which facts your CRM carries");
}

/// Open deals of a connection, by id.
struct Sample {
    open: Vec<DealState>,
    /// Whether there are no more.
    is_all: bool,
}

async fn open_deals(store: &Store, slug: &str) -> anyhow::Result<Sample> {
    let (mut open, mut looked_at) = (Vec::new(), 0);
    let mut after = DealKey { connection: slug.to_owned(), id: String::new() };
    while looked_at < DEALS_MAX && open.len() < OPEN_DEALS_MAX {
        let page = store.deals_after(Some(after), PAGE).await?;
        let page: Vec<_> = page.into_iter().filter(|row| row.connection == slug).collect();
        let Some(last) = page.last() else { return Ok(Sample { open, is_all: true }) };
        after = DealKey { connection: last.connection.clone(), id: last.id.clone() };
        looked_at += page.len();
        let is_open = page.iter().filter(|row| row.status == OPEN);
        open.extend(is_open.filter_map(|row| serde_json::from_slice(&row.body).ok()));
    }
    Ok(Sample { open, is_all: false })
}
