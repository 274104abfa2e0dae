//! What holds for every policy, person and day. The judge here knows only the
//! calendar and the wall clock, nothing of how the decision is made.

use super::fixture::{Life, deal, policy as shipped, recipient};
use super::*;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

use crate::time::{DAY_MS, MINUTE_MS};

const ZONES: [&str; 10] = [
    "Europe/London",
    "America/New_York",
    "America/Santiago",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Africa/Casablanca",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Antarctica/Troll",
    "Pacific/Kiritimati",
];

fn any_time() -> impl Strategy<Value = Time> {
    (0i8..24, select(vec![0i8, 15, 30]))
        .prop_map(|(hour, minute)| Time::constant(hour, minute, 0, 0))
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let limit = |max: u32| prop::option::weighted(0.9, 0..max);
    let budget = (limit(4), limit(3), 0u32..12, any::<bool>(), limit(5), limit(4));
    let quiet = prop::option::weighted(0.8, (any_time(), any_time()));
    let hours = (prop::collection::vec(any_time(), 0..4), quiet);
    (budget, hours, 1i64..80, 0u32..5).prop_map(|(budget, hours, age_h, expiry)| Policy {
        interruptions_per_day: budget.0,
        interruptions_per_day_new: budget.1,
        new_person_working_days: budget.2,
        reserve_for_events: budget.3,
        deal_spacing_working_days: budget.4,
        digest_items_max: budget.5,
        digest_at: hours.0,
        quiet_hours: hours.1,
        event_max_age_ms: age_h * HOUR_MS,
        nudge_expiry_working_days: expiry,
        ..shipped()
    })
}

/// Around a daylight-saving change half of the time.
fn any_start() -> impl Strategy<Value = UnixMs> {
    let year = 365 * DAY_MS / MINUTE_MS;
    let new_year_2026 = 1_767_225_600_000;
    let anywhere = (0..year).prop_map(move |minute| UnixMs(new_year_2026 + minute * MINUTE_MS));
    let near_change = (select(ZONES.to_vec()), 0i64..3 * 24 * 60, 0usize..2).prop_map(
        move |(zone, minutes, which)| {
            let zone = TimeZone::get(zone).unwrap();
            let change = zone.following(UnixMs(new_year_2026).to_timestamp()).nth(which);
            let change = change.map_or(UnixMs(new_year_2026), |one| one.timestamp().into());
            change.plus_ms(minutes * MINUTE_MS - 2 * DAY_MS)
        },
    );
    prop_oneof![anywhere, near_change]
}

fn any_recipient(start: UnixMs) -> impl Strategy<Value = Recipient> {
    let week = prop_oneof![
        3 => Just([true, true, true, true, true, false, false]),
        1 => Just([true, true, true, true, false, false, true]),
        1 => any::<[bool; 7]>(),
    ];
    let calendar = (select(ZONES.to_vec()), week, prop::collection::btree_set(-2i64..12, 0..3));
    let choice = (prop::option::weighted(0.3, 0u32..3), prop::bool::weighted(0.1));
    let own_digests = (
        prop::collection::vec(any_time(), 0..2),
        prop::option::weighted(0.3, (any_time(), any_time())),
    );
    let pause = prop::option::weighted(0.2, -DAY_MS..5 * DAY_MS);
    let muted = subsequence(vec!["r0", "r1", "r2"], 0..2);
    let first = prop::option::weighted(0.7, 0i64..30 * DAY_MS);
    (calendar, choice, own_digests, pause, muted, first).prop_map(
        move |(
            (zone, week, off),
            (fewer, digest_only),
            (digest_at, quiet_hours),
            pause,
            muted,
            first,
        )| {
            let mut person = recipient(zone);
            person.calendar.working_weekdays = week;
            let today = person.calendar.local_date(start);
            person.calendar.holidays =
                off.into_iter().map(|days| today.checked_add(days.days()).unwrap()).collect();
            person.choice = PersonalChoice {
                interruptions_per_day: fewer,
                digest_only,
                digest_at,
                quiet_hours,
                ..PersonalChoice::default()
            };
            person.paused_until = pause.map(|ms| start.plus_ms(ms));
            person.muted_rules = muted.into_iter().map(str::to_owned).collect();
            person.first_nudge_at = first.map(|ms| start.plus_ms(-ms));
            person
        },
    )
}

fn any_pending(start: UnixMs, max: usize) -> impl Strategy<Value = Vec<PendingNudge>> {
    use AttentionClass::{Card, Digest, Interrupt, Private};
    let class = select(vec![Interrupt, Interrupt, Interrupt, Digest, Digest, Private, Card]);
    let times = (0..3 * DAY_MS, 0..2 * DAY_MS, prop::option::weighted(0.1, 0..4 * DAY_MS));
    let one = (class, 0usize..8, 0usize..5, any::<bool>(), 1u8..=9, times);
    prop::collection::vec(one, 1..max).prop_map(move |all| {
        let whole_minutes = |ms: i64| ms / MINUTE_MS * MINUTE_MS;
        all.into_iter()
            .enumerate()
            .map(|(index, (class, about, rule, is_event, priority, (due, age, life)))| {
                let due_at = start.plus_ms(whole_minutes(due));
                PendingNudge {
                    id: format!("n{index:02}"),
                    rule: format!("r{rule}"),
                    deal: (about > 0).then(|| deal(&format!("d{about}"))),
                    class,
                    is_event,
                    priority,
                    due_at,
                    occurred_at: due_at.plus_ms(-age),
                    expires_at: life.map(|ms| due_at.plus_ms(whole_minutes(ms))),
                }
            })
            .collect()
    })
}

#[derive(Clone, Debug)]
struct Case {
    policy: Policy,
    recipient: Recipient,
    pending: Vec<PendingNudge>,
    start: UnixMs,
    lateness_ms: Vec<i64>,
    /// How long after it was due each nudge is first heard of.
    heard_late_ms: Vec<i64>,
    asks_about_all: bool,
}

impl Case {
    fn live(&self) -> Life {
        let mut life = Life::new(self.policy.clone(), self.recipient.clone(), self.pending.clone());
        life.asks_about_all = self.asks_about_all;
        for (index, (wake, _)) in life.waiting.iter_mut().enumerate() {
            *wake = wake.plus_ms(self.heard_late_ms[index % self.heard_late_ms.len()]);
        }
        let mut turn = 0;
        life.run(|| {
            turn += 1;
            self.lateness_ms[turn % self.lateness_ms.len()]
        });
        life
    }
}

fn any_case() -> impl Strategy<Value = Case> {
    let lateness = prop_oneof![
        Just(vec![0]),
        prop::collection::vec(prop_oneof![Just(0i64), 0..MINUTE_MS, 0..30 * HOUR_MS], 1..8),
    ];
    any_start().prop_flat_map(move |start| {
        let people = (any_policy(), any_recipient(start), any_pending(start, 40));
        let snoozed = prop::collection::vec((any::<Index>(), 0..9 * DAY_MS), 0..3);
        let late = (lateness.clone(), lateness.clone());
        (people, snoozed, late, any::<bool>()).prop_map(
            move |((policy, mut recipient, pending), snoozed, late, asks_about_all)| {
                for (which, ms) in snoozed {
                    let id = which.get(&pending).id.clone();
                    recipient.snoozed.insert(id, start.plus_ms(ms / MINUTE_MS * MINUTE_MS));
                }
                let (lateness_ms, heard_late_ms) = late;
                Case {
                    policy,
                    recipient,
                    pending,
                    start,
                    lateness_ms,
                    heard_late_ms,
                    asks_about_all,
                }
            },
        )
    })
}

/// Whether the wall shows quiet hours. Silent within a day of a change of the
/// clocks, where two readings of "18:00" are possible; stories tell of those.
fn wall_is_quiet(policy: &Policy, person: &Recipient, at: UnixMs) -> Option<bool> {
    let calendar = &person.calendar;
    let offset = |at: UnixMs| calendar.zone.to_offset(at.to_timestamp());
    if offset(at.plus_ms(-DAY_MS)) != offset(at.plus_ms(DAY_MS)) {
        return None;
    }
    let wall = calendar.zone.to_datetime(at.to_timestamp()).time();
    let mut quiet = policy.quiet_hours.into_iter().chain(person.choice.quiet_hours);
    Some(quiet.any(|(start, end)| {
        if start < end {
            start <= wall && wall < end
        } else {
            start != end && (wall >= start || wall < end)
        }
    }))
}

fn interruptions_max(case: &Case, first_nudge_at: UnixMs, day: Date) -> u32 {
    let calendar = &case.recipient.calendar;
    let days = calendar.working_days_between(calendar.local_date(first_nudge_at), day);
    let is_new = days < i64::from(case.policy.new_person_working_days);
    let limits = [
        case.policy.interruptions_per_day,
        case.policy.interruptions_per_day_new.filter(|_| is_new),
        case.recipient.choice.interruptions_per_day,
        case.recipient.choice.digest_only.then_some(0),
    ];
    limits.into_iter().flatten().min().unwrap_or(u32::MAX)
}

proptest! {
    #[test]
    fn every_nudge_gets_one_decision_at_each_step_and_ends_in_time(case in any_case()) {
        let life = case.live();
        prop_assert_eq!(life.ends.len(), case.pending.len());
        for step in &life.steps {
            let mut asked: Vec<&str> = step.asked.iter().map(|nudge| nudge.id.as_str()).collect();
            let mut decided: Vec<&str> = step.decisions.iter().map(|(id, _)| id.as_str()).collect();
            asked.sort_unstable();
            decided.sort_unstable();
            prop_assert_eq!(asked, decided);
        }
        for nudge in &case.pending {
            let end = &life.ends[&nudge.id];
            let expires = expires_at(&case.policy, &case.recipient, nudge);
            if matches!(end.decision, Decision::Send(_) | Decision::Card) {
                prop_assert!(end.at < expires, "{:?} after {:?}", end, expires);
                prop_assert!(end.at >= nudge.due_at);
                let slept = case.recipient.snoozed.get(&nudge.id).is_none_or(|until| *until <= end.at);
                prop_assert!(slept && !case.recipient.muted_rules.contains(&nudge.rule));
            }
            let slack = case.lateness_ms.iter().max().unwrap() + case.heard_late_ms.iter().max().unwrap();
            prop_assert!(end.at <= expires.max(nudge.due_at).plus_ms(slack + 1));
        }
    }

    #[test]
    fn nobody_is_pushed_in_quiet_hours_on_a_day_off_or_in_a_pause(case in any_case()) {
        let calendar = &case.recipient.calendar;
        for sent in &case.live().recipient.log {
            prop_assert!(calendar.is_working(calendar.local_date(sent.at)), "{sent:?}");
            prop_assert!(wall_is_quiet(&case.policy, &case.recipient, sent.at) != Some(true), "{sent:?}");
            prop_assert!(case.recipient.paused_until.is_none_or(|end| end <= sent.at), "{sent:?}");
        }
    }

    #[test]
    fn no_day_has_more_interruptions_than_its_budget(case in any_case()) {
        let log = case.live().recipient.log;
        let Some(first_sent) = log.first() else { return Ok(()) };
        let first = case.recipient.first_nudge_at.unwrap_or(first_sent.at);
        let mut days: BTreeMap<Date, (u32, u32)> = BTreeMap::new();
        for sent in log.iter().filter(|sent| sent.sent_as == SendAs::Interrupt) {
            let day = days.entry(case.recipient.calendar.local_date(sent.at)).or_default();
            day.0 += 1;
            day.1 += u32::from(!sent.is_event);
        }
        for (day, (all, without_event)) in days {
            let max = interruptions_max(&case, first, day);
            prop_assert!(all <= max, "{all} of {max} on {day}");
            if case.policy.reserve_for_events && max > 1 {
                prop_assert!(without_event < max, "{without_event} of {max} on {day}");
            }
        }
    }

    #[test]
    fn no_deal_is_spoken_of_twice_within_the_spacing(case in any_case()) {
        let log = case.live().recipient.log;
        let date = |sent: &Sent| case.recipient.calendar.local_date(sent.at);
        let spacing = i64::from(case.policy.deal_spacing_working_days.unwrap_or(0));
        for (place, later) in log.iter().enumerate() {
            let same_deal = |sent: &&Sent| sent.deal.is_some() && sent.deal == later.deal;
            for earlier in log[..place].iter().filter(same_deal) {
                let days = case.recipient.calendar.working_days_between(date(earlier), date(later));
                prop_assert!(days >= spacing, "{earlier:?} {later:?}");
            }
        }
    }

    #[test]
    fn a_digest_is_small_goes_once_and_on_its_own_day(case in any_case()) {
        let mut digests: BTreeMap<UnixMs, Vec<UnixMs>> = BTreeMap::new();
        for sent in &case.live().recipient.log {
            if let SendAs::Digest { slot } = sent.sent_as {
                digests.entry(slot).or_default().push(sent.at);
            }
        }
        let calendar = &case.recipient.calendar;
        let mut per_day: BTreeMap<Date, usize> = BTreeMap::new();
        for (slot, sent_at) in &digests {
            prop_assert!(sent_at.len() as u32 <= case.policy.digest_items_max.unwrap_or(u32::MAX));
            prop_assert!(sent_at.iter().all(|at| at == &sent_at[0] && at >= slot));
            prop_assert_eq!(calendar.local_date(*slot), calendar.local_date(sent_at[0]));
            *per_day.entry(calendar.local_date(*slot)).or_default() += 1;
        }
        prop_assert!(per_day.values().all(|count| *count <= case.policy.digest_at.len()));
    }

    #[test]
    fn what_is_deferred_comes_back_when_it_is_permitted(case in any_case()) {
        for step in case.live().steps {
            for (id, decision) in &step.decisions {
                let Decision::Defer { until, class, .. } = *decision else { continue };
                prop_assert!(until > step.now);
                let nudge = step.asked.iter().find(|nudge| nudge.id == *id).unwrap();
                prop_assert!(until < expires_at(&case.policy, &step.recipient, nudge));
                let then = PendingNudge { class, ..nudge.clone() };
                let permitted = first_permitted(&case.policy, &step.recipient, &then, until);
                prop_assert_eq!(permitted, until, "{:?}", then);
                if nudge.class != class {
                    prop_assert_eq!((nudge.class, class), (AttentionClass::Interrupt, AttentionClass::Digest));
                }
            }
        }
    }

    #[test]
    fn the_order_of_the_input_does_not_matter(case in any_case(), keys: [u64; 40], at in 0..4 * DAY_MS) {
        let now = case.start.plus_ms(at);
        let told = decide(&case.policy, &case.recipient, &case.pending, now);
        let mut keyed: Vec<_> = case.pending.iter().cloned().zip(keys).collect();
        keyed.sort_by_key(|(_, key)| *key);
        let shuffled: Vec<PendingNudge> = keyed.into_iter().map(|(nudge, _)| nudge).collect();
        prop_assert_eq!(told, decide(&case.policy, &case.recipient, &shuffled, now));
    }

    #[test]
    fn an_older_log_changes_nothing(case in any_case(), at in 0..4 * DAY_MS) {
        let mut recipient = case.live().recipient;
        let now = case.start.plus_ms(at).plus_ms(3 * DAY_MS);
        let whole = decide(&case.policy, &recipient, &case.pending, now);
        let since = log_reaches_back_to(&case.policy, &recipient, now);
        recipient.log.retain(|sent| sent.at >= since);
        prop_assert_eq!(whole, decide(&case.policy, &recipient, &case.pending, now));
    }

    #[test]
    fn the_reasons_add_up(case in any_case()) {
        let life = case.live();
        prop_assert_eq!(life.tally().values().sum::<usize>(), case.pending.len());
        let sent = life.tally().iter().filter(|(name, _)| ["interrupt", "digest"].contains(name)).map(|(_, count)| count).sum::<usize>();
        prop_assert_eq!(sent, life.recipient.log.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Walks minute by minute to the first one at which the wall clock and the
    /// calendar let an interruption pass. All limits are whole minutes.
    #[test]
    fn the_first_permitted_instant_is_the_first(case in any_case()) {
        const MINUTES_MAX: i64 = 6 * 24 * 60;
        let mut nudge = case.pending[0].clone();
        nudge.class = AttentionClass::Interrupt;
        let calendar = &case.recipient.calendar;
        let free = |at: UnixMs| {
            case.recipient.paused_until.is_none_or(|end| end <= at)
                && case.recipient.snoozed.get(&nudge.id).is_none_or(|end| *end <= at)
                && nudge.due_at <= at
                && calendar.is_working(calendar.local_date(at))
        };
        let told = first_permitted(&case.policy, &case.recipient, &nudge, case.start);
        for minute in 0..MINUTES_MAX {
            let at = case.start.plus_ms(minute * MINUTE_MS);
            let Some(quiet) = wall_is_quiet(&case.policy, &case.recipient, at) else { break };
            if free(at) && !quiet {
                prop_assert!(told <= at, "told {told}, but {at} was free");
                prop_assert!(told > at.plus_ms(-MINUTE_MS), "told {told}, but {at} was the first");
                break;
            }
            prop_assert!(told > at.plus_ms(-MINUTE_MS), "told {told}, but {at} is not free");
        }
    }
}
