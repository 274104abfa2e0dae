//! The connector against scripted answers over real HTTP, and the conformance
//! suite of the kit.

#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

mod activities;
mod conformance;
mod fetch;
mod reading;
mod server;
mod writing;
