//! The life of rules, told through a whole service on a clock that is moved by
//! hand, with a fake HubSpot and a fake Slack over loopback.
#![expect(clippy::unwrap_used, reason = "a test ends where its set-up fails")]

mod fixture;
mod keeping;
mod people;
mod property;
mod publishing;
mod states;
