//! A made-up company living through simulated weeks: fake HubSpot, fake Slack and
//! the service in one process, on one clock. No network, key or account.

pub mod account;
pub mod company;
pub mod course;
pub mod history;
mod read_along;
pub mod replay;
mod report;
pub mod season;
pub mod stage;
mod totals;

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use jiff::civil::date;
use touchline_rules::UnixMs;
use touchline_slack::fake::FakeUser;

use crate::app::App;
use crate::clock::Clock;
use crate::roles::batching::COUNTS;
use company::Company;
use read_along::ReadAlong;
use season::Season;
use stage::{Plan, Stage};
use totals::Totals;

/// What is changed about the service. One call at a time, as from the fake CRM,
/// keeps the season a function of its seed: of several at one instant, any could
/// be the first to arrive.
const CONFIG: &str = "[attention]\nsending = \"everyone\"\n\
    [crm]\npoll_interval_minutes = 60\n[delivery]\nclaims_per_connection = 1\n";
/// Counts that a summary reads.
const COUNTS_MAX: usize = 100;

/// How the demo is played.
pub struct Options {
    /// Simulated days.
    pub days: i32,
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// Real time for a simulated day; none plays as fast as it can.
    pub day_takes: Duration,
    /// Stops after that much real time, wherever the season stands.
    pub exit_after: Option<Duration>,
    /// Where the database is kept.
    pub folder: PathBuf,
}

/// Plays the demo, printing to `out` what people get.
///
/// # Errors
/// When the service or a fake fails.
pub async fn play(options: Options, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
    let company = Company::new(options.seed, date(2026, 3, 2), options.days);
    let from = company.live_from;
    let mut plan = Plan::new(from, &options.folder);
    plan.chat = company
        .members
        .iter()
        .enumerate()
        .map(|(index, member)| {
            FakeUser::new(&format!("U{index:03}"), &member.email, &member.name, member.zone)
        })
        .collect();
    plan.config = people(&company) + &account::facts_config() + account::COMPANY_PHASES;
    plan.hubspot = |hubspot| {
        hubspot.limits = touchline_hubspot::fake::RateLimits::off();
        hubspot.max_concurrent_requests = 1;
        account::hear_named_facts(hubspot);
    };
    let stage = Stage::new(plan).await?;
    stage.slack.set_rate_limits(false);
    let heard = stage.hubspot.config().subscriptions.clone();
    stage.hubspot.subscribe(Vec::new());
    account::add_fact_properties(&stage.hubspot);
    let mut season = Season::new(company, options.seed, &stage.hubspot);
    season.act_until(from, &stage.hubspot)?;
    stage.hubspot.subscribe(heard);
    let app = stage.open().await?;
    let end = from.plus_ms(i64::from(options.days) * touchline_rules::time::DAY_MS);
    writeln!(out, "{}", report::opening(season.company()))?;
    let live = live(&stage, &app, &mut season, &options, end, out);
    stage.play(&app, live).await?;
    summarise(&app, from, stage.clock.now(), out).await
}

async fn summarise(
    app: &App,
    from: UnixMs,
    until: UnixMs,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<()> {
    let store = &app.service().store;
    let counts = store.counts(COUNTS.to_owned(), COUNTS_MAX).await?;
    let counts: Vec<_> = counts.into_iter().map(|count| (count.name, count.value)).collect();
    let summary = store.summary().await?;
    let totals = Totals { from, until, summary: &summary, counts: &counts };
    write!(out, "{}", totals.told())?;
    Ok(())
}

async fn live(
    stage: &Stage,
    app: &App,
    season: &mut Season,
    options: &Options,
    end: UnixMs,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<()> {
    let started = tokio::time::Instant::now();
    let begun = stage.clock.now();
    let mut reading = ReadAlong::default();
    loop {
        let now = stage.clock.now();
        season.act_until(now, &stage.hubspot)?;
        let clicked = season.click_until(now, &stage.slack).await?;
        let next = stage.settle(app).await?;
        reading.go_on(stage, season, &clicked, out)?;
        let next = [next, season.next_at()].into_iter().flatten().min();
        let Some(next) = next.filter(|next| *next < end) else { break };
        if options.exit_after.is_some_and(|limit| started.elapsed() >= limit) {
            break;
        }
        if clicked.is_empty() || next > now {
            stage.clock.set(next.max(now.plus_ms(1)));
        }
        let days = stage.clock.now().since_ms(begun) as f64 / touchline_rules::time::DAY_MS as f64;
        tokio::time::sleep_until(started + options.day_takes.mul_f64(days)).await;
    }
    Ok(())
}

fn people(company: &Company) -> String {
    let mut config = String::from(CONFIG);
    for member in &company.members {
        if let Some(manager) = &member.manager {
            config.push_str(&format!("[people.\"{}\"]\nmanager = \"{manager}\"\n", member.email));
        }
    }
    config
}
