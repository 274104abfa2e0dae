//! Back-test: what a rule set would have said, had it been on.
//!
//! A [`Player`] takes the changes of a past in the order in which they became
//! known and plays them through the very functions that serve live traffic:
//! [`engine::step`](crate::engine::step) decides what fires and
//! [`attention::decide`](crate::attention::decide()) what of it would have been
//! sent, when, and in which form. What is sent counts against the reader's
//! budget, as live. It answers a [`Report`] and tells an [`Observer`] of every
//! firing and decision.
//!
//! # Order of things at one instant
//! Timers due, then the first nightly look at deals that are new, then the changes,
//! then the records of deals heard of for the first time, then what is usual among
//! won deals if it is midnight, then people of whom something was told or whose
//! midnight it is, then outcomes whose time is over, then attention, reader by reader.
//!
//! # Where it cannot decide what live decides
//! A past that was lived through can be told whole, with its delays
//! ([`Pace::AsTold`]): then all of it is decided as it was. Of other pasts nobody
//! knows these things:
//! - Nobody answers: no snooze, mute, pause or "done". All is sent at the instant
//!   at which it is decided; no vendor is slow or down.
//! - No manager is asked what `escalate` would ask: live, the question takes a place
//!   in the manager's digest.
//! - Everybody can be reached in chat. Live, the first nudge of somebody whom
//!   nobody looked up yet waits some seconds.
//! - The record of a new deal is read at the instant at which it is first heard
//!   of, and says what the changes of that instant say. Live reads what the CRM
//!   says: a field it leaves blank is Empty there, and Unknown here.
//! - Texts are only written for examples: one that cannot be written is sent here.
//! - Live decides at most 200 nudges of one reader in one go.
//! - The first baseline is that of the midnight before the first change, and counts
//!   at once, as after a first read. Rules about people look from the first change
//!   on, at everybody who owns a deal or leads somebody.
//! - Live looks at every deal each midnight. Here only the first of these looks is
//!   taken, which begins to trust a new deal's activities; the later ones change
//!   nothing.
//! - The account (stages, owners, zones), and where activities are trusted, is that
//!   of the end, not of the day. Live, a deal whose owner the account does not have
//!   waits until the account was read again.

mod baselining;
mod compare;
mod deals;
mod deciding;
mod examples;
mod nights;
mod people;
mod player;
mod portfolios;
mod record;
mod report;
mod saving;
mod speaking;
mod spread;
mod tally;
#[cfg(test)]
mod tests;
mod told;
mod watching;

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::attention::{AttentionClass, Policy, SendAs, Why};
use crate::calendar::Calendar;
use crate::engine::Firing;
use crate::facts::{Managers, Metadata};
use crate::portfolio::Target;
use crate::ruleset::RuleSet;
use crate::time::UnixMs;

pub use compare::{Comparison, Differing, Lockstep, RuleChange, Verdict};
pub use examples::{EXAMPLES_MAX, Example};
pub use player::Player;
pub use report::{
    Attention, Concentration, Lacking, LeadTime, LostDeals, Partly, PerWeek, Report, RuleReport,
    SelfCorrected, Share, VERSION,
};
pub use tally::{LATE_DAYS, WINDOW_DAYS};

/// Deals whose state is held ready. The others are kept as compact text and read
/// again when something happens to them.
pub const AWAKE_MAX: usize = 20_000;
/// A deal closed for longer than this is forgotten when memory is short. What is
/// told of it afterwards is taken as the beginning of a deal's past.
pub const LET_GO_DAYS: i64 = 180;

/// All that a back-test depends on besides the changes.
#[derive(Copy, Clone, Debug)]
pub struct Setup<'a> {
    /// The rules, as if they had been on from the first change.
    pub rules: &'a RuleSet,
    /// The account the deals are in.
    pub metadata: &'a Metadata,
    /// The people beside it.
    pub crew: &'a Crew,
    /// The ceilings of attention; `sending` says who is sent anything.
    pub policy: &'a Policy,
    /// Where activity facts are believed: not where a past tells of none.
    pub trust: Trust<'a>,
    /// How long things take around the rules.
    pub pace: Pace,
    /// Firings before this instant are played, but not counted.
    pub since: UnixMs,
    /// The past is played until just before this instant.
    pub until: UnixMs,
    /// The past's times were derived, not recorded.
    pub estimated: bool,
}

/// How long things take around the rules.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Pace {
    /// No time: a record is read when its deal is first heard of, attention looks
    /// when something is due, and what it sends leaves.
    AtOnce,
    /// As long as they took. Records are told ([`Player::record`]), timers, nightly
    /// looks and attention come with [`Player::tick`], and messages leave with
    /// [`Player::leave`].
    AsTold {
        /// How long changes of a deal never read waited for its record.
        hydrate_deadline_ms: i64,
    },
}

/// In which pipelines activity facts are believed.
#[derive(Copy, Clone, Debug)]
pub enum Trust<'a> {
    /// In none: rules that rest on activities decide nothing.
    Nowhere,
    /// In all.
    Everywhere,
    /// In those with these ids.
    In(&'a [String]),
}

impl Trust<'_> {
    fn covers(self, pipeline: Option<&str>) -> bool {
        match self {
            Trust::Nowhere => false,
            // As live, which does not know the pipeline before it read the record.
            Trust::Everywhere => pipeline.is_some(),
            Trust::In(trusted) => {
                trusted.iter().any(|trusted| trusted == pipeline.unwrap_or_default())
            }
        }
    }
}

/// The people of a company, beside what its CRM account says.
#[derive(Clone, Debug)]
pub struct Crew {
    /// Who leads whom.
    pub managers: Managers,
    /// The calendar of everybody who is not in `calendars`.
    pub calendar: Calendar,
    /// Calendars of single people, by e-mail, lower case.
    pub calendars: BTreeMap<String, Calendar>,
    /// What else is said of single people, by e-mail, lower case.
    pub members: BTreeMap<String, Member>,
}

/// What is said of one person beside their deals.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
pub struct Member {
    /// What they are to win.
    pub target: Option<Target>,
    /// Since when they lead others.
    pub manager_since: Option<Date>,
}

/// A firing as it is told to an [`Observer`].
#[derive(Copy, Clone, Debug)]
pub struct Fired<'a> {
    /// The firing.
    pub firing: &'a Firing,
    /// The deal's name, or its id; empty for a firing about a person.
    pub deal_name: &'a str,
    /// Who it speaks to, by e-mail; `None` when nobody is known.
    pub reader: Option<&'a str>,
    /// Whether it lies in the period that is reported on.
    pub counted: bool,
}

/// What became of a nudge at one instant.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// To be sent in this form. It has not left yet: see [`Pace::AsTold`].
    Leaving(SendAs),
    /// Sent, in this form.
    Sent(SendAs),
    /// Kept for the deal's card.
    Kept,
    /// Looked at again later.
    Deferred {
        /// When.
        until: UnixMs,
        /// The class it has from then on.
        class: AttentionClass,
        /// What it waits for.
        why: Why,
    },
    /// Never sent, with the ledger's word.
    NotSent(&'static str),
}

/// Hears of everything a [`Player`] decides, in order.
pub trait Observer {
    /// A rule spoke.
    fn fired(&mut self, fired: Fired<'_>) {
        let _ = fired;
    }

    /// Something was decided about the nudge of a firing.
    fn decided(&mut self, firing: &Firing, at: UnixMs, fate: Fate) {
        let _ = (firing, at, fate);
    }
}

/// Hears nothing.
impl Observer for () {}
