//! What a new installation still lacks, said at the start, and what waits for the
//! next start, said at a reload, so that nobody waits for what cannot come.

use touchline_rules::attention::Sending;

use crate::coaching::opening::{declared, is_connected};
use crate::config::Config;
use crate::service::Service;

/// Logs it.
///
/// # Errors
/// When the store cannot be read.
pub(super) async fn tell(service: &Service) -> anyhow::Result<()> {
    let Service { config, store, vault, .. } = service;
    match config.file() {
        Some(file) => tracing::info!(file = %file.display(), "configuration"),
        None => tracing::warn!(
            "no touchline.toml here, so the shipped defaults are in force; `touchline config > touchline.toml` writes one, --config FILE names another"
        ),
    }
    if config.connections.is_empty() {
        tracing::warn!(
            "no connection is configured, so nothing is received; the end of `touchline config` shows how"
        );
    }
    for slug in config.connections.keys() {
        let declared = declared(config, slug)?;
        if !is_connected(&declared, store, vault).await? {
            tracing::warn!(
                connection = slug,
                "not connected yet; `touchline connect {} --connection {slug}`, or write its token into the configuration",
                declared.manifest().name
            );
        }
    }
    if service.settings.current().to.sending == Sending::Off {
        tracing::warn!(
            "sending is off: nobody is sent anything; `touchline admin sending pilot --people … --reason …` begins with a few"
        );
    }
    Ok(())
}

/// Logs what the configuration file says by now and only a start puts in force:
/// a hang-up loads the rules anew, and nothing else.
pub(super) fn tell_what_waits(config: &Config) {
    match config.changed_in_file() {
        Ok(changed) if changed.is_empty() => {}
        Ok(changed) => tracing::warn!(
            changed = changed.join(", "),
            "the configuration file says otherwise than what is in force; SIGHUP reloads rule packs only, all else takes effect at the next start"
        ),
        Err(error) => {
            tracing::warn!("the configuration file cannot be read as it is now: {error}");
        }
    }
}
