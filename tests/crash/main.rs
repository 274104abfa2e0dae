//! The real program, killed and stopped at random points of a burst: what it has
//! acknowledged takes effect, and nobody is told twice.
//!
//! Fakes of HubSpot and Slack run in the test's process; the program runs in its
//! own, on the machine's clock. What has to come of the burst is worked out here
//! from what happened in the account, not by the program's code.

mod company;
mod ledger;
mod serve;
mod storm;
mod vendors;

use std::time::{Duration, Instant};

use storm::{Force, Storm};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_nothing_acknowledged_is_lost_or_said_twice() {
    let verdict = weather(Force { deals: 60, events: 1_500, kills: 5, seed: 1 }).await;
    println!("{verdict}");
}

/// The full measure, for `make soak`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: `make soak` runs it"]
async fn ten_thousand_events_and_twenty_kills() {
    let seed = u64::from(std::process::id());
    let verdict = weather(Force { deals: 400, events: 10_000, kills: 20, seed }).await;
    println!("{verdict}");
}

/// Lives through it all; the seed tells what was done, not at which instruction
/// the program died.
async fn weather(force: Force) -> String {
    let mut storm = Storm::gather(force).await;
    let started = clock();
    let mut in_flight = 0;
    for _ in 0..force.kills {
        storm.blow(force.events / (force.kills + 1));
        in_flight += storm.kill_somewhere().await;
        storm.serve.start().await;
    }
    storm.blow(force.events - storm.company.changes.len());
    storm.calm().await;
    let calm_after = started.elapsed();
    let stopped_after = storm.stop().await;
    let verdict = storm.judge(in_flight);
    format!("{force:?}\n{verdict:#?}\ncalm after {calm_after:?}, stopped in {stopped_after:?}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_finishes_what_has_begun_and_nobody_is_told_twice() {
    let force = Force { deals: 40, events: 900, kills: 0, seed: 3 };
    let mut storm = Storm::gather(force).await;
    for pause_ms in [0, 80, 400] {
        storm.blow(force.events / 3);
        let Storm { vendors, serve, .. } = &mut storm;
        let stopping = async {
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            serve.terminate(Duration::from_secs(10)).await
        };
        let (_, stopped) = tokio::join!(vendors.send_all(), stopping);
        let (status, _) = stopped.expect("it stops within 10 s of SIGTERM");
        assert!(status.success(), "{status}\n{}", storm.serve.said());
        let claimed = storm.ledger.number("SELECT COUNT(*) FROM delivery WHERE state = 'claimed'");
        assert_eq!(claimed, 0, "a stop settles every delivery it has begun");
        storm.serve.start().await;
    }
    storm.calm().await;
    storm.stop().await;
    storm.judge(0);
}

#[expect(clippy::disallowed_methods, reason = "measures how long a real process takes")]
fn clock() -> Instant {
    Instant::now()
}
