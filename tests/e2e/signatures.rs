//! Signatures through HTTP: the vendors' published vectors, and everything that
//! must not pass for one.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::routing::any;
use tokio::net::TcpListener;
use touchline::app::App;
use touchline::clock::ManualClock;
use touchline::config::Config;
use touchline::http::{hooks, server};
use touchline_hubspot::fake::{sign_v1, sign_v2, sign_v3};
use touchline_rules::UnixMs;

use crate::fixture::*;
use crate::wire::{self, Answer};

/// A published signature.
struct Vector {
    secret: &'static str,
    line: &'static str,
    public_url: &'static str,
    at: i64,
    body: &'static str,
    version: &'static str,
    signature: &'static str,
}

const WEBHOOK: &str = "f6e94c08-85d0-4608-bcc6-e1850176e7b8";
const WEBHOOK_AT: i64 = 1_632_188_626_483;
const CARD: &str = "12345678-aaaa-bbbb-cccc-ddddeeeeffff";
const CARD_LINE: &str = "GET /?appId=1&portalId=2&userId=3";
const CARD_AT: i64 = 1_111_111_111;
const SAMPLE: &str = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy";
const SAMPLE_URL: &str = "https://www.example.com";
const SAMPLE_EVENT: &str = r#"[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW","appId":54321}]"#;
const ESCAPED: &str = "GET /hs/tips?userEmail=a%40b.test&q=x%20y%26z";

/// HubSpot's own vectors: of its webhook backend, its developer tools and its
/// client libraries, and one for an address with escapes, decoded and as sent.
#[rustfmt::skip]
const VECTORS: [Vector; 13] = [
    Vector { secret: WEBHOOK, line: "POST /webhook", public_url: "https://www.hubspot.com", at: WEBHOOK_AT, body: "REQUEST_BODY", version: "v2", signature: "57bb01a6e6ac92919b5e715d68f40265328701bbf1cf3fd73772887069945766" },
    Vector { secret: WEBHOOK, line: "POST /webhook", public_url: "https://www.hubspot.com", at: WEBHOOK_AT, body: "REQUEST_BODY", version: "v3", signature: "jf872r5vscVcxCiDRHA4rGrqe/8BPLNVkdJSHdMnGTU=" },
    Vector { secret: WEBHOOK, line: "POST /webhook", public_url: "https://www.hubspot.com", at: WEBHOOK_AT, body: "", version: "v2", signature: "befaef2b7354f11bf651f6468e8b5cf6bd449048deaf057f712980afb2a682f5" },
    Vector { secret: WEBHOOK, line: "POST /webhook", public_url: "https://www.hubspot.com", at: WEBHOOK_AT, body: "", version: "v3", signature: "csXgk7UbrE9F8ZmMvbpuKBxqIvTSqU1EX9pI/SJtxSE=" },
    Vector { secret: CARD, line: CARD_LINE, public_url: "https://hubspot.com", at: CARD_AT, body: "", version: "v2", signature: "99080134002180aee8d0884d21ad51288c43b57e9953e4db1e3757999b35c392" },
    Vector { secret: CARD, line: CARD_LINE, public_url: "https://hubspot.com", at: CARD_AT, body: "", version: "v3", signature: "zTfXjo07jfzGouo4wvyAj3qEMUTVJ0PPYPACrluQtQI=" },
    Vector { secret: CARD, line: CARD_LINE, public_url: "https://hubspot.com", at: CARD_AT, body: r#"{"a":1,"b":2}"#, version: "v2", signature: "bc131b34cd63dafbbd2e969e87167311f5f6c0cd543c90fe84c73496093cf4a2" },
    Vector { secret: CARD, line: CARD_LINE, public_url: "https://hubspot.com", at: CARD_AT, body: r#"{"a":1,"b":2}"#, version: "v3", signature: "aaknaCGCYJ4yqzuf1UKGqAWUfdcilJtm5nc/ZCudR9k=" },
    Vector { secret: SAMPLE, line: "POST /any", public_url: SAMPLE_URL, at: CARD_AT, body: SAMPLE_EVENT, version: "v1", signature: "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de" },
    Vector { secret: SAMPLE, line: "GET /webhook_uri", public_url: SAMPLE_URL, at: CARD_AT, body: "", version: "v2", signature: "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e" },
    Vector { secret: SAMPLE, line: "POST /webhook_uri", public_url: SAMPLE_URL, at: CARD_AT, body: r#"{"example_field":"example_value"}"#, version: "v2", signature: "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900" },
    Vector { secret: "s3cr3t", line: ESCAPED, public_url: "https://tl.example.test", at: 1_700_000_000_000, body: "", version: "v3", signature: "leYZugu99RCys1eYqAW4o+1kRICHgGX5SubSMAFsjWI=" },
    Vector { secret: "s3cr3t", line: ESCAPED, public_url: "https://tl.example.test", at: 1_700_000_000_000, body: "", version: "v3", signature: "4sUjrpMMAUWrPBpjIktOI9lkXlU2CIc0Xj17aWLnoEQ=" },
];

fn hubspot_headers(version: &str, signature: &str, stamp: &str) -> Vec<(String, String)> {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    if version == "v3" {
        return vec![
            header("x-hubspot-signature-v3", signature),
            header("x-hubspot-request-timestamp", stamp),
        ];
    }
    vec![header("x-hubspot-signature", signature), header("x-hubspot-signature-version", version)]
}

#[tokio::test]
async fn hubspots_published_vectors_are_accepted_and_any_other_body_is_not() {
    for vector in &VECTORS {
        let headers = hubspot_headers(vector.version, vector.signature, &vector.at.to_string());
        let other = format!("{} ", vector.body);
        let [right, wrong] = judged(vector, &headers, [vector.body, &other]).await;
        let shown = format!("{} {} {:?}", vector.line, vector.version, vector.body);
        assert_eq!(right.status, 200, "{shown}");
        assert_eq!(wrong.status, 401, "{shown}");
    }
}

/// The vectors' own addresses, behind a prefix that is taken away again before
/// the handler sees them.
async fn judged(vector: &Vector, headers: wire::Headers<'_>, bodies: [&str; 2]) -> [Answer; 2] {
    let folder = tempfile::tempdir().unwrap();
    let app = App::open(
        Config::from_toml(&format!(
            "public_url = \"{}\"\ndatabase = \"sqlite:{folder}/t.db\"\nkey_file = \"{folder}/t.key\"\n\
             [connections.hubspot]\nconnector = \"hubspot\"\nclient_secret = \"{}\"\n\
             access_token = \"fake-token\"\n",
            vector.public_url,
            vector.secret,
            folder = folder.path().display(),
        ))
        .unwrap(),
        Arc::new(ManualClock::new(UnixMs(vector.at))),
    )
    .await
    .unwrap();
    app.intake().set_ready(true);
    let handler = Router::new()
        .route("/", any(hooks::accept))
        .route("/{*kind}", any(hooks::accept))
        .with_state(app.intake().clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let limits = app.service().config.http.clone();
    let router = Router::new().nest("/{connection}", handler);
    let serving = server::serve(listener, router, limits, std::future::pending());
    let line = vector.line.replacen(" /", " /hubspot/", 1).replace("/?", "?");
    let asking = async {
        let [one, two] = bodies;
        [
            wire::send(&base, &line, headers, one.as_bytes()).await,
            wire::send(&base, &line, headers, two.as_bytes()).await,
        ]
    };
    tokio::select! {
        () = serving => unreachable!("it serves until it is dropped"),
        answers = asking => answers,
    }
}

/// Slack's published example of a signed slash command.
#[tokio::test]
async fn slacks_published_vector_is_accepted_and_any_difference_is_not() {
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    const AT_S: i64 = 1_531_420_618;
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "database = \"sqlite:{folder}/t.db\"\nkey_file = \"{folder}/t.key\"\n\
         [connections.slack]\nconnector = \"slack\"\nbot_token = \"fake-token\"\n\
         signing_secret = \"8f742231b10e8888abcd99yyyzzz85a5\"\n",
        folder = folder.path().display(),
    );
    let clock = Arc::new(ManualClock::new(UnixMs(AT_S * 1_000)));
    let app = App::open(Config::from_toml(&config).unwrap(), clock.clone()).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let command = async |signature: &str, stamp: &str, body: &str| {
        let headers: Vec<_> = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("x-slack-request-timestamp", stamp),
            ("x-slack-signature", signature),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let line = "POST /hooks/slack/commands";
        wire::send(&base, line, &headers, body.as_bytes()).await.status
    };
    let asking = async {
        let stamp = AT_S.to_string();
        assert_eq!(command(SIGNATURE, &stamp, BODY).await, 200);
        assert_eq!(command(SIGNATURE, &stamp, &BODY[1..]).await, 401, "another body");
        assert_eq!(command(&SIGNATURE[..66], &stamp, BODY).await, 401, "a shorter signature");
        assert_eq!(command(&SIGNATURE.to_uppercase(), &stamp, BODY).await, 401, "upper case");
        assert_eq!(command("", &stamp, BODY).await, 401, "no signature");
        for odd in ["", "now", "1531420618.0", "99999999999999999999", "1531420619"] {
            assert_eq!(command(SIGNATURE, odd, BODY).await, 401, "stamp {odd:?}");
        }
        clock.advance_ms(301_000);
        assert_eq!(command(SIGNATURE, &stamp, BODY).await, 401, "stale");
    };
    tokio::select! {
        () = app.listen(listener, std::future::pending()) => {}
        () = asking => {}
    }
}

/// A scene's way to sign an empty list, rightly and wrongly.
struct Signer {
    secret: String,
    url: String,
    now: UnixMs,
}

const BODY: &[u8] = b"[]";

impl Signer {
    fn of(scene: &Scene) -> Signer {
        let url = format!("{}/hooks/hubspot", scene.stage.service_url);
        Signer { secret: scene.hubspot().config().client_secret.clone(), url, now: scene.now() }
    }

    fn right(&self) -> String {
        sign_v3(&self.secret, "POST", &self.url, BODY, self.now)
    }

    fn at(&self, at: UnixMs) -> Vec<(String, String)> {
        let signature = sign_v3(&self.secret, "POST", &self.url, BODY, at);
        hubspot_headers("v3", &signature, &at.0.to_string())
    }
}

/// A name, the refusal's code, the headers.
type Refused = (&'static str, &'static str, Vec<(String, String)>);

fn refused(by: &Signer) -> Vec<Refused> {
    let (good, stamp) = (by.right(), by.now.0.to_string());
    let strange_secret = sign_v3("fake-other", "POST", &by.url, BODY, by.now);
    let elsewhere = sign_v3(&by.secret, "POST", &format!("{}/x", by.url), BODY, by.now);
    let v3 = |signature: &str, stamp: &str| hubspot_headers("v3", signature, stamp);
    let v1_of_another = sign_v1(&by.secret, b"[{}]");
    let v2_of_a_get = sign_v2(&by.secret, "GET", &by.url, BODY);
    // A wrong v3 is not made good by a right v1 beside it.
    let mut both = v3(&strange_secret, &stamp);
    both.extend(hubspot_headers("v1", &sign_v1(&by.secret, BODY), ""));
    vec![
        ("none", "no_signature", vec![]),
        ("another secret", "bad_signature", v3(&strange_secret, &stamp)),
        ("another address", "bad_signature", v3(&elsewhere, &stamp)),
        ("cut", "bad_signature", v3(&good[..20], &stamp)),
        ("empty", "bad_signature", v3("", &stamp)),
        ("stale", "stale", by.at(by.now.plus_ms(-300_001))),
        ("future", "future", by.at(by.now.plus_ms(300_001))),
        ("stamp of words", "bad_timestamp", v3(&good, "abc")),
        ("no stamp", "bad_timestamp", v3(&good, "")),
        ("stamp with a fraction", "bad_timestamp", v3(&good, &format!("{stamp}.0"))),
        ("stamp beyond 64 bits", "bad_timestamp", v3(&good, "99999999999999999999")),
        ("v1 of another body", "bad_signature", hubspot_headers("v1", &v1_of_another, "")),
        ("v2 of a GET", "bad_signature", hubspot_headers("v2", &v2_of_a_get, "")),
        ("a version nobody knows", "bad_signature", hubspot_headers("v9", &good, "")),
        ("a wrong v3 with a right v1", "bad_signature", both),
    ]
}

#[tokio::test]
async fn what_is_not_signed_rightly_and_lately_is_answered_401_and_told_to_doctor() {
    let scene = Scene::set(Setting::default()).await;
    let app = scene.stage.open().await.unwrap();
    let play = async {
        let by = Signer::of(&scene);
        let cases = refused(&by);
        for (name, _, headers) in &cases {
            let answer = scene.post_with(headers, BODY).await;
            assert_eq!((answer.status, answer.body.as_str()), (401, ""), "{name}");
        }
        assert_eq!(scene.appended(), 0, "nothing of it is stored");
        let counts = app.intake().counts("hubspot").unwrap();
        assert_eq!(counts.refused.load(Ordering::Relaxed), cases.len() as u64);
        let refusals = app.intake().take_refusals().remove("hubspot").unwrap();
        let codes: Vec<_> = refusals.iter().map(|refusal| refusal.code.as_str()).collect();
        let expected: Vec<_> = cases.iter().map(|(_, code, _)| *code).collect();
        assert_eq!(codes, expected);
        let told = format!("{refusals:?}");
        assert!(!told.contains(&by.secret) && !told.contains(&by.right()), "hashes only");
        scene.finish(&app).await;
    };
    scene.stage.play(&app, play).await;
}

#[tokio::test]
async fn at_the_edges_of_the_window_and_by_an_older_signature_it_is_accepted() {
    let scene = Scene::set(Setting::default()).await;
    let app = scene.stage.open().await.unwrap();
    let play = async {
        let by = Signer::of(&scene);
        let v2 = sign_v2(&by.secret, "POST", &by.url, BODY);
        for headers in [
            by.at(by.now.plus_ms(-300_000)),
            by.at(by.now.plus_ms(300_000)),
            hubspot_headers("v1", &sign_v1(&by.secret, BODY), ""),
            hubspot_headers("v2", &v2, ""),
        ] {
            assert_eq!(scene.post_with(&headers, BODY).await.status, 200, "{headers:?}");
        }
        assert_eq!(scene.appended(), 4);
        scene.finish(&app).await;
    };
    scene.stage.play(&app, play).await;
}
