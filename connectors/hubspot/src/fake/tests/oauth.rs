//! Connecting an app, and losing the connection.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest, Sha256};
use touchline_rules::time::{MINUTE_MS, SECOND_MS};

use super::*;
use crate::fake::OAuthAdmin;

const BACK: &str = "http://127.0.0.1:8080/connect/hubspot/callback";

fn authorize(fake: &FakeHubSpot, more: &[(&str, &str)]) -> ApiAnswer {
    let mut query = vec![
        ("client_id", "fake-client-id"),
        ("redirect_uri", BACK),
        ("scope", "oauth crm.objects.deals.read"),
        ("state", "st"),
    ];
    for (name, value) in more {
        query.retain(|(known, _)| known != name);
        query.push((name, value));
    }
    let query = query.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    fake.answer(&ApiRequest {
        method: "GET".into(),
        path: "/oauth/authorize".into(),
        query: query.collect(),
        ..ApiRequest::default()
    })
}

/// The query that the browser brings back.
fn landed(answer: &ApiAnswer) -> Vec<(String, String)> {
    assert_eq!(answer.status, 302, "{answer:?}");
    let location = url::Url::parse(&answer.headers[0].1).unwrap();
    assert!(location.as_str().starts_with(BACK));
    location.query_pairs().into_owned().collect()
}

fn code(fake: &FakeHubSpot, more: &[(&str, &str)]) -> String {
    let query = landed(&authorize(fake, more));
    assert!(query.contains(&("state".to_owned(), "st".to_owned())));
    query.into_iter().find(|(name, _)| name == "code").unwrap().1
}

fn post(fake: &FakeHubSpot, path: &str, form: &[(&str, &str)]) -> ApiAnswer {
    let app = [("client_id", "fake-client-id"), ("client_secret", "fake-client-secret")];
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(app.iter().chain(form));
    let mut request = ApiRequest::json_call("POST", path, "", &Value::Null);
    request.authorization = None;
    request.content_type = Some("application/x-www-form-urlencoded".into());
    request.body = body.finish().into_bytes();
    fake.answer(&request)
}

fn exchange(fake: &FakeHubSpot, path: &str, code: &str, more: &[(&str, &str)]) -> ApiAnswer {
    let mut form = vec![("grant_type", "authorization_code"), ("code", code)];
    if !more.iter().any(|(name, _)| *name == "redirect_uri") {
        form.push(("redirect_uri", BACK));
    }
    form.extend_from_slice(more);
    post(fake, path, &form)
}

fn deals_status(fake: &FakeHubSpot, token: &str) -> u16 {
    let path = "/crm/v3/objects/deals";
    fake.answer(&ApiRequest::json_call("GET", path, token, &Value::Null)).status
}

#[test]
fn from_code_to_calls_to_refresh() {
    let (fake, clock) = fake();
    for path in
        ["/oauth/v1/token", "/oauth/v3/token", "/oauth/2026-03/token", "/oauth/2026-09/token"]
    {
        let answer = exchange(&fake, path, &code(&fake, &[]), &[]);
        let tokens = answer.body.unwrap();
        assert_eq!(tokens["expires_in"], 1800);
        assert_eq!(tokens["token_use"].is_string(), path != "/oauth/v1/token");
        let access = tokens["access_token"].as_str().unwrap();
        assert!(access.len() >= 300);
        assert_eq!(deals_status(&fake, access), 200);
        clock.advance_ms(1_800 * SECOND_MS);
        assert_eq!(deals_status(&fake, access), 401);
        let refresh = tokens["refresh_token"].as_str().unwrap();
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
        let again = post(&fake, path, &form).body.unwrap();
        assert_eq!(again["refresh_token"], refresh);
        assert_eq!(deals_status(&fake, again["access_token"].as_str().unwrap()), 200);
    }
}

#[test]
fn a_code_works_once_soon_and_for_its_own_redirect() {
    let (fake, clock) = fake();
    let path = "/oauth/2026-03/token";
    let refused = |answer: ApiAnswer| {
        assert_eq!(answer.status, 400);
        let body = answer.body.unwrap();
        assert_eq!(
            (&body["status"], &body["error"]),
            (&json!("BAD_AUTH_CODE"), &json!("invalid_grant"))
        );
        assert_eq!(body["message"], body["error_description"]);
    };
    let once = code(&fake, &[]);
    assert_eq!(exchange(&fake, path, &once, &[]).status, 200);
    refused(exchange(&fake, path, &once, &[]));
    let elsewhere = [("redirect_uri", "http://127.0.0.1:8080/connect/hubspot/callback/")];
    refused(exchange(&fake, path, &code(&fake, &[]), &elsewhere));
    let late = code(&fake, &[]);
    clock.advance_ms(MINUTE_MS);
    refused(exchange(&fake, path, &late, &[]));
}

#[test]
fn pkce_is_checked_where_it_was_asked_for() {
    let (fake, _) = fake();
    let path = "/oauth/2026-03/token";
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(b"verifier"));
    let asked = [("code_challenge", challenge.as_str()), ("code_challenge_method", "S256")];
    let fits = [("code_verifier", "verifier")];
    assert_eq!(exchange(&fake, path, &code(&fake, &asked), &fits).status, 200);
    assert_eq!(exchange(&fake, path, &code(&fake, &asked), &[]).status, 400);
    assert_eq!(exchange(&fake, path, &code(&fake, &[]), &fits).status, 200);
}

#[test]
fn the_authorize_page_refuses_what_the_app_does_not_declare() {
    let (fake, _) = fake();
    assert_eq!(authorize(&fake, &[("scope", "oauth tickets")]).status, 400);
    assert_eq!(authorize(&fake, &[("optional_scope", "automation")]).status, 400);
    assert_eq!(authorize(&fake, &[("redirect_uri", "http://evil.example.com/")]).status, 400);
    assert_eq!(authorize(&fake, &[("client_id", "fake-other")]).status, 400);
    let email = "admin@example.com".to_owned();
    fake.set_oauth_admin(OAuthAdmin { user_id: 9, email, approves: false });
    let query = landed(&authorize(&fake, &[]));
    assert!(query.contains(&("error".to_owned(), "access_denied".to_owned())));
}

#[test]
fn secrets_belong_into_the_body() {
    let (fake, _) = fake();
    let code = code(&fake, &[]);
    let path = format!("/oauth/2026-03/token?code={code}");
    let answer = exchange(&fake, &path, &code, &[]);
    assert_eq!(answer.body.unwrap()["error"], "invalid_request");
    assert_eq!(exchange(&fake, "/oauth/2026-03/token", &code, &[]).status, 200);
}

#[test]
fn introspection_revocation_uninstalling() {
    let (fake, _) = fake();
    let tokens = |fake: &FakeHubSpot| {
        let body = exchange(fake, "/oauth/2026-03/token", &code(fake, &[]), &[]).body.unwrap();
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        (text("access_token"), text("refresh_token"))
    };
    let about = |token: &str| {
        let form = [("token", token)];
        post(&fake, "/oauth/2026-03/token/introspect", &form).body.unwrap()
    };
    let (access, refresh) = tokens(&fake);
    assert_eq!(about(&access)["token_use"], "access_token");
    assert_eq!(about(&access)["hub_id"], fake.config().portal_id);
    assert_eq!(about(&refresh)["token_use"], "refresh_token");
    assert_eq!(about("fake-nothing"), json!({"active": false}));

    assert_eq!(post(&fake, "/oauth/2026-03/token/revoke", &[("token", &refresh)]).status, 200);
    assert_eq!(about(&access), json!({"active": false}));
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    let body = post(&fake, "/oauth/v1/token", &form).body.unwrap();
    assert_eq!(
        (&body["status"], &body["error"]),
        (&json!("BAD_REFRESH_TOKEN"), &json!("invalid_grant"))
    );

    let (access, refresh) = tokens(&fake);
    let path = "/appinstalls/2026-09/external-install";
    let bye = ApiRequest::json_call("DELETE", path, &access, &Value::Null);
    assert_eq!(fake.answer(&bye).status, 204);
    assert_eq!(deals_status(&fake, &access), 401);
    assert_eq!(about(&refresh), json!({"active": false}));

    fake.set_rotate_refresh(true);
    let (_, refresh) = tokens(&fake);
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    assert_ne!(post(&fake, "/oauth/v3/token", &form).body.unwrap()["refresh_token"], refresh);
    assert_eq!(post(&fake, "/oauth/v3/token", &form).status, 400);
}
