//! Loads and stores what the pure layers need: people and their calendars, the
//! rules that are on, the texts of nudges, the steering of sending.

pub mod data_check;
pub mod deliveries;
pub mod messages;
pub mod nudges;
pub mod people;
pub mod readers;
pub mod rulesets;
pub mod settings;
