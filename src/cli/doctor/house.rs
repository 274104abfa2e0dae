//! What concerns the installation as a whole: configuration, database, key,
//! rules, queues.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use touchline_rules::UnixMs;
use touchline_rules::attention::Sending;
use touchline_rules::condition::Severity;
use touchline_rules::ruleset::RuleSet;
use touchline_rules::time::MINUTE_MS;

use super::super::admin::dead_letters;
use super::super::open;
use super::deliveries::deliveries;
use super::findings::{Findings, lasting, tell_reasons};
use crate::coaching::rulesets::read_packs;
use crate::coaching::settings::Settings;
use crate::config::Config;
use crate::roles::fetch::metadata::stored;
use crate::store::Store;
use crate::vault::Vault;

/// A webhook should be handled within seconds; after this something is wrong.
const LAG_MS_MAX: i64 = 2 * MINUTE_MS;
/// Errors in rules shown.
const RULE_ERRORS_MAX: usize = 10;

/// What vendors can call.
pub(super) fn configuration(config: &Config, findings: &mut Findings) {
    let url = &config.public_url;
    let host = url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
    let host = host.unwrap_or_default();
    if matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]") {
        findings
            .warn(format!("public_url is {url}: no vendor can call this machine"))
            .hint("set public_url to the https address that vendors call; signatures are checked against it");
    } else if !url.starts_with("https://") {
        findings
            .warn(format!("public_url is {url}, not https: vendors will not call it"))
            .hint("put a proxy with a certificate in front, and write its https address");
    } else {
        findings.ok(format!("vendors call {url}"));
    }
    if config.connections.is_empty() {
        findings
            .warn("no connection is configured")
            .hint("add [connections.hubspot] to the configuration; the end of `touchline config` shows how");
    }
}

/// Whether the database is there, opens and has not been tampered with.
pub(super) async fn database(config: &Config, findings: &mut Findings) -> Option<Store> {
    let path = config.database_path();
    if !path.exists() {
        findings
            .warn(format!("there is no database {} yet", path.display()))
            .hint("`touchline serve` makes it; or is this the wrong configuration file?");
        return None;
    }
    let store = match open::existing(config) {
        Ok(store) => store,
        Err(error) => {
            findings.error(&error);
            return None;
        }
    };
    match store.serving() {
        Ok(Some(holder)) => findings.ok(format!("`touchline serve` is running ({holder})")),
        Ok(None) => findings
            .warn("`touchline serve` is not running on this database")
            .hint("start it; until then nothing is received and nothing is sent"),
        Err(error) => findings.error(&error.into()),
    };
    match store.check_audit().await {
        Ok(check) if check.broken_at.is_none() => {
            findings.ok(format!(
                "the database opens, and the audit log is sound (entries: {})",
                check.rows
            ));
        }
        Ok(check) => {
            let place = check.broken_at.unwrap_or_default();
            findings
                .bad(format!("audit entry {place} was changed, or one before it was taken out"))
                .hint("compare with a backup; `touchline admin audit show` prints the log");
        }
        Err(error) => {
            findings.error(&error.into());
        }
    }
    Some(store)
}

/// Whether the key is there, kept close, and fits what it sealed.
pub(super) async fn key(
    config: &Config,
    store: &Store,
    findings: &mut Findings,
) -> anyhow::Result<Arc<Vault>> {
    let path = &config.key_file;
    let credentials = store.credentials().await?;
    let Ok(about) = std::fs::metadata(path) else {
        let text = format!("there is no key file {}", path.display());
        if credentials.is_empty() {
            findings.ok(format!("{text} yet, and nothing is sealed"));
        } else {
            findings
                .bad(format!("{text}, but {} sealed credentials need it", credentials.len()))
                .hint(
                    "put the file back from where you keep the copy, or connect the accounts again",
                );
        }
        return Ok(Arc::new(Vault::ephemeral()));
    };
    let vault = match Vault::open(path) {
        Ok(vault) => Arc::new(vault),
        Err(error) => {
            findings.error(&error.into());
            return Ok(Arc::new(Vault::ephemeral()));
        }
    };
    const OTHERS: u32 = 0o077;
    if about.permissions().mode() & OTHERS != 0 {
        findings
            .warn(format!("others on this machine may read the key file {}", path.display()))
            .hint(format!("chmod 600 {}", path.display()));
    }
    let opens = |row: &crate::store::CredentialRow| {
        vault.open_sealed(&format!("{}/{}", row.connection, row.name), &row.body).is_ok()
    };
    let closed: Vec<_> = credentials.iter().filter(|row| !opens(row)).collect();
    if closed.is_empty() {
        findings.ok(format!("the key opens what is sealed (credentials: {})", credentials.len()));
    }
    for row in closed {
        findings
            .bad(format!("the key does not open {}/{}", row.connection, row.name))
            .hint("put the old key back as a further line of the key file, or connect again");
    }
    Ok(vault)
}

/// Rules, sending, and what waits or was given up.
pub(super) async fn processing(
    config: &Config,
    store: &Store,
    now: UnixMs,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    rules(config, store, findings).await?;
    sending(config, store, findings).await?;
    inbox(store, now, findings).await?;
    letters(store, findings).await?;
    deliveries(store, now, findings).await
}

async fn rules(config: &Config, store: &Store, findings: &mut Findings) -> anyhow::Result<()> {
    let files = match read_packs(&config.rules) {
        Ok(files) => files,
        Err(error) => {
            findings.error(&error);
            return Ok(());
        }
    };
    let mut accounts = Vec::new();
    for slug in config.connections.keys() {
        accounts.extend(stored(store, slug).await?.map(|it| (slug.as_str(), it)));
    }
    let accounts: Vec<_> = accounts.iter().map(|(slug, it)| (*slug, it)).collect();
    let loaded = RuleSet::load(&files, &accounts);
    let warnings =
        loaded.diagnostics.iter().filter(|one| one.severity == Severity::Warning).count();
    match loaded.set {
        Some(set) => {
            let (rules, packs) = (set.rules().len(), files.len());
            findings.ok(format!(
                "the rules load (rules: {rules}, packs: {packs}, warnings: {warnings})"
            ));
        }
        None => {
            let errors = loaded.diagnostics.iter().filter(|one| one.severity == Severity::Error);
            let errors: Vec<_> = errors.collect();
            let count = errors.len();
            let finding = findings.bad(if RuleSet::load(&files, &[]).set.is_some() {
                format!("names in the rules that no connected CRM has: {count}; what rests on them is never true")
            } else {
                format!("errors in the rules: {count}; a start fails, and a running service keeps its old rules")
            });
            for error in errors.iter().take(RULE_ERRORS_MAX) {
                finding.detail(error.to_string().replace('\n', " "));
            }
            finding.hint("`touchline rules check` shows all of them");
        }
    }
    Ok(())
}

async fn sending(config: &Config, store: &Store, findings: &mut Findings) -> anyhow::Result<()> {
    let to = Settings::sending_to(store, config).await?;
    match to.sending {
        Sending::Off => findings
            .warn("sending is off: nobody is sent anything")
            .hint("`touchline admin sending pilot --people … --reason …` begins with a few"),
        Sending::Pilot => {
            findings.ok(format!("sending is on for a pilot (people: {})", to.pilot.len()))
        }
        Sending::Everyone => findings.ok("sending is on for everyone"),
    };
    Ok(())
}

async fn inbox(store: &Store, now: UnixMs, findings: &mut Findings) -> anyhow::Result<()> {
    let (cursor, newest) = (store.cursor().await?, store.inbox_newest().await?);
    let waiting = newest.saturating_sub(cursor);
    let oldest = store.inbox_after(cursor, 1, 1).await?;
    let lag_ms = oldest.first().map_or(0, |row| now.since_ms(row.request.received_at));
    if waiting == 0 {
        findings.ok("no request of the inbox waits");
    } else if lag_ms <= LAG_MS_MAX {
        findings.ok(format!("requests waiting: {waiting}, the oldest for {}", lasting(lag_ms)));
    } else {
        findings
            .bad(format!("requests waiting: {waiting}, the oldest for {}", lasting(lag_ms)))
            .hint("is `touchline serve` running? Its log says what keeps it");
    }
    Ok(())
}

async fn letters(store: &Store, findings: &mut Findings) -> anyhow::Result<()> {
    let letters = dead_letters::load(store, false).await?;
    if letters.is_empty() {
        findings.ok("no dead letters");
        return Ok(());
    }
    let finding = findings.bad(format!("events given up: {}", letters.len()));
    tell_reasons(letters.iter().map(|letter| letter.reason.as_str()), &mut finding.details);
    finding.hint("`touchline admin dead-letters list`, then replay or discard them");
    Ok(())
}
