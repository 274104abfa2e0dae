//! A company's real past: read from its CSV, and played through HTTP as signed
//! webhooks into the service.

#![expect(clippy::unwrap_used, reason = "what fails here should fail the test")]

mod backlog;
mod backtest;
mod data;
mod demo;
mod ends;
mod from_rows;
mod import;
mod living;
mod packs;
mod real_report;
mod season;
mod seasons;
mod sim;
mod vendors;
mod webhooks;
