//! What every role works with: the store, the connections, the rules, the people.

mod ground;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use touchline_rules::baseline::Baselines;
use touchline_rules::facts::{DealState, Field, Metadata};
use touchline_rules::{Calendar, UnixMs};

use crate::clock::Clock;
use crate::coaching::people::People;
use crate::coaching::rulesets::RuleSets;
use crate::coaching::settings::Settings;
use crate::config::Config;
use crate::connection::Connections;
use crate::lifecycle::teams::Teams;
use crate::store::Store;
use crate::vault::Vault;
use crate::wake::{News, Wake};
pub use ground::Ground;

/// Everything that is shared.
pub struct Service {
    /// As read at start.
    pub config: Arc<Config>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Everything remembered.
    pub store: Store,
    /// Vendor accounts.
    pub connections: Arc<Connections>,
    /// The rules in force.
    pub rules: Arc<RuleSets>,
    /// Everybody.
    pub people: People,
    /// What an admin steers.
    pub settings: Settings,
    /// Seals credentials.
    pub vault: Arc<Vault>,
    /// Wakes roles: the store's own, which tells of every commit.
    pub wake: Wake,
    stopping: AtomicBool,
    verdicts: RwLock<HashMap<String, Arc<Verdicts>>>,
    baselines: RwLock<HashMap<String, Arc<Baselines>>>,
}

/// Which pipelines of an account show enough activity for rules to rest on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdicts {
    /// Rises with every verdict that differs from the one before.
    pub version: i64,
    /// Pipeline ids whose activity facts are trusted.
    pub trusted: Vec<String>,
    /// Pipeline ids that an admin decided on, whatever was measured.
    pub overridden: HashMap<String, bool>,
}

impl Verdicts {
    /// Whether activity facts of that pipeline count.
    #[must_use]
    pub fn trusts(&self, pipeline: &str) -> bool {
        let measured = || self.trusted.iter().any(|trusted| trusted == pipeline);
        self.overridden.get(pipeline).copied().unwrap_or_else(measured)
    }
}

/// Parts that [`Service::new`] puts together.
#[expect(missing_docs, reason = "the fields of Service, before it exists")]
pub struct Parts {
    pub config: Arc<Config>,
    pub clock: Arc<dyn Clock>,
    pub store: Store,
    pub connections: Arc<Connections>,
    pub rules: RuleSets,
    pub people: People,
    pub settings: Settings,
    pub vault: Arc<Vault>,
}

impl Service {
    /// Puts the service together.
    #[must_use]
    pub fn new(parts: Parts) -> Service {
        let Parts { config, clock, store, connections, rules, people, settings, vault } = parts;
        let rules = Arc::new(rules);
        rules.know_teams(Teams::of(&config));
        settings.lead(Arc::clone(&rules));
        Service {
            wake: store.wake().clone(),
            config,
            clock,
            store,
            connections,
            rules,
            people,
            settings,
            vault,
            stopping: AtomicBool::new(false),
            verdicts: RwLock::default(),
            baselines: RwLock::default(),
        }
    }

    /// The account behind a connection, as last read.
    #[must_use]
    pub fn metadata(&self, connection: &str) -> Arc<Metadata> {
        let known = self.connections.get(connection).map(|one| Arc::clone(&one.view().metadata));
        known.unwrap_or_default()
    }

    /// Every CRM account, for checking rules against.
    #[must_use]
    pub fn accounts(&self) -> Vec<(String, Arc<Metadata>)> {
        let crms = self.connections.crms();
        crms.map(|one| (one.slug.clone(), Arc::clone(&one.view().metadata))).collect()
    }

    /// The account by which people's zones are told where nobody says better:
    /// that of the first CRM.
    #[must_use]
    pub fn account(&self) -> Arc<Metadata> {
        let first = self.connections.crms().next();
        first.map(|crm| Arc::clone(&crm.view().metadata)).unwrap_or_default()
    }

    /// The activity verdicts of a connection.
    #[must_use]
    pub fn verdicts(&self, connection: &str) -> Arc<Verdicts> {
        let verdicts = self.verdicts.read().unwrap_or_else(PoisonError::into_inner);
        verdicts.get(connection).cloned().unwrap_or_default()
    }

    /// Replaces the activity verdicts of a connection.
    pub fn set_verdicts(&self, connection: &str, verdicts: Verdicts) {
        let mut all = self.verdicts.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(connection.to_owned(), Arc::new(verdicts));
    }

    /// What is usual among the won deals of a connection.
    #[must_use]
    pub fn baselines(&self, connection: &str) -> Arc<Baselines> {
        let baselines = self.baselines.read().unwrap_or_else(PoisonError::into_inner);
        baselines.get(connection).cloned().unwrap_or_default()
    }

    /// Replaces the baselines of a connection.
    pub fn set_baselines(&self, connection: &str, baselines: Baselines) {
        let mut all = self.baselines.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(connection.to_owned(), Arc::new(baselines));
    }

    /// The calendar by which a deal's owner works.
    #[must_use]
    pub fn calendar_of(&self, deal: &DealState, metadata: &Metadata) -> Calendar {
        let owner = People::owner_email(metadata, deal.facts.text(Field::Owner));
        self.people.calendar_of(owner.as_deref(), metadata)
    }

    /// What deals are judged on, as of now.
    #[must_use]
    pub fn ground(&self) -> Ground<'_> {
        Ground::of(self)
    }

    /// Tells every role to finish what it has begun and to begin nothing more.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.wake.tell(News::ALL);
    }

    /// Whether a role that goes on and on should come to an end.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> UnixMs {
        self.clock.now()
    }
}
