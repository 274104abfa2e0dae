//! Refusals: what the intake refused, written down for `touchline doctor`.

use std::sync::Arc;

use async_trait::async_trait;
use touchline_rules::UnixMs;

use super::{Progress, Role};
use crate::http::hooks::Intake;
use crate::http::refusals::persist_refusals;
use crate::service::Service;
use crate::wake::News;

/// The role.
pub struct Refusals {
    service: Arc<Service>,
    intake: Arc<Intake>,
}

impl Refusals {
    /// For this intake.
    #[must_use]
    pub fn new(service: Arc<Service>, intake: Arc<Intake>) -> Self {
        Refusals { service, intake }
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
        persist_refusals(&self.service.store, &self.intake, now).await?;
        Ok(Progress::default())
    }
}
