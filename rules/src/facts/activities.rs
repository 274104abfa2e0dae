//! What was done about a deal, kept as recency facts.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use super::{Activity, ActivityKind, Direction};
use crate::time::{MINUTE_MS, UnixMs};

/// How many activities of one kind and direction are kept: the latest.
pub const KEPT_PER_KIND_MAX: usize = 8;
/// As [`KEPT_PER_KIND_MAX`] for meetings, which may be booked far ahead.
pub const KEPT_MEETINGS_MAX: usize = 64;
/// An activity heard of this shortly before a record was read stays although
/// the record does not list it: vendors' lists trail behind their events.
pub const LIST_TRAILS_MS: i64 = 10 * MINUTE_MS;

/// The activities of one deal that its recency facts rest on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activities {
    /// Whether the deal's activities were ever read. Until then nobody can say
    /// when the last one was.
    pub read: bool,
    kept: Vec<Kept>,
}

/// One activity and the version of the word about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    activity: Activity,
    told_at: UnixMs,
    #[serde(default)]
    seq: i64,
}

impl Kept {
    fn version(&self) -> (UnixMs, i64, UnixMs, bool) {
        (self.told_at, self.seq, self.activity.at, self.activity.by_touchline)
    }
}

impl Activities {
    /// Takes one activity, told at `told_at`. True if it is new and kept: not
    /// heard of before, and not older than all that are kept of its kind.
    pub fn insert(&mut self, activity: &Activity, told_at: UnixMs, seq: i64) -> bool {
        let mut new = Kept { activity: activity.clone(), told_at, seq };
        new.activity.at = activity.at.plus_ms(0);
        let same =
            |kept: &Kept| kept.activity.kind == activity.kind && kept.activity.id == activity.id;
        if let Some(index) = self.kept.iter().position(same) {
            if self.kept[index].version() < new.version() {
                self.kept[index] = new;
                self.order();
            }
            return false;
        }
        self.kept.push(new);
        self.order();
        self.evict(activity.kind, activity.direction);
        self.kept.iter().any(same)
    }

    /// Takes the whole list as read at `read_at`: what it does not name is gone.
    pub fn replace(&mut self, list: &[Activity], read_at: UnixMs) {
        self.read = true;
        let trailing = read_at.plus_ms(-LIST_TRAILS_MS);
        let listed = |kept: &Kept| {
            list.iter().any(|one| one.kind == kept.activity.kind && one.id == kept.activity.id)
        };
        self.kept.retain(|kept| kept.told_at > trailing || listed(kept));
        for activity in list {
            self.insert(activity, read_at, 0);
        }
    }

    /// The latest instant at or before `now` of an activity that counts, of
    /// one direction or of any.
    #[must_use]
    pub fn last(&self, direction: Option<Direction>, now: UnixMs) -> Option<UnixMs> {
        self.counted()
            .filter(|one| direction.is_none_or(|wanted| one.direction == wanted))
            .map(|one| one.at)
            .filter(|at| *at <= now)
            .max()
    }

    /// The next meeting after `now`.
    #[must_use]
    pub fn next_meeting(&self, now: UnixMs) -> Option<UnixMs> {
        let meetings = self.counted().filter(|one| one.kind == ActivityKind::Meeting);
        meetings.map(|one| one.at).filter(|at| *at > now).min()
    }

    /// The next instant at which one of these facts changes by time alone: a
    /// meeting ahead becomes a meeting held.
    #[must_use]
    pub fn next_change(&self, now: UnixMs) -> Option<UnixMs> {
        self.counted().map(|one| one.at).filter(|at| *at > now).min()
    }

    fn counted(&self) -> impl Iterator<Item = &Activity> {
        self.kept.iter().map(|kept| &kept.activity).filter(|one| !one.by_touchline)
    }

    fn order(&mut self) {
        self.kept.sort_by(|a, b| {
            let key = |kept: &Kept| (kept.activity.kind, Reverse(kept.activity.at));
            key(a).cmp(&key(b)).then_with(|| b.activity.id.cmp(&a.activity.id))
        });
    }

    fn evict(&mut self, kind: ActivityKind, direction: Direction) {
        let max = match kind {
            ActivityKind::Meeting => KEPT_MEETINGS_MAX,
            _ => KEPT_PER_KIND_MAX,
        };
        let mut seen = 0;
        self.kept.retain(|kept| {
            let of_group = kept.activity.kind == kind && kept.activity.direction == direction;
            seen += usize::from(of_group);
            !of_group || seen <= max
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(id: &str, at: i64, direction: Direction) -> Activity {
        let kind = ActivityKind::Email;
        Activity { id: id.into(), kind, direction, at: UnixMs(at), by_touchline: false }
    }

    #[test]
    fn what_touchline_wrote_never_counts() {
        let mut activities = Activities::default();
        let own = Activity { by_touchline: true, ..email("1", 50, Direction::Outbound) };
        activities.insert(&own, UnixMs(50), 0);
        assert_eq!(activities.last(None, UnixMs(100)), None);
    }

    #[test]
    fn a_meeting_ahead_becomes_a_meeting_held() {
        let mut activities = Activities::default();
        let meeting =
            Activity { kind: ActivityKind::Meeting, ..email("1", 50, Direction::Unknown) };
        activities.insert(&meeting, UnixMs(10), 0);
        assert_eq!(activities.next_meeting(UnixMs(49)), Some(UnixMs(50)));
        assert_eq!(activities.next_change(UnixMs(49)), Some(UnixMs(50)));
        assert_eq!(activities.next_meeting(UnixMs(50)), None);
        assert_eq!(activities.last(None, UnixMs(50)), Some(UnixMs(50)));
    }

    #[test]
    fn the_latest_of_each_kind_stay_whatever_the_order() {
        let ids: Vec<i64> = (0..40).collect();
        let mut forward = Activities::default();
        let mut backward = Activities::default();
        for id in &ids {
            forward.insert(&email(&id.to_string(), *id, Direction::Inbound), UnixMs(*id), 0);
        }
        for id in ids.iter().rev().chain(&ids) {
            backward.insert(&email(&id.to_string(), *id, Direction::Inbound), UnixMs(*id), 0);
        }
        assert_eq!(forward, backward);
        assert_eq!(forward.kept.len(), KEPT_PER_KIND_MAX);
    }

    #[test]
    fn a_list_that_was_read_replaces_what_it_does_not_name() {
        let mut activities = Activities::default();
        activities.insert(&email("old", 10, Direction::Inbound), UnixMs(10), 0);
        let fresh = 2 * LIST_TRAILS_MS - 1;
        activities.insert(&email("fresh", fresh, Direction::Inbound), UnixMs(fresh), 0);
        let list = [email("listed", 20, Direction::Outbound)];
        activities.replace(&list, UnixMs(2 * LIST_TRAILS_MS));
        let now = UnixMs(9 * LIST_TRAILS_MS);
        assert_eq!(activities.last(Some(Direction::Inbound), now), Some(UnixMs(fresh)));
        assert_eq!(activities.last(Some(Direction::Outbound), now), Some(UnixMs(20)));
        assert_eq!(activities.kept.len(), 2);
    }
}
