//! The life of a rule: where it stands, for whom it holds, what changed between
//! two of its versions, whether it helps, and when it has to be confirmed.
//!
//! ```text
//! draft ──► shadow ("Watching") ──► trial ──► on ◄──► paused
//!                                              └────────┴────► retired
//! ```
//!
//! All of it is pure: the service stores what was decided here.

pub mod difference;
pub mod expiry;
pub mod health;
pub mod severity;
pub mod standing;
pub mod state;

pub use difference::difference;
pub use expiry::{Expiry, ExpiryStep};
pub use health::{Answered, Health, HealthLimits, OutcomeOf, Unhealthy};
pub use severity::severity;
pub use standing::{Bound, Reach, Standing, Tightened, Tightening, TighteningRefused};
pub use state::{RuleState, Step, StepRefused};
