//! The load generator: plain HTTP/1.1 over kept connections, with requests made
//! and signed before the clock starts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// A request without an answer after that is a failure.
const ANSWER_MS: u64 = 10_000;
/// The longest answer that is read: ours have no body.
const ANSWER_BYTES_MAX: usize = 4_096;

/// A kept connection.
pub struct Client {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Client {
    /// Connects.
    pub async fn connect(to: SocketAddr) -> anyhow::Result<Client> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Client { stream, answer: Vec::with_capacity(ANSWER_BYTES_MAX) })
    }

    /// Sends a request and waits for its answer, which has to be 200 without a body.
    pub async fn send(&mut self, request: &[u8]) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        let answered = async {
            self.stream.write_all(request).await?;
            self.answer.clear();
            while !self.answer.ends_with(b"\r\n\r\n") {
                let read = self.stream.read_buf(&mut self.answer).await?;
                anyhow::ensure!(
                    read > 0 && self.answer.len() < ANSWER_BYTES_MAX,
                    "the answer broke off"
                );
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(Duration::from_millis(ANSWER_MS), answered).await??;
        anyhow::ensure!(
            self.answer.starts_with(b"HTTP/1.1 200"),
            "the server answered {}",
            String::from_utf8_lossy(self.answer.get(..24).unwrap_or_default())
        );
        Ok(begun.elapsed())
    }
}

/// What came of a load.
pub struct Load {
    /// From each request's first byte to its answer's last.
    pub answered_in: Vec<Duration>,
    /// From the first request to the last answer.
    pub took: Duration,
}

/// Sends all requests over so many connections, each as soon as the one before
/// it was answered.
pub async fn closed_loop(
    to: SocketAddr,
    requests: Vec<Vec<u8>>,
    connections: usize,
) -> anyhow::Result<Load> {
    let requests = Arc::new(requests);
    let next = Arc::new(AtomicUsize::new(0));
    let mut clients = Vec::new();
    for _ in 0..connections {
        clients.push(Client::connect(to).await?);
    }
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for mut client in clients {
        let (requests, next) = (Arc::clone(&requests), Arc::clone(&next));
        tasks.spawn(async move {
            let mut answered_in = Vec::new();
            while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                answered_in.push(client.send(request).await?);
            }
            anyhow::Ok(answered_in)
        });
    }
    let mut answered_in = Vec::with_capacity(requests.len());
    while let Some(done) = tasks.join_next().await {
        answered_in.extend(done??);
    }
    Ok(Load { answered_in, took: begun.elapsed() })
}

/// One thread for the load: what is measured has the other processor.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
