use proptest::prelude::*;

use super::*;
use crate::testing::ManualClock;

static LIMITS: &[Limit] = &[
    Limit { name: "burst", calls: 100, period_ms: 10_000, burst: 10 },
    Limit { name: "per_channel", calls: 1, period_ms: 1_000, burst: 3 },
];

fn limits(overrides: &[(&str, Override)]) -> (Limits, ManualClock) {
    let clock = ManualClock::new(UnixMs(1_800_000_000_000));
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let overrides = overrides.iter().map(|(name, change)| ((*name).to_owned(), *change)).collect();
    (Limits::new(LIMITS, &overrides, &shared).unwrap(), clock)
}

fn key(name: &'static str, key: &str) -> (&'static str, String) {
    (name, key.to_owned())
}

#[test]
fn tells_the_instant_at_which_a_call_conforms_and_it_does() {
    let (limits, clock) = limits(&[]);
    let keys = [key("per_channel", "C1")];
    for _ in 0..3 {
        assert_eq!(limits.take(&keys, clock.now()), Ok(()));
    }
    let over = limits.take(&keys, clock.now()).unwrap_err();
    assert_eq!(over.retry_at, clock.now().plus_ms(1_000));
    assert_eq!(over.detail, "per_channel of C1");
    clock.advance_ms(999);
    assert!(limits.take(&keys, clock.now()).is_err());
    clock.advance_ms(1);
    assert_eq!(limits.take(&keys, clock.now()), Ok(()));
    assert!(limits.take(&keys, clock.now()).is_err());
}

#[test]
fn keys_do_not_disturb_each_other() {
    let (limits, clock) = limits(&[]);
    while limits.take(&[key("per_channel", "C1")], clock.now()).is_ok() {}
    assert_eq!(limits.take(&[key("per_channel", "C2")], clock.now()), Ok(()));
}

#[test]
fn asking_in_vain_takes_nothing_from_the_other_limits() {
    let (limits, clock) = limits(&[]);
    let busy = [key("burst", ""), key("per_channel", "C1")];
    for _ in 0..200 {
        _ = limits.take(&busy, clock.now());
    }
    let mut rest = 0;
    while limits.take(&[key("burst", "")], clock.now()).is_ok() {
        rest += 1;
    }
    assert_eq!(rest, 7, "three of ten were used by the three calls that conformed");
}

#[test]
fn a_pause_holds_its_key_until_its_end_and_a_shorter_one_changes_nothing() {
    let (limits, clock) = limits(&[("burst", Override::Off)]);
    let until = clock.now().plus_ms(30_000);
    limits.pause("burst", "", until, clock.now());
    limits.pause("burst", "", clock.now().plus_ms(1), clock.now());
    let over = limits.take(&[key("burst", "")], clock.now()).unwrap_err();
    assert_eq!(over, OverLimit { retry_at: until, detail: "burst".into() });
    assert_eq!(limits.take(&[key("burst", "other")], clock.now()), Ok(()));
    clock.advance_ms(30_000);
    assert_eq!(limits.take(&[key("burst", "")], clock.now()), Ok(()));
}

#[test]
fn a_vendor_cannot_pause_us_for_years() {
    let (limits, clock) = limits(&[]);
    limits.pause("burst", "", UnixMs::MAX, clock.now());
    let over = limits.take(&[key("burst", "")], clock.now()).unwrap_err();
    assert_eq!(over.retry_at, clock.now().plus_ms(PAUSE_MAX_MS));
}

#[test]
fn overrides_change_the_rate_and_the_burst_with_it() {
    let count = |change| {
        let (limits, clock) = limits(&[("burst", change)]);
        (0..1_000).take_while(|_| limits.take(&[key("burst", "")], clock.now()).is_ok()).count()
    };
    assert_eq!(count(Override::Calls(100)), 10);
    assert_eq!(count(Override::Calls(200)), 20);
    assert_eq!(count(Override::Calls(1)), 1);
    assert_eq!(count(Override::Rate { calls: 50, period_ms: 1_000 }), 50);
    assert_eq!(count(Override::Off), 1_000);
}

#[test]
fn wrong_overrides_are_named() {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(UnixMs(0)));
    let error = |name: &str, change| {
        let overrides = BTreeMap::from([(name.to_owned(), change)]);
        Limits::new(LIMITS, &overrides, &clock).err().unwrap().to_string()
    };
    assert_eq!(
        error("brust", Override::Off),
        "there is no limit `brust`; this connector has: burst, per_channel"
    );
    for nothing in [
        Override::Calls(0),
        Override::Rate { calls: 1, period_ms: 0 },
        Override::Rate { calls: 1, period_ms: -5 },
    ] {
        assert_eq!(
            error("burst", nothing),
            "the limit `burst` would let nothing through; write \"off\" to have no limit"
        );
    }
}

#[test]
fn an_undeclared_limit_is_noticed() {
    let (limits, _) = limits(&[]);
    assert_eq!(limits.undeclared(&[key("burst", ""), key("tier9", "")]), Some("tier9"));
    assert_eq!(limits.undeclared(&[key("burst", "")]), None);
}

#[test]
fn a_flood_of_keys_is_bounded() {
    let (limits, clock) = limits(&[]);
    for i in 0..LIMIT_KEYS_MAX {
        limits.take(&[key("per_channel", &i.to_string())], clock.now()).unwrap();
    }
    assert!(limits.take(&[key("per_channel", "one more")], clock.now()).is_err());
    clock.advance_ms(10_000);
    assert_eq!(limits.take(&[key("per_channel", "one more")], clock.now()), Ok(()));
}

proptest! {
    #[test]
    fn no_window_sees_more_than_the_rate_and_the_burst(
        steps in proptest::collection::vec(0_i64..400, 1..300),
    ) {
        let (limits, clock) = limits(&[]);
        let mut passed: Vec<UnixMs> = Vec::new();
        for step in steps {
            clock.advance_ms(step);
            if limits.take(&[key("per_channel", "C1")], clock.now()).is_ok() {
                passed.push(clock.now());
            }
        }
        for (i, from) in passed.iter().enumerate() {
            let within = passed[i..].iter().filter(|at| at.since_ms(*from) < 1_000).count();
            prop_assert!(within <= 1 + 3, "{within} within a second");
        }
    }
}
