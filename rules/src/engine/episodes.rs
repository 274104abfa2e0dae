//! State rules: an episode opens when a rule becomes true of a deal, speaks
//! once and perhaps again, and ends when the rule is no longer true.

use std::collections::{BTreeMap, BTreeSet};

use crate::condition::Truth;
use crate::facts::deal::{Episode, RuleMemory};
use crate::facts::{DealKey, DealState};
use crate::ruleset::{Period, Rule, Scope};
use crate::time::UnixMs;

use super::firing::Cause;
use super::rule_truth::{Look, reads_activities};
use super::terms::Whose;
use super::thresholds::{self, against};
use super::{EndCause, EpisodeEnd, Firing, Outcome, World};

/// Which rules take what is true now without speaking.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Seeding<'a> {
    /// Those whose truth was never known.
    Unknown,
    /// All of them.
    All,
    /// As [`Seeding::Unknown`]; these rules do not look at all.
    Without(&'a Fresh),
    /// These alone look, and all of them take it so.
    Only(&'a Fresh),
}

impl Seeding<'_> {
    fn leaves_out(self, rule: &Rule) -> bool {
        match self {
            Seeding::Unknown | Seeding::All => false,
            Seeding::Without(fresh) => fresh.0.contains(&rule.id),
            Seeding::Only(fresh) => !fresh.0.contains(&rule.id),
        }
    }

    fn takes_all(self) -> bool {
        matches!(self, Seeding::All | Seeding::Only(_))
    }
}

/// The state rules that are new to a subject in this step, or begin anew there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fresh(BTreeSet<String>);

/// Brings what is remembered in line with the rules that are on: a rule that is
/// gone or decides differently ends its episode, and starts unknown. Answers
/// which rules did.
pub(super) fn adopt(
    state: &mut DealState,
    now: UnixMs,
    world: &World<'_>,
    outcome: &mut Outcome,
) -> Fresh {
    if state.rule_set == world.rules.hash() {
        return Fresh::default();
    }
    world.rules.hash().clone_into(&mut state.rule_set);
    let whose = Whose::deal(&state.facts, world);
    let fresh = adopt_rules(&mut state.rules, Scope::Deal, &whose, now, world, outcome);
    state.next_due = super::timers::next_due(state, world);
    fresh
}

/// The same for what is remembered of a subject of this kind.
pub(super) fn adopt_rules(
    rules: &mut BTreeMap<String, RuleMemory>,
    scope: Scope,
    whose: &Whose,
    now: UnixMs,
    world: &World<'_>,
    outcome: &mut Outcome,
) -> Fresh {
    let looking = world.rules.looking_at(scope);
    let new = looking.filter(|rule| !rules.contains_key(&rule.id)).map(|rule| rule.id.clone());
    let mut fresh: BTreeSet<String> = new.collect();
    rules.retain(|id, memory| {
        let rule = world.rules.rule(id).filter(|rule| rule.scope == scope);
        if rule.is_some_and(|rule| whose.fits(rule, &memory.trigger)) {
            return true;
        }
        fresh.insert(id.clone());
        end(id, memory, now, EndCause::RuleChanged, outcome);
        (memory.truth, memory.held) = (None, None);
        if let Some(rule) = rule {
            whose.terms(rule).trigger.clone_into(&mut memory.trigger);
        }
        rule.is_some()
    });
    Fresh(fresh)
}

/// Rules that are new to a deal take it as it is at `now`: what was before they
/// came is nothing to them, and what is true now they take without speaking.
pub(super) fn begin_fresh(
    state: &mut DealState,
    now: UnixMs,
    fresh: &Fresh,
    world: &World<'_>,
    outcome: &mut Outcome,
) {
    if !fresh.0.is_empty() && state.is_ready() {
        state.last_engine_at = Some(now);
        evaluate(state, now, Seeding::Only(fresh), world, outcome);
        state.next_due = super::timers::next_due(state, world);
    }
}

/// A deal whose creation was seen as it happened: its state rules start out
/// false, so that what becomes true from here on speaks.
pub(super) fn begin(state: &mut DealState, world: &World<'_>) {
    state.activity_trusted = world.activity_trusted;
    for rule in world.rules.state_rules() {
        let memory = memory_of(state, rule);
        memory.truth.get_or_insert(false);
    }
}

fn memory_of<'s>(state: &'s mut DealState, rule: &Rule) -> &'s mut RuleMemory {
    let new = || RuleMemory { trigger: rule.trigger_hash.clone(), ..RuleMemory::default() };
    state.rules.entry(rule.id.clone()).or_insert_with(new)
}

/// Looks at every state rule at `now`.
pub(super) fn evaluate(
    state: &mut DealState,
    now: UnixMs,
    seeding: Seeding<'_>,
    world: &World<'_>,
    outcome: &mut Outcome,
) {
    let trust_gained = world.activity_trusted && !state.activity_trusted;
    // The others have yet to take note of it.
    if !matches!(seeding, Seeding::Only(_)) {
        state.activity_trusted = world.activity_trusted;
    }
    for rule in world.rules.state_rules() {
        // Nearly always it is there: a look costs less than two names.
        if !state.rules.contains_key(&rule.id) {
            memory_of(state, rule);
        }
    }
    let DealState { facts, rules, .. } = state;
    let mut look = Look::at(facts, now, world);
    for rule in world.rules.state_rules() {
        let Some(memory) = rules.get_mut(&rule.id) else { continue };
        look_at(rule, memory, &facts.key, seeding, trust_gained, &mut look, outcome);
    }
}

/// Looks at one state rule of one subject.
pub(super) fn look_at(
    rule: &Rule,
    memory: &mut RuleMemory,
    subject: &DealKey,
    seeding: Seeding<'_>,
    trust_gained: bool,
    look: &mut Look<'_>,
    outcome: &mut Outcome,
) {
    let (now, world) = (look.now, look.world());
    if seeding.leaves_out(rule) {
        return;
    }
    if !rule.standing.reach.is_everybody() && !is_among(rule, memory, look, outcome) {
        return;
    }
    let seeds = seeding.takes_all() || (trust_gained && reads_activities(rule));
    let mut measured = thresholds::measure(rule, memory, look);
    let mut truth = look.truth(rule, against(rule, Some(memory), look));
    turn(rule, memory, truth, seeds || measured.seeds, look, outcome);
    // An episode that kept its threshold may have ended.
    measured = thresholds::measure(rule, memory, look);
    if measured.anew {
        truth = look.truth(rule, against(rule, Some(memory), look));
        turn(rule, memory, truth, seeds || measured.seeds, look, outcome);
    }
    let due = fire_at(rule, look.terms(rule).cooldown, memory, world)
        .filter(|due| truth == Truth::True && *due <= now);
    let held = against(rule, Some(memory), look);
    if due.is_some()
        && let Some(episode) = &mut memory.episode
    {
        let repeat = u32::try_from(episode.firings.len()).unwrap_or(u32::MAX);
        let cause = Cause::Episode { start: episode.start, repeat };
        let firing = Firing::new(rule, subject, cause, held, look);
        episode.firings.push(firing.id.clone());
        memory.fired_at = Some(now);
        outcome.firings.push(firing);
    }
}

/// Whether a rule that is not for everybody looks at this deal. One that has come
/// to another owner begins anew: what is true of it then was true before.
fn is_among(rule: &Rule, memory: &mut RuleMemory, look: &Look<'_>, outcome: &mut Outcome) -> bool {
    let covers = look.covers(rule) != Truth::False;
    if !covers || !look.fits(rule, &memory.trigger) {
        let cause = if covers { EndCause::RuleChanged } else { EndCause::NoLongerTrue };
        end(&rule.id, memory, look.now, cause, outcome);
        (memory.truth, memory.held) = (None, None);
        look.terms(rule).trigger.clone_into(&mut memory.trigger);
    }
    covers
}

/// Opens, keeps or ends the episode.
fn turn(
    rule: &Rule,
    memory: &mut RuleMemory,
    truth: Truth,
    seeds: bool,
    look: &Look<'_>,
    outcome: &mut Outcome,
) {
    match (memory.truth, truth) {
        // Unknown keeps the last known truth.
        (_, Truth::Unknown) | (Some(true), Truth::True) => {}
        (known, Truth::True) => {
            let seeded = seeds || known.is_none();
            memory.truth = Some(true);
            memory.episode = Some(Episode { start: look.now, seeded, firings: Vec::new() });
        }
        (_, Truth::False) => {
            memory.truth = Some(false);
            let cause = match look.applies(rule) {
                Truth::False if look.gone => EndCause::DealGone,
                Truth::False => EndCause::StageKind,
                _ => EndCause::NoLongerTrue,
            };
            end(&rule.id, memory, look.now, cause, outcome);
        }
    }
}

fn end(rule_id: &str, memory: &mut RuleMemory, at: UnixMs, cause: EndCause, outcome: &mut Outcome) {
    if let Some(Episode { firings, .. }) = memory.episode.take()
        && !firings.is_empty()
    {
        let rule_id = rule_id.to_owned();
        outcome.ended.push(EpisodeEnd { rule_id, firing_ids: firings, at, cause });
    }
}

/// When the open episode speaks next, whether or not that has passed.
pub(super) fn fire_at(
    rule: &Rule,
    cooldown: Option<Period>,
    memory: &RuleMemory,
    world: &World<'_>,
) -> Option<UnixMs> {
    let episode = memory.episode.as_ref().filter(|episode| !episode.seeded)?;
    let spoken = u32::try_from(episode.firings.len()).unwrap_or(u32::MAX);
    if spoken == 0 {
        let cool = cooldown.zip(memory.fired_at);
        let cool = cool.map(|(cooldown, fired)| cooldown.after(fired, world.calendar));
        return Some(cool.map_or(episode.start, |cool| cool.max(episode.start)));
    }
    let repeat = rule.repeat.filter(|repeat| spoken <= repeat.max)?;
    Some(repeat.every.after(memory.fired_at?, world.calendar))
}
