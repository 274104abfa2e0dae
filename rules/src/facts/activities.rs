//! What was done about a deal, kept as recency facts.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Activity, ActivityKind, Direction, PersonMark};
use crate::time::{MINUTE_MS, UnixMs};

/// How many activities of one kind and direction are kept: the latest.
pub const KEPT_PER_KIND_MAX: usize = 8;
/// As [`KEPT_PER_KIND_MAX`] for meetings, which may be booked far ahead.
pub const KEPT_MEETINGS_MAX: usize = 64;
/// How many people are counted; more are not told apart from this many.
pub const PEOPLE_MAX: usize = 32;
/// How many people are kept of one activity.
pub const PEOPLE_PER_ACTIVITY_MAX: usize = 8;
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
    /// People who took part in activities that are no longer kept: those with
    /// the smallest marks, so that the order of arrival does not matter.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    met_before: BTreeSet<PersonMark>,
}

/// What a deal's activities say at one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recency {
    /// The last activity.
    pub last: Option<UnixMs>,
    /// The last one from the buyer.
    pub last_inbound: Option<UnixMs>,
    /// The last one to the buyer.
    pub last_outbound: Option<UnixMs>,
    /// The last e-mail.
    pub last_email: Option<UnixMs>,
    /// The last call.
    pub last_call: Option<UnixMs>,
    /// The last meeting held.
    pub last_meeting: Option<UnixMs>,
    /// The next meeting booked.
    pub next_meeting: Option<UnixMs>,
    /// E-mails so far, as far as they are kept: [`KEPT_PER_KIND_MAX`] a direction.
    pub emails: u32,
    /// Calls so far, likewise.
    pub calls: u32,
    /// Meetings held so far, at most [`KEPT_MEETINGS_MAX`] a direction.
    pub meetings: u32,
    /// Different people in e-mails, calls and meetings so far, at most
    /// [`PEOPLE_MAX`]. `None` if one of those does not tell who took part.
    pub contacts_engaged: Option<u32>,
}

/// One activity and the version of the word about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    activity: Activity,
    told_at: UnixMs,
    #[serde(default)]
    seq: i64,
}

/// What puts words about one activity in order: told at, the vendor's number, its
/// time, whose it is, and who took part.
type Word<'a> = (UnixMs, i64, UnixMs, bool, Option<(usize, &'a [PersonMark])>);

impl Kept {
    /// Of two words of one instant the one that names more people is the newer.
    fn version(&self) -> Word<'_> {
        let Activity { at, by_touchline, people, .. } = &self.activity;
        let people = people.as_deref().map(|people| (people.len(), people));
        (self.told_at, self.seq, *at, *by_touchline, people)
    }

    /// Whether people of the buyer's took part in such an activity.
    fn is_contact(&self) -> bool {
        let kind = self.activity.kind;
        let meets =
            matches!(kind, ActivityKind::Email | ActivityKind::Call | ActivityKind::Meeting);
        meets && !self.activity.by_touchline
    }
}

impl Activities {
    /// Takes one activity, told at `told_at`. True if it is new and kept: not
    /// heard of before, and not older than all that are kept of its kind.
    pub fn insert(&mut self, activity: &Activity, told_at: UnixMs, seq: i64) -> bool {
        let mut new = Kept { activity: activity.clone(), told_at, seq };
        new.activity.at = activity.at.plus_ms(0);
        if let Some(people) = &mut new.activity.people {
            people.sort_unstable();
            people.dedup();
            people.truncate(PEOPLE_PER_ACTIVITY_MAX);
        }
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
        let mut met = Vec::new();
        self.kept.retain(|kept| {
            let stays = kept.told_at > trailing || listed(kept);
            // Nearly always it is only older than what is still listed: who was
            // met once stays met.
            if !stays && kept.is_contact() && kept.activity.at <= read_at {
                met.extend(kept.activity.people.iter().flatten().copied());
            }
            stays
        });
        self.remember(met);
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

    /// What they all say at `now`, in one pass.
    #[must_use]
    pub fn recency(&self, now: UnixMs) -> Recency {
        let mut told = Recency::default();
        let latest = |slot: &mut Option<UnixMs>, at: UnixMs| *slot = (*slot).max(Some(at));
        for one in self.counted() {
            let at = one.at;
            if at > now {
                if one.kind == ActivityKind::Meeting {
                    told.next_meeting = Some(told.next_meeting.map_or(at, |next| next.min(at)));
                }
                continue;
            }
            latest(&mut told.last, at);
            match one.direction {
                Direction::Inbound => latest(&mut told.last_inbound, at),
                Direction::Outbound => latest(&mut told.last_outbound, at),
                Direction::Unknown => {}
            }
            let (count, last) = match one.kind {
                ActivityKind::Email => (&mut told.emails, &mut told.last_email),
                ActivityKind::Call => (&mut told.calls, &mut told.last_call),
                ActivityKind::Meeting => (&mut told.meetings, &mut told.last_meeting),
                ActivityKind::Task | ActivityKind::Note => continue,
            };
            *count += 1;
            latest(last, at);
        }
        told.contacts_engaged = self.contacts_engaged(now);
        told
    }

    /// Counts people without allocating: a look at a deal happens often.
    fn contacts_engaged(&self, now: UnixMs) -> Option<u32> {
        let mut met = [PersonMark(0); PEOPLE_MAX];
        let mut count = 0;
        let mut meet = |mark: PersonMark| {
            if count < PEOPLE_MAX && !met[..count].contains(&mark) {
                met[count] = mark;
                count += 1;
            }
        };
        self.met_before.iter().for_each(|mark| meet(*mark));
        for kept in self.kept.iter().filter(|kept| kept.is_contact() && kept.activity.at <= now) {
            kept.activity.people.as_ref()?.iter().for_each(|mark| meet(*mark));
        }
        u32::try_from(count).ok()
    }

    /// The next instant at which one of these facts changes by time alone: a
    /// meeting ahead becomes a meeting held.
    #[must_use]
    pub fn next_change(&self, now: UnixMs) -> Option<UnixMs> {
        self.counted().map(|one| one.at).filter(|at| *at > now).min()
    }

    /// When those activities that count and are `wanted` were: those that are kept, in
    /// no order.
    #[must_use]
    pub fn times(&self, wanted: impl Fn(&Activity) -> bool) -> Vec<UnixMs> {
        self.counted().filter(|one| wanted(one)).map(|one| one.at).collect()
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
        let (mut seen, mut met) = (0, Vec::new());
        self.kept.retain(|kept| {
            let of_group = kept.activity.kind == kind && kept.activity.direction == direction;
            seen += usize::from(of_group);
            let stays = !of_group || seen <= max;
            if !stays && kept.is_contact() {
                met.extend(kept.activity.people.iter().flatten().copied());
            }
            stays
        });
        self.remember(met);
    }

    fn remember(&mut self, met: Vec<PersonMark>) {
        self.met_before.extend(met);
        while self.met_before.len() > PEOPLE_MAX {
            self.met_before.pop_last();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(id: &str, at: i64, direction: Direction) -> Activity {
        let kind = ActivityKind::Email;
        let at = UnixMs(at);
        Activity { id: id.into(), kind, direction, at, by_touchline: false, people: None }
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
        let ahead = activities.recency(UnixMs(49));
        assert_eq!((ahead.next_meeting, ahead.meetings), (Some(UnixMs(50)), 0));
        assert_eq!(activities.next_change(UnixMs(49)), Some(UnixMs(50)));
        let held = activities.recency(UnixMs(50));
        assert_eq!((held.next_meeting, held.meetings), (None, 1));
        assert_eq!(held.last_meeting, Some(UnixMs(50)));
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

    fn with(people: &[u32], activity: Activity) -> Activity {
        Activity { people: Some(people.iter().copied().map(PersonMark).collect()), ..activity }
    }

    #[test]
    fn each_kind_has_its_own_recency_and_count() {
        let mut activities = Activities::default();
        let call = Activity { kind: ActivityKind::Call, ..email("c", 30, Direction::Outbound) };
        let note = Activity { kind: ActivityKind::Note, ..email("n", 40, Direction::Unknown) };
        for one in
            [email("a", 10, Direction::Inbound), email("b", 20, Direction::Outbound), call, note]
        {
            activities.insert(&one, one.at, 0);
        }
        let told = activities.recency(UnixMs(35));
        assert_eq!((told.emails, told.calls, told.meetings), (2, 1, 0));
        assert_eq!((told.last_email, told.last_call), (Some(UnixMs(20)), Some(UnixMs(30))));
        assert_eq!((told.last, told.last_inbound), (Some(UnixMs(30)), Some(UnixMs(10))));
        assert_eq!(activities.recency(UnixMs(40)).last, Some(UnixMs(40)));
        for now in 0..50 {
            assert_eq!(activities.recency(UnixMs(now)).last, activities.last(None, UnixMs(now)));
        }
    }

    #[test]
    fn people_count_once_and_only_when_everybody_was_told() {
        let mut activities = Activities::default();
        assert_eq!(activities.recency(UnixMs(0)).contacts_engaged, Some(0));
        activities.insert(&with(&[1, 2], email("a", 10, Direction::Inbound)), UnixMs(10), 0);
        activities.insert(&with(&[2, 3], email("b", 20, Direction::Outbound)), UnixMs(20), 0);
        let meeting =
            Activity { kind: ActivityKind::Meeting, ..email("m", 50, Direction::Unknown) };
        activities.insert(&with(&[4], meeting), UnixMs(20), 0);
        assert_eq!(activities.recency(UnixMs(15)).contacts_engaged, Some(2));
        assert_eq!(activities.recency(UnixMs(49)).contacts_engaged, Some(3));
        assert_eq!(activities.recency(UnixMs(50)).contacts_engaged, Some(4), "the meeting is held");
        let note = Activity { kind: ActivityKind::Note, ..email("n", 30, Direction::Unknown) };
        activities.insert(&note, UnixMs(30), 0);
        assert_eq!(activities.recency(UnixMs(49)).contacts_engaged, Some(3), "a note meets nobody");
        activities.insert(&email("x", 30, Direction::Inbound), UnixMs(30), 0);
        assert_eq!(activities.recency(UnixMs(49)).contacts_engaged, None);
    }

    #[test]
    fn who_was_met_once_stays_met_in_bounded_room() {
        let many: Vec<Activity> = (0..200)
            .map(|n| with(&[n, n + 1], email(&n.to_string(), i64::from(n), Direction::Inbound)))
            .collect();
        let (mut forward, mut backward) = (Activities::default(), Activities::default());
        for one in &many {
            forward.insert(one, one.at, 0);
        }
        for one in many.iter().rev().chain(&many) {
            backward.insert(one, one.at, 0);
        }
        assert_eq!(forward, backward);
        assert_eq!(forward.met_before.len(), PEOPLE_MAX);
        assert_eq!(forward.recency(UnixMs(500)).contacts_engaged, Some(32));
        let mut read = Activities::default();
        read.insert(&with(&[7], email("old", 1, Direction::Inbound)), UnixMs(1), 0);
        read.replace(&[], UnixMs(2 * LIST_TRAILS_MS));
        assert_eq!(read.recency(UnixMs(3 * LIST_TRAILS_MS)).contacts_engaged, Some(1));
        let crowd: Vec<u32> = (0..100).collect();
        read.insert(&with(&crowd, email("all", 9, Direction::Inbound)), UnixMs(9), 0);
        assert_eq!(read.kept[0].activity.people.as_ref().map(Vec::len), Some(8));
    }
}
