//! The slot of each fact.

use super::Field;

/// `deal.id`
pub const ID: u16 = 0;
/// `deal.name`
pub const NAME: u16 = 1;
/// `deal.pipeline`
pub const PIPELINE: u16 = 2;
/// `deal.stage`
pub const STAGE: u16 = 3;
/// `deal.stage_kind`
pub const STAGE_KIND: u16 = 4;
/// `deal.stage_index`
pub const STAGE_INDEX: u16 = 5;
/// `deal.owner`
pub const OWNER: u16 = 6;
/// `deal.amount`
pub const AMOUNT: u16 = 7;
/// `deal.currency`
pub const CURRENCY: u16 = 8;
/// `deal.close_date`
pub const CLOSE_DATE: u16 = 9;
/// `deal.created_at`
pub const CREATED_AT: u16 = 10;
/// `deal.closed_at`
pub const CLOSED_AT: u16 = 11;
/// `deal.stage_entered_at`
pub const STAGE_ENTERED_AT: u16 = 12;
/// `deal.next_step`
pub const NEXT_STEP: u16 = 13;
/// `deal.loss_reason`
pub const LOSS_REASON: u16 = 14;
/// `deal.last_activity_at`
pub const LAST_ACTIVITY_AT: u16 = 15;
/// `deal.last_inbound_at`
pub const LAST_INBOUND_AT: u16 = 16;
/// `deal.last_outbound_at`
pub const LAST_OUTBOUND_AT: u16 = 17;
/// `deal.next_meeting_at`
pub const NEXT_MEETING_AT: u16 = 18;
/// `deal.push_count`
pub const PUSH_COUNT: u16 = 19;
/// `deal.pushed_days`
pub const PUSHED_DAYS: u16 = 20;
/// `deal.stage_moves`
pub const STAGE_MOVES: u16 = 21;
/// `deal.is_closed`
pub const IS_CLOSED: u16 = 22;
/// `change.field`
pub const CHANGE_FIELD: u16 = 23;
/// `change.from`
pub const CHANGE_FROM: u16 = 24;
/// `change.to`
pub const CHANGE_TO: u16 = 25;
/// `change.stages_moved`
pub const CHANGE_STAGES_MOVED: u16 = 26;
/// `change.direction`
pub const CHANGE_DIRECTION: u16 = 27;
/// `change.days`
pub const CHANGE_DAYS: u16 = 28;
/// `change.occurred_at`
pub const CHANGE_OCCURRED_AT: u16 = 29;
/// `change.source`
pub const CHANGE_SOURCE: u16 = 30;
/// `change.kind`
pub const CHANGE_KIND: u16 = 31;
/// `threshold`
pub const THRESHOLD: u16 = 32;
/// `nudge.sent_at`
pub const NUDGE_SENT_AT: u16 = 33;
/// `deal.stage_phase`
pub const STAGE_PHASE: u16 = 34;
/// `deal.owner_since`
pub const OWNER_SINCE: u16 = 35;
/// `deal.owner_changes`
pub const OWNER_CHANGES: u16 = 36;
/// `deal.amount_changes`
pub const AMOUNT_CHANGES: u16 = 37;
/// `deal.amount_changed_at`
pub const AMOUNT_CHANGED_AT: u16 = 38;
/// `deal.close_date_changed_at`
pub const CLOSE_DATE_CHANGED_AT: u16 = 39;
/// `deal.last_email_at`
pub const LAST_EMAIL_AT: u16 = 40;
/// `deal.last_call_at`
pub const LAST_CALL_AT: u16 = 41;
/// `deal.last_meeting_at`
pub const LAST_MEETING_AT: u16 = 42;
/// `deal.emails`
pub const EMAILS: u16 = 43;
/// `deal.calls`
pub const CALLS: u16 = 44;
/// `deal.meetings`
pub const MEETINGS: u16 = 45;
/// `deal.contacts_engaged`
pub const CONTACTS_ENGAGED: u16 = 46;
/// `change.by`
pub const CHANGE_BY: u16 = 47;
/// `deal.next_step_date`
pub const NEXT_STEP_DATE: u16 = 48;
/// `deal.competitor`
pub const COMPETITOR: u16 = 49;
/// `deal.forecast_category`
pub const FORECAST_CATEGORY: u16 = 50;
/// `deal.discount`
pub const DISCOUNT: u16 = 51;
/// `deal.contacts`
pub const CONTACTS: u16 = 52;
/// `deal.lead_source`
pub const LEAD_SOURCE: u16 = 53;
/// `deal.proposal_sent_at`
pub const PROPOSAL_SENT_AT: u16 = 54;
/// `deal.proposal_opened_at`
pub const PROPOSAL_OPENED_AT: u16 = 55;
/// `deal.renewal_date`
pub const RENEWAL_DATE: u16 = 56;
/// `deal.value_review_date`
pub const VALUE_REVIEW_DATE: u16 = 57;
/// `deal.impact`
pub const IMPACT: u16 = 58;
/// `deal.economic_buyer`
pub const ECONOMIC_BUYER: u16 = 59;
/// `deal.decision_criteria`
pub const DECISION_CRITERIA: u16 = 60;
/// `deal.decision_process`
pub const DECISION_PROCESS: u16 = 61;
/// `deal.paper_process`
pub const PAPER_PROCESS: u16 = 62;
/// `deal.problem`
pub const PROBLEM: u16 = 63;
/// `deal.consequence`
pub const CONSEQUENCE: u16 = 64;
/// `deal.benefit`
pub const BENEFIT: u16 = 65;
/// `deal.situation`
pub const SITUATION: u16 = 66;
/// `deal.champion`
pub const CHAMPION: u16 = 67;
/// `deal.budget`
pub const BUDGET: u16 = 68;
/// `deal.timing`
pub const TIMING: u16 = 69;
/// `deal.insight`
pub const INSIGHT: u16 = 70;
/// `deal.meeting_goal`
pub const MEETING_GOAL: u16 = 71;
/// `deal.meeting_outcome`
pub const MEETING_OUTCOME: u16 = 72;
/// How many slots there are.
pub const COUNT: usize = 73;

/// The slot of a field's present value.
#[must_use]
pub fn of(field: Field) -> u16 {
    match field {
        Field::Name => NAME,
        Field::Pipeline => PIPELINE,
        Field::Stage => STAGE,
        Field::Owner => OWNER,
        Field::Amount => AMOUNT,
        Field::Currency => CURRENCY,
        Field::CloseDate => CLOSE_DATE,
        Field::CreatedAt => CREATED_AT,
        Field::NextStep => NEXT_STEP,
        Field::LossReason => LOSS_REASON,
        Field::NextStepDate => NEXT_STEP_DATE,
        Field::Competitor => COMPETITOR,
        Field::ForecastCategory => FORECAST_CATEGORY,
        Field::Discount => DISCOUNT,
        Field::Contacts => CONTACTS,
        Field::LeadSource => LEAD_SOURCE,
        Field::ProposalSentAt => PROPOSAL_SENT_AT,
        Field::ProposalOpenedAt => PROPOSAL_OPENED_AT,
        Field::RenewalDate => RENEWAL_DATE,
        Field::ValueReviewDate => VALUE_REVIEW_DATE,
        Field::Impact => IMPACT,
        Field::EconomicBuyer => ECONOMIC_BUYER,
        Field::DecisionCriteria => DECISION_CRITERIA,
        Field::DecisionProcess => DECISION_PROCESS,
        Field::PaperProcess => PAPER_PROCESS,
        Field::Problem => PROBLEM,
        Field::Consequence => CONSEQUENCE,
        Field::Benefit => BENEFIT,
        Field::Situation => SITUATION,
        Field::Champion => CHAMPION,
        Field::Budget => BUDGET,
        Field::Timing => TIMING,
        Field::Insight => INSIGHT,
        Field::MeetingGoal => MEETING_GOAL,
        Field::MeetingOutcome => MEETING_OUTCOME,
    }
}
