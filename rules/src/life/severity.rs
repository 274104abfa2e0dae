//! How bad a case is, so that the worst can go first.

use crate::condition::{Bound, Explanation, Seen};

/// The most that one case can weigh.
const SEVERITY_MAX: f64 = 1e12;
/// What a reading weighs that has just reached its number.
const AT_THE_BOUND: f64 = 1_000.0;

/// How far beyond its numbers a case is, where it is true: 1000 for one that has
/// just reached them, 2000 for one at twice the number. The reading that is
/// furthest beyond counts. 0 where the rule compares nothing with a number.
#[must_use]
pub fn severity(explanation: &Explanation) -> i64 {
    let tests = explanation.decisive().into_iter();
    let weights = tests.filter_map(|one| {
        let reading = one.test.values.iter().find_map(|seen| match seen.value {
            Seen::Number(number) if seen.name != "threshold" => Some(number),
            _ => None,
        })?;
        weight(reading, one.bound?)
    });
    weights.map(|weight| weight.clamp(0.0, SEVERITY_MAX) as i64).max().unwrap_or(0)
}

fn weight(reading: f64, bound: Bound) -> Option<f64> {
    let weight = match bound {
        Bound::From(number) | Bound::Above(number) => (reading - number) / number.abs().max(1.0),
        Bound::UpTo(number) | Bound::Below(number) => (number - reading) / number.abs().max(1.0),
        Bound::At(_) | Bound::Not(_) => return None,
    };
    (weight.is_finite() && weight >= 0.0).then_some(AT_THE_BOUND * (1.0 + weight))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_beyond_weighs_more() {
        assert_eq!(weight(5.0, Bound::From(5.0)), Some(1_000.0));
        assert_eq!(weight(10.0, Bound::From(5.0)), Some(2_000.0));
        assert_eq!(weight(-3.0, Bound::Below(0.0)), Some(4_000.0));
        assert_eq!(weight(4.0, Bound::From(5.0)), None);
        assert_eq!(weight(f64::NAN, Bound::From(5.0)), None);
        assert_eq!(weight(5.0, Bound::At(5.0)), None);
    }
}
