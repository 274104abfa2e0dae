//! A tick of the timers, with a million deals waiting.

use std::time::Instant;

use touchline::roles::Role as _;
use touchline::roles::batching::DEAL;
use touchline::roles::timers::Timers;
use touchline::store::{Batch, CommitClass, Fenced, SubjectKey, TimerRow};
use touchline_rules::packs::BUILTIN;
use touchline_rules::ruleset::SourceFile;
use touchline_rules::time::{DAY_MS, MINUTE_MS};

use crate::company::{self, CONNECTION, NOW};
use crate::cost;
use crate::report::Table;
use crate::stand::Stand;
use crate::synthetic;

/// Timers that are not due while we look.
const WAITING: i64 = 1_000_000;
/// Timers written in one transaction while the table is filled.
const FILL: i64 = 10_000;
/// Ticks, a minute apart, and the deals due at each.
const TICKS: u64 = 20;
const DUE: u64 = 150;
/// Ticks that find nothing.
const IDLE_TICKS: u32 = 2_000;
/// The shipped pack's `long-in-stage` speaks after so many days.
const LONG_IN_STAGE_DAYS: i64 = 21;

pub fn run(table: &mut Table) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let file = |name: &str, text: &str| SourceFile { path: name.into(), text: text.into() };
        let files: Vec<_> = BUILTIN.iter().take(1).map(|pack| file(pack.name, pack.text)).collect();
        let stand = Stand::new(synthetic::load(&files)?).await?;
        let due = |number: u64| {
            let at = NOW.plus_ms((number / DUE) as i64 * MINUTE_MS + MINUTE_MS);
            company::in_stage_since(number, at.plus_ms(-LONG_IN_STAGE_DAYS * DAY_MS))
        };
        stand.read_in(&(0..TICKS * DUE).map(due).collect::<Vec<_>>()).await?;
        fill(&stand).await?;
        let timers = Timers::new(stand.service().clone());
        idle(table, &stand, &timers).await?;
        busy(table, &stand, &timers).await
    })
}

async fn fill(stand: &Stand) -> anyhow::Result<()> {
    let service = stand.service();
    for first in (0..WAITING).step_by(FILL as usize) {
        let row = |number: i64| TimerRow {
            subject: SubjectKey {
                kind: DEAL.to_owned(),
                connection: CONNECTION.to_owned(),
                id: format!("waiting-{number}"),
            },
            due_at: Some(NOW.plus_ms(DAY_MS + number * 30 * DAY_MS / WAITING)),
        };
        let settings_version = service.settings.current().version;
        let timers = (first..first + FILL).map(row).collect();
        let batch = Batch { settings_version, timers, ..Batch::default() };
        let done = service.store.commit_batch(batch, CommitClass::Derived).await?;
        anyhow::ensure!(matches!(done, Fenced::Done(_)), "the settings changed meanwhile");
    }
    Ok(())
}

async fn idle(table: &mut Table, stand: &Stand, timers: &Timers) -> anyhow::Result<()> {
    let (cpu, wall) = (cost::of_this_process()?, Instant::now());
    for _ in 0..IDLE_TICKS {
        let progress = timers.tick(stand.service().now()).await?;
        anyhow::ensure!(!progress.worked, "a timer was due too early");
    }
    let cpu = cost::of_this_process()? - cpu;
    table.add(
        "a tick with nothing due, 1,000,000 timers",
        format!(
            "{:.0} us CPU, {:.0} us on the wall",
            cpu.as_secs_f64() * 1e6 / f64::from(IDLE_TICKS),
            wall.elapsed().as_secs_f64() * 1e6 / f64::from(IDLE_TICKS)
        ),
        "",
        "handing two queries of a few us to the reading thread",
    );
    Ok(())
}

async fn busy(table: &mut Table, stand: &Stand, timers: &Timers) -> anyhow::Result<()> {
    let before = stand.firings().await?;
    let (mut cpu_ms, mut wall_ms) = (Vec::new(), Vec::new());
    for minute in 1..=TICKS {
        stand.clock.set(NOW.plus_ms(minute as i64 * MINUTE_MS));
        let (cpu, wall) = (cost::of_this_process()?, Instant::now());
        while timers.tick(stand.service().now()).await?.worked {}
        cpu_ms.push((cost::of_this_process()? - cpu).as_secs_f64() * 1e3);
        wall_ms.push(wall.elapsed().as_secs_f64() * 1e3);
    }
    let fired = (stand.firings().await? - before) as f64 / TICKS as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    table.add(
        format!("a tick with {DUE} deals due, 1,000,000 timers"),
        format!(
            "{:.1} ms CPU, {:.1} ms on the wall, worst {:.0} ms ({fired:.0} firings)",
            mean(&cpu_ms),
            mean(&wall_ms),
            wall_ms.iter().copied().fold(0.0, f64::max)
        ),
        "",
        "each deal's state as JSON; every one of them fires and its nudge is written",
    );
    Ok(())
}
