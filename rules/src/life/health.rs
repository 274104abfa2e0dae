//! Whether a rule helps: what its readers answered, and when that is too little.
//!
//! **Useful** is defined here and nowhere else. A nudge that was sent is useful
//! when its reader said *done*, or when what its rule hopes for came true in time;
//! but not when the reader said that it had been done already, was not true here,
//! came at the wrong moment, or is to stop. Then that answer counts. Snoozing,
//! pausing and reading the reason are no answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The last word on one nudge.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answered {
    /// What it says is not so: the rule is wrong about this deal.
    NotTrueHere,
    /// It came too late to be of use.
    AlreadyDone,
    /// Not now, or no more of it.
    NotWanted,
    /// It helped.
    Useful,
}

impl Answered {
    /// What outcomes of these kinds, all of one nudge, say together. `None` while
    /// they say nothing of its use.
    pub fn of<'a>(kinds: impl IntoIterator<Item = &'a str>) -> Option<Answered> {
        let one = |kind: &str| match kind {
            "not_true_here" => Some(Answered::NotTrueHere),
            "already_done" => Some(Answered::AlreadyDone),
            "not_now" | "muted" => Some(Answered::NotWanted),
            "done" | "outcome_met" => Some(Answered::Useful),
            _ => None,
        };
        kinds.into_iter().filter_map(one).min()
    }
}

/// The answers to one rule.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Nudges sent.
    pub sent: u64,
    /// Of these, answered in one way or another: the sum of the next four.
    pub answers: u64,
    /// Useful.
    pub useful: u64,
    /// Done already.
    pub already_done: u64,
    /// Not true here.
    pub not_true_here: u64,
    /// Not now, or no more of it.
    pub not_wanted: u64,
}

/// From when on a rule is paused.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct HealthLimits {
    /// No sooner than after so many answers.
    pub answers_min: u64,
    /// More "not true here" than that, in percent; `None` for no limit.
    pub not_true_here_percent_max: Option<u32>,
    /// Less useful than that, in percent; `None` for no limit.
    pub useful_percent_min: Option<u32>,
}

/// Why a rule is paused.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Unhealthy {
    /// It is wrong too often.
    NotTrueHere {
        /// So many of …
        found: u64,
        /// … so many answers.
        of: u64,
        /// The limit, in percent.
        limit: u32,
    },
    /// It helps too seldom.
    NotUseful {
        /// So many of …
        found: u64,
        /// … so many answers.
        of: u64,
        /// The limit, in percent.
        limit: u32,
    },
}

impl Health {
    /// Counts nudges sent and, by nudge, the kinds of their outcomes.
    pub fn count<'a>(sent: u64, outcomes: impl IntoIterator<Item = (&'a str, &'a str)>) -> Health {
        let mut kinds = BTreeMap::<&str, Vec<&str>>::new();
        for (nudge, kind) in outcomes {
            kinds.entry(nudge).or_default().push(kind);
        }
        let mut health = Health { sent, ..Health::default() };
        for answered in kinds.into_values().filter_map(Answered::of) {
            health.answers += 1;
            match answered {
                Answered::Useful => health.useful += 1,
                Answered::AlreadyDone => health.already_done += 1,
                Answered::NotTrueHere => health.not_true_here += 1,
                Answered::NotWanted => health.not_wanted += 1,
            }
        }
        health
    }

    /// Why a rule with these answers is paused; `None` while it may go on.
    #[must_use]
    pub fn verdict(&self, limits: &HealthLimits) -> Option<Unhealthy> {
        let of = self.answers;
        if of == 0 || of < limits.answers_min {
            return None;
        }
        // In whole numbers: found / of compared with limit / 100.
        let share = |found: u64| found.saturating_mul(100);
        let bar = |limit: u32| of.saturating_mul(u64::from(limit));
        let wrong =
            limits.not_true_here_percent_max.filter(|max| share(self.not_true_here) > bar(*max));
        if let Some(limit) = wrong {
            return Some(Unhealthy::NotTrueHere { found: self.not_true_here, of, limit });
        }
        let little = limits.useful_percent_min.filter(|min| share(self.useful) < bar(*min));
        little.map(|limit| Unhealthy::NotUseful { found: self.useful, of, limit })
    }
}

impl std::fmt::Display for Unhealthy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unhealthy::NotTrueHere { found, of, limit } => {
                write!(f, "{found} of {of} answers were “not true here”, more than {limit} %")
            }
            Unhealthy::NotUseful { found, of, limit } => {
                write!(f, "{found} of {of} answers found it useful, less than {limit} %")
            }
        }
    }
}

/// `12 sent · 5 answers: 3 useful, 1 already done, 1 not true here`.
impl std::fmt::Display for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} sent", self.sent)?;
        let named = [
            (self.useful, "useful"),
            (self.already_done, "already done"),
            (self.not_true_here, "not true here"),
            (self.not_wanted, "not wanted"),
        ];
        let told: Vec<String> =
            named.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        if told.is_empty() { Ok(()) } else { write!(f, ", answered: {}", told.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: HealthLimits = HealthLimits {
        answers_min: 30,
        not_true_here_percent_max: Some(20),
        useful_percent_min: Some(25),
    };

    fn health(useful: u64, not_true_here: u64, already_done: u64) -> Health {
        let answers = useful + not_true_here + already_done;
        Health { sent: answers, answers, useful, already_done, not_true_here, not_wanted: 0 }
    }

    #[test]
    fn the_worst_word_on_a_nudge_counts() {
        assert_eq!(Answered::of(["outcome_met", "not_true_here"]), Some(Answered::NotTrueHere));
        assert_eq!(Answered::of(["snoozed", "shown_why", "done"]), Some(Answered::Useful));
        assert_eq!(Answered::of(["shown_why", "asked_reason"]), None);
        let of = [
            ("a", "done"),
            ("a", "outcome_met"),
            ("b", "muted"),
            ("c", "shown"),
            ("d", "already_done"),
        ];
        let counted = Health::count(9, of);
        insta::assert_snapshot!(counted, @"9 sent, answered: 1 useful, 1 already done, 1 not wanted");
        assert_eq!(counted.answers, 3);
        insta::assert_snapshot!(Health::count(0, []), @"0 sent");
    }

    #[test]
    fn nothing_is_concluded_from_few_answers() {
        assert_eq!(health(0, 29, 0).verdict(&LIMITS), None);
        assert!(health(0, 30, 0).verdict(&LIMITS).is_some());
        assert_eq!(Health::default().verdict(&HealthLimits { answers_min: 0, ..LIMITS }), None);
    }

    #[test]
    fn a_limit_is_crossed_and_not_only_reached() {
        assert_eq!(health(24, 6, 0).verdict(&LIMITS), None, "20 %");
        let wrong = health(23, 7, 0).verdict(&LIMITS).unwrap();
        insta::assert_snapshot!(wrong, @"7 of 30 answers were “not true here”, more than 20 %");
        assert_eq!(health(8, 0, 24).verdict(&LIMITS), None, "25 %");
        let little = health(7, 0, 24).verdict(&LIMITS).unwrap();
        insta::assert_snapshot!(little, @"7 of 31 answers found it useful, less than 25 %");
        let off = HealthLimits {
            not_true_here_percent_max: None,
            useful_percent_min: None,
            answers_min: 1,
        };
        assert_eq!(health(0, 50, 0).verdict(&off), None);
    }
}
