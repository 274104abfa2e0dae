//! Every path of HubSpot's API that is called, with its version.
//!
//! HubSpot dates its versions and supports each for 18 months. A new one is a
//! change of these constants. Paths stand under the connection's base URL.

use touchline_kit::session::path_segment;

/// CRM objects.
const OBJECTS: &str = "crm/objects/2026-09";
/// Associations between objects.
const ASSOCIATIONS: &str = "crm/associations/2026-09";
/// Deal pipelines and their stages.
pub(crate) const PIPELINES: &str = "crm/pipelines/2026-03/deals";
/// People who can own records.
pub(crate) const OWNERS: &str = "crm/owners/2026-03";
/// The properties that deals can have. The version is taken from its neighbours:
/// not verified on a real account.
pub(crate) const PROPERTIES: &str = "crm/properties/2026-03/deals";
/// The account's zone and currency. Not verified on a real account: a refusal
/// is put up with.
pub(crate) const ACCOUNT: &str = "account-info/2026-03/details";
/// Where codes and refresh tokens are exchanged.
pub(crate) const TOKEN: &str = "oauth/2026-03/token";

/// The path name of deals.
pub(crate) const DEALS: &str = "deals";

/// The path name of people at the buyer's.
pub(crate) const CONTACTS: &str = "contacts";

/// Makes an object.
pub(crate) fn create(objects: &str) -> String {
    format!("{OBJECTS}/{objects}")
}

/// One object.
pub(crate) fn object(objects: &str, id: &str) -> String {
    format!("{OBJECTS}/{objects}/{}", path_segment(id))
}

/// Reads many objects by id.
pub(crate) fn batch_read(objects: &str) -> String {
    format!("{OBJECTS}/{objects}/batch/read")
}

/// Searches objects.
pub(crate) fn search(objects: &str) -> String {
    format!("{OBJECTS}/{objects}/search")
}

/// Reads what many objects are tied to.
pub(crate) fn associations(from: &str, to: &str) -> String {
    format!("{ASSOCIATIONS}/{from}/{to}/batch/read")
}
