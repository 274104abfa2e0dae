//! When the intake cannot take more: the vendor is told to come back, and when it
//! does, nothing is lost and nothing happens twice.

use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::{Either, select};
use rusqlite::Connection;
use touchline::app::App;
use touchline::http::hooks::Counts;
use touchline_hubspot::fake::Actor;

use crate::fixture::*;
use crate::wire::{self, Answer};

/// Why a request finds no room, and how it is told so.
struct Case {
    name: &'static str,
    config: &'static str,
    /// Makes the inbox's file refuse or hold up what is written, and lets go.
    block: (&'static str, &'static str),
    /// Two requests come at once; otherwise one alone.
    crowd: bool,
    status: u16,
    counted: fn(&Counts) -> &AtomicU64,
}

const HELD: (&str, &str) = ("BEGIN IMMEDIATE", "ROLLBACK");
const REFUSED: (&str, &str) = (
    "CREATE TRIGGER full BEFORE INSERT ON inbox BEGIN SELECT RAISE(ABORT, 'no room'); END",
    "DROP TRIGGER full",
);

const CASES: [Case; 5] = [
    Case {
        name: "so many requests wait already",
        config: "[http]\naccept_timeout_ms = 4000\n[inbox]\nqueue_rows_max = 1\n",
        block: HELD,
        crowd: true,
        status: 429,
        counted: |counts| &counts.turned_away,
    },
    Case {
        name: "so many bytes wait already",
        config: "[http]\naccept_timeout_ms = 4000\n[inbox]\nqueue_bytes_max = 400\n",
        block: HELD,
        crowd: true,
        status: 429,
        counted: |counts| &counts.turned_away,
    },
    Case {
        name: "so many bytes are being read already",
        config: "[http]\naccept_timeout_ms = 4000\nbody_max_bytes = 1024\nbodies_bytes_max = 1024\n",
        block: HELD,
        crowd: true,
        status: 429,
        counted: |counts| &counts.turned_away,
    },
    Case {
        name: "the disk is too slow",
        config: "[http]\naccept_timeout_ms = 100\n",
        block: HELD,
        crowd: false,
        status: 503,
        counted: |counts| &counts.failed,
    },
    Case {
        name: "the disk takes nothing",
        config: "",
        block: REFUSED,
        crowd: false,
        status: 503,
        counted: |counts| &counts.failed,
    },
];

#[tokio::test]
async fn a_full_intake_loses_nothing_that_is_sent_again() {
    for case in CASES {
        let config = format!("{}{EAGER}", case.config);
        let scene = Scene::set(Setting { config: &config, ..Setting::default() }).await;
        let deals = [scene.deal("Harbour Foods"), scene.deal("Mill Street")];
        scene.hubspot().subscribe(Vec::new());
        let app = scene.stage.open().await.unwrap();
        scene.stage.play(&app, one(&scene, &app, &case, deals)).await;
    }
}

async fn one(scene: &Scene, app: &App, case: &Case, deals: [u64; 2]) {
    let name = case.name;
    scene.connect(app).await;
    scene.wait_minutes(1);
    let by = Actor::user(ANN_USER).at(scene.now());
    let [first, second] = deals.map(|deal| {
        scene.hubspot().set(deal, "dealstage", "qualifiedtobuy", &by).unwrap();
        body(&scene.change(deal, "dealstage", "qualifiedtobuy"))
    });

    let inbox = Connection::open(scene.folder.path().join("touchline-inbox.db")).unwrap();
    inbox.execute_batch(case.block.0).unwrap();
    let refused = if case.crowd {
        let both = select(Box::pin(scene.post(&first)), Box::pin(scene.post(&second)));
        // Whoever is answered while nothing can be written is refused.
        let (refused, answer, other) = match both.await {
            Either::Left((answer, other)) => (&first, answer, other),
            Either::Right((answer, other)) => (&second, answer, other),
        };
        told_to_come_back(&answer, case);
        inbox.execute_batch(case.block.1).unwrap();
        let other = other.await;
        assert_eq!(other.status, 200, "{name}: the other one has its place");
        refused
    } else {
        told_to_come_back(&scene.post(&first).await, case);
        inbox.execute_batch(case.block.1).unwrap();
        assert_eq!(scene.post(&second).await.status, 200, "{name}: it goes on");
        &first
    };
    let counts = app.intake().counts("hubspot").unwrap();
    assert_eq!((case.counted)(counts).load(Ordering::Relaxed), 1, "{name}");
    let alive = wire::send(&scene.stage.service_url, "GET /readyz", &[], b"").await;
    assert_eq!(alive.status, 200, "{name}");

    // As the vendor does.
    assert_eq!(scene.post(refused).await.status, 200, "{name}");
    scene.settle(app).await;
    let moved = "SELECT stage, COUNT(*) FROM deal GROUP BY stage";
    assert_eq!(scene.rows(moved), [["qualifiedtobuy", "2"]], "{name}");
    assert_eq!(scene.number("SELECT COUNT(*) FROM nudge"), 2, "{name}: each once");
    scene.finish(app).await;
}

fn told_to_come_back(answer: &Answer, case: &Case) {
    assert_eq!(answer.status, case.status, "{}", case.name);
    let after = answer.head.lines().find_map(|line| line.strip_prefix("retry-after: "));
    let after: u64 =
        after.unwrap_or_else(|| panic!("{}: {}", case.name, answer.head)).parse().unwrap();
    assert!((1..=5).contains(&after), "{}: {after} s", case.name);
}
