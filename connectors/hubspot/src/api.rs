//! Reading and writing HubSpot records.
//!
//! Each topic has pure builders of requests and readers of answers, and a thin
//! async part that joins them through [`line::Line`]. A call is made once: who
//! called decides when to try again, so every function here either does its
//! whole work or leaves nothing behind but reads.

mod backfill;
pub(crate) mod classify;
mod deals;
mod engagements;
mod line;
mod metadata;
pub(crate) mod paths;
mod poll;
mod properties;
mod search;
mod wire;
mod write;

use async_trait::async_trait;
use touchline_kit::{
    ActivityRef, BackfillPage, BackfillPlan, CallError, ConnectionView, Crm, CrmWrite, PollPage,
    Priority, Receipt, Session,
};
use touchline_rules::UnixMs;
use touchline_rules::facts::suggest::Offered;
use touchline_rules::facts::{Change, Metadata, Observation, Origin};

use self::line::Line;
use crate::HubSpot;
use crate::settings::Settings;

#[async_trait]
impl Crm for HubSpot {
    async fn self_test(&self, session: &Session, on: &ConnectionView) -> Result<String, CallError> {
        metadata::self_test(&Line::new(session, on, Priority::Deliver)).await
    }

    async fn metadata(
        &self,
        session: &Session,
        on: &ConnectionView,
    ) -> Result<Metadata, CallError> {
        metadata::read(&Line::new(session, on, Priority::Follow)).await
    }

    async fn deal_properties(
        &self,
        session: &Session,
        on: &ConnectionView,
    ) -> Result<Vec<Offered>, CallError> {
        properties::read(&Line::new(session, on, Priority::Deliver)).await
    }

    async fn backfill(
        &self,
        session: &Session,
        on: &ConnectionView,
        plan: &BackfillPlan,
        cursor: Option<&str>,
    ) -> Result<BackfillPage, CallError> {
        backfill::page(&Line::new(session, on, Priority::Background), plan, cursor).await
    }

    async fn fetch(
        &self,
        session: &Session,
        on: &ConnectionView,
        deals: &[String],
        origin: Origin,
    ) -> Result<Vec<Observation>, CallError> {
        let since = session.now().plus_ms(-Settings::of(on).look_back_ms);
        deals::observe(&Line::new(session, on, priority(origin)), deals, origin, since).await
    }

    fn fetch_limit(&self) -> usize {
        deals::BATCH_MAX
    }

    async fn changed_since(
        &self,
        session: &Session,
        on: &ConnectionView,
        cursor: Option<&str>,
        now: UnixMs,
    ) -> Result<PollPage, CallError> {
        poll::page(&Line::new(session, on, Priority::Follow), cursor, now).await
    }

    async fn activities(
        &self,
        session: &Session,
        on: &ConnectionView,
        refs: &[ActivityRef],
    ) -> Result<Vec<Change>, CallError> {
        engagements::changes(&Line::new(session, on, Priority::Follow), refs).await
    }

    async fn write(
        &self,
        session: &Session,
        on: &ConnectionView,
        write: &CrmWrite,
    ) -> Result<Receipt, CallError> {
        write::send(&Line::new(session, on, Priority::Deliver), write).await
    }

    async fn reconcile(
        &self,
        session: &Session,
        on: &ConnectionView,
        write: &CrmWrite,
    ) -> Result<Option<Receipt>, CallError> {
        write::find(&Line::new(session, on, Priority::Deliver), write).await
    }

    async fn complete(
        &self,
        session: &Session,
        on: &ConnectionView,
        receipt: &Receipt,
    ) -> Result<(), CallError> {
        write::complete(&Line::new(session, on, Priority::Deliver), receipt).await
    }
}

fn priority(origin: Origin) -> Priority {
    match origin {
        Origin::Backfill | Origin::Import => Priority::Background,
        Origin::Hydrate | Origin::Poll => Priority::Follow,
        Origin::Refresh => Priority::Deliver,
    }
}
