//! The next flip against brute force.

use jiff::civil::Date;
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};

use super::{
    generate::{Generator, Language, Picks, facts},
    *,
};
use crate::{
    condition::{HORIZON_MS, NextFlip, TimeClass},
    time::{DAY_MS, HOUR_MS, MINUTE_MS},
};

/// Zones, each with the first day of a stretch in which its clocks change.
/// In St John's the clocks went back from 00:01 to 23:01, so that one date
/// came twice; Apia left out 2011-12-30; Santiago skips midnight.
const STRETCHES: [(&str, &str); 10] = [
    ("Europe/London", "2026-10-10T00:00:00Z"),
    ("Europe/London", "2026-03-12T00:00:00Z"),
    ("America/Santiago", "2026-08-22T00:00:00Z"),
    ("America/Santiago", "2026-03-20T00:00:00Z"),
    ("Australia/Lord_Howe", "2026-09-20T00:00:00Z"),
    ("Australia/Lord_Howe", "2026-03-20T00:00:00Z"),
    ("Asia/Kolkata", "2026-12-20T00:00:00Z"),
    ("America/New_York", "2026-10-20T00:00:00Z"),
    ("America/St_Johns", "2006-10-14T00:00:00Z"),
    ("Pacific/Apia", "2011-12-15T00:00:00Z"),
];

const BRUTE_DAYS: i64 = 24;

struct Case {
    source: String,
    slots: Vec<Slot<'static>>,
    calendar: Calendar,
    now: UnixMs,
}

fn case(picks: &[u16], language: Language) -> Case {
    let mut picks = Picks::new(picks);
    let (zone, start) = STRETCHES[usize::from(picks.below(STRETCHES.len() as u16))];
    let mut calendar = calendar(zone);
    let now = at(start)
        .plus_ms(i64::from(picks.below(28)) * DAY_MS + i64::from(picks.below(1_440)) * MINUTE_MS);
    if picks.below(4) == 3 {
        calendar.working_weekdays = [true, false, true, true, false, true, picks.below(2) == 1];
    }
    let today = calendar.local_date(now);
    for _ in 0..picks.below(4) {
        let day = jiff::Span::new().days(i64::from(picks.below(30)) - 5);
        calendar.holidays.insert(today.checked_add(day).unwrap_or(Date::MAX));
    }
    let slots = facts(&mut picks, now, false);
    let mut generator = Generator { picks, language };
    let mut source = String::new();
    // Conditions that time can change are what is tested here; most are not.
    for _ in 0..12 {
        let depth = u32::from(generator.picks.below(3));
        source = generator.condition(depth);
        let on = Context { slots: &slots, now, calendar: &calendar };
        if condition(&source).next_flip(&on) != NextFlip::Never {
            break;
        }
    }
    Case { source, slots, calendar, now }
}

impl Case {
    fn on(&self, now: UnixMs) -> Context<'_> {
        Context { slots: &self.slots, now, calendar: &self.calendar }
    }

    /// Ten-minute steps, local midnights and the facts themselves, each with
    /// its neighbours.
    fn instants(&self) -> Vec<UnixMs> {
        let last = self.now.plus_ms(BRUTE_DAYS * DAY_MS);
        let mut marked = vec![];
        let mut midnight = self.now;
        while midnight < last {
            midnight = self.calendar.next_midnight(midnight);
            marked.push(midnight);
        }
        for slot in &self.slots {
            if let Slot::Time(time) = slot {
                let offsets = [0, HOUR_MS, DAY_MS, 5 * DAY_MS, 5 * HOUR_MS, 20 * DAY_MS];
                marked.extend(offsets.map(|offset| time.plus_ms(offset)));
            }
        }
        let near = |at: UnixMs| [at.plus_ms(-1), at, at.plus_ms(1)];
        let mut found: Vec<_> = marked.into_iter().flat_map(near).collect();
        let grid = BRUTE_DAYS * DAY_MS / (10 * MINUTE_MS);
        found.extend((1..=grid).map(|step| self.now.plus_ms(step * 10 * MINUTE_MS)));
        found.retain(|at| *at > self.now && *at <= last);
        found.sort_unstable();
        found
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let condition = condition(&self.source);
        let truth = condition.eval(&self.on(self.now));
        let flip = condition.next_flip(&self.on(self.now));
        let differs = |at: &UnixMs| condition.eval(&self.on(*at)) != truth;
        let first = self.instants().into_iter().find(differs);
        let shown =
            format!("{} {:?} {:?} from {}", self.source, self.slots, self.calendar, self.now);
        match flip {
            NextFlip::Never => prop_assert_eq!(first, None, "{}", shown),
            NextFlip::At(at) => {
                prop_assert!(at > self.now, "{}", shown);
                prop_assert!(differs(&at), "no change at {}: {}", at, shown);
                prop_assert!(
                    at.plus_ms(-1) == self.now || !differs(&at.plus_ms(-1)),
                    "late: {}",
                    shown
                );
                prop_assert!(
                    first.is_none_or(|first| first >= at),
                    "{:?} before {}: {}",
                    first,
                    at,
                    shown
                );
            }
            NextFlip::Recheck(at) => match condition.time_class() {
                TimeClass::EventOnly => prop_assert!(false, "event only, yet {}: {}", at, shown),
                TimeClass::Exact => {
                    prop_assert_eq!(at, self.now.plus_ms(HORIZON_MS), "{}", shown);
                    prop_assert_eq!(first, None, "{}", shown);
                }
                TimeClass::Daily => prop_assert!(at > self.now, "{}", shown),
            },
        }
        if condition.time_class() == TimeClass::EventOnly {
            prop_assert_eq!(flip, NextFlip::Never, "{}", shown);
        }
        Ok(())
    }
}

/// Conditions that each hinge on one argument of the analysis; see the names.
const HINGES: [(&str, &str); 26] = [
    ("ages against a countdown", "days_since(deal.created_at) >= days_until(deal.close_date)"),
    ("dates both ways", "business_days_since(deal.created_at) == days_until(deal.close_date)"),
    (
        "a sum of both ways",
        "days_until(deal.close_date) + business_days_since(deal.created_at) > 2",
    ),
    ("countdowns both", "days_until(deal.close_date) + days_until(deal.created_at) < -1"),
    ("a difference of dates", "days_until(deal.close_date) - days_until(deal.created_at) != 2"),
    (
        "a sign from a fact",
        "deal.amount * days_since(deal.created_at) > days_until(deal.close_date)",
    ),
    ("a constant sign", "-2 * days_since(deal.created_at) < days_until(deal.close_date)"),
    ("a divisor's sign", "days_until(deal.close_date) / deal.amount >= -1"),
    (
        "a divisor of zero",
        "days_since(deal.created_at) / 0 > 1 || hours_since(deal.created_at) > 30",
    ),
    ("at a time and after", "now == deal.created_at || now == deal.close_date"),
    ("not before", "!(now < deal.close_date)"),
    ("not after", "deal.close_date >= now"),
    (
        "met exactly",
        "hours_since(deal.created_at) == 36 || days_since(deal.close_date) in [1, 0.5]",
    ),
    ("met on a date", "business_days_since(deal.created_at) in [3, 1]"),
    (
        "unknown until false",
        "(deal.has_champion && days_since(deal.created_at) < 3) && deal.is_committed",
    ),
    (
        "unknown until true",
        "(deal.has_champion || days_since(deal.created_at) > 3) != deal.is_committed",
    ),
    (
        "an unknown question",
        "(deal.has_champion && deal.created_at > now) ? deal.is_committed : threshold > 1",
    ),
    (
        "an unknown question and its answers",
        "deal.has_champion ? days_since(deal.created_at) > 2 : days_until(deal.close_date) > 1",
    ),
    ("a text by time", "(deal.close_date > now ? \"a\" : \"b\") == \"a\""),
    (
        "a text by an unknown question",
        "(deal.has_champion && days_since(deal.created_at) < 3 ? \"a\" : \"b\") == \"b\"",
    ),
    ("a number by time", "(deal.close_date > now ? 3 : 5) > days_since(deal.created_at)"),
    (
        "a number by an unknown question",
        "(deal.has_champion && days_since(deal.created_at) < 3 ? 1 : 2) == 2",
    ),
    ("a time by time", "days_since(deal.close_date > now ? deal.created_at : deal.close_date) > 1"),
    ("a size by time", "size(deal.close_date > now ? \"a\" : \"\") == 1"),
    (
        "latest of all that are false",
        "days_since(deal.created_at) > 2 && business_days_since(deal.close_date) > 0 && deal.close_date < now",
    ),
    (
        "two ages",
        "hours_since(deal.created_at) > 2 * hours_since(deal.close_date) || deal.close_date > now",
    ),
];

fn hinge(picks: &[u16]) -> Case {
    let mut case = case(picks, Language::Provable);
    let mut picks = Picks::new(picks);
    case.source = HINGES[usize::from(picks.below(HINGES.len() as u16))].1.to_owned();
    for slot in [CREATED_AT, CLOSE_DATE] {
        let moved = match picks.below(8) {
            7 => 0,
            6 => DAY_MS,
            _ => (i64::from(picks.below(240)) - 120) * HOUR_MS,
        };
        case.slots[usize::from(slot)] = Slot::Time(case.now.plus_ms(moved));
    }
    for slot in [CHAMPION, COMMITTED] {
        let known = picks.below(3) == 2;
        case.slots[usize::from(slot)] =
            if known { Slot::Bool(picks.below(2) == 1) } else { Slot::Unknown };
    }
    case
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    #[test]
    fn exactly_the_next_instant(picks in proptest::collection::vec(0u16..2_000, 150..400)) {
        case(&picks, Language::Provable).check()?;
    }

    #[test]
    fn never_wrong_where_nothing_is_proved(picks in proptest::collection::vec(0u16..2_000, 150..400)) {
        case(&picks, Language::Whole).check()?;
    }

    #[test]
    fn each_argument_of_the_analysis(picks in proptest::collection::vec(0u16..2_000, 150..400)) {
        hinge(&picks).check()?;
    }
}

/// While one part of an `&&` is surely false, no other needs a daily look.
#[test]
fn a_false_part_spares_the_others() {
    let source = "days_since(deal.created_at) >= 10
        && hours_since(deal.last_inbound_at) - hours_since(deal.close_date) > 1";
    let now = at("2026-11-23T09:00:00Z");
    let flip = |age_days: i64| {
        let slots = slots(&[
            (CREATED_AT, Slot::Time(now.plus_ms(-age_days * DAY_MS))),
            (LAST_INBOUND_AT, Slot::Time(now.plus_ms(-9 * HOUR_MS))),
            (CLOSE_DATE, Slot::Time(now.plus_ms(-2 * HOUR_MS))),
        ]);
        let calendar = calendar("Europe/London");
        let on = Context { slots: &slots, now, calendar: &calendar };
        let condition = condition(source);
        assert_eq!(condition.time_class(), TimeClass::Daily);
        condition.next_flip(&on)
    };
    assert_eq!(flip(4), NextFlip::At(now.plus_ms(6 * DAY_MS)));
    assert_eq!(flip(12), NextFlip::Recheck(at("2026-11-24T00:00:00Z")));
}

/// In St John's, clocks went back from 00:01 to 23:01: for an hour it was the
/// day before again.
#[test]
fn a_date_that_comes_twice() {
    let mut flips = 0;
    for half_hour in 0..80 {
        for k in 0..3 {
            for op in [">=", "==", "<"] {
                let now = at("2006-10-28T02:30:30Z").plus_ms(half_hour * 30 * MINUTE_MS);
                let slots = slots(&[
                    (CREATED_AT, Slot::Time(at("2006-10-27T15:00:00Z"))),
                    (CLOSE_DATE, Slot::Time(at("2006-10-30T15:00:00Z"))),
                ]);
                for source in [
                    format!("business_days_since(deal.created_at) {op} {k}"),
                    format!("days_until(deal.close_date) {op} {k}"),
                    format!(
                        "days_until(deal.close_date) * business_days_since(deal.created_at) {op} {k}"
                    ),
                ] {
                    let mut calendar = calendar("America/St_Johns");
                    calendar.working_weekdays = [true; 7];
                    let case = Case { source, slots: slots.clone(), calendar, now };
                    case.check().unwrap_or_else(|wrong| panic!("{wrong}"));
                    let flip = condition(&case.source).next_flip(&case.on(now));
                    flips += usize::from(matches!(flip, NextFlip::At(_)));
                }
            }
        }
    }
    assert!(flips > 300, "{flips}");
}

/// Numbers that leave the finite range are unknown while they do.
#[test]
fn overflow_on_the_way() {
    for source in [
        "days_until(deal.close_date) * 1e308 > 5",
        "days_until(deal.close_date) * 1e308 == 0",
        "business_days_since(deal.close_date) * 1e308 > 5",
        "(deal.amount - days_until(deal.close_date) * 1e308) == 0",
        "(deal.amount - days_until(deal.close_date) * 1e308) / 0 == 0",
    ] {
        for days in -3..6 {
            let now = at("2026-03-26T09:30:00Z");
            let close = now.plus_ms(days * DAY_MS);
            let slots = slots(&[(CLOSE_DATE, Slot::Time(close)), (AMOUNT, Slot::Empty)]);
            let case =
                Case { source: source.to_owned(), slots, calendar: calendar("Europe/London"), now };
            case.check().unwrap_or_else(|wrong| panic!("{wrong}"));
        }
    }
}

/// Guards the property tests above against testing nothing.
#[test]
fn most_random_cases_flip() {
    let mut runner = TestRunner::deterministic();
    let picks = proptest::collection::vec(0u16..2_000, 150..400);
    let mut flips = 0;
    for _ in 0..200 {
        let picks = picks.new_tree(&mut runner).expect("no filter").current();
        let case = case(&picks, Language::Whole);
        let flip = condition(&case.source).next_flip(&case.on(case.now));
        flips += usize::from(matches!(flip, NextFlip::At(_)));
    }
    assert!(flips > 100, "{flips} of 200");
}
