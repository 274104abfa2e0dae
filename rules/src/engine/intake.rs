//! Taking changes and records in, and letting event rules look at each change
//! that is live.

use crate::condition::Truth;
use crate::facts::author::changed_by;
use crate::facts::deal::WAITING_MAX;
use crate::facts::diff::{Step, diff};
use crate::facts::event::events;
use crate::facts::fold::{Effect, fold};
use crate::facts::{
    Actor, ActorKind, Change, ChangeKind, ChangeView, ChangedBy, DealState, Fact, Field, Hydration,
    Observation, Origin, Value,
};
use crate::time::UnixMs;

use super::episodes::{self, Seeding};
use super::firing::Cause;
use super::rule_truth::Look;
use super::thresholds::against;
use super::{AppliedChange, Firing, Outcome, World, timers};

/// Takes the changes of one save in, or lets them wait for the record of a deal
/// never read, or of one that moves to a stage nobody knows yet: what a move means
/// cannot be said before the account was read again. Those of another deal are left
/// alone.
pub(super) fn changes(
    state: &mut DealState,
    changes: &[Change],
    now: UnixMs,
    world: &World<'_>,
    outcome: &mut Outcome,
) {
    let key = state.facts.key.clone();
    let own = || changes.iter().filter(|change| change.deal == key);
    if own().next().is_none() {
        return;
    }
    state.last_engine_at = Some(now);
    state.told_at = state.told_at.max(Some(now));
    if !state.is_ready() || own().any(|change| names_new_stage(change, world)) {
        own().for_each(|change| wait(state, change, now));
        if state.waiting.len() > WAITING_MAX {
            give_up_waiting(state, now, world, outcome);
        }
        state.next_due = timers::next_due(state, world);
        return;
    }
    let step = |change: &Change| Step { change: change.clone(), live: true, undated: false };
    let before = outcome.applied.len();
    match changes {
        [one] => apply(state, std::slice::from_ref(&step(one)), now, world, outcome),
        _ => apply(state, &own().map(step).collect::<Vec<_>>(), now, world, outcome),
    }
    // A change that said nothing new moves no rule: a doubled delivery costs
    // no second look.
    if outcome.applied.len() > before {
        // Nor is what Touchline itself writes a reason to speak: what it makes
        // true is taken without a word.
        let is_ours = own().all(|change| change.actor.kind == ActorKind::Touchline);
        let seeding = if is_ours { Seeding::All } else { Seeding::Unknown };
        episodes::evaluate(state, now, seeding, world, outcome);
    }
    state.next_due = timers::next_due(state, world);
}

fn names_new_stage(change: &Change, world: &World<'_>) -> bool {
    match &change.kind {
        ChangeKind::FieldSet { field: Field::Stage, to: Fact::Known(Value::Text(id)) } => {
            world.metadata.stage(None, id).is_none()
        }
        _ => false,
    }
}

fn wait(state: &mut DealState, change: &Change, now: UnixMs) {
    let occurred_at = change.occurred_at;
    state.hydration = match state.hydration {
        Hydration::Waiting { since, earliest } => {
            Hydration::Waiting { since, earliest: earliest.min(occurred_at) }
        }
        Hydration::Overdue { earliest } => {
            Hydration::Waiting { since: now, earliest: earliest.min(occurred_at) }
        }
        Hydration::Unseen | Hydration::Done => {
            Hydration::Waiting { since: now, earliest: occurred_at }
        }
    };
    let same = |held: &Change| {
        let order = |one: &Change| (one.occurred_at, one.vendor_seq);
        held.kind == change.kind && order(held) == order(change)
    };
    if !state.waiting.iter().any(same) {
        state.waiting.push(change.clone());
    }
}

/// The record did not come in time: the waiting changes are taken with what is
/// known, and the rest stays Unknown.
pub(super) fn give_up_waiting(
    state: &mut DealState,
    now: UnixMs,
    world: &World<'_>,
    outcome: &mut Outcome,
) {
    let Hydration::Waiting { earliest, .. } = state.hydration else { return };
    state.last_engine_at = Some(now);
    state.hydration = Hydration::Overdue { earliest };
    let waiting = std::mem::take(&mut state.waiting);
    let blank = Observation {
        deal: state.facts.key.clone(),
        origin: Origin::Hydrate,
        observed_at: now,
        fields: Vec::new(),
        history: Vec::new(),
        activities: None,
        gone: false,
        url: None,
    };
    let steps = diff(&state.facts, &blank, waiting, Some(earliest), false);
    apply_saves(state, &steps, now, world, outcome);
    episodes::evaluate(state, now, Seeding::Unknown, world, outcome);
}

/// Takes a record in, with the changes that waited for it.
pub(super) fn observation(
    state: &mut DealState,
    observation: &Observation,
    now: UnixMs,
    world: &World<'_>,
    outcome: &mut Outcome,
) {
    state.last_engine_at = Some(now);
    state.told_at = state.told_at.max(Some(observation.observed_at));
    let earliest = match state.hydration {
        Hydration::Waiting { earliest, .. } | Hydration::Overdue { earliest } => Some(earliest),
        Hydration::Unseen | Hydration::Done => None,
    };
    let seen = state.hydration == Hydration::Done;
    let waiting = std::mem::take(&mut state.waiting);
    if observation.url.is_some() {
        state.facts.url.clone_from(&observation.url);
    }
    let steps = diff(&state.facts, observation, waiting, earliest, seen);
    state.hydration = Hydration::Done;
    // Activities that are events of their own must still be new when their
    // turn comes; all others are facts that rules may already read.
    if let Some(list) = &observation.activities {
        let mut rest = list.clone();
        rest.retain(|one| {
            !steps.iter().any(|step| match &step.change.kind {
                ChangeKind::Activity(live) => live.id == one.id && live.kind == one.kind,
                _ => false,
            })
        });
        state.facts.activities.replace(&rest, observation.observed_at);
    }
    apply_saves(state, &steps, now, world, outcome);
    if let Some(list) = &observation.activities {
        state.facts.activities.replace(list, observation.observed_at);
    }
    note_existence(state, observation);
    // A past that is read once more, for facts that are newly mapped, says nothing
    // new either.
    let is_past = matches!(observation.origin, Origin::Backfill | Origin::Import);
    let seeding = if seen && is_past { Seeding::All } else { Seeding::Unknown };
    episodes::evaluate(state, now, seeding, world, outcome);
    state.next_due = timers::next_due(state, world);
}

/// A record that was read is a word on whether the deal exists, like a deletion
/// that was told.
fn note_existence(state: &mut DealState, observation: &Observation) {
    let kind = if observation.gone { ChangeKind::Deleted } else { ChangeKind::Restored };
    let change = Change {
        deal: observation.deal.clone(),
        kind,
        occurred_at: observation.observed_at,
        actor: Actor::default(),
        vendor_id: None,
        vendor_seq: 0,
    };
    fold(&mut state.facts, &change, false);
}

/// Folds changes in save by save: what is of one instant belongs together.
fn apply_saves(
    state: &mut DealState,
    steps: &[Step],
    now: UnixMs,
    world: &World<'_>,
    outcome: &mut Outcome,
) {
    for save in steps.chunk_by(|a, b| a.change.occurred_at == b.change.occurred_at) {
        apply(state, save, now, world, outcome);
    }
}

/// What event rules have yet to look at.
struct News<'a> {
    change: &'a Change,
    effect: Effect,
    by: ChangedBy,
    late: bool,
}

/// Folds the changes of one save in, then lets event rules look at those that are
/// live.
fn apply(
    state: &mut DealState,
    save: &[Step],
    now: UnixMs,
    world: &World<'_>,
    outcome: &mut Outcome,
) {
    if let [one] = save {
        // Nearly always it is one, for which nothing has to be put aside.
        if let Some(news) = take_in(state, one, now, world, outcome) {
            tell_events(state, &news, now, world, outcome);
        }
        return;
    }
    let mut all = Vec::with_capacity(save.len());
    for step in save {
        all.extend(take_in(state, step, now, world, outcome));
    }
    for news in &all {
        tell_events(state, news, now, world, outcome);
    }
}

/// Folds one change in; answers what event rules have to look at.
fn take_in<'s>(
    state: &mut DealState,
    step: &'s Step,
    now: UnixMs,
    world: &World<'_>,
    outcome: &mut Outcome,
) -> Option<News<'s>> {
    let Step { change, live, undated } = step;
    let effect = fold(&mut state.facts, change, *undated);
    let (moved, from, late) = match &effect {
        Effect::None => return None,
        Effect::Moved(moved) => (Some(moved.field), moved.from.clone(), moved.late),
        _ => (None, Fact::Unknown, false),
    };
    let by = if *live { author(change, &from, state, world) } else { ChangedBy::Unknown };
    outcome.applied.push(AppliedChange {
        kind: change.kind.clone(),
        from,
        moved,
        occurred_at: change.occurred_at,
        vendor_seq: change.vendor_seq,
        vendor_id: change.vendor_id.clone(),
        actor: change.actor.clone(),
        by,
        engine_at: now,
        history: !live,
        late,
    });
    if !live {
        return None;
    }
    let is_news = now.since_ms(change.occurred_at) <= world.live_max_age_ms;
    if effect == Effect::Created && is_news {
        episodes::begin(state, world);
    }
    // What Touchline itself writes is no reason to speak.
    let speaks = change.actor.kind != ActorKind::Touchline;
    speaks.then_some(News { change, effect, by, late })
}

fn tell_events(
    state: &mut DealState,
    news: &News<'_>,
    now: UnixMs,
    world: &World<'_>,
    outcome: &mut Outcome,
) {
    let News { change, effect, by, late } = news;
    for view in events(change, effect, *by, &state.facts, world.metadata) {
        let firings = event_firings(state, &view, *late, now, world);
        let into = if *late { &mut outcome.late } else { &mut outcome.firings };
        into.extend(firings);
    }
}

/// Who made a change, as seen from the deal after it. Who gives a deal away is
/// its owner too.
fn author(change: &Change, from: &Fact<Value>, state: &DealState, world: &World<'_>) -> ChangedBy {
    let mut owners: Vec<&str> = state.facts.text(Field::Owner).into_iter().collect();
    if let (ChangeKind::FieldSet { field: Field::Owner, .. }, Fact::Known(Value::Text(before))) =
        (&change.kind, from)
    {
        owners.push(before);
    }
    changed_by(&change.actor, &owners, world.metadata, world.managers)
}

fn event_firings(
    state: &mut DealState,
    view: &ChangeView,
    late: bool,
    now: UnixMs,
    world: &World<'_>,
) -> Vec<Firing> {
    let DealState { facts, rules, .. } = state;
    let candidates = world.rules.candidates(view.event, facts.text(Field::Stage));
    if candidates.is_empty() {
        return Vec::new();
    }
    let mut look = Look::at(facts, now, world).with_change(view, facts);
    let mut firings = Vec::new();
    for rule in candidates {
        let fired_at = rules.get(&rule.id).and_then(|memory| memory.fired_at);
        let terms = look.terms(rule);
        let cool = terms.cooldown.zip(fired_at);
        let cooling =
            cool.is_some_and(|(cooldown, fired)| cooldown.after(fired, world.calendar) > now);
        let held = against(rule, None, &look);
        if cooling || look.truth(rule, held) != Truth::True {
            continue;
        }
        if !late {
            let memory = rules.entry(rule.id.clone()).or_default();
            terms.trigger.clone_into(&mut memory.trigger);
            memory.fired_at = Some(now);
        }
        firings.push(Firing::new(rule, &facts.key, Cause::Change(view), held, &mut look));
    }
    firings
}
