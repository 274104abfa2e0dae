//! `touchline config`

use std::process::ExitCode;

pub(super) fn run() -> anyhow::Result<ExitCode> {
    print!("{}", crate::config::DEFAULTS);
    Ok(ExitCode::SUCCESS)
}
