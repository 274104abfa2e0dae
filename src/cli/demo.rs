//! `touchline demo`

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::demo::stage::DATABASE;
use crate::demo::{Options, history, play};
use crate::file_errors::unwritable;

/// Simulated days, and the real time one takes, when nothing is said.
const DAYS: i32 = 21;
const DAY_TAKES_MS: u64 = 1_200;
/// Messages of a history that are printed when nothing is said.
const SHOWN: usize = 20;

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
    /// Keep the database here instead of in a temporary folder; one demo a folder.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Live through a company's own past instead of the made-up season; made by
    /// `touchline history import`.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["days", "seed"])]
    history: Option<PathBuf>,
    /// How many messages of a history are printed.
    #[arg(long, value_name = "COUNT", default_value_t = SHOWN, requires = "history")]
    show: usize,
    /// Print the totals of a history only.
    #[arg(long, requires = "history")]
    quiet: bool,
}

pub(super) async fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    crate::telemetry::start(&crate::config::LogConfig::warnings())?;
    let (folder, temporary) = match args.data {
        Some(folder) => {
            std::fs::create_dir_all(&folder)
                .map_err(|error| unwritable("the folder", &folder, &error))?;
            anyhow::ensure!(
                !folder.join(DATABASE).exists(),
                "{} holds an earlier demo already, and two lives do not mix\nhint: name another folder, or remove this one",
                folder.display()
            );
            (folder, None)
        }
        None => {
            let temporary = tempfile::tempdir()?;
            (temporary.path().to_owned(), Some(temporary))
        }
    };
    if let Some(file) = args.history {
        let shown_max = if args.quiet { 0 } else { args.show };
        let options = history::Options { file, shown_max, exit_after: args.exit_after, folder };
        history::play(options, &mut std::io::stdout()).await?;
        drop(temporary);
        return Ok(ExitCode::SUCCESS);
    }
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
