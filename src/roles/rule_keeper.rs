//! Rule keeper: rules whose time is over, or that do not help, pause themselves,
//! and their owners are told ([`crate::lifecycle::keeper`]).

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;
use touchline_rules::UnixMs;
use touchline_rules::time::HOUR_MS;

use super::{Progress, Role};
use crate::coaching::people::Person;
use crate::lifecycle::Lifecycle;
use crate::service::Service;
use crate::wake::News;

/// How often it looks at all rules. What it looks for takes days to come about.
const INTERVAL_MS: i64 = HOUR_MS;
/// Notices on their way whose readers are looked at.
const NOTICES_MAX: usize = 200;

/// The role.
pub struct RuleKeeper {
    service: Arc<Service>,
    due: Mutex<UnixMs>,
}

impl RuleKeeper {
    /// For this service.
    #[must_use]
    pub fn new(service: Arc<Service>) -> Self {
        RuleKeeper { service, due: Mutex::new(UnixMs::MIN) }
    }

    /// An owner need not be in the CRM: chat is asked about people who are known.
    async fn know_owners(&self) -> anyhow::Result<()> {
        let Service { store, people, .. } = &*self.service;
        for notice in store.rule_notices_asked(NOTICES_MAX).await? {
            if people.get(&notice.person).is_none() {
                people.put(Person::new(&notice.person, "")).await?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Role for RuleKeeper {
    fn name(&self) -> &'static str {
        "rule keeper"
    }

    fn woken_by(&self) -> News {
        News::NONE
    }

    /// Asks for no wake-up of its own, as housekeeping does.
    async fn tick(&self, now: UnixMs) -> anyhow::Result<Progress> {
        let mut due = self.due.lock().await;
        if *due > now {
            return Ok(Progress::default());
        }
        let service = &self.service;
        let (store, config) = (service.store.clone(), Arc::clone(&service.config));
        let lifecycle = Lifecycle::new(store, config, service.accounts());
        let chat = service.connections.chat().map(|chat| chat.slug.as_str());
        let kept = lifecycle.keep(&service.rules.book()?, chat, now).await?;
        if kept > 0 {
            service.settings.refresh().await?;
            self.know_owners().await?;
        }
        *due = now.plus_ms(INTERVAL_MS);
        Ok(if kept > 0 { Progress::done_until(None) } else { Progress::default() })
    }
}
