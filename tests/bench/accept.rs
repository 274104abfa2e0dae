//! What durability costs: the intake with and without its append.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use tokio::net::TcpListener;
use touchline::app::App;
use touchline::clock::{Clock as _, SystemClock};
use touchline::config::Config;
use touchline::http::hooks::Signed;
use touchline::http::server;

use crate::cost::{median, percentile_ms};
use crate::load::{self, closed_loop};
use crate::report::Table;
use crate::server::{Home, Server};
use crate::webhook::{self, AmountSet};

/// As `touchline serve` takes webhooks; no role runs behind it.
const DURABLE: &str = "durable";
/// The same without the append.
const BARE: &str = "bare";

/// Rounds, each with one load on either server, one after the other.
const ROUNDS: usize = 5;
/// Where throughput stops to grow with more connections.
const CONNECTIONS: usize = 64;
const DEALS: u64 = 10_000;

/// Runs as one of the two servers, until killed.
pub fn serve(kind: &str, config: &Path) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let config = Config::load(Some(config))?;
        let limits = config.http.clone();
        let listen = config.listen;
        let app = App::open(config, Arc::new(SystemClock)).await?;
        let listener = TcpListener::bind(listen).await?;
        if kind == BARE {
            app.intake().set_ready(true);
            let router = Router::new()
                .route("/hooks/{connection}", post(forget))
                .with_state(Arc::clone(app.intake()));
            server::serve(listener, router, limits, std::future::pending()).await;
        } else {
            app.listen(listener, std::future::pending()).await;
        }
        Ok(())
    })
}

/// Takes a delivery whose signature is right, and answers at once.
async fn forget(_signed: Signed) -> StatusCode {
    StatusCode::OK
}

pub fn run(table: &mut Table) -> anyhow::Result<()> {
    let start = |kind| {
        let home = Home::new("", "", "")?;
        let mut server = Server::of_this_program(kind, &home)?;
        server.wait()?;
        anyhow::Ok((home, server))
    };
    let ((_bare_home, bare), (_durable_home, durable)) = (start(BARE)?, start(DURABLE)?);
    let mut serial = 0;
    for (events, requests, why) in [
        (1, 20_000, "HTTP and the signature; then one row and its share of a sync"),
        (
            100,
            1_500,
            "the body: HTTP and SHA-256 over 36 kB; then making it smaller, and its share of a sync",
        ),
    ] {
        let mut rounds = Rounds::default();
        for _ in 0..ROUNDS {
            let bare = measure(&bare, events, requests, &mut serial)?;
            rounds.add(bare, measure(&durable, events, requests, &mut serial)?);
        }
        rounds.report(table, events, why);
    }
    let resident = durable.resident_mib()?;
    table.add(
        "memory after those loads, durable intake",
        format!("{resident:.0} MiB"),
        "",
        "SQLite's page caches, at most 16 MiB for each connection",
    );
    Ok(())
}

struct Measured {
    cpu_us: f64,
    per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
}

fn measure(
    server: &Server,
    events: u64,
    requests: u64,
    serial: &mut u64,
) -> anyhow::Result<Measured> {
    let at = SystemClock.now();
    let mut event = || {
        *serial += 1;
        AmountSet { serial: *serial, deal: 1 + *serial % DEALS, amount: *serial, at }
    };
    let signed = (0..requests).map(|_| {
        let events: Vec<_> = (0..events).map(|_| event()).collect();
        webhook::request(server.address, &events)
    });
    let signed: Vec<_> = signed.collect();
    let before = server.cpu()?;
    let load = load::runtime()?.block_on(closed_loop(server.address, signed, CONNECTIONS))?;
    let cpu = server.cpu()? - before;
    Ok(Measured {
        cpu_us: cpu.as_secs_f64() * 1e6 / requests as f64,
        per_s: requests as f64 / load.took.as_secs_f64(),
        p50_ms: percentile_ms(&load.answered_in, 50),
        p99_ms: percentile_ms(&load.answered_in, 99),
    })
}

#[derive(Default)]
struct Rounds {
    bare: Vec<Measured>,
    durable: Vec<Measured>,
}

impl Rounds {
    fn add(&mut self, bare: Measured, durable: Measured) {
        self.bare.push(bare);
        self.durable.push(durable);
    }

    fn report(&self, table: &mut Table, events: u64, why: &'static str) {
        let of = |which: &[Measured], figure: fn(&Measured) -> f64| {
            median(which.iter().map(figure).collect())
        };
        // The round of the median ratio: both of its loads met the same machine.
        let ratio = |(bare, durable): (&Measured, &Measured)| durable.cpu_us / bare.cpu_us;
        let middle = median(self.bare.iter().zip(&self.durable).map(ratio).collect());
        let mut rounds = self.bare.iter().zip(&self.durable);
        let Some((bare, durable)) =
            rounds.find(|round| ratio(*round) >= middle && ratio(*round) <= middle)
        else {
            return;
        };
        let noun = if events == 1 { "event" } else { "events" };
        table.add(
            format!("durable accept, {events} {noun} a request: CPU against no durability"),
            format!("{middle:.1}x ({:.0} against {:.0} us a request)", durable.cpu_us, bare.cpu_us),
            "at most 2.2x",
            why,
        );
        table.add(
            format!("the same load, {events} {noun} a request: durable requests in a second"),
            format!(
                "{:.0} ({:.0} without durability); p50 {:.1} ms, p99 {:.1} ms",
                of(&self.durable, |one| one.per_s),
                of(&self.bare, |one| one.per_s),
                of(&self.durable, |one| one.p50_ms),
                of(&self.durable, |one| one.p99_ms)
            ),
            "",
            "both processors, shared with the load generator",
        );
    }
}
