//! What a story says of won deals.

use super::RuleTest;
use crate::baseline::{Baseline, Baselines, Rung, Threshold};
use crate::facts::{Fact, Field, Value};
use crate::ruleset::Rule;
use crate::ruleset::diagnostic::Findings;
use crate::ruleset::keys::{self, Keys};
use crate::ruleset::yaml::Node;
use crate::time::UnixMs;

/// How many won deals a story's percentiles rest on, unless it says.
const N: u32 = 100;
/// The most won deals that a story may claim.
const N_MAX: u32 = 1_000_000;
/// The largest percentile that a story may give.
const VALUE_MAX: u32 = 1_000_000_000;

/// The rule's percentile, place by place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenBaseline {
    /// In every stage of the story's pipeline, in the pipeline, and everywhere.
    pub places: Vec<(Rung, u32)>,
    /// How many won deals each rests on.
    pub n: u32,
}

/// `{ stage: 19, n: 212 }`
pub(super) fn baseline(node: &Node, findings: &mut Findings) -> Option<GivenBaseline> {
    let mut map = Keys::of(node, "`baseline`", findings)?;
    let mut places = Vec::new();
    for (key, rung) in [("stage", Rung::Stage), ("pipeline", Rung::Pipeline), ("all", Rung::All)] {
        let value = map.node(key).and_then(|it| keys::whole(it, key, 0..=VALUE_MAX, findings));
        places.extend(value.map(|value| (rung, value)));
    }
    let n = map.node("n").map(|it| keys::whole(it, "n", 0..=N_MAX, findings));
    map.finish(findings);
    if places.is_empty() {
        let message = "`baseline` says nothing of won deals";
        findings.error(node.at, "missing_key", message, "add `stage: 19`, `pipeline:` or `all:`");
    }
    Some(GivenBaseline { places, n: n.unwrap_or(Some(N))? })
}

/// The baselines in which the story of `test` is told.
pub(super) fn baselines(rule: &Rule, test: &RuleTest) -> Baselines {
    let won = rule.threshold.as_ref().and_then(Threshold::won);
    let Some((won, given)) = won.zip(test.baseline.as_ref()) else { return Baselines::default() };
    let pipeline = match test.given.fields.get(&Field::Pipeline) {
        Some(Fact::Known(Value::Text(id))) => id.as_str(),
        _ => super::story::PIPELINE,
    };
    let mut told = Baseline::blank(UnixMs::MIN, given.n);
    for (rung, value) in &given.places {
        let value = i64::from(*value);
        match rung {
            Rung::Stage => {
                for stage in &test.stages {
                    told = told.with(won.of, pipeline, stage, value);
                }
            }
            Rung::Pipeline => told = told.with(won.of, pipeline, "", value),
            Rung::All | Rung::Own | Rung::Team => told = told.with(won.of, "", "", value),
        }
    }
    Baselines::of([told])
}
