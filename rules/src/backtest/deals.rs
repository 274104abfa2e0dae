//! The deals of a back-test, within bounded memory.
//!
//! Of a deal's rule memories nearly all say "not true". They are not kept deal by
//! deal: one full set is lent to the deal that is stepped, and what differs from
//! it afterwards is noted down. Of deals that nothing happened to for a while
//! the state is kept as text.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::facts::deal::{self, Episode, RuleMemory};
use crate::facts::{DealKey, DealState};
use crate::ruleset::{RuleSet, Trigger};
use crate::time::{DAY_MS, UnixMs};

use super::people::PersonId;
use super::record::Record;
use super::{AWAKE_MAX, LET_GO_DAYS};

/// A deal, by its place.
pub(super) type DealId = u32;

/// What one rule remembers of one deal, where that is not "not true".
struct Remembered {
    /// Its place among the rules, sorted by id.
    rule: u32,
    truth: Option<bool>,
    fired_at: Option<UnixMs>,
    episode: Option<Box<Episode>>,
    held: Option<Box<deal::Held>>,
}

enum Held {
    Awake(Box<DealState>),
    Asleep(Box<[u8]>),
    /// Lent out, or let go.
    Gone,
}

struct Slot {
    held: Held,
    remembered: Vec<Remembered>,
    /// Never stepped: no rule's truth is known.
    is_fresh: bool,
    /// Something happened since the hand last passed by.
    is_used: bool,
    due: Option<UnixMs>,
    record: Record,
}

/// Every deal heard of.
pub(super) struct Deals {
    by_key: HashMap<DealKey, DealId>,
    slots: Vec<Slot>,
    due: BTreeSet<(UnixMs, DealId)>,
    awake: usize,
    awake_max: usize,
    hand: usize,
    memory: Memory,
}

/// The one full set of rule memories.
struct Memory {
    rules: BTreeMap<String, RuleMemory>,
    rule_set: String,
    /// By place: the rule's id, and the truth that is not noted down.
    usual: Vec<(String, Option<bool>)>,
}

impl Memory {
    fn new(rules: &RuleSet) -> Memory {
        let of_deals = rules.rules().iter().filter(|rule| rule.scope.is_deal());
        let all = of_deals.map(|rule| {
            let truth = (rule.on == Trigger::State).then_some(false);
            let trigger = rule.trigger_hash.clone();
            (rule.id.clone(), RuleMemory { trigger, truth, ..RuleMemory::default() })
        });
        let memories: BTreeMap<_, _> = all.collect();
        let usual = memories.iter().map(|(id, memory)| (id.clone(), memory.truth)).collect();
        Memory { rules: memories, rule_set: rules.hash().to_owned(), usual }
    }

    fn lend(&mut self, slot: &mut Slot, state: &mut DealState) {
        state.rules = std::mem::take(&mut self.rules);
        state.rule_set = std::mem::take(&mut self.rule_set);
        if slot.is_fresh {
            state.rule_set.clear();
            state.rules.values_mut().for_each(|memory| memory.truth = None);
        }
        for one in slot.remembered.drain(..) {
            let id = self.usual.get(one.rule as usize).map(|(id, _)| id);
            if let Some(memory) = id.and_then(|id| state.rules.get_mut(id)) {
                memory.truth = one.truth;
                memory.fired_at = one.fired_at;
                memory.episode = one.episode.map(|episode| *episode);
                memory.held = one.held.map(|held| *held);
            }
        }
    }

    fn take_back(&mut self, slot: &mut Slot, state: &mut DealState) {
        slot.is_fresh = false;
        for (rule, (memory, (_, usual))) in (0..).zip(state.rules.values_mut().zip(&self.usual)) {
            let is_usual = memory.truth == *usual && memory.held.is_none();
            if !is_usual || memory.fired_at.is_some() || memory.episode.is_some() {
                slot.remembered.push(Remembered {
                    rule,
                    truth: std::mem::replace(&mut memory.truth, *usual),
                    fired_at: memory.fired_at.take(),
                    episode: memory.episode.take().map(Box::new),
                    held: memory.held.take().map(Box::new),
                });
            }
        }
        self.rules = std::mem::take(&mut state.rules);
        self.rule_set = std::mem::take(&mut state.rule_set);
    }
}

impl Deals {
    pub(super) fn new(rules: &RuleSet) -> Deals {
        Deals {
            by_key: HashMap::new(),
            slots: Vec::new(),
            due: BTreeSet::new(),
            awake: 0,
            awake_max: AWAKE_MAX,
            hand: 0,
            memory: Memory::new(rules),
        }
    }

    /// Holds fewer deals ready.
    #[cfg(test)]
    pub(super) fn hold_at_most(&mut self, awake_max: usize) {
        self.awake_max = awake_max;
    }

    /// The deal of that key, and whether it is heard of for the first time.
    pub(super) fn find(&mut self, key: &DealKey) -> (DealId, bool) {
        if let Some(id) = self.by_key.get(key) {
            let is_gone = matches!(self.slots[*id as usize].held, Held::Gone);
            if is_gone {
                let slot = &mut self.slots[*id as usize];
                slot.held = Held::Awake(Box::new(DealState::new(key.clone())));
                slot.remembered.clear();
                slot.is_fresh = true;
                self.awake += 1;
            }
            return (*id, is_gone);
        }
        let id = DealId::try_from(self.slots.len()).unwrap_or(DealId::MAX);
        self.by_key.insert(key.clone(), id);
        self.slots.push(Slot {
            held: Held::Awake(Box::new(DealState::new(key.clone()))),
            remembered: Vec::new(),
            is_fresh: true,
            is_used: true,
            due: None,
            record: Record::default(),
        });
        self.awake += 1;
        (id, true)
    }

    /// Takes a deal's state out, complete, until [`Deals::give_back`].
    #[expect(clippy::expect_used, reason = "the text was written from such a state")]
    pub(super) fn lend(&mut self, id: DealId) -> Box<DealState> {
        let slot = &mut self.slots[id as usize];
        slot.is_used = true;
        let mut state = match std::mem::replace(&mut slot.held, Held::Gone) {
            Held::Awake(state) => state,
            Held::Asleep(text) => {
                self.awake += 1;
                serde_json::from_slice(&text).expect("a state that was written can be read")
            }
            Held::Gone => unreachable!("a deal is lent once, and only one that is held"),
        };
        self.memory.lend(slot, &mut state);
        state
    }

    /// Puts a deal's state back.
    pub(super) fn give_back(&mut self, id: DealId, mut state: Box<DealState>, now: UnixMs) {
        let slot = &mut self.slots[id as usize];
        self.memory.take_back(slot, &mut state);
        let due = state.next_due;
        if due != slot.due {
            if let Some(before) = std::mem::replace(&mut slot.due, due) {
                self.due.remove(&(before, id));
            }
            self.due.extend(due.map(|at| (at, id)));
        }
        slot.held = Held::Awake(state);
        while self.awake > self.awake_max {
            self.put_one_to_sleep(now);
        }
    }

    /// Moves the hand on, once around at most, to a deal to which nothing
    /// happened since it last passed by.
    fn put_one_to_sleep(&mut self, now: UnixMs) {
        for _ in 0..=self.slots.len() {
            self.hand = (self.hand + 1) % self.slots.len();
            let slot = &mut self.slots[self.hand];
            let is_used = std::mem::take(&mut slot.is_used);
            match &slot.held {
                Held::Awake(state) if !is_used => {
                    let text = serde_json::to_vec(state).unwrap_or_default();
                    slot.held = Held::Asleep(text.into_boxed_slice());
                    self.awake -= 1;
                    return;
                }
                Held::Asleep(_) if slot.due.is_none() && is_long_closed(&slot.record, now) => {
                    slot.held = Held::Gone;
                    slot.remembered = Vec::new();
                }
                Held::Awake(_) | Held::Asleep(_) | Held::Gone => {}
            }
        }
    }

    /// Who owns a deal.
    pub(super) fn owner(&self, id: DealId) -> Option<PersonId> {
        self.slots[id as usize].record.owner
    }

    pub(super) fn record(&mut self, id: DealId) -> &mut Record {
        &mut self.slots[id as usize].record
    }

    /// Every deal that is held.
    pub(super) fn all(&self) -> Vec<DealId> {
        let held = (0..).zip(&self.slots).filter(|(_, slot)| !matches!(slot.held, Held::Gone));
        held.map(|(id, _)| id).collect()
    }

    pub(super) fn records(&self) -> impl Iterator<Item = &Record> {
        self.slots.iter().map(|slot| &slot.record)
    }

    /// When a deal's timer is next due.
    pub(super) fn next_due(&self) -> Option<UnixMs> {
        self.due.first().map(|(at, _)| *at)
    }

    /// A deal whose timer is due by `now`, and when.
    pub(super) fn due(&self, now: UnixMs) -> Option<(UnixMs, DealId)> {
        self.due.first().filter(|(at, _)| *at <= now).copied()
    }
}

fn is_long_closed(record: &Record, now: UnixMs) -> bool {
    record.watches.is_empty()
        && record.pending.is_empty()
        && record.closed_at.is_some_and(|at| now.since_ms(at) > LET_GO_DAYS * DAY_MS)
}
