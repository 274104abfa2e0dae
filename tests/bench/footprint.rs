//! How small it is, and how soon it is there.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use touchline::clock::{Clock as _, SystemClock};

use crate::cost::median;
use crate::fakes::Fakes;
use crate::report::Table;
use crate::server::{Home, Server, TOUCHLINE};
use crate::webhook::{self, AmountSet};

const STARTS: usize = 5;
/// A start that took longer has failed.
const START_MS: u64 = 20_000;
/// How long it idles before its memory is read.
const IDLE_MS: u64 = 5_000;

pub fn run(table: &mut Table) -> anyhow::Result<()> {
    let size = std::fs::metadata(TOUCHLINE)?.len() as f64 / f64::from(1 << 20);
    let why = "SQLite, TLS, the time zone database and the fakes of the demo are inside";
    table.add("size of the binary", format!("{size:.1} MiB"), "", why);
    let fakes = Fakes::start()?;
    let (of_hubspot, more) = fakes.config();
    let home = || Home::new("", &of_hubspot, &more);
    let (mut new, mut known, mut resident) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let home = home()?;
        let (ms, server) = start(&home)?;
        new.push(ms);
        drop(server);
        let (ms, server) = start(&home)?;
        known.push(ms);
        std::thread::sleep(Duration::from_millis(IDLE_MS / STARTS as u64));
        resident.push(server.resident_mib()?);
        if resident.len() == STARTS {
            std::thread::sleep(Duration::from_millis(IDLE_MS));
            resident = vec![server.resident_mib()?];
        }
    }
    table.add(
        "cold start to the first accepted webhook",
        format!("{:.0} ms with a new database, {:.0} ms with one", median(new), median(known)),
        "under 300 ms",
        "a new database: two schemas made with a sync each",
    );
    table.add(
        "memory when idle, HubSpot and Slack connected",
        format!("{:.0} MiB", median(resident)),
        "under 40 MB",
        "code pages of the binary; SQLite connections",
    );
    Ok(())
}

/// Starts the shipped program, and measures until it has accepted a webhook.
fn start(home: &Home) -> anyhow::Result<(f64, Server)> {
    let event = AmountSet { serial: 1, deal: 1, amount: 1, at: SystemClock.now() };
    let request = webhook::request(home.address, &[event]);
    let begun = Instant::now();
    let server = Server::shipped(home)?;
    while !is_accepted(home, &request) {
        let waited = begun.elapsed();
        anyhow::ensure!(waited < Duration::from_millis(START_MS), "not ready after {waited:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok((begun.elapsed().as_secs_f64() * 1e3, server))
}

fn is_accepted(home: &Home, request: &[u8]) -> bool {
    const OK: &[u8] = b"HTTP/1.1 200";
    let mut answer = [0; OK.len()];
    let asked = TcpStream::connect(home.address).and_then(|mut stream| {
        stream.write_all(request)?;
        stream.read_exact(&mut answer)
    });
    asked.is_ok() && answer == OK
}
