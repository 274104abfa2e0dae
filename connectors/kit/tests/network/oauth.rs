//! The code exchange and the refresh, against a token endpoint.

use secrecy::{ExposeSecret as _, SecretString};
use touchline_kit::oauth::{OAuthApp, OAuthHttp};
use touchline_kit::{CallError, NetworkPolicy, Timeouts};

use crate::server::{MANIFEST, NOW, answer, serve};

fn app(base_url: &str) -> (OAuthApp, OAuthHttp) {
    let network = NetworkPolicy::with_loopback();
    let secret = SecretString::from("fake-client-secret");
    let redirect = "https://touchline.example.com/callback";
    let app = OAuthApp::new(&MANIFEST, base_url, &network, "id-1", secret, redirect);
    (app.unwrap().unwrap(), OAuthHttp::new(network, Timeouts::default(), "touchline").unwrap())
}

#[tokio::test]
async fn codes_and_refresh_tokens_are_traded_for_grants() {
    let server = serve(|request| {
        let is_right = request.uri() == "/oauth/token"
            && request.headers()["content-type"] == "application/x-www-form-urlencoded"
            && !request.headers().contains_key("authorization");
        let status = if is_right { 200 } else { 400 };
        let body = r#"{"token_type":"bearer","access_token":"fake-a","refresh_token":"fake-r",
            "expires_in":1800,"hub_id":33,"scopes":["read"]}"#;
        answer(status, ("content-type", "application/json"), body)
    })
    .await;
    let (app, http) = app(&server.url);
    let grant = app.exchange_code(&http, "code-1", Some("verifier"), NOW).await.unwrap();
    assert_eq!(grant.access_token.expose_secret(), "fake-a");
    assert_eq!(grant.refresh_token.as_ref().unwrap().expose_secret(), "fake-r");
    assert_eq!((grant.expires_in_s, &grant.extra["hub_id"]), (Some(1_800), &33.into()));
    let again = app.refresh(&http, &SecretString::from("fake-r"), NOW).await.unwrap();
    assert_eq!(again.access_token.expose_secret(), "fake-a");
    assert_eq!(server.seen(), 2);
}

/// Slack's form: another token type, scopes with commas, no expiry.
#[tokio::test]
async fn unusual_grants_are_read() {
    let server = serve(|_| {
        let body = r#"{"ok":true,"token_type":"bot","access_token":"fake-b","scope":"a,b",
            "team":{"id":"T1"},"enterprise":null}"#;
        answer(200, ("content-type", "application/json"), body)
    })
    .await;
    let (app, http) = app(&server.url);
    let grant = app.exchange_code(&http, "code-1", None, NOW).await.unwrap();
    assert_eq!((grant.expires_in_s, grant.refresh_token.is_none()), (None, true));
    assert_eq!(grant.extra["team"]["id"], "T1");
}

#[tokio::test]
async fn a_grant_that_is_gone_is_not_mistaken_for_a_bad_moment() {
    let server = serve(|_| answer(400, ("x", "y"), r#"{"error":"invalid_grant"}"#)).await;
    let (app, http) = app(&server.url);
    let error = app.refresh(&http, &SecretString::from("fake-r"), NOW).await.unwrap_err();
    assert_eq!(error, CallError::Unauthorized { detail: "invalid_grant".into() });

    let busy = serve(|_| answer(503, ("retry-after", "3"), "")).await;
    let (app, http) = self::app(&busy.url);
    let error = app.refresh(&http, &SecretString::from("fake-r"), NOW).await.unwrap_err();
    let retry_at = Some(NOW.plus_ms(3_000));
    assert_eq!(error, CallError::Unavailable { retry_at, detail: "HTTP 503".into() });
}

#[tokio::test]
async fn an_unreadable_grant_names_the_field_and_not_its_value() {
    let server = serve(|_| {
        let body = r#"{"access_token":"fake-a","token_type":"bearer","expires_in":"fake-soon"}"#;
        answer(200, ("x", "y"), body)
    })
    .await;
    let (app, http) = app(&server.url);
    let error = app.refresh(&http, &SecretString::from("fake-r"), NOW).await.unwrap_err();
    assert_eq!(error.code(), "refused");
    assert!(!error.to_string().contains("fake-"), "{error}");
}

#[tokio::test]
async fn the_bridge_is_guarded_and_follows_no_redirect() {
    let target = serve(|_| answer(200, ("x", "y"), "")).await;
    let to = target.url.clone();
    let server = serve(move |_| answer(302, ("location", &to), "")).await;
    let (app, http) = app(&server.url);
    let error = app.refresh(&http, &SecretString::from("fake-r"), NOW).await.unwrap_err();
    assert_eq!((error.code(), target.seen()), ("unavailable", 0));

    let closed =
        OAuthHttp::new(NetworkPolicy::default(), Timeouts::default(), "touchline").unwrap();
    let error = app.refresh(&closed, &SecretString::from("fake-r"), NOW).await.unwrap_err();
    assert!(error.to_string().contains("allow_loopback would permit it"), "{error}");
    assert_eq!(server.seen(), 1);
}
