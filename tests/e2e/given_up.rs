//! Events that are given up: kept once, replayed alone.

use serde_json::{Value, json};

use crate::fixture::*;

const LETTERS: &str = "SELECT COUNT(*) FROM dead_letter WHERE state = 'waiting'";

/// A second account's app calls this address: a hundred foreign events a request,
/// and one of ours among them.
#[tokio::test]
async fn a_hundred_letters_of_one_request_are_kept_and_replayed_as_one() {
    let scene = Scene::set(Setting::default()).await;
    let deal = scene.deal("Harbour Foods");
    scene.hubspot().subscribe(Vec::new());
    let app = scene.stage.open().await.unwrap();
    let play = async {
        scene.connect(&app).await;
        scene.wait_minutes(1);
        let mut events = vec![scene.change(deal, "amount", "77")];
        for n in 0..100 {
            let mut foreign = scene.change(deal, "amount", &n.to_string());
            foreign["portalId"] = json!(1);
            events.push(foreign);
        }
        assert_eq!(scene.post(Value::Array(events).to_string().as_bytes()).await.status, 200);
        scene.settle(&app).await;
        assert_eq!(scene.number(LETTERS), 100);
        assert_eq!(scene.number("SELECT COUNT(*) FROM dead_request"), 1, "its body once");

        let store = &app.service().store;
        let seq = scene.number("SELECT MAX(seq) FROM dead_request").unsigned_abs();
        let count = async |name: &str| {
            store.count_of("hubspot".into(), name.into(), i64::MIN, i64::MAX).await.unwrap()
        };
        let stored = scene.number("SELECT seq FROM cursor");
        let doubles = count("doubles").await;
        let (_, places) = store.replay_dead_letters(seq, vec![3, 4]).await.unwrap();
        assert_eq!(places, [3, 4]);
        scene.settle(&app).await;
        assert_eq!(scene.number("SELECT seq FROM cursor"), stored + 1, "one row of the inbox");
        let again = format!("SELECT place FROM dead_letter WHERE seq = {}", stored + 1);
        assert_eq!(scene.rows(&again), [["3"], ["4"]], "those two, and under their own names");
        assert_eq!(count("doubles").await, doubles, "what was well handled is not touched");
        store.replay_dead_letters(seq, vec![]).await.unwrap();
        scene.settle(&app).await;
        assert_eq!(scene.number(LETTERS), 100, "as many as before: they are foreign still");
        assert_eq!(count("doubles").await, doubles);
        scene.finish(&app).await;
    };
    scene.stage.play(&app, play).await;
}

#[tokio::test]
async fn what_is_given_up_is_forgotten_when_its_time_is_over() {
    let config = format!("{EAGER}[retention]\ndead_letters_days = 10\n");
    let scene = Scene::set(Setting { config: &config, ..Setting::default() }).await;
    scene.hubspot().subscribe(Vec::new());
    let app = scene.stage.open().await.unwrap();
    let play = async {
        scene.connect(&app).await;
        assert_eq!(scene.post(b"no list").await.status, 200);
        app.service().store.count_failed_try(1, 0).await.unwrap();
        const DAY_MINUTES: i64 = 24 * 60;
        for (days, left) in [(9, 1), (2, 0)] {
            scene.wait_minutes(days * DAY_MINUTES);
            scene.settle(&app).await;
            scene.settle(&app).await;
            assert_eq!(scene.number(LETTERS), left);
            assert_eq!(scene.number("SELECT COUNT(*) FROM dead_request"), left);
        }
        assert_eq!(scene.number("SELECT COUNT(*) FROM attempt"), 0, "it was handled");
    };
    scene.stage.play(&app, play).await;
}
