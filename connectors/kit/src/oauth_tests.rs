use super::*;

const NOW: UnixMs = UnixMs(1_800_000_000_000);

static MANIFEST: Manifest = Manifest {
    name: "crm",
    title: "CRM",
    capabilities: &[],
    base_url: "https://api.crm.example.com",
    secrets: &[],
    limits: &[],
    oauth: Some(crate::manifest::OAuth {
        authorize_url: "https://app.crm.example.com/oauth/authorize",
        token_path: "/oauth/token",
        scopes: &["deals.read", "owners+read"],
        account_field: None,
    }),
    daily: None,
    classify: classify_by_status,
    setup: &[],
};

fn app(base_url: &str) -> OAuthApp {
    let network = NetworkPolicy::with_loopback();
    let secret = SecretString::from("fake-client-secret");
    let redirect = "https://touchline.example.com/connect/crm/callback";
    OAuthApp::new(&MANIFEST, base_url, &network, "id-1", secret, redirect).unwrap().unwrap()
}

fn judge(status: u16, body: &str) -> Result<(), CallError> {
    let answer = VendorAnswer { status, headers: Vec::new(), body: body.into() };
    judge_token_answer(&answer, NOW)
}

#[test]
fn the_browser_goes_to_the_vendor_or_to_the_fake() {
    let url = app("https://api.crm.example.com/").authorize_url("st", Some("ch"));
    assert_eq!(
        url,
        "https://app.crm.example.com/oauth/authorize?response_type=code&client_id=id-1\
         &redirect_uri=https%3A%2F%2Ftouchline.example.com%2Fconnect%2Fcrm%2Fcallback\
         &scope=deals.read%20owners%2Bread&state=st&code_challenge=ch&code_challenge_method=S256"
    );
    let url = app("http://127.0.0.1:9101").authorize_url("st", None);
    assert!(url.starts_with("http://127.0.0.1:9101/oauth/authorize?"), "{url}");
    assert!(!url.contains("code_challenge"));
}

/// The example of RFC 7636, appendix B.
#[test]
fn the_challenge_agrees_with_the_standards_vector() {
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    assert_eq!(pkce_challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

#[test]
fn token_answers_are_judged_by_what_to_do_next() {
    let code = |status, body| judge(status, body).map_or_else(|error| error.code(), |()| "ok");
    assert_eq!(code(200, r#"{"access_token":"fake-a","token_type":"bearer"}"#), "ok");
    for (status, body) in [
        (400, r#"{"error":"invalid_grant"}"#),
        (401, r#"{"error":"invalid_client"}"#),
        (400, r#"{"status":"BAD_REFRESH_TOKEN","message":"missing or invalid"}"#),
        (200, r#"{"ok":false,"error":"invalid_refresh_token"}"#),
        (401, "<html>"),
    ] {
        assert_eq!(code(status, body), "unauthorized", "{status} {body}");
    }
    for (status, body) in [
        (500, r#"{"error":"invalid_grant"}"#),
        (503, ""),
        (404, "<html>no such page</html>"),
        (400, "<html>"),
        (200, "<html>sign in to the hotel's network</html>"),
        (302, ""),
        (400, r#"{"error":"temporarily_unavailable"}"#),
        (200, r#"{"ok":false,"error":"ratelimited"}"#),
    ] {
        assert_eq!(code(status, body), "unavailable", "{status} {body}");
    }
    assert_eq!(code(429, r#"{"error":"slow_down"}"#), "limited");
    let error = judge(400, r#"{"error":"invalid_grant","error_description":"it was revoked"}"#);
    assert_eq!(error.unwrap_err().to_string(), "not authorised: invalid_grant it was revoked");
}

#[test]
fn debug_shows_no_secret() {
    let grant = Grant {
        access_token: "fake-secret-a".into(),
        refresh_token: Some("fake-secret-r".into()),
        expires_in_s: Some(1_800),
        extra: serde_json::Map::from_iter([("id_token".to_owned(), "fake-secret-i".into())]),
    };
    let shown = format!("{grant:?} {:?}", app("http://127.0.0.1:9101"));
    assert!(!shown.contains("fake-"), "{shown}");
    assert!(shown.contains("id_token"));
}

#[test]
fn wrong_addresses_are_refused() {
    let network = NetworkPolicy::default();
    let new = |base: &str, redirect: &str| {
        OAuthApp::new(&MANIFEST, base, &network, "id", "fake-s".into(), redirect)
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    let good = "https://touchline.example.com/callback";
    assert!(new("http://169.254.169.254/", good).contains("where calls may not go"));
    assert!(new("http://api.crm.example.com", good).contains("plain http"));
    assert!(new("https://api.crm.example.com", "callback").contains("`callback`"));
}
