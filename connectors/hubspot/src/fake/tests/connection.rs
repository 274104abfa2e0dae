//! What only a connection can show: broken and late answers.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::fake::{Fault, FaultKind};

/// What comes back for a plain request, up to the end of the connection.
async fn fetch(fake: &Arc<FakeHubSpot>, path: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let story = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let token = &fake.config().access_token;
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             authorization: Bearer {token}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A connection reset is an error here; what came before it counts.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    tokio::select! {
        ended = axum::serve(listener, fake.router()) => panic!("the fake ended: {ended:?}"),
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
