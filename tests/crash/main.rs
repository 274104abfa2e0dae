//! The real program, killed and stopped at random points of a burst: what it has
//! acknowledged takes effect, and nobody is told twice.
//!
//! Fakes of HubSpot and Slack run in the test's process; the program runs in its
//! own, on the machine's clock. What has to come of the burst is worked out here
//! from what happened in the account, not by the program's code.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its set-up fails")]

mod company;
mod ledger;
mod mass;
mod serve;
mod storm;
mod vendors;

use std::time::{Duration, Instant};

use storm::{Force, Storm};
use touchline_slack::fake::FaultKind;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_events_and_twenty_kills_lose_nothing_and_say_nothing_twice() {
    let force = Force { deals: 400, events: 10_000, kills: 20, seed: 1 };
    println!("{}", weather(force).await);
}

/// The same for `make soak`, with seeds of its own at each run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: `make soak` runs it"]
async fn soak_ten_thousand_events_and_twenty_kills_again_and_again() {
    const STORMS: u64 = 8;
    let first = u64::from(std::process::id()) * STORMS;
    for seed in first..first + STORMS {
        println!("{}", weather(Force { deals: 400, events: 10_000, kills: 20, seed }).await);
    }
}

/// Lives through it all. The seed says what is done; at which instruction the
/// program dies, nobody can say.
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

/// A stop in the rush of requests, a stop while events are handled, and a stop
/// with more messages waiting than can be sent before it has to be over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_finishes_what_has_begun_and_nobody_is_told_twice() {
    let force = Force { deals: 200, events: 6_000, kills: 0, seed: 3 };
    let mut storm = Storm::gather(force).await;
    for (pause_ms, slack_takes_ms) in [(0, 1), (80, 20), (2_500, 400)] {
        storm.vendors.slack.clear_faults();
        let slow = FaultKind::Slow { ms: slack_takes_ms };
        storm.vendors.slack.fail("chat.postMessage", slow, u32::MAX);
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
    storm.vendors.slack.clear_faults();
    storm.calm().await;
    storm.stop().await;
    storm.judge(0);
}

#[expect(clippy::disallowed_methods, reason = "measures how long a real process takes")]
fn clock() -> Instant {
    Instant::now()
}
