//! What rules about a person read: their own deals, and for who leads others
//! what they themselves did on the deals of those people.
//!
//! # A walk through it
//! Each deal says what it means for people by itself: a [`Standing`] for its
//! owner, replaced whenever the deal says something else, and one [`Edit`] for
//! each change that a person made. Both are told with the deal's own commit, to
//! an ordered log. Folding the log is replacing: of two standings of one deal
//! the one of the newer version of the deal counts, and an edit told twice is
//! one edit. So any order, doubled or not, ends in the same portfolio, and
//! telling every deal once more mends whatever went wrong.
//!
//! [`PersonFacts::of`] reads the `person.*` facts from a [`Portfolio`] at one
//! instant. They are counted by the days of the person's own calendar, so by
//! time alone they change at midnights only.
//!
//! # What is absent here
//! Nothing that a person answered, muted or paused, and of people whom somebody
//! leads nothing but their deals: a rule about a manager reads what the manager
//! did, and how often rules of the manager's own were said not to fit, by enough
//! people that nobody can be made out.

mod edit;
mod facts;
mod history;
mod led;
mod own;
mod standing;
#[cfg(test)]
mod tests;

pub use edit::{Edit, edit};
pub(crate) use facts::domains as person_domains;
pub use facts::{PERSON_FIELDS, PERSON_TEXTS, PersonFacts};
pub use led::{Led, Push, RuleAnswers};
pub use own::Target;
pub use standing::{Standing, standing};

use crate::calendar::Calendar;
use crate::time::UnixMs;

/// How long a closed deal counts in its owner's portfolio, in days: longer than a
/// quarter, and than a streak is worth telling of.
pub const CLOSED_COUNTED_DAYS: i64 = 180;
/// How long it is kept: a day longer, so that it does not matter when it is let go.
pub const CLOSED_KEPT_DAYS: i64 = CLOSED_COUNTED_DAYS + 1;
/// How long edits are kept, in days: two stretches of [`EDITS_DAYS`], and a week.
pub const EDITS_KEPT_DAYS: i64 = 35;
/// Over how many days edits are counted.
pub const EDITS_DAYS: i64 = 14;
/// Over how many days pushes to one seller are counted.
pub const PUSHES_DAYS: i64 = 7;
/// Over how many days answers to somebody's own rules are counted.
pub const ANSWERS_DAYS: i64 = 90;

/// All that a person's facts are read from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Portfolio {
    /// The person's own deals: open ones, and those closed lately.
    pub deals: Vec<Standing>,
    /// What the person is to win in a stretch of time, if anybody said.
    pub target: Option<Target>,
    /// What concerns who leads others; `None` for who leads nobody.
    pub led: Option<Led>,
}

/// The start of the day `days` before today, by this calendar.
fn days_ago(calendar: &Calendar, now: UnixMs, days: i64) -> UnixMs {
    let today = calendar.local_date(now);
    let then = today.checked_sub(jiff::Span::new().days(days)).unwrap_or(jiff::civil::Date::MIN);
    calendar.start_of(then)
}
