//! The roles that read from CRMs, against a fake HubSpot and a fake Slack on
//! loopback, with a real store and a clock that is moved by hand.

#![expect(clippy::expect_used, reason = "tests")]

mod backfill;
mod data_check;
mod fetch;
mod house;
mod outage;
mod poll;
