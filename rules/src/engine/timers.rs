//! What happens by time alone, each thing at its own instant.

use crate::facts::schema::activity_known;
use crate::facts::{DealState, Hydration};
use crate::time::UnixMs;

use super::episodes::{self, Fresh, Seeding};
use super::rule_truth::Look;
use super::thresholds::against;
use super::{Outcome, World, intake};

/// How many instants one step works through. A timer that finds more is due
/// again at once.
pub(super) const INSTANTS_MAX: usize = 4_096;

/// Works through the instants due at or before `until`, in order. Rules in
/// `fresh` were not there then.
pub(super) fn run_due(
    state: &mut DealState,
    until: UnixMs,
    fresh: &Fresh,
    world: &World<'_>,
    outcome: &mut Outcome,
) {
    for _ in 0..INSTANTS_MAX {
        let Some(due) = state.next_due.filter(|due| *due <= until) else { return };
        if state.is_ready() {
            state.last_engine_at = Some(due);
            episodes::evaluate(state, due, Seeding::Without(fresh), world, outcome);
        } else {
            intake::give_up_waiting(state, due, world, outcome);
        }
        state.next_due = next_due(state, world);
    }
}

/// The next instant after the deal's engine time at which something can happen
/// with no new event: a rule's truth or a fact changes, a reminder is due, or
/// waiting for the record ends.
pub(super) fn next_due(state: &DealState, world: &World<'_>) -> Option<UnixMs> {
    if let Hydration::Waiting { since, .. } = state.hydration {
        return Some(since.plus_ms(world.hydrate_deadline_ms.max(0)));
    }
    let from = state.last_engine_at.filter(|_| state.is_ready())?;
    let mut look = Look::at(&state.facts, from, world);
    if look.gone {
        return None;
    }
    let known = activity_known(&state.facts, world.activity_trusted);
    let mut next = state.facts.activities.next_change(from).filter(|_| known);
    for rule in world.rules.state_rules() {
        let memory = state.rules.get(&rule.id);
        let cooldown = look.terms(rule).cooldown;
        let speaks = memory.and_then(|memory| episodes::fire_at(rule, cooldown, memory, world));
        let held = against(rule, memory, &look);
        let instants = look.next_flip(rule, held).into_iter().chain(speaks);
        next = next.into_iter().chain(instants.filter(|at| *at > from)).min();
    }
    next
}
