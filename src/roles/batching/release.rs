//! A present case whose turn has come: the rule was true of the deal when it was
//! published and nobody was told; now it speaks once, quietly.

use touchline_rules::UnixMs;
use touchline_rules::attention::AttentionClass;
use touchline_rules::engine::Stimulus;
use touchline_rules::facts::DealKey;

use super::Batching;
use crate::coaching::nudges::reader_of;

/// After everything that has just come up.
const PRIORITY: i64 = 9;

/// Places of cases that are released together, in milliseconds.
const PLACES: i64 = 1_000;

/// Why there is nothing to say of a case, as the ledger's word.
const RULE_CHANGED: &str = "rule_changed";
const NO_LONGER_TRUE: &str = "no_longer_true";
const SAID_ALREADY: &str = "said_already";
const NOT_NOW: &str = "not_now";

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is this nudge.
    Spoke(String),
    /// Somebody else is to hear of it.
    Belongs(String),
    /// There is nothing to say; the ledger's word.
    Nothing(&'static str),
}

impl Batching<'_> {
    /// Looks at a case again and lets its rule speak for `person` if it is still
    /// true: in the digest, never as an interruption, once, without reminders.
    /// `place` orders those that are released together.
    pub fn release(
        &mut self,
        key: &DealKey,
        rule_id: &str,
        person: &str,
        place: usize,
        now: UnixMs,
    ) -> Turn {
        let metadata = self.ground.metadata(&key.connection);
        let Some(audience) = self.ground.rules().rule(rule_id).map(|rule| rule.audience) else {
            return Turn::Nothing(RULE_CHANGED);
        };
        let Some(held) = self.deals.get_mut(key) else { return Turn::Nothing(NO_LONGER_TRUE) };
        match reader_of(audience, &held.state, &metadata, &self.service.people) {
            Ok(reader) if reader != person => return Turn::Belongs(reader),
            Ok(_) => {}
            Err(nobody) => return Turn::Nothing(nobody.name()),
        }
        if held.state.rule_set != self.ground.rules().hash() {
            // The sweep has yet to come by: the deal takes the new rules over first.
            self.step(key, Stimulus::Timer, now);
        }
        let Some(held) = self.deals.get_mut(key) else { return Turn::Nothing(NOT_NOW) };
        let memory = held.state.rules.get_mut(rule_id);
        let Some(episode) = memory.and_then(|memory| memory.episode.as_mut()) else {
            return Turn::Nothing(NO_LONGER_TRUE);
        };
        if !episode.seeded || !episode.firings.is_empty() {
            return Turn::Nothing(SAID_ALREADY);
        }
        episode.seeded = false;
        held.state.next_due = Some(held.state.next_due.map_or(now, |due| due.min(now)));
        let before = self.batch.nudges.len();
        self.step(key, Stimulus::Timer, now);
        let Some(held) = self.deals.get_mut(key) else { return Turn::Nothing(NOT_NOW) };
        let memory = held.state.rules.get_mut(rule_id);
        let Some(episode) = memory.and_then(|memory| memory.episode.as_mut()) else {
            return Turn::Nothing(NO_LONGER_TRUE);
        };
        // Said once: no reminders follow.
        episode.seeded = true;
        let mut made = self.batch.nudges.iter_mut().skip(before);
        let Some(nudge) = made.find(|nudge| nudge.rule_id == rule_id) else {
            return Turn::Nothing(NOT_NOW);
        };
        if nudge.attention == AttentionClass::Interrupt.name() {
            AttentionClass::Digest.name().clone_into(&mut nudge.attention);
        }
        nudge.priority = PRIORITY;
        // One after the other, and none later than a digest of this very instant.
        let place = i64::try_from(place).unwrap_or(PLACES).min(PLACES);
        nudge.created_at = now.plus_ms(place - PLACES);
        Turn::Spoke(nudge.id.clone())
    }
}
