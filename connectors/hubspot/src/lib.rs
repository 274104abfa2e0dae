//! HubSpot: deals, activities and tasks of one HubSpot account.
//!
//! [`receive`] judges a webhook delivery by its signature, [`decode`] reads the
//! events in it, and [`api`] reads and writes records through the session. The
//! first two are pure.

mod actor;
mod api;
mod decode;
#[cfg(feature = "fake")]
pub mod fake;
mod manifest;
mod objects;
mod properties;
mod receive;
mod settings;
#[cfg(test)]
mod testing;

pub use manifest::MANIFEST;

use touchline_kit::{
    Accepted, ConnectionView, Connector, Crm, Inbound, Manifest, RawRequest, Rejected, Secrets,
    Setting, StoredRequest, Undecodable,
};
use touchline_rules::UnixMs;
use touchline_rules::facts::Field;

/// The HubSpot property that usually fills `field`; `None` for a named fact,
/// which a connection maps.
#[must_use]
pub fn property_of(field: Field) -> Option<&'static str> {
    properties::usual(field)
}

/// The HubSpot connector. It holds nothing: all it knows comes as arguments.
#[derive(Copy, Clone, Debug)]
pub struct HubSpot;

/// The one value of [`HubSpot`], for the registry.
pub static HUBSPOT: HubSpot = HubSpot;

impl Connector for HubSpot {
    fn manifest(&self) -> &'static Manifest {
        &MANIFEST
    }

    fn settings(&self) -> &'static [Setting] {
        settings::DECLARED
    }

    fn receive(
        &self,
        _kind: &str,
        request: &RawRequest<'_>,
        secrets: &Secrets,
        connection: &ConnectionView,
        now: UnixMs,
    ) -> Result<Accepted, Rejected> {
        receive::receive(request, secrets, connection, now)
    }

    fn decode(
        &self,
        kind: &str,
        request: &StoredRequest,
        connection: &ConnectionView,
    ) -> Vec<Result<Inbound, Undecodable>> {
        decode::decode(kind, request, connection)
    }

    fn crm(&self) -> Option<&dyn Crm> {
        Some(self)
    }
}
