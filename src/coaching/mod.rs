//! Loads and stores what the pure layers need: people and their calendars, the
//! rules that are on, the texts of nudges, the steering of sending, and the
//! credentials of connections.

pub mod account_settings;
pub mod baselines;
pub mod broken;
pub mod connect_link;
pub mod connecting;
pub mod credentials;
pub mod data_check;
pub mod deliveries;
pub mod grants;
pub mod ledger;
pub mod letters;
pub mod looks;
pub mod messages;
pub mod nudges;
pub mod opening;
pub mod people;
pub mod portfolios;
pub mod readers;
pub mod rulesets;
pub mod settings;
