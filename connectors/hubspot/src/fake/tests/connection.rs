//! What only a connection can show: broken and late answers.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::fake::{Fault, FaultKind};

/// What comes back for a plain request, up to the end of the connection.
async fn fetch(fake: &Arc<FakeHubSpot>, path: &str) -> String {
    let token = &fake.config().access_token;
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         authorization: Bearer {token}\r\n\r\n"
    );
    ask(fake, &request).await
}

/// The same for any request; control routes included.
async fn ask(fake: &Arc<FakeHubSpot>, request: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let story = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A connection reset is an error here; what came before it counts.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    tokio::select! {
        ended = axum::serve(listener, fake.router().merge(fake.control_router())) => panic!("the fake ended: {ended:?}"),
        answer = story => answer,
    }
}

#[tokio::test]
async fn answers_whole_late_and_broken() {
    let (fake, _) = fake();
    let path = "/crm/v3/owners/";
    let whole = fetch(&fake, path).await;
    assert!(whole.starts_with("HTTP/1.1 200"), "{whole}");
    assert!(whole.ends_with(r#"{"results":[]}"#), "{whole}");
    assert!(whole.to_lowercase().contains("x-hubspot-ratelimit-remaining: 189"), "{whole}");

    fake.fail(Fault::on("/owners", FaultKind::Slow { delay_ms: 1 }).times(1));
    assert!(fetch(&fake, path).await.ends_with(r#"{"results":[]}"#));

    fake.fail(Fault::on("/owners", FaultKind::Reset).times(1));
    let broken = fetch(&fake, path).await;
    // A chunked answer ends with an empty chunk; this one does not.
    assert!(!broken.ends_with("0\r\n\r\n"), "{broken:?}");
    assert!(!broken.contains("results"), "{broken:?}");
}

#[tokio::test]
async fn encoded_paths_and_queries_are_decoded() {
    let (fake, _) = fake();
    let by = crate::fake::Actor::user(7);
    let kind = crate::fake::ObjectKind::Contact;
    fake.create(kind, &[("email", "a+b@example.com")], &by).unwrap();
    let path =
        "/crm/v3/objects/contacts/a+b%40example.com?idProperty=email&properties=email%2Cphone";
    let answer = fetch(&fake, path).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains(r#""phone":null"#), "{answer}");
    assert!(answer.contains(r#""lastmodifieddate""#), "{answer}");
}

#[tokio::test]
async fn a_control_route_moves_a_deal_as_its_owner_does() {
    let (fake, _) = fake();
    let by = crate::fake::Actor::user(7);
    let owner = fake.add_owner("ann@example.com", "Ann", "Example", 7_001).to_string();
    let values = [("dealname", "Box"), ("hubspot_owner_id", owner.as_str())];
    let deal = fake.create_deal(&values, &by).unwrap();
    let set = async |body: String| {
        let head = "POST /control/set HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n";
        ask(&fake, &format!("{head}content-length: {}\r\n\r\n{body}", body.len())).await
    };
    let moved = set(format!(
        r#"{{"deal": "{deal}", "properties": {{"dealstage": "contractsent", "amount": 12}}}}"#
    ));
    let moved = moved.await;
    assert!(moved.starts_with("HTTP/1.1 200") && moved.contains("userId:7001"), "{moved}");
    let newest = &fake.history(deal, "dealstage")[0];
    assert_eq!((newest.value.as_str(), newest.source_type.as_str()), ("contractsent", "CRM_UI"));
    assert_eq!(fake.value(deal, "amount").as_deref(), Some("12"));
    let listed = fetch(&fake, "/control/deals").await;
    assert!(listed.contains(r#""dealstage":"contractsent""#), "{listed}");

    for (body, status) in [
        (r#"{"deal": "1", "properties": {}}"#.to_owned(), "404"),
        (format!(r#"{{"deal": "{deal}", "properties": {{"dealstage": "nowhere"}}}}"#), "400"),
        ("{".to_owned(), "400"),
    ] {
        let refused = set(body).await;
        assert!(refused.starts_with(&format!("HTTP/1.1 {status}")), "{refused}");
    }
}
