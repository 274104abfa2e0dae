//! The deal fields that a CRM sets and rules may read.

use serde::{Deserialize, Serialize};

use crate::condition::Type;

/// A deal field that a CRM sets and rules may read. Facts derived from their
/// history (pushes, stage moves, time in stage) are not listed here.
///
/// The first ten have their place in every CRM. The others are *named facts*:
/// which property fills one is said per connection, and without that the fact
/// is not known there.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The deal's name (text).
    Name,
    /// Pipeline id (text).
    Pipeline,
    /// Stage id (text).
    Stage,
    /// The vendor's owner id (text).
    Owner,
    /// Amount in [`Field::Currency`] (number).
    Amount,
    /// ISO 4217 code (text).
    Currency,
    /// Expected or actual close (time).
    CloseDate,
    /// When the deal was created in the CRM (time).
    CreatedAt,
    /// The agreed next step (text).
    NextStep,
    /// Why a lost deal was lost (text).
    LossReason,
    /// When the agreed next step is due (time).
    NextStepDate,
    /// Who else the buyer looks at (text).
    Competitor,
    /// The forecast category, as the CRM writes it (text).
    ForecastCategory,
    /// The discount, in percent (number).
    Discount,
    /// How many people are associated with the deal (number).
    Contacts,
    /// Where the deal came from (text).
    LeadSource,
    /// When the proposal was sent (time).
    ProposalSentAt,
    /// When the buyer opened the proposal (time).
    ProposalOpenedAt,
    /// When the contract renews (time).
    RenewalDate,
    /// When results were last reviewed with the buyer (time).
    ValueReviewDate,
    /// The effect the buyer wants, in numbers (text).
    Impact,
    /// Who owns the budget and can say yes (text).
    EconomicBuyer,
    /// By what the buyer chooses (text).
    DecisionCriteria,
    /// How the buyer decides, step by step (text).
    DecisionProcess,
    /// How the paper gets signed: who reads it, who signs, how long (text).
    PaperProcess,
    /// The buyer's problem, or need (text).
    Problem,
    /// What the problem leads to if nothing changes (text).
    Consequence,
    /// What solving it is worth to the buyer (text).
    Benefit,
    /// How the buyer works today (text).
    Situation,
    /// Who speaks for us when we are not in the room (text).
    Champion,
    /// What is known of the budget (text).
    Budget,
    /// By when the buyer needs it, and why (text).
    Timing,
    /// What the buyer learnt from us that they did not know (text).
    Insight,
    /// What both sides agreed the next meeting is for (text).
    MeetingGoal,
    /// What the last meeting ended with (text).
    MeetingOutcome,
}

impl Field {
    /// Every field, in declaration order.
    pub const ALL: [Field; 35] = [
        Field::Name,
        Field::Pipeline,
        Field::Stage,
        Field::Owner,
        Field::Amount,
        Field::Currency,
        Field::CloseDate,
        Field::CreatedAt,
        Field::NextStep,
        Field::LossReason,
        Field::NextStepDate,
        Field::Competitor,
        Field::ForecastCategory,
        Field::Discount,
        Field::Contacts,
        Field::LeadSource,
        Field::ProposalSentAt,
        Field::ProposalOpenedAt,
        Field::RenewalDate,
        Field::ValueReviewDate,
        Field::Impact,
        Field::EconomicBuyer,
        Field::DecisionCriteria,
        Field::DecisionProcess,
        Field::PaperProcess,
        Field::Problem,
        Field::Consequence,
        Field::Benefit,
        Field::Situation,
        Field::Champion,
        Field::Budget,
        Field::Timing,
        Field::Insight,
        Field::MeetingGoal,
        Field::MeetingOutcome,
    ];

    /// The name rules, mappings and stored rows use, for example `close_date`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Field::Name => "name",
            Field::Pipeline => "pipeline",
            Field::Stage => "stage",
            Field::Owner => "owner",
            Field::Amount => "amount",
            Field::Currency => "currency",
            Field::CloseDate => "close_date",
            Field::CreatedAt => "created_at",
            Field::NextStep => "next_step",
            Field::LossReason => "loss_reason",
            Field::NextStepDate => "next_step_date",
            Field::Competitor => "competitor",
            Field::ForecastCategory => "forecast_category",
            Field::Discount => "discount",
            Field::Contacts => "contacts",
            Field::LeadSource => "lead_source",
            Field::ProposalSentAt => "proposal_sent_at",
            Field::ProposalOpenedAt => "proposal_opened_at",
            Field::RenewalDate => "renewal_date",
            Field::ValueReviewDate => "value_review_date",
            Field::Impact => "impact",
            Field::EconomicBuyer => "economic_buyer",
            Field::DecisionCriteria => "decision_criteria",
            Field::DecisionProcess => "decision_process",
            Field::PaperProcess => "paper_process",
            Field::Problem => "problem",
            Field::Consequence => "consequence",
            Field::Benefit => "benefit",
            Field::Situation => "situation",
            Field::Champion => "champion",
            Field::Budget => "budget",
            Field::Timing => "timing",
            Field::Insight => "insight",
            Field::MeetingGoal => "meeting_goal",
            Field::MeetingOutcome => "meeting_outcome",
        }
    }

    /// The field with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Field> {
        Field::ALL.into_iter().find(|field| field.name() == name)
    }

    /// Whether it is known only where a connection says which property fills it.
    #[must_use]
    pub fn is_named_fact(self) -> bool {
        self > Field::LossReason
    }

    /// The fields that a connection may say a property for: the named facts, and
    /// those with a usual property that accounts like to replace.
    pub fn mappable() -> impl Iterator<Item = Field> {
        let usual = [Field::NextStep, Field::LossReason];
        usual.into_iter().chain(Field::ALL.into_iter().filter(|field| field.is_named_fact()))
    }

    /// The fields whose values may be days instead of instants: see
    /// [`civil_day`](super::civil_day()).
    pub const DATES: [Field; 6] = [
        Field::CloseDate,
        Field::NextStepDate,
        Field::RenewalDate,
        Field::ValueReviewDate,
        Field::ProposalSentAt,
        Field::ProposalOpenedAt,
    ];

    /// The type of its values.
    #[must_use]
    pub fn value_type(self) -> Type {
        match self {
            Field::Amount | Field::Discount | Field::Contacts => Type::Number,
            Field::CloseDate
            | Field::CreatedAt
            | Field::NextStepDate
            | Field::ProposalSentAt
            | Field::ProposalOpenedAt
            | Field::RenewalDate
            | Field::ValueReviewDate => Type::Time,
            _ => Type::Text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_goes_by_one_name_everywhere() {
        for (place, field) in Field::ALL.into_iter().enumerate() {
            assert_eq!(field as usize, place);
            assert_eq!(Field::named(field.name()), Some(field));
            let stored = serde_json::to_string(&field).unwrap();
            assert_eq!(stored, format!("\"{}\"", field.name()));
        }
        assert_eq!(Field::mappable().count(), 27);
        assert!(!Field::LossReason.is_named_fact() && Field::NextStepDate.is_named_fact());
    }
}
