//! The engine: from the facts of a deal and a change or a timer to firings.
//!
//! [`step`] is the only way in. Live traffic, rule tests and the playing of a
//! history call it alike, so each decides exactly what live would have.
//!
//! # Order of things in a step
//! 1. A changed rule set is taken over; what it no longer says ends. Rules that
//!    are new to the deal look at it as it is at the step, and never at what was.
//! 2. Timers due at or before the step fire, each at its own instant.
//! 3. The change or record is folded into the facts, and event rules look at
//!    each live change.
//! 4. State rules look at the facts once.
//! 5. The next instant is worked out at which time alone can change anything.

pub mod context;
mod episodes;
mod explain;
pub mod firing;
mod intake;
mod person;
mod reading;
mod rule_truth;
mod terms;
mod thresholds;
mod timers;

#[cfg(test)]
pub(crate) mod tests;

use serde::{Deserialize, Serialize};

pub use context::{person_context, template_context};
pub use explain::{
    Holds, as_of, explain_change, explain_rule, inactive, outcome_met, present, reason_holds,
    threshold_of,
};
pub use firing::{Firing, delivery_id, nudge_id};
pub use person::{
    PersonState, explain_person, inactive_on_person, person_reason_holds, step_person,
};
pub use reading::{Reading, person_reading, reading};

use crate::baseline::Baselines;
use crate::calendar::Calendar;
use crate::facts::{
    Actor, Change, ChangeKind, ChangeView, ChangedBy, DealState, EventKind, Fact, Field, Hydration,
    Managers, Metadata, Observation, Value,
};
use crate::ruleset::RuleSet;
use crate::time::UnixMs;
use episodes::Seeding;

/// [`World::live_max_age_ms`] as shipped: as long as an event is news to its reader.
pub const LIVE_MAX_AGE_MS: i64 = crate::attention::EVENT_MAX_AGE_MS;

/// All that a step depends on besides the deal.
#[derive(Copy, Clone, Debug)]
pub struct World<'a> {
    /// The rules that are on.
    pub rules: &'a RuleSet,
    /// The account the deal is in.
    pub metadata: &'a Metadata,
    /// The owner's zone, working days and holidays.
    pub calendar: &'a Calendar,
    /// Whether activity facts of the deal's pipeline can be trusted.
    pub activity_trusted: bool,
    /// How long changes wait for the record of a deal never read.
    pub hydrate_deadline_ms: i64,
    /// Who leads whom, for telling who made an edit. Edits by a manager are not
    /// recognised where nobody is in here.
    pub managers: &'a Managers,
    /// How old the creation of a deal may be, at its engine time, to count as
    /// happening now. An older one is history told late, as when a past is
    /// replayed: what state rules find true then is taken without speaking.
    pub live_max_age_ms: i64,
    /// What was usual among the account's won deals, for thresholds that rest on
    /// it.
    pub baselines: &'a Baselines,
}

/// What happened.
#[derive(Copy, Clone, Debug)]
pub enum Stimulus<'a> {
    /// One change, from a webhook or a stream.
    Change(&'a Change),
    /// Changes that came with one save: one deal, one instant. They are all taken
    /// in before any rule looks, so no rule sees a deal that nobody ever saw.
    Save(&'a [Change]),
    /// A record was read.
    Observation(&'a Observation),
    /// Nothing but time.
    Timer,
    /// Rules, calendar, metadata or the trust in activities changed: state
    /// rules are looked at anew, and nothing that is true now fires for it.
    Reseed,
}

/// What a step decided.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Reasons to speak, in order.
    pub firings: Vec<Firing>,
    /// Firings that a change came too late for; recorded, never sent.
    pub late: Vec<Firing>,
    /// Episodes that ended after they had spoken: their reason is gone.
    pub ended: Vec<EpisodeEnd>,
    /// Changes that were new, for the table of changes.
    pub applied: Vec<AppliedChange>,
    /// The record has to be read: the deal was never read, or is overdue.
    pub needs_fetch: bool,
    /// The deal names a stage or an owner that the metadata does not have.
    pub needs_metadata: bool,
    /// The next instant to call with [`Stimulus::Timer`].
    pub next_due: Option<UnixMs>,
}

/// An episode that ended after it had spoken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpisodeEnd {
    /// The rule.
    pub rule_id: String,
    /// The firings of the episode.
    pub firing_ids: Vec<String>,
    /// When it ended.
    pub at: UnixMs,
    /// Why.
    pub cause: EndCause,
}

/// Why an episode ended.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndCause {
    /// The condition no longer holds.
    NoLongerTrue,
    /// The deal is closed, or for a rule about closed deals open again.
    StageKind,
    /// The deal was deleted or merged.
    DealGone,
    /// The rule was changed or taken away.
    RuleChanged,
}

/// A change that was new, as the table of changes keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedChange {
    /// The change as it was told.
    pub kind: ChangeKind,
    /// The value before, for a field that moved.
    pub from: Fact<Value>,
    /// The field that moved; `None` for a value at creation, a repeated value,
    /// and changes of no field.
    pub moved: Option<Field>,
    /// When it happened, by the vendor's clock.
    pub occurred_at: UnixMs,
    /// The vendor's ordering number.
    pub vendor_seq: i64,
    /// The vendor's event id.
    pub vendor_id: Option<String>,
    /// Who or what made it, as the vendor says.
    pub actor: Actor,
    /// Who made it, as seen from the deal; not worked out for history.
    #[serde(default, skip_serializing_if = "ChangedBy::is_unknown")]
    pub by: ChangedBy,
    /// The engine time at which it was folded in.
    pub engine_at: UnixMs,
    /// History never fires.
    pub history: bool,
    /// A newer value of the field was already known.
    pub late: bool,
}

impl AppliedChange {
    /// The view of this change that rules waiting for `event` read, if it is
    /// such an event.
    #[must_use]
    pub fn view(&self, event: EventKind) -> Option<ChangeView> {
        let (field, to) = match &self.kind {
            ChangeKind::FieldSet { field, to } if self.moved == Some(*field) => (*field, to),
            _ => return None,
        };
        let fits = match event {
            EventKind::FieldChanged(wanted) => wanted == field,
            EventKind::StageChanged | EventKind::Closed | EventKind::Reopened => {
                field == Field::Stage
            }
            EventKind::Created | EventKind::ActivityLogged => false,
        };
        fits.then(|| ChangeView {
            event,
            field: Some(field),
            from: self.from.clone(),
            to: to.clone(),
            activity: None,
            activity_id: None,
            occurred_at: self.occurred_at,
            vendor_seq: self.vendor_seq,
            vendor_id: self.vendor_id.clone(),
            actor: self.actor.clone(),
            by: self.by,
        })
    }
}

/// Decides what `stimulus` means for one deal, and changes its state.
///
/// Engine time is the later of `received_at` and the deal's last engine time.
/// The same stimulus again changes nothing and fires nothing; a stimulus of
/// another deal is ignored. After a crash the same steps on the same state make
/// the same ids.
pub fn step(
    state: &mut DealState,
    stimulus: Stimulus<'_>,
    received_at: UnixMs,
    world: &World<'_>,
) -> Outcome {
    let mut outcome = Outcome::default();
    // Saturates: an instant that no calendar can show would stop its arithmetic.
    let received_at = received_at.plus_ms(0);
    let now = state.last_engine_at.map_or(received_at, |last| last.max(received_at));
    let fresh = episodes::adopt(state, now, world, &mut outcome);
    timers::run_due(state, now, &fresh, world, &mut outcome);
    episodes::begin_fresh(state, now, &fresh, world, &mut outcome);
    match stimulus {
        Stimulus::Timer => {}
        Stimulus::Change(change) => {
            intake::changes(state, std::slice::from_ref(change), now, world, &mut outcome);
        }
        Stimulus::Save(changes) => {
            intake::changes(state, changes, now, world, &mut outcome);
        }
        Stimulus::Observation(observation) if observation.deal == state.facts.key => {
            intake::observation(state, observation, now, world, &mut outcome);
        }
        Stimulus::Observation(_) => {}
        Stimulus::Reseed => {
            state.last_engine_at = Some(now);
            if state.is_ready() {
                episodes::evaluate(state, now, Seeding::All, world, &mut outcome);
            }
            state.next_due = timers::next_due(state, world);
        }
    }
    let told = !matches!(stimulus, Stimulus::Timer | Stimulus::Reseed);
    outcome.needs_fetch = match state.hydration {
        Hydration::Waiting { .. } => true,
        Hydration::Overdue { .. } => told,
        Hydration::Unseen | Hydration::Done => false,
    };
    outcome.needs_metadata = state.facts.outgrew(world.metadata);
    outcome.next_due = state.next_due;
    outcome
}
