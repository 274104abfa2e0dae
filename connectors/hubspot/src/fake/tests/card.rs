//! A card's calls as the backend sees them.

use std::sync::Mutex;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde_json::json;

use super::*;
use crate::fake::{CardError, CardViewer, WebhookKnobs, sign_v2, sign_v3};

type Seen = Arc<Mutex<Vec<(String, String, Option<String>)>>>;

/// Notes address and signatures; `/broken` answers 503.
async fn backend(State(seen): State<Seen>, request: Request) -> (StatusCode, &'static str) {
    let header = |name: &str| {
        request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    let v3 = header("x-hubspot-signature-v3").unwrap_or_default();
    let v2 = header("x-hubspot-signature");
    seen.lock().unwrap().push((request.uri().to_string(), v3, v2));
    match request.uri().path() {
        "/broken" => (StatusCode::SERVICE_UNAVAILABLE, "no"),
        _ => (StatusCode::OK, "tips"),
    }
}

#[tokio::test]
async fn a_card_calls_as_the_person_who_looks_at_it() {
    let (fake, _) =
        fake_with(|config| config.permitted_urls = vec!["https://tl.example.com".into()]);
    let viewer = CardViewer { user_id: 7, email: "seller0@example.com".into() };
    let seen = Seen::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let real = format!("http://{}", listener.local_addr().unwrap());
    fake.set_target("https://tl.example.com/hooks/hubspot", Some(&real));
    let app = Router::new().fallback(backend).with_state(seen.clone());
    let story = async {
        let url = "https://tl.example.com/panel/hubspot/tips?objectId=5";
        let answer = fake.card_fetch(&viewer, "GET", url, None).await.unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b"tips"[..]));
        let raw = WebhookKnobs { decoded_uri: false, ..WebhookKnobs::default() };
        fake.set_webhook_knobs(raw);
        let body = json!({"done": true});
        fake.card_fetch(&viewer, "POST", url, Some(&body)).await.unwrap();
        let broken = "https://tl.example.com/broken";
        assert_eq!(fake.card_fetch(&viewer, "GET", broken, None).await.unwrap().status, 503);
        for url in ["https://evil.example.com/", "https://tl.example.com.evil.example.com/"] {
            let refused = fake.card_fetch(&viewer, "GET", url, None).await;
            assert!(matches!(refused, Err(CardError::NotPermitted(_))), "{url}");
        }
        let large = json!("x".repeat(1024 * 1024));
        let refused = fake.card_fetch(&viewer, "POST", url, Some(&large)).await;
        assert!(matches!(refused, Err(CardError::TooLarge(_))));
    };
    tokio::select! {
        ended = axum::serve(listener, app) => panic!("the backend ended: {ended:?}"),
        () = story => {}
    }
    let seen = seen.lock().unwrap();
    let query =
        "objectId=5&userId=7&portalId=247279312&userEmail=seller0%40example.com&appId=51879189";
    let sent = format!("/panel/hubspot/tips?{query}");
    let public = format!("https://tl.example.com{sent}");
    let secret = "fake-client-secret";
    assert_eq!(seen[0].0, sent);
    assert_eq!(seen[0].1, sign_v3(secret, "GET", &public.replace("%40", "@"), b"", START));
    assert_eq!(seen[0].2.as_deref(), Some(sign_v2(secret, "GET", &public, b"").as_str()));
    assert_eq!(seen[1].1, sign_v3(secret, "POST", &public, br#"{"done":true}"#, START));
    assert_eq!(seen.len(), 4, "a 5xx is tried once more");
}
