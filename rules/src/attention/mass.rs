//! Mass changes: many deals moved by one hand in a short time, as by an import, a
//! bulk edit or a territory change. What rules say of them is rarely meant for
//! the sellers, so it is held back until somebody has looked.
//!
//! Counting is by *when the changes happened*, so that a late or shuffled delivery
//! of the same changes counts the same. Of each deal the latest change is kept,
//! and of all deals as many as are needed to see the limit crossed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::facts::{Actor, ActorKind, ChangeKind};
use crate::ruleset::hash;
use crate::time::UnixMs;

/// Deals remembered of one actor, as a multiple of the limit: room for changes
/// that arrive out of order.
const ROOM: usize = 4;
/// Hexadecimal digits by which a deal goes: 64 bits.
const KEY_DIGITS: usize = 16;

/// How many deals one hand may change before it is a mass change.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct MassLimit {
    /// So many are none yet.
    pub deals: u32,
    /// In so long a time, in milliseconds.
    pub within_ms: i64,
}

/// What one actor of one connection changed lately.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// When each deal was changed last. Deals go by a digest: what is kept of an
    /// actor names nobody's deal.
    latest: BTreeMap<String, UnixMs>,
}

/// A stretch of time in which one actor changed too many deals.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The first of the changes.
    pub from: UnixMs,
    /// The last of them so far.
    pub until: UnixMs,
}

impl Window {
    /// Whether what happened at `at` belongs to it: in it, so soon after the last
    /// change that the hand has not rested yet, or, told late, as shortly before.
    #[must_use]
    pub fn takes(&self, at: UnixMs, limit: &MassLimit) -> bool {
        let (before, after) = (self.from.since_ms(at), at.since_ms(self.until));
        before <= limit.within_ms && after <= limit.within_ms
    }
}

impl Tally {
    /// Who made a change, as tallies tell hands apart. `None` for what no hand is
    /// counted for: activities move no deal, what Touchline writes is no news, and
    /// of a change by nobody known it cannot be said that one hand made it.
    #[must_use]
    pub fn hand(actor: &Actor, kind: &ChangeKind) -> Option<String> {
        if matches!(kind, ChangeKind::Activity(_)) {
            return None;
        }
        match (actor.kind, actor.user_id.as_deref()) {
            (ActorKind::Touchline, _) | (ActorKind::Unknown, None) => None,
            (kind, user) => Some(format!("{}:{}", kind.name(), user.unwrap_or_default())),
        }
    }

    /// Whether a change says of itself that it is one of many.
    #[must_use]
    pub fn is_marked(kind: ActorKind) -> bool {
        matches!(kind, ActorKind::Bulk | ActorKind::Import)
    }

    /// Notes that the actor changed `deal` at `at`. Answers the window in which
    /// the limit is crossed by that, if it is.
    pub fn note(&mut self, deal: &str, at: UnixMs, limit: &MassLimit) -> Option<Window> {
        let mut key = hash(&[deal]);
        key.truncate(KEY_DIGITS);
        let latest = self.latest.entry(key).or_insert(at);
        *latest = at.max(*latest);
        let most = usize::try_from(limit.deals).unwrap_or(usize::MAX);
        if self.latest.len() <= most {
            return None;
        }
        self.forget(limit, most);
        let mut times: Vec<UnixMs> = self.latest.values().copied().collect();
        times.sort();
        let crossed = times.windows(most.saturating_add(1)).find_map(|stretch| {
            let (from, until) = (*stretch.first()?, *stretch.last()?);
            let fits = until.since_ms(from) <= limit.within_ms && from <= at && at <= until;
            fits.then_some(from)
        })?;
        // All that lies as close belongs to it. It is counted by its window from now on.
        let last = times.iter().rev().find(|at| at.since_ms(crossed) <= limit.within_ms);
        let window = Window { from: crossed, until: last.copied().unwrap_or(crossed) };
        self.latest.retain(|_, at| *at < window.from || *at > window.until);
        Some(window)
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.latest.is_empty()
    }

    fn forget(&mut self, limit: &MassLimit, most: usize) {
        let newest = self.latest.values().max().copied().unwrap_or(UnixMs::MIN);
        self.latest.retain(|_, at| newest.since_ms(*at) <= limit.within_ms.saturating_mul(2));
        let room = most.saturating_add(1).saturating_mul(ROOM);
        while self.latest.len() > room {
            let oldest = self.latest.iter().min_by_key(|(_, at)| **at);
            let Some(deal) = oldest.map(|(deal, _)| deal.clone()) else { return };
            self.latest.remove(&deal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::MINUTE_MS;
    use proptest::prelude::*;

    const LIMIT: MassLimit = MassLimit { deals: 50, within_ms: 10 * MINUTE_MS };

    /// The change, counted from 0, at which the limit is crossed.
    fn crossed(changes: impl IntoIterator<Item = (String, i64)>) -> Option<(usize, Window)> {
        let mut tally = Tally::default();
        changes.into_iter().enumerate().find_map(|(index, (deal, at))| {
            tally.note(&deal, UnixMs(at), &LIMIT).map(|window| (index, window))
        })
    }

    fn deals(count: i64, every_ms: i64) -> Vec<(String, i64)> {
        (0..count).map(|index| (format!("d{index}"), index * every_ms)).collect()
    }

    #[test]
    fn the_fifty_first_deal_in_ten_minutes_crosses_the_limit() {
        let window = |until| Window { from: UnixMs(0), until: UnixMs(until) };
        assert_eq!(crossed(deals(5_000, 10)), Some((50, window(500))));
        assert_eq!(crossed(deals(50, 10)), None, "fifty are allowed");
        assert_eq!(crossed(deals(51, 12_000)), Some((50, window(600_000))), "in ten minutes sharp");
        assert_eq!(crossed(deals(500, 12_001)), None, "a little slower is a busy day");
    }

    #[test]
    fn one_deal_changed_often_is_one_deal() {
        let often = (0..500).map(|index| (format!("d{}", index % 50), index * 1_000));
        assert_eq!(crossed(often), None);
    }

    #[test]
    fn hands_are_told_apart_and_some_are_none() {
        let hand = |kind, user: Option<&str>| {
            let actor = Actor { kind, user_id: user.map(str::to_owned) };
            Tally::hand(&actor, &ChangeKind::Created)
        };
        assert_eq!(hand(ActorKind::Person, Some("501")).as_deref(), Some("person:501"));
        assert_eq!(hand(ActorKind::Import, None).as_deref(), Some("import:"));
        assert_eq!(hand(ActorKind::Unknown, None), None);
        assert_eq!(hand(ActorKind::Touchline, Some("501")), None);
        assert!(Tally::is_marked(ActorKind::Bulk) && !Tally::is_marked(ActorKind::Person));
    }

    proptest! {
        /// Whatever order the changes of different deals arrive in: the limit is
        /// crossed if and only if more than fifty lie within ten minutes.
        #[test]
        fn the_order_of_arrival_does_not_matter(
            mut times in prop::collection::vec(0i64..1_200_000, 40..120),
            seed in any::<u64>(),
        ) {
            let mut sorted = times.clone();
            sorted.sort_unstable();
            let expected = sorted.windows(51).any(|some| some[50] - some[0] <= LIMIT.within_ms);
            let count = times.len();
            for index in (1..count).rev() {
                let other = (seed.wrapping_mul(index as u64 + 1) >> 7) as usize % (index + 1);
                times.swap(index, other);
            }
            let changes = times.into_iter().enumerate().map(|(index, at)| (format!("d{index}"), at));
            prop_assert_eq!(crossed(changes).is_some(), expected);
        }
    }
}
