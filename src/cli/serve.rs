//! `touchline serve`

use std::process::ExitCode;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use super::first_read;
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
    let first_read = first_read::watch(Arc::clone(app.service()));
    tokio::select! {
        served = app.serve(stop, hangup) => served?,
        () = first_read => {}
    }
    Ok(ExitCode::SUCCESS)
}
