//! Touchline: coaching rules you can test before you switch them on.

pub mod app;
pub mod cli;
pub mod clock;
pub mod coaching;
pub mod config;
pub mod connection;
pub mod connectors;
pub mod demo;
pub mod entropy;
mod file_errors;
mod guard;
pub mod history;
pub mod http;
pub mod lifecycle;
pub mod roles;
pub mod service;
pub mod store;
pub mod telemetry;
pub mod vault;
pub mod wake;
