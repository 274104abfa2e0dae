//! Behaviour of the whole service on a stage: fake HubSpot, fake Slack and the
//! service in one process, on one clock that stands still until it is moved.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its set-up fails")]

mod bad_input;
mod baseline;
mod facts;
mod fixture;
mod full;
mod given_up;
mod house;
mod intake;
mod outage;
mod people;
mod privacy;
mod repeats;
mod season;
mod secrecy;
mod signatures;
mod stalled;
mod wire;
