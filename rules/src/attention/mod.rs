//! Attention: of everything there would be to say to one person, what is said
//! now, what waits, and what is never said.
//!
//! [`decide()`] takes the pending nudges of *one* recipient and answers one
//! [`Decision`] for each. It looks at an instant, not at a plan: what may not
//! go now is deferred to the exact next instant at which it could, and is
//! decided anew there, by the state of that instant.
//!
//! # The rules, in order
//! 1. Nudges are taken by (priority, due, id), so the order of the input never
//!    matters and the important ones get the scarce places.
//! 2. Sending off, not in the pilot, a muted rule: suppressed. Nothing of this
//!    kind is ever sent later.
//! 3. An expired nudge is suppressed. The time to live is counted in the
//!    person's working days, from the instant it was due or its snooze ended.
//! 4. A pause, a day off and quiet hours defer; when the nudge would have
//!    expired by then, it is suppressed at once. A nudge about an event that
//!    is too old at the first instant the person can be reached is stale.
//! 5. **Interrupt**: at most so many on the person's local day, one of them
//!    kept for events, and only if nothing about this deal was sent within
//!    the spacing. Otherwise it becomes a *digest* nudge and stays one, so that
//!    it cannot interrupt tomorrow because of today.
//! 6. **Digest** and **private**: at the person's next digest time, at most so
//!    many at once, with the same spacing. What finds no place waits for the next
//!    digest, of the same day or the next, and competes there anew by priority and
//!    age; when no further digest comes before it expires, the ledger says
//!    `digest_full`.
//! 7. **Card**: kept for the deal's card in the CRM and never pushed; only a
//!    snooze hides it. No connector shows a card yet, so the ledger says of each
//!    that it was kept.
//!
//! A person's own choices ([`PersonalChoice`]) can only make these limits stricter. Beside
//! single nudges stand the weekly list of what was not sent ([`week_of`]), which no
//! limit counts, and the hold on what one hand changed in masses ([`Tally`]).

mod answers;
mod choice;
mod decide;
mod hours;
mod mass;
mod reasons;
mod weekly;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use answers::{
    Answer, AnswerEffect, AnswerRefused, NotHelpful, Outcome, PAUSE_DAYS_MAX, PauseFor,
    SNOOZE_DAYS_MAX, apply_answer,
};
pub use choice::{CHOICES, Choice, Day, NotAChoice, PersonalChoice};
pub use decide::{decide, expires_at, first_permitted, log_reaches_back_to, next_digest};
pub use mass::{MassLimit, Tally, Window};
pub use reasons::{Reason, Why};
pub use weekly::{Week, week_of};

use crate::calendar::Calendar;
use crate::facts::DealKey;
use crate::time::{HOUR_MS, UnixMs};

/// How long an event is news, as shipped: two days.
pub const EVENT_MAX_AGE_MS: i64 = 48 * HOUR_MS;
/// The longest a nudge lives, whatever the policy and the calendar say.
pub const NUDGE_LIFE_DAYS_MAX: u32 = 90;
/// The longest spacing between two nudges about one deal, in working days.
pub const DEAL_SPACING_WORKING_DAYS_MAX: u32 = 260;
/// The most digests of one person on one day.
pub const DIGESTS_PER_DAY_MAX: usize = 24;
/// How far ahead a day is looked for on which a person can be reached.
pub const SEARCH_DAYS_MAX: u32 = 120;

/// Who is sent anything at all.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sending {
    /// Nobody: how a new installation begins.
    #[default]
    Off,
    /// Those named for the pilot.
    Pilot,
    /// Everybody.
    Everyone,
}

/// How loudly a nudge speaks: as its rule says, and as a deferral may soften it.
#[derive(
    Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum AttentionClass {
    /// A message of its own, at once; counts against the day's budget.
    Interrupt,
    /// One item of the next digest.
    Digest,
    /// Only on the deal's card in the CRM; nobody is pushed.
    Card,
    /// As a digest, but never in a place that others read.
    Private,
}

impl AttentionClass {
    /// The stable name for rule files and rows.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            AttentionClass::Interrupt => "interrupt",
            AttentionClass::Digest => "digest",
            AttentionClass::Card => "card",
            AttentionClass::Private => "private",
        }
    }

    /// The class of that name; a word nobody wrote is the quietest push.
    #[must_use]
    pub fn named(name: &str) -> AttentionClass {
        match name {
            "interrupt" => AttentionClass::Interrupt,
            "card" => AttentionClass::Card,
            "private" => AttentionClass::Private,
            _ => AttentionClass::Digest,
        }
    }
}

/// The ceilings of an installation. `None` switches a limit off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Who is sent anything at all.
    pub sending: Sending,
    /// Interruptions on one local day.
    pub interruptions_per_day: Option<u32>,
    /// The same for a person's first days.
    pub interruptions_per_day_new: Option<u32>,
    /// For how many working days, from the first nudge on, a person is new.
    pub new_person_working_days: u32,
    /// Keeps the last interruption of a day for nudges about something that
    /// has just happened. Without effect where a day has only one.
    pub reserve_for_events: bool,
    /// Working days from one nudge about a deal to the next about the same
    /// deal; at most [`DEAL_SPACING_WORKING_DAYS_MAX`].
    pub deal_spacing_working_days: Option<u32>,
    /// Items of one digest.
    pub digest_items_max: Option<u32>,
    /// When digests are sent, in the person's own zone. A time inside the
    /// quiet hours is moved to their end. Empty: no digests.
    pub digest_at: Vec<Time>,
    /// From and until when nothing is sent, in the person's own zone; past
    /// midnight when the first is later. Two equal times are no quiet hours.
    pub quiet_hours: Option<(Time, Time)>,
    /// The oldest an event may be when its nudge could first be sent.
    pub event_max_age_ms: i64,
    /// Working days after which a nudge that was not sent is not sent any
    /// more. It lives until the end of the last one.
    pub nudge_expiry_working_days: u32,
    /// Whether a person is greeted before the first nudge.
    pub hello: bool,
    /// On which day a person is told, with the last digest time, what was not
    /// sent in the week. `None`: never.
    pub weekly_on: Option<Day>,
}

impl Default for Policy {
    /// The shipped ceilings: sending off, two interruptions a day, one about a
    /// deal in three working days, a digest of three at nine.
    fn default() -> Self {
        Policy {
            sending: Sending::Off,
            interruptions_per_day: Some(2),
            interruptions_per_day_new: Some(1),
            new_person_working_days: 10,
            reserve_for_events: true,
            deal_spacing_working_days: Some(3),
            digest_items_max: Some(3),
            digest_at: vec![Time::constant(9, 0, 0, 0)],
            quiet_hours: Some((Time::constant(18, 0, 0, 0), Time::constant(8, 0, 0, 0))),
            event_max_age_ms: EVENT_MAX_AGE_MS,
            nudge_expiry_working_days: 3,
            hello: true,
            weekly_on: Some(Day::Fri),
        }
    }
}

/// What is known of the person the nudges are for.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipient {
    /// E-mail, lower case.
    pub person: String,
    /// The person's own zone, working days and holidays.
    pub calendar: Calendar,
    /// Named for the pilot.
    pub in_pilot: bool,
    /// When the first nudge was sent to this person.
    pub first_nudge_at: Option<UnixMs>,
    /// Ids of rules this person does not want to hear of.
    pub muted_rules: BTreeSet<String>,
    /// Until when this person wants to hear nothing.
    pub paused_until: Option<UnixMs>,
    /// Nudge ids and until when each sleeps. An entry stays after its end,
    /// until the nudge is settled: a nudge that was asked for again is neither
    /// stale nor too close to its own first appearance.
    pub snoozed: BTreeMap<String, UnixMs>,
    /// Stricter limits.
    pub choice: PersonalChoice,
    /// What was claimed for sending, at least since [`log_reaches_back_to`],
    /// without what certainly was not sent.
    pub log: Vec<Sent>,
}

/// One nudge that was claimed for sending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// When it was claimed.
    pub at: UnixMs,
    /// Which nudge.
    pub nudge_id: String,
    /// The deal it was about.
    pub deal: Option<DealKey>,
    /// Whether it was about something that had just happened.
    pub is_event: bool,
    /// In which form.
    pub sent_as: SendAs,
}

/// A nudge that waits for its decision: what attention has to know of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingNudge {
    /// The nudge.
    pub id: String,
    /// Id of the rule that made it.
    pub rule: String,
    /// The deal it is about; a nudge about a person's whole work has none.
    pub deal: Option<DealKey>,
    /// How it is to reach its reader: as the rule says, or as the last
    /// [`Decision::Defer`] changed it.
    pub class: AttentionClass,
    /// Whether an event made it, which makes it stale early and lets it use
    /// the interruption kept for events.
    pub is_event: bool,
    /// 1 (first) to 9.
    pub priority: u8,
    /// Not before this instant.
    pub due_at: UnixMs,
    /// When that happened which it is about.
    pub occurred_at: UnixMs,
    /// An end that is earlier than the policy's.
    pub expires_at: Option<UnixMs>,
}

/// What becomes of one nudge at one instant.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Send it now. The claim spends the budget.
    Send(SendAs),
    /// Keep it for the deal's card; nothing is pushed.
    Card,
    /// Decide again at this instant.
    Defer {
        /// The next instant at which it could go: later than now, and one at
        /// which the person can be reached.
        until: UnixMs,
        /// The class it has from now on, to be stored with it.
        class: AttentionClass,
        /// What it waits for.
        why: Why,
    },
    /// Never send it; the reason goes to the ledger.
    Suppress(Reason),
}

/// The form in which a nudge is sent.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SendAs {
    /// A message of its own.
    Interrupt,
    /// An item of the digest for this digest time; all items of one slot make
    /// one message.
    Digest {
        /// The digest time, at or shortly before the instant of sending.
        slot: UnixMs,
    },
}

/// Whether the person has to be greeted before anything else is sent: who
/// switched this on, what it reads, and how to stop it. The greeting spends no
/// budget.
#[must_use]
pub fn needs_hello(policy: &Policy, recipient: &Recipient) -> bool {
    policy.hello && recipient.first_nudge_at.is_none()
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod stories_of_hours;
#[cfg(test)]
mod stories_of_limits;
