//! The door: who is let in, what is answered, and that nobody is called for it.

use std::sync::atomic::Ordering;

use touchline_slack::fake::FakeSlack;

use crate::fixture::*;
use crate::wire;

#[tokio::test]
async fn a_webhook_is_answered_without_any_call_while_hubspot_is_down() {
    let scene = Scene::set(Setting::default()).await;
    let deal = scene.deal("Harbour Foods");
    scene.hubspot().set_down(true);
    let app = scene.stage.open().await.unwrap();
    let play = async {
        for n in 0..50 {
            let event = scene.change(deal, "amount", &n.to_string());
            let answer = scene.post(&body(&event)).await;
            assert_eq!((answer.status, answer.body.as_str()), (200, ""));
        }
        assert_eq!(scene.hubspot().call_count(), 0, "the handler calls nobody");
        assert_eq!(scene.appended(), 50);
        assert_eq!(app.intake().counts("hubspot").unwrap().accepted.load(Ordering::Relaxed), 50);
    };
    scene.stage.play(&app, play).await;
}

#[tokio::test]
async fn an_intake_that_is_not_ready_answers_503_and_says_when_to_come_back() {
    let scene = Scene::set(Setting::default()).await;
    let app = scene.stage.open().await.unwrap();
    let play = async {
        let base = &scene.stage.service_url;
        let ready = async || wire::send(base, "GET /readyz", &[], b"").await.status;
        assert_eq!(ready().await, 200);
        assert_eq!(scene.post(b"[]").await.status, 200);
        app.intake().set_ready(false);
        assert_eq!(ready().await, 503);
        assert_eq!(wire::send(base, "GET /healthz", &[], b"").await.status, 200, "it lives");
        let turned_away = scene.post(b"[]").await;
        assert_eq!(turned_away.status, 503);
        assert!(turned_away.head.contains("retry-after: "), "{}", turned_away.head);
        assert_eq!(scene.appended(), 1);
        app.intake().set_ready(true);
        assert_eq!(scene.post(b"[ ]").await.status, 200);
        scene.finish(&app).await;
    };
    scene.stage.play(&app, play).await;
}

#[tokio::test]
async fn unknown_places_and_methods_are_no_doors() {
    let scene = Scene::set(Setting::default()).await;
    let app = scene.stage.open().await.unwrap();
    let play = async {
        let body = b"[]";
        let headers = scene.hubspot().signed_headers("POST", body, scene.now());
        let base = &scene.stage.service_url;
        for (line, status) in [
            ("POST /hooks/nobody", 404),
            ("POST /hooks/nobody/events", 404),
            ("POST /hooks/HubSpot", 404),
            ("POST /hooks/", 404),
            ("POST /hooks/hubspot/a/b", 404),
            ("POST /", 404),
            ("GET /hooks/hubspot", 405),
            ("PUT /hooks/hubspot", 405),
            ("DELETE /hooks/slack/events", 405),
            ("POST /readyz", 405),
        ] {
            let answer = wire::send(base, line, &headers, body).await;
            assert_eq!(answer.status, status, "{line}");
        }
        assert_eq!(scene.appended(), 0);
        scene.finish(&app).await;
    };
    scene.stage.play(&app, play).await;
}

/// Slack posts to three addresses, and each post is stored under its own kind.
#[tokio::test]
async fn the_kind_is_kept_with_what_came() {
    let scene = Scene::set(Setting::default()).await;
    let app = scene.stage.open().await.unwrap();
    let play = async {
        let slack: &FakeSlack = &scene.stage.slack;
        let verified = slack.post(slack.url_verification("3eZbrw1a")).await.unwrap();
        assert_eq!((verified.status, verified.body.as_str()), (200, "3eZbrw1a"));
        assert_eq!(scene.appended(), 0, "a check of the address is no news");
        slack.send_command(ANN_CHAT, "pause week").await.unwrap();
        slack.send_event(&serde_json::json!({ "type": "app_home_opened" })).await.unwrap();
        assert_eq!(scene.post(b"[]").await.status, 200);
        let kinds = scene.inbox_rows("SELECT connection, kind FROM inbox ORDER BY seq");
        assert_eq!(
            kinds,
            [["slack", "hook:commands"], ["slack", "hook:events"], ["hubspot", "hook:"]]
        );
        scene.finish(&app).await;
    };
    scene.stage.play(&app, play).await;
}

/// Authentication is kept out of what is stored.
#[tokio::test]
async fn no_signature_is_stored() {
    let scene = Scene::set(Setting::default()).await;
    let app = scene.stage.open().await.unwrap();
    let play = async {
        assert_eq!(scene.post(b"[]").await.status, 200);
        scene.stage.slack.send_command(ANN_CHAT, "").await.unwrap();
        let stored = scene.inbox_rows("SELECT headers FROM inbox");
        assert_eq!(stored.len(), 2);
        for row in &stored {
            assert!(!row[0].contains("signature"), "{row:?}");
        }
        scene.finish(&app).await;
    };
    scene.stage.play(&app, play).await;
}
