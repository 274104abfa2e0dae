//! `touchline doctor`: what is well, what is not, and what to do about it.

mod connection;
mod deliveries;
mod findings;
mod house;
mod inactive;
mod mapping;
mod rule_life;
mod signature;
#[cfg(test)]
mod tests;

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use touchline_rules::UnixMs;

use super::{ConfigFile, open};
use crate::clock::Clock;
use crate::coaching::opening::{Opening, declared, no_connection, open as open_connection};
use crate::config::Config;
use crate::connection::Connections;
use crate::roles::fetch::metadata::restore;
use crate::store::Store;
use crate::vault::Vault;
use findings::{Findings, Level};

#[derive(Args)]
#[command(after_help = "\
Each line begins with ok, warn or bad; `hint:` lines say what to do. The exit
code is 1 if anything is bad. It can be run beside `touchline serve`; without
--offline it makes one cheap call to each vendor.

  touchline doctor                          everything
  touchline doctor --connection hubspot     one account: why was a webhook refused?
  touchline doctor signature --help         recompute one request's signature")]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    config: ConfigFile,
    /// Look at this connection only.
    #[arg(long, value_name = "SLUG")]
    connection: Option<String>,
    /// Call no vendor.
    #[arg(long)]
    offline: bool,
    /// Print one JSON array of findings.
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    command: Option<DoctorCommand>,
}

#[derive(Subcommand)]
enum DoctorCommand {
    /// Recompute the signature of one request and explain what does not fit.
    Signature(signature::SignatureArgs),
}

pub(super) async fn run(args: DoctorArgs) -> anyhow::Result<ExitCode> {
    let config = args.config.load()?;
    if let Some(DoctorCommand::Signature(signature)) = args.command {
        if args.connection.is_some() || args.offline || args.json {
            let message = "`doctor signature` takes its own options only\nhint: write them behind `signature`; see `touchline doctor signature --help`";
            return Ok(open::wrong_call(message));
        }
        return signature::run(&config, &signature);
    }
    let (config, clock) = (Arc::new(config), open::clock());
    let examined = examine(&config, &clock, args.connection.as_deref(), args.offline).await?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(examined.all())?);
    } else {
        print!("{examined}");
    }
    Ok(if examined.worst() == Level::Bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Looks at everything, or at one connection.
async fn examine(
    config: &Arc<Config>,
    clock: &Arc<dyn Clock>,
    only: Option<&str>,
    offline: bool,
) -> anyhow::Result<Findings> {
    let now = clock.now();
    let mut findings = Findings::default();
    if let Some(slug) = only.filter(|slug| !config.connections.contains_key(*slug)) {
        return Err(no_connection(config, slug));
    }
    findings.about("installation");
    house::configuration(config, &mut findings);
    let Some(store) = house::database(config, &mut findings).await else {
        declarations(config, only, &mut findings);
        return Ok(findings);
    };
    let vault = house::key(config, &store, &mut findings).await?;
    if only.is_none() {
        house::processing(config, &store, now, &mut findings).await?;
        rule_life::lives(config, &store, now, &mut findings).await?;
    }
    let slugs = config.connections.keys().filter(|slug| only.is_none_or(|only| only == *slug));
    for slug in slugs {
        findings.about(&format!("connection {slug}"));
        let patient = Patient { config, store: &store, vault: &vault, clock, now, offline };
        patient.connection(slug, &mut findings).await?;
    }
    Ok(findings)
}

/// Without a database, what can be said of the connections is whether they are
/// declared as they should be.
fn declarations(config: &Config, only: Option<&str>, findings: &mut Findings) {
    let slugs = config.connections.keys().filter(|slug| only.is_none_or(|only| only == *slug));
    for slug in slugs {
        findings.about(&format!("connection {slug}"));
        match declared(config, slug) {
            Ok(_) => findings.ok("it is declared as it should be"),
            Err(error) => findings.error(&error),
        };
    }
}

/// What is looked at, and how.
struct Patient<'a> {
    config: &'a Arc<Config>,
    store: &'a Store,
    vault: &'a Arc<Vault>,
    clock: &'a Arc<dyn Clock>,
    now: UnixMs,
    offline: bool,
}

impl Patient<'_> {
    async fn connection(&self, slug: &str, findings: &mut Findings) -> anyhow::Result<()> {
        let Patient { config, store, vault, clock, .. } = *self;
        let mut connections = Connections::default();
        match open_connection(slug, &Opening { config, store, vault, clock }) {
            Ok(opened) => connections.insert(opened),
            Err(error) => {
                findings.error(&error);
                return Ok(());
            }
        }
        restore(store, &connections).await?;
        let Some(opened) = connections.get(slug) else { return Ok(()) };
        let connected = connection::connected(config, store, vault, slug, findings).await?;
        connection::status(store, slug, connected, findings).await?;
        if connected && !self.offline {
            connection::live(opened, findings).await;
            mapping::properties(opened, findings).await;
        }
        connection::usage(store, slug, self.now, findings).await?;
        if opened.crm().is_some() {
            connection::reading(store, opened, self.now, findings).await?;
            mapping::stages(opened, findings);
            inactive::rules(config, store, opened, self.now, findings).await?;
            connection::people(config, store, opened, findings).await?;
        }
        connection::webhooks(config, store, opened, self.now, findings).await
    }
}
