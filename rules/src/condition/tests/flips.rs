//! The next flip against brute force.

use jiff::civil::Date;
use proptest::prelude::*;

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
        let mut found = vec![];
        let mut step = self.now;
        while step < last {
            step = step.plus_ms(10 * MINUTE_MS);
            found.push(step);
        }
        let mut midnight = self.now;
        while midnight < last {
            midnight = self.calendar.next_midnight(midnight);
            found.push(midnight);
        }
        for slot in &self.slots {
            if let Slot::Time(time) = slot {
                let offsets = [0, HOUR_MS, DAY_MS, 5 * DAY_MS, 5 * HOUR_MS, 20 * DAY_MS];
                found.extend(offsets.map(|offset| time.plus_ms(offset)));
            }
        }
        let near = |at: UnixMs| [at.plus_ms(-1), at, at.plus_ms(1)];
        let mut found: Vec<_> = found.into_iter().flat_map(near).collect();
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn exactly_the_next_instant(picks in proptest::collection::vec(0u16..2_000, 150..400)) {
        case(&picks, Language::Provable).check()?;
    }

    #[test]
    fn never_wrong_where_nothing_is_proved(picks in proptest::collection::vec(0u16..2_000, 150..400)) {
        case(&picks, Language::Whole).check()?;
    }
}

#[test]
fn stats() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{Config, TestRunner};
    for language in [Language::Provable, Language::Whole] {
        let mut runner = TestRunner::new(Config::default());
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..2000 {
            let picks = proptest::collection::vec(0u16..2_000, 150..400)
                .new_tree(&mut runner)
                .unwrap()
                .current();
            let case = case(&picks, language);
            let c = condition(&case.source);
            let flip = c.next_flip(&case.on(case.now));
            let k = format!(
                "{:?} {:?} {}",
                c.time_class(),
                match flip {
                    NextFlip::Never => "never",
                    NextFlip::At(a) if a > case.now.plus_ms(BRUTE_DAYS * DAY_MS) => "at far",
                    NextFlip::At(_) => "at",
                    NextFlip::Recheck(r) if r == case.now.plus_ms(HORIZON_MS) => "horizon",
                    NextFlip::Recheck(_) => "recheck",
                },
                case.source.len() / 80 * 80
            );
            if counts.len() < 40 {
                eprintln!("S {} {}", k, case.source);
            }
            *counts.entry(k).or_insert(0) += 1;
        }
        eprintln!("{counts:#?}");
    }
}
