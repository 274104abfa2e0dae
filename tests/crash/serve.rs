//! The real program in a process of its own.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// How long the program may take until it is ready.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// `touchline serve` with its configuration. Killed when dropped.
pub struct Serve {
    folder: PathBuf,
    port: u16,
    running: Option<Child>,
}

impl Serve {
    /// Takes a free port and writes the configuration; nothing is started yet.
    pub fn new(folder: &Path, config: impl FnOnce(&str) -> String) -> Serve {
        let free = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        let text = format!("listen = \"127.0.0.1:{port}\"\n{}", config(&url(port)));
        std::fs::write(folder.join("touchline.toml"), text).unwrap();
        Serve { folder: folder.to_owned(), port, running: None }
    }

    pub fn url(&self) -> String {
        url(self.port)
    }

    pub fn database(&self) -> PathBuf {
        self.folder.join("touchline.db")
    }

    /// Starts it and waits until it takes webhooks.
    pub async fn start(&mut self) {
        let log = File::options().create(true).append(true).open(self.log()).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_touchline"))
            .args(["serve", "--config"])
            .arg(self.folder.join("touchline.toml"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.running = Some(child);
        let until = Instant::now() + READY_WITHIN;
        while !self.is_ready().await {
            let ended = self.running.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "it ended with {ended:?}\n{}", self.said());
            assert!(Instant::now() < until, "not ready in {READY_WITHIN:?}\n{}", self.said());
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn is_ready(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)).await else {
            return false;
        };
        let request = b"GET /readyz HTTP/1.1\r\nhost: service\r\nconnection: close\r\n\r\n";
        let mut answer = Vec::new();
        let asked = stream.write_all(request).await.is_ok();
        asked
            && stream.read_to_end(&mut answer).await.is_ok()
            && answer.starts_with(b"HTTP/1.1 200")
    }

    /// Ends it as a power switch would: SIGKILL, no chance to do anything.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.running.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Asks it to stop and waits for that; `None` if it does not within `patience`.
    pub async fn terminate(&mut self, patience: Duration) -> Option<(ExitStatus, Duration)> {
        let mut child = self.running.take()?;
        let started = Instant::now();
        let signal = ["-TERM".to_owned(), child.id().to_string()];
        assert!(Command::new("kill").args(signal).status().unwrap().success());
        while started.elapsed() < patience {
            if let Some(status) = child.try_wait().unwrap() {
                return Some((status, started.elapsed()));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        None
    }

    fn log(&self) -> PathBuf {
        self.folder.join("touchline.log")
    }

    /// What it wrote to standard error, all runs together.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        self.kill();
    }
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}
