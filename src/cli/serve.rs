//! `touchline serve`

use std::process::ExitCode;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use crate::app::App;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::telemetry;

pub(super) async fn run(config: Config) -> anyhow::Result<ExitCode> {
    telemetry::start(&config.log)?;
    let (mut term, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let hangup = signal(SignalKind::hangup())?;
    let stop = async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
    };
    let app = App::open(config, Arc::new(SystemClock)).await?;
    app.serve(stop, hangup).await?;
    Ok(ExitCode::SUCCESS)
}
