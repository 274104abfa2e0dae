//! The session and the OAuth bridge against real servers on this machine.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its server has failed")]

mod breaker;
mod limits;
mod logs;
mod oauth;
mod server;
mod transport;
