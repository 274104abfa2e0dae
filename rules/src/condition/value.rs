//! What a condition sees, and what it answers.

use std::ops::Not;

use serde::{Deserialize, Serialize};

use crate::{calendar::Calendar, time::UnixMs};

/// What is known of one field at evaluation.
///
/// A value of another type than the schema says, a number that is not finite
/// and a slot beyond the end of the slice all read as `Unknown`. `Text("")`
/// reads as `Empty`.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
pub enum Slot<'a> {
    /// Nobody told us: not mapped, not permitted, not fetched.
    #[default]
    Unknown,
    /// The CRM says blank.
    Empty,
    /// True or false.
    Bool(bool),
    /// A number.
    Number(f64),
    /// Text.
    Text(&'a str),
    /// An instant.
    Time(UnixMs),
}

/// Everything that an evaluation depends on.
#[derive(Copy, Clone, Debug)]
pub struct Context<'a> {
    /// Values by [`FieldDef::slot`](super::FieldDef::slot).
    pub slots: &'a [Slot<'a>],
    /// The instant that `now` means.
    pub now: UnixMs,
    /// Zone, working days and holidays for the functions that count days.
    pub calendar: &'a Calendar,
}

/// A three-valued answer (Kleene's strong logic).
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// What is known does not decide it.
    Unknown,
}

impl Truth {
    /// Whether this is [`Truth::True`].
    #[must_use]
    pub fn is_true(self) -> bool {
        self == Truth::True
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Truth::True } else { Truth::False }
    }
}

impl Not for Truth {
    type Output = Truth;

    fn not(self) -> Truth {
        match self {
            Truth::True => Truth::False,
            Truth::False => Truth::True,
            Truth::Unknown => Truth::Unknown,
        }
    }
}

/// The value of a number or time expression.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(super) enum Val<T> {
    Known(T),
    Empty,
    Unknown,
}

impl<T> Val<T> {
    /// Applies `f` to a known value; the others pass through.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Val<U> {
        match self {
            Val::Known(value) => Val::Known(f(value)),
            Val::Empty => Val::Empty,
            Val::Unknown => Val::Unknown,
        }
    }
}

impl Val<f64> {
    /// A computed number: what is not finite is not known.
    pub fn finite(value: f64) -> Val<f64> {
        if value.is_finite() { Val::Known(value) } else { Val::Unknown }
    }
}
