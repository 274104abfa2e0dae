//! From a webhook to the message in chat, through the shipped program, both
//! vendors faked in this process.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use touchline::clock::{Clock as _, SystemClock};
use touchline::store::{Store, StoreOptions};
use touchline_hubspot::fake::Actor;

use crate::cost::percentile_ms;
use crate::fakes::{Fakes, SELLERS};
use crate::load::Client;
use crate::report::Table;
use crate::server::{Home, Server};
use crate::webhook::{self, AmountSet};

const EVENTS_PER_S: u64 = 20;
const SECONDS: u64 = 20;
/// Before the clock starts: people are looked up in chat and greeted once.
const WARM_UP: u64 = 3 * SELLERS;
/// The CRM is read within that, and messages arrive within that.
const PATIENCE_MS: u64 = 60_000;
/// Between two looks at either.
const LOOK_MS: u64 = 100;

/// How the names of the deals begin, and how long they are.
const MARKER: &str = "Harbour-";
const NAME_BYTES: usize = MARKER.len() + 6;

/// Every event of the load fires it.
const RULES: &str = "\
pack: every-amount
title: Every amount
rules:
  - id: every-amount
    title: An amount was set
    on: deal.field_changed(amount)
    when: 'true'
    attention: interrupt
    tip:
      headline: '{{ deal.name }} has a new amount'
      body: Ask what solving this is worth to them.
";

/// Nothing holds a nudge back.
const NO_CEILINGS: &str = "\
[attention]
sending = \"everyone\"
interruptions_per_day = \"off\"
interruptions_per_day_new = \"off\"
deal_spacing_working_days = \"off\"
mass_change_deals = \"off\"
quiet_hours = \"off\"
";

pub fn run(table: &mut Table) -> anyhow::Result<()> {
    let fakes = Fakes::start()?;
    let count = WARM_UP + EVENTS_PER_S * SECONDS;
    let deals = (0..count).map(|number| deal(&fakes, number));
    let deals = deals.collect::<anyhow::Result<Vec<_>>>()?;
    let (of_hubspot, more) = fakes.config();
    let off = "limits = { per_channel_per_s = \"off\", workspace_messages_per_min = \"off\", \
               tier_3_per_min = \"off\", tier_4_per_min = \"off\" }";
    let home =
        Home::new("rules = [\"rules.yaml\"]", &of_hubspot, &format!("{more}{off}\n{NO_CEILINGS}"))?;
    std::fs::write(home.path().join("rules.yaml"), RULES)?;
    let mut server = Server::shipped(&home)?;
    server.wait()?;
    fakes.beside(until_read(&home, count))?;

    let (warm_up, measured) = deals.split_at(WARM_UP as usize);
    fakes.beside(send(&server, warm_up))?;
    fakes.beside(until_arrived(&fakes, warm_up.len()))?;
    drop(fakes.take_arrivals());
    let before = server.cpu()?;
    let sent = fakes.beside(send(&server, measured))?;
    fakes.beside(until_arrived(&fakes, measured.len()))?;
    let cpu = server.cpu()? - before;
    report(table, &fakes, &sent, cpu)
}

/// A deal that is told apart by its name.
#[derive(Clone)]
struct Deal {
    id: u64,
    name: String,
    number: u64,
}

fn deal(fakes: &Fakes, number: u64) -> anyhow::Result<Deal> {
    let seller = (number % SELLERS) as usize;
    let name = format!("{MARKER}{number:06}");
    let owner = fakes.owners[seller].to_string();
    let close = SystemClock.now().plus_ms(30 * touchline_rules::time::DAY_MS).0.to_string();
    let values = [
        ("dealname", name.as_str()),
        ("pipeline", "default"),
        ("dealstage", "appointmentscheduled"),
        ("amount", "1000"),
        ("closedate", &close),
        ("hubspot_owner_id", &owner),
    ];
    let by = Actor::user(seller as i64 + 1);
    let id = fakes.hubspot.create_deal(&values, &by)?;
    Ok(Deal { id, name, number })
}

/// Waits until the first read has brought every deal in.
async fn until_read(home: &Home, deals: u64) -> anyhow::Result<()> {
    let store = Store::open(&home.path().join("touchline.db"), StoreOptions::default())?;
    let begun = Instant::now();
    loop {
        let known: u64 = store.summary().await?.deals.iter().map(|(_, count)| count).sum();
        if known >= deals {
            return Ok(());
        }
        anyhow::ensure!(
            begun.elapsed() < Duration::from_millis(PATIENCE_MS),
            "only {known} of {deals} deals were read in {PATIENCE_MS} ms"
        );
        tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
    }
}

async fn until_arrived(fakes: &Fakes, messages: usize) -> anyhow::Result<()> {
    let begun = Instant::now();
    while fakes.arrived(MARKER.as_bytes()) < messages {
        anyhow::ensure!(
            begun.elapsed() < Duration::from_millis(PATIENCE_MS),
            "only {} of {messages} messages arrived in {PATIENCE_MS} ms",
            fakes.arrived(MARKER.as_bytes())
        );
        tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
    }
    Ok(())
}

/// What was sent: when, and how soon it was answered, by the deal's name.
type Sent = HashMap<String, (Instant, Duration)>;

/// Sends one event for each deal at its own instant, whatever became of those before.
async fn send(server: &Server, deals: &[Deal]) -> anyhow::Result<Sent> {
    let every = Duration::from_secs(1) / EVENTS_PER_S as u32;
    let to = server.address;
    let begun = tokio::time::Instant::now();
    let mut tasks = JoinSet::new();
    for (place, deal) in (0..).zip(deals.iter().cloned()) {
        tokio::time::sleep_until(begun + every * place).await;
        let amount = 2_000 + deal.number;
        let at = SystemClock.now();
        let event = AmountSet { serial: deal.number, deal: deal.id, amount, at };
        let request = webhook::request(to, &[event]);
        tasks.spawn(async move {
            let mut client = Client::connect(to).await?;
            let at = Instant::now();
            anyhow::Ok((deal.name, (at, client.send(&request).await?)))
        });
    }
    let mut sent = Sent::new();
    while let Some(one) = tasks.join_next().await {
        let (name, times) = one??;
        sent.insert(name, times);
    }
    Ok(sent)
}

fn report(table: &mut Table, fakes: &Fakes, sent: &Sent, cpu: Duration) -> anyhow::Result<()> {
    let answered: Vec<_> = sent.values().map(|(_, answered)| *answered).collect();
    let mut arrived = Vec::new();
    for arrival in fakes.take_arrivals() {
        let body = String::from_utf8_lossy(&arrival.body);
        let name = body.find(MARKER).and_then(|at| body.get(at..at + NAME_BYTES));
        if let Some((at, _)) = name.and_then(|name| sent.get(name)) {
            arrived.push(arrival.at.saturating_duration_since(*at));
        }
    }
    anyhow::ensure!(
        arrived.len() == sent.len(),
        "{} events made {} messages",
        sent.len(),
        arrived.len()
    );
    let ms = |times: &[Duration]| {
        format!("p50 {:.1} ms, p99 {:.1} ms", percentile_ms(times, 50), percentile_ms(times, 99))
    };
    table.add(
        format!("webhook to its answer at {EVENTS_PER_S} events/s"),
        ms(&answered),
        "p99 under 50 ms",
        "one sync of the disk",
    );
    table.add(
        format!("webhook to its message at Slack at {EVENTS_PER_S} events/s"),
        ms(&arrived),
        "p99 under 50 ms",
        "two syncs one after another: of the inbox and of the claim",
    );
    table.add(
        "the same: the whole road of an event",
        format!("{:.1} ms CPU", cpu.as_secs_f64() * 1e3 / sent.len() as f64),
        "",
        "HTTP at both ends; some 19 reads and 6 commits, each handed to a thread of its own",
    );
    Ok(())
}
