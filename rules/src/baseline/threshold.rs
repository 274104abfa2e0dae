//! A rule's threshold: a number, or what is usual among won deals. Resolving
//! one follows a ladder, and the answer can be quoted.

use serde::{Deserialize, Serialize};

use super::builder::Place;
use super::{Baseline, Measure};

/// How many won deals a percentile rests on at least, unless the rule says.
pub const MIN_N: u32 = 30;

/// The number that a rule's conditions call `threshold`.
#[derive(Copy, Clone, Debug, PartialEq)]
pub enum Threshold {
    /// The number itself.
    Number(f64),
    /// A percentile of won deals.
    Won(WonThreshold),
}

/// A percentile of won deals.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct WonThreshold {
    /// 1 to 99: the share of won deals, in per cent, that stay at or below it.
    pub percentile: u8,
    /// Of what.
    pub of: Measure,
    /// How many won deals a place must have to be asked.
    pub min_n: u32,
    /// The rule's own number, where won deals are too few.
    pub fallback: Option<f64>,
}

/// Where on the ladder a threshold was found.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// Won deals in the deal's stage.
    Stage,
    /// Won deals of the deal's pipeline.
    Pipeline,
    /// All won deals.
    All,
    /// The number in the rule: there were too few won deals.
    Own,
    /// The number of the team, which is stricter.
    Team,
}

/// A threshold as it was resolved, with what it rests on.
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quoted {
    /// The number.
    pub value: f64,
    /// How many won deals it rests on; for the rule's own number, how many there
    /// were.
    pub n: u32,
    /// Where it was found.
    pub rung: Rung,
    /// Of what it is a percentile.
    pub of: Measure,
    /// Which one.
    pub percentile: u8,
}

impl Threshold {
    /// The number, if it is one whatever deals there are.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            Threshold::Number(number) => Some(*number),
            Threshold::Won(_) => None,
        }
    }

    /// The percentile of won deals, if it is one.
    #[must_use]
    pub fn won(&self) -> Option<&WonThreshold> {
        match self {
            Threshold::Number(_) => None,
            Threshold::Won(won) => Some(won),
        }
    }
}

impl From<f64> for Threshold {
    fn from(number: f64) -> Threshold {
        Threshold::Number(number)
    }
}

/// In one form only: it is part of what decides whether a rule fires.
impl std::fmt::Display for Threshold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Threshold::Number(number) => write!(f, "{number}"),
            Threshold::Won(WonThreshold { percentile, of, min_n, fallback }) => {
                write!(f, "won_percentile {percentile} of {} min_n {min_n}", of.name())?;
                match fallback {
                    Some(fallback) => write!(f, " fallback {fallback}"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl WonThreshold {
    /// The rule's own number, when there are only `n` won deals.
    pub(super) fn own_number(&self, n: u32) -> Option<Quoted> {
        let WonThreshold { percentile, of, fallback, .. } = *self;
        Some(Quoted { value: fallback?, n, rung: Rung::Own, of, percentile })
    }
}

impl Baseline {
    /// The narrowest place with enough won deals, else the rule's own number.
    #[must_use]
    pub fn resolve(
        &self,
        threshold: &WonThreshold,
        pipeline: Option<&str>,
        stage: Option<&str>,
    ) -> Option<Quoted> {
        let WonThreshold { percentile, of, min_n, .. } = *threshold;
        let stage = stage.filter(|_| of.is_by_stage()).zip(pipeline);
        let ladder = [
            (Rung::Stage, stage.map(|(stage, pipeline)| Place::Stage(pipeline, stage))),
            (Rung::Pipeline, pipeline.map(Place::Pipeline)),
            (Rung::All, Some(Place::All)),
        ];
        let mut most = 0;
        for (rung, place) in ladder {
            let found = place.and_then(|place| self.percentile(of, place, percentile));
            let Some((value, n)) = found else { continue };
            if n >= min_n {
                return Some(Quoted { value: value as f64, n, rung, of, percentile });
            }
            most = most.max(n);
        }
        threshold.own_number(most)
    }
}

impl Quoted {
    /// What it rests on, in words: `your won deals leave this stage within 19 days
    /// in 3 of 4 cases; n = 212`.
    #[must_use]
    pub fn source(&self) -> String {
        if self.rung == Rung::Team {
            return "the number that your team has set".to_owned();
        }
        if self.rung == Rung::Own {
            let deals = if self.n == 1 { "deal" } else { "deals" };
            return match self.n {
                0 => "the rule's own number, as no won deals told then".to_owned(),
                n => format!("the rule's own number, as only {n} won {deals} could tell"),
            };
        }
        let value = self.value_text();
        let usual = self.of.sentence(self.rung, &value, self.value == 1.0);
        format!("{usual} {}; n = {}", cases(self.percentile), self.n)
    }

    fn value_text(&self) -> String {
        let whole = rust_decimal::Decimal::from_f64_retain(self.value).unwrap_or_default();
        crate::money::amount_text(whole, None)
    }
}

/// A percentile as a share that people can picture.
fn cases(percentile: u8) -> String {
    let (part, of) = match percentile {
        10 => (1, 10),
        20 => (1, 5),
        25 => (1, 4),
        30 => (3, 10),
        33 => (1, 3),
        40 => (2, 5),
        50 => return "in half of all cases".to_owned(),
        60 => (3, 5),
        66 | 67 => (2, 3),
        70 => (7, 10),
        75 => (3, 4),
        80 => (4, 5),
        90 => (9, 10),
        95 => (19, 20),
        other => (other, 100),
    };
    format!("in {part} of {of} cases")
}
