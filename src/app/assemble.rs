//! Putting the parts together, once, at start.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use touchline_kit::guard::NetworkPolicy;
use touchline_kit::limits::Override;
use touchline_kit::session::{Session, SessionConfig};
use touchline_kit::{ConnectionView, TokenSource};

use super::App;
use crate::clock::Clock;
use crate::coaching::people::People;
use crate::coaching::rulesets::{self, RuleSets};
use crate::coaching::settings::Settings;
use crate::config::{Config, ConnectionConfig, LimitOverride};
use crate::connection::{Connection, Connections};
use crate::connectors::{CONNECTORS, connector};
use crate::http::hooks::Intake;
use crate::roles::Role;
use crate::roles::attention::Attention;
use crate::roles::backfill::Backfill;
use crate::roles::deliver::Deliver;
use crate::roles::edit::Edit;
use crate::roles::fetch::{Fetch, metadata};
use crate::roles::housekeeping::Housekeeping;
use crate::roles::ingest::Ingest;
use crate::roles::outcomes::Outcomes;
use crate::roles::poll::Poll;
use crate::roles::sweep::{self, Sweep};
use crate::roles::timers::Timers;
use crate::service::{Parts, Service};
use crate::store::{Store, StoreOptions};
use crate::vault::Vault;

pub(super) async fn app(config: Config, clock: Arc<dyn Clock>) -> anyhow::Result<App> {
    let config = Arc::new(config);
    let vault = Arc::new(Vault::open(&config.key_file)?);
    let store = Store::open(&config.database_path(), store_options(&config))?;
    let lock = store.lock_serve()?;
    let recovered = store.recover_claims().await?;
    if recovered > 0 {
        tracing::warn!(
            deliveries = recovered,
            "the last run ended while these were being sent; their outcome is looked up"
        );
    }
    let connections = Arc::new(connections(&config, &clock)?);
    metadata::restore(&store, &connections).await?;
    let settings = Settings::load(store.clone(), &config, clock.now()).await?;
    let people = People::load(store.clone(), Arc::clone(&config)).await?;
    let accounts =
        connections.crms().map(|one| (one.slug.clone(), Arc::clone(&one.view().metadata)));
    let (rules, _) = rulesets::load(&config.rules, &accounts.collect::<Vec<_>>())?;
    let service = Arc::new(Service::new(Parts {
        config: Arc::clone(&config),
        clock: Arc::clone(&clock),
        store: store.clone(),
        connections: Arc::clone(&connections),
        rules: RuleSets::new(rules),
        people,
        settings,
        vault,
    }));
    sweep::restore(&service).await?;
    let poll = Arc::new(Poll::new(Arc::clone(&service)));
    let catch_up = {
        let poll = Arc::clone(&poll);
        move |connection: &str| poll.request(connection)
    };
    let intake = Intake::new(store, connections, clock, config.http.clone(), catch_up);
    let intake = Arc::new(intake);
    let roles: Vec<Arc<dyn Role>> = vec![
        Arc::new(Ingest::new(Arc::clone(&service))),
        Arc::new(Timers::new(Arc::clone(&service))),
        Arc::new(Fetch::new(Arc::clone(&service))),
        Arc::new(Backfill::new(Arc::clone(&service))),
        poll,
        Arc::new(Sweep::new(Arc::clone(&service))),
        Arc::new(Attention::new(Arc::clone(&service))),
        Arc::new(Deliver::new(Arc::clone(&service))),
        Arc::new(Edit::new(Arc::clone(&service))),
        Arc::new(Outcomes::new(Arc::clone(&service))),
        Arc::new(Housekeeping::new(Arc::clone(&service))),
    ];
    let router = super::routes(&intake);
    Ok(App { service, intake, router, roles, _lock: lock })
}

fn store_options(config: &Config) -> StoreOptions {
    StoreOptions {
        append_rows_max: config.inbox.queue_rows_max,
        append_bytes_max: config.inbox.queue_bytes_max,
        work_rows_max: config.ingest.work_rows_max,
        deliveries_waiting_max: config.delivery.queue_max,
        ..StoreOptions::default()
    }
}

fn connections(config: &Config, clock: &Arc<dyn Clock>) -> anyhow::Result<Connections> {
    let mut connections = Connections::default();
    for (slug, declared) in &config.connections {
        let connection = connection(slug, declared, config, clock);
        connections.insert(connection.with_context(|| format!("connections.{slug}"))?);
    }
    Ok(connections)
}

fn connection(
    slug: &str,
    declared: &ConnectionConfig,
    config: &Config,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Connection> {
    let Some(connector) = connector(&declared.connector) else {
        let known: Vec<_> = CONNECTORS.iter().map(|one| one.manifest().name).collect();
        anyhow::bail!(
            "there is no connector `{}`\nhint: it is one of {}",
            declared.connector,
            known.join(", ")
        );
    };
    let manifest = connector.manifest();
    let secrets = declared.secrets(slug, manifest)?;
    let mut settings = declared.settings(manifest);
    let look_back = config.crm.activity_look_back_days;
    settings.entry("activity_look_back_days").or_insert_with(|| look_back.into());
    let view = ConnectionView {
        name: slug.to_owned(),
        public_url: config.public_url.clone(),
        metadata: Arc::default(),
        settings,
    };
    let token = secrets.expose("access_token").or_else(|| secrets.expose("bot_token"));
    let tokens: Arc<dyn TokenSource> =
        Arc::new(touchline_kit::StaticToken::new(token.unwrap_or_default().to_owned().into()));
    let mut session = SessionConfig::new(slug, manifest, tokens, Arc::clone(clock));
    if let Some(base_url) = &declared.base_url {
        session.base_url.clone_from(base_url);
        // Only a declared connection may name its own machine: who edits this
        // file could run anything here anyway.
        session.network = NetworkPolicy::with_loopback();
    }
    session.limits = limits(&declared.limits);
    session.daily.share_percent = declared.daily_share_percent;
    Ok(Connection::new(connector, secrets, Session::new(session)?, view))
}

fn limits(configured: &BTreeMap<String, LimitOverride>) -> BTreeMap<String, Override> {
    const SECOND_MS: i64 = touchline_rules::time::SECOND_MS;
    let rate = |per_second: f64| {
        // A whole number of calls in a period; below one a second the period grows.
        let calls = per_second.round().clamp(1.0, f64::from(u32::MAX));
        let period_ms = (calls / per_second * SECOND_MS as f64).round().max(1.0);
        Override::Rate { calls: calls as u32, period_ms: period_ms as i64 }
    };
    let limits = configured.iter().map(|(name, limit)| {
        let limit = match limit {
            LimitOverride::Off => Override::Off,
            LimitOverride::PerSecond(per_second) => rate(*per_second),
        };
        (name.clone(), limit)
    });
    limits.collect()
}
