//! The command line. Data goes to standard output, messages to standard error;
//! exit codes are 0 for ok, 1 for a failed check, 2 for a wrong call: one that no
//! configuration, file or database would make right. 141 is for output that
//! nobody reads any longer.

mod admin;
mod config;
mod connect;
mod counted;
mod demo;
mod doctor;
mod first_read;
mod history;
mod open;
mod reader_gone;
mod rules;
mod serve;
mod sim;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::Config;

/// Coaching rules you can test before you switch them on, delivered inside the
/// CRM and chat sellers already use.
#[derive(Parser)]
#[command(name = "touchline", version, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

// The configuration, for commands that have one: `demo` and `sim` bring their own.
#[derive(Args)]
struct ConfigFile {
    /// Configuration file; without it, ./touchline.toml if there is one.
    #[arg(long = "config", global = true, value_name = "FILE")]
    file: Option<PathBuf>,
}

impl ConfigFile {
    fn load(self) -> anyhow::Result<Config> {
        const BESIDE: &str = "touchline.toml";
        let beside = PathBuf::from(BESIDE);
        let file = self.file.or_else(|| beside.exists().then_some(beside));
        Ok(Config::load(file.as_deref())?)
    }
}

const AFTER_HELP: &str = "\
First steps:
  touchline demo                      see it live: no network, key or account needed
  touchline config > touchline.toml   start a configuration from the documented defaults
  touchline serve                     run the service
  touchline connect hubspot           connect an account by OAuth
  touchline doctor                    find out why something does not work";

#[derive(Subcommand)]
enum Command {
    /// Live through simulated weeks of a made-up company and print each nudge.
    Demo(demo::DemoArgs),
    /// Run the service: take webhooks, evaluate rules, deliver nudges.
    Serve(ConfigFile),
    /// Connect a vendor account by OAuth: prints a link that works once.
    Connect(connect::ConnectArgs),
    /// Find out why something does not work, and what to do about it.
    Doctor(doctor::DoctorArgs),
    /// Check, test and describe coaching rules.
    Rules {
        #[command(flatten)]
        config: ConfigFile,
        #[command(subcommand)]
        command: rules::RulesCommand,
    },
    /// Steer a running service: sending, dead letters, failed deliveries, the audit log.
    Admin {
        #[command(flatten)]
        config: ConfigFile,
        #[command(subcommand)]
        command: admin::AdminCommand,
    },
    /// Import a company's past.
    History {
        #[command(flatten)]
        config: ConfigFile,
        #[command(subcommand)]
        command: history::HistoryCommand,
    },
    /// Run a fake vendor alone: HubSpot or Slack.
    #[command(subcommand)]
    Sim(sim::SimCommand),
    /// Print the documented defaults.
    Config,
}

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    reader_gone::end_quietly();
    let cli = Cli::parse();
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(dispatch(cli)));
    match outcome {
        Ok(code) => code,
        Err(error) => reader_gone::exit_code(&error).unwrap_or_else(|| {
            eprintln!("touchline: {error:#}");
            ExitCode::FAILURE
        }),
    }
}

async fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::History { config, command } => history::run(&config.load()?, command).await,
        Command::Sim(command) => sim::run(command).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Serve(config) => serve::run(config.load()?).await,
        Command::Config => config::run(),
        Command::Connect(args) => connect::run(args).await,
        Command::Doctor(args) => doctor::run(args).await,
        Command::Rules { config, command } => rules::run(config, command).await,
        Command::Admin { config, command } => admin::run(config.load()?, command).await,
    }
}
