//! The fake over HTTP: encodings, lost answers, and what it posts.

use std::future::Future;

use serde_json::json;
use touchline_kit::CardView;

use super::tests::{TOKEN, heard, post_nudge, workspace};
use super::*;

/// Serves the fake for as long as the test runs.
async fn served<F: Future<Output = ()>>(slack: &FakeSlack, test: impl FnOnce(String) -> F) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::select! {
        _ = async { axum::serve(listener, slack.router()).await } => panic!("the server ended"),
        () = test(base) => {}
    }
}

#[expect(clippy::disallowed_types, reason = "stands for Slack's own clients")]
fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap()
}

#[tokio::test]
async fn a_click_arrives_signed_and_its_answer_comes_back() {
    let (slack, _) = workspace();
    let ts = post_nudge(&slack, CardView::Open);
    let told = slack.clone();
    let take = async move |headers: axum::http::HeaderMap, body: axum::body::Bytes| {
        let headers = headers.iter();
        let headers = headers.map(|(k, v)| (k.to_string(), v.to_str().unwrap().to_owned()));
        let request =
            SignedRequest { kind: "interactive", headers: headers.collect(), body: body.to_vec() };
        format!("{:?}", heard(&told, &request).len())
    };
    let app = Router::new().route("/hooks/slack/interactive", axum::routing::post(take));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    slack.set_answer_url(&format!("http://{}/hooks/slack/", listener.local_addr().unwrap()));
    tokio::select! {
        _ = async { axum::serve(listener, app).await } => panic!("the server ended"),
        sent = slack.click("U1", &ts, "nudge.snooze", Some("3")) => {
            let sent = sent.unwrap();
            assert_eq!((sent.status, sent.body.as_str()), (200, "1"));
        }
    }
}

#[tokio::test]
async fn an_app_that_is_not_there_is_said_to_be_unreachable() {
    let (slack, _) = workspace();
    let ts = post_nudge(&slack, CardView::Open);
    let error = slack.click("U1", &ts, "nudge.done", None).await.unwrap_err();
    assert!(matches!(error, SendError::Unreachable(_)), "{error}");
    let error = slack.click("U1", &ts, "nudge.dance", None).await.unwrap_err();
    assert!(matches!(error, SendError::Click(ClickError::NoControl(_))), "{error}");
}

#[tokio::test]
async fn both_encodings_are_understood() {
    let (slack, _) = workspace();
    served(&slack, |base| async move {
        let url = format!("{base}/api/chat.postMessage");
        let blocks = json!([{ "type": "divider" }]);
        let form = [("channel", "U1"), ("text", "hi"), ("blocks", &blocks.to_string())];
        let sent = http().post(&url).bearer_auth(TOKEN).form(&form).send().await.unwrap();
        assert!(sent.text().await.unwrap().contains("\"ok\":true"));
        let json = json!({ "channel": "U1", "text": "hi", "blocks": blocks });
        let sent = http().post(&url).bearer_auth(TOKEN).json(&json).send().await.unwrap();
        assert!(sent.text().await.unwrap().contains("\"ok\":true"));
        let url = format!("{base}/api/users.lookupByEmail?email=ada%40example.com");
        let found = http().get(&url).bearer_auth(TOKEN).send().await.unwrap();
        assert!(found.text().await.unwrap().contains("\"U1\""));
        let refused = http().post(format!("{base}/api/auth.test")).send().await.unwrap();
        assert!(refused.text().await.unwrap().contains("not_authed"));
    })
    .await;
    assert_eq!(slack.messages().len(), 2);
}

#[tokio::test]
async fn too_many_messages_meet_a_429() {
    let (slack, _) = workspace();
    served(&slack, |base| async move {
        let url = format!("{base}/api/chat.postMessage");
        let json = json!({ "channel": "U1", "text": "hi" });
        let mut statuses = Vec::new();
        for _ in 0..6 {
            let sent = http().post(&url).bearer_auth(TOKEN).json(&json).send().await.unwrap();
            statuses.push((sent.status().as_u16(), sent.headers().contains_key("retry-after")));
        }
        assert_eq!(statuses[4..], [(200, false), (429, true)]);
    })
    .await;
}

#[tokio::test]
async fn faults_lose_what_they_say_they_lose() {
    let (slack, _) = workspace();
    let scripted = slack.clone();
    served(&slack, |base| async move {
        let url = format!("{base}/api/chat.postMessage");
        let json = json!({ "channel": "U1", "text": "hi" });
        let post = || http().post(&url).bearer_auth(TOKEN).json(&json).send();
        scripted.fail("chat.postMessage", FaultKind::CloseBefore, 1);
        scripted.fail("chat.postMessage", FaultKind::CloseAfter, 1);
        scripted.fail("*", FaultKind::Status(503), 2);
        scripted.fail("*", FaultKind::RateLimited { retry_after_s: 7 }, 1);
        assert!(post().await.is_err());
        assert_eq!(scripted.messages().len(), 0, "closed before anything was done");
        assert!(post().await.is_err());
        assert_eq!(scripted.messages().len(), 1, "done, but the answer was lost");
        assert_eq!(post().await.unwrap().status(), 503);
        assert_eq!(post().await.unwrap().status(), 503);
        assert_eq!(post().await.unwrap().headers()["retry-after"], "7");
        assert_eq!(post().await.unwrap().status(), 200);
        assert_eq!(scripted.messages().len(), 2);
    })
    .await;
    let outcomes: Vec<_> = slack.requests().into_iter().map(|r| (r.status, r.outcome)).collect();
    assert_eq!(outcomes.len(), 6);
    assert_eq!(outcomes[0], (0, "fault: closed before".into()));
}
