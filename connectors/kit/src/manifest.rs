//! What a connector declares about itself: data that the service enforces and shows.

use touchline_rules::UnixMs;

use crate::session::{CallError, Effect, VendorAnswer};

/// A connector's declaration.
#[derive(Debug)]
pub struct Manifest {
    /// Slug, as configuration names it.
    pub name: &'static str,
    /// What people call the vendor's product.
    pub title: &'static str,
    /// What it can do.
    pub capabilities: &'static [Capability],
    /// Where the vendor's API lives when configuration says nothing.
    pub base_url: &'static str,
    /// The secrets a connection may hold.
    pub secrets: &'static [SecretField],
    /// Vendor limits, enforced before a call is made. Configuration may change
    /// each by name, also to "off".
    pub limits: &'static [Limit],
    /// OAuth, where the vendor has it.
    pub oauth: Option<OAuth>,
    /// The calls an account may make in a day, shared with its other apps;
    /// `None` where the vendor has no such limit.
    pub daily: Option<DailyQuota>,
    /// Judges an answer of the vendor: its retry classes, as one pure function.
    /// `Ok` for an answer the connector wants to read. Vendors who mean what HTTP
    /// says can use [`crate::retry::classify_by_status`].
    pub classify: fn(&VendorAnswer, Effect, UnixMs) -> Result<(), CallError>,
    /// What an admin does to connect it, in order, for the README and `touchline connect`.
    pub setup: &'static [&'static str],
}

/// What a connector can do.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Capability {
    /// Deals are read from it and tasks or notes written to it.
    Crm,
    /// Nudges are shown in it.
    Channel,
    /// It takes webhooks.
    Webhooks,
}

/// A secret that a connection of this kind may hold.
#[derive(Debug)]
pub struct SecretField {
    /// Key in configuration, for example `client_secret`.
    pub name: &'static str,
    /// Whether a connection works without it.
    pub required: bool,
    /// What it is and where the vendor shows it.
    pub help: &'static str,
}

/// A rate a vendor allows.
///
/// It refills evenly: after a burst, one call becomes free each
/// `period_ms / calls`. Any window of one period therefore sees at most
/// `calls + burst` calls. For a vendor who counts a window strictly, declare
/// `calls` and `burst` so that their sum is what is allowed.
#[derive(Debug)]
pub struct Limit {
    /// Key in configuration, for example `per_channel_per_s`.
    pub name: &'static str,
    /// Calls per [`Limit::period_ms`].
    pub calls: u32,
    /// The period, in milliseconds.
    pub period_ms: i64,
    /// How many may come at once.
    pub burst: u32,
}

/// How a connection is made by OAuth 2.
#[derive(Debug)]
pub struct OAuth {
    /// Where the admin's browser goes. Absolute.
    pub authorize_url: &'static str,
    /// Where codes and refresh tokens are exchanged: a path under the base URL.
    pub token_path: &'static str,
    /// What is asked for.
    pub scopes: &'static [&'static str],
    /// The field of a token answer that holds the vendor's id of the account;
    /// `None` where it does not say.
    pub account_field: Option<&'static str>,
}

/// The calls one vendor account may make in a day.
#[derive(Debug)]
pub struct DailyQuota {
    /// Calls a day on the smallest plan; the header corrects it.
    pub calls: u64,
    /// How much of it Touchline takes by default, in percent.
    pub share_percent: u8,
    /// Lower-case name of the header that tells the account's own figure.
    pub header: Option<&'static str>,
}
