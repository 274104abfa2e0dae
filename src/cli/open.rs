//! What commands open beside a running `serve`: the same database, the same key.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::store::{Store, StoreOptions};

/// Who acts where nobody is named: it has no address, so it is no person.
const OPERATOR: &str = "operator";
/// A command reads little.
const READERS: usize = 1;

/// On whose word a change is made, and why.
#[derive(Args)]
pub(super) struct Word {
    /// Who makes this change, for the audit log: one of the admins, if any are
    /// configured; without it, the operator of this machine.
    #[arg(long = "as", value_name = "EMAIL", value_parser = email)]
    by: Option<String>,
    /// Why, for the audit log.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Word {
    /// The actor as the audit log names it.
    ///
    /// # Errors
    /// As [`actor`].
    pub(super) fn actor(&self, config: &Config) -> anyhow::Result<String> {
        actor(self.by.as_deref(), config)
    }

    /// The reason, which a change must have: see [`needs_reason`].
    pub(super) fn reason(&self) -> Option<&str> {
        self.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty())
    }
}

/// Who makes a change that concerns everybody. Somebody named must be an admin, where
/// admins are configured. Without a name it is whoever operates this machine, and the
/// audit log says that and no more.
///
/// # Errors
/// When the one named is no admin, saying who is.
pub(super) fn actor(by: Option<&str>, config: &Config) -> anyhow::Result<String> {
    let Some(by) = by else { return Ok(OPERATOR.to_owned()) };
    let admins = &config.admins;
    anyhow::ensure!(
        admins.is_empty() || admins.iter().any(|admin| admin == by),
        "{by} may not change what concerns everybody\nhint: an admin may ({}); without --as it is logged as done by the operator of this machine",
        admins.join(", ")
    );
    Ok(by.to_owned())
}

/// The answer to a change without a reason.
pub(super) fn needs_reason() -> ExitCode {
    wrong_call("a change needs a reason\nhint: add --reason \"why\", for the audit log")
}

/// The answer to a call that makes no sense: exit code 2.
pub(super) fn wrong_call(message: &str) -> ExitCode {
    const WRONG_CALL: u8 = 2;
    eprintln!("touchline: {message}");
    ExitCode::from(WRONG_CALL)
}

/// An e-mail address, lower case.
pub(super) fn email(text: &str) -> Result<String, String> {
    let text = text.trim().to_lowercase();
    match text.split_once('@') {
        Some((name, host)) if !name.is_empty() && host.contains('.') => Ok(text),
        _ => Err("write an e-mail address, such as admin@example.com".to_owned()),
    }
}

pub(super) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// Opens the configured database, which must be there.
pub(super) fn existing(config: &Config) -> anyhow::Result<Store> {
    let path = config.database_path();
    anyhow::ensure!(
        path.exists(),
        "there is no database {} yet\nhint: `touchline serve` makes it; or give --config FILE",
        path.display()
    );
    store(config)
}

/// Opens the configured database, and makes it if it is not there; but not in a
/// folder where nothing else says that Touchline is at home there.
pub(super) fn store(config: &Config) -> anyhow::Result<Store> {
    let path = config.database_path();
    anyhow::ensure!(
        config.file().is_some() || path.exists(),
        "there is no database {}, and no configuration file was read\nhint: start `touchline serve` first, or give --config FILE",
        path.display()
    );
    let options = StoreOptions { readers: READERS, ..StoreOptions::default() };
    Ok(Store::open(&config.database_path(), options)?)
}
