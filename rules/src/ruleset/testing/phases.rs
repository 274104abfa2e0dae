//! Where in the sale the stages of a story stand.

use std::collections::BTreeMap;

use super::read::{DEFAULT_STAGES, names};
use crate::facts::StagePhase;
use crate::nearest::did_you_mean;
use crate::ruleset::diagnostic::Findings;
use crate::ruleset::keys::{Keys, shown};
use crate::ruleset::yaml::Node;

/// Where the usual stages stand, for stories that do not say.
pub(super) fn default_phases(stages: &[String]) -> BTreeMap<String, StagePhase> {
    let usual = [StagePhase::Early, StagePhase::Middle, StagePhase::Proposal, StagePhase::Late];
    let known = DEFAULT_STAGES.map(str::to_owned).into_iter().zip(usual);
    known.filter(|(stage, _)| stages.contains(stage)).collect()
}

/// `{ late: [negotiation, legal] }`
pub(super) fn phases(
    node: &Node,
    stages: &[String],
    findings: &mut Findings,
) -> BTreeMap<String, StagePhase> {
    let mut phases = BTreeMap::new();
    let Some(mut map) = Keys::of(node, "`phases`", findings) else { return phases };
    for phase in StagePhase::ALL {
        let Some(listed) = map.node(phase.name()) else { continue };
        for stage in names(listed, phase.name(), findings).unwrap_or_default() {
            if !stages.contains(&stage) {
                let message = format!("the story's pipeline has no stage `{}`", shown(&stage));
                let known: Vec<&str> = stages.iter().map(String::as_str).collect();
                findings.error(listed.at, "unknown_value", message, did_you_mean(&stage, &known));
            }
            phases.insert(stage, phase);
        }
    }
    map.finish(findings);
    phases
}
