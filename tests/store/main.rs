//! Stories of the store: what is promised to the roles, told on real files.

#![expect(clippy::unwrap_used, reason = "what fails here should fail the test")]

mod attention;
mod batch;
mod fixture;
mod house;
mod inbox;
mod last_look;
mod news;
mod obligations;
mod process;
mod rules;
mod work;
