//! The listener: bounded connections, bounded patience with slow clients, and a
//! stop that lets what has begun finish.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::config::HttpConfig;

/// Pause after a failed accept (out of file descriptors), so that it cannot spin.
const ACCEPT_FAILED_PAUSE_MS: u64 = 100;

/// Serves `router` on `listener` until `stop` resolves, then finishes what has
/// begun, until the instant that `stop` named.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: HttpConfig,
    stop: impl Future<Output = Instant>,
) {
    let slots = Arc::new(Semaphore::new(limits.connections_max));
    let graceful = GracefulShutdown::new();
    let mut open = JoinSet::new();
    let mut stop = pin!(stop);
    let deadline = loop {
        let accepted = tokio::select! {
            biased;
            deadline = &mut stop => break deadline,
            accepted = next(&listener, &slots) => accepted,
        };
        while open.try_join_next().is_some() {}
        let Some((stream, slot)) = accepted else { continue };
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(Duration::from_millis(limits.head_timeout_ms))
            .keep_alive(true);
        let service = TowerToHyperService::new(router.clone());
        let serving = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        open.spawn(async move {
            if let Err(error) = serving.await {
                tracing::debug!(error = %error, "connection ended early");
            }
            drop(slot);
        });
    };
    drop(listener);
    if tokio::time::timeout_at(deadline, graceful.shutdown()).await.is_err() {
        tracing::warn!("stopped with requests still open");
    }
    open.shutdown().await;
}

async fn next(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            // Answers are small and awaited: do not hold them back for more.
            let _ = stream.set_nodelay(true);
            Some((stream, slot))
        }
        Err(error) => {
            tracing::warn!(error = %error, "cannot accept a connection");
            tokio::time::sleep(Duration::from_millis(ACCEPT_FAILED_PAUSE_MS)).await;
            None
        }
    }
}
