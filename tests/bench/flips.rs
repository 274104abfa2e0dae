//! When can any rule's truth change by time alone? For a million deals.

use std::hint::black_box;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use touchline_rules::condition::Context;
use touchline_rules::condition::Slot;
use touchline_rules::engine::{Stimulus, World, step};
use touchline_rules::facts::DealState;
use touchline_rules::facts::schema::{deal_slots, place};
use touchline_rules::packs::BUILTIN;
use touchline_rules::ruleset::SourceFile;
use touchline_rules::time::HOUR_MS;

use crate::company::{self, NOW};
use crate::cost::on_this_thread;
use crate::report::Table;
use crate::synthetic;

const SEED: u64 = 13;
const DEALS: usize = 1_000_000;
/// Deals that differ; each is looked at as often as it takes.
const DISTINCT: u64 = 20_000;

pub fn run(table: &mut Table) -> anyhow::Result<()> {
    let files = shipped();
    let rules = synthetic::load(&files)?;
    let (metadata, calendar) = (company::metadata(), company::calendar()?);
    let world = |rules| World {
        rules,
        metadata: &metadata,
        calendar: &calendar,
        activity_trusted: true,
        hydrate_deadline_ms: HOUR_MS,
        managers: touchline_rules::facts::Managers::none(),
        live_max_age_ms: touchline_rules::engine::LIVE_MAX_AGE_MS,
        baselines: touchline_rules::baseline::Baselines::none(),
    };
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut states: Vec<DealState> = (0..DISTINCT).map(company::state).collect();
    for (id, state) in (0..).zip(&mut states) {
        let record = company::record(id, &mut rng);
        step(state, Stimulus::Observation(&record), NOW, &world(&rules));
    }
    let (found, cost) = on_this_thread(|| {
        let deals = states.iter().cycle().take(DEALS);
        deals.filter(|state| next_flip(state, &world(&rules)).is_some()).count()
    })?;
    let state_rules = rules.state_rules().count();
    let per_deal = |cpu: std::time::Duration| cpu.as_secs_f64() * 1e6 / DEALS as f64;
    table.add(
        format!("next flip of {state_rules} state rules for 1,000,000 deals"),
        format!(
            "{:.1} s CPU ({:.2} us a deal; {} % have one)",
            cost.as_secs_f64(),
            per_deal(cost),
            found * 100 / DEALS
        ),
        "",
        "local dates of business days and of the close date",
    );
    // Two sets that differ in one word, so that each pass meets a changed set.
    let other = synthetic::load(&changed(files))?;
    let passes = DEALS / states.len();
    let ((), cost) = on_this_thread(|| {
        for pass in 0..passes {
            let world = world(if pass % 2 == 0 { &other } else { &rules });
            for state in &mut states {
                black_box(step(state, Stimulus::Reseed, NOW, &world));
            }
        }
    })?;
    table.add(
        "a changed rule set taken over by 1,000,000 deals, in memory",
        format!("{:.1} s CPU ({:.2} us a deal)", cost.as_secs_f64(), per_deal(cost)),
        "",
        "the next flip twice, before and after all rules are looked at",
    );
    Ok(())
}

fn shipped() -> Vec<SourceFile> {
    let file = |name: &str, text: &str| SourceFile { path: name.to_owned(), text: text.to_owned() };
    BUILTIN.iter().take(1).map(|pack| file(pack.name, pack.text)).collect()
}

/// The same rules with another skill tag: another content, the same triggers.
fn changed(mut files: Vec<SourceFile>) -> Vec<SourceFile> {
    for file in &mut files {
        file.text = file.text.replacen("skill: QUA", "skill: DIS", 1);
    }
    files
}

fn next_flip(state: &DealState, world: &World<'_>) -> Option<touchline_rules::UnixMs> {
    let mut slots = deal_slots(&state.facts, world.metadata, true, NOW);
    let flips = world.rules.state_rules().filter_map(|rule| {
        slots[usize::from(place::THRESHOLD)] =
            rule.threshold.and_then(|it| it.number()).map_or(Slot::Unknown, Slot::Number);
        let context = Context { slots: &slots, now: NOW, calendar: world.calendar };
        let conditions = [Some(&rule.when), rule.unless.as_ref()].into_iter().flatten();
        conditions.filter_map(|condition| condition.next_flip(&context).instant()).min()
    });
    flips.min()
}
