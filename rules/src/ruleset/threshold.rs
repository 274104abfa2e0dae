//! `threshold:` as rule files write it: a number, or a percentile of won deals.

use schemars::JsonSchema;

use super::diagnostic::Findings;
use super::keys::{self, Keys};
use super::yaml::{Node, NodeKind};
use crate::baseline::{MIN_N, Measure, Threshold, WonThreshold};

/// The fewest and the most won deals that a rule may ask for.
const N_BOUNDS: std::ops::RangeInclusive<u32> = 5..=10_000;
const NUMBER_BOUNDS: std::ops::RangeInclusive<f64> = -1e15..=1e15;

/// A number, or a percentile of the company's own won deals.
#[derive(JsonSchema)]
#[schemars(untagged, rename = "Threshold")]
#[expect(dead_code, reason = "only the shape matters: it is what editors check against")]
pub(super) enum ThresholdDocument {
    /// The number itself.
    Number(f64),
    /// A percentile of won deals.
    Won(WonThresholdDocument),
}

/// A percentile of won deals: of those in the deal's stage if they are enough, else
/// of its pipeline, else of all, else the fallback.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "WonThreshold")]
#[expect(dead_code, reason = "only the shape matters: it is what editors check against")]
pub(super) struct WonThresholdDocument {
    /// The share of won deals, in percent, that stay at or below the number.
    #[schemars(range(min = 1, max = 99))]
    won_percentile: u32,
    /// What is measured of them.
    of: Measure,
    /// How many won deals a place must have to be asked; 30 by default.
    #[schemars(range(min = 5, max = 10_000))]
    min_n: Option<u32>,
    /// The number where won deals are too few. Without it the rule stays silent there.
    fallback: Option<f64>,
}

pub(super) fn threshold(node: &Node, findings: &mut Findings) -> Option<Threshold> {
    if !matches!(node.kind, NodeKind::Map(_)) {
        let number = keys::number(node, "threshold", NUMBER_BOUNDS, findings)?;
        return Some(Threshold::Number(number.value));
    }
    let mut map = Keys::of(node, "`threshold`", findings)?;
    let percentile = map.required("won_percentile", findings);
    let percentile = percentile.and_then(|it| keys::whole(it, "won_percentile", 1..=99, findings));
    let of = map.required("of", findings).and_then(|it| keys::choice(it, findings));
    let min_n = map.node("min_n").map(|it| keys::whole(it, "min_n", N_BOUNDS, findings));
    let fallback = map.node("fallback");
    let fallback = fallback.map(|it| keys::number(it, "fallback", NUMBER_BOUNDS, findings));
    map.finish(findings);
    Some(Threshold::Won(WonThreshold {
        percentile: u8::try_from(percentile?).ok()?,
        of: of?,
        min_n: min_n.unwrap_or(Some(MIN_N))?,
        fallback: fallback.map_or(Some(None), |it| it.map(|it| Some(it.value)))?,
    }))
}
