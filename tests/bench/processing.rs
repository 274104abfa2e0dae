//! How many events a second ingest takes from the inbox to committed effects.

use std::time::Instant;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use touchline_rules::packs::BUILTIN;
use touchline_rules::ruleset::{RuleSet, SourceFile};

use crate::company::{self, AMOUNT_MAX, NOW};
use crate::cost;
use crate::report::Table;
use crate::stand::{Stand, WEBHOOK};
use crate::synthetic;
use crate::webhook::{self, AmountSet};

const SEED: u64 = 11;
const DEALS: u64 = 10_000;
const EVENTS: u64 = 30_000;
/// Rules in all.
const RULES: usize = 24;
/// One event in so many sets an amount that fires.
const FIRES_ONE_IN: u64 = 10;
/// Spreads events over deals.
const STRIDE: u64 = 7_919;
/// Fires for amounts that no made-up deal has.
const BIG: &str = "\
pack: big
title: Big deals
rules:
  - id: big
    title: A big deal
    on: deal.field_changed(amount)
    when: change.to >= 1000000
    tip:
      headline: '{{ deal.name }} is now worth {{ deal.amount_text }}'
      body: Ask who else has to agree to a sum like that.
";

pub fn run(table: &mut Table) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let stand = Stand::new(rules_in_force()?).await?;
        let mut rng = ChaCha8Rng::seed_from_u64(SEED);
        let records: Vec<_> = (0..DEALS).map(|id| company::record(id, &mut rng)).collect();
        let (cpu, wall) = (cost::of_this_process()?, Instant::now());
        stand.read_in(&records).await?;
        let cpu = (cost::of_this_process()? - cpu).as_secs_f64();
        table.add(
            format!("first read of {DEALS} deals, from record to committed state"),
            format!(
                "{:.0} deals/s ({:.0} us CPU a deal)",
                DEALS as f64 / wall.elapsed().as_secs_f64(),
                cpu * 1e6 / DEALS as f64
            ),
            "",
            "JSON of the record in and of the state out",
        );
        let mut serial = 0;
        for events_per_request in [1, 100] {
            measure(table, &stand, events_per_request, &mut serial).await?;
        }
        Ok(())
    })
}

async fn measure(
    table: &mut Table,
    stand: &Stand,
    events_per_request: usize,
    serial: &mut u64,
) -> anyhow::Result<()> {
    let received_at = NOW.plus_ms(*serial as i64 + 1);
    let events: Vec<_> = (0..EVENTS)
        .map(|_| {
            *serial += 1;
            let fires = serial.is_multiple_of(FIRES_ONE_IN);
            let amount = if fires { 1_000_000 + *serial } else { *serial * STRIDE % AMOUNT_MAX };
            AmountSet { serial: *serial, deal: *serial * STRIDE % DEALS, amount, at: received_at }
        })
        .collect();
    let bodies = events.chunks(events_per_request).map(|some| webhook::body(some).into_bytes());
    stand.append(WEBHOOK, bodies, received_at).await?;
    let before = stand.firings().await?;
    let (cpu, wall) = (cost::of_this_process()?, Instant::now());
    stand.drain().await?;
    let (cpu, wall) = ((cost::of_this_process()? - cpu).as_secs_f64(), wall.elapsed());
    let fired = stand.firings().await? - before;
    let noun = if events_per_request == 1 { "event" } else { "events" };
    table.add(
        format!("processed, {RULES} rules, {events_per_request} {noun} a request"),
        format!(
            "{:.0} events/s ({:.0} us CPU an event; {:.1} % fire)",
            EVENTS as f64 / wall.as_secs_f64(),
            cpu * 1e6 / EVENTS as f64,
            fired as f64 * 100.0 / EVENTS as f64
        ),
        "",
        "the deal's state as JSON, read and written; SQLite's pages of deal, change and dedupe",
    );
    Ok(())
}

/// The pack that ships, a rule that fires for one event in ten, and others
/// until there are [`RULES`].
fn rules_in_force() -> anyhow::Result<RuleSet> {
    let file = |path: &str, text: &str| SourceFile { path: path.to_owned(), text: text.to_owned() };
    let mut files: Vec<_> = BUILTIN.iter().take(1).map(|pack| file(pack.name, pack.text)).collect();
    files.push(file("big", BIG));
    let known = synthetic::load(&files)?.rules().len();
    files.extend(synthetic::files(RULES.saturating_sub(known)));
    synthetic::load(&files)
}
