//! HTTP/1.1 by hand: what a test sends is exactly what it wrote, however odd.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long an answer may take; far above any honest one.
const PATIENCE: Duration = Duration::from_secs(20);

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status; 0 when the connection was closed without an answer.
    pub status: u16,
    /// Status line and headers, lower case.
    pub head: String,
    /// The body.
    pub body: String,
}

/// Header names with values.
pub type Headers<'h> = &'h [(String, String)];

/// Sends one request to `base` (`http://127.0.0.1:port`) and reads the answer.
pub async fn send(base: &str, line: &str, headers: Headers<'_>, body: &[u8]) -> Answer {
    let mut request = format!("{line} HTTP/1.1\r\nhost: service\r\nconnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    let stream = connect(base).await;
    let (mut from, mut to) = stream.into_split();
    let write = async {
        // A refusal may come, and the connection go, before all is written.
        let head = to.write_all(request.as_bytes()).await;
        drop(head.and(to.write_all(body).await));
        to
    };
    let read = read(&mut from);
    tokio::join!(write, read).1
}

/// A connection to `base`.
pub async fn connect(base: &str) -> TcpStream {
    TcpStream::connect(base.trim_start_matches("http://")).await.expect("the service listens")
}

/// Reads an answer to its end.
pub async fn read(from: &mut (impl AsyncReadExt + Unpin)) -> Answer {
    let mut bytes = Vec::new();
    let ended = tokio::time::timeout(PATIENCE, from.read_to_end(&mut bytes)).await;
    assert!(ended.is_ok(), "no end of the answer in {PATIENCE:?}");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
}
