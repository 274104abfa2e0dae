//! Touchline: coaching rules you can test before you switch them on.

pub mod clock;
pub mod config;
pub mod demo;
pub mod history;
pub mod store;
pub mod vault;
