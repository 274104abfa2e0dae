//! What deals are judged on: one snapshot for everything that is decided together.

use std::collections::BTreeMap;
use std::sync::Arc;

use touchline_rules::Calendar;
use touchline_rules::baseline::Baselines;
use touchline_rules::engine::World;
use touchline_rules::facts::{DealState, Field, Managers, Metadata};
use touchline_rules::ruleset::RuleSet;
use touchline_rules::time::{HOUR_MS, MINUTE_MS};

use super::{Service, Verdicts};

/// Rules, accounts, verdicts, baselines and who leads whom as they were at one instant.
/// Whatever is loaded anew meanwhile holds from the next snapshot on.
pub struct Ground<'a> {
    service: &'a Service,
    rules: Arc<RuleSet>,
    managers: &'a Managers,
    accounts: BTreeMap<String, Account>,
}

/// One account, as it was then.
#[derive(Clone, Default)]
struct Account {
    metadata: Arc<Metadata>,
    verdicts: Arc<Verdicts>,
    baselines: Arc<Baselines>,
}

impl<'a> Ground<'a> {
    pub(super) fn of(service: &'a Service) -> Self {
        let crms = service.connections.crms();
        let accounts = crms.map(|one| {
            let account = Account {
                metadata: service.metadata(&one.slug),
                verdicts: service.verdicts(&one.slug),
                baselines: service.baselines(&one.slug),
            };
            (one.slug.clone(), account)
        });
        Ground {
            service,
            rules: service.rules.current(),
            managers: service.people.managers(),
            accounts: accounts.collect(),
        }
    }

    /// The rules of this snapshot.
    #[must_use]
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// The account behind a connection; an empty one if there is none.
    #[must_use]
    pub fn metadata(&self, connection: &str) -> Arc<Metadata> {
        let account = self.accounts.get(connection);
        account.map(|account| Arc::clone(&account.metadata)).unwrap_or_default()
    }

    /// Calls `body` with the world that a person is judged in, who works by this
    /// calendar.
    pub fn in_world_of_person<T>(
        &self,
        metadata: &Metadata,
        calendar: &Calendar,
        body: impl FnOnce(&World<'_>) -> T,
    ) -> T {
        let world = World {
            rules: &self.rules,
            metadata,
            calendar,
            activity_trusted: false,
            managers: self.managers,
            hydrate_deadline_ms: 0,
            live_max_age_ms: 0,
            baselines: Baselines::none(),
        };
        body(&world)
    }

    /// Calls `body` with the world that `deal` is judged in.
    pub fn in_world<T>(
        &self,
        deal: &mut DealState,
        body: impl FnOnce(&mut DealState, &World<'_>) -> T,
    ) -> T {
        let Ground { service, rules, managers, accounts } = self;
        let Account { metadata, verdicts, baselines } =
            accounts.get(&deal.facts.key.connection).cloned().unwrap_or_default();
        let calendar = service.calendar_of(deal, &metadata);
        let pipeline = deal.facts.text(Field::Pipeline).unwrap_or_default();
        let world = World {
            rules,
            metadata: &metadata,
            calendar: &calendar,
            activity_trusted: verdicts.trusts(pipeline),
            managers,
            hydrate_deadline_ms: service.config.ingest.hydrate_deadline_minutes * MINUTE_MS,
            live_max_age_ms: service.config.attention.event_max_age_hours.saturating_mul(HOUR_MS),
            baselines: &baselines,
        };
        body(deal, &world)
    }
}
