//! The pure core of Touchline: what is known of a deal, the condition language,
//! the coaching rules, the engine that decides *whether* to speak, and the
//! attention budget that decides *when*.
//!
//! # What is absent here
//! No input or output, no async, no clock and no random number: the present
//! instant, the calendar and every record are arguments. Live traffic, rule tests
//! and the playing of a history therefore run the very same functions and reach
//! the same decisions.

pub mod attention;
pub mod backtest;
pub mod baseline;
pub mod calendar;
pub mod condition;
pub mod engine;
pub mod facts;
#[cfg(test)]
mod house_words;
pub mod lesson;
pub mod life;
pub mod listing;
mod money;
pub mod nearest;
pub mod packs;
pub mod portfolio;
pub mod ruleset;
pub mod template;
pub mod time;

pub use calendar::Calendar;
pub use time::UnixMs;
