//! Refusals: what the intake refused, and how much came, written down for
//! `touchline doctor`.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;
use touchline_rules::UnixMs;

use super::{Progress, Role};
use crate::http::hooks::Intake;
use crate::http::intake_days::DayBook;
use crate::http::refusals::persist_refusals;
use crate::service::Service;
use crate::wake::News;

/// The role.
pub struct Refusals {
    service: Arc<Service>,
    intake: Arc<Intake>,
    days: Mutex<DayBook>,
}

impl Refusals {
    /// For this intake.
    #[must_use]
    pub fn new(service: Arc<Service>, intake: Arc<Intake>) -> Self {
        Refusals { service, intake, days: Mutex::default() }
    }
}

#[async_trait]
impl Role for Refusals {
    fn name(&self) -> &'static str {
        "refusals"
    }

    fn woken_by(&self) -> News {
        News::NONE
    }

    /// Never says that it worked or when it is due: strangers could otherwise
    /// keep the service awake by sending it nonsense.
    async fn tick(&self, now: UnixMs) -> anyhow::Result<Progress> {
        let Service { store, connections, .. } = &*self.service;
        persist_refusals(store, &self.intake, now).await?;
        let mut days = self.days.lock().await;
        for connection in connections.iter() {
            days.write(store, &self.intake, &connection.slug, now).await?;
        }
        Ok(Progress::default())
    }
}
