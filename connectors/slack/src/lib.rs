//! Slack: the place where nudges are shown to people and answered.
//!
//! - [`receive()`] judges a request by its signature, [`decode()`] reads clicks,
//!   commands and revocations out of it.
//! - [`blocks`] draws a message, [`actions`] is the vocabulary that its buttons
//!   and `decode` share.
//! - `api` makes the calls, [`classify()`] says what an answer means.
//!
//! With the feature `fake` there is also a whole Slack to talk to.

pub mod actions;
mod api;
#[cfg(any(feature = "fake", test))]
pub mod block_limits;
pub mod blocks;
pub mod classify;
pub mod command;
pub mod decode;
#[cfg(feature = "fake")]
pub mod fake;
pub mod manifest;
mod payload;
pub mod receive;
pub mod signature;
pub mod text;

use async_trait::async_trait;
use touchline_kit::{
    Accepted, CallError, Channel, ChatPerson, ConnectionView, Connector, Inbound, Manifest,
    Message, RawRequest, Receipt, Rejected, Secrets, Session, StoredRequest, Undecodable,
};
use touchline_rules::UnixMs;

pub use api::METADATA_EVENT_TYPE;
pub use classify::classify;
pub use decode::decode;
pub use manifest::MANIFEST;
pub use receive::receive;

/// The connector, as the registry names it.
pub static SLACK: Slack = Slack;

/// Slack's side of the house.
#[derive(Debug)]
pub struct Slack;

impl Connector for Slack {
    fn manifest(&self) -> &'static Manifest {
        &MANIFEST
    }

    fn receive(
        &self,
        _kind: &str,
        request: &RawRequest<'_>,
        secrets: &Secrets,
        _connection: &ConnectionView,
        now: UnixMs,
    ) -> Result<Accepted, Rejected> {
        receive(request, secrets, now)
    }

    fn decode(
        &self,
        _kind: &str,
        request: &StoredRequest,
        _connection: &ConnectionView,
    ) -> Vec<Result<Inbound, Undecodable>> {
        decode(request)
    }

    fn channel(&self) -> Option<&dyn Channel> {
        Some(self)
    }
}

#[async_trait]
impl Channel for Slack {
    async fn self_test(&self, session: &Session, _: &ConnectionView) -> Result<String, CallError> {
        api::self_test(session).await
    }

    async fn find_person(
        &self,
        session: &Session,
        _: &ConnectionView,
        email: &str,
    ) -> Result<Option<ChatPerson>, CallError> {
        api::find_person(session, email).await
    }

    async fn deliver(
        &self,
        session: &Session,
        _: &ConnectionView,
        to: &ChatPerson,
        delivery_id: &str,
        message: &Message,
    ) -> Result<Receipt, CallError> {
        api::deliver(session, to, delivery_id, message).await
    }

    async fn update(
        &self,
        session: &Session,
        _: &ConnectionView,
        receipt: &Receipt,
        message: &Message,
    ) -> Result<(), CallError> {
        api::update(session, receipt, message).await
    }
}
