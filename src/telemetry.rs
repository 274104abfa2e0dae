//! Logging: messages readable alone, fields queryable by entity (`deal.id`,
//! `nudge.id`), never a secret, a body or an e-mail address.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::config::{LogConfig, LogFormat, no_colours};

/// Starts logging to standard error, in colour where that is a terminal and nobody
/// asked for none. A second call in one process does nothing.
///
/// # Errors
/// When `level` is not a filter.
pub fn start(config: &LogConfig) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.level).map_err(|error| {
        anyhow::anyhow!(
            "log.level: `{}` is no filter: {error}\nhint: write error, warn, info, debug or trace",
            config.level
        )
    })?;
    let writer = BoxMakeWriter::new(std::io::stderr);
    let colours = std::io::stderr().is_terminal() && !no_colours();
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(colours);
    let started = match config.format {
        LogFormat::Text => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    // Already started: tests and the demo run several services in one process.
    drop(started);
    Ok(())
}
