//! How a running service comes to its end.

use std::future::pending;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::signal::unix::{SignalKind, signal};
use touchline_rules::UnixMs;

use super::*;
use crate::clock::ManualClock;

/// What one of its ticks does.
enum Does {
    Panic,
    Hang,
}

#[async_trait::async_trait]
impl Role for Does {
    fn name(&self) -> &'static str {
        "stand-in"
    }

    fn woken_by(&self) -> News {
        News::NONE
    }

    async fn tick(&self, _now: UnixMs) -> anyhow::Result<Progress> {
        match self {
            Does::Panic => panic!("a deal nobody thought of"),
            Does::Hang => pending().await,
        }
    }
}

async fn app(with: Does) -> (App, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = format!(
        "listen = \"{free}\"\ndatabase = \"sqlite:{0}/touchline.db\"\nkey_file = \"{0}/touchline.key\"\n",
        folder.path().display()
    );
    let config = Config::from_toml(&text).unwrap();
    let clock = Arc::new(ManualClock::new(UnixMs(1_772_445_600_000)));
    let mut app = App::open(config, clock).await.unwrap();
    app.roles.push(Arc::new(with));
    (app, folder)
}

#[tokio::test]
async fn a_role_that_panics_ends_the_service_with_an_error() {
    let (app, _folder) = app(Does::Panic).await;
    let intake = Arc::clone(app.intake());
    let hangup = signal(SignalKind::hangup()).unwrap();
    let error = app.serve(pending(), hangup).await.unwrap_err().to_string();
    assert!(error.starts_with("the stand-in role ended by itself"), "{error}");
    assert!(error.contains("a deal nobody thought of"), "{error}");
    assert!(!intake.is_ready());
}

/// A request and a role that never end: both have the same time, not one after
/// the other.
#[tokio::test]
async fn a_stop_has_one_deadline_for_everything() {
    let (mut app, _folder) = app(Does::Hang).await;
    app.stops_within = Duration::from_secs(2);
    let (address, intake) = (app.service.config.listen, Arc::clone(app.intake()));
    let hangup = signal(SignalKind::hangup()).unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let half_a_request = async {
        while !intake.is_ready() {
            tokio::task::yield_now().await;
        }
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = b"POST /hooks/hubspot HTTP/1.1\r\nhost: service\r\ncontent-length: 9\r\n\r\n";
        stream.write_all(head).await.unwrap();
        stop.send(()).unwrap();
        let asked_at = Instant::now();
        (stream, asked_at)
    };
    let serving = async {
        let ended = app.serve(async { drop(stopped.await) }, hangup).await;
        (ended, Instant::now())
    };
    let ((stream, asked_at), (ended, ended_at)) = tokio::join!(half_a_request, serving);
    ended.unwrap();
    let took = ended_at - asked_at;
    assert!(took < Duration::from_secs(3), "{took:?}");
    drop(stream);
}
