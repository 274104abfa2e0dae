//! What can be measured of won deals. The list is closed: each measure has its
//! words, and a fact of an open deal that it is compared with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rung;
use crate::ruleset::Choice;

/// One thing that is measured of every won deal, in whole units.
#[derive(
    Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Days spent in a stage: its longest stay there. Compare with
    /// `days_since(deal.stage_entered_at)`.
    DwellDays,
    /// Days from creation to the win. Compare with `days_since(deal.created_at)`.
    CycleDays,
    /// Days of its longest wait for a word from the buyer, until the win at the
    /// latest. Compare with `days_since(deal.last_inbound_at)`.
    InboundGapDays,
    /// Days of its longest time without any activity. Compare with
    /// `days_since(deal.last_activity_at)`.
    ActivityGapDays,
    /// Working days of its longest wait for a word from the buyer, until the win at
    /// the latest. Compare with `business_days_since(deal.last_inbound_at)`.
    InboundGapBusinessDays,
    /// Working days of its longest time without any activity. Compare with
    /// `business_days_since(deal.last_activity_at)`.
    ActivityGapBusinessDays,
    /// Working days of its longest time between two meetings, until the win at the
    /// latest. Compare with `business_days_since(deal.last_meeting_at)`.
    MeetingGapBusinessDays,
    /// How often its close date moved later. Compare with `deal.push_count`.
    PushCount,
    /// Days by which its close date moved later in all. Compare with
    /// `deal.pushed_days`.
    PushedDays,
    /// Its amount when it was won, in the account's currency; deals in another
    /// one are left out. Compare with `deal.amount`.
    Amount,
    /// Its discount in percent. Compare with `deal.discount`.
    DiscountPercent,
    /// How many people of the buyer's were in touch. Compare with
    /// `deal.contacts_engaged`.
    ContactsEngaged,
}

impl Measure {
    /// All of them, in the order in which messages list them.
    pub const ALL: [Measure; 12] = [
        Measure::DwellDays,
        Measure::CycleDays,
        Measure::InboundGapDays,
        Measure::ActivityGapDays,
        Measure::InboundGapBusinessDays,
        Measure::ActivityGapBusinessDays,
        Measure::MeetingGapBusinessDays,
        Measure::PushCount,
        Measure::PushedDays,
        Measure::Amount,
        Measure::DiscountPercent,
        Measure::ContactsEngaged,
    ];

    /// The name that rule files use.
    #[must_use]
    pub fn name(self) -> &'static str {
        let named = Self::NAMES.iter().find(|(_, measure)| *measure == self);
        named.map_or("", |(name, _)| *name)
    }

    /// Whether it is told stage by stage.
    #[must_use]
    pub fn is_by_stage(self) -> bool {
        self == Measure::DwellDays || self.is_gap()
    }

    /// Whether it rests on activities, which must be trusted to be counted.
    #[must_use]
    pub fn rests_on_activities(self) -> bool {
        self == Measure::ContactsEngaged || self.is_gap()
    }

    fn is_gap(self) -> bool {
        matches!(
            self,
            Measure::InboundGapDays
                | Measure::ActivityGapDays
                | Measure::InboundGapBusinessDays
                | Measure::ActivityGapBusinessDays
                | Measure::MeetingGapBusinessDays
        )
    }

    /// What won deals do up to `value`, read from this rung.
    pub(super) fn sentence(self, rung: Rung, value: &str, is_one: bool) -> String {
        let days = if is_one { "day" } else { "days" };
        let whose = match rung {
            Rung::Pipeline => "your won deals of this pipeline",
            Rung::Stage | Rung::All | Rung::Own | Rung::Team => "your won deals",
        };
        let where_ = if rung == Rung::Stage { " in this stage" } else { "" };
        match (self, rung) {
            (Measure::DwellDays, Rung::Stage) => {
                format!("{whose} leave this stage within {value} {days}")
            }
            (Measure::DwellDays, _) => format!("{whose} leave every stage within {value} {days}"),
            (Measure::CycleDays, _) => format!("{whose} are won within {value} {days}"),
            (Measure::InboundGapDays, _) => {
                format!("{whose} never wait more than {value} {days} for the buyer{where_}")
            }
            (Measure::ActivityGapDays, _) => {
                format!("{whose} never rest for more than {value} {days}{where_}")
            }
            (Measure::InboundGapBusinessDays, _) => {
                format!("{whose} never wait more than {value} working {days} for the buyer{where_}")
            }
            (Measure::ActivityGapBusinessDays, _) => {
                format!("{whose} never rest for more than {value} working {days}{where_}")
            }
            (Measure::MeetingGapBusinessDays, _) => {
                format!(
                    "{whose} never go more than {value} working {days} without a meeting{where_}"
                )
            }
            (Measure::PushCount, _) => {
                let times = if is_one { "time" } else { "times" };
                format!("the close date of {whose} moves later at most {value} {times}")
            }
            (Measure::PushedDays, _) => {
                format!("the close date of {whose} moves later by at most {value} {days}")
            }
            (Measure::Amount, _) => format!("{whose} amount to at most {value}"),
            (Measure::DiscountPercent, _) => {
                format!("{whose} have a discount of at most {value} percent")
            }
            (Measure::ContactsEngaged, _) => {
                let people = if is_one { "person" } else { "people" };
                format!("{whose} have at most {value} {people} in touch")
            }
        }
    }
}

impl Choice for Measure {
    const WHAT: &'static str = "measure of won deals";
    const NAMES: &'static [(&'static str, Self)] = &[
        ("dwell_days", Measure::DwellDays),
        ("cycle_days", Measure::CycleDays),
        ("inbound_gap_days", Measure::InboundGapDays),
        ("activity_gap_days", Measure::ActivityGapDays),
        ("inbound_gap_business_days", Measure::InboundGapBusinessDays),
        ("activity_gap_business_days", Measure::ActivityGapBusinessDays),
        ("meeting_gap_business_days", Measure::MeetingGapBusinessDays),
        ("push_count", Measure::PushCount),
        ("pushed_days", Measure::PushedDays),
        ("amount", Measure::Amount),
        ("discount_percent", Measure::DiscountPercent),
        ("contacts_engaged", Measure::ContactsEngaged),
    ];
}
