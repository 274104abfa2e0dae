//! Whether a rule helps: what its readers answered, and when that is too little.
//!
//! **Useful** is defined here and nowhere else. A nudge that was sent is useful
//! when its reader said *done*, or when what its rule hopes for came true in time;
//! but not when the reader said that it had been done already, was not true here,
//! came at the wrong moment, or is to stop. Then that answer counts. Snoozing,
//! pausing and reading the reason are no answers.
//!
//! Who answered what is shown to nobody: numbers of answers are told only once there
//! are so many, from so many people, that nobody is made out ([`may_be_told`]).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

/// Answers to a rule are told of only if there are so many …
pub const ANSWERS_MIN: u64 = 10;
/// … from so many people.
pub const ANSWERERS_MIN: u64 = 5;
/// What is said instead of fewer.
const TOO_FEW: &str = "too few answers to tell without telling who";

/// Whether so many answers of so many people may be counted out to others.
#[must_use]
pub fn may_be_told(answers: u64, people: u64) -> bool {
    answers >= ANSWERS_MIN && people >= ANSWERERS_MIN
}

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

/// The answers to one rule. Printed or serialized it says no more than may be told.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
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
    /// How many people answered.
    pub people: u64,
}

/// One outcome of a nudge.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct OutcomeOf<'a> {
    /// The nudge.
    pub nudge: &'a str,
    /// Whose answer it is, or of whose nudge something came.
    pub person: &'a str,
    /// What came of it.
    pub kind: &'a str,
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
        /// So many of so many answers; `None` where that tells who gave them.
        counts: Option<(u64, u64)>,
        /// The limit, in percent.
        limit: u32,
    },
    /// It helps too seldom.
    NotUseful {
        /// So many of so many answers; `None` where that tells who gave them.
        counts: Option<(u64, u64)>,
        /// The limit, in percent.
        limit: u32,
    },
}

impl Health {
    /// Counts nudges sent and, by nudge, the kinds of their outcomes.
    pub fn count<'a>(sent: u64, outcomes: impl IntoIterator<Item = OutcomeOf<'a>>) -> Health {
        let mut nudges = BTreeMap::<&str, (&str, Vec<&str>)>::new();
        for OutcomeOf { nudge, person, kind } in outcomes {
            nudges.entry(nudge).or_insert((person, Vec::new())).1.push(kind);
        }
        let (mut health, mut people) = (Health { sent, ..Health::default() }, BTreeSet::new());
        for (person, kinds) in nudges.into_values() {
            let Some(answered) = Answered::of(kinds) else { continue };
            people.insert(person);
            health.answers += 1;
            match answered {
                Answered::Useful => health.useful += 1,
                Answered::AlreadyDone => health.already_done += 1,
                Answered::NotTrueHere => health.not_true_here += 1,
                Answered::NotWanted => health.not_wanted += 1,
            }
        }
        health.people = people.len() as u64;
        health
    }

    /// Whether its answers may be counted out to others.
    #[must_use]
    pub fn may_be_told(&self) -> bool {
        may_be_told(self.answers, self.people)
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
        let told = |found: u64| self.may_be_told().then_some((found, of));
        let wrong =
            limits.not_true_here_percent_max.filter(|max| share(self.not_true_here) > bar(*max));
        if let Some(limit) = wrong {
            return Some(Unhealthy::NotTrueHere { counts: told(self.not_true_here), limit });
        }
        let little = limits.useful_percent_min.filter(|min| share(self.useful) < bar(*min));
        little.map(|limit| Unhealthy::NotUseful { counts: told(self.useful), limit })
    }
}

impl std::fmt::Display for Unhealthy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unhealthy::NotTrueHere { counts: Some((found, of)), limit } => {
                write!(f, "{found} of {of} answers were “not true here”, more than {limit} %")
            }
            Unhealthy::NotTrueHere { counts: None, limit } => {
                write!(f, "more than {limit} % of its answers were “not true here”")
            }
            Unhealthy::NotUseful { counts: Some((found, of)), limit } => {
                write!(f, "{found} of {of} answers found it useful, less than {limit} %")
            }
            Unhealthy::NotUseful { counts: None, limit } => {
                write!(f, "less than {limit} % of its answers found it useful")
            }
        }
    }
}

/// `24 sent, answered: 9 useful, 1 already done, 1 not true here`, or how many were
/// sent and no more.
impl std::fmt::Display for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} sent", self.sent)?;
        if !self.may_be_told() {
            // The same whether nobody answered yet or one did.
            return if self.sent == 0 { Ok(()) } else { write!(f, "; {TOO_FEW}") };
        }
        let named = [
            (self.useful, "useful"),
            (self.already_done, "already done"),
            (self.not_true_here, "not true here"),
            (self.not_wanted, "not wanted"),
        ];
        let told: Vec<String> =
            named.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        write!(f, ", answered: {}", told.join(", "))
    }
}

impl Serialize for Health {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Told {
            sent: u64,
            answers: Option<u64>,
            useful: Option<u64>,
            already_done: Option<u64>,
            not_true_here: Option<u64>,
            not_wanted: Option<u64>,
            note: Option<&'static str>,
        }
        let may = self.may_be_told();
        let told = |count: u64| may.then_some(count);
        let told = Told {
            sent: self.sent,
            answers: told(self.answers),
            useful: told(self.useful),
            already_done: told(self.already_done),
            not_true_here: told(self.not_true_here),
            not_wanted: told(self.not_wanted),
            note: (!may).then_some(TOO_FEW),
        };
        told.serialize(serializer)
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
        let counts = Health { useful, already_done, not_true_here, ..Health::default() };
        Health { sent: answers, answers, people: 5, ..counts }
    }

    #[test]
    fn the_worst_word_on_a_nudge_counts() {
        assert_eq!(Answered::of(["outcome_met", "not_true_here"]), Some(Answered::NotTrueHere));
        assert_eq!(Answered::of(["snoozed", "shown_why", "done"]), Some(Answered::Useful));
        assert_eq!(Answered::of(["shown_why", "asked_reason"]), None);
        let counted = Health::count(
            9,
            [
                of("a", "ann", "done"),
                of("a", "ann", "outcome_met"),
                of("b", "ben", "muted"),
                of("c", "cid", "shown"),
                of("d", "ann", "already_done"),
            ],
        );
        let Health { answers, useful, already_done, not_wanted, people, .. } = counted;
        assert_eq!((answers, useful, already_done, not_wanted, people), (3, 1, 1, 1, 2));
        insta::assert_snapshot!(Health::count(0, []), @"0 sent");
    }

    fn of<'a>(nudge: &'a str, person: &'a str, kind: &'a str) -> OutcomeOf<'a> {
        OutcomeOf { nudge, person, kind }
    }

    /// One answer each to so many nudges, by turns of so many people.
    fn answered(answers: usize, people: usize) -> Health {
        let nudges: Vec<(String, String)> =
            (0..answers).map(|at| (format!("n{at}"), format!("p{}", at % people))).collect();
        Health::count(12, nudges.iter().map(|(nudge, person)| of(nudge, person, "not_true_here")))
    }

    #[test]
    fn few_answers_are_not_counted_out() {
        insta::assert_snapshot!(answered(10, 5), @"12 sent, answered: 10 not true here");
        let none = Health { sent: 12, ..Health::default() };
        for few in [answered(9, 5), answered(12, 4), answered(1, 1), none] {
            insta::allow_duplicates! {
                insta::assert_snapshot!(few, @"12 sent; too few answers to tell without telling who");
                insta::assert_snapshot!(serde_json::to_string(&few).unwrap(), @r#"{"sent":12,"answers":null,"useful":null,"already_done":null,"not_true_here":null,"not_wanted":null,"note":"too few answers to tell without telling who"}"#);
            }
        }
        insta::assert_snapshot!(serde_json::to_string(&answered(11, 5)).unwrap(), @r#"{"sent":12,"answers":11,"useful":0,"already_done":0,"not_true_here":11,"not_wanted":0,"note":null}"#);
        // A pause is told, and not by how many of how few.
        let paused = |people| answered(30, people).verdict(&LIMITS).unwrap();
        insta::assert_snapshot!(paused(4), @"more than 20 % of its answers were “not true here”");
        insta::assert_snapshot!(paused(5), @"30 of 30 answers were “not true here”, more than 20 %");
        let little = Health { people: 4, ..health(7, 0, 24) }.verdict(&LIMITS).unwrap();
        insta::assert_snapshot!(little, @"less than 25 % of its answers found it useful");
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
