//! Where in the sale a stage stands.

use serde::{Deserialize, Serialize};

use super::Metadata;

/// Where in the sale an open stage stands, as a connection maps its stages.
/// Rules that are to serve many accounts name phases, not stages.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StagePhase {
    /// Getting to know each other.
    Early,
    /// Working out what is needed and showing it.
    Middle,
    /// Settling terms.
    Late,
    /// The buyer holds a proposal.
    Proposal,
    /// The buyer said yes, and nothing is signed.
    Verbal,
}

impl StagePhase {
    /// Every phase, in the order in which messages list them.
    pub const ALL: [StagePhase; 5] = [
        StagePhase::Early,
        StagePhase::Middle,
        StagePhase::Late,
        StagePhase::Proposal,
        StagePhase::Verbal,
    ];

    /// The name that conditions and mappings use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            StagePhase::Early => "early",
            StagePhase::Middle => "middle",
            StagePhase::Late => "late",
            StagePhase::Proposal => "proposal",
            StagePhase::Verbal => "verbal",
        }
    }

    /// The phase with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<StagePhase> {
        StagePhase::ALL.into_iter().find(|phase| phase.name() == name)
    }
}

impl Metadata {
    /// Gives each stage the phase that `phase_of` says for its id; stages that
    /// it says nothing of have none.
    pub fn set_phases(&mut self, phase_of: impl Fn(&str) -> Option<StagePhase>) {
        for stage in self.pipelines.iter_mut().flat_map(|pipeline| &mut pipeline.stages) {
            stage.phase = phase_of(&stage.id);
        }
    }
}
