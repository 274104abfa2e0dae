//! The same news again: at the same moment, later, and after a restart.

use touchline::app::App;
use touchline_hubspot::fake::{Actor, MAX_BATCH_EVENTS};
use touchline_rules::UnixMs;
use touchline_rules::time::DAY_MS;
use touchline_slack::fake::FakeUser;

use crate::fixture::*;

/// A batch in which a hundred deals change their stage.
fn batch(scene: &Scene, deals: &[u64]) -> Vec<u8> {
    let moved = deals.iter().map(|deal| {
        let by = Actor::user(ANN_USER).at(scene.now());
        scene.hubspot().set(*deal, "dealstage", "qualifiedtobuy", &by).unwrap();
        scene.change(*deal, "dealstage", "qualifiedtobuy")
    });
    serde_json::Value::Array(moved.collect()).to_string().into_bytes()
}

/// So many that each gets few messages: a chat takes one a second.
const SELLERS: usize = 25;

/// Owners in the CRM, known to the chat.
fn sellers(scene: &Scene) -> Vec<u64> {
    let seller = |n: usize| {
        let (id, email) = (format!("U{n}"), format!("seller{n}@example.com"));
        scene.stage.slack.set_user(FakeUser::new(&id, &email, "Seller", "Europe/London"));
        scene.hubspot().add_owner(&email, "Seller", "Example", 8_000 + n as i64)
    };
    (0..SELLERS).map(seller).collect()
}

const NUDGES: &str = "SELECT COUNT(*) FROM nudge";

#[tokio::test]
async fn the_same_hundred_events_twice_in_parallel_and_after_a_restart_nudge_once() {
    let scene = Scene::set(Setting::default()).await;
    let ago = UnixMs(scene.now().0 - 30 * DAY_MS);
    let owners = sellers(&scene);
    let deals: Vec<_> = (0..MAX_BATCH_EVENTS)
        .map(|n| scene.deal_of(owners[n % SELLERS], &format!("Deal {n}"), ago))
        .collect();
    scene.hubspot().subscribe(Vec::new());
    let app = scene.stage.open().await.unwrap();
    let first = async {
        scene.connect(&app).await;
        scene.wait_minutes(5);
        let batch = batch(&scene, &deals);
        let (one, two) = tokio::join!(scene.post(&batch), scene.post(&batch));
        assert_eq!((one.status, two.status), (200, 200), "a repeat is taken, too");
        scene.settle(&app).await;
        assert_eq!(scene.number(NUDGES), 100);
        again(&scene, &app, &batch).await;
        scene.live_minutes(&app, 10).await;
        batch
    };
    let batch = scene.stage.play(&app, first).await;
    drop(app);
    let app = scene.stage.open().await.unwrap();
    let second = async {
        again(&scene, &app, &batch).await;
        // Hours later HubSpot may still repeat what it thinks was not taken.
        scene.live_minutes(&app, 3 * 60).await;
        again(&scene, &app, &batch).await;
        let said = scene.stage.slack.messages();
        for deal in 0..100 {
            let name = format!("Deal {deal} is in");
            let told = said.iter().filter(|message| message.reads().contains(&name)).count();
            assert_eq!(told, 1, "{name}");
        }
        scene.finish(&app).await;
    };
    scene.stage.play(&app, second).await;
}

async fn again(scene: &Scene, app: &App, batch: &[u8]) {
    let doubles = "SELECT value FROM counter WHERE name = 'doubles'";
    let before = scene.number(doubles);
    assert_eq!(scene.post(batch).await.status, 200);
    scene.settle(app).await;
    assert_eq!(scene.number(doubles) - before, 100, "all of it is known");
    assert_eq!(scene.number(NUDGES), 100);
}

/// Order, doubling and broken event ids change nothing about where a deal ends.
#[tokio::test]
async fn shuffled_and_doubled_news_end_where_ordered_news_end() {
    let mut ends = Vec::new();
    for untidy in [false, true] {
        let scene = Scene::set(Setting::default()).await;
        let deals: Vec<_> = (0..12).map(|n| scene.deal(&format!("Deal {n}"))).collect();
        let app = scene.stage.open().await.unwrap();
        let play = async {
            scene.connect(&app).await;
            let mut knobs = scene.hubspot().webhook_knobs();
            knobs.shuffle = untidy;
            knobs.batch_events = if untidy { 7 } else { 100 };
            knobs.duplicate_percent = if untidy { 40 } else { 0 };
            knobs.repeated_event_id_percent = if untidy { 40 } else { 0 };
            scene.hubspot().set_webhook_knobs(knobs);
            let stages = ["qualifiedtobuy", "presentationscheduled", "contractsent"];
            for (n, stage) in stages.iter().enumerate() {
                for (d, deal) in deals.iter().enumerate() {
                    let at = scene.now().plus_ms((n * 100 + d) as i64);
                    let by = Actor::user(ANN_USER + d as i64).at(at);
                    scene.hubspot().set(*deal, "dealstage", stage, &by).unwrap();
                    let amount = format!("{}", 100 * n + d);
                    scene.hubspot().set(*deal, "amount", &amount, &by).unwrap();
                }
            }
            scene.wait_minutes(1);
            scene.settle(&app).await;
            scene.wait_minutes(1);
            scene.finish(&app).await;
            ends.push((
                scene.rows("SELECT id, stage, owner, pipeline, status FROM deal ORDER BY id"),
                scene.rows(
                    "SELECT deal, field, occurred_at, hex(value_hash) FROM change \
                     ORDER BY deal, field, occurred_at",
                ),
                scene.number(NUDGES),
            ));
        };
        scene.stage.play(&app, play).await;
    }
    let (untidy, tidy) = (ends.pop().unwrap(), ends.pop().unwrap());
    assert_eq!(tidy.2, 36, "three stages of twelve deals");
    assert_eq!(tidy, untidy);
}
