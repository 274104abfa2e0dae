//! The account around the deals: pipelines, stages, owners.

use serde::{Deserialize, Serialize};

use super::{Field, StagePhase};

/// What a connected CRM account says of itself. Read again when a change names
/// something that is not in here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// The vendor's id of the account (HubSpot: portal id).
    pub account_id: Option<String>,
    /// IANA name of the account's time zone.
    pub time_zone: Option<String>,
    /// The account's own currency, ISO 4217.
    pub currency: Option<String>,
    /// Deal pipelines in display order.
    pub pipelines: Vec<Pipeline>,
    /// People who can own deals.
    pub owners: Vec<Owner>,
    /// Named facts that no property fills. What was told of one while a property
    /// did is not known any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmapped: Vec<Field>,
}

/// A deal pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pipeline {
    /// The vendor's id.
    pub id: String,
    /// The name people see.
    pub label: String,
    /// Stages in display order.
    pub stages: Vec<Stage>,
}

/// A stage of a [`Pipeline`]. Its place in [`Pipeline::stages`] is its index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// The vendor's id.
    pub id: String,
    /// The name people see.
    pub label: String,
    /// Whether a deal here is open, won or lost.
    pub kind: StageKind,
    /// Where in the sale it stands, if the connection says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<StagePhase>,
}

/// Whether a deal in a stage is open, won or lost.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageKind {
    /// Still being worked.
    Open,
    /// Closed, won.
    Won,
    /// Closed, lost.
    Lost,
}

impl StageKind {
    /// Whether a deal in such a stage is still being worked.
    #[must_use]
    pub fn is_open(self) -> bool {
        self == StageKind::Open
    }

    /// The name conditions use: `open`, `won` or `lost`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            StageKind::Open => "open",
            StageKind::Won => "won",
            StageKind::Lost => "lost",
        }
    }
}

/// Somebody who can own deals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The id that a deal's owner field holds.
    pub id: String,
    /// The id that a change's actor holds, where the vendor has two kinds.
    pub user_id: Option<String>,
    /// E-mail, lower case: who this is across connections.
    pub email: Option<String>,
    /// The name people see.
    pub name: String,
    /// No longer active.
    pub archived: bool,
}

impl Metadata {
    /// The stage with this id, with its index in its pipeline. Stage ids are
    /// unique in an account at every vendor supported so far, so a pipeline is
    /// only needed to break a tie.
    #[must_use]
    pub fn stage(&self, pipeline: Option<&str>, stage: &str) -> Option<(usize, &Stage)> {
        let at = |of: &Pipeline| of.stages.iter().position(|one| one.id == stage);
        let named = self.pipelines.iter().filter(|one| pipeline == Some(one.id.as_str()));
        named
            .chain(self.pipelines.iter())
            .find_map(|one| at(one).map(|index| (index, &one.stages[index])))
    }

    /// The pipeline that a deal is in: its own if it tells one, else that of its
    /// stage.
    #[must_use]
    pub fn pipeline_of<'m>(
        &'m self,
        told: Option<&'m str>,
        stage: Option<&str>,
    ) -> Option<&'m str> {
        let has = |pipeline: &&Pipeline| {
            stage.is_some_and(|stage| pipeline.stages.iter().any(|one| one.id == stage))
        };
        told.or_else(|| self.pipelines.iter().find(has).map(|pipeline| pipeline.id.as_str()))
    }

    /// The owner with this owner id.
    #[must_use]
    pub fn owner(&self, id: &str) -> Option<&Owner> {
        self.owners.iter().find(|owner| owner.id == id)
    }
}
