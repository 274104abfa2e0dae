//! The engine, story by story and by properties.

mod authors;
mod civil_days;
mod episodes;
pub(crate) mod fixtures;
mod hydration;
mod laws;
mod life;
mod outcomes;
mod reading;
mod reasons;
mod size;
mod thresholds;
