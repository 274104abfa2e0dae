//! Opens the configured vendor accounts: secrets, tokens, limits, session.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use anyhow::Context as _;
use secrecy::SecretString;
use touchline_kit::guard::{AddressClass, Cidr, classify};
use touchline_kit::oauth::{OAuthApp, OAuthHttp};
use touchline_kit::{
    ConnectionView, Connector, DailyOverride, Manifest, NetworkPolicy, Override, Secrets, Session,
    SessionConfig, Timeouts,
};
use touchline_rules::UnixMs;

use super::account_settings::{self, Settings, inherit};
use super::credentials::{ConnectionToken, NEW, OAuthLine, static_token};
use super::grants::Grants;
use crate::clock::Clock;
use crate::config::{Config, ConnectionConfig, LimitOverride};
use crate::connection::{Connection, Connections};
use crate::connectors::{connector, names};
use crate::store::{AuditEntry, ConnectionRow, Store};
use crate::vault::Vault;
use touchline_rules::nearest::did_you_mean;

/// How Touchline names itself to vendors.
pub const USER_AGENT: &str = concat!("touchline/", env!("CARGO_PKG_VERSION"));
/// The secrets of an OAuth app, as manifests name them.
pub(crate) const CLIENT_ID: &str = "client_id";
pub(crate) const CLIENT_SECRET: &str = "client_secret";

/// What accounts are opened with.
pub struct Opening<'a> {
    /// Declares them.
    pub config: &'a Config,
    /// Holds their grants and what is known of them.
    pub store: &'a Store,
    /// Opens their grants.
    pub vault: &'a Arc<Vault>,
    /// Their sessions run on it.
    pub clock: &'a Arc<dyn Clock>,
}

/// A declared account before anything is opened.
pub struct Declared<'a> {
    /// Its slug.
    pub slug: &'a str,
    /// What the file says of it.
    pub config: &'a ConnectionConfig,
    /// What speaks to the vendor.
    pub connector: &'static dyn Connector,
    /// Its secrets.
    pub secrets: Secrets,
    /// Its settings, in the form that connectors read.
    pub settings: Settings,
}

impl Declared<'_> {
    /// What its connector declares.
    #[must_use]
    pub fn manifest(&self) -> &'static Manifest {
        self.connector.manifest()
    }

    fn base_url(&self) -> &str {
        self.config.base_url.as_deref().unwrap_or(self.manifest().base_url)
    }
}

/// Looks a connection up in the configuration.
///
/// # Errors
/// When there is none of that name, its connector is not known, a secret is
/// missing, or a setting is not known or makes no sense.
pub fn declared<'a>(config: &'a Config, slug: &str) -> anyhow::Result<Declared<'a>> {
    let Some((slug, one)) = config.connections.get_key_value(slug) else {
        return Err(no_connection(config, slug));
    };
    let Some(connector) = connector(&one.connector) else {
        let problem = format!("there is no connector `{}` in this build", one.connector);
        let hint = did_you_mean(&one.connector, &names());
        return Err(config.invalid(format!("connections.{slug}.connector"), problem, hint).into());
    };
    let secrets = one.secrets(slug, connector.manifest()).map_err(|error| config.placed(error))?;
    let settings = account_settings::of(slug, one, connector);
    let settings = settings.map_err(|error| config.placed(error))?;
    Ok(Declared { slug, config: one, connector, secrets, settings })
}

/// The answer to the name of a connection that is not configured.
pub fn no_connection(config: &Config, slug: &str) -> anyhow::Error {
    let known: Vec<_> = config.connections.keys().map(String::as_str).collect();
    if known.is_empty() {
        return anyhow::anyhow!(
            "there is no connection `{slug}`: none is configured\nhint: add [connections.{slug}] with its connector to the configuration (--config FILE, else ./touchline.toml)"
        );
    }
    anyhow::anyhow!("there is no connection `{slug}`\nhint: {}", did_you_mean(slug, &known))
}

/// Whether there is a token or a grant to call the vendor with.
///
/// # Errors
/// When the store cannot be read.
pub async fn is_connected(
    declared: &Declared<'_>,
    store: &Store,
    vault: &Arc<Vault>,
) -> anyhow::Result<bool> {
    let grants = Grants::new(store.clone(), Arc::clone(vault));
    let has_token = static_token(declared.manifest(), &declared.secrets).is_some();
    Ok(has_token || grants.version(declared.slug).await? > 0)
}

/// Opens every configured account.
///
/// # Errors
/// The first that cannot be opened, by name.
pub fn open_all(opening: &Opening<'_>) -> anyhow::Result<Connections> {
    let mut connections = Connections::default();
    for slug in opening.config.connections.keys() {
        connections.insert(open(slug, opening)?);
    }
    Ok(connections)
}

/// Opens one configured account. Makes no call, and knows nothing of it yet.
///
/// # Errors
/// When its configuration makes no sense, naming the key.
pub fn open(slug: &str, opening: &Opening<'_>) -> anyhow::Result<Connection> {
    let Opening { config, clock, .. } = *opening;
    let declared = declared(config, slug)?;
    let manifest = declared.manifest();
    let tokens = Arc::new(tokens(&declared, opening)?);
    let mut limits = BTreeMap::new();
    for (name, change) in &declared.config.limits {
        let Some(limit) = manifest.limits.iter().find(|limit| limit.name == name) else {
            let known: Vec<_> = manifest.limits.iter().map(|limit| limit.name).collect();
            let key = format!("connections.{slug}.limits.{name}");
            let problem = format!("{} has no limit of that name", manifest.title);
            return Err(config.invalid(key, problem, did_you_mean(name, &known)).into());
        };
        limits.insert(name.clone(), override_of(*change, limit.period_ms));
    }
    let session = Session::new(SessionConfig {
        base_url: declared.base_url().to_owned(),
        limits,
        daily: DailyOverride {
            share_percent: declared.config.daily_share_percent.and_then(|it| u8::try_from(it).ok()),
            ..DailyOverride::default()
        },
        network: network_policy(declared.config.base_url.as_deref()),
        ..SessionConfig::new(slug, manifest, tokens, Arc::clone(clock))
    });
    let session = session.with_context(|| format!("connections.{slug}"))?;
    let mut settings = declared.settings;
    inherit(&mut settings, declared.connector, config)?;
    let view = ConnectionView {
        name: slug.to_owned(),
        public_url: config.public_url.clone(),
        metadata: Arc::default(),
        settings,
    };
    Ok(Connection::new(declared.connector, declared.secrets, session, view))
}

/// Makes every configured connection known to the store, so that its status can
/// be kept. Does nothing for those it knows.
///
/// # Errors
/// When the store cannot be written.
pub async fn register(config: &Config, store: &Store, now: UnixMs) -> anyhow::Result<()> {
    let known = store.connections().await?;
    for (slug, declared) in &config.connections {
        if known.iter().any(|row| row.name == *slug && row.connector == declared.connector) {
            continue;
        }
        let row = ConnectionRow {
            name: slug.clone(),
            connector: declared.connector.clone(),
            status: NEW.to_owned(),
            reason: String::new(),
            version: known.iter().find(|row| row.name == *slug).map_or(0, |row| row.version),
            updated_at: now,
            body: Vec::new(),
        };
        let told = serde_json::json!({ "connection": slug, "connector": declared.connector });
        let audit = AuditEntry {
            at: now,
            actor: "configuration".to_owned(),
            action: "connection_declared".to_owned(),
            body: serde_json::to_vec(&told)?,
        };
        store.put_connection(row, audit).await?;
    }
    Ok(())
}

/// A limit whose own period is that long, changed.
fn override_of(change: LimitOverride, period_ms: i64) -> Override {
    match change {
        LimitOverride::Off => Override::Off,
        LimitOverride::Calls(wanted) => {
            // A whole number of calls in a period; below one the period grows.
            let calls = wanted.round().clamp(1.0, f64::from(u32::MAX));
            let period_ms = (calls / wanted * period_ms as f64).round().max(1.0);
            Override::Rate { calls: calls as u32, period_ms: period_ms as i64 }
        }
    }
}

fn tokens(declared: &Declared<'_>, opening: &Opening<'_>) -> anyhow::Result<ConnectionToken> {
    let slug = declared.slug;
    let manifest = declared.manifest();
    if let Some(token) = static_token(manifest, &declared.secrets) {
        return Ok(ConnectionToken::fixed(slug, token));
    }
    let Some(line) = oauth_line(declared, &opening.config.public_url)? else {
        let what_to_do = match manifest.oauth {
            Some(_) => format!(
                "no token: set connections.{slug}.access_token, or client_id and client_secret and run `touchline connect {} --connection {slug}`",
                manifest.name
            ),
            None => format!("no token is configured for connections.{slug}"),
        };
        return Ok(ConnectionToken::missing(slug, what_to_do));
    };
    let grants = Grants::new(opening.store.clone(), Arc::clone(opening.vault));
    let (store, clock) = (opening.store.clone(), Arc::clone(opening.clock));
    Ok(ConnectionToken::granted(slug, manifest, line, grants, store, clock))
}

/// The account's OAuth app; `None` when its connector has no OAuth, or
/// configuration no app.
///
/// # Errors
/// When a URL makes no sense.
pub fn oauth_line(declared: &Declared<'_>, public_url: &str) -> anyhow::Result<Option<OAuthLine>> {
    let Declared { slug, secrets, .. } = declared;
    let manifest = declared.manifest();
    let id = secrets.expose(CLIENT_ID).zip(secrets.expose(CLIENT_SECRET));
    let (Some((client_id, client_secret)), Some(_)) = (id, &manifest.oauth) else {
        return Ok(None);
    };
    let network = network_policy(declared.config.base_url.as_deref());
    let app = OAuthApp::new(
        manifest,
        declared.base_url(),
        &network,
        client_id,
        SecretString::from(client_secret),
        &redirect_url(public_url, manifest),
    );
    let app = app.with_context(|| format!("connections.{slug}"))?;
    let http = OAuthHttp::new(network, Timeouts::default(), USER_AGENT)?;
    Ok(app.map(|app| OAuthLine { app, http }))
}

/// Where a vendor sends the admin's browser back to.
#[must_use]
pub fn redirect_url(public_url: &str, manifest: &Manifest) -> String {
    format!("{public_url}/connect/{}/callback", manifest.name)
}

/// Where calls of an account may go: the public internet, and the very address
/// that its declared `base_url` names.
#[must_use]
pub fn network_policy(base_url: Option<&str>) -> NetworkPolicy {
    let mut policy = NetworkPolicy::default();
    let Some(url) = base_url.and_then(|text| url::Url::parse(text).ok()) else { return policy };
    let address: IpAddr = match url.host() {
        Some(url::Host::Ipv4(address)) => address.into(),
        Some(url::Host::Ipv6(address)) => address.into(),
        Some(url::Host::Domain("localhost")) => {
            policy.allow_loopback = true;
            return policy;
        }
        Some(url::Host::Domain(_)) | None => return policy,
    };
    match classify(address) {
        AddressClass::Loopback => policy.allow_loopback = true,
        AddressClass::Private => {
            policy.allow_private.extend(address.to_string().parse::<Cidr>());
        }
        AddressClass::Public | AddressClass::Never => {}
    }
    policy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declared_address_opens_itself_and_nothing_else() {
        let permits = |base: &str, address: &str| {
            network_policy(Some(base)).permits(address.parse().unwrap())
        };
        assert!(permits("http://127.0.0.1:9101", "127.0.0.1"));
        assert!(!permits("http://127.0.0.1:9101", "10.1.2.3"));
        assert!(permits("http://10.1.2.3/api", "10.1.2.3"));
        assert!(!permits("http://10.1.2.3/api", "10.1.2.4"));
        assert!(!permits("http://169.254.169.254/", "169.254.169.254"));
        assert!(!network_policy(None).permits("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn an_unknown_name_says_which_there_are() {
        let config = Config::from_toml(
            "[connections.crm]\nconnector = \"hubspot\"\n[connections.odd]\nconnector = \"hubspots\"",
        )
        .unwrap();
        let error = |slug: &str| declared(&config, slug).err().unwrap().to_string();
        assert!(error("hubspot").contains("known here: crm, odd"), "{}", error("hubspot"));
        assert!(error("od").contains("did you mean `odd`?"));
        assert!(error("odd").contains("no connector `hubspots` in this build"));
        assert!(error("odd").contains("did you mean `hubspot`?"));
    }

    #[test]
    fn a_changed_limit_counts_in_the_period_of_its_name() {
        let ten_s = 10_000;
        let changed = |calls, period_ms| override_of(LimitOverride::Calls(calls), period_ms);
        assert_eq!(changed(76.0, ten_s), Override::Rate { calls: 76, period_ms: ten_s });
        assert_eq!(changed(300.0, 60_000), Override::Rate { calls: 300, period_ms: 60_000 });
        assert_eq!(changed(0.5, 1_000), Override::Rate { calls: 1, period_ms: 2_000 });
        assert_eq!(override_of(LimitOverride::Off, ten_s), Override::Off);
    }
}
