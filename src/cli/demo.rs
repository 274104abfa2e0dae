//! `touchline demo`

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::demo::{Options, play};

/// Simulated days, and the real time one takes, when nothing is said.
const DAYS: i32 = 21;
const DAY_TAKES_MS: u64 = 1_200;

#[derive(Args)]
pub(super) struct DemoArgs {
    /// How many days to live through.
    #[arg(long, default_value_t = DAYS, value_parser = clap::value_parser!(i32).range(1..=366))]
    days: i32,
    /// Another company, other luck.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Do not pause between days.
    #[arg(long)]
    fast: bool,
    /// Stop after that much time, for example 30s or 2m.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    exit_after: Option<Duration>,
    /// Keep the database here instead of in a temporary folder.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub(super) async fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    crate::telemetry::start(&crate::config::LogConfig::warnings())?;
    let (folder, temporary) = match args.data {
        Some(folder) => {
            std::fs::create_dir_all(&folder)?;
            (folder, None)
        }
        None => {
            let temporary = tempfile::tempdir()?;
            (temporary.path().to_owned(), Some(temporary))
        }
    };
    let day_takes = if args.fast { Duration::ZERO } else { Duration::from_millis(DAY_TAKES_MS) };
    let options = Options {
        days: args.days,
        seed: args.seed,
        day_takes,
        exit_after: args.exit_after,
        folder,
    };
    play(options, &mut std::io::stdout()).await?;
    drop(temporary);
    Ok(ExitCode::SUCCESS)
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration =
        text.parse().map_err(|_| format!("`{text}` should read like 30s or 2m"))?;
    Duration::try_from(span).map_err(|_| "a time cannot be negative".to_owned())
}
