//! How rules about a person see them: the `person.*` facts at one instant.

use super::{Portfolio, led, own};
use crate::calendar::Calendar;
use crate::condition::{Slot, Type};
use crate::time::UnixMs;

/// The slot of each fact. They stand where deals have theirs, for a rule reads
/// either the one or the other; all lie below those that both have.
pub(super) mod place {
    macro_rules! places {
        ($($name:ident = $slot:literal;)*) => {
            $(pub const $name: u16 = $slot;)*
        };
    }
    places! {
        OPEN_DEALS = 0; OPEN_AMOUNT = 1; USUAL_OPEN_DEALS = 2; NEW_DEALS = 3;
        LAST_NEW_DEAL_AT = 4; LARGEST_SHARE = 5; CLOSING_THIS_MONTH = 6; CLOSING_LATE = 7;
        WINS_IN_A_ROW = 8; WINS = 9; NEXT_STEPS = 10; NEXT_STEPS_BEFORE = 11;
        OVERDUE_DEALS = 12; TARGET = 13; WON_AMOUNT = 14; COVERAGE = 15;
        LEADS = 16; MANAGER_SINCE = 17; EDITS = 18; EDITS_SHARE = 19; EDITED_DEALS = 20;
        EDITS_ON_ONE_DEAL = 21; EDITS_LARGE = 22; EDITS_THIS_MONTH = 23;
        PUSHES_SAME_SELLER = 24; RULE_NOT_TRUE = 25; TEAM_NEXT_STEPS = 26;
        TEAM_NEXT_STEPS_BEFORE = 27; EDITS_BEFORE = 28; EDITS_ON_ONE_SELLER = 29;
    }
}
use place::*;

/// What is so of the facts of everybody, for proofs about conditions.
pub(crate) mod domains {
    use super::place::*;

    /// Facts that are never blank: known, or unknown.
    pub(crate) const NEVER_BLANK: [u16; 20] = [
        OPEN_DEALS,
        OPEN_AMOUNT,
        USUAL_OPEN_DEALS,
        NEW_DEALS,
        CLOSING_THIS_MONTH,
        WINS_IN_A_ROW,
        WINS,
        NEXT_STEPS,
        NEXT_STEPS_BEFORE,
        OVERDUE_DEALS,
        TARGET,
        WON_AMOUNT,
        LEADS,
        MANAGER_SINCE,
        EDITS,
        EDITS_BEFORE,
        EDITED_DEALS,
        EDITS_ON_ONE_DEAL,
        EDITS_ON_ONE_SELLER,
        PUSHES_SAME_SELLER,
    ];
    /// Whole numbers that are never negative: counts, and shares in per cent.
    pub(crate) const COUNTS: [u16; 23] = [
        OPEN_DEALS,
        NEW_DEALS,
        LARGEST_SHARE,
        CLOSING_THIS_MONTH,
        CLOSING_LATE,
        WINS_IN_A_ROW,
        WINS,
        NEXT_STEPS,
        NEXT_STEPS_BEFORE,
        OVERDUE_DEALS,
        LEADS,
        EDITS,
        EDITS_BEFORE,
        EDITS_SHARE,
        EDITED_DEALS,
        EDITS_ON_ONE_DEAL,
        EDITS_ON_ONE_SELLER,
        EDITS_LARGE,
        EDITS_THIS_MONTH,
        PUSHES_SAME_SELLER,
        RULE_NOT_TRUE,
        TEAM_NEXT_STEPS,
        TEAM_NEXT_STEPS_BEFORE,
    ];
    /// Numbers with a fraction that are never negative.
    pub(crate) const AT_LEAST_0: [u16; 2] = [OPEN_AMOUNT, USUAL_OPEN_DEALS];
}

/// How many facts there are.
const COUNT: usize = 30;

/// Every `person.*` field: name, type, slot and meaning.
pub const PERSON_FIELDS: [(&str, Type, u16, &str); COUNT] = [
    ("person.open_deals", Type::Number, OPEN_DEALS, "open deals they own"),
    ("person.open_amount", Type::Number, OPEN_AMOUNT, "the sum of those deals' amounts"),
    (
        "person.usual_open_deals",
        Type::Number,
        USUAL_OPEN_DEALS,
        "the median of their open deals over the last 90 days; unknown in the first 30",
    ),
    (
        "person.new_deals_14d",
        Type::Number,
        NEW_DEALS,
        "deals of theirs created in the last 14 days",
    ),
    ("person.last_new_deal_at", Type::Time, LAST_NEW_DEAL_AT, "when the newest was created"),
    (
        "person.largest_share_percent",
        Type::Number,
        LARGEST_SHARE,
        "the largest open deal's share of the whole amount, in percent",
    ),
    (
        "person.closing_this_month",
        Type::Number,
        CLOSING_THIS_MONTH,
        "open deals that are to close in this month",
    ),
    (
        "person.closing_last_days_percent",
        Type::Number,
        CLOSING_LATE,
        "how many percent of those close in its last five days",
    ),
    ("person.wins_in_a_row", Type::Number, WINS_IN_A_ROW, "deals won since the last one lost"),
    ("person.wins_30d", Type::Number, WINS, "deals won in the last 30 days"),
    (
        "person.next_steps_percent",
        Type::Number,
        NEXT_STEPS,
        "how many percent of at least five open deals have a next step with a date ahead",
    ),
    ("person.next_steps_percent_before", Type::Number, NEXT_STEPS_BEFORE, "the same 28 days ago"),
    ("person.overdue_deals", Type::Number, OVERDUE_DEALS, "open deals whose close date has passed"),
    ("person.target", Type::Number, TARGET, "what they are to win, where configured"),
    ("person.won_amount", Type::Number, WON_AMOUNT, "what they have won of it so far"),
    (
        "person.coverage",
        Type::Number,
        COVERAGE,
        "open amount due in time, as a multiple of what is left of the target",
    ),
    ("person.leads", Type::Number, LEADS, "how many people they lead"),
    ("person.manager_since", Type::Time, MANAGER_SINCE, "since when, where configured"),
    (
        "person.edits_14d",
        Type::Number,
        EDITS,
        "their own edits on deals of those people in the last 14 days",
    ),
    ("person.edits_before_14d", Type::Number, EDITS_BEFORE, "the same in the 14 days before"),
    (
        "person.edits_share_percent",
        Type::Number,
        EDITS_SHARE,
        "how many percent of at least five edits on those deals were theirs",
    ),
    ("person.edited_deals_14d", Type::Number, EDITED_DEALS, "on how many deals"),
    (
        "person.edits_on_one_deal_14d",
        Type::Number,
        EDITS_ON_ONE_DEAL,
        "the most of them on one deal",
    ),
    (
        "person.edits_on_one_seller_14d",
        Type::Number,
        EDITS_ON_ONE_SELLER,
        "the most of them on deals of one of those people",
    ),
    (
        "person.edits_large_percent",
        Type::Number,
        EDITS_LARGE,
        "how many percent of at least five own edits were on the largest tenth of deals",
    ),
    (
        "person.edits_this_month_percent",
        Type::Number,
        EDITS_THIS_MONTH,
        "how many percent of at least five own edits were on deals that close in this month",
    ),
    (
        "person.pushes_same_seller_7d",
        Type::Number,
        PUSHES_SAME_SELLER,
        "the most nudges of rules of their own to one of those people in the last 7 days",
    ),
    (
        "person.rule_not_true_percent",
        Type::Number,
        RULE_NOT_TRUE,
        "of the rule of their own that fits least: percent of answers \"not true here\", from ten answers of five people on",
    ),
    (
        "person.team_next_steps_14d",
        Type::Number,
        TEAM_NEXT_STEPS,
        "open deals of those people, of two of them at least, that got a dated next step in the last 14 days",
    ),
    (
        "person.team_next_steps_before_14d",
        Type::Number,
        TEAM_NEXT_STEPS_BEFORE,
        "the same in the 14 days before",
    ),
];

/// What texts of a rule about a person may read beside the facts.
pub const PERSON_TEXTS: [&str; 3] = ["person.name", "person.first_name", "person.currency"];

/// What is known of a person at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonFacts {
    slots: [Slot<'static>; COUNT],
}

/// Nothing is known.
impl Default for PersonFacts {
    fn default() -> Self {
        PersonFacts { slots: [Slot::Unknown; COUNT] }
    }
}

impl PersonFacts {
    /// The facts of a portfolio at `now`, by the days of this calendar. Costs a few
    /// looks at each deal and edit in it, and ninety at each deal for the median.
    #[must_use]
    pub fn of(portfolio: &Portfolio, now: UnixMs, calendar: &Calendar) -> PersonFacts {
        let mut facts = PersonFacts::default();
        own::put(&mut facts, portfolio, now, calendar);
        match &portfolio.led {
            Some(led) => led::put(&mut facts, led, now, calendar),
            None => facts.number(LEADS, 0.0),
        }
        facts
    }

    /// The value behind the name `person.…`; `None` for a name that there is not.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<Slot<'static>> {
        let (_, _, slot, _) = PERSON_FIELDS.iter().find(|(known, ..)| *known == name)?;
        self.slots.get(usize::from(*slot)).copied()
    }

    pub(crate) fn slots(&self) -> &[Slot<'static>] {
        &self.slots
    }

    pub(crate) fn set(&mut self, place: u16, slot: Slot<'static>) {
        if let Some(at) = self.slots.get_mut(usize::from(place)) {
            *at = slot;
        }
    }

    pub(super) fn number(&mut self, place: u16, number: f64) {
        self.set(place, Slot::Number(number));
    }

    /// A number, or Unknown.
    pub(super) fn maybe(&mut self, place: u16, number: Option<f64>) {
        self.set(place, number.map_or(Slot::Unknown, Slot::Number));
    }
}
