//! The back-test against stories told by hand, and against laws.

mod fixtures;
mod laws;
mod people;
mod stories;
