//! Putting the parts together, once, at start.

use std::sync::Arc;

use super::{App, STOPS_WITHIN};
use crate::clock::Clock;
use crate::coaching::baselines;
use crate::coaching::opening::{self, Opening};
use crate::coaching::people::People;
use crate::coaching::rulesets::RuleSets;
use crate::coaching::settings::Settings;
use crate::config::Config;
use crate::entropy;
use crate::http;
use crate::http::hooks::Intake;
use crate::http::oauth::{self, Connect};
use crate::lifecycle::declared::declare;
use crate::roles::Role;
use crate::roles::attention::Attention;
use crate::roles::backfill::Backfill;
use crate::roles::baselines::BaselinesRole;
use crate::roles::deliver::Deliver;
use crate::roles::edit::Edit;
use crate::roles::erase::Erase;
use crate::roles::escalate::Escalate;
use crate::roles::fetch::{Fetch, metadata};
use crate::roles::housekeeping::Housekeeping;
use crate::roles::ingest::Ingest;
use crate::roles::letters::Letters;
use crate::roles::outcomes::Outcomes;
use crate::roles::poll::Poll;
use crate::roles::portfolio::Portfolio;
use crate::roles::refusals::Refusals;
use crate::roles::release::Release;
use crate::roles::rule_keeper::RuleKeeper;
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
    opening::register(&config, &store, clock.now()).await?;
    let opening = Opening { config: &config, store: &store, vault: &vault, clock: &clock };
    let connections = Arc::new(opening::open_all(&opening)?);
    metadata::restore(&store, &connections).await?;
    let settings = Settings::load(store.clone(), &config, clock.now()).await?;
    let people = People::load(store.clone(), Arc::clone(&config)).await?;
    let accounts =
        connections.crms().map(|one| (one.slug.clone(), Arc::clone(&one.view().metadata)));
    let rules = RuleSets::open(&config.rules, &accounts.collect::<Vec<_>>())?;
    let service = Arc::new(Service::new(Parts {
        config: Arc::clone(&config),
        clock: Arc::clone(&clock),
        store: store.clone(),
        connections: Arc::clone(&connections),
        rules,
        people,
        settings,
        vault,
    }));
    declare(&service.store, &service.rules.declared(), clock.now()).await?;
    service.settings.refresh().await?;
    sweep::restore(&service).await?;
    baselines::restore(&service).await?;
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
        Arc::new(BaselinesRole::new(Arc::clone(&service))),
        Arc::new(Portfolio::new(Arc::clone(&service))),
        Arc::new(Attention::new(Arc::clone(&service))),
        Arc::new(Deliver::new(Arc::clone(&service))),
        Arc::new(Edit::new(Arc::clone(&service))),
        Arc::new(Outcomes::new(Arc::clone(&service))),
        Arc::new(Release::new(Arc::clone(&service))),
        Arc::new(Escalate::new(Arc::clone(&service))),
        Arc::new(Letters::new(Arc::clone(&service))),
        Arc::new(Erase::new(Arc::clone(&service))),
        Arc::new(Housekeeping::new(Arc::clone(&service))),
        Arc::new(RuleKeeper::new(Arc::clone(&service))),
        Arc::new(Refusals::new(Arc::clone(&service), Arc::clone(&intake))),
    ];
    let connect = Arc::new(Connect::new(Arc::clone(&service), entropy::system())?);
    let router = http::router(Arc::clone(&intake)).merge(oauth::routes(connect));
    let rested = tokio::sync::Mutex::default();
    let stops_within = STOPS_WITHIN;
    Ok(App { service, intake, router, roles, rested, stops_within, _lock: lock })
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
